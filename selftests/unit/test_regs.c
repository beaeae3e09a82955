// SPDX-License-Identifier: MIT
/*
 * The register file, read and written as a driver would, and as it should not:
 * what vgpu_device.h says of each register, and of accesses that have no
 * meaning.
 */
#include "vgpu_test.h"
#include "model_guest.h"

static u64 rd(struct shell *s, u64 offset, u32 size)
{
	return vgpu_model_bar0_read(s->m, offset, size, s->now_ns);
}

static void wr(struct shell *s, u64 offset, u32 size, u64 value)
{
	vgpu_model_bar0_write(s->m, offset, size, value);
}

/* Registers that a write changes, or that do something. */
static bool writable(u32 offset)
{
	switch (offset) {
	case VGPU_REG_ACCEPTED_LO:
	case VGPU_REG_ACCEPTED_HI:
	case VGPU_REG_CONTROL:
	case VGPU_REG_IRQ_MASK:
	case VGPU_REG_IRQ_ACK:
	case VGPU_REG_ADMIN_LO:
	case VGPU_REG_ADMIN_HI:
	case VGPU_REG_ADMIN_ENTRIES:
	case VGPU_REG_ADMIN_DOORBELL:
	case VGPU_REG_ERR_CLEAR:
	case VGPU_REG_SCRATCH:
		return true;
	default:
		return false;
	}
}

