// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The model, by the direct way: what the module's own driver asks of it. */
#include "kunit_rig.h"

static void round_trip(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *c = rig_client_open(r, 64, 64);
	struct vgpu_completion done;
	u32 *words = (u32 *)c->system_memory;
	u64 value[2];
	u32 i;

	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_CLEAR, 0, c->vram_address,
				RIG_BYTES, 0x01020304));
	VGPU_EQ(test, 0x01020304, *(u32 *)(r->vram + c->vram_offset));
	for (i = 0; i < RIG_BYTES / 4; i++)
		words[i] = i;
	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_UPLOAD, 0, c->vram_address + 4096,
				c->system_address + 8192, 4096));
	VGPU_OK(test, !memcmp(r->vram + c->vram_offset + 4096, &words[2048],
			      4096));
	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_COPY, 0, c->vram_address + 32768,
				c->vram_address + 4096, 8192));
	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_DOWNLOAD, 0, c->system_address,
				c->vram_address + 32768, 8192));
	VGPU_OK(test, !memcmp(words, &words[2048], 4096));
	VGPU_EQ(test, 0x01020304, words[1024]);
	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_SIGNAL, 0, c->counter, 5, 0));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_COUNTER_READ, value,
				   c->counter));
	VGPU_EQ(test, 5, value[0]);

	/* Beyond the block, and what is no command. */
	VGPU_EQ(test, -EFAULT, rig_do(c, VGPU_CMD_CLEAR, 0, c->vram_address,
				      RIG_BYTES + 4, 0));
	VGPU_OK(test, rig_do(c, VGPU_CMD_OPCODES, 0, 0, 0, 0));

	/* As many as there is room for, in order. */
	for (i = 0; rig_send(c, VGPU_CMD_NOP, VGPU_CMD_F_BARRIER, i, 0, 0, 0);)
		i++;
	VGPU_EQ(test, 64, i);
	rig_run(r);
	for (i = 0; rig_reap(c, &done); i++)
		VGPU_EQ(test, i, done.user_data);
	VGPU_EQ(test, 64, i);
	rig_client_close(c);
	rig_empty(r);
}

static void interrupts(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *c = rig_client_open(r, 64, 64);
	struct vgpu_completion done;

	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_NOP, 0, 0, 0, 0));
	VGPU_EQ(test, 0, r->interrupts[1]);
	VGPU_EQ(test, 0, rig_do(c, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0,
				0));
	VGPU_EQ(test, 1, r->interrupts[1]);
	/* Who waits gets one, once. */
	VGPU_OK(test, vgpu_ring_prepare_wait(&c->reaper));
	VGPU_OK(test, rig_send(c, VGPU_CMD_NOP, 0, 1, 0, 0, 0));
	VGPU_OK(test, rig_send(c, VGPU_CMD_NOP, 0, 2, 0, 0, 0));
	rig_run(r);
	VGPU_EQ(test, 2, r->interrupts[1]);
	VGPU_OK(test, rig_reap(c, &done) && rig_reap(c, &done));
	VGPU_EQ(test, 2, done.user_data);
	rig_client_close(c);
	rig_empty(r);
}

/* With commands taken, others not, and work out that is reported after it. */
static void reset(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *c;
	u32 i, k, n;

	for (k = 0; k < 4; k++) {
		c = rig_client_open(r, 64, 64);
		VGPU_OK(test, vgpu_account_current(&r->gpu) >= RIG_BYTES);
		for (i = 0; i < 40; i++)
			VGPU_OK(test, rig_send(c, VGPU_CMD_CLEAR, 0, i,
					       c->vram_address, 4096, i));
		n = rig_take(r, 1 + 5 * k);
		VGPU_OK(test, n);
		RIG_CHECK(r);
		rig_reset(r);
		RIG_CHECK(r);
		rig_execute(r, n);
		RIG_CHECK(r);
		rig_empty(r);
		VGPU_EQ(test, -ENOENT, RIG_CALL(r, vgpu_model_kick(r->m,
								   c->ring)));
	}
}

static void limit(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct vgpu_model_stats st;
	u64 id[2];

	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_set_limit(r->m, 12288)));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_BLOCK_CREATE, id, 8192));
	VGPU_EQ(test, -ENOSPC, RIG_ADMIN(r, VGPU_ADMIN_BLOCK_CREATE, NULL,
					 8192));
	RIG_CHECK(r);
	/* The GPU's account is the other limit. */
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_set_limit(r->m, 0)));
	vgpu_account_set_limit(&r->gpu, 12288);
	VGPU_EQ(test, -ENOSPC, RIG_ADMIN(r, VGPU_ADMIN_BLOCK_CREATE, NULL,
					 8192));
	rig_stats(r, &st);
	VGPU_EQ(test, 8192, st.vram_used);
	VGPU_EQ(test, 8192, vgpu_account_current(&r->gpu));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_OBJECT_DESTROY, NULL, id[0]));
	rig_empty(r);
}

