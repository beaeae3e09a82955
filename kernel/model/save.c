// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The state of a device, written down and read back.
 *
 * Only what cannot be derived is written: what a driver made and what it set.
 * Loading makes the same things again through the same functions that the admin
 * queue uses, so that a stream that lies is refused by the same checks, and
 * reference counts, sorted arrays and accounts come out right by construction.
 *
 * Nothing may be in flight, so there are no jobs, and no item is out.
 */
#include "internal.h"

#define VGPU_SAVE_MAGIC		0x31305355504756ull	/* "VGPUS01" */

struct vgpu_save_head {
	u64 magic;
	u64 bytes;		/* of the whole stream */
	u64 vram_bytes;
	u64 features;
	u32 bank_shift;
	u32 subdevice;
	u32 max[8];
	u32 contexts;		/* how many records of each kind follow */
	u32 objects;
	u32 mappings;
	u32 counters;
	u32 kernels;
	u32 rings;
};

struct vgpu_save_regs {
	u64 accepted;
	u64 admin_address;
	u64 sq_head;		/* of the admin queue, if it is enabled */
	u64 cq_tail;
	u64 cq_seen;
	u64 peak;
	u64 err_address;
	u64 err_user_data;
	u64 stats[7];
	u32 admin_entries;
	u32 status;
	u32 irq_status;
	u32 irq_mask;
	u32 irq_out;
	u32 msix_pending;
	u32 scratch;
	u32 err[5];
};	/* then the words of the MSI-X table and configuration space */

struct vgpu_save_context {
	u64 limit;
	u64 hole;
	u32 id;
	u32 dead;
};

struct vgpu_save_object {
	u64 bytes;
	u32 id;
	u32 owner;		/* index of a context, or 0 */
	u32 block;
	u32 pages;
	u32 pins;
	u32 kind;
};

struct vgpu_save_map {
	u64 address;
	u64 offset;
	u64 bytes;
	u32 context;
	u32 object;
	u32 flags;
	u32 reserved;
};

struct vgpu_save_counter {
	u64 value;
	u32 id;
	u32 context;
	u32 watch;
	u32 reserved;
};

struct vgpu_save_kernel {
	struct vgpu_kernel_info info;
	u64 token;
	u32 id;
	u32 context;
};

struct vgpu_save_ring {
	struct vgpu_cmd cmd;
	u64 sq_head;
	u64 cq_tail;
	u64 cq_seen;
	u64 stop;
	u64 taken;
	u64 completed;
	u32 sq_entries;
	u32 cq_entries;
	u32 id;
	u32 context;
	u32 object;
	u32 counter;
	u32 flags;
	u32 state;
	u32 priority;
	u32 vector;
	u32 parked;
	u32 poll_ns;
	u32 reserved[4];
};

/* Nothing is under way inside the device or outside. */
static bool vgpu_quiet(const struct vgpu_model *m)
{
	const struct vgpu_admin *a = &m->admin;
	u32 i;

	if (m->grow_id || m->jobs_table.count || m->todo_count || m->scrubs || a->wait ||
	    a->builds || a->attaching || a->detach_todo || m->compact.active ||
	    m->compact.out || (a->attached && !a->dev.ring.hdr))
		return false;
	for (i = 1; i <= m->objects_table.max; i++)
		if (vgpu_table_used(&m->objects_table, i) &&
		    (m->objects[i].state != VGPU_OBJECT_LIVE ||
		     m->objects[i].gone || m->objects[i].busy))
			return false;
	for (i = 1; i <= m->kernels_table.max; i++)
		if (vgpu_table_used(&m->kernels_table, i) &&
		    m->kernels[i].state != VGPU_KERNEL_READY)
			return false;
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) &&
		    (m->rings[i].dying || m->rings[i].flushing ||
		     m->rings[i].attaching || !m->rings[i].dev.ring.hdr))
			return false;
	return true;
}

struct vgpu_writer {
	u8 *to;
	size_t used;
	size_t room;
};

