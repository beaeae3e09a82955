// SPDX-License-Identifier: MIT
/*
 * The whole way of a driver in a guest: registers, the admin queue in guest
 * memory, objects made of guest pages, rings, doorbells, kernels; what each
 * admin command refuses; and a reset in the middle of each that takes long.
 */
#include "vgpu_test.h"
#include "model_guest.h"

#define DO(g, ...)	guest_do_(g, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define guest_do_(g, op, r, a, b, c, d, e, f, ...)	\
	guest_do(g, op, r, a, b, c, d, e, f)

static void leave(struct __test_metadata *_metadata, struct guest *g)
{
	guest_set(g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	ASSERT_EQ(NULL, model_gone(g->s));
	shell_close(g->s);
}

VGPU_TEST(whole_way)
{
	struct vgpu_completion done;
	struct guest g;
	struct client c;
	struct shell s;
	u64 r[2];

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	memset(c.system_memory, 0x77, 8192);
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_UPLOAD, 0, c.vram_address,
			       c.system_address, 8192));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_DOWNLOAD, 0,
			       c.system_address + 16384, c.vram_address, 8192));
	EXPECT_EQ(0, memcmp(c.system_memory, c.system_memory + 16384, 8192));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_RING_INFO, r, c.ring));
	EXPECT_EQ(2, r[0]);
	EXPECT_EQ(2, r[1]);
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_INFO, r, c.block));
	EXPECT_EQ(c.vram_offset, r[0]);
	EXPECT_EQ(CLIENT_VRAM_BYTES, r[1]);
	EXPECT_EQ(-EBUSY, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, c.block));
	EXPECT_EQ(-EBUSY, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL,
			     c.ring_object));
	EXPECT_EQ(-EBUSY, DO(&g, VGPU_ADMIN_COUNTER_DESTROY, NULL, c.counter));
	MODEL_HOLDS(&s);

	/* One by one. */
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_RING_DESTROY, NULL, c.ring));
	EXPECT_EQ(c.ring, s.detached);
	EXPECT_EQ(-ENOENT, DO(&g, VGPU_ADMIN_RING_DESTROY, NULL, c.ring));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_COUNTER_DESTROY, NULL, c.counter));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, c.ring_object));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_UNMAP, NULL, c.context,
			c.vram_address));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, c.block));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_CONTEXT_DESTROY, NULL, c.context));
	EXPECT_EQ(-ENOENT, DO(&g, VGPU_ADMIN_CONTEXT_DESTROY, NULL,
			      c.context));
	EXPECT_FALSE(client_take(&c, &done));
	ASSERT_EQ(NULL, model_gone(&s));
	leave(_metadata, &g);
}

/* The doorbell page of the context, and no other place, wakes a ring. */
VGPU_TEST(doorbells)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	struct vgpu_completion done;
	struct client a, b;
	struct guest g;
	struct shell s;
	bool doorbell;
	u64 page, i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &a));
	ASSERT_EQ(0, guest_client(&g, &b));
	page = VGPU_BAR0_DOORBELLS + (a.context & 0xffff) * VGPU_DOORBELL_PAGE;
	ASSERT_TRUE(vgpu_ring_submit(&a.view, &cmd, 1, 1, &doorbell));
	EXPECT_TRUE(doorbell);
	for (i = 4; i < 4096; i += 4)
		EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page + i, 4, a.ring));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page + 4096, 4, a.ring));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page - 4096, 4, a.ring));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, VGPU_BAR0_DOORBELLS +
					   (b.context & 0xffff) * 4096ull, 4,
					   a.ring));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page, 4, b.ring));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page, 4, a.ring ^ 0x10000));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page, 4, ~0u));
	EXPECT_EQ(0, vgpu_model_bar0_write(s.m, page, 4, 0));
	EXPECT_FALSE(vgpu_model_pending(s.m));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(client_take(&a, &done));
	EXPECT_EQ(0, vgpu_model_bar0_read(s.m, page, 4, 0));
	EXPECT_EQ(a.ring, vgpu_model_bar0_write(s.m, page, 4, a.ring));
	EXPECT_TRUE(vgpu_model_pending(s.m));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_TRUE(client_take(&a, &done));
	leave(_metadata, &g);
}

