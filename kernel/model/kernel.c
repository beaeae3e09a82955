// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Kernel objects.  The model knows what a kernel uses, and nothing of its code:
 * the shell fetches that and has it compiled, while the admin queue goes on.
 */
#include "internal.h"

int vgpu_kernel_make(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		     u32 *kernel)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]);
	u32 object = vgpu_find_object(m, cmd->op[1]);
	u64 offset = cmd->op[2], bytes = cmd->op[3];
	struct vgpu_kernel *k;
	u32 index;

	if (!ctx || !object)
		return -ENOENT;
	if (!(vgpu_features(m) & (VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL)))
		return -EOPNOTSUPP;
	if (m->objects[object].kind != VGPU_OBJECT_SYSTEM || offset & 7 ||
	    bytes < sizeof(struct vgpu_kernel_desc) ||
	    bytes > sizeof(struct vgpu_kernel_desc) + VGPU_MAX_CODE_BYTES +
		    VGPU_MAX_SPECS * sizeof(struct vgpu_kernel_spec) ||
	    offset > m->objects[object].bytes ||
	    bytes > m->objects[object].bytes - offset)
		return -EINVAL;
	if (!vgpu_object_ready(m, object))
		return -EFAULT;
	index = vgpu_table_take(&m->kernels_table);
	if (!index)
		return -ENOSPC;
	k = &m->kernels[index];
	memset(k, 0, sizeof(*k));
	k->context = ctx;
	k->state = VGPU_KERNEL_BUILDING;
	k->user_data = cmd->user_data;
	k->answer = true;
	k->object = object;
	k->offset = offset;
	k->bytes = bytes;
	k->busy = 1;
	vgpu_object_hold(m, object);
	vgpu_todo_add(m, VGPU_TODO_BUILD, index);
	*kernel = index;
	return 0;
}

/* KERNEL_CREATE ends, unless a reset has forgotten it. */
static void vgpu_kernel_answer(struct vgpu_model *m, u32 kernel, s32 status)
{
	struct vgpu_kernel *k = &m->kernels[kernel];

	if (!k->answer)
		return;
	k->answer = false;
	m->admin.builds--;
	if (status)
		vgpu_error_note(m, VGPU_SOURCE_ADMIN, status,
				VGPU_ADMIN_KERNEL_CREATE, 0, 0, k->user_data);
	vgpu_admin_answer(m, k->user_data, status,
			  vgpu_table_id(&m->kernels_table, kernel), 0);
}

/* The BUILD item of a kernel in the todo line; false if nobody wants it now. */
bool vgpu_kernel_build(struct vgpu_model *m, u32 kernel, struct vgpu_work *w)
{
	struct vgpu_kernel *k = &m->kernels[kernel];

	if (k->state == VGPU_KERNEL_DYING) {
		vgpu_kernel_answer(m, kernel, -ENOENT);
		vgpu_object_put(m, k->object);
		k->object = 0;
		vgpu_kernel_put(m, kernel);
		return false;
	}
	w->id = vgpu_work_id(VGPU_WORK_KERNEL, m->kernels_table.gen[kernel],
			     kernel);
	w->arg = vgpu_table_id(&m->kernels_table, kernel);
	w->from.object = vgpu_table_id(&m->objects_table, k->object);
	w->from.offset = k->offset;
	w->bytes = k->bytes;
	k->out = true;
	return true;
}

/* What a compiler, or a saved state, says of a kernel makes sense here. */
bool vgpu_kernel_info_valid(const struct vgpu_model *m,
			    const struct vgpu_kernel_info *i)
{
	return !(i->used & ~0xffffu) && !(i->written & ~i->used) &&
	       i->const_bytes <= VGPU_MAX_CONST_BYTES &&
	       !(i->const_bytes & 3) && i->workgroup[0] && i->workgroup[1] &&
	       i->workgroup[2] && !(i->features & ~m->config.features);
}

int vgpu_model_built(struct vgpu_model *m, u32 id, s32 status,
		     const struct vgpu_kernel_info *info, u64 token)
{
	u32 index = vgpu_work_find(&m->kernels_table, id);
	struct vgpu_kernel *k;

	if (!index || id >> VGPU_WORK_CLASS_SHIFT != VGPU_WORK_KERNEL)
		return -ENOENT;
	k = &m->kernels[index];
	if (!k->out)
		return -ENOENT;
	k->out = false;
	if (status)
		status = vgpu_believe_status(status);
	else if (!vgpu_kernel_info_valid(m, info))
		status = -EIO;	/* a worker that lies */
	/* Its context may have gone meanwhile. */
	vgpu_kernel_answer(m, index, k->state == VGPU_KERNEL_DYING && !status ?
				     -ENOENT : status);
	vgpu_object_put(m, k->object);
	k->object = 0;
	if (!status) {
		k->info = *info;
		k->token = token;
		if (k->state == VGPU_KERNEL_BUILDING)
			k->state = VGPU_KERNEL_READY;
	} else {
		k->state = VGPU_KERNEL_DYING;
	}
	vgpu_kernel_put(m, index);
	return 0;
}

int vgpu_model_kernel_add(struct vgpu_model *m, u32 context,
			  const struct vgpu_kernel_info *info, u64 token,
			  u32 *kernel)
{
	u32 ctx = vgpu_find_context(m, context);
	struct vgpu_kernel *k;
	u32 index;

	if (!ctx)
		return -ENOENT;
	if (!vgpu_kernel_info_valid(m, info))
		return -EINVAL;
	if (vgpu_model_short(m, VGPU_GROW_KERNELS))
		return -ENOMEM;
	index = vgpu_table_take(&m->kernels_table);
	if (!index)
		return -ENOSPC;
	k = &m->kernels[index];
	memset(k, 0, sizeof(*k));
	k->info = *info;
	k->token = token;
	k->context = ctx;
	k->state = VGPU_KERNEL_READY;
	*kernel = vgpu_table_id(&m->kernels_table, index);
	return 0;
}

void vgpu_kernel_kill(struct vgpu_model *m, u32 kernel)
{
	struct vgpu_kernel *k = &m->kernels[kernel];

	if (k->state == VGPU_KERNEL_DYING)
		return;
	k->state = VGPU_KERNEL_DYING;
	k->busy++;
	vgpu_kernel_put(m, kernel);
}

/* A launch of the kernel, or its build, has ended. */
void vgpu_kernel_put(struct vgpu_model *m, u32 kernel)
{
	struct vgpu_kernel *k = &m->kernels[kernel];

	if (--k->busy || k->state != VGPU_KERNEL_DYING)
		return;
	vgpu_todo_add(m, VGPU_TODO_DROP, kernel);
}