VGPU_TEST(values)
{
	struct vgpu_model_config c;
	struct shell s;

	shell_config(&c);
	c.vram_bytes = 0x180000000ull;	/* more than 32 bits */
	c.bank_shift = 29;
	c.limit_bytes = 0x170000000ull;
	c.features = VGPU_FEATURE_ALL;
	c.launch_timeout_ns = 1500ull * 1000000;
	ASSERT_EQ(0, shell_open(&s, &c));
	EXPECT_EQ(VGPU_ID, rd(&s, VGPU_REG_ID, 4));
	EXPECT_EQ(VGPU_VERSION, rd(&s, VGPU_REG_VERSION, 4));
	EXPECT_EQ(VGPU_ID | (u64)VGPU_VERSION << 32, rd(&s, VGPU_REG_ID, 8));
	EXPECT_EQ(VGPU_FEATURE_ALL, rd(&s, VGPU_REG_FEATURES_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	EXPECT_EQ(c.vram_bytes, rd(&s, VGPU_REG_VRAM_LO, 8));
	EXPECT_EQ(0x80000000, rd(&s, VGPU_REG_VRAM_LO, 4));
	EXPECT_EQ(1, rd(&s, VGPU_REG_VRAM_HI, 4));
	EXPECT_EQ(29, rd(&s, VGPU_REG_BANK_SHIFT, 4));
	EXPECT_EQ(c.max_contexts, rd(&s, VGPU_REG_MAX_CONTEXTS, 4));
	EXPECT_EQ(c.max_objects, rd(&s, VGPU_REG_MAX_OBJECTS, 4));
	EXPECT_EQ(c.max_mappings, rd(&s, VGPU_REG_MAX_MAPPINGS, 4));
	EXPECT_EQ(c.max_rings, rd(&s, VGPU_REG_MAX_RINGS, 4));
	EXPECT_EQ(c.max_counters, rd(&s, VGPU_REG_MAX_COUNTERS, 4));
	EXPECT_EQ(c.max_kernels, rd(&s, VGPU_REG_MAX_KERNELS, 4));
	EXPECT_EQ(c.max_entries, rd(&s, VGPU_REG_MAX_ENTRIES, 4));
	EXPECT_EQ(VGPU_UNKNOWN, rd(&s, VGPU_REG_TEMPERATURE, 4));
	EXPECT_EQ(VGPU_UNKNOWN, rd(&s, VGPU_REG_POWER, 4));
	EXPECT_EQ(VGPU_UNKNOWN, rd(&s, VGPU_REG_POWER_LIMIT, 4));
	vgpu_model_telemetry(s.m, (u32)-5000, 75000, 150000);
	EXPECT_EQ((u32)-5000, rd(&s, VGPU_REG_TEMPERATURE, 4));
	EXPECT_EQ(75000, rd(&s, VGPU_REG_POWER, 4));
	EXPECT_EQ(150000, rd(&s, VGPU_REG_POWER_LIMIT, 4));
	EXPECT_EQ(c.limit_bytes, rd(&s, VGPU_REG_LIMIT_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_USED_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_PEAK_LO, 8));
	EXPECT_EQ(1500, rd(&s, VGPU_REG_TIMEOUT, 4));
	vgpu_model_set_limit(s.m, 4096);
	EXPECT_EQ(4096, rd(&s, VGPU_REG_LIMIT_LO, 8));
	vgpu_model_engine(s.m, true, 1);
	EXPECT_EQ(VGPU_STATUS_ENGINE, rd(&s, VGPU_REG_STATUS, 4));
	vgpu_model_engine(s.m, false, 1);
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	shell_close(&s);
}

/* Writes of anything to what is not writable leave all as it was. */
VGPU_TEST(read_only)
{
	u32 offset, i, before[VGPU_REG_END / 4];
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	for (offset = 0; offset < VGPU_REG_END; offset += 4)
		before[offset / 4] = (u32)rd(&s, offset, 4);
	for (offset = 0; offset < VGPU_REG_END; offset += 4) {
		if (writable(offset))
			continue;
		wr(&s, offset, 4, 0xffffffff);
		wr(&s, offset, 4, 0x55aa55aa);
		for (i = 0; i < VGPU_REG_END; i += 4)
			ASSERT_EQ(before[i / 4], rd(&s, i, 4))
				TH_LOG("write to %#x changed %#x", offset, i);
	}
	/* Between the registers and the doorbells there is nothing. */
	for (offset = VGPU_REG_END; offset < VGPU_BAR0_DOORBELLS;
	     offset += 4092) {
		wr(&s, offset & ~3u, 4, 0xffffffff);
		ASSERT_EQ(0, rd(&s, offset & ~3u, 4));
	}
	MODEL_HOLDS(&s);
	shell_close(&s);
}

VGPU_TEST(reserved)
{
	static const u32 nothing[] = { 0x048, 0x04c, 0x05c, 0x070, 0x074, 0x078,
				       0x07c, 0x09c, 0x0c8, 0x0cc, 0x0ec, 0x0f4,
				       0x0f8, 0x0fc };
	static const u32 write_only[] = { VGPU_REG_CONTROL, VGPU_REG_IRQ_ACK,
					  VGPU_REG_ADMIN_DOORBELL,
					  VGPU_REG_ERR_CLEAR };
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	for (i = 0; i < ARRAY_SIZE(nothing); i++) {
		wr(&s, nothing[i], 4, ~0u);
		EXPECT_EQ(0, rd(&s, nothing[i], 4));
	}
	for (i = 0; i < ARRAY_SIZE(write_only); i++)
		EXPECT_EQ(0, rd(&s, write_only[i], 4));
	shell_close(&s);
}

/* Sizes and alignments without a meaning read all ones and write nothing. */
VGPU_TEST(accesses)
{
	static const u32 bad[] = { 0, 1, 2, 3, 5, 6, 7, 9, 16, 0xffffffff };
	struct shell s;
	u32 i, k;

	ASSERT_EQ(0, shell_open(&s, NULL));
	wr(&s, VGPU_REG_SCRATCH, 4, 0x12345678);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(U64_MAX, rd(&s, VGPU_REG_SCRATCH, bad[i]));
		wr(&s, VGPU_REG_SCRATCH, bad[i], 0);
	}
	for (k = 1; k < 8; k++) {
		if (k & 3) {
			EXPECT_EQ(U64_MAX, rd(&s, VGPU_REG_SCRATCH + k, 4));
			wr(&s, VGPU_REG_SCRATCH + k, 4, 0);
		}
		EXPECT_EQ(U64_MAX, rd(&s, VGPU_REG_SCRATCH + k, 8));
		wr(&s, VGPU_REG_SCRATCH + k, 8, 0);
	}
	wr(&s, VGPU_REG_SCRATCH - 4, 8, 0);
	EXPECT_EQ(0x12345678, rd(&s, VGPU_REG_SCRATCH, 4));
	EXPECT_EQ(0x12345678, rd(&s, VGPU_REG_SCRATCH, 8));
	wr(&s, VGPU_REG_SCRATCH, 8, 0xffffffff87654321ull);
	EXPECT_EQ(0x87654321, rd(&s, VGPU_REG_SCRATCH, 4));
	EXPECT_EQ(0, rd(&s, VGPU_BAR0_BYTES - 4, 4));
	EXPECT_EQ(0, rd(&s, VGPU_BAR0_BYTES - 8, 8));
	EXPECT_EQ(U64_MAX, rd(&s, VGPU_BAR0_BYTES, 4));
	EXPECT_EQ(U64_MAX, rd(&s, VGPU_BAR0_BYTES + VGPU_REG_SCRATCH, 4));
	EXPECT_EQ(U64_MAX, rd(&s, U64_MAX - 3, 4));
	EXPECT_EQ(U64_MAX, rd(&s, 1ull << 32, 4));
	wr(&s, (1ull << 32) + VGPU_REG_SCRATCH, 4, 0);
	EXPECT_EQ(0x87654321, rd(&s, VGPU_REG_SCRATCH, 4));
	shell_close(&s);
}

/* The low half latches the high half, which alone stays as it was. */
VGPU_TEST(clock)
{
	struct vgpu_model *m;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	m = s.m;
	EXPECT_EQ(0xfffffff0, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_LO, 4,
						   0x1fffffff0ull));
	EXPECT_EQ(1, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_HI, 4,
					  0x200000010ull));
	EXPECT_EQ(0x10, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_LO, 4,
					     0x200000010ull));
	EXPECT_EQ(2, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_HI, 4, 0));
	EXPECT_EQ(0x300000000ull, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_LO, 8,
						       0x300000000ull));
	/* It does not go back. */
	EXPECT_EQ(0x300000000ull, vgpu_model_bar0_read(m, VGPU_REG_CLOCK_LO, 8,
						       5));
	shell_close(&s);
}

