// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The device as a whole: making it, running it, resetting it.
 */
#include "internal.h"

/* Commands of user rings in one call of vgpu_model_run(), for each item. */
#define VGPU_RUN_COMMANDS	4u

/* Registers as after power-on. */
static void vgpu_regs_reset(struct vgpu_model *m)
{
	memset(&m->error, 0, sizeof(m->error));
	m->accepted = 0;
	m->admin_address = 0;
	m->admin_entries = 0;
	m->irq_status = 0;
	m->irq_mask = 0;
	m->irq_out = 0;
	m->msix_pending = 0;
	m->scratch = 0;
	m->status &= VGPU_STATUS_ENGINE;
}

/* What a new device has beside its memory. */
int vgpu_model_begin(struct vgpu_model *m)
{
	const struct vgpu_model_config *c = &m->config;
	u64 timeout_ms;
	int ret;

	ret = vgpu_account_init(&m->account, c->limit_bytes ? c->limit_bytes :
				U64_MAX, c->account);
	if (ret)
		return ret;
	m->id = VGPU_ID;
	m->version = VGPU_VERSION;
	timeout_ms = div64_u64(c->launch_timeout_ns, 1000000);
	m->timeout_ms = (u32)min_t(u64, timeout_ms, U32_MAX);
	m->temperature = VGPU_UNKNOWN;
	m->power = VGPU_UNKNOWN;
	m->power_limit = VGPU_UNKNOWN;
	vgpu_regs_reset(m);
	vgpu_pci_reset(m);
	return 0;
}

int vgpu_model_init(void *mem, size_t bytes,
		    const struct vgpu_model_config *config)
{
	int ret = vgpu_memory_init(mem, bytes, config);

	return ret ? ret : vgpu_model_begin(mem);
}

void vgpu_model_fini(struct vgpu_model *m)
{
	/* The accounts of contexts end with the model: theirs are in here. */
	vgpu_account_refund(&m->account, vgpu_account_current(&m->account));
}

void vgpu_todo_add(struct vgpu_model *m, enum vgpu_todo_kind kind, u32 index)
{
	u32 at = m->todo_head + m->todo_count;

	if (!vgpu_assert(m->todo_count < m->todo_size))
		return;
	if (at >= m->todo_size)
		at -= m->todo_size;
	m->todo[at].kind = kind;
	m->todo[at].index = index;
	m->todo_count++;
}

static void vgpu_ring_attach_item(struct vgpu_model *m, u32 ring,
				  struct vgpu_work *w)
{
	struct vgpu_uring *r = &m->rings[ring];

	w->id = vgpu_work_id(VGPU_WORK_RING, m->rings_table.gen[ring], ring);
	w->arg = vgpu_table_id(&m->rings_table, ring);
	w->from.object = vgpu_table_id(&m->objects_table, r->object);
	w->bytes = VGPU_RING_BYTES(r->dev.ring.sq_entries,
				   r->dev.ring.cq_entries);
	w->poll_ns = r->poll_ns;
}

static void vgpu_todo_item(struct vgpu_model *m, struct vgpu_todo todo,
			   struct vgpu_out *out)
{
	u32 i = todo.index;
	struct vgpu_work *w = vgpu_out_add(out, 0);

	switch (todo.kind) {
	case VGPU_TODO_SCRUB:
		w->kind = VGPU_WORK_SCRUB;
		vgpu_object_todo(m, i, w);
		return;
	case VGPU_TODO_UNPIN:
		w->kind = VGPU_WORK_UNPIN;
		vgpu_object_todo(m, i, w);
		return;
	case VGPU_TODO_DROP:
		w->kind = VGPU_WORK_DROP;
		w->arg = vgpu_table_id(&m->kernels_table, i);
		w->address = m->kernels[i].token;
		vgpu_table_drop(&m->kernels_table, i);
		return;
	case VGPU_TODO_DETACH:
		w->kind = VGPU_WORK_RING_DETACH;
		w->arg = vgpu_table_id(&m->rings_table, i);
		vgpu_uring_free(m, i);
		return;
	case VGPU_TODO_ATTACH:
		w->kind = VGPU_WORK_RING_ATTACH;
		if (m->rings[i].dying) {
			m->rings[i].attaching = false;
			vgpu_todo_add(m, VGPU_TODO_DETACH, i);
			break;
		}
		vgpu_ring_attach_item(m, i, w);
		return;
	case VGPU_TODO_BUILD:
		w->kind = VGPU_WORK_BUILD;
		if (!vgpu_kernel_build(m, i, w))
			break;
		return;
	case VGPU_TODO_CANCEL:
		w->kind = VGPU_WORK_CANCEL;
		if (!vgpu_job_cancel_item(m, i, w))
			break;
		return;
	}
	out->n--;	/* what it was about has gone meanwhile */
}

