/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Whose turn it is on a GPU.
 *
 * A GPU runs commands of as many tenants at a time as it has slots.  When more
 * want to run, the one goes first that has had the least time for its weight
 * (start-time fair queueing: Goyal, Vin and Cheng, 1996): each tenant has a
 * virtual time that grows by the time that its commands ran over its weight,
 * and who comes after a pause starts at the present virtual time, so that
 * idling saves nothing up.  Time is measured here, not reported.
 */
#ifndef VGPU_TURN_H
#define VGPU_TURN_H

#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#define VGPU_WEIGHT_DEFAULT	100u

/**
 * struct vgpu_turns - a GPU's
 * @lock: protects all of this, and each tenant's &struct vgpu_turn
 * @slots: how many may run at a time
 * @running: how many do
 * @waiting: tenants that wait, by virtual time
 * @vtime: of the tenant that got its turn last
 * @busy_ns: time that turns took
 */
struct vgpu_turns {
	spinlock_t lock;
	u32 slots;
	u32 running;
	struct rb_root_cached waiting;
	u64 vtime;
	u64 busy_ns;
};

/**
 * struct vgpu_turn - a tenant's
 * @turns: those of its GPU
 * @node: in &vgpu_turns.waiting
 * @wait: the tenant's thread, for @granted
 * @vtime: ns over weight, times VGPU_WEIGHT_DEFAULT
 * @start_ns: when its turn began
 * @busy_ns: time that its turns took
 * @weight: its share
 * @granted: it has its turn
 */
struct vgpu_turn {
	struct vgpu_turns *turns;
	struct rb_node node;
	wait_queue_head_t wait;
	u64 vtime;
	u64 start_ns;
	u64 busy_ns;
	u32 weight;
	bool granted;
};

void vgpu_turns_init(struct vgpu_turns *g, u32 slots);
void vgpu_turn_init(struct vgpu_turn *t, struct vgpu_turns *g);

/* Take a turn if there is one without waiting.  One call at a time a tenant. */
bool vgpu_turn_try(struct vgpu_turn *t);
/* Wait for a turn. */
void vgpu_turn_take(struct vgpu_turn *t);
/* Whether somebody waits who should go first after so long a turn. */
bool vgpu_turn_over(const struct vgpu_turn *t);
void vgpu_turn_end(struct vgpu_turn *t);
/* Commands of the tenant ran for so long beside its turns, on the engine. */
void vgpu_turn_charge(struct vgpu_turn *t, u64 ran_ns);

#endif /* VGPU_TURN_H */