VGPU_TEST(system_pages)
{
	struct guest g;
	struct shell s;
	u64 r[2], list, o, ctx, bad = 1ull << 50;
	u8 *mem;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_CONTEXT_CREATE, r, 0));
	ctx = r[0];
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 0));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 4095));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 1ull << 47));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 1ull << 63));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 600 * 4096, 0, ctx));
	o = r[0];
	list = guest_list(&g, 16, 512);
#define PAGES(first, n, list)						\
	DO(&g, VGPU_ADMIN_SYSTEM_PAGES, NULL, o, first, n, list)
	EXPECT_EQ(-EINVAL, PAGES(0, 0, list));
	EXPECT_EQ(-EINVAL, PAGES(0, 513, list));
	EXPECT_EQ(-EINVAL, PAGES(0, U64_MAX, list));
	EXPECT_EQ(-EINVAL, PAGES(1, 1, list));
	EXPECT_EQ(-EINVAL, PAGES(U64_MAX, 1, list));
	EXPECT_EQ(-EINVAL, PAGES(0, 512, list + 8));
	EXPECT_EQ(-EINVAL, PAGES(0, 2, list + 4096 - 8));
	EXPECT_EQ(-EINVAL, PAGES(0, 1, list + 4));
	EXPECT_EQ(-EFAULT, PAGES(0, 1, bad));
	EXPECT_EQ(0, s.objects[o & 0xffff].pages);
	EXPECT_EQ(0, PAGES(0, 512, list));
	EXPECT_EQ(-EINVAL, PAGES(0, 1, list));
	EXPECT_EQ(-EINVAL, PAGES(512, 89, list));
	/* Not all there: it cannot be used. */
	EXPECT_EQ(-EFAULT, DO(&g, VGPU_ADMIN_MAP, NULL, ctx, o, 0, 0, 4096,
			      VGPU_MAP_F_ANYWHERE));
	EXPECT_EQ(-EFAULT, DO(&g, VGPU_ADMIN_RING_CREATE, NULL, ctx, o,
			      8 | 8ull << 32));
	EXPECT_EQ(-EFAULT, DO(&g, VGPU_ADMIN_KERNEL_CREATE, NULL, ctx, o, 0,
			      4096));
	/* An address in the list that cannot be pinned. */
	memcpy(guest_page(&g, GUEST_LIST_PAGE) + 8, &bad, 8);
	EXPECT_EQ(-EFAULT, PAGES(512, 2, list));
	list = guest_list(&g, 16, 512);
	EXPECT_EQ(0, PAGES(512, 88, list));
	EXPECT_EQ(-EINVAL, PAGES(600, 1, list));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_MAP, NULL, ctx, o, 0, 0, 4096,
			VGPU_MAP_F_ANYWHERE));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_BLOCK_CREATE, r, 4096));
	o = r[0];
	EXPECT_EQ(-EINVAL, PAGES(0, 1, list));
	/* Pages that go away make a ring fail, and mapping it EFAULT. */
	o = guest_system(&g, 2, ctx, &mem);
	ASSERT_NE(0, o);
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_RING_CREATE, r, ctx, o,
			8 | 8ull << 32));
	EXPECT_EQ(0, vgpu_model_system_gone(s.m, (u32)o));
	EXPECT_EQ(VGPU_RING_ERROR, vgpu_model_ring_state(s.m, (u32)r[0]));
	EXPECT_EQ(-EFAULT, DO(&g, VGPU_ADMIN_RING_CONTROL, NULL, r[0],
			      VGPU_RING_RESET));
	EXPECT_EQ(-EFAULT, DO(&g, VGPU_ADMIN_MAP, NULL, ctx, o, 0, 0, 4096,
			      VGPU_MAP_F_ANYWHERE));
	EXPECT_EQ(-ENOENT, vgpu_model_system_gone(s.m, 0));
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