static void poll(struct kunit *test)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct rig *r = rig_open(test);
	struct rig_client *c = rig_client_open(r, 64, 64);
	struct vgpu_completion done;
	const u32 *slot;
	bool doorbell;
	u32 seq, i;

	VGPU_OK(test, !RIG_CALL(r, vgpu_model_poll_slot(r->m, c->ring, &seq)));
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_poll(r->m, c->ring, true)));
	VGPU_OK(test, !RIG_CALL(r, vgpu_model_poll_slot(r->m, c->ring, &seq)));
	rig_run(r);
	for (i = 0; i < 3; i++) {
		slot = RIG_CALL(r, vgpu_model_poll_slot(r->m, c->ring, &seq));
		VGPU_OK(test, slot && READ_ONCE(*slot) != seq);
		VGPU_EQ(test, 1, vgpu_ring_submit(&c->view, &nop, 1, 1,
						  &doorbell));
		/* The mark of its sleep may be there, once. */
		VGPU_OK(test, !i || !doorbell);
		VGPU_EQ(test, seq, READ_ONCE(*slot));
		VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_kick(r->m, c->ring)));
		rig_run(r);
		VGPU_OK(test, rig_reap(c, &done));
	}
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_poll(r->m, c->ring, false)));
	rig_run(r);
	VGPU_OK(test, !RIG_CALL(r, vgpu_model_poll_slot(r->m, c->ring, &seq)));
	VGPU_EQ(test, 1, vgpu_ring_submit(&c->view, &nop, 1, 1, &doorbell));
	VGPU_OK(test, doorbell);
	VGPU_EQ(test, -ENOENT, RIG_CALL(r, vgpu_model_poll(r->m, c->ring + 1,
							   true)));
	rig_client_close(c);
	rig_empty(r);
}

/* An object that is closed goes with the last that uses it. */
static void object_close(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *a = rig_client_open(r, 64, 64);
	struct rig_client *b = rig_client_open(r, 64, 64);
	u64 id[2], at_a[2], at_b[2];
	struct vgpu_model_stats st;

	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_BLOCK_CREATE, id, 8192));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_MAP, at_a, a->context, id[0],
				   0, 0, 8192, VGPU_MAP_F_ANYWHERE));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_MAP, at_b, b->context, id[0],
				   0, 0, 8192, VGPU_MAP_F_ANYWHERE));
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_object_close(r->m, id[0])));
	RIG_CHECK(r);
	VGPU_EQ(test, 0, rig_do(a, VGPU_CMD_CLEAR, 0, at_a[0], 8192, 7));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_UNMAP, NULL, a->context,
				   at_a[0]));
	rig_run(r);
	VGPU_EQ(test, 0, rig_do(b, VGPU_CMD_CLEAR, 0, at_b[0], 8192, 8));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_UNMAP, NULL, b->context,
				   at_b[0]));
	rig_run(r);
	rig_stats(r, &st);
	VGPU_EQ(test, 2 * RIG_BYTES, st.vram_used);
	VGPU_EQ(test, -ENOENT, RIG_CALL(r, vgpu_model_object_close(r->m,
								   id[0])));

	/* Pinned; and one that nobody uses. */
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_BLOCK_CREATE, id, 8192));
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_OBJECT_PIN, NULL, id[0], 1));
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_object_close(r->m, id[0])));
	rig_run(r);
	rig_stats(r, &st);
	VGPU_EQ(test, 2 * RIG_BYTES + 8192, st.vram_used);
	VGPU_EQ(test, 0, RIG_ADMIN(r, VGPU_ADMIN_OBJECT_PIN, NULL, id[0], 0));
	rig_run(r);
	rig_stats(r, &st);
	VGPU_EQ(test, 2 * RIG_BYTES, st.vram_used);
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_object_close(r->m,
							     a->ring_object)));
	VGPU_EQ(test, 0, rig_do(a, VGPU_CMD_NOP, 0, 0, 0, 0));
	rig_client_close(a);
	rig_client_close(b);
	rig_empty(r);
}

/* What a block holds goes where it goes, which is down. */
static void compact(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *a = rig_client_open(r, 64, 64);
	struct rig_client *b = rig_client_open(r, 64, 64);
	struct vgpu_mem mem;
	u64 bytes;
	bool more;

	VGPU_EQ(test, 0, rig_do(b, VGPU_CMD_CLEAR, 0, b->vram_address,
				RIG_BYTES, 0xabcdef01));
	VGPU_OK(test, b->vram_offset);
	rig_client_close(a);
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_compact(r->m, U64_MAX)));
	rig_run(r);
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_compacted(r->m, &bytes, &more)));
	VGPU_EQ(test, RIG_BYTES, bytes);
	bytes = RIG_BYTES;
	VGPU_EQ(test, 0, RIG_CALL(r, vgpu_model_range(r->m, b->context,
						      b->vram_address, &bytes,
						      true, &mem)));
	VGPU_EQ(test, 0, mem.offset);
	VGPU_EQ(test, 0xabcdef01, *(u32 *)(r->vram + mem.offset));
	VGPU_EQ(test, 0xabcdef01,
		*(u32 *)(r->vram + mem.offset + RIG_BYTES - 4));
	rig_client_close(b);
	rig_empty(r);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(round_trip),
	KUNIT_CASE(interrupts),
	KUNIT_CASE(reset),
	KUNIT_CASE(limit),
	KUNIT_CASE(poll),
	KUNIT_CASE(object_close),
	KUNIT_CASE(compact),
	{}
};

struct kunit_suite vgpu_model_suite = {
	.name = "vgpu_model",
	.test_cases = cases,
};
