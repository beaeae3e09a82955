// SPDX-License-Identifier: MIT
/*
 * What a shell that is its own driver asks of the device model, as the render
 * node does: objects that are closed while they are used, rings that a thread
 * polls, a device whose contexts go and whose memory stays, what backs a range.
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

static u64 used(struct shell *s)
{
	struct vgpu_model_stats st;

	vgpu_model_stats(s->m, &st);
	return st.vram_used;
}

static u32 objects(struct shell *s)
{
	struct vgpu_model_stats st;

	vgpu_model_stats(s->m, &st);
	return st.objects;
}

static u32 make_block(struct shell *s)
{
	u64 r[2];

	return shell_admin(s, VGPU_ADMIN_BLOCK_CREATE, r, 8192, 0, 0, 0, 0, 0) ?
	       0 : (u32)r[0];
}

static int map_it(struct shell *s, u32 context, u32 object, u64 *address)
{
	u64 r[2];
	int ret = shell_admin(s, VGPU_ADMIN_MAP, r, context, object, 0, 0, 8192,
			      VGPU_MAP_F_ANYWHERE);

	*address = r[0];
	return ret;
}

VGPU_TEST(closed_unused)
{
	struct shell s;
	u32 block;

	ASSERT_EQ(0, shell_open(&s, NULL));
	block = make_block(&s);
	ASSERT_NE(0, block);
	ASSERT_EQ(8192, used(&s));
	EXPECT_EQ(0, vgpu_model_object_close(s.m, block));
	EXPECT_EQ(-ENOENT, vgpu_model_object_close(s.m, block));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, used(&s));
	EXPECT_EQ(0, objects(&s));
	CHECK_MODEL(&s);
	shell_close(&s);
}

/* With two mappings in two contexts: it goes with the last one. */
VGPU_TEST(closed_mapped)
{
	struct client a, b;
	struct shell s;
	u64 before, at_a, at_b;
	u32 block;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&a, &s));
	ASSERT_EQ(0, client_open(&b, &s));
	before = used(&s);
	block = make_block(&s);
	ASSERT_EQ(0, map_it(&s, a.context, block, &at_a));
	ASSERT_EQ(0, map_it(&s, b.context, block, &at_b));
	EXPECT_EQ(-EBUSY, shell_admin(&s, VGPU_ADMIN_OBJECT_DESTROY, NULL,
				      block, 0, 0, 0, 0, 0));
	EXPECT_EQ(0, vgpu_model_object_close(s.m, block));
	/* It is used on as before. */
	EXPECT_EQ(0, client_do(&a, VGPU_CMD_CLEAR, 0, at_a, 8192, 7));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_UNMAP, NULL, a.context, at_a,
				 0, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(before + 8192, used(&s));
	EXPECT_EQ(0, client_do(&b, VGPU_CMD_CLEAR, 0, at_b, 8192, 8));
	client_close(&b);
	ASSERT_TRUE(shell_run(&s));
	CHECK_MODEL(&s);
	EXPECT_EQ(before - CLIENT_VRAM_BYTES, used(&s));
	client_close(&a);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, used(&s));
	shell_close(&s);
}

VGPU_TEST(closed_pinned)
{
	struct shell s;
	u32 block;

	ASSERT_EQ(0, shell_open(&s, NULL));
	block = make_block(&s);
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, block, 1, 0,
				 0, 0, 0));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, block, 1, 0,
				 0, 0, 0));
	EXPECT_EQ(0, vgpu_model_object_close(s.m, block));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, block, 0, 0,
				 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(8192, used(&s));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, block, 0, 0,
				 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, used(&s));
	CHECK_MODEL(&s);
	shell_close(&s);
}

