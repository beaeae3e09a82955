// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Contexts: an address space each, with an account of its own below that of
 * the device.  Ids of contexts fit the doorbell pages: the index is the page.
 */
#include "internal.h"

int vgpu_context_create(struct vgpu_model *m, u64 limit, u32 *ctx)
{
	struct vgpu_context *c;
	u32 index = vgpu_table_take(&m->contexts_table);

	if (!index)
		return -ENOSPC;
	c = &m->contexts[index];
	memset(c, 0, sizeof(*c));
	vgpu_account_init(&c->account, limit ? limit : U64_MAX, &m->account);
	c->hole = VGPU_ADDRESS_MIN;
	*ctx = index;
	return 0;
}

/*
 * The id is dead at once, and so is everything that the context has; its slot
 * and its account stay until its last object has been scrubbed.
 */
void vgpu_context_destroy(struct vgpu_model *m, u32 ctx)
{
	struct vgpu_context *c = &m->contexts[ctx];
	u32 i;

	c->dead = true;
	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i) &&
		    !m->rings[i].dying && m->rings[i].context == ctx)
			vgpu_uring_destroy(m, i);
	vgpu_unmap_all(m, ctx);
	for (i = 1; i <= m->kernels_table.max; i++)
		if (vgpu_table_used(&m->kernels_table, i) &&
		    m->kernels[i].context == ctx)
			vgpu_kernel_kill(m, i);
	for (i = 1; i <= m->counters_table.max; i++)
		if (vgpu_table_used(&m->counters_table, i) &&
		    m->counters[i].context == ctx)
			vgpu_counter_destroy(m, i);
	for (i = 1; c->objects && i <= m->objects_table.max; i++)
		if (vgpu_table_used(&m->objects_table, i) &&
		    m->objects[i].owner == ctx)
			vgpu_object_kill(m, i);
	vgpu_context_put(m, ctx);
}

/* An object of a context has gone, or the context itself. */
void vgpu_context_put(struct vgpu_model *m, u32 ctx)
{
	struct vgpu_context *c = &m->contexts[ctx];

	if (c->dead && !c->objects)
		vgpu_table_drop(&m->contexts_table, ctx);
}
