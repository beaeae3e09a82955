// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The invariants of a device, checked one by one: for tests and fuzzers, and
 * as the place where they are written down.
 */
#include "internal.h"

#define HOLDS(cond)							\
do {									\
	if (!(cond))							\
		return #cond;						\
} while (0)

static const char *vgpu_check_table(const struct vgpu_table *t)
{
	u32 i, used = 0, unused = 0, last = 0;

	for (i = 1; i <= t->max; i++)
		used += vgpu_table_used(t, i);
	for (i = t->first; i; i = t->link[i]) {
		HOLDS(i < t->fresh);
		HOLDS(++unused <= t->max);
		last = i;
	}
	HOLDS(last == t->last);
	HOLDS(used == t->count);
	for (i = t->fresh; i <= t->max; i++)
		HOLDS(!t->link[i]);
	HOLDS(used + unused + 1 == t->fresh);
	return NULL;
}

static const char *vgpu_check_maps(const struct vgpu_model *m)
{
	u32 i, n = m->maps_table.count;

	for (i = 0; i < n; i++) {
		u32 ctx = (u32)(m->map_keys[i] >> VGPU_ADDRESS_BITS);
		const struct vgpu_mapping *map = &m->maps[m->map_index[i]];

		HOLDS(vgpu_table_used(&m->maps_table, m->map_index[i]));
		HOLDS(vgpu_table_used(&m->contexts_table, ctx));
		HOLDS(!m->contexts[ctx].dead);
		HOLDS(vgpu_table_used(&m->objects_table, map->object));
		HOLDS(m->objects[map->object].state == VGPU_OBJECT_LIVE);
		HOLDS(i + 1 == n ||
		      m->map_keys[i] + map->bytes <= m->map_keys[i + 1]);
	}
	return NULL;
}

/* How often each object is used, counted the long way. */
static const char *vgpu_check_object(const struct vgpu_model *m, u32 object)
{
	const struct vgpu_object *o = &m->objects[object];
	u32 i, k, maps = 0, rings = 0, busy = 0;

	for (i = 0; i < m->maps_table.count; i++)
		maps += m->maps[m->map_index[i]].object == object;
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) &&
		    m->rings[i].object == object) {
			rings += !m->rings[i].dying;
			busy += m->rings[i].dying;
		}
	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i))
			for (k = 0; k < vgpu_job(m, i)->n_held; k++)
				busy += vgpu_job(m, i)->held[k] == object;
	for (i = 1; i <= m->kernels_table.max; i++)
		if (vgpu_table_used(&m->kernels_table, i))
			busy += m->kernels[i].object == object;
	busy += o->pinning || (m->admin.pin_todo && m->admin.index == object);

	HOLDS(o->maps == maps);
	HOLDS(o->rings == rings);
	HOLDS(o->busy == busy);
	HOLDS(o->moving == (m->compact.out && m->compact.object == object));
	HOLDS(!o->answer || (o->kind == VGPU_OBJECT_SYSTEM &&
			     o->state != VGPU_OBJECT_LIVE));
	HOLDS(o->state == VGPU_OBJECT_LIVE || !(maps || rings || o->pins));
	HOLDS(o->state < VGPU_OBJECT_TODO || !busy);
	if (o->kind == VGPU_OBJECT_VRAM) {
		struct vgpu_vram_block b;

		HOLDS(!vgpu_vram_info(m->vram, o->block, &b));
		HOLDS(b.size == o->bytes);
		HOLDS(b.pins == o->pins + (o->busy != 0) +
				(o->state >= VGPU_OBJECT_TODO));
		HOLDS(m->block_objects[vgpu_vram_slot(m->vram, o->block)] ==
		      object);
	}
	return NULL;
}

static const char *vgpu_check_owners(const struct vgpu_model *m)
{
	u64 bytes, all = 0;
	u32 ctx, i, n, scrubs = 0;

	for (ctx = 0; ctx <= m->contexts_table.max; ctx++) {
		bytes = 0;
		n = 0;
		for (i = 1; i <= m->objects_table.max; i++) {
			const struct vgpu_object *o = &m->objects[i];

			if (!vgpu_table_used(&m->objects_table, i) ||
			    o->owner != ctx)
				continue;
			n++;
			if (o->kind == VGPU_OBJECT_VRAM)
				bytes += (o->bytes + VGPU_VRAM_GRANULE - 1) &
					 ~(u64)(VGPU_VRAM_GRANULE - 1);
			scrubs += o->kind == VGPU_OBJECT_VRAM &&
				  o->state >= VGPU_OBJECT_TODO;
		}
		all += bytes;
		if (!ctx)
			continue;
		if (!vgpu_table_used(&m->contexts_table, ctx)) {
			HOLDS(!n);
			continue;
		}
		HOLDS(m->contexts[ctx].objects == n);
		HOLDS(vgpu_account_current(&m->contexts[ctx].account) == bytes);
		HOLDS(!m->contexts[ctx].dead || n);
	}
	HOLDS(vgpu_account_current(&m->account) == all);
	HOLDS(m->scrubs == scrubs);
	return NULL;
}

