// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Objects: blocks of VRAM, and system memory whose pages the shell knows.
 *
 * An object is used by mappings, pins, rings (as their memory) and jobs.  The
 * first three forbid destroying it; jobs only delay what follows.
 */
#include "internal.h"

static struct vgpu_account *vgpu_object_account(struct vgpu_model *m, u32 owner)
{
	return owner ? &m->contexts[owner].account : &m->account;
}

/* Reserved bytes are what the allocator takes: whole granules. */
static u64 vgpu_block_cost(u64 bytes)
{
	return (bytes + VGPU_VRAM_GRANULE - 1) & ~(u64)(VGPU_VRAM_GRANULE - 1);
}

int vgpu_block_create(struct vgpu_model *m, u64 bytes, u64 align, u32 owner,
		      u64 flags, u32 *object)
{
	struct vgpu_account *account = vgpu_object_account(m, owner);
	struct vgpu_object *o;
	u32 index, handle;
	int ret;

	if (flags)
		return flags & ~(u64)VGPU_BLOCK_F_DEVICE ? -EINVAL : -EOPNOTSUPP;
	if (!bytes || bytes > 1ull << m->config.bank_shift)
		return -EINVAL;
	ret = vgpu_account_reserve(account, vgpu_block_cost(bytes));
	if (ret)
		return ret;
	index = vgpu_table_take(&m->objects_table);
	if (!index) {
		ret = -ENOSPC;
		goto err_account;
	}
	ret = vgpu_vram_alloc(m->vram, bytes, align ? align : VGPU_VRAM_GRANULE,
			      0, &handle);
	if (ret) {
		/* What is being scrubbed will be free in a moment. */
		if (ret == -ENOMEM && m->scrubs)
			ret = -EAGAIN;
		goto err_table;
	}
	o = &m->objects[index];
	memset(o, 0, sizeof(*o));
	o->kind = VGPU_OBJECT_VRAM;
	o->bytes = bytes;
	o->owner = owner;
	o->block = handle;
	m->block_objects[vgpu_vram_slot(m->vram, handle)] = index;
	if (owner)
		m->contexts[owner].objects++;
	*object = index;
	return 0;

err_table:
	vgpu_table_drop(&m->objects_table, index);
err_account:
	vgpu_account_refund(account, vgpu_block_cost(bytes));
	return ret;
}

int vgpu_system_create(struct vgpu_model *m, u64 bytes, u32 owner, u32 *object)
{
	struct vgpu_object *o;
	u32 index;

	if (!bytes || bytes & (VGPU_PAGE_BYTES - 1) ||
	    bytes >= 1ull << VGPU_ADDRESS_BITS ||
	    bytes / VGPU_PAGE_BYTES > U32_MAX)
		return -EINVAL;
	index = vgpu_table_take(&m->objects_table);
	if (!index)
		return -ENOSPC;
	o = &m->objects[index];
	memset(o, 0, sizeof(*o));
	o->kind = VGPU_OBJECT_SYSTEM;
	o->bytes = bytes;
	o->owner = owner;
	if (owner)
		m->contexts[owner].objects++;
	*object = index;
	return 0;
}

/* Nobody can name the object any longer and no job holds it. */
static void vgpu_object_release(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	o->state = VGPU_OBJECT_TODO;
	if (o->kind == VGPU_OBJECT_VRAM) {
		/* It stays where it is until it has been scrubbed. */
		vgpu_assert(!vgpu_vram_pin(m->vram, o->block));
		m->scrubs++;
		vgpu_todo_add(m, VGPU_TODO_SCRUB, object);
	} else {
		vgpu_todo_add(m, VGPU_TODO_UNPIN, object);
	}
}

/* Nobody holds it any longer, perhaps. */
static void vgpu_object_idle(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	if (o->state == VGPU_OBJECT_DYING && !o->busy && !o->moving)
		vgpu_object_release(m, object);
}

static void vgpu_object_free(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];
	u32 owner = o->owner;

	if (o->kind == VGPU_OBJECT_VRAM) {
		m->block_objects[vgpu_vram_slot(m->vram, o->block)] = 0;
		vgpu_vram_unpin(m->vram, o->block);
		vgpu_assert(!vgpu_vram_free(m->vram, o->block));
		vgpu_account_refund(vgpu_object_account(m, owner),
				    vgpu_block_cost(o->bytes));
	}
	vgpu_table_drop(&m->objects_table, object);
	if (owner) {
		m->contexts[owner].objects--;
		vgpu_context_put(m, owner);
	}
}

/*
 * The owner goes, or the driver has no more use for it.  If somebody else maps
 * it, it stays until the driver destroys it, and on its owner's account.
 */