/* A ring's memory that is closed stays until the ring has let go of it. */
VGPU_TEST(closed_ring_memory)
{
	struct client c;
	struct shell s;
	u32 before;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	before = objects(&s);
	EXPECT_EQ(0, vgpu_model_object_close(s.m, c.ring_object));
	EXPECT_EQ(0, client_do(&c, VGPU_CMD_NOP, 0, 0, 0, 0));
	EXPECT_EQ(0, shell_admin(&s, VGPU_ADMIN_RING_DESTROY, NULL, c.ring, 0,
				 0, 0, 0, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(before - 1, objects(&s));
	CHECK_MODEL(&s);
	client_close(&c);
	ASSERT_TRUE(shell_run(&s));
	shell_close(&s);
}

VGPU_TEST(polled)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP, .user_data = 1 };
	struct vgpu_completion done;
	struct client c;
	struct shell s;
	bool doorbell;
	const u32 *slot;
	u32 seq;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	ASSERT_TRUE(shell_run(&s));
	/* Asleep: nobody looks, and a producer has to ring. */
	EXPECT_EQ(NULL, vgpu_model_poll_slot(s.m, c.ring, &seq));
	ASSERT_EQ(0, vgpu_model_poll(s.m, c.ring, true));
	/* Not before it has been run: there may be something already. */
	EXPECT_EQ(NULL, vgpu_model_poll_slot(s.m, c.ring, &seq));
	ASSERT_TRUE(shell_run(&s));
	slot = vgpu_model_poll_slot(s.m, c.ring, &seq);
	ASSERT_NE(NULL, slot);
	/* The mark of its sleep may still be there, once. */
	ASSERT_EQ(1, vgpu_ring_submit(&c.view, &nop, 1, 1, &doorbell));
	EXPECT_EQ(seq, *slot);
	EXPECT_EQ(0, vgpu_model_kick(s.m, c.ring));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_TRUE(client_take(&c, &done));
	slot = vgpu_model_poll_slot(s.m, c.ring, &seq);
	ASSERT_NE(NULL, slot);
	ASSERT_EQ(1, vgpu_ring_submit(&c.view, &nop, 1, 1, &doorbell));
	EXPECT_FALSE(doorbell);
	EXPECT_EQ(seq, *slot);
	EXPECT_EQ(0, vgpu_model_kick(s.m, c.ring));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_TRUE(client_take(&c, &done));

	/* No more: it asks for the doorbell again. */
	ASSERT_EQ(0, vgpu_model_poll(s.m, c.ring, false));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(NULL, vgpu_model_poll_slot(s.m, c.ring, &seq));
	ASSERT_EQ(1, vgpu_ring_submit(&c.view, &nop, 1, 1, &doorbell));
	EXPECT_TRUE(doorbell);
	EXPECT_EQ(-ENOENT, vgpu_model_poll(s.m, c.ring + 1, true));
	EXPECT_EQ(NULL, vgpu_model_poll_slot(s.m, c.ring + 1, &seq));
	CHECK_MODEL(&s);
	client_close(&c);
	ASSERT_TRUE(shell_run(&s));
	shell_close(&s);
}

/* Contexts go, with rings in the middle of work; nobody's memory stays. */
VGPU_TEST(clear)
{
	struct vgpu_model_stats st;
	struct client c;
	struct shell s;
	u32 block, i;
	u64 at;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	block = make_block(&s);
	ASSERT_EQ(0, map_it(&s, c.context, block, &at));
	for (i = 0; i < 10; i++)
		ASSERT_TRUE(client_send(&c, VGPU_CMD_CLEAR, 0, i, at, 8192, i));
	vgpu_model_clear(s.m);
	ASSERT_TRUE(shell_run(&s));
	vgpu_model_stats(s.m, &st);
	EXPECT_EQ(0, st.contexts);
	EXPECT_EQ(0, st.rings);
	EXPECT_EQ(0, st.mappings);
	EXPECT_EQ(0, st.in_flight);
	EXPECT_EQ(1, st.objects);
	EXPECT_EQ(8192, st.vram_used);
	EXPECT_EQ(0, vgpu_model_object_close(s.m, block));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(0, used(&s));
	CHECK_MODEL(&s);
	shell_close(&s);
}

