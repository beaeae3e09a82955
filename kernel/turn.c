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

void vgpu_turns_init(struct vgpu_turns *g, u32 slots)
{
	spin_lock_init(&g->lock);
	g->slots = slots;
	g->waiting = RB_ROOT_CACHED;
}

void vgpu_turn_init(struct vgpu_turn *t, struct vgpu_turns *g)
{
	t->turns = g;
	t->weight = VGPU_WEIGHT_DEFAULT;
	init_waitqueue_head(&t->wait);
	RB_CLEAR_NODE(&t->node);
}

static bool vgpu_turn_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct vgpu_turn, node)->vtime <
	       rb_entry(b, struct vgpu_turn, node)->vtime;
}

static void vgpu_turn_begin(struct vgpu_turns *g, struct vgpu_turn *t)
{
	g->running++;
	g->vtime = max(g->vtime, t->vtime);
	t->start_ns = ktime_get_ns();
}

bool vgpu_turn_try(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;
	bool ok;

	spin_lock(&g->lock);
	ok = g->running < g->slots && RB_EMPTY_ROOT(&g->waiting.rb_root);
	if (ok) {
		t->vtime = max(t->vtime, g->vtime);
		vgpu_turn_begin(g, t);
	}
	spin_unlock(&g->lock);
	return ok;
}

void vgpu_turn_take(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;

	if (vgpu_turn_try(t))
		return;
	spin_lock(&g->lock);
	t->vtime = max(t->vtime, g->vtime);
	t->granted = false;
	rb_add_cached(&t->node, &g->waiting, vgpu_turn_less);
	if (g->running < g->slots) {
		/* One became free meanwhile. */
		rb_erase_cached(&t->node, &g->waiting);
		RB_CLEAR_NODE(&t->node);
		vgpu_turn_begin(g, t);
		t->granted = true;
	}
	spin_unlock(&g->lock);
	/* Pairs with the release in vgpu_turn_next(). */
	wait_event_idle(t->wait, smp_load_acquire(&t->granted));
}

bool vgpu_turn_over(const struct vgpu_turn *t)
{
	/* A hint: nothing is lost if it comes late. */
	return !RB_EMPTY_ROOT(&t->turns->waiting.rb_root) &&
	       ktime_get_ns() - t->start_ns > VGPU_TURN_NS;
}

/* Give a slot that has become free to who is furthest behind. */
static void vgpu_turn_next(struct vgpu_turns *g)
{
	struct rb_node *first = rb_first_cached(&g->waiting);
	struct vgpu_turn *t;

	if (!first)
		return;
	t = rb_entry(first, struct vgpu_turn, node);
	rb_erase_cached(first, &g->waiting);
	RB_CLEAR_NODE(first);
	vgpu_turn_begin(g, t);
	/* Pairs with the acquire in vgpu_turn_take(). */
	smp_store_release(&t->granted, true);
	wake_up(&t->wait);
}

void vgpu_turn_end(struct vgpu_turn *t)
{
	struct vgpu_turns *g = t->turns;
	u64 ran_ns = ktime_get_ns() - t->start_ns;

	spin_lock(&g->lock);
	t->vtime += div_u64(ran_ns * VGPU_WEIGHT_DEFAULT, t->weight);
	t->busy_ns += ran_ns;
	g->busy_ns += ran_ns;
	g->running--;
	vgpu_turn_next(g);
	spin_unlock(&g->lock);
}

void vgpu_turn_charge(struct vgpu_turn *t, u64 ran_ns)
{
	struct vgpu_turns *g = t->turns;

	spin_lock(&g->lock);
	/* One that waits is sorted by it. */
	if (RB_EMPTY_NODE(&t->node))
		t->vtime += div_u64(ran_ns * VGPU_WEIGHT_DEFAULT, t->weight);
	t->busy_ns += ran_ns;
	g->busy_ns += ran_ns;
	spin_unlock(&g->lock);
}