static void vgpu_put(struct vgpu_writer *w, const void *from, size_t bytes)
{
	if (w->to && w->used + bytes <= w->room)
		memcpy(w->to + w->used, from, bytes);
	w->used += bytes;
}

static void vgpu_save_head(const struct vgpu_model *m, struct vgpu_save_head *h)
{
	const struct vgpu_model_config *c = &m->config;
	const u32 max[8] = {
		c->max_contexts, c->max_objects, c->max_mappings, c->max_rings,
		c->max_counters, c->max_kernels, c->max_jobs, c->max_entries,
	};

	memset(h, 0, sizeof(*h));
	h->magic = VGPU_SAVE_MAGIC;
	h->vram_bytes = c->vram_bytes;
	h->features = c->features;
	h->bank_shift = c->bank_shift;
	h->subdevice = c->subdevice;
	memcpy(h->max, max, sizeof(max));
	h->contexts = m->contexts_table.count;
	h->objects = m->objects_table.count;
	h->mappings = m->maps_table.count;
	h->counters = m->counters_table.count;
	h->kernels = m->kernels_table.count;
	h->rings = m->rings_table.count;
}

static u64 vgpu_vram_state_bytes(const struct vgpu_model *m)
{
	return vgpu_vram_bytes(m->config.vram_bytes, m->config.bank_shift,
			       m->config.max_objects);
}

/* The tables whose ids a driver knows. */
#define VGPU_SAVE_TABLES	5u

static struct vgpu_table *vgpu_save_table(struct vgpu_model *m, u32 i)
{
	struct vgpu_table *const all[VGPU_SAVE_TABLES] = {
		&m->contexts_table, &m->objects_table, &m->counters_table,
		&m->kernels_table, &m->rings_table,
	};

	return all[i];
}

/* Generations go along, so that a stale id stays stale. */
static size_t vgpu_save_gens_bytes(const struct vgpu_model *m)
{
	const struct vgpu_model_config *c = &m->config;

	return (c->max_contexts + c->max_objects + c->max_counters +
		c->max_kernels + c->max_rings) * sizeof(u16);
}

/* The figures of struct vgpu_model_stats that are counted up. */
static u64 *vgpu_stat(struct vgpu_model_stats *s, u32 i)
{
	u64 *const all[7] = {
		&s->queued, &s->completed, &s->failed, &s->bytes_copied,
		&s->bytes_cleared, &s->launches, &s->busy_ns,
	};

	return all[i];
}

static void vgpu_save_regs(const struct vgpu_model *m, struct vgpu_writer *w)
{
	struct vgpu_model_stats stats = m->stats;
	struct vgpu_save_regs r;
	u32 i;

	memset(&r, 0, sizeof(r));
	r.accepted = m->accepted;
	r.admin_address = m->admin_address;
	if (m->admin.attached) {
		r.sq_head = m->admin.dev.sq_head;
		r.cq_tail = m->admin.dev.cq_tail;
		r.cq_seen = m->admin.dev.cq_seen;
	}
	r.peak = vgpu_account_peak(&m->account);
	for (i = 0; i < ARRAY_SIZE(r.stats); i++)
		r.stats[i] = *vgpu_stat(&stats, i);
	r.admin_entries = m->admin_entries;
	r.status = m->status;
	r.irq_status = m->irq_status;
	r.irq_mask = m->irq_mask;
	r.irq_out = m->irq_out;
	r.msix_pending = m->msix_pending;
	r.scratch = m->scratch;
	r.err[0] = m->error.status;
	r.err[1] = m->error.source;
	r.err[2] = m->error.opcode;
	r.err[3] = m->error.context;
	r.err[4] = m->error.count;
	r.err_address = m->error.address;
	r.err_user_data = m->error.user_data;
	vgpu_put(w, &r, sizeof(r));
	vgpu_put(w, m->msix, sizeof(m->msix));
	vgpu_put(w, m->pci, sizeof(m->pci));
}

static void vgpu_save_ring(const struct vgpu_model *m, u32 i,
			   struct vgpu_writer *w)
{
	const struct vgpu_uring *r = &m->rings[i];
	struct vgpu_save_ring s;

