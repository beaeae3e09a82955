// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Whose turn it is on a GPU, see turn.h.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched.h>

#include "turn.h"

/* A turn that others wait for ends after so long. */
#define VGPU_TURN_NS		(2 * NSEC_PER_MSEC)
/* How far ahead of its share each step of priority lets a tenant get. */
#define VGPU_AHEAD_NS		(10 * NSEC_PER_MSEC)
/*
 * A tenant that always has work keeps what it is behind, up to so much: others
 * got slots meanwhile that it could not use.
 */
#define VGPU_BEHIND_NS		(100 * NSEC_PER_MSEC)
/* Caps hold over so long, and what is owed is paid in so many of these. */
#define VGPU_PERIOD_NS		(100 * NSEC_PER_MSEC)
#define VGPU_DEBT_PERIODS	10u

const struct vgpu_share vgpu_share_default = {
	.weight = VGPU_WEIGHT_DEFAULT,
	.priority = 0,
	.cap = VGPU_CAP_NONE,
};

void vgpu_turns_init(struct vgpu_turns *g, u32 slots)
{
	spin_lock_init(&g->lock);
	g->slots = slots;
	g->waiting = RB_ROOT_CACHED;
	/* Nothing that is taken from it is more than there is. */
	g->vtime = VGPU_PRIORITY_MAX * VGPU_AHEAD_NS + VGPU_BEHIND_NS;
}

void vgpu_turn_init(struct vgpu_turn *t, struct vgpu_turns *g)
{
	t->turns = g;
	t->share = vgpu_share_default;
	init_waitqueue_head(&t->wait);
	RB_CLEAR_NODE(&t->node);
}

/* What decides who is next: of one that is or was in line. */
static u64 vgpu_turn_key(const struct vgpu_turn *t)
{
	return t->vtime - t->share.priority * VGPU_AHEAD_NS;
}

static bool vgpu_turn_less(struct rb_node *a, const struct rb_node *b)
{
	return vgpu_turn_key(rb_entry(a, struct vgpu_turn, node)) <
	       vgpu_turn_key(rb_entry(b, struct vgpu_turn, node));
}

/* Out of the line, whose order is by what is about to change; and back. */
static bool vgpu_turn_leave(struct vgpu_turn *t)
{
	if (RB_EMPTY_NODE(&t->node))
		return false;
	rb_erase_cached(&t->node, &t->turns->waiting);
	RB_CLEAR_NODE(&t->node);
	return true;
}

static void vgpu_turn_return(struct vgpu_turn *t, bool waiting)
{
	if (waiting)
		rb_add_cached(&t->node, &t->turns->waiting, vgpu_turn_less);
}

/* What it may have in a period. */
static u64 vgpu_turn_part(const struct vgpu_turn *t)
{
	return READ_ONCE(t->share.cap) * (VGPU_PERIOD_NS / 100);
}

static bool vgpu_turn_has_cap(const struct vgpu_turn *t)
{
	return READ_ONCE(t->share.cap) != VGPU_CAP_NONE &&
	       !READ_ONCE(t->closing);
}

/* How long it has to wait for a period in which it has something left. */
static u64 vgpu_turn_wait_ns(struct vgpu_turn *t)
{
	u64 part = vgpu_turn_part(t), now_ns, periods;

	if (!vgpu_turn_has_cap(t))
		return 0;
	now_ns = ktime_get_ns();
	periods = div_u64(now_ns - t->period_ns, VGPU_PERIOD_NS);
	t->period_ns += periods * VGPU_PERIOD_NS;
	t->used_ns -= min(t->used_ns, periods * part);
	return t->used_ns < part ? 0 : t->period_ns - now_ns +
	       div64_u64(t->used_ns, part) * VGPU_PERIOD_NS;
}

/* Commands of it have run for so long. */
static void vgpu_turn_account(struct vgpu_turn *t, u64 ran_ns)
{
	bool waiting = vgpu_turn_leave(t);

	t->vtime += div_u64(ran_ns * VGPU_WEIGHT_DEFAULT, t->share.weight);
	vgpu_turn_return(t, waiting);
	t->used_ns = min(t->used_ns + ran_ns,
			 VGPU_DEBT_PERIODS * vgpu_turn_part(t));
	t->busy_ns += ran_ns;
	t->turns->busy_ns += ran_ns;
}

void vgpu_turn_set(struct vgpu_turn *t, const struct vgpu_share *share)
{
	struct vgpu_turns *g = t->turns;
	bool waiting;

	spin_lock(&g->lock);
	waiting = vgpu_turn_leave(t);
	/* A cap holds from when it is set. */
	if (share->cap != t->share.cap) {
		t->period_ns = ktime_get_ns();
		t->used_ns = 0;
	}
	t->share.weight = share->weight;
	t->share.priority = share->priority;
	/* Pairs with the reads in vgpu_turn_rest() and vgpu_turn_over(). */
	WRITE_ONCE(t->share.cap, share->cap);
	vgpu_turn_return(t, waiting);
	spin_unlock(&g->lock);
	wake_up(&t->wait);
}