VGPU_TEST(accepted)
{
	struct guest g;
	struct shell s;
	u64 offered;

	ASSERT_EQ(0, shell_open(&s, NULL));
	offered = s.config.features;
	wr(&s, VGPU_REG_ACCEPTED_LO, 4, 0xffffffff);
	wr(&s, VGPU_REG_ACCEPTED_HI, 4, 0xffffffff);
	EXPECT_EQ(offered, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	wr(&s, VGPU_REG_ACCEPTED_LO, 8, VGPU_FEATURE_TIMES | 1ull << 63);
	EXPECT_EQ(VGPU_FEATURE_TIMES, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_EQ(offered, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	wr(&s, VGPU_REG_ACCEPTED_LO, 8, 0);
	wr(&s, VGPU_REG_ADMIN_LO, 8, 0);
	wr(&s, VGPU_REG_ADMIN_ENTRIES, 4, 0);
	EXPECT_EQ(offered, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	EXPECT_EQ(guest_address(0), rd(&s, VGPU_REG_ADMIN_LO, 8));
	EXPECT_EQ(64 | 64 << 16, rd(&s, VGPU_REG_ADMIN_ENTRIES, 4));
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* A feature that was not accepted is not there. */
VGPU_TEST(not_accepted)
{
	struct guest g;
	struct shell s;
	u64 r[2], object, k;
	u8 *mem;

	ASSERT_EQ(0, shell_open(&s, NULL));
	memset(&g, 0, sizeof(g));
	g.s = &s;
	g.next_page = GUEST_FIRST_PAGE;
	wr(&s, VGPU_REG_ADMIN_LO, 8, guest_address(0));
	wr(&s, VGPU_REG_ADMIN_ENTRIES, 4, 64 | 64 << 16);
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
	ASSERT_TRUE(shell_run(&s));
	guest_look(&g, 64, 64);
	ASSERT_EQ(0, guest_do(&g, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0,
			      0));
	k = r[0];
	object = guest_system(&g, 4, k, &mem);
	ASSERT_NE(0, object);
	EXPECT_EQ(-EOPNOTSUPP, guest_do(&g, VGPU_ADMIN_RING_CREATE, r, k,
					object, 8 | 8ull << 32,
					VGPU_RING_F_TIMES, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, guest_do(&g, VGPU_ADMIN_RING_CREATE, r, k,
					object, 8 | 8ull << 32, 0, 0, 1000));
	EXPECT_EQ(-EOPNOTSUPP, guest_do(&g, VGPU_ADMIN_COMPACT, r, 4096, 0, 0,
					0, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, guest_do(&g, VGPU_ADMIN_KERNEL_CREATE, r, k,
					object, 0, 4096, 0, 0));
	EXPECT_EQ(0, guest_do(&g, VGPU_ADMIN_RING_CREATE, r, k, object,
			      8 | 8ull << 32, 0, 0, 0));
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_RESET);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Status is sticky, the mask holds messages back, an acknowledge clears. */
VGPU_TEST(interrupts)
{
	struct vgpu_model_config config;
	struct client a, b;
	struct shell s;

	shell_config(&config);
	/* Without MSI-X all messages go out. */
	config.subdevice = VGPU_PCI_SUBDEVICE_GPU;
	ASSERT_EQ(0, shell_open(&s, &config));
	ASSERT_EQ(0, client_open_ring(&a, &s, 64, 64, 1, 4));
	ASSERT_EQ(0, client_control(&a, VGPU_RING_START));
	ASSERT_EQ(0, client_open_ring(&b, &s, 64, 64, 1, 31));
	ASSERT_EQ(0, client_control(&b, VGPU_RING_START));
	EXPECT_EQ(0, client_do(&a, VGPU_CMD_NOP, 0, 0, 0, 0));
	EXPECT_EQ(0, rd(&s, VGPU_REG_IRQ_STATUS, 4));
	EXPECT_EQ(0, client_do(&a, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0,
			       0));
	EXPECT_EQ(1u << 4, rd(&s, VGPU_REG_IRQ_STATUS, 4));
	EXPECT_EQ(1, s.interrupts[4]);
	/* An edge: the next one comes without an acknowledge. */
	EXPECT_EQ(0, client_do(&a, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0,
			       0));
	EXPECT_EQ(2, s.interrupts[4]);

	/* Masking one vector does not send the message of another again. */
	wr(&s, VGPU_REG_IRQ_MASK, 4, 1u << 31);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(2, s.interrupts[4]);
	EXPECT_EQ(0, client_do(&b, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0,
			       0));
	EXPECT_EQ(0, s.interrupts[31]);
	EXPECT_EQ(1u << 4 | 1u << 31, rd(&s, VGPU_REG_IRQ_STATUS, 4));
	wr(&s, VGPU_REG_IRQ_ACK, 4, 1u << 4);
	EXPECT_EQ(1u << 31, rd(&s, VGPU_REG_IRQ_STATUS, 4));
	wr(&s, VGPU_REG_IRQ_MASK, 4, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[31]);
	EXPECT_EQ(2, s.interrupts[4]);
	EXPECT_EQ(1u << 31, rd(&s, VGPU_REG_IRQ_STATUS, 4));
	wr(&s, VGPU_REG_IRQ_MASK, 4, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[31]);
	/* Acknowledged while masked: nothing is left to say. */
	wr(&s, VGPU_REG_IRQ_ACK, 4, ~0u);
	wr(&s, VGPU_REG_IRQ_MASK, 4, ~0u);
	EXPECT_EQ(0, client_do(&b, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0,
			       0));
	wr(&s, VGPU_REG_IRQ_ACK, 4, ~0u);
	wr(&s, VGPU_REG_IRQ_MASK, 4, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[31]);
	/* Masked before it went out: it does not come after the mask. */
	vgpu_ring_submit(&b.view, &(struct vgpu_cmd){
			 .flags = VGPU_CMD_F_INTERRUPT }, 1, 1,
			 &(bool){ false });
	vgpu_model_kick(s.m, b.ring);
	s.batch = 1;
	s.keep = 0;
	ASSERT_TRUE(client_send(&a, VGPU_CMD_CLEAR, 0, 1, a.vram_address, 4,
				0));
	vgpu_model_run(s.m, s.now_ns, s.kept, 1);
	wr(&s, VGPU_REG_IRQ_MASK, 4, ~0u);
	ASSERT_EQ(0, vgpu_model_done(s.m, s.kept[0].id, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[31]);
	client_close(&a);
	client_close(&b);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* The record keeps the first error, and counts. */
VGPU_TEST(error_record)
{
	struct client c;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	EXPECT_EQ(0, rd(&s, VGPU_REG_ERR_STATUS, 4));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, 0x123456789abcull,
				     4, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_CLEAR, 0, 1, 4, 0));
	EXPECT_EQ(EFAULT, rd(&s, VGPU_REG_ERR_STATUS, 4));
	EXPECT_EQ(c.ring, rd(&s, VGPU_REG_ERR_SOURCE, 4));
	EXPECT_EQ(VGPU_CMD_CLEAR, rd(&s, VGPU_REG_ERR_OPCODE, 4));
	EXPECT_EQ(c.context, rd(&s, VGPU_REG_ERR_CONTEXT, 4));
	EXPECT_EQ(0x123456789abcull, rd(&s, VGPU_REG_ERR_ADDRESS_LO, 8));
	EXPECT_EQ(0x5eed, rd(&s, VGPU_REG_ERR_DATA_LO, 8));
	EXPECT_EQ(2, rd(&s, VGPU_REG_ERR_COUNT, 4));
	EXPECT_EQ(1, rd(&s, VGPU_REG_IRQ_STATUS, 4) & 1);
	wr(&s, VGPU_REG_ERR_CLEAR, 4, 0);
	EXPECT_EQ(0, rd(&s, VGPU_REG_ERR_STATUS, 4));
	EXPECT_EQ(0, rd(&s, VGPU_REG_ERR_COUNT, 4));
	EXPECT_EQ(0, rd(&s, VGPU_REG_ERR_DATA_LO, 8));
	/* Work that fails while more of the command is to come is one, too. */
	s.batch = 1;
	s.fail = -EIO;
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, c.context,
				 c.vram_address, 0, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, NULL, c.context,
				 c.block, c.vram_address, 0, 4096, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, NULL, c.context,
				 c.block, c.vram_address + 4096, 0, 4096, 0));
	EXPECT_EQ(-EIO, client_do(&c, VGPU_CMD_CLEAR, 0, c.vram_address, 8192,
				  0));
	EXPECT_EQ(EIO, rd(&s, VGPU_REG_ERR_STATUS, 4));
	EXPECT_EQ(1, rd(&s, VGPU_REG_ERR_COUNT, 4));
	s.fail = 0;
	client_close(&c);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* What an enable needs, one thing missing at a time. */
VGPU_TEST(enable)
{
	static const u32 entries[] = { 0, 64, 64 << 16, 4 | 64 << 16,
				       64 | 4 << 16, 63 | 64 << 16,
				       64 | 63 << 16, 512 | 64 << 16,
				       64 | 512 << 16, 0x80008000, ~0u };
	struct guest g;
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		wr(&s, VGPU_REG_ADMIN_LO, 8, guest_address(0));
		wr(&s, VGPU_REG_ADMIN_ENTRIES, 4, entries[i]);
		wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
		EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
		EXPECT_EQ(EINVAL, rd(&s, VGPU_REG_ERR_STATUS, 4));
		EXPECT_EQ(VGPU_SOURCE_DEVICE, rd(&s, VGPU_REG_ERR_SOURCE, 4));
		wr(&s, VGPU_REG_ERR_CLEAR, 4, 0);
	}
	wr(&s, VGPU_REG_ADMIN_ENTRIES, 4, 64 | 64 << 16);
	for (i = 0; i < 12; i++) {
		wr(&s, VGPU_REG_ADMIN_LO, 8, guest_address(0) | 1ull << i);
		wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
		EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	}
	wr(&s, VGPU_REG_ADMIN_LO, 8, 0);
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	EXPECT_EQ(13, rd(&s, VGPU_REG_ERR_COUNT, 4));

	/*
	 * Memory that is not there: the end of an enable interrupts, although
	 * the record has an error already.
	 */
	wr(&s, VGPU_REG_ADMIN_LO, 8, 1ull << 40);
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
	EXPECT_EQ(VGPU_STATUS_BUSY, rd(&s, VGPU_REG_STATUS, 4));
	wr(&s, VGPU_REG_IRQ_ACK, 4, ~0u);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	EXPECT_EQ(1, rd(&s, VGPU_REG_IRQ_STATUS, 4));

	/* With both bits a reset comes first; then it is enabled. */
	wr(&s, VGPU_REG_ADMIN_LO, 8, guest_address(0));
	wr(&s, VGPU_REG_ACCEPTED_LO, 8, VGPU_FEATURE_TIMES);
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE | VGPU_CONTROL_RESET);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(VGPU_STATUS_ENABLED, rd(&s, VGPU_REG_STATUS, 4));
	EXPECT_EQ(VGPU_FEATURE_TIMES, rd(&s, VGPU_REG_ACCEPTED_LO, 8));
	EXPECT_EQ(0, rd(&s, VGPU_REG_ERR_COUNT, 4));
	/* Enabling what is enabled changes nothing. */
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
	EXPECT_EQ(VGPU_STATUS_ENABLED, rd(&s, VGPU_REG_STATUS, 4));
	/* A reset while an enable is out: its end is refused. */
	s.keep = 1u << VGPU_WORK_ADMIN_ATTACH;
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_RESET);
	guest_ask(&g, &s, 64, 64);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	wr(&s, VGPU_REG_CONTROL, 4, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, rd(&s, VGPU_REG_STATUS, 4));
	EXPECT_EQ(-ENOENT, vgpu_model_admin_attach(s.m, s.kept[0].id, 0, s.guest));
	guest_ask(&g, &s, 64, 64);
	EXPECT_EQ(-ENOENT, vgpu_model_admin_attach(s.m, s.kept[0].id, 0, s.guest));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(-ENOENT, vgpu_model_admin_attach(s.m, s.kept[0].id, 0, s.guest));
	EXPECT_EQ(0, vgpu_model_admin_attach(s.m, s.kept[1].id, 0, s.guest));
	EXPECT_EQ(VGPU_STATUS_ENABLED, rd(&s, VGPU_REG_STATUS, 4));
	MODEL_HOLDS(&s);
	s.n_kept = 0;
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

/* Counters of what commands did. */
VGPU_TEST(telemetry)
{
	struct client c;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	EXPECT_EQ(CLIENT_VRAM_BYTES, rd(&s, VGPU_REG_USED_LO, 8));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_CLEAR, 0, c.vram_address, 4, 0));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_CLEAR, 0, c.vram_address, 4, 0));
	EXPECT_EQ(1000, rd(&s, VGPU_REG_BUSY_LO, 8));
	client_close(&c);
	ASSERT_EQ(NULL, model_gone(&s));
	EXPECT_EQ(0, rd(&s, VGPU_REG_USED_LO, 8));
	EXPECT_EQ(CLIENT_VRAM_BYTES, rd(&s, VGPU_REG_PEAK_LO, 8));
	shell_close(&s);
}

TEST_HARNESS_MAIN
