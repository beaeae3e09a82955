/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Whose turn it is on a GPU.
 *
 * A GPU runs commands of as many tenants at a time as it has slots.  When more
 * want to run, the one goes first that has had the least time for its weight
 * (start-time fair queueing: Goyal, Vin and Cheng, 1996): each tenant has a
 * virtual time that grows by the time that its commands ran over its weight,
 * and who comes after a pause starts at the present virtual time, so that
 * idling saves nothing up.  One that always has work may stay a little behind.
 * Time is measured here, not reported.
 *
 * DOC: Priority
 *
 * A priority is how far ahead of its share a tenant may get (as the warp of
 * borrowed-virtual-time scheduling: Duda and Cheriton, 1999).  One that comes
 * after a pause goes before others until it has had so much more than they, and
 * has to wait for them to catch up then.  So it shortens waiting and leaves
 * shares to weights: nobody starves, whatever the others' priorities are.
 *
 * DOC: Cap
 *
 * A tenant that has had its part of a period gets no turn before the next one.
 * What it got beyond that is paid back in the periods to come, up to a limit,
 * so that it always waits for a bounded time.
 */
#ifndef VGPU_TURN_H
#define VGPU_TURN_H

#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#define VGPU_WEIGHT_MIN		1u
#define VGPU_WEIGHT_DEFAULT	100u
#define VGPU_WEIGHT_MAX		10000u
#define VGPU_PRIORITY_MAX	10u
#define VGPU_CAP_MIN		1u
#define VGPU_CAP_NONE		100u

/**
 * struct vgpu_share - what a tenant is to get of a GPU's time
 * @weight: VGPU_WEIGHT_MIN to VGPU_WEIGHT_MAX, its share against others'
 * @priority: up to VGPU_PRIORITY_MAX, each 10 ms that it may be ahead
 * @cap: percent of the time, VGPU_CAP_MIN to VGPU_CAP_NONE
 */
struct vgpu_share {
	u32 weight;
	u32 priority;
	u32 cap;
};

extern const struct vgpu_share vgpu_share_default;

/**
 * struct vgpu_turns - a GPU's
 * @lock: protects all of this, and each tenant's &struct vgpu_turn
 * @slots: how many may run at a time
 * @running: how many do
 * @waiting: tenants that wait, by virtual time less what they may be ahead
 * @vtime: that figure of the tenant that got its turn last
 * @busy_ns: time that turns took that have ended
 * @started_ns: sum of when those began that have not
 */
struct vgpu_turns {
	spinlock_t lock;
	u32 slots;
	u32 running;
	struct rb_root_cached waiting;
	u64 vtime;
	u64 busy_ns;
	u64 started_ns;
};

/**
 * struct vgpu_turn - a tenant's
 * @turns: those of its GPU
 * @node: in &vgpu_turns.waiting
 * @wait: the tenant's thread, for @granted, or for its next period
 * @vtime: ns over weight, times VGPU_WEIGHT_DEFAULT
 * @start_ns: when its turn began
 * @busy_ns: time that its turns took that have ended
 * @share: what it is to get
 * @period_ns: when its period began, if it has a cap
 * @used_ns: time that it has had in that, and what it owes from before
 * @granted: it has its turn
 * @closing: it has no cap any more
 */
struct vgpu_turn {
	struct vgpu_turns *turns;
	struct rb_node node;
	wait_queue_head_t wait;
	u64 vtime;
	u64 start_ns;
	u64 busy_ns;
	struct vgpu_share share;
	u64 period_ns;
	u64 used_ns;
	bool granted;
	bool closing;
};

void vgpu_turns_init(struct vgpu_turns *g, u32 slots);
void vgpu_turn_init(struct vgpu_turn *t, struct vgpu_turns *g);

/*
 * At any time, also while it waits or runs: a turn is charged by the weight that
 * there is at its end.
 */
void vgpu_turn_set(struct vgpu_turn *t, const struct vgpu_share *share);

/* It is to end soon: what is left is not held up by a cap, whatever is set. */
void vgpu_turn_close(struct vgpu_turn *t);

/* Take a turn if there is one without waiting.  One call at a time a tenant. */
bool vgpu_turn_try(struct vgpu_turn *t);
/* Wait for a turn, after a pause. */
void vgpu_turn_take(struct vgpu_turn *t);
/* Whether it has had its part, or somebody waits who should go first. */
bool vgpu_turn_over(const struct vgpu_turn *t);
void vgpu_turn_end(struct vgpu_turn *t);
/* End it and wait for the next one, which may come at once: there is more. */
void vgpu_turn_yield(struct vgpu_turn *t);
/* Commands of the tenant ran for so long beside its turns, on the engine. */
void vgpu_turn_charge(struct vgpu_turn *t, u64 ran_ns);

/* Time that a tenant's turns took, or all tenants', up to now. */
u64 vgpu_turn_busy_ns(struct vgpu_turn *t);
u64 vgpu_turns_busy_ns(struct vgpu_turns *g);

#endif /* VGPU_TURN_H */