static void vgpu_todo_step(struct vgpu_model *m, struct vgpu_out *out)
{
	while (m->todo_count && !vgpu_out_full(out)) {
		struct vgpu_todo todo = m->todo[m->todo_head];

		if (++m->todo_head == m->todo_size)
			m->todo_head = 0;
		m->todo_count--;
		vgpu_todo_item(m, todo, out);
	}
}

static void vgpu_irq_step(struct vgpu_model *m, struct vgpu_out *out)
{
	u32 i;

	for (i = 0; m->irq_out && i < VGPU_MSIX_VECTORS; i++) {
		if (!(m->irq_out & 1u << i))
			continue;
		if (vgpu_out_full(out))
			return;
		m->irq_out &= ~(1u << i);
		if (vgpu_msix_open(m, i))
			vgpu_out_add(out, VGPU_WORK_INTERRUPT)->arg = i;
		else
			m->msix_pending |= 1u << i;
	}
}

static bool vgpu_admin_pending(const struct vgpu_model *m)
{
	const struct vgpu_admin *a = &m->admin;

	return a->attach_todo | a->detach_todo | a->pin_todo ||
	       (a->attached && a->rung && !a->broken && !a->wait);
}

u32 vgpu_model_run(struct vgpu_model *m, u64 now_ns, struct vgpu_work *work,
		   u32 max)
{
	struct vgpu_out out = { .work = work, .max = max };
	u32 ring, budget = max * VGPU_RUN_COMMANDS;

	m->now_ns = max_t(u64, m->now_ns, now_ns);
	vgpu_todo_step(m, &out);
	if (vgpu_admin_pending(m))
		vgpu_admin_step(m, &out);
	if (vgpu_grow_pending(m))
		vgpu_grow_step(m, &out);
	vgpu_job_hand_out(m, &out);
	while (budget && !vgpu_out_enough(&out)) {
		ring = vgpu_sched_pick(m);
		if (!ring)
			break;
		vgpu_uring_step(m, ring, &budget);
		vgpu_job_hand_out(m, &out);
	}
	vgpu_compact_step(m, &out);
	vgpu_irq_step(m, &out);
	return out.n;
}

bool vgpu_model_pending(const struct vgpu_model *m)
{
	return m->lines | m->todo_count | m->irq_out | m->ready_first ||
	       vgpu_admin_pending(m) || vgpu_grow_pending(m) ||
	       (m->compact.active && !m->compact.out);
}

int vgpu_model_done(struct vgpu_model *m, u32 id, s32 status, u64 now_ns,
		    u64 run_ns)
{
	m->now_ns = max_t(u64, m->now_ns, now_ns);
	switch (id >> VGPU_WORK_CLASS_SHIFT) {
	case VGPU_WORK_JOB:
		return vgpu_job_done(m, id, status, run_ns);
	case VGPU_WORK_ADMIN:
		return vgpu_admin_done(m, id, status);
	case VGPU_WORK_OBJECT:
		return vgpu_object_scrubbed(m, id, status);
	case VGPU_WORK_COMPACT:
		return vgpu_compact_done(m, id, status);
	case VGPU_WORK_MEMORY:
		return vgpu_grow_done(m, id, status);
	default:
		return -ENOENT;
	}
}

int vgpu_model_system_gone(struct vgpu_model *m, u32 id)
{
	u32 i, object = vgpu_table_find(&m->objects_table, id);
	struct vgpu_object *o = &m->objects[object];

	if (!object || o->kind != VGPU_OBJECT_SYSTEM)
		return -ENOENT;
	o->gone = true;
	for (i = 1; o->rings && i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) && !m->rings[i].dying &&
		    m->rings[i].object == object)
			vgpu_uring_gone(m, i);
	return (int)o->busy;
}

void vgpu_model_tick(struct vgpu_model *m, u64 now_ns)
{
	u32 i;

	m->now_ns = max_t(u64, m->now_ns, now_ns);
	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i))
			vgpu_job_tick(m, i);
}

int vgpu_model_abort(struct vgpu_model *m, u32 id, s32 status, u64 now_ns)
{
	m->now_ns = max_t(u64, m->now_ns, now_ns);
	if (id >> VGPU_WORK_CLASS_SHIFT != VGPU_WORK_JOB)
		return -ENOENT;
	return vgpu_job_stop(m, id, status);
}

u64 vgpu_model_deadline(const struct vgpu_model *m)
{
	u64 first = U64_MAX;
	u32 i;

	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i) &&
		    vgpu_job(m, i)->state != VGPU_JOB_DONE)
			first = min_t(u64, first, vgpu_job(m, i)->deadline_ns);
	return first;
}