VGPU_TEST(ring_create)
{
	struct client c, d;
	struct guest g;
	struct shell s;
	u64 r[2], o, e = 8 | 8ull << 32, page;
	u32 i;
	u8 *mem;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	ASSERT_EQ(0, guest_client(&g, &d));
	o = guest_system(&g, 2, c.context, &mem);
#define RING(ctx, o, e, f, k)						\
	DO(&g, VGPU_ADMIN_RING_CREATE, r, ctx, o, e, f, k)
	EXPECT_EQ(-EINVAL, RING(c.context, o, 0, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, 8, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, 4 | 8ull << 32, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, 12 | 8ull << 32, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, 64 | 64ull << 32, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, 512 | 8ull << 32, 0, 0));
	for (i = 1; i < 64; i++)
		if (!(i == 32 || i == 33 || (i >= 40 && i < 45)))
			EXPECT_EQ(-EINVAL, RING(c.context, o, e, 1ull << i, 0))
				TH_LOG("flag bit %u", i);
	EXPECT_EQ(-EINVAL, RING(c.context, c.block, e, 0, 0));
	EXPECT_EQ(-EBUSY, RING(c.context, c.ring_object, e, 0, 0));
	EXPECT_EQ(-EINVAL, RING(c.context, o, e, 0, d.counter));
	EXPECT_EQ(-ENOENT, RING(c.context, o, e, 0, c.counter ^ 0x10000));
	EXPECT_EQ(-ENOENT, RING(c.context ^ 0x10000, o, e, 0, 0));
	EXPECT_EQ(-ENOENT, RING(c.context, o ^ 0x10000, e, 0, 0));
	/* Memory that the shell cannot make contiguous. */
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_SYSTEM_CREATE, r, 8192));
	o = r[0];
	guest_list(&g, 100, 1);
	page = guest_address(90);
	memcpy(guest_page(&g, GUEST_LIST_PAGE) + 8, &page, 8);
	ASSERT_EQ(0, PAGES(0, 2, guest_address(GUEST_LIST_PAGE)));
	EXPECT_EQ(-ENOMEM, RING(c.context, o, e, 0, c.counter));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, o));
	MODEL_HOLDS(&s);
	/* Pages go while the ring is being attached: it is not to be used. */
	o = guest_system(&g, 2, c.context, &mem);
	memset(mem, 0xee, 8192);
	s.keep = 1u << VGPU_WORK_RING_ATTACH;
	ASSERT_TRUE(guest_send(&g, VGPU_ADMIN_RING_CREATE, 5, c.context, o, e,
			       0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	vgpu_model_system_gone(s.m, (u32)o);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(guest_take(&g, &(struct vgpu_admin_completion){ 0 }));
	EXPECT_EQ(0xee, mem[0]);
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

/* How long a ring is polled goes to the shell with its memory. */
VGPU_TEST(ring_polled)
{
	struct client c;
	struct guest g;
	struct shell s;
	u64 r[2], o, e = 8 | 8ull << 32;
	u8 *mem;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	o = guest_system(&g, 2, c.context, &mem);
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_RING_CREATE, r, c.context, o, e, 0,
			      0, VGPU_MAX_POLL_NS + 1));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_RING_CREATE, r, c.context, o, e, 0,
			      0, 1ull << 32));
	s.keep = 1u << VGPU_WORK_RING_ATTACH;
	ASSERT_TRUE(guest_send(&g, VGPU_ADMIN_RING_CREATE, 5, c.context, o, e,
			       0, 0, VGPU_MAX_POLL_NS));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	EXPECT_EQ(VGPU_MAX_POLL_NS, s.kept[0].poll_ns);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

/* Operands that each opcode has. */
static const struct {
	u16 opcode;
	u8 operands;
} opcodes[] = {
	{ VGPU_ADMIN_NOP, 0x00 }, { VGPU_ADMIN_CONTEXT_CREATE, 0x01 },
	{ VGPU_ADMIN_CONTEXT_DESTROY, 0x01 }, { VGPU_ADMIN_BLOCK_CREATE, 0x0f },
	{ VGPU_ADMIN_SYSTEM_CREATE, 0x05 }, { VGPU_ADMIN_SYSTEM_PAGES, 0x0f },
	{ VGPU_ADMIN_OBJECT_DESTROY, 0x01 }, { VGPU_ADMIN_OBJECT_INFO, 0x01 },
	{ VGPU_ADMIN_OBJECT_PIN, 0x03 }, { VGPU_ADMIN_MAP, 0x3f },
	{ VGPU_ADMIN_UNMAP, 0x03 }, { VGPU_ADMIN_RING_CREATE, 0x3f },
	{ VGPU_ADMIN_RING_DESTROY, 0x01 }, { VGPU_ADMIN_RING_CONTROL, 0x03 },
	{ VGPU_ADMIN_RING_INFO, 0x01 }, { VGPU_ADMIN_COUNTER_CREATE, 0x03 },
	{ VGPU_ADMIN_COUNTER_DESTROY, 0x01 },
	{ VGPU_ADMIN_COUNTER_SIGNAL, 0x03 }, { VGPU_ADMIN_COUNTER_READ, 0x03 },
	{ VGPU_ADMIN_KERNEL_CREATE, 0x0f }, { VGPU_ADMIN_KERNEL_DESTROY, 0x01 },
	{ VGPU_ADMIN_KERNEL_INFO, 0x01 }, { VGPU_ADMIN_COMPACT, 0x01 },
};

