// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Who is next on a GPU: by what tenants are charged, not by how fast this machine
 * is.  Where somebody has to wait, that is a thread.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include "turn.h"
#include "vgpu_kunit.h"

#define TENANTS		3u

struct tenant {
	struct vgpu_turn turn;
	struct vgpu_kunit_thread thread;
	atomic_t *turns;	/* that all have had */
	int nth;		/* which of these was this one's; 0: none yet */
};

struct gpu {
	struct vgpu_turns turns;
	struct vgpu_turn holder;
	struct tenant t[TENANTS];
	atomic_t n;
};

static int take(void *arg)
{
	struct tenant *t = arg;

	vgpu_turn_take(&t->turn);
	WRITE_ONCE(t->nth, atomic_inc_return(t->turns));
	vgpu_turn_end(&t->turn);
	return 0;
}

static bool waits(struct tenant *t)
{
	bool waiting;

	spin_lock(&t->turn.turns->lock);
	waiting = !RB_EMPTY_NODE(&t->turn.node);
	spin_unlock(&t->turn.turns->lock);
	return waiting;
}

static struct gpu *make(struct kunit *test, u32 slots)
{
	struct gpu *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	u32 i;

	VGPU_OK(test, g);
	vgpu_turns_init(&g->turns, slots);
	vgpu_turn_init(&g->holder, &g->turns);
	for (i = 0; i < TENANTS; i++) {
		vgpu_turn_init(&g->t[i].turn, &g->turns);
		g->t[i].turns = &g->n;
	}
	return g;
}

/* One slot, which is taken, and all wait for it. */
static struct gpu *line_up(struct kunit *test)
{
	struct gpu *g = make(test, 1);
	u32 i;

	VGPU_OK(test, vgpu_turn_try(&g->holder));
	for (i = 0; i < TENANTS; i++) {
		vgpu_kunit_start(test, &g->t[i].thread, take, &g->t[i]);
		while (!waits(&g->t[i]))
			msleep(20);
		VGPU_OK(test, !vgpu_turn_try(&g->t[i].turn));
	}
	return g;
}

static void end(struct kunit *test, struct gpu *g, const int nth[TENANTS])
{
	u32 i;

	vgpu_turn_end(&g->holder);
	for (i = 0; i < TENANTS; i++)
		VGPU_EQ(test, 0, vgpu_kunit_join(&g->t[i].thread));
	for (i = 0; i < TENANTS; i++)
		VGPU_EQ(test, nth[i], g->t[i].nth);
	VGPU_EQ(test, 0, g->turns.running);
}

static void share(struct tenant *t, u32 weight, u32 priority, u32 cap)
{
	const struct vgpu_share share = { weight, priority, cap };

	vgpu_turn_set(&t->turn, &share);
}

/* The engine's time counts for one that waits. */
static void charged(struct kunit *test)
{
	static const int nth[] = { 3, 2, 1 };
	struct gpu *g = line_up(test);

	vgpu_turn_charge(&g->t[0].turn, 3 * NSEC_PER_SEC);
	vgpu_turn_charge(&g->t[1].turn, 2 * NSEC_PER_SEC);
	vgpu_turn_charge(&g->t[2].turn, 1 * NSEC_PER_SEC);
	VGPU_EQ(test, 2 * NSEC_PER_SEC, vgpu_turn_busy_ns(&g->t[1].turn));
	VGPU_OK(test, vgpu_turns_busy_ns(&g->turns) > 6 * NSEC_PER_SEC);
	end(test, g, nth);
}

static void weights(struct kunit *test)
{
	static const int nth[] = { 2, 3, 1 };
	struct gpu *g = line_up(test);

	share(&g->t[0], 200, 0, VGPU_CAP_NONE);
	share(&g->t[1], 50, 0, VGPU_CAP_NONE);
	share(&g->t[2], 10000, 0, VGPU_CAP_NONE);
	vgpu_turn_charge(&g->t[0].turn, 3 * NSEC_PER_SEC);
	vgpu_turn_charge(&g->t[1].turn, 1 * NSEC_PER_SEC);
	vgpu_turn_charge(&g->t[2].turn, 100 * NSEC_PER_SEC);
	end(test, g, nth);
}

/* It lets go first who has not had much more than others, and nobody else. */
static void priorities(struct kunit *test)
{
	static const int nth[] = { 3, 1, 2 };
	struct gpu *g = line_up(test);

	vgpu_turn_charge(&g->t[0].turn, 1100 * NSEC_PER_MSEC);
	vgpu_turn_charge(&g->t[1].turn, 1090 * NSEC_PER_MSEC);
	vgpu_turn_charge(&g->t[2].turn, 1000 * NSEC_PER_MSEC);
	share(&g->t[0], VGPU_WEIGHT_DEFAULT, 9, VGPU_CAP_NONE);
	share(&g->t[1], VGPU_WEIGHT_DEFAULT, 10, VGPU_CAP_NONE);
	end(test, g, nth);
}