VGPU_TEST(range)
{
	struct vgpu_mem mem;
	struct client c;
	struct shell s;
	u64 bytes, r[2];

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	bytes = 1 << 30;
	EXPECT_EQ(0, vgpu_model_range(s.m, c.context, c.vram_address + 256,
				      &bytes, true, &mem));
	EXPECT_EQ(CLIENT_VRAM_BYTES - 256, bytes);
	EXPECT_EQ(0, mem.object);
	EXPECT_EQ(c.vram_offset + 256, mem.offset);
	bytes = 4;
	EXPECT_EQ(0, vgpu_model_range(s.m, c.context, c.system_address, &bytes,
				      true, &mem));
	EXPECT_EQ(4, bytes);
	EXPECT_EQ(c.system, mem.object);
	EXPECT_EQ(0, mem.offset);
	EXPECT_EQ(-EFAULT, vgpu_model_range(s.m, c.context, 4096, &bytes, true,
					    &mem));
	EXPECT_EQ(-EFAULT, vgpu_model_range(s.m, c.context, U64_MAX, &bytes,
					    true, &mem));
	EXPECT_EQ(-ENOENT, vgpu_model_range(s.m, c.context + 1,
					    c.system_address, &bytes, true,
					    &mem));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_MAP, r, c.context, c.block, 0,
				 0, 4096,
				 VGPU_MAP_F_ANYWHERE | VGPU_MAP_F_READ_ONLY));
	EXPECT_EQ(-EACCES, vgpu_model_range(s.m, c.context, r[0], &bytes, true,
					    &mem));
	EXPECT_EQ(0, vgpu_model_range(s.m, c.context, r[0], &bytes, false,
				      &mem));
	client_close(&c);
	ASSERT_TRUE(shell_run(&s));
	shell_close(&s);
}

VGPU_TEST(error_record)
{
	struct vgpu_model_error error;
	struct client c;
	struct shell s;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, client_open(&c, &s));
	vgpu_model_error(s.m, &error);
	EXPECT_EQ(0, error.count);
	EXPECT_EQ(0, error.status);
	EXPECT_EQ(-EFAULT, client_do(&c, VGPU_CMD_CLEAR, 0, 0x7000000000ull,
				     4, 0));
	EXPECT_EQ(-EINVAL, client_do(&c, VGPU_CMD_CLEAR, 0, c.vram_address, 3,
				     0));
	vgpu_model_error(s.m, &error);
	EXPECT_EQ(2, error.count);
	EXPECT_EQ(-EFAULT, error.status);
	EXPECT_EQ(c.ring, error.source);
	EXPECT_EQ(VGPU_CMD_CLEAR, error.opcode);
	EXPECT_EQ(c.context, error.context);
	EXPECT_EQ(0x7000000000ull, error.address);
	EXPECT_EQ(0x5eed, error.user_data);
	client_close(&c);
	ASSERT_TRUE(shell_run(&s));
	shell_close(&s);
}

/* Launches that do not end take all jobs but those that are kept. */
VGPU_TEST(favoured)
{
	struct vgpu_model_config config;
	struct vgpu_kernel_info info = { .workgroup = { 1, 1, 1 } };
	struct client many, one;
	struct vgpu_completion done;
	struct shell s;
	u32 i, kernel;

	shell_config(&config);
	config.max_jobs = 16;
	ASSERT_EQ(0, shell_open(&s, &config));
	s.keep = 1u << VGPU_WORK_LAUNCH;
	vgpu_model_engine(s.m, true, 0);
	ASSERT_EQ(0, client_open(&many, &s));
	ASSERT_EQ(0, client_open(&one, &s));
	EXPECT_EQ(-ENOENT, vgpu_model_favour(s.m, one.ring + 1));
	ASSERT_EQ(0, vgpu_model_favour(s.m, one.ring));
	ASSERT_EQ(0, shell_kernel(&s, many.context, &info, 1,
					   &kernel));
	for (i = 0; i < 32; i++)
		ASSERT_TRUE(client_send(&many, VGPU_CMD_LAUNCH, 0, i, kernel,
					1 | 1ull << 32, 1));
	ASSERT_TRUE(shell_run(&s));
	CHECK_MODEL(&s);
	EXPECT_FALSE(client_take(&many, &done));
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, client_do(&one, VGPU_CMD_CLEAR, 0,
				       one.vram_address, 4096, i));
	/* All others run in the end. */
	for (i = 0; i < 32; i++) {
		while (!client_take(&many, &done)) {
			shell_release(&s);
			ASSERT_TRUE(shell_run(&s));
		}
		EXPECT_EQ(0, done.status);
		EXPECT_EQ(i, done.user_data);
	}
	CHECK_MODEL(&s);
	client_close(&many);
	client_close(&one);
	ASSERT_TRUE(shell_run(&s));
	shell_close(&s);
}

TEST_HARNESS_MAIN