static s32 raw(struct guest *g, const struct vgpu_cmd *cmd)
{
	struct vgpu_admin_completion done = { .status = 1 };

	guest_push(g, cmd);
	shell_run(g->s);
	return guest_take(g, &done) ? done.status : 2;
}

VGPU_TEST(reserved)
{
	struct guest g;
	struct shell s;
	u32 i, k, bit, op;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct vgpu_cmd cmd = { .opcode = opcodes[i].opcode };

		for (bit = 0; bit < 16; bit++) {
			cmd.flags = 1u << bit;
			ASSERT_EQ(-EINVAL, raw(&g, &cmd));
		}
		cmd.flags = 0;
		for (k = 0; k < 6; k++)
			for (bit = 0; bit < 64; bit++) {
				if (opcodes[i].operands & 1u << k)
					continue;
				cmd.op[k] = 1ull << bit;
				ASSERT_EQ(-EINVAL, raw(&g, &cmd));
				cmd.op[k] = 0;
			}
	}
	for (op = 0; op < 65536; op += op < 0x180 ? 1 : 97) {
		for (i = 0; i < ARRAY_SIZE(opcodes); i++)
			if (op == opcodes[i].opcode)
				break;
		if (i == ARRAY_SIZE(opcodes))
			ASSERT_EQ(-EOPNOTSUPP,
				  raw(&g, &(struct vgpu_cmd){ .opcode = op }));
	}
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

