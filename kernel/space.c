// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address spaces: contexts, mappings, counters, and compaction of what is
 * mapped.
 */
#include <drm/drm_file.h>

#include "bo.h"
#include "drm.h"
#include "tenant.h"

/* An admin command with operands, for a client that has a device already. */
static int vgpu_admin(struct drm_file *file, const struct vgpu_cmd *cmd,
		      u64 result[2])
{
	struct vgpu_tenant *t = vgpu_client_tenant(file);

	return IS_ERR(t) ? PTR_ERR(t) : vgpu_tenant_admin(t, cmd, result);
}

VGPU_IOCTL(context_create)
{
	struct drm_vgpu_context_create *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_CONTEXT_CREATE, 0, 0);
	u64 result[2];
	int ret;

	if (args->flags || args->context)
		return -EINVAL;
	ret = vgpu_admin(file, &cmd, result);
	if (!ret)
		args->context = result[0];
	return ret;
}

VGPU_IOCTL(context_destroy)
{
	struct drm_vgpu_context_destroy *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_CONTEXT_DESTROY,
					     args->context, 0);
	u64 result[2];

	return args->pad ? -EINVAL : vgpu_admin(file, &cmd, result);
}

VGPU_IOCTL(map)
{
	struct drm_vgpu_map *args = data;
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_MAP,
		.op = { args->context, 0, args->address, args->offset,
			args->bytes, args->flags },
	};
	struct vgpu_tenant *t;
	struct vgpu_bo *bo;
	u64 result[2];
	u32 object;
	int ret;

	if (args->pad ||
	    args->flags & ~(VGPU_MAP_F_READ_ONLY | VGPU_MAP_F_ANYWHERE))
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	bo = vgpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	ret = -EACCES;
	if (bo->read_only && !(args->flags & VGPU_MAP_F_READ_ONLY))
		goto out;
	ret = vgpu_bo_object(bo, t, &object);
	if (ret)
		goto out;
	cmd.op[1] = object;
	ret = vgpu_tenant_admin(t, &cmd, result);
	if (!ret)
		args->address = result[0];
out:
	vgpu_bo_used(file, args->handle, bo);
	return ret;
}

VGPU_IOCTL(unmap)
{
	struct drm_vgpu_unmap *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_UNMAP, args->context,
					     args->address);
	u64 result[2];

	return args->pad ? -EINVAL : vgpu_admin(file, &cmd, result);
}

VGPU_IOCTL(counter_create)
{
	struct drm_vgpu_counter_create *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_CREATE,
					     args->context, args->value);
	u64 result[2];
	int ret;

	if (args->counter)
		return -EINVAL;
	ret = vgpu_admin(file, &cmd, result);
	if (!ret)
		args->counter = result[0];
	return ret;
}

VGPU_IOCTL(counter_destroy)
{
	struct drm_vgpu_counter *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_DESTROY,
					     args->counter, 0);
	u64 result[2];

	if (args->pad || args->value)
		return -EINVAL;
	return vgpu_admin(file, &cmd, result);
}

VGPU_IOCTL(counter_signal)
{
	struct drm_vgpu_counter *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_SIGNAL,
					     args->counter, args->value);
	u64 result[2];

	return args->pad ? -EINVAL : vgpu_admin(file, &cmd, result);
}

VGPU_IOCTL(counter_read)
{
	struct drm_vgpu_counter *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_COUNTER_READ,
					     args->counter, 0);
	u64 result[2];
	int ret;

	if (args->pad || args->value)
		return -EINVAL;
	ret = vgpu_admin(file, &cmd, result);
	if (!ret)
		args->value = result[0];
	return ret;
}

static bool vgpu_compacted(struct vgpu_tenant *t, u64 arg)
{
	u64 bytes;
	bool more;

	return vgpu_model_compacted(t->m, &bytes, &more) != -EAGAIN;
}

VGPU_IOCTL(compact)
{
	struct drm_vgpu_compact *args = data;
	struct vgpu_tenant *t;
	bool more = false;
	u64 bytes = 0;
	int ret;

	if (args->flags || args->more)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	ret = vgpu_model_compact(t->m, args->bytes);
	vgpu_tenant_unlock(t);
	if (ret)
		return ret;
	ret = vgpu_tenant_settle(t, vgpu_compacted, 0, true);
	if (ret)
		return ret;
	mutex_lock(&t->lock);
	ret = vgpu_model_compacted(t->m, &bytes, &more);
	vgpu_tenant_unlock(t);
	args->bytes = bytes;
	args->more = more;
	/* Somebody else has begun another one: ours is over. */
	return ret == -EAGAIN ? 0 : ret;
}
