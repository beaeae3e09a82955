// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of a device: how its tables lie in it, and how they grow.
 *
 * All tables are in one piece of memory.  One that is full and may be longer
 * gets longer by a new piece from the shell, in which all are laid out anew;
 * what they hold is copied, since everything refers to everything else by
 * index.  Work items point into jobs, so these lie in leaves, which stay where
 * they are.
 */
#include "internal.h"

/* What there is memory for at first. */
#define VGPU_FIRST_CONTEXTS	1u
#define VGPU_FIRST_OBJECTS	7u
#define VGPU_FIRST_MAPPINGS	7u
#define VGPU_FIRST_RINGS	3u
#define VGPU_FIRST_COUNTERS	3u
#define VGPU_FIRST_KERNELS	1u

static size_t vgpu_align(size_t bytes)
{
	return (bytes + VGPU_MODEL_ALIGN - 1) & ~(size_t)(VGPU_MODEL_ALIGN - 1);
}

static bool vgpu_config_valid(const struct vgpu_model_config *c)
{
	return c->max_contexts && c->max_contexts <= 1023 && c->max_objects &&
	       c->max_objects <= 65535 && c->max_mappings &&
	       c->max_mappings <= 65535 && c->max_rings &&
	       c->max_rings <= 4095 && c->max_counters &&
	       c->max_counters <= 65535 && c->max_kernels &&
	       c->max_kernels <= 65535 && c->max_jobs && c->max_jobs <= 4095 &&
	       vgpu_ring_entries_valid(c->max_entries) &&
	       !(c->features & ~VGPU_FEATURE_ALL) &&
	       (c->subdevice == VGPU_PCI_SUBDEVICE_GPU ||
		c->subdevice == VGPU_PCI_SUBDEVICE_VGPU) &&
	       vgpu_vram_bytes(c->vram_bytes, c->bank_shift, c->max_objects);
}

/* A carver of one piece of memory; with @base NULL it only counts. */
struct vgpu_carve {
	u8 *base;
	size_t used;
};

static void *vgpu_carve(struct vgpu_carve *c, size_t n, size_t size)
{
	void *p = c->base ? c->base + c->used : NULL;

	c->used += vgpu_align(n * size);
	return p;
}

/* A table with room for @n, which goes on with what it has. */
static void vgpu_carve_table(struct vgpu_carve *c, struct vgpu_table *t, u32 n)
{
	u32 *link = vgpu_carve(c, n + 1, sizeof(u32));
	u16 *gen = vgpu_carve(c, n + 1, sizeof(u16));

	if (link)
		vgpu_table_move(t, link, gen, n);
}

/* An array of @n for field @f of @m, which has @had now. */
#define VGPU_CARVE(c, m, f, n, had)					\
do {									\
	void *p_ = vgpu_carve(c, n, sizeof(*(m)->f));			\
									\
	if (p_ && (m)->f)						\
		memcpy(p_, (m)->f, (size_t)(had) * sizeof(*(m)->f));	\
	if (p_)								\
		(m)->f = p_;						\
} while (0)

static u32 vgpu_todo_size(const struct vgpu_model_config *c)
{
	/* One for each thing that can be in it, rings twice. */
	return c->max_objects + c->max_kernels + 2 * c->max_rings +
	       c->max_jobs;
}

/* The line is a circle; it begins at the start of its new array. */
static void vgpu_carve_todo(struct vgpu_carve *c, struct vgpu_model *m, u32 n)
{
	struct vgpu_todo *todo = vgpu_carve(c, n, sizeof(*todo));
	u32 i;

	if (!todo)
		return;
	for (i = 0; i < m->todo_count; i++)
		todo[i] = m->todo[(m->todo_head + i) % m->todo_size];
	m->todo = todo;
	m->todo_head = 0;
	m->todo_size = n;
}

/* No fewer than vgpu_vram_slots() of the device's allocator. */
static size_t vgpu_slots(const struct vgpu_model_config *c)
{
	return 2 * ((size_t)c->max_objects + 2) +
	       (size_t)(c->vram_bytes >> c->bank_shift) + 1;
}