/* Ids that are stale, of no slot, or too long, for every opcode with one. */
VGPU_TEST(ids)
{
	static const struct {
		u16 opcode;
		u8 at;
	} named[] = {
		{ VGPU_ADMIN_CONTEXT_DESTROY, 0 }, { VGPU_ADMIN_BLOCK_CREATE, 2 },
		{ VGPU_ADMIN_SYSTEM_CREATE, 2 }, { VGPU_ADMIN_SYSTEM_PAGES, 0 },
		{ VGPU_ADMIN_OBJECT_DESTROY, 0 }, { VGPU_ADMIN_OBJECT_INFO, 0 },
		{ VGPU_ADMIN_OBJECT_PIN, 0 }, { VGPU_ADMIN_MAP, 0 },
		{ VGPU_ADMIN_UNMAP, 0 }, { VGPU_ADMIN_RING_CREATE, 0 },
		{ VGPU_ADMIN_RING_DESTROY, 0 }, { VGPU_ADMIN_RING_CONTROL, 0 },
		{ VGPU_ADMIN_RING_INFO, 0 }, { VGPU_ADMIN_COUNTER_CREATE, 0 },
		{ VGPU_ADMIN_COUNTER_DESTROY, 0 },
		{ VGPU_ADMIN_COUNTER_SIGNAL, 0 },
		{ VGPU_ADMIN_COUNTER_READ, 0 }, { VGPU_ADMIN_KERNEL_CREATE, 0 },
		{ VGPU_ADMIN_KERNEL_DESTROY, 0 }, { VGPU_ADMIN_KERNEL_INFO, 0 },
	};
	static const u64 ids[] = {
		0x10001, 0x20001, 1ull << 32 | 1, 1ull << 63 | 1, U64_MAX,
		0xffff, 0x10000, 17, 300, 0xffff0001,
	};
	struct client c;
	struct guest g;
	struct shell s;
	u32 i, k;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	for (i = 0; i < ARRAY_SIZE(named); i++)
		for (k = 0; k < ARRAY_SIZE(ids); k++) {
			struct vgpu_cmd cmd = { .opcode = named[i].opcode };

			cmd.op[named[i].at] = ids[k];
			ASSERT_EQ(-ENOENT, raw(&g, &cmd))
				TH_LOG("opcode %#x id %#llx", cmd.opcode,
				       ids[k]);
		}
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

/* Builds end in any order, or badly, or after nobody wants them. */
VGPU_TEST(kernels)
{
	struct vgpu_admin_completion done;
	struct client c;
	struct guest g;
	struct shell s;
	u64 r[2], first, second;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
#define KERNEL(o, offset, bytes)					\
	DO(&g, VGPU_ADMIN_KERNEL_CREATE, r, c.context, o, offset, bytes)
	EXPECT_EQ(-EINVAL, KERNEL(c.block, 0, 4096));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, 4, 4096));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, 0, 79));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, CLIENT_SYSTEM_BYTES, 80));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, 8, CLIENT_SYSTEM_BYTES));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, U64_MAX - 7, 80));
	EXPECT_EQ(-EINVAL, KERNEL(c.system, 0, U64_MAX));
	s.info.used = 5;
	s.info.written = 4;
	s.info.const_bytes = 8;
	ASSERT_EQ(0, KERNEL(c.system, 8, 80));
	first = r[0];
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_KERNEL_INFO, r, first));
	EXPECT_EQ(5 | 4ull << 32, r[0]);
	EXPECT_EQ(8, r[1]);
	/* A worker that lies, or fails with something that is no errno. */
	s.info.written = 8;
	EXPECT_EQ(-EIO, KERNEL(c.system, 0, 80));
	s.info.written = 0;
	s.build_status = -EINVAL;
	EXPECT_EQ(-EINVAL, KERNEL(c.system, 0, 80));
	s.build_status = 5;
	EXPECT_EQ(-EIO, KERNEL(c.system, 0, 80));
	s.build_status = -100000;
	EXPECT_EQ(-EIO, KERNEL(c.system, 0, 80));
	s.build_status = 0;
	EXPECT_EQ(EIO, guest_reg(&g, VGPU_REG_ERR_STATUS) ? EIO : 0);

	/* Out of order; the queue goes on meanwhile. */
	s.keep = 1u << VGPU_WORK_BUILD;
	guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 1, c.context, c.system, 0, 80,
		   0, 0);
	guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 2, c.context, c.system, 0, 80,
		   0, 0);
	guest_send(&g, VGPU_ADMIN_NOP, 3, 0, 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(2, s.n_kept);
	EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(3, done.user_data);
	EXPECT_FALSE(guest_take(&g, &done));
	shell_release_one(&s, 1);
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(2, done.user_data);
	second = done.result[0];
	shell_release(&s);
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_NE(second, done.result[0]);
	MODEL_HOLDS(&s);

	/* The context goes while one is built: an error, and DROP. */
	guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 4, c.context, c.system, 0, 80,
		   0, 0);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_CONTEXT_DESTROY, NULL, c.context));
	shell_release(&s);
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(4, done.user_data);
	EXPECT_EQ(-ENOENT, done.status);
	ASSERT_EQ(NULL, model_gone(&s));

	/* The context goes before the build was handed out: an answer, too. */
	s.keep = 0;
	ASSERT_EQ(0, guest_client(&g, &c));
	guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 5, c.context, c.system, 0, 80,
		   0, 0);
	guest_send(&g, VGPU_ADMIN_CONTEXT_DESTROY, 6, c.context, 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(6, done.user_data);
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(5, done.user_data);
	EXPECT_EQ(-ENOENT, done.status);
	EXPECT_GT(shell_save(&s, NULL, 0), 0);
	ASSERT_EQ(NULL, model_gone(&s));
	leave(_metadata, &g);
}