/* Who has had less goes on, who has had more lets others go. */
static void yielding(struct kunit *test)
{
	static const int nth[] = { 1, 2, 3 };
	struct gpu *g = line_up(test);
	u32 i;

	for (i = 0; i < TENANTS; i++)
		vgpu_turn_charge(&g->t[i].turn, (i + 1) * NSEC_PER_SEC);
	vgpu_turn_yield(&g->holder);
	VGPU_EQ(test, 0, atomic_read(&g->n));
	vgpu_turn_charge(&g->holder, 10 * NSEC_PER_SEC);
	vgpu_turn_yield(&g->holder);
	VGPU_EQ(test, 3, atomic_read(&g->n));
	end(test, g, nth);
}

static void slots(struct kunit *test)
{
	struct gpu *g = make(test, 2);

	VGPU_OK(test, vgpu_turn_try(&g->t[0].turn));
	VGPU_OK(test, vgpu_turn_try(&g->t[1].turn));
	VGPU_OK(test, !vgpu_turn_try(&g->t[2].turn));
	VGPU_OK(test, !vgpu_turn_over(&g->t[0].turn));
	vgpu_turn_end(&g->t[0].turn);
	VGPU_OK(test, vgpu_turn_try(&g->t[2].turn));
	vgpu_turn_end(&g->t[1].turn);
	vgpu_turn_end(&g->t[2].turn);
	VGPU_EQ(test, 0, g->turns.running);
	VGPU_EQ(test, vgpu_turns_busy_ns(&g->turns),
		vgpu_turn_busy_ns(&g->t[0].turn) +
		vgpu_turn_busy_ns(&g->t[1].turn) +
		vgpu_turn_busy_ns(&g->t[2].turn));
}

static s64 take_ms(struct kunit *test, struct tenant *t)
{
	u64 start_ns = ktime_get_ns();

	VGPU_EQ(test, 0, take(t));
	return div_u64(ktime_get_ns() - start_ns, NSEC_PER_MSEC);
}

static void caps(struct kunit *test)
{
	struct gpu *g = make(test, 1);
	struct tenant *t = &g->t[0];

	share(t, VGPU_WEIGHT_DEFAULT, 0, 10);
	VGPU_OK(test, vgpu_turn_try(&t->turn));
	VGPU_OK(test, !vgpu_turn_over(&t->turn));
	vgpu_turn_charge(&t->turn, 35 * NSEC_PER_MSEC);
	VGPU_OK(test, vgpu_turn_over(&t->turn));
	vgpu_turn_end(&t->turn);
	VGPU_OK(test, !vgpu_turn_try(&t->turn));
	/* Others do not wait for it. */
	VGPU_OK(test, vgpu_turn_try(&g->t[1].turn));
	vgpu_turn_end(&g->t[1].turn);
	/* Three periods, of which the first may be nearly over. */
	VGPU_OK(test, take_ms(test, t) >= 180);

	/* What is owed is limited. */
	vgpu_turn_charge(&t->turn, 1000 * NSEC_PER_SEC);
	VGPU_OK(test, take_ms(test, t) >= 800);
	VGPU_OK(test, vgpu_turn_busy_ns(&t->turn) > 1000 * NSEC_PER_SEC);

	/* Another cap begins anew. */
	vgpu_turn_charge(&t->turn, NSEC_PER_SEC);
	VGPU_OK(test, !vgpu_turn_try(&t->turn));
	share(t, VGPU_WEIGHT_DEFAULT, 0, 20);
	VGPU_OK(test, vgpu_turn_try(&t->turn));
	vgpu_turn_end(&t->turn);
}

/* One that waits for its next period hears of what is set, and of its end. */
static void cap_goes(struct kunit *test)
{
	struct gpu *g = make(test, 1);
	u32 i;

	for (i = 0; i < 2; i++) {
		struct tenant *t = &g->t[i];

		share(t, VGPU_WEIGHT_DEFAULT, 0, 1);
		vgpu_turn_charge(&t->turn, NSEC_PER_SEC);
		vgpu_kunit_start(test, &t->thread, take, t);
		msleep(100);
		VGPU_EQ(test, 0, READ_ONCE(t->nth));
		if (i)
			vgpu_turn_close(&t->turn);
		else
			share(t, VGPU_WEIGHT_DEFAULT, 0, VGPU_CAP_NONE);
		VGPU_EQ(test, 0, vgpu_kunit_join(&t->thread));
		VGPU_EQ(test, i + 1, t->nth);
	}
	/* Whatever is set after that. */
	share(&g->t[1], VGPU_WEIGHT_DEFAULT, 0, 1);
	vgpu_turn_charge(&g->t[1].turn, NSEC_PER_SEC);
	VGPU_OK(test, vgpu_turn_try(&g->t[1].turn));
	vgpu_turn_end(&g->t[1].turn);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(charged),
	KUNIT_CASE(weights),
	KUNIT_CASE(priorities),
	KUNIT_CASE(yielding),
	KUNIT_CASE(slots),
	KUNIT_CASE(caps),
	KUNIT_CASE(cap_goes),
	{}
};

struct kunit_suite vgpu_turn_suite = {
	.name = "vgpu_turn",
	.test_cases = cases,
};