	memset(&s, 0, sizeof(s));
	if (r->parked)
		s.cmd = r->cmd;
	s.sq_head = r->dev.sq_head;
	s.cq_tail = r->dev.cq_tail;
	s.cq_seen = r->dev.cq_seen;
	s.stop = r->stop;
	s.taken = r->taken;
	s.completed = r->completed;
	s.sq_entries = r->dev.ring.sq_entries;
	s.cq_entries = r->dev.ring.cq_entries;
	s.id = vgpu_table_id(&m->rings_table, i);
	s.context = r->context;
	s.object = r->object;
	s.counter = r->counter;
	s.flags = r->flags;
	s.state = r->state;
	s.priority = r->priority;
	s.vector = r->vector;
	s.parked = r->parked;
	s.poll_ns = r->poll_ns;
	vgpu_put(w, &s, sizeof(s));
}

static void vgpu_save_made(const struct vgpu_model *m, struct vgpu_writer *w)
{
	u32 i;

	for (i = 1; i <= m->contexts_table.max; i++) {
		const struct vgpu_context *c = &m->contexts[i];
		struct vgpu_save_context s = {
			.limit = vgpu_account_limit(&c->account),
			.hole = c->hole,
			.id = vgpu_table_id(&m->contexts_table, i),
			.dead = c->dead,
		};

		if (vgpu_table_used(&m->contexts_table, i))
			vgpu_put(w, &s, sizeof(s));
	}
	for (i = 1; i <= m->objects_table.max; i++) {
		const struct vgpu_object *o = &m->objects[i];
		struct vgpu_save_object s = {
			.bytes = o->bytes,
			.id = vgpu_table_id(&m->objects_table, i),
			.owner = o->owner,
			.block = o->block,
			.pages = o->pages,
			.pins = o->pins,
			.kind = o->kind,
		};

		if (vgpu_table_used(&m->objects_table, i))
			vgpu_put(w, &s, sizeof(s));
	}
	for (i = 0; i < m->maps_table.count; i++) {
		const struct vgpu_mapping *map = &m->maps[m->map_index[i]];
		struct vgpu_save_map s = {
			.address = m->map_keys[i] &
				   ((1ull << VGPU_ADDRESS_BITS) - 1),
			.offset = map->offset,
			.bytes = map->bytes,
			.context = (u32)(m->map_keys[i] >> VGPU_ADDRESS_BITS),
			.object = map->object,
			.flags = map->flags,
		};

		vgpu_put(w, &s, sizeof(s));
	}
	for (i = 1; i <= m->counters_table.max; i++) {
		struct vgpu_save_counter s = {
			.value = m->counters[i].value,
			.id = vgpu_table_id(&m->counters_table, i),
			.context = m->counters[i].context,
			.watch = m->counters[i].watch,
		};

		if (vgpu_table_used(&m->counters_table, i))
			vgpu_put(w, &s, sizeof(s));
	}
	for (i = 1; i <= m->kernels_table.max; i++) {
		struct vgpu_save_kernel s = {
			.info = m->kernels[i].info,
			.token = m->kernels[i].token,
			.id = vgpu_table_id(&m->kernels_table, i),
			.context = m->kernels[i].context,
		};

		if (vgpu_table_used(&m->kernels_table, i))
			vgpu_put(w, &s, sizeof(s));
	}
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i))
			vgpu_save_ring(m, i, w);
}

s64 vgpu_model_save(const struct vgpu_model *m, void *buf, size_t bytes)
{
	struct vgpu_writer w = { .to = buf, .room = bytes };
	struct vgpu_save_head head;

	if (!vgpu_quiet(m))
		return -EBUSY;
	if (vgpu_grow_bytes(m, VGPU_GROW_ALL))
		return -ENOMEM;
	vgpu_save_head(m, &head);
	vgpu_put(&w, &head, sizeof(head));
	vgpu_save_regs(m, &w);
	vgpu_put(&w, m->vram, vgpu_vram_state_bytes(m));
	vgpu_put(&w, m->contexts_table.gen + 1, m->config.max_contexts * 2);
	vgpu_put(&w, m->objects_table.gen + 1, m->config.max_objects * 2);
	vgpu_put(&w, m->counters_table.gen + 1, m->config.max_counters * 2);
	vgpu_put(&w, m->kernels_table.gen + 1, m->config.max_kernels * 2);
	vgpu_put(&w, m->rings_table.gen + 1, m->config.max_rings * 2);
	vgpu_save_made(m, &w);
	if (!buf)
		return (s64)w.used;
	if (w.used > bytes)
		return -ENOSPC;
	head.bytes = w.used;
	memcpy(buf, &head, sizeof(head));
	return (s64)w.used;
}

