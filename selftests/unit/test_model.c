// SPDX-License-Identifier: MIT
/*
 * The device model by the direct way: memory commands, ordering, signals,
 * reset, compaction, and that every account comes back to zero.
 */
#include "vgpu_test.h"
#include "model_client.h"

#define CHECK_MODEL(s)							\
do {									\
	const char *bad_ = vgpu_model_check((s)->m);			\
									\
	ASSERT_EQ(bad_, NULL) TH_LOG("broken: %s", bad_);		\
	ASSERT_EQ((s)->wrong, NULL) TH_LOG("shell: %s", (s)->wrong);	\
} while (0)

static void fill(u8 *p, size_t n, u32 seed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (u8)(seed >> 24);
	}
}

/* Everything that was made goes, and nothing is left. */
static const char *gone(struct shell *s)
{
	struct vgpu_model_stats st;

	shell_run(s);
	vgpu_model_stats(s->m, &st);
	if (st.vram_used || st.contexts || st.objects || st.mappings ||
	    st.rings || st.counters || st.kernels || st.in_flight)
		return "something is left";
	if (vgpu_account_current(&s->gpu))
		return "the GPU's account is not zero";
	return vgpu_model_check(s->m);
}

VGPU_TEST(roundtrip)
{
	struct vgpu_completion done;
	struct client c;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	fill(c.system_memory, 8192, 1);
	memset(c.system_memory + 16384, 0x55, 8192);
	ASSERT_TRUE(client_send(&c, VGPU_CMD_UPLOAD, 0, 1, c.vram_address,
				c.system_address, 8192));
	ASSERT_TRUE(client_send(&c, VGPU_CMD_COPY, VGPU_CMD_F_BARRIER, 2,
				c.vram_address + 16384, c.vram_address, 8192));
	ASSERT_TRUE(client_send(&c, VGPU_CMD_DOWNLOAD, VGPU_CMD_F_BARRIER, 3,
				c.system_address + 16384,
				c.vram_address + 16384, 8192));
	ASSERT_TRUE(client_send(&c, VGPU_CMD_SYNC, 0, 4, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	CHECK_MODEL(&s);
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_EQ(0, done.status);
	EXPECT_NE(0, done.end_ns);
	ASSERT_TRUE(client_take(&c, &done));
	ASSERT_TRUE(client_take(&c, &done));
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(4, done.user_data);
	EXPECT_FALSE(client_take(&c, &done));
	EXPECT_EQ(0, memcmp(c.system_memory, c.system_memory + 16384, 8192));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_CLEAR, 0, c.vram_address, 4096,
			       0xdeadbeef));
	EXPECT_EQ(0xef, s.vram[c.vram_offset]);
	EXPECT_EQ(0xde, s.vram[c.vram_offset + 4095]);
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	EXPECT_EQ(0, s.vram[c.vram_offset]);
	shell_close(&s);
}

