// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Which ring is looked at next.
 *
 * Each priority has a line of rings that have something to do, served in turn.
 * Between priorities the time that commands ran decides: a level's virtual time
 * grows by run time over weight, and the level that is furthest behind goes
 * first (weighted fair queueing, as CFS does it between tasks; see Demers,
 * Keshav and Shenker, "Analysis and simulation of a fair queueing algorithm",
 * 1989).  So no priority starves another one.  A level that was idle starts at
 * the present virtual time: idling saves nothing up.
 *
 * Commands are charged as the shell measured them, and the cost of looking at
 * a ring is charged too, so that empty commands are not free.
 */
#include "internal.h"

void vgpu_sched_add(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	struct vgpu_level *l = &m->levels[r->priority];

	if (r->queued)
		return;
	r->queued = true;
	r->next = 0;
	if (l->first) {
		m->rings[l->last].next = ring;
	} else {
		l->first = ring;
		l->vtime = max_t(u64, l->vtime, m->vtime);
		m->lines |= 1u << r->priority;
	}
	l->last = ring;
}

/* Take a ring out of a line that starts at *first. */
static bool vgpu_line_remove(struct vgpu_model *m, u32 *first, u32 *last,
			     u32 ring)
{
	u32 i, before = 0;

	for (i = *first; i && i != ring; i = m->rings[i].next)
		before = i;
	if (!i)
		return false;
	if (before)
		m->rings[before].next = m->rings[ring].next;
	else
		*first = m->rings[ring].next;
	if (*last == ring)
		*last = before;
	m->rings[ring].next = 0;
	return true;
}

void vgpu_sched_remove(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	struct vgpu_level *l = &m->levels[r->priority];

	if (r->queued) {
		vgpu_line_remove(m, &l->first, &l->last, ring);
		if (!l->first)
			m->lines &= ~(1u << r->priority);
		r->queued = false;
	} else if (r->blocked == VGPU_BLOCK_POOL) {
		vgpu_line_remove(m, &m->pool_first, &m->pool_last, ring);
	}
}

/* The next ring, taken out of its line; 0 if there is none. */
u32 vgpu_sched_pick(struct vgpu_model *m)
{
	struct vgpu_level *l, *best = NULL;
	u32 i, ring;

	if (!m->lines)
		return 0;
	/* At equal virtual times the higher priority goes first. */
	for (i = VGPU_PRIORITIES; i-- > 0;) {
		l = &m->levels[i];
		if (m->lines & 1u << i && (!best || l->vtime < best->vtime))
			best = l;
	}
	m->vtime = best->vtime;
	ring = best->first;
	best->first = m->rings[ring].next;
	if (!best->first) {
		best->last = 0;
		m->lines &= ~(1u << (best - m->levels));
	}
	m->rings[ring].next = 0;
	m->rings[ring].queued = false;
	return ring;
}

/* All jobs are taken: wait in line for one. */
void vgpu_sched_starve(struct vgpu_model *m, u32 ring)
{
	m->rings[ring].next = 0;
	if (m->pool_first)
		m->rings[m->pool_last].next = ring;
	else
		m->pool_first = ring;
	m->pool_last = ring;
	m->jobs_short = m->jobs_table.max < m->config.max_jobs;
}

/* Whether ring @a goes before ring @b when a job has become free. */
static bool vgpu_sched_before(const struct vgpu_model *m, u32 a, u32 b)
{
	const struct vgpu_uring *x = &m->rings[a], *y = &m->rings[b];

	if (x->favoured != y->favoured)
		return x->favoured;
	return m->levels[x->priority].vtime < m->levels[y->priority].vtime;
}

/*
 * A job has become free: one that is favoured, or the first that waits, of the
 * priority that is furthest behind, may try.
 */
void vgpu_sched_feed(struct vgpu_model *m)
{
	u32 i, ring = m->pool_first;

	for (i = ring; i; i = m->rings[i].next)
		if (vgpu_sched_before(m, i, ring))
			ring = i;
	/* Whoever else waits is fed when more has become free. */
	if (!ring || !vgpu_job_free_for(m, ring))
		return;
	vgpu_line_remove(m, &m->pool_first, &m->pool_last, ring);
	m->rings[ring].blocked = VGPU_BLOCK_NONE;
	vgpu_sched_add(m, ring);
}