VGPU_TEST(compact)
{
	struct vgpu_admin_completion done;
	struct guest g;
	struct shell s;
	u64 r[2], block[8];
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, DO(&g, VGPU_ADMIN_BLOCK_CREATE, r, 8192));
		block[i] = r[0];
	}
	for (i = 0; i < 8; i += 2)
		ASSERT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, block[i]));
	s.keep = 1u << VGPU_WORK_MOVE;
	guest_send(&g, VGPU_ADMIN_COMPACT, 1, U64_MAX, 0, 0, 0, 0, 0);
	guest_send(&g, VGPU_ADMIN_OBJECT_DESTROY, 2, block[7], 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(guest_take(&g, &done));
	ASSERT_EQ(1, s.n_kept);
	MODEL_HOLDS(&s);
	EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(1, done.user_data);
	EXPECT_GT(done.result[0], 8191);
	EXPECT_EQ(0, done.result[1]);
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(0, done.status);
	/* Stopped by its budget: there is more to do. */
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_COMPACT, r, 0));
	EXPECT_EQ(0, r[0]);
	EXPECT_EQ(1, r[1]);
	/* A move that fails ends it, and the block stays. */
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, block[1]));
	s.fail = -EIO;
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_COMPACT, r, U64_MAX));
	s.fail = 0;
	EXPECT_EQ(0, r[0]);
	MODEL_HOLDS(&s);
	leave(_metadata, &g);
}

/* A reset at each step of what takes several; late reports change nothing. */
VGPU_TEST(reset_in_the_middle)
{
	static const u32 kinds[] = {
		VGPU_WORK_ADMIN_ATTACH, VGPU_WORK_PIN, VGPU_WORK_RING_ATTACH,
		VGPU_WORK_BUILD, VGPU_WORK_MOVE, VGPU_WORK_SCRUB,
	};
	struct client c;
	struct guest g;
	struct shell s;
	u64 r[2], o;
	u32 i, flr;
	u8 *mem;

	for (i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		flr = i & 1;
		ASSERT_EQ(0, shell_open(&s, NULL));
		ASSERT_EQ(0, guest_enable(&g, &s));
		ASSERT_EQ(0, guest_client(&g, &c));
		o = guest_system(&g, 2, c.context, &mem);
		ASSERT_EQ(0, DO(&g, VGPU_ADMIN_BLOCK_CREATE, r, 4096));
		s.keep = 1u << kinds[i / 2];
		switch (kinds[i / 2]) {
		case VGPU_WORK_ADMIN_ATTACH:
			guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
			guest_ask(&g, &s, 64, 64);
			break;
		case VGPU_WORK_PIN:
			ASSERT_TRUE(guest_send(&g, VGPU_ADMIN_SYSTEM_CREATE, 1,
					       4096, 0, c.context, 0, 0, 0));
			ASSERT_TRUE(shell_run(&s));
			guest_send(&g, VGPU_ADMIN_SYSTEM_PAGES, 2, o + 2, 0, 1,
				   guest_list(&g, 200, 1), 0, 0);
			break;
		case VGPU_WORK_RING_ATTACH:
			guest_send(&g, VGPU_ADMIN_RING_CREATE, 1, c.context, o,
				   8 | 8ull << 32, 0, c.counter, 0);
			break;
		case VGPU_WORK_BUILD:
			guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 1, c.context,
				   o, 0, 128, 0, 0);
			break;
		case VGPU_WORK_MOVE:
			DO(&g, VGPU_ADMIN_UNMAP, NULL, c.context,
			   c.vram_address);
			DO(&g, VGPU_ADMIN_OBJECT_DESTROY, NULL, c.block);
			guest_send(&g, VGPU_ADMIN_COMPACT, 1, U64_MAX, 0, 0, 0,
				   0, 0);
			break;
		case VGPU_WORK_SCRUB:
			guest_send(&g, VGPU_ADMIN_OBJECT_DESTROY, 1, r[0], 0, 0,
				   0, 0, 0);
			break;
		}
		ASSERT_TRUE(shell_run(&s));
		ASSERT_EQ(1, s.n_kept) TH_LOG("kind %u", kinds[i / 2]);
		if (flr)
			vgpu_model_config_write(s.m, 0x60 + 8, 2, 0x8000);
		else
			guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
		EXPECT_EQ(0, guest_reg(&g, VGPU_REG_STATUS));
		MODEL_HOLDS(&s);
		ASSERT_TRUE(shell_run(&s));
		MODEL_HOLDS(&s);
		/* It can be used again at once. */
		s.keep = 0;
		ASSERT_EQ(0, guest_enable(&g, &s));
		ASSERT_EQ(0, guest_client(&g, &c));
		shell_release(&s);
		ASSERT_TRUE(shell_run(&s));
		MODEL_HOLDS(&s);
		EXPECT_EQ(0, client_do(&c, VGPU_CMD_NOP, 0, 0, 0, 0));
		leave(_metadata, &g);
	}
}

