// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Compaction of VRAM: one block is moved at a time, between commands.  Blocks
 * that jobs hold or the driver pinned stay; a command that names the block
 * being moved waits for it.
 */
#include "internal.h"

int vgpu_model_compact(struct vgpu_model *m, u64 max_bytes)
{
	struct vgpu_compact *c = &m->compact;

	if (!(vgpu_features(m) & VGPU_FEATURE_COMPACT))
		return -EOPNOTSUPP;
	if (c->active || c->out)
		return -EBUSY;
	memset(c, 0, sizeof(*c));
	c->budget = max_bytes;
	c->active = true;
	return 0;
}

int vgpu_model_compacted(struct vgpu_model *m, u64 *bytes, bool *more)
{
	if (m->compact.active)
		return -EAGAIN;
	*bytes = m->compact.moved;
	*more = m->compact.more;
	return 0;
}

static void vgpu_compact_end(struct vgpu_model *m, bool more)
{
	struct vgpu_compact *c = &m->compact;

	c->active = false;
	c->more = more;
	vgpu_admin_wake(m, VGPU_ADMIN_WAIT_COMPACT, 0, 0, c->moved, more);
}

/* Begin the next move, if none is out. */
void vgpu_compact_step(struct vgpu_model *m, struct vgpu_out *out)
{
	struct vgpu_compact *c = &m->compact;
	struct vgpu_work *w;
	int ret;

	if (!c->active || c->out || vgpu_out_full(out))
		return;
	if (c->moved >= c->budget) {
		vgpu_compact_end(m, true);
		return;
	}
	ret = vgpu_vram_compact_next(m->vram, &c->cursor, &c->move);
	if (ret == -EAGAIN)
		return;
	if (ret != 1) {
		vgpu_compact_end(m, false);
		return;
	}
	c->object = m->block_objects[vgpu_vram_slot(m->vram, c->move.handle)];
	vgpu_object_move(m, c->object, true);
	c->out = true;
	w = vgpu_out_add(out, VGPU_WORK_MOVE);
	c->id = vgpu_serial_id(m, VGPU_WORK_COMPACT);
	w->id = c->id;
	w->from.offset = c->move.from;
	w->to.offset = c->move.to;
	w->bytes = c->move.size;
}

int vgpu_compact_done(struct vgpu_model *m, u32 id, s32 status)
{
	struct vgpu_compact *c = &m->compact;
	u32 i;

	if (!c->out || c->id != id)
		return -ENOENT;
	c->out = false;
	vgpu_assert(!vgpu_vram_move_done(m->vram, c->move.handle, !status));
	if (!status)
		c->moved += c->move.size;
	vgpu_object_move(m, c->object, false);
	c->object = 0;

	for (i = 1; i <= m->rings_table.max; i++)
		if (vgpu_table_used(&m->rings_table, i))
			vgpu_uring_wake(m, i, VGPU_BLOCK_MOVE);
	for (i = 1; i <= m->jobs_table.max; i++)
		if (vgpu_table_used(&m->jobs_table, i) && vgpu_job(m, i)->retry)
			vgpu_job_retry(m, i);
	if (status && c->active)
		vgpu_compact_end(m, true);
	return 0;
}