static void vgpu_carve_vram(struct vgpu_carve *c, struct vgpu_model *m,
			    const struct vgpu_model_config *g)
{
	u64 bytes = vgpu_vram_bytes(g->vram_bytes, g->bank_shift,
				    g->max_objects);
	void *vram = vgpu_carve(c, 1, bytes);
	int ret;

	if (!vram)
		return;
	if (m->vram)
		ret = vgpu_vram_grow(m->vram, vram, bytes, g->max_objects);
	else
		ret = vgpu_vram_init(vram, bytes, g->vram_bytes, g->bank_shift,
				     g->max_objects, m->config.max_objects);
	m->vram = vram;
	vgpu_assert(!ret && vgpu_vram_slots(m->vram) <= vgpu_slots(g));
}

/*
 * Lay out tables of @m at @base with room for @g, and carry over what they
 * hold; or, with NULL and NULL, find out how long they are.
 */
static size_t vgpu_carve_tables(struct vgpu_model *m, void *base,
				const struct vgpu_model_config *g)
{
	static const struct vgpu_model_config none;
	const struct vgpu_model_config *had = m ? &m->room : &none;
	struct vgpu_carve carve = { .base = base };
	struct vgpu_carve *c = &carve;

	vgpu_carve_table(c, m ? &m->contexts_table : NULL, g->max_contexts);
	vgpu_carve_table(c, m ? &m->objects_table : NULL, g->max_objects);
	vgpu_carve_table(c, m ? &m->rings_table : NULL, g->max_rings);
	vgpu_carve_table(c, m ? &m->counters_table : NULL, g->max_counters);
	vgpu_carve_table(c, m ? &m->kernels_table : NULL, g->max_kernels);
	vgpu_carve_table(c, m ? &m->maps_table : NULL, g->max_mappings);
	VGPU_CARVE(c, m, contexts, g->max_contexts + 1, had->max_contexts + 1);
	VGPU_CARVE(c, m, objects, g->max_objects + 1, had->max_objects + 1);
	VGPU_CARVE(c, m, block_objects, vgpu_slots(g), vgpu_slots(had));
	VGPU_CARVE(c, m, rings, g->max_rings + 1, had->max_rings + 1);
	VGPU_CARVE(c, m, counters, g->max_counters + 1, had->max_counters + 1);
	VGPU_CARVE(c, m, kernels, g->max_kernels + 1, had->max_kernels + 1);
	VGPU_CARVE(c, m, map_keys, g->max_mappings, had->max_mappings);
	VGPU_CARVE(c, m, map_index, g->max_mappings, had->max_mappings);
	VGPU_CARVE(c, m, maps, g->max_mappings + 1, had->max_mappings + 1);
	vgpu_carve_todo(c, m, vgpu_todo_size(g));
	vgpu_carve_vram(c, m, g);
	return c->used;
}

/* The tables of @m are at @mem from now on. */
static void vgpu_move_tables(struct vgpu_model *m, void *mem,
			     const struct vgpu_model_config *g)
{
	m->tables_bytes = vgpu_carve_tables(m, mem, g);
	m->tables = mem;
	m->room = *g;
}

/* What stays where it is: the device itself, and the table of jobs. */
static u32 vgpu_leaves(const struct vgpu_model_config *c)
{
	return c->max_jobs / VGPU_JOBS_LEAF + 1;
}

static size_t vgpu_leaf_bytes(void)
{
	return vgpu_align(VGPU_JOBS_LEAF * sizeof(struct vgpu_job));
}

static size_t vgpu_carve_fixed(struct vgpu_model *m,
			       const struct vgpu_model_config *c)
{
	struct vgpu_carve carve = { .base = (u8 *)m };

	vgpu_carve(&carve, 1, sizeof(*m));
	VGPU_CARVE(&carve, m, jobs, vgpu_leaves(c), 0);
	vgpu_carve_table(&carve, m ? &m->jobs_table : NULL, c->max_jobs);
	return carve.used;
}

/* One more leaf of jobs, at @mem. */
static void vgpu_add_leaf(struct vgpu_model *m, void *mem)
{
	m->jobs[m->leaves++] = mem;
	m->jobs_table.max = min_t(u32, m->config.max_jobs,
				  m->leaves * VGPU_JOBS_LEAF - 1);
}