void vgpu_turn_close(struct vgpu_turn *t)
{
	/* Pairs with the reads in vgpu_turn_has_cap() and vgpu_turn_rest(). */
	WRITE_ONCE(t->closing, true);
	wake_up(&t->wait);
}

static void vgpu_turn_begin(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;

	g->vtime = max(g->vtime, vgpu_turn_key(t));
	t->start_ns = ktime_get_ns();
	g->running++;
	g->started_ns += t->start_ns;
	/* Pairs with the acquire in vgpu_turn_wait(). */
	smp_store_release(&t->granted, true);
}

static void vgpu_turn_stop(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;

	g->running--;
	g->started_ns -= t->start_ns;
	t->granted = false;
	vgpu_turn_account(t, ktime_get_ns() - t->start_ns);
}

/* Give a slot that is free to who is furthest behind. */
static void vgpu_turn_next(struct vgpu_turns *g)
{
	struct rb_node *first = rb_first_cached(&g->waiting);
	struct vgpu_turn *t;

	if (!first || g->running == g->slots)
		return;
	t = rb_entry(first, struct vgpu_turn, node);
	vgpu_turn_leave(t);
	vgpu_turn_begin(t);
	wake_up(&t->wait);
}

static void vgpu_turn_wait(struct vgpu_turn *t)
{
	/* Pairs with the release in vgpu_turn_begin(). */
	wait_event_idle(t->wait, smp_load_acquire(&t->granted));
}

bool vgpu_turn_try(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;
	bool ok;

	spin_lock(&g->lock);
	ok = g->running < g->slots && RB_EMPTY_ROOT(&g->waiting.rb_root) &&
	     !vgpu_turn_wait_ns(t);
	if (ok) {
		t->vtime = max(t->vtime, g->vtime);
		vgpu_turn_begin(t);
	}
	spin_unlock(&g->lock);
	return ok;
}

/* Wait until its cap allows a turn. */
static void vgpu_turn_rest(struct vgpu_turn *t)
{
	u64 wait_ns;
	u32 cap;

	for (;;) {
		spin_lock(&t->turns->lock);
		cap = t->share.cap;
		wait_ns = vgpu_turn_wait_ns(t);
		spin_unlock(&t->turns->lock);
		if (!wait_ns)
			break;
		wait_event_idle_timeout(t->wait,
					READ_ONCE(t->share.cap) != cap ||
					READ_ONCE(t->closing),
					nsecs_to_jiffies(wait_ns) + 1);
	}
}

void vgpu_turn_take(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;

	vgpu_turn_rest(t);
	spin_lock(&g->lock);
	t->vtime = max(t->vtime, g->vtime);
	vgpu_turn_return(t, true);
	vgpu_turn_next(g);
	spin_unlock(&g->lock);
	vgpu_turn_wait(t);
}

bool vgpu_turn_over(const struct vgpu_turn *t)
{
	/* Hints: nothing is lost if they come late. */
	bool wanted = !RB_EMPTY_ROOT(&t->turns->waiting.rb_root);
	bool capped = vgpu_turn_has_cap(t);
	u64 ran_ns;

	if (!wanted && !capped)
		return false;
	ran_ns = ktime_get_ns() - t->start_ns;
	return (wanted && ran_ns > VGPU_TURN_NS) ||
	       (capped && READ_ONCE(t->used_ns) + ran_ns >= vgpu_turn_part(t));
}

void vgpu_turn_end(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;

	spin_lock(&g->lock);
	vgpu_turn_stop(t);
	vgpu_turn_next(g);
	spin_unlock(&g->lock);
}

void vgpu_turn_yield(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;
	bool capped;

	spin_lock(&g->lock);
	vgpu_turn_stop(t);
	capped = vgpu_turn_wait_ns(t);
	if (!capped) {
		t->vtime = max(t->vtime, g->vtime - VGPU_BEHIND_NS);
		vgpu_turn_return(t, true);
	}
	vgpu_turn_next(g);
	spin_unlock(&g->lock);
	if (capped)
		vgpu_turn_take(t);
	else
		vgpu_turn_wait(t);
}

void vgpu_turn_charge(struct vgpu_turn *t, u64 ran_ns)
{
	struct vgpu_turns *g = t->turns;

	spin_lock(&g->lock);
	vgpu_turn_account(t, ran_ns);
	spin_unlock(&g->lock);
}

u64 vgpu_turn_busy_ns(struct vgpu_turn *t)
{
	u64 busy_ns;

	spin_lock(&t->turns->lock);
	busy_ns = t->busy_ns;
	if (t->granted)
		busy_ns += ktime_get_ns() - t->start_ns;
	spin_unlock(&t->turns->lock);
	return busy_ns;
}

u64 vgpu_turns_busy_ns(struct vgpu_turns *g)
{
	u64 busy_ns;

	spin_lock(&g->lock);
	busy_ns = g->busy_ns + g->running * ktime_get_ns() - g->started_ns;
	spin_unlock(&g->lock);
	return busy_ns;
}