struct vgpu_reader {
	const u8 *from;
	size_t used;
	size_t bytes;
};

static bool vgpu_get(struct vgpu_reader *r, void *to, size_t bytes)
{
	if (bytes > r->bytes - r->used)
		return false;
	memcpy(to, r->from + r->used, bytes);
	r->used += bytes;
	return true;
}

/* The next bytes where they are, or NULL. */
static const u8 *vgpu_skip(struct vgpu_reader *r, size_t bytes)
{
	const u8 *p = r->from + r->used;

	if (bytes > r->bytes - r->used)
		return NULL;
	r->used += bytes;
	return p;
}

/* Indices of a ring of which nothing is in flight but what is parked. */
static bool vgpu_indices_valid(const struct vgpu_ring_consumer *c, u64 parked)
{
	u64 taken = c->sq_head - c->ring.sq_entries;
	u64 written = c->cq_tail - c->ring.cq_entries;
	u64 read = c->cq_seen - c->ring.cq_entries;

	/* Half the range is more than anybody ever gets to. */
	return taken < 1ull << 62 && taken == written + parked &&
	       read <= written && taken - read <= c->ring.cq_entries;
}

static int vgpu_load_context(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_context s;
	struct vgpu_context *c;
	u32 i;

	if (!vgpu_get(r, &s, sizeof(s)) || s.dead > 1 || !s.limit ||
	    s.hole < VGPU_ADDRESS_MIN || s.hole > 1ull << VGPU_ADDRESS_BITS ||
	    s.hole & (VGPU_MAP_GRANULE - 1) ||
	    !vgpu_table_claim(&m->contexts_table, s.id))
		return -EINVAL;
	i = s.id & 0xffff;
	c = &m->contexts[i];
	memset(c, 0, sizeof(*c));
	c->hole = s.hole;
	c->dead = s.dead;
	/* Its limit comes last: what is there may be more than is allowed. */
	return vgpu_account_init(&c->account, U64_MAX, &m->account);
}

static bool vgpu_index_used(const struct vgpu_table *t, u32 index)
{
	return index && index <= t->max && vgpu_table_used(t, index);
}

static int vgpu_load_object(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_vram_block b;
	struct vgpu_save_object s;
	struct vgpu_object *o;
	u32 slot;

	if (!vgpu_get(r, &s, sizeof(s)) || s.pins > VGPU_MAX_PINS ||
	    (s.owner && !vgpu_index_used(&m->contexts_table, s.owner)) ||
	    !vgpu_table_claim(&m->objects_table, s.id))
		return -EINVAL;
	o = &m->objects[s.id & 0xffff];
	memset(o, 0, sizeof(*o));
	o->bytes = s.bytes;
	o->owner = s.owner;
	o->kind = s.kind;
	o->pins = s.pins;
	if (s.owner)
		m->contexts[s.owner].objects++;
	if (s.kind == VGPU_OBJECT_SYSTEM) {
		o->pages = s.pages;
		return !s.bytes || s.bytes & (VGPU_PAGE_BYTES - 1) ||
		       s.bytes / VGPU_PAGE_BYTES > U32_MAX ||
		       s.pages > s.bytes / VGPU_PAGE_BYTES || s.block ?
			       -EINVAL : 0;
	}
	if (s.kind != VGPU_OBJECT_VRAM || s.pages)
		return -EINVAL;
	slot = vgpu_vram_slot(m->vram, s.block);
	if (!slot || m->block_objects[slot] ||
	    vgpu_vram_info(m->vram, s.block, &b) || b.size != s.bytes ||
	    b.pins != s.pins)
		return -EINVAL;
	o->block = s.block;
	m->block_objects[slot] = s.id & 0xffff;
	return vgpu_account_reserve(s.owner ? &m->contexts[s.owner].account :
					      &m->account, b.reserved);
}

