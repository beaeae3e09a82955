// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Ring memory that holds anything, and that changes while it is read. */
#include "kunit_rig.h"

static u64 odd_number(u64 *seed)
{
	static const u64 odd[] = {
		0, 1, U64_MAX, 1ull << 63, 1ull << 31, 1ull << 32, 64, 65, 128,
	};

	if (vgpu_kunit_rnd(seed) % 4)
		return odd[vgpu_kunit_rnd(seed) % ARRAY_SIZE(odd)];
	return (u64)vgpu_kunit_rnd(seed) << 40 ^
	       (u64)vgpu_kunit_rnd(seed) << 20 ^ vgpu_kunit_rnd(seed);
}

static u64 *anywhere(struct rig_client *c, u64 *seed)
{
	return (u64 *)c->ring_memory +
	       vgpu_kunit_rnd(seed) % (VGPU_RING_BYTES(64, 64) / 8);
}

static u64 *anywhere_in_sq(struct rig_client *c, u64 *seed)
{
	return (u64 *)c->view.sq + vgpu_kunit_rnd(seed) % (64 * 8);
}

/* A call of run is as short as it was told. */
static void step(struct rig *r, u32 max)
{
	struct vgpu_model_stats before, after;
	u32 n;

	rig_stats(r, &before);
	n = rig_take(r, max);
	rig_stats(r, &after);
	VGPU_OK(r->test, n <= max);
	VGPU_OK(r->test, after.queued - before.queued <= 4 * max);
	rig_execute(r, n);
}

/* A ring in the error state goes on after a reset. */
static u32 again(struct rig_client *c, u64 *taken)
{
	u64 info[2];

	if (RIG_CALL(c->r, vgpu_model_ring_state(c->r->m, c->ring)) !=
	    VGPU_RING_ERROR)
		return 0;
	VGPU_EQ(c->r->test, 0, rig_control(c, VGPU_RING_RESET));
	vgpu_ring_reaper_init(&c->reaper, &c->view);
	VGPU_EQ(c->r->test, 0, RIG_ADMIN(c->r, VGPU_ADMIN_RING_INFO, info,
					 c->ring));
	*taken = info[0];
	rig_control(c, VGPU_RING_START);
	return 1;
}

/* Let the device take what lies in the next slots, whatever that is. */
static void publish(struct rig_client *c, u64 taken)
{
	u64 info[2], pos;
	u32 i;

	VGPU_EQ(c->r->test, 0, RIG_ADMIN(c->r, VGPU_ADMIN_RING_INFO, info,
					 c->ring));
	pos = 64 + info[0] - taken;
	for (i = 0; i < 16; i++, pos++)
		WRITE_ONCE(vgpu_ring_slot(&c->view, pos)->seq,
			   vgpu_ring_seq(pos));
}

static void scribble(struct rig_client *c, u64 *seed, u64 taken)
{
	u64 v = odd_number(seed);
	u32 i;

	switch (vgpu_kunit_rnd(seed) % 8) {
	case 0:
		WRITE_ONCE(c->view.hdr->cq_head, v);
		break;
	case 1:
		WRITE_ONCE(c->view.hdr->sq_tail, v);
		break;
	case 2:
		c->view.hdr->sq_head = v;
		c->view.hdr->sq_entries = v;
		c->view.hdr->cq_entries = v;
		break;
	case 3:
		WRITE_ONCE(*anywhere(c, seed), v);
		break;
	case 4:
	case 5:
		rig_send(c, vgpu_kunit_rnd(seed) % 9, vgpu_kunit_rnd(seed) & 7,
			 v, c->vram_address, vgpu_kunit_rnd(seed) % 512 * 4,
			 vgpu_kunit_rnd(seed) % 512 * 4);
		break;
	case 6:
		for (i = 0; i < 32; i++)
			WRITE_ONCE(*anywhere_in_sq(c, seed),
				   (u64)vgpu_kunit_rnd(seed) << 32 |
				   vgpu_kunit_rnd(seed));
		publish(c, taken);
		break;
	default:
		rig_control(c, 1 + vgpu_kunit_rnd(seed) % 3);
		break;
	}
}

static void random_bytes(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *bad = rig_client_open(r, 64, 64);
	struct rig_client *good = rig_client_open(r, 64, 64);
	struct vgpu_model_stats st;
	u64 seed = 7, taken = 0;
	u32 i, errors = 0;

	for (i = 0; i < 30000; i++) {
		scribble(bad, &seed, taken);
		if (vgpu_kunit_rnd(&seed) & 1)
			RIG_CALL(r, vgpu_model_kick(r->m, bad->ring));
		step(r, 1 + vgpu_kunit_rnd(&seed) % RIG_BATCH);
		errors += again(bad, &taken);
		if (i % 16 == 0) {
			RIG_CHECK(r);
			VGPU_EQ(test, 0, rig_do(good, VGPU_CMD_CLEAR, 0,
						good->vram_address, 4, i));
			cond_resched();
		}
	}
	rig_stats(r, &st);
	kunit_info(test, "%u errors, %llu commands, %llu failed", errors,
		   st.queued, st.failed);
	VGPU_OK(test, errors);
	VGPU_OK(test, st.failed);
	rig_client_close(bad);
	rig_client_close(good);
	rig_empty(r);
}

struct race {
	struct vgpu_kunit_thread thread;
	struct rig_client *c;
	u64 writes;
};

static int change(void *arg)
{
	struct race *race = arg;
	struct rig_client *c = race->c;
	u64 seed = 99;
	u32 i;

	for (; !READ_ONCE(race->thread.stop); race->writes++) {
		/* A size that was valid, and then is not; or anything. */
		for (i = 0; i < 64; i++)
			WRITE_ONCE(c->view.sq[i].op[1],
				   vgpu_kunit_rnd(&seed) & 1 ? 4096 :
				   2 * RIG_BYTES);
		WRITE_ONCE(*anywhere(c, &seed), odd_number(&seed));
		cond_resched();
	}
	return 0;
}

static void changed_while_read(struct kunit *test)
{
	struct rig *r = rig_open(test);
	struct rig_client *c = rig_client_open(r, 64, 64);
	struct vgpu_completion done;
	struct race *race;
	u64 seed = 5, taken;
	u32 i, k;

	race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	VGPU_OK(test, race);
	race->c = c;
	vgpu_kunit_start(test, &race->thread, change, race);
	for (i = 0; i < 10000; i++) {
		for (k = 0; k < 16; k++)
			rig_send(c, VGPU_CMD_CLEAR, 0, k, c->vram_address, 4096,
				 k);
		RIG_CALL(r, vgpu_model_kick(r->m, c->ring));
		for (k = 0; k < 4; k++)
			step(r, 1 + vgpu_kunit_rnd(&seed) % RIG_BATCH);
		again(c, &taken);
		for (k = 0; k < 64 && rig_reap(c, &done); k++)
			;
		if (i % 16 == 0)
			RIG_CHECK(r);
		cond_resched();
	}
	WRITE_ONCE(race->thread.stop, true);
	VGPU_EQ(test, 0, vgpu_kunit_join(&race->thread));
	VGPU_OK(test, race->writes);
	rig_client_close(c);
	rig_empty(r);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(random_bytes),
	KUNIT_CASE(changed_while_read),
	{}
};

struct kunit_suite vgpu_hostile_suite = {
	.name = "vgpu_hostile",
	.test_cases = cases,
};