/* What there is room for at first in a device that gets as little as can be. */
static void vgpu_first_room(const struct vgpu_model_config *config,
			    struct vgpu_model_config *g)
{
	*g = *config;
	g->max_contexts = min_t(u32, g->max_contexts, VGPU_FIRST_CONTEXTS);
	g->max_objects = min_t(u32, g->max_objects, VGPU_FIRST_OBJECTS);
	g->max_mappings = min_t(u32, g->max_mappings, VGPU_FIRST_MAPPINGS);
	g->max_rings = min_t(u32, g->max_rings, VGPU_FIRST_RINGS);
	g->max_counters = min_t(u32, g->max_counters, VGPU_FIRST_COUNTERS);
	g->max_kernels = min_t(u32, g->max_kernels, VGPU_FIRST_KERNELS);
}

size_t vgpu_model_bytes(const struct vgpu_model_config *config)
{
	if (!vgpu_config_valid(config))
		return 0;
	return vgpu_carve_fixed(NULL, config) +
	       vgpu_leaves(config) * vgpu_leaf_bytes() +
	       vgpu_carve_tables(NULL, NULL, config);
}

size_t vgpu_model_least_bytes(const struct vgpu_model_config *config)
{
	struct vgpu_model_config g;

	if (!vgpu_config_valid(config))
		return 0;
	vgpu_first_room(config, &g);
	return vgpu_carve_fixed(NULL, config) + vgpu_leaf_bytes() +
	       vgpu_carve_tables(NULL, NULL, &g);
}

int vgpu_memory_init(struct vgpu_model *m, size_t bytes,
		     const struct vgpu_model_config *config)
{
	size_t least = vgpu_model_least_bytes(config);
	u8 *p = (u8 *)m + vgpu_carve_fixed(NULL, config);
	struct vgpu_model_config g = *config;
	u32 i, leaves = vgpu_leaves(config);

	if (!least || bytes < least || (uintptr_t)m & (VGPU_MODEL_ALIGN - 1))
		return -EINVAL;
	if (bytes < vgpu_model_bytes(config)) {
		vgpu_first_room(config, &g);
		leaves = 1;
	}
	m->config = *config;
	vgpu_carve_fixed(m, config);
	for (i = 0; i < leaves; i++, p += vgpu_leaf_bytes())
		vgpu_add_leaf(m, p);
	m->first_leaves = leaves;
	vgpu_move_tables(m, p, &g);
	m->first_tables = p;
	return 0;
}

/* A device that has nothing but its memory. */
void vgpu_memory_clear(struct vgpu_model *m)
{
	const size_t kept = offsetof(struct vgpu_model, account);
	struct vgpu_model_config room = m->room;
	u32 jobs = m->jobs_table.max;

	memset(m->tables, 0, m->tables_bytes);
	memset(m->jobs_table.link, 0, (jobs + 1) * sizeof(u32));
	memset(m->jobs_table.gen, 0, (jobs + 1) * sizeof(u16));
	memset((u8 *)m + kept, 0, sizeof(*m) - kept);
	vgpu_carve_fixed(m, &m->config);
	m->jobs_table.max = jobs;
	vgpu_move_tables(m, m->tables, &room);
}