static int vgpu_load_map(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_map s;

	if (!vgpu_get(r, &s, sizeof(s)) || s.reserved ||
	    s.flags & ~VGPU_MAP_F_READ_ONLY ||
	    !vgpu_index_used(&m->contexts_table, s.context) ||
	    m->contexts[s.context].dead ||
	    !vgpu_index_used(&m->objects_table, s.object))
		return -EINVAL;
	/* Sorted as they were saved, or inserting them takes long. */
	if (m->maps_table.count &&
	    ((u64)s.context << VGPU_ADDRESS_BITS | s.address) <=
		    m->map_keys[m->maps_table.count - 1])
		return -EINVAL;
	return vgpu_map(m, s.context, s.object, &s.address, s.offset, s.bytes,
			s.flags);
}

static int vgpu_load_counter(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_counter s;
	struct vgpu_counter *c;

	if (!vgpu_get(r, &s, sizeof(s)) ||
	    !vgpu_index_used(&m->contexts_table, s.context) ||
	    m->contexts[s.context].dead || s.watch > VGPU_MSIX_VECTORS ||
	    !vgpu_table_claim(&m->counters_table, s.id))
		return -EINVAL;
	c = &m->counters[s.id & 0xffff];
	memset(c, 0, sizeof(*c));
	c->value = s.value;
	c->context = s.context;
	c->watch = s.watch;
	return 0;
}

static int vgpu_load_kernel(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_kernel s;
	struct vgpu_kernel *k;

	if (!vgpu_get(r, &s, sizeof(s)) ||
	    !vgpu_index_used(&m->contexts_table, s.context) ||
	    m->contexts[s.context].dead ||
	    !vgpu_kernel_info_valid(m, &s.info) ||
	    !vgpu_table_claim(&m->kernels_table, s.id))
		return -EINVAL;
	k = &m->kernels[s.id & 0xffff];
	memset(k, 0, sizeof(*k));
	k->info = s.info;
	k->token = s.token;
	k->context = s.context;
	k->state = VGPU_KERNEL_READY;
	return 0;
}

static int vgpu_load_ring(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_ring s;
	struct vgpu_uring *u;
	u32 ring = 0, i;
	int ret;

	if (!vgpu_get(r, &s, sizeof(s)) || s.parked > 1 ||
	    s.taken != s.completed + s.parked ||
	    s.state > VGPU_RING_ERROR || s.priority >= VGPU_PRIORITIES ||
	    s.vector >= VGPU_MSIX_VECTORS ||
	    !vgpu_index_used(&m->contexts_table, s.context) ||
	    m->contexts[s.context].dead ||
	    !vgpu_index_used(&m->objects_table, s.object) ||
	    (s.counter && !vgpu_index_used(&m->counters_table, s.counter)))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(s.reserved); i++)
		if (s.reserved[i])
			return -EINVAL;
	ret = vgpu_uring_create(m, s.context, s.object,
				s.sq_entries | (u64)s.cq_entries << 32,
				s.flags | (u64)s.priority << 32 |
				(u64)s.vector << 40, s.counter, s.poll_ns,
				&ring);
	if (ret)
		return -EINVAL;
	/* It has some slot; what counts is that its id is the old one. */
	if (!vgpu_uring_rename(m, &ring, s.id))
		return -EINVAL;
	u = &m->rings[ring];
	u->dev.sq_head = s.sq_head;
	u->dev.sq_published = s.sq_head - 1;	/* say it again */
	u->dev.cq_tail = s.cq_tail;
	u->dev.cq_seen = s.cq_seen;
	u->stop = s.stop;
	u->taken = s.taken;
	u->completed = s.completed;
	u->state = s.state;
	u->parked = s.parked;
	u->parked_ns = m->now_ns;
	u->cmd = s.cmd;
	if (s.state != VGPU_RING_ERROR &&
	    (!vgpu_indices_valid(&u->dev, s.parked) ||
	     (s.state == VGPU_RING_PAUSED &&
	      s.stop - s.sq_head > s.sq_entries)))
		return -EINVAL;
	if (s.state == VGPU_RING_ERROR && s.parked)
		return -EINVAL;
	m->stats.queued -= s.parked;
	u->attaching = true;
	vgpu_todo_add(m, VGPU_TODO_ATTACH, ring);
	return 0;
}