void vgpu_object_kill(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	if (o->state != VGPU_OBJECT_LIVE || o->maps || o->rings)
		return;
	o->closed = false;
	while (o->pins)
		vgpu_object_pin(m, object, false);
	o->state = VGPU_OBJECT_DYING;
	vgpu_object_idle(m, object);
}

int vgpu_object_destroy(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	if (o->maps || o->pins || o->rings)
		return -EBUSY;
	vgpu_object_kill(m, object);
	return 0;
}

/* A mapping, a pin or a ring has gone: perhaps that was the last use. */
void vgpu_object_unused(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	if (o->closed && !o->pins)
		vgpu_object_kill(m, object);
}

int vgpu_model_object_close(struct vgpu_model *m, u32 id)
{
	u32 object = vgpu_find_object(m, id);

	if (!object)
		return -ENOENT;
	m->objects[object].closed = true;
	vgpu_object_unused(m, object);
	return 0;
}

int vgpu_object_pin(struct vgpu_model *m, u32 object, bool pin)
{
	struct vgpu_object *o = &m->objects[object];
	int ret = 0;

	if (pin && o->pins == VGPU_MAX_PINS)
		return -ENOSPC;
	if (!pin && !o->pins)
		return -EINVAL;
	if (o->kind == VGPU_OBJECT_VRAM)
		ret = pin ? vgpu_vram_pin(m->vram, o->block) :
			    vgpu_vram_unpin(m->vram, o->block);
	if (ret)
		return ret == -EBUSY ? -EAGAIN : -ENOSPC;
	if (pin) {
		o->pins++;
	} else {
		o->pins--;
		vgpu_object_unused(m, object);
	}
	return 0;
}

/* Where a block lies now; 0 for system memory. */
u64 vgpu_object_offset(const struct vgpu_model *m, u32 object)
{
	struct vgpu_vram_block b;

	if (m->objects[object].kind != VGPU_OBJECT_VRAM ||
	    vgpu_vram_info(m->vram, m->objects[object].block, &b))
		return 0;
	return b.offset;
}

/* Whether all pages of system memory are there, and none is going. */
bool vgpu_object_ready(const struct vgpu_model *m, u32 object)
{
	const struct vgpu_object *o = &m->objects[object];

	if (o->kind == VGPU_OBJECT_VRAM)
		return true;
	return !o->gone && (u64)o->pages * VGPU_PAGE_BYTES == o->bytes;
}

/* A job begins to use an object: it does not move.  -EAGAIN while it does. */
int vgpu_object_hold(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	/* The allocator refuses to pin a block that is being moved. */
	if (o->kind == VGPU_OBJECT_VRAM && !o->busy &&
	    vgpu_vram_pin(m->vram, o->block))
		return -EAGAIN;
	o->busy++;
	return 0;
}

void vgpu_object_put(struct vgpu_model *m, u32 object)
{
	struct vgpu_object *o = &m->objects[object];

	if (--o->busy)
		return;
	if (o->kind == VGPU_OBJECT_VRAM)
		vgpu_vram_unpin(m->vram, o->block);
	vgpu_object_idle(m, object);
}

/* A move of the block begins or has ended. */
void vgpu_object_move(struct vgpu_model *m, u32 object, bool moving)
{
	m->objects[object].moving = moving;
	vgpu_object_idle(m, object);
}

/* The item that an object in the todo line asks for. */
void vgpu_object_todo(struct vgpu_model *m, u32 object, struct vgpu_work *w)
{
	struct vgpu_object *o = &m->objects[object];

	if (o->kind == VGPU_OBJECT_SYSTEM) {
		w->to.object = vgpu_table_id(&m->objects_table, object);
		/* Nothing touches its memory any more. */
		if (o->answer)
			vgpu_admin_answer(m, o->user_data, 0, 0, 0);
		vgpu_object_free(m, object);
		return;
	}
	o->state = VGPU_OBJECT_SCRUB;
	w->id = vgpu_work_id(VGPU_WORK_OBJECT, m->objects_table.gen[object],
			     object);
	w->to.offset = vgpu_object_offset(m, object);
	w->bytes = vgpu_block_cost(o->bytes);
}

int vgpu_object_scrubbed(struct vgpu_model *m, u32 id, s32 status)
{
	u32 object = vgpu_work_find(&m->objects_table, id);

	if (!object || m->objects[object].state != VGPU_OBJECT_SCRUB)
		return -ENOENT;
	if (status) {
		/* Memory that is not zero is nobody's: try again. */
		m->objects[object].state = VGPU_OBJECT_TODO;
		vgpu_todo_add(m, VGPU_TODO_SCRUB, object);
		return 0;
	}
	m->scrubs--;
	vgpu_object_free(m, object);
	return 0;
}
