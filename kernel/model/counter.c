// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Timeline counters: 64-bit numbers that only grow, by which rings wait for
 * each other.
 */
#include "internal.h"

int vgpu_counter_create(struct vgpu_model *m, u32 ctx, u64 value, u32 *counter)
{
	struct vgpu_counter *c;
	u32 index = vgpu_table_take(&m->counters_table);

	if (!index)
		return -ENOSPC;
	c = &m->counters[index];
	memset(c, 0, sizeof(*c));
	c->value = value;
	c->context = ctx;
	*counter = index;
	return 0;
}

int vgpu_counter_destroy(struct vgpu_model *m, u32 counter)
{
	struct vgpu_counter *c = &m->counters[counter];

	if (c->waiters || c->users)
		return -EBUSY;
	vgpu_table_drop(&m->counters_table, counter);
	return 0;
}

/* Let every ring go whose value has been reached. */
static void vgpu_counter_wake(struct vgpu_model *m, struct vgpu_counter *c)
{
	u32 ring, next, keep = 0;

	for (ring = c->waiters; ring; ring = next) {
		struct vgpu_uring *r = &m->rings[ring];

		next = r->wait_next;
		if (r->wait_value > c->value) {
			r->wait_next = keep;
			keep = ring;
			continue;
		}
		r->wait_counter = 0;
		r->wait_next = 0;
		r->blocked = VGPU_BLOCK_NONE;
		vgpu_sched_add(m, ring);
	}
	c->waiters = keep;
}

int vgpu_counter_signal(struct vgpu_model *m, u32 counter, u64 value)
{
	struct vgpu_counter *c = &m->counters[counter];

	if (value < c->value)
		return -EINVAL;
	if (c->watch && value != c->value) {
		vgpu_irq_raise(m, c->watch - 1);
		c->watch = 0;
	}
	c->value = value;
	vgpu_counter_wake(m, c);
	return 0;
}

void vgpu_counter_wait(struct vgpu_model *m, u32 counter, u32 ring, u64 value)
{
	struct vgpu_uring *r = &m->rings[ring];

	r->blocked = VGPU_BLOCK_COUNTER;
	r->wait_counter = counter;
	r->wait_value = value;
	r->wait_next = m->counters[counter].waiters;
	m->counters[counter].waiters = ring;
}

/* A ring that waits is reset. */
void vgpu_counter_leave(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	u32 *p;

	if (!r->wait_counter)
		return;
	for (p = &m->counters[r->wait_counter].waiters; *p != ring;
	     p = &m->rings[*p].wait_next)
		;
	*p = r->wait_next;
	r->wait_counter = 0;
	r->wait_next = 0;
}