/* Each operand that can be wrong, and what comes of it. */
VGPU_TEST(bad_commands)
{
	struct client c;
	struct shell s;
	u64 v, h;
	u32 i, bit;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	v = c.vram_address;
	h = c.system_address;
	EXPECT_EQ(-EOPNOTSUPP, client_do(&c, VGPU_CMD_OPCODES, 0, 0, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, client_do(&c, 0xffff, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_UPLOAD, 0, v, h, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_UPLOAD, 0, v, h, 3));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_UPLOAD, 0, v + 1, h, 4));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_UPLOAD, 0, v, h + 2, 4));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_UPLOAD, 0, h, v, 4));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_DOWNLOAD, 0, v, h, 4));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, v, v + 8, 12));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_COPY, 0, v + 8, v, 12));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, v + 12, v, 12));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_COPY, 0, 0, v, 4));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_COPY, 0, v, 4096, 4));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0,
				     v + CLIENT_VRAM_BYTES - 4, 8, 0));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, U64_MAX - 3, 4, 0));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, v, 1ull << 46, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_CLEAR, 0, v, U64_MAX - 3, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_CLEAR, 0, v, 4, 1ull << 32));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_WAIT, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_SIGNAL, 0, 77, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, client_do(&c, VGPU_CMD_LAUNCH, 0, 1, 1, 1));
	/* Every reserved flag and every operand that has no meaning. */
	for (bit = 3; bit < 16; bit++)
		EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_NOP, 1u << bit, 0, 0,
					     0));
	for (i = 0; i < 6; i++)
		for (bit = 0; bit < 64; bit++) {
			struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
			struct vgpu_completion done;

			cmd.op[i] = 1ull << bit;
			ASSERT_TRUE(client_push(&c, &cmd));
			ASSERT_TRUE(shell_run(&s));
			ASSERT_TRUE(client_take(&c, &done));
			ASSERT_EQ(-EINVAL, done.status);
		}
	CHECK_MODEL(&s);
	EXPECT_NE(0, vgpu_model_bar0_read(s.m, VGPU_REG_ERR_COUNT, 4, 0));
	EXPECT_EQ(EOPNOTSUPP,
		  vgpu_model_bar0_read(s.m, VGPU_REG_ERR_STATUS, 4, 0));
	EXPECT_EQ(c.ring, vgpu_model_bar0_read(s.m, VGPU_REG_ERR_SOURCE, 4, 0));
	vgpu_model_bar0_write(s.m, VGPU_REG_ERR_CLEAR, 4, 1);
	EXPECT_EQ(0, vgpu_model_bar0_read(s.m, VGPU_REG_ERR_COUNT, 4, 0));
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* A range over several mappings, one of them read-only, and a gap. */
VGPU_TEST(spans)
{
	struct client c;
	struct shell s;
	u64 r[2], base = 1ull << 40, i;
	u32 block[20];

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096,
					 0, 0, 0, 0, 0));
		block[i] = (u32)r[0];
		/* Backwards, so that what is adjacent is not contiguous. */
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context,
					 block[i], base + (19 - i) * 4096, 0,
					 4096, i == 0 ? VGPU_MAP_F_READ_ONLY :
							0));
	}
	fill(c.system_memory, 65536, 7);
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_UPLOAD, 0, base, c.system_address,
			       16 * 4096));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_UPLOAD, 0, base - 4,
				     c.system_address, 16));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_CLEAR, 0, base, 17 * 4096,
				     0));
	EXPECT_EQ(-EACCES, client_do(&c, VGPU_CMD_CLEAR, 0, base + 18 * 4096,
				     8192, 0));
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_COPY, 0, base,
				     base + 19 * 4096, 4100));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, base, base + 19 * 4096,
			       4096));
	/* From the middle of one to the middle of another, odd pieces. */
	memset(c.system_memory, 0, 65536);
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_COPY, 0, base + 8 * 4096 + 12,
			       base + 4100, 6 * 4096 + 8));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_DOWNLOAD, 0, c.system_address,
			       base, 16 * 4096));
	EXPECT_EQ(0, memcmp(c.system_memory + 8 * 4096 + 12,
			    c.system_memory + 4100, 6 * 4096 + 8));
	EXPECT_EQ(-EBUSY, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, NULL,
				      block[3], 0, 0, 0, 0, 0));
	EXPECT_EQ(-EEXIST, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context,
				       block[3], base + 256, 0, 256, 0));
	EXPECT_EQ(-EFAULT, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, c.context,
				       base + 256, 0, 0, 0, 0));
	CHECK_MODEL(&s);
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, c.context,
					 base + i * 4096, 0, 0, 0, 0));
		EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, NULL,
					 block[19 - i], 0, 0, 0, 0, 0));
		EXPECT_EQ(-ENOENT, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY,
					       NULL, block[19 - i], 0, 0, 0, 0,
					       0));
	}
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* What the device places has a free page on either side, wherever it looks. */
VGPU_TEST(places)
{
	struct client c;
	struct shell s;
	u64 r[2], a[3], i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context,
					 c.block, 0, 0, 4352,
					 VGPU_MAP_F_ANYWHERE));
		a[i] = r[0];
		EXPECT_EQ(0, a[i] & 4095);
		EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, a[i] - 4,
					     4, 0));
		EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, a[i], 4356,
					     0));
	}
	EXPECT_GE(a[1], a[0] + 4352 + 4096);
	EXPECT_GE(a[2], a[1] + 4352 + 4096);
	/* A driver may leave none.  What was freed is used last. */
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, c.context, a[1],
				 0, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, c.block,
				 a[0] + 4352, 0, 256, 0));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_CLEAR, 0, a[0], 4608, 0));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, c.block, 0,
				 0, 256, VGPU_MAP_F_ANYWHERE));
	EXPECT_GE(r[0], a[2] + 4352 + 4096);
	CHECK_MODEL(&s);
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* Two rings take turns by a counter; a signal waits for what came before. */
VGPU_TEST(counters)
{
	struct vgpu_completion done;
	struct vgpu_cmd cmd = { 0 };
	struct client a, b;
	struct shell s;
	u64 r[2], k;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&a, &s));
	ASSERT_EQ(0, client_open(&b, &s));
	/* A counter of another context is none. */
	EXPECT_EQ(-EINVAL, client_do(&a, VGPU_CMD_SIGNAL, 0, b.counter, 1, 0));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_CREATE, r, a.context, 0,
				 0, 0, 0, 0));
	k = r[0];
	ASSERT_TRUE(client_send(&a, VGPU_CMD_WAIT, 0, 1, k, 5, 0));
	ASSERT_TRUE(client_send(&a, VGPU_CMD_CLEAR, 0, 2, a.vram_address, 4,
				1));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(client_take(&a, &done));
	EXPECT_EQ(-EBUSY, shell_admin(&s, VGPU_ADMIN_COUNTER_DESTROY, NULL, k,
				      0, 0, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_SIGNAL, NULL, k, 4, 0,
				 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	CHECK_MODEL(&s);
	EXPECT_FALSE(client_take(&a, &done));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_SIGNAL, NULL, k, 9, 0,
				 0, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_COUNTER_SIGNAL, NULL, k,
				       8, 0, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(client_take(&a, &done));
	ASSERT_TRUE(client_take(&a, &done));
	EXPECT_EQ(2, done.user_data);

	/* F_SIGNAL: a copy is held back, a NOP overtakes, signals do not. */
	s.keep = 1u << VGPU_WORK_CLEAR;
	cmd.opcode = VGPU_CMD_CLEAR;
	cmd.flags = VGPU_CMD_F_SIGNAL;
	cmd.op[0] = a.vram_address;
	cmd.op[1] = 4;
	cmd.op[5] = 10;
	ASSERT_TRUE(client_push(&a, &cmd));
	memset(&cmd, 0, sizeof(cmd));
	cmd.flags = VGPU_CMD_F_SIGNAL;
	cmd.op[5] = 11;
	cmd.user_data = 77;
	ASSERT_TRUE(client_push(&a, &cmd));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(client_take(&a, &done));
	EXPECT_EQ(77, done.user_data);
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_READ, r, a.counter, 0,
				 0, 0, 0, 0));
	EXPECT_EQ(0, r[0]);
	CHECK_MODEL(&s);
	shell_release(&s);
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_COUNTER_READ, r, a.counter, 0,
				 0, 0, 0, 0));
	EXPECT_EQ(11, r[0]);
	client_close(&a);
	client_close(&b);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* Pause drains to the tail as it was; reset cancels; error needs a reset. */