static int vgpu_load_regs(struct vgpu_model *m, struct vgpu_reader *r)
{
	struct vgpu_save_regs s;
	struct vgpu_admin *a = &m->admin;
	const u8 *msix, *pci;
	u32 i;

	if (!vgpu_get(r, &s, sizeof(s)) || s.accepted & ~m->config.features ||
	    s.status & ~(u32)(VGPU_STATUS_ENABLED | VGPU_STATUS_ERROR |
			      VGPU_STATUS_ENGINE))
		return -EINVAL;
	m->accepted = s.accepted;
	m->admin_address = s.admin_address;
	m->admin_entries = s.admin_entries;
	m->account.peak = min_t(u64, s.peak, m->config.vram_bytes);
	for (i = 0; i < ARRAY_SIZE(s.stats); i++)
		*vgpu_stat(&m->stats, i) = s.stats[i];
	m->irq_status = s.irq_status;
	m->irq_mask = s.irq_mask;
	m->irq_out = s.irq_out;
	m->msix_pending = s.msix_pending;
	m->scratch = s.scratch;
	m->error.status = s.err[0];
	m->error.source = s.err[1];
	m->error.opcode = s.err[2];
	m->error.context = s.err[3];
	m->error.count = s.err[4];
	m->error.address = s.err_address;
	m->error.user_data = s.err_user_data;
	msix = vgpu_skip(r, sizeof(m->msix));
	pci = vgpu_skip(r, sizeof(m->pci));
	if (!msix || !pci)
		return -EINVAL;
	vgpu_pci_load(m, pci, msix);
	if (!(s.status & VGPU_STATUS_ENABLED))
		return 0;
	vgpu_admin_enable(m);
	if (!a->attaching)
		return -EINVAL;
	a->dev.sq_head = s.sq_head;
	a->dev.sq_published = s.sq_head - 1;
	a->dev.cq_tail = s.cq_tail;
	a->dev.cq_seen = s.cq_seen;
	a->resume = true;
	a->broken = s.status & VGPU_STATUS_ERROR;
	m->status |= s.status & VGPU_STATUS_ERROR;
	return a->broken || vgpu_indices_valid(&a->dev, 0) ? 0 : -EINVAL;
}

/* Every block belongs to an object, and none is on its way. */
static bool vgpu_vram_settled(const struct vgpu_model *m)
{
	struct vgpu_vram_cursor cursor = { 0 };
	struct vgpu_vram_extent_info x;

	while (vgpu_vram_walk(m->vram, &cursor, &x)) {
		if (x.state == VGPU_VRAM_FREE)
			continue;
		if (x.state != VGPU_VRAM_USED && x.state != VGPU_VRAM_PINNED)
			return false;
		if (!m->block_objects[vgpu_vram_slot(m->vram, x.handle)])
			return false;
	}
	return true;
}

static bool vgpu_load_gens(struct vgpu_model *m, struct vgpu_reader *r)
{
	u32 i;

	for (i = 0; i < VGPU_SAVE_TABLES; i++) {
		struct vgpu_table *t = vgpu_save_table(m, i);

		if (!vgpu_get(r, t->gen + 1, t->max * sizeof(t->gen[0])))
			return false;
	}
	return true;
}

typedef int (*vgpu_load_fn)(struct vgpu_model *m, struct vgpu_reader *r);