/* The queue's memory makes no sense: only a reset helps. */
VGPU_TEST(broken_queue)
{
	struct guest g;
	struct shell s;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	g.admin.hdr->cq_head = 1ull << 40;
	for (i = 0; i < 64; i++)
		guest_send(&g, VGPU_ADMIN_NOP, i, 0, 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	guest_send(&g, VGPU_ADMIN_NOP, i, 0, 0, 0, 0, 0, 0);
	guest_set(&g, VGPU_REG_ADMIN_DOORBELL, 1);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR,
		  guest_reg(&g, VGPU_REG_STATUS));
	EXPECT_EQ(VGPU_SOURCE_ADMIN, guest_reg(&g, VGPU_REG_ERR_SOURCE));
	guest_set(&g, VGPU_REG_ADMIN_DOORBELL, 1);
	EXPECT_FALSE(vgpu_model_pending(s.m));
	guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, guest_reg(&g, VGPU_REG_STATUS));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_NOP, NULL, 0));
	leave(_metadata, &g);
}

/* The queue's memory goes away: it is not written to any more. */
VGPU_TEST(queue_gone)
{
	struct guest g;
	struct shell s;
	u8 *page;
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_NOP, NULL, 0));
	guest_send(&g, VGPU_ADMIN_NOP, 1, 0, 0, 0, 0, 0, 0);
	vgpu_model_admin_gone(s.m);
	page = guest_page(&g, GUEST_ADMIN_PAGE);
	memset(page, 0x5a, 4096);
	ASSERT_TRUE(shell_run(&s));
	guest_set(&g, VGPU_REG_ADMIN_DOORBELL, 1);
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; i < 4096; i++)
		ASSERT_EQ(0x5a, page[i]);
	EXPECT_EQ(VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR,
		  guest_reg(&g, VGPU_REG_STATUS));
	EXPECT_EQ(VGPU_SOURCE_ADMIN, guest_reg(&g, VGPU_REG_ERR_SOURCE));
	EXPECT_EQ(EFAULT, guest_reg(&g, VGPU_REG_ERR_STATUS));
	vgpu_model_admin_gone(s.m);
	EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
	guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, guest_reg(&g, VGPU_REG_STATUS));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_NOP, NULL, 0));
	leave(_metadata, &g);
}

/*
 * A command uses system memory that is destroyed: the answer comes when it has
 * ended, and so does the end of a reset.
 */
VGPU_TEST(memory_in_use)
{
	struct vgpu_admin_completion done;
	struct client c;
	struct guest g;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	s.keep = 1u << VGPU_WORK_COPY;
	ASSERT_TRUE(client_send(&c, VGPU_CMD_UPLOAD, 0, 1, c.vram_address,
				c.system_address, 4096));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(1, s.n_kept);
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_UNMAP, NULL, c.context,
			c.system_address));
	guest_send(&g, VGPU_ADMIN_OBJECT_DESTROY, 77, c.system, 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(guest_take(&g, &done));
	/* Nobody finds it any more; the queue goes on. */
	EXPECT_EQ(-ENOENT, DO(&g, VGPU_ADMIN_OBJECT_INFO, NULL, c.system));
	MODEL_HOLDS(&s);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	ASSERT_TRUE(guest_take(&g, &done));
	EXPECT_EQ(77, done.user_data);
	EXPECT_EQ(0, done.status);

	/* Nobody is answered after a reset. */
	ASSERT_EQ(0, guest_client(&g, &c));
	s.keep = 1u << VGPU_WORK_COPY;
	ASSERT_TRUE(client_send(&c, VGPU_CMD_UPLOAD, 0, 1, c.vram_address,
				c.system_address, 4096));
	ASSERT_TRUE(shell_run(&s));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_UNMAP, NULL, c.context,
			c.system_address));
	guest_send(&g, VGPU_ADMIN_OBJECT_DESTROY, 78, c.system, 0, 0, 0, 0, 0);
	ASSERT_TRUE(shell_run(&s));
	guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	EXPECT_EQ(VGPU_STATUS_BUSY, guest_reg(&g, VGPU_REG_STATUS));
	MODEL_HOLDS(&s);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, guest_reg(&g, VGPU_REG_STATUS));
	ASSERT_EQ(0, guest_enable(&g, &s));
	EXPECT_FALSE(guest_take(&g, &done));
	leave(_metadata, &g);
}