void vgpu_model_engine(struct vgpu_model *m, bool present, u64 now_ns)
{
	u32 i;

	m->now_ns = max_t(u64, m->now_ns, now_ns);
	if (present) {
		m->status |= VGPU_STATUS_ENGINE;
		return;
	}
	m->status &= ~(u32)VGPU_STATUS_ENGINE;
	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i))
			vgpu_job_lost(m, i);
}

void vgpu_model_offer(struct vgpu_model *m, u64 features)
{
	m->config.features = features & VGPU_FEATURE_ALL;
}

/*
 * Contexts go, and what they have; what still runs is waited for by nobody but
 * the memory that it holds.
 */
void vgpu_model_clear(struct vgpu_model *m)
{
	u32 i;

	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) && !m->rings[i].dying)
			vgpu_uring_destroy(m, i);
	for (i = 1; i <= m->contexts_table.max; i++)
		if (vgpu_table_used(&m->contexts_table, i))
			vgpu_unmap_all(m, i);
	for (i = 1; i <= m->contexts_table.max; i++)
		if (vgpu_table_used(&m->contexts_table, i) &&
		    !m->contexts[i].dead)
			vgpu_context_destroy(m, i);
}

/* Everything that the driver made goes. */
void vgpu_model_reset(struct vgpu_model *m)
{
	u32 i;

	vgpu_admin_disable(m);
	m->compact.active = false;
	vgpu_model_clear(m);
	for (i = 1; i <= m->objects_table.max; i++)
		if (vgpu_table_used(&m->objects_table, i))
			vgpu_object_kill(m, i);
	vgpu_regs_reset(m);
}

void vgpu_model_telemetry(struct vgpu_model *m, u32 temperature, u32 power,
			  u32 power_limit)
{
	m->temperature = temperature;
	m->power = power;
	m->power_limit = power_limit;
}

int vgpu_model_set_limit(struct vgpu_model *m, u64 bytes)
{
	vgpu_account_set_limit(&m->account, bytes ? bytes : U64_MAX);
	return 0;
}

/* Bring the figures up to date that live elsewhere. */
void vgpu_model_refresh(struct vgpu_model *m)
{
	m->stats.vram_used = vgpu_account_current(&m->account);
	m->stats.vram_peak = vgpu_account_peak(&m->account);
	m->stats.vram_limit = min_t(u64, vgpu_account_limit(&m->account),
				    m->config.vram_bytes);
	m->status_seen = m->status;
	/* What a reset ended is still out. */
	if (!(m->status & VGPU_STATUS_ENABLED) && m->jobs_table.count)
		m->status_seen |= VGPU_STATUS_BUSY;
}

void vgpu_model_stats(const struct vgpu_model *m,
		      struct vgpu_model_stats *stats)
{
	struct vgpu_vram_stats v;
	u32 i;

	*stats = m->stats;
	vgpu_vram_stats(m->vram, &v);
	stats->vram_used = vgpu_account_current(&m->account);
	stats->vram_peak = vgpu_account_peak(&m->account);
	stats->vram_limit = min_t(u64, vgpu_account_limit(&m->account),
				  m->config.vram_bytes);
	stats->vram_largest = v.largest_free;
	stats->in_flight = stats->queued - stats->completed - stats->failed;
	stats->contexts = m->contexts_table.count;
	stats->mappings = m->maps_table.count;
	stats->counters = m->counters_table.count;
	stats->kernels = m->kernels_table.count;
	stats->objects = m->objects_table.count;
	stats->rings = 0;
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) && !m->rings[i].dying)
			stats->rings++;
}

bool vgpu_model_next_block(const struct vgpu_model *m, u64 offset, u32 *object,
			   u64 *start, u64 *bytes, bool *pinned)
{
	struct vgpu_vram_cursor cursor = { .pos = offset };
	struct vgpu_vram_extent_info x;

	while (vgpu_vram_walk(m->vram, &cursor, &x)) {
		u32 index;

		if (!x.handle || x.offset < offset)
			continue;
		index = m->block_objects[vgpu_vram_slot(m->vram, x.handle)];
		*object = vgpu_table_id(&m->objects_table, index);
		*start = x.offset;
		*bytes = x.size;
		*pinned = x.state != VGPU_VRAM_USED;
		return true;
	}
	return false;
}

int vgpu_model_ring_state(const struct vgpu_model *m, u32 id)
{
	u32 ring = vgpu_find_ring(m, id);

	return ring ? m->rings[ring].state : -ENOENT;
}