static int vgpu_load_all(struct vgpu_model *m, struct vgpu_reader *r)
{
	static const vgpu_load_fn load[] = {
		vgpu_load_context, vgpu_load_object, vgpu_load_map,
		vgpu_load_counter, vgpu_load_kernel, vgpu_load_ring,
	};
	struct vgpu_save_head head, mine;
	u64 size;
	u32 shift, blocks, i, n;

	vgpu_save_head(m, &mine);
	if (!vgpu_get(r, &head, sizeof(head)) || head.magic != mine.magic ||
	    head.bytes != r->bytes || head.vram_bytes != mine.vram_bytes ||
	    head.features != mine.features ||
	    head.bank_shift != mine.bank_shift ||
	    head.subdevice != mine.subdevice ||
	    memcmp(head.max, mine.max, sizeof(head.max)))
		return -EINVAL;
	if (vgpu_load_regs(m, r) ||
	    !vgpu_get(r, m->vram, vgpu_vram_state_bytes(m)) ||
	    vgpu_vram_validate(m->vram, vgpu_vram_state_bytes(m)))
		return -EINVAL;
	vgpu_vram_geometry(m->vram, &size, &shift, &blocks);
	if (size != m->config.vram_bytes || shift != m->config.bank_shift ||
	    blocks != m->config.max_objects)
		return -EINVAL;
	if (!vgpu_load_gens(m, r))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(load); i++) {
		const u32 count[] = {
			head.contexts, head.objects, head.mappings,
			head.counters, head.kernels, head.rings,
		};

		for (n = 0; n < count[i]; n++)
			if (load[i](m, r))
				return -EINVAL;
	}
	for (i = 0; i < VGPU_SAVE_TABLES; i++)
		vgpu_table_relink(vgpu_save_table(m, i));
	for (i = 1; i <= m->contexts_table.max; i++)
		if (vgpu_table_used(&m->contexts_table, i) &&
		    m->contexts[i].dead && !m->contexts[i].objects)
			return -EINVAL;
	/* Less what is parked, everything that was taken has ended. */
	if (m->stats.queued != m->stats.completed + m->stats.failed)
		return -EINVAL;
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i))
			m->stats.queued += m->rings[i].parked;
	return r->used == r->bytes && vgpu_vram_settled(m) ? 0 : -EINVAL;
}

/*
 * The limits of contexts, which may be lower than what is there.  That of the
 * device is the host's word, and none of the stream's.
 */
static void vgpu_load_limits(struct vgpu_model *m, const u8 *buf)
{
	const u8 *p = buf + sizeof(struct vgpu_save_head);
	struct vgpu_save_context c;
	struct vgpu_save_head head;
	u32 i;

	memcpy(&head, buf, sizeof(head));
	p += sizeof(struct vgpu_save_regs) + sizeof(m->msix) + sizeof(m->pci) +
	     vgpu_vram_state_bytes(m) + vgpu_save_gens_bytes(m);
	for (i = 0; i < head.contexts; i++, p += sizeof(c)) {
		memcpy(&c, p, sizeof(c));
		vgpu_account_set_limit(&m->contexts[c.id & 0xffff].account,
				       c.limit);
	}
}

int vgpu_model_load(struct vgpu_model *m, const void *buf, size_t bytes)
{
	struct vgpu_reader r = { .from = buf, .bytes = bytes };
	u32 engine = m->status & VGPU_STATUS_ENGINE;
	u64 limit = vgpu_account_limit(&m->account);
	int ret;

	if (vgpu_grow_bytes(m, VGPU_GROW_ALL))
		return -ENOMEM;
	ret = vgpu_load_all(m, &r);
	if (!ret) {
		vgpu_load_limits(m, buf);
		return 0;
	}
	vgpu_model_fini(m);
	vgpu_memory_clear(m);
	vgpu_model_begin(m);
	m->status |= engine;
	vgpu_account_set_limit(&m->account, limit);
	return ret;
}

int vgpu_model_kernel_token(struct vgpu_model *m, u32 id, u64 token)
{
	u32 kernel = vgpu_find_kernel(m, id);

	if (!kernel)
		return -ENOENT;
	m->kernels[kernel].token = token;
	return 0;
}