static const char *vgpu_check_ring(const struct vgpu_model *m, u32 ring)
{
	const struct vgpu_uring *r = &m->rings[ring];
	u32 job, before = 0, running = 0, launches = 0, n = 0;

	for (job = r->first; job; job = vgpu_job(m, job)->next) {
		const struct vgpu_job *j = vgpu_job(m, job);

		HOLDS(++n <= m->jobs_table.max);
		HOLDS(vgpu_table_used(&m->jobs_table, job));
		HOLDS(j->ring == ring);
		HOLDS(j->prev == before);
		running += j->state != VGPU_JOB_DONE;
		launches += j->state != VGPU_JOB_DONE &&
			    j->opcode == VGPU_CMD_LAUNCH;
		HOLDS(before || j->state != VGPU_JOB_DONE);
		before = job;
	}
	HOLDS(r->last == before);
	HOLDS(r->running == running);
	HOLDS(r->launches == launches);
	HOLDS(!r->dying || (!r->first && !r->queued && !r->parked));
	HOLDS(!r->queued || r->blocked == VGPU_BLOCK_NONE);
	HOLDS((r->blocked == VGPU_BLOCK_COUNTER) == (r->wait_counter != 0));
	/* Everything taken is completed, parked or a job that runs. */
	HOLDS(r->taken == r->completed + r->parked + running);
	return NULL;
}

static const char *vgpu_check_lines(const struct vgpu_model *m)
{
	u32 i, ring, job, n, queued = 0, starved = 0, ready = 0;

	for (i = 0; i < VGPU_PRIORITIES; i++) {
		for (ring = m->levels[i].first, n = 0; ring;
		     ring = m->rings[ring].next) {
			HOLDS(++n <= m->rings_table.max);
			HOLDS(m->rings[ring].queued);
			HOLDS(m->rings[ring].priority == i);
			HOLDS(m->rings[ring].next || m->levels[i].last == ring);
		}
		HOLDS(!n == !(m->lines & 1u << i));
		queued += n;
	}
	for (ring = m->pool_first; ring; ring = m->rings[ring].next) {
		HOLDS(++starved <= m->rings_table.max);
		HOLDS(m->rings[ring].blocked == VGPU_BLOCK_POOL);
	}
	for (i = 1; i <= m->rings_table.max; i++) {
		if (!vgpu_table_used(&m->rings_table, i))
			continue;
		queued -= m->rings[i].queued;
		starved -= m->rings[i].blocked == VGPU_BLOCK_POOL;
	}
	HOLDS(!queued);
	HOLDS(!starved);
	for (job = m->ready_first; job; job = vgpu_job(m, job)->next_ready) {
		HOLDS(++ready <= m->jobs_table.max);
		HOLDS(vgpu_table_used(&m->jobs_table, job));
		HOLDS(vgpu_job(m, job)->state == VGPU_JOB_READY);
	}
	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i))
			ready -= vgpu_job(m, i)->state == VGPU_JOB_READY;
	HOLDS(!ready);
	return NULL;
}

static const char *vgpu_check_counter(const struct vgpu_model *m, u32 counter)
{
	u32 i, ring, users = 0, waiters = 0;

	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i)) {
			users += m->rings[i].counter == counter;
			waiters += m->rings[i].wait_counter == counter;
		}
	for (ring = m->counters[counter].waiters; ring;
	     ring = m->rings[ring].wait_next) {
		HOLDS(m->rings[ring].wait_counter == counter);
		HOLDS(m->rings[ring].wait_value > m->counters[counter].value);
		HOLDS(waiters--);
	}
	HOLDS(!waiters);
	HOLDS(m->counters[counter].users == users);
	return NULL;
}

static const char *vgpu_check_kernel(const struct vgpu_model *m, u32 kernel)
{
	const struct vgpu_kernel *k = &m->kernels[kernel];
	u32 i, busy = k->object != 0;

	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i))
			busy += vgpu_job(m, i)->kernel == kernel;
	HOLDS(k->busy == busy);
	return NULL;
}

typedef const char *(*vgpu_check_fn)(const struct vgpu_model *m, u32 index);

static const char *vgpu_check_each(const struct vgpu_model *m,
				   const struct vgpu_table *t,
				   vgpu_check_fn check)
{
	const char *what = vgpu_check_table(t);
	u32 i;

	for (i = 1; !what && i <= t->max; i++)
		if (vgpu_table_used(t, i) && check)
			what = check(m, i);
	return what;
}

const char *vgpu_model_check(const struct vgpu_model *m)
{
	const char *what = vgpu_check_each(m, &m->contexts_table, NULL);

	if (!what)
		what = vgpu_check_each(m, &m->maps_table, NULL);
	if (!what)
		what = vgpu_check_maps(m);
	if (!what)
		what = vgpu_check_each(m, &m->objects_table, vgpu_check_object);
	if (!what)
		what = vgpu_check_owners(m);
	if (!what)
		what = vgpu_check_each(m, &m->rings_table, vgpu_check_ring);
	if (!what)
		what = vgpu_check_lines(m);
	if (!what)
		what = vgpu_check_each(m, &m->jobs_table, NULL);
	if (!what)
		what = vgpu_check_each(m, &m->counters_table,
				       vgpu_check_counter);
	if (!what)
		what = vgpu_check_each(m, &m->kernels_table, vgpu_check_kernel);
	if (!what && vgpu_vram_validate(m->vram,
					vgpu_vram_bytes(m->config.vram_bytes,
							m->config.bank_shift,
							m->room.max_objects)))
		what = "vgpu_vram_validate()";
	if (!what && m->todo_count > m->todo_size)
		what = "todo_count <= todo_size";
	return what;
}