/* Tables that grow, and what says how long one is, or may be. */
static const struct {
	size_t table;
	size_t max;
} vgpu_growing[] = {
#define VGPU_GROWING(t, name)						\
	{ offsetof(struct vgpu_model, t##_table),			\
	  offsetof(struct vgpu_model_config, max_##name) }
	[VGPU_GROW_CONTEXTS] = VGPU_GROWING(contexts, contexts),
	[VGPU_GROW_OBJECTS] = VGPU_GROWING(objects, objects),
	[VGPU_GROW_MAPPINGS] = VGPU_GROWING(maps, mappings),
	[VGPU_GROW_RINGS] = VGPU_GROWING(rings, rings),
	[VGPU_GROW_COUNTERS] = VGPU_GROWING(counters, counters),
	[VGPU_GROW_KERNELS] = VGPU_GROWING(kernels, kernels),
#undef VGPU_GROWING
};

static u32 *vgpu_max(struct vgpu_model_config *c, u32 what)
{
	return (u32 *)((u8 *)c + vgpu_growing[what].max);
}

/* The room that there is when @what has grown; false: it cannot. */
static bool vgpu_next_room(const struct vgpu_model *m, u32 what,
			   struct vgpu_model_config *g)
{
	struct vgpu_model_config limit = m->config;
	bool more = false;
	u32 i, *max, most;

	*g = m->room;
	for (i = VGPU_GROW_CONTEXTS; i < ARRAY_SIZE(vgpu_growing); i++) {
		max = vgpu_max(g, i);
		most = *vgpu_max(&limit, i);
		if (*max == most || (what != i && what != VGPU_GROW_ALL))
			continue;
		*max = what == i ? min_t(u32, most, 2 * *max + 1) : most;
		more = true;
	}
	return more;
}

size_t vgpu_grow_bytes(const struct vgpu_model *m, u32 what)
{
	struct vgpu_model_config g;

	if (what == VGPU_GROW_JOBS)
		return m->jobs_table.max < m->config.max_jobs ?
		       vgpu_leaf_bytes() : 0;
	return vgpu_next_room(m, what, &g) ? vgpu_carve_tables(NULL, NULL, &g) :
					     0;
}

size_t vgpu_model_short(const struct vgpu_model *m, u32 what)
{
	const struct vgpu_table *t;

	if (what == VGPU_GROW_NONE)
		return 0;
	t = &m->jobs_table;
	if (what == VGPU_GROW_JOBS && t->max - t->count >= VGPU_JOBS_KEPT)
		return 0;
	if (what < ARRAY_SIZE(vgpu_growing)) {
		t = (const void *)((const u8 *)m + vgpu_growing[what].table);
		if (t->count < t->max)
			return 0;
	}
	return vgpu_grow_bytes(m, what);
}

void *vgpu_model_grow(struct vgpu_model *m, u32 what, void *mem, size_t bytes)
{
	size_t need = vgpu_grow_bytes(m, what);
	struct vgpu_model_config g;
	void *old = m->tables;

	/* Somebody else was faster, or has made other tables longer. */
	if (!need || bytes < need ||
	    !vgpu_assert(!((uintptr_t)mem & (VGPU_MODEL_ALIGN - 1))))
		return mem;
	if (what == VGPU_GROW_JOBS) {
		vgpu_add_leaf(m, mem);
		return NULL;
	}
	vgpu_next_room(m, what, &g);
	vgpu_move_tables(m, mem, &g);
	return old == m->first_tables ? NULL : old;
}

void *vgpu_model_reclaim(struct vgpu_model *m)
{
	void *mem = m->tables;

	m->tables = m->first_tables;
	if (mem != m->first_tables)
		return mem;
	return m->leaves > m->first_leaves ? m->jobs[--m->leaves] : NULL;
}

/* Whoever waits for memory gets it, or goes on without. */
static void vgpu_grown(struct vgpu_model *m, u32 what, s32 status)
{
	u32 i;

	if (what != VGPU_GROW_JOBS) {
		vgpu_admin_grown(m, what, status);
		return;
	}
	m->jobs_short = false;
	for (i = 0; i < VGPU_JOBS_LEAF && !status; i++)
		vgpu_sched_feed(m);
}

void vgpu_grow_step(struct vgpu_model *m, struct vgpu_out *out)
{
	u32 what = m->admin.wait == VGPU_ADMIN_WAIT_MEMORY ? m->admin.index :
							     VGPU_GROW_JOBS;
	struct vgpu_work *w;
	size_t bytes;

	if (vgpu_out_full(out))
		return;
	bytes = vgpu_grow_bytes(m, what);
	if (!bytes) {
		vgpu_grown(m, what, 0);
		return;
	}
	w = vgpu_out_add(out, VGPU_WORK_GROW);
	w->id = vgpu_serial_id(m, VGPU_WORK_MEMORY);
	w->arg = what;
	w->bytes = bytes;
	m->grow_id = w->id;
	m->grow_what = what;
}

int vgpu_grow_done(struct vgpu_model *m, u32 id, s32 status)
{
	if (!m->grow_id || id != m->grow_id)
		return -ENOENT;
	m->grow_id = 0;
	vgpu_grown(m, m->grow_what, status);
	return 0;
}