VGPU_TEST(ring_states)
{
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	for (i = 0; i < 4; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_NOP, 0, i, 0, 0, 0));
	EXPECT_EQ(0, client_control(&c, VGPU_RING_PAUSE));
	for (; i < 8; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_NOP, 0, i, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; client_take(&c, &done); i++)
		EXPECT_EQ(i, done.user_data);
	EXPECT_EQ(4, i);
	EXPECT_EQ(VGPU_RING_PAUSED, vgpu_model_ring_state(s.m, c.ring));
	EXPECT_EQ(0, client_control(&c, VGPU_RING_START));
	ASSERT_TRUE(shell_run(&s));
	for (; client_take(&c, &done); i++)
		EXPECT_EQ(i, done.user_data);
	EXPECT_EQ(8, i);

	/* Two in flight, one parked behind them, three not taken. */
	s.keep = 1u << VGPU_WORK_CLEAR;
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, i,
					c.vram_address, 4, 0));
	for (; i < 6; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_SYNC, 0, i, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(client_take(&c, &done));
	EXPECT_EQ(0, client_control(&c, VGPU_RING_RESET));
	CHECK_MODEL(&s);
	ASSERT_TRUE(shell_run(&s));
	/* Memory is still touched: its owner is not told otherwise. */
	EXPECT_FALSE(client_take(&c, &done));
	EXPECT_EQ(-EBUSY, client_control(&c, VGPU_RING_START));
	CHECK_MODEL(&s);
	shell_release(&s);
	s.keep = 0;
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; client_take(&c, &done); i++) {
		EXPECT_EQ(i, done.user_data);
		EXPECT_EQ(i < 2 ? -ENODEV : -ECANCELED, done.status);
	}
	EXPECT_EQ(6, i);
	EXPECT_EQ(VGPU_RING_IDLE, vgpu_model_ring_state(s.m, c.ring));
	CHECK_MODEL(&s);

	/* A cq_head that makes no sense. */
	EXPECT_EQ(0, client_control(&c, VGPU_RING_START));
	c.view.hdr->cq_head = 1ull << 50;
	for (i = 0; i < 64; i++)
		client_send(&c, VGPU_CMD_NOP, 0, i, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; i < 64; i++)
		client_send(&c, VGPU_CMD_NOP, 0, i, 0, 0, 0);
	vgpu_model_kick(s.m, c.ring);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(VGPU_RING_ERROR, vgpu_model_ring_state(s.m, c.ring));
	EXPECT_EQ(-EBUSY, client_control(&c, VGPU_RING_START));
	EXPECT_EQ(0, client_control(&c, VGPU_RING_RESET));
	EXPECT_EQ(VGPU_RING_IDLE, vgpu_model_ring_state(s.m, c.ring));
	vgpu_ring_reaper_init(&c.reaper, &c.view);
	EXPECT_EQ(0, client_control(&c, VGPU_RING_START));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_NOP, 0, 0, 0, 0));
	CHECK_MODEL(&s);
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* A program that does not read its completions stops its own ring only. */
VGPU_TEST(completions_full)
{
	struct vgpu_completion done;
	struct client a, b;
	struct shell s;
	u32 i, n = 0;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open_ring(&a, &s, 64, 8, 1, 1));
	ASSERT_EQ(0, client_control(&a, VGPU_RING_START));
	ASSERT_EQ(0, client_open(&b, &s));
	for (i = 0; i < 40; i++)
		ASSERT_TRUE(client_send(&a, VGPU_CMD_NOP, 0, i, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, client_do(&b, VGPU_CMD_NOP, 0, 0, 0, 0));
	while (client_take(&a, &done)) {
		EXPECT_EQ(n, done.user_data);
		n++;
		ASSERT_TRUE(shell_run(&s));
	}
	EXPECT_EQ(40, n);
	CHECK_MODEL(&s);
	client_close(&a);
	client_close(&b);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

VGPU_TEST(limits)
{
	struct vgpu_model_config config;
	struct shell s;
	u64 r[2], ctx, block;

	shell_config(&config);
	config.limit_bytes = 1u << 20;
	ASSERT_EQ(0, shell_open(&s, &config));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_CONTEXT_CREATE, r, 65536, 0, 0,
				 0, 0, 0));
	ctx = r[0];
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 65537, 0,
				       ctx, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 65536, 0, ctx,
				 0, 0, 0));
	block = r[0];
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 1, 0,
				       ctx, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, NULL, block, 0,
				 0, 0, 0, 0));
	/* It still counts until it has been scrubbed. */
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 1, 0,
				       ctx, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 1, 0, ctx, 0,
				 0, 0));
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 1 << 20,
				       0, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 0, 0, 0,
				       0, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 5u << 20,
				       0, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, U64_MAX,
				       0, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 3,
				       0, 0, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096,
					   0, 0, VGPU_BLOCK_F_DEVICE, 0, 0));
	EXPECT_EQ(-EINVAL, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				       0, 2, 0, 0));
	EXPECT_EQ(-ENOENT, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				       99, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_CONTEXT_DESTROY, NULL, ctx, 0,
				 0, 0, 0, 0));
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* Tables fill up with ENOSPC, and a full device still comes back to zero. */
VGPU_TEST(tables_full)
{
	struct shell s;
	u64 r[2];
	u32 n;

	ASSERT_EQ(0, shell_open(&s, NULL));
	for (n = 0; !shell_admin(&s, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0,
				 0, 0); n++)
		;
	EXPECT_EQ(s.config.max_contexts, n);
	for (n = 0; !shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 256, 0, 0, 0,
				 0, 0); n++)
		;
	EXPECT_EQ(s.config.max_objects, n);
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 256, 0,
				       0, 0, 0, 0));
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_SYSTEM_CREATE, r, 4096, 0,
				       0, 0, 0, 0));
	for (n = 0; !shell_admin(&s, VGPU_ADMIN_COUNTER_CREATE, r, 1, 0, 0, 0,
				 0, 0); n++)
		;
	EXPECT_EQ(s.config.max_counters, n);
	for (n = 0; !shell_admin(&s, VGPU_ADMIN_MAP, r, 1, 1, 0, 0, 256,
				 VGPU_MAP_F_ANYWHERE); n++)
		;
	EXPECT_EQ(s.config.max_mappings, n);
	CHECK_MODEL(&s);
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* Blocks move under running programs; addresses and contents stay. */
VGPU_TEST(compaction)
{
	struct client c;
	struct shell s;
	u64 r[2], address[32], moved;
	u32 block[32], i, round;
	u8 want[8192];
	bool more;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	for (i = 0; i < 32; i++) {
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r,
					 65536 + i * 256, 0, c.context, 0, 0,
					 0));
		block[i] = (u32)r[0];
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context,
					 block[i], 0, 0, 65536,
					 VGPU_MAP_F_ANYWHERE));
		address[i] = r[0];
		fill(c.system_memory, 8192, i);
		ASSERT_EQ(0, client_do(&c, VGPU_CMD_UPLOAD, 0, address[i],
				       c.system_address, 8192));
	}
	for (i = 0; i < 32; i += 2) {
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, c.context,
					 address[i], 0, 0, 0, 0));
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, NULL,
					 block[i], 0, 0, 0, 0, 0));
	}
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, block[9], 1,
				 0, 0, 0, 0));

	/* With a move out, a command on that block waits, others do not. */
	s.keep = 1u << VGPU_WORK_MOVE;
	ASSERT_EQ(0, vgpu_model_compact(s.m, U64_MAX));
	EXPECT_EQ(-EBUSY, vgpu_model_compact(s.m, U64_MAX));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	CHECK_MODEL(&s);
	for (i = 1; i < 32; i += 2)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, i,
					address[i] + 8192, 4, i));
	ASSERT_TRUE(shell_run(&s));
	for (round = 0; s.n_kept && round < 1000; round++) {
		shell_release(&s);
		shell_run_for(&s, 3);
		CHECK_MODEL(&s);
	}
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(0, vgpu_model_compacted(s.m, &moved, &more));
	EXPECT_GT(moved, 65536 * 8);
	EXPECT_FALSE(more);
	for (i = 1; i < 32; i += 2) {
		struct vgpu_completion done;

		ASSERT_TRUE(client_take(&c, &done));
		EXPECT_EQ(0, done.status);
	}
	for (i = 1; i < 32; i += 2) {
		ASSERT_EQ(0, client_do(&c, VGPU_CMD_DOWNLOAD, 0,
				       c.system_address, address[i], 8196));
		fill(want, 8192, i);
		EXPECT_EQ(0, memcmp(want, c.system_memory, 8192));
		EXPECT_EQ(i, c.system_memory[8192]);
	}
	client_close(&c);
	ASSERT_EQ(NULL, gone(&s));
	shell_close(&s);
}

/* A reset in the middle: everything goes, and what was out is reported late. */
VGPU_TEST(reset_with_work_out)
{
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	s.keep = 1u << VGPU_WORK_CLEAR | 1u << VGPU_WORK_MOVE;
	for (i = 0; i < 10; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, i,
					c.vram_address, 4096, 0x11111111));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(10, s.n_kept);
	/* Keep the ring's memory: the shell drops it on UNPIN. */
	vgpu_model_reset(s.m);
	for (i = 0; client_take(&c, &done); i++)
		EXPECT_EQ(-ENODEV, done.status);
	EXPECT_EQ(10, i);
	CHECK_MODEL(&s);
	ASSERT_TRUE(shell_run(&s));
	CHECK_MODEL(&s);
	EXPECT_NE(0, vgpu_account_current(&s.gpu));
	shell_release(&s);
	ASSERT_EQ(NULL, s.wrong);
	ASSERT_EQ(NULL, gone(&s));
	EXPECT_EQ(-ENOENT, vgpu_model_done(s.m, s.kept[0].id, 0, 0, 0));
	shell_close(&s);
}

TEST_HARNESS_MAIN