/* The queue and a reset do not wait for more than some pieces of long commands. */
VGPU_TEST(long_commands)
{
	const u64 bytes = 160u << 20, piece = 64u << 20;
	struct vgpu_admin_completion answer;
	struct vgpu_model_config config;
	struct vgpu_completion done;
	u64 r[2], address, sum = 0;
	struct client c;
	struct guest g;
	struct shell s;
	u32 i;

	shell_config(&config);
	config.vram_bytes = 256u << 20;
	config.bank_shift = 28;
	ASSERT_EQ(0, shell_open(&s, &config));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_BLOCK_CREATE, r, bytes));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_MAP, r, c.context, r[0], 0, 0, bytes,
			VGPU_MAP_F_ANYWHERE));
	address = r[0];
	s.keep = 1u << VGPU_WORK_CLEAR;
	ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, 1, address, bytes, 7));
	ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, 2, address, bytes, 8));
	shell_run_for(&s, 1);
	ASSERT_EQ(1, s.n_kept);
	EXPECT_EQ(piece, s.kept[0].bytes);
	guest_send(&g, VGPU_ADMIN_NOP, 5, 0, 0, 0, 0, 0, 0);
	shell_run_for(&s, 1);
	EXPECT_TRUE(guest_take(&g, &answer));
	EXPECT_EQ(2, s.n_kept);
	MODEL_HOLDS(&s);
	ASSERT_TRUE(shell_run(&s));
	for (i = 0; i < s.n_kept; i++) {
		EXPECT_GE(piece, s.kept[i].bytes);
		sum += s.kept[i].bytes;
	}
	EXPECT_EQ(2 * bytes, sum);
	s.keep = 0;
	shell_release(&s);
	ASSERT_TRUE(shell_run(&s));
	for (i = 1; i <= 2; i++) {
		ASSERT_TRUE(client_take(&c, &done));
		EXPECT_EQ(i, done.user_data);
		EXPECT_EQ(0, done.status);
	}
	leave(_metadata, &g);
}

#define RAISED(g, v)	(guest_reg(g, VGPU_REG_IRQ_STATUS) >> (v) & 1)

/* A counter that was read tells of its next change, once. */
VGPU_TEST(watched_counter)
{
	struct client c;
	struct guest g;
	struct shell s;
	u64 r[2];

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter,
			      VGPU_MSIX_VECTORS + 1));
	EXPECT_EQ(-EINVAL, DO(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter,
			      1ull << 32));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_SIGNAL, 0, c.counter, 4, 0));
	EXPECT_FALSE(RAISED(&g, 9));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter, 10));
	EXPECT_EQ(4, r[0]);
	/* No change. */
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_SIGNAL, 0, c.counter, 4, 0));
	EXPECT_FALSE(RAISED(&g, 9));
	/* Reading it otherwise does not end that. */
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_SIGNAL, 0, c.counter, 5, 0));
	EXPECT_TRUE(RAISED(&g, 9));
	guest_set(&g, VGPU_REG_IRQ_ACK, 1u << 9);
	EXPECT_EQ(0, DO(&g, VGPU_ADMIN_COUNTER_SIGNAL, r, c.counter, 6));
	EXPECT_FALSE(RAISED(&g, 9));
	leave(_metadata, &g);
}

/* Whoever waits for a ring's reset is told of its end. */
VGPU_TEST(ring_reset_raises)
{
	struct client c;
	struct guest g;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, guest_enable(&g, &s));
	ASSERT_EQ(0, guest_client(&g, &c));
	EXPECT_FALSE(RAISED(&g, 1));
	ASSERT_EQ(0, DO(&g, VGPU_ADMIN_RING_CONTROL, NULL, c.ring,
			VGPU_RING_RESET));
	EXPECT_EQ(VGPU_RING_IDLE, c.view.hdr->state);
	EXPECT_TRUE(RAISED(&g, 1));
	leave(_metadata, &g);
}

TEST_HARNESS_MAIN
