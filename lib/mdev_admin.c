// SPDX-License-Identifier: MIT
/*
 * The backend mdev: admin commands, those that the front end gives, as ioctls.
 */
#include "mdev.h"

static int context_create(struct vgpu_mdev *d, u64 result[2])
{
	struct drm_vgpu_context_create create = { 0 };
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_CONTEXT_CREATE, &create);
	result[0] = create.context;
	return ret;
}

static int context_destroy(struct vgpu_mdev *d, const struct vgpu_cmd *cmd)
{
	struct drm_vgpu_context_destroy destroy = {
		.context = (uint32_t)cmd->op[0],
	};

	return vgpu_mdev_call(d, DRM_IOCTL_VGPU_CONTEXT_DESTROY, &destroy);
}

static int block_create(struct vgpu_mdev *d, const struct vgpu_cmd *cmd,
			u64 result[2])
{
	uint32_t handle = 0;
	int ret;

	ret = vgpu_mdev_vram_create(d, cmd->op[0], cmd->op[1], &handle);
	result[0] = handle;
	return ret;
}

static int map(struct vgpu_mdev *d, const struct vgpu_cmd *cmd, u64 result[2])
{
	struct drm_vgpu_map m = {
		.context = (uint32_t)cmd->op[0],
		.handle = (uint32_t)cmd->op[1],
		.address = cmd->op[2],
		.offset = cmd->op[3],
		.bytes = cmd->op[4],
		.flags = (uint32_t)cmd->op[5],
	};
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_MAP, &m);
	result[0] = m.address;
	return ret;
}

static int unmap(struct vgpu_mdev *d, const struct vgpu_cmd *cmd)
{
	struct drm_vgpu_unmap m = {
		.context = (uint32_t)cmd->op[0],
		.address = cmd->op[1],
	};

	return vgpu_mdev_call(d, DRM_IOCTL_VGPU_UNMAP, &m);
}

static int ring_control(struct vgpu_mdev *d, const struct vgpu_cmd *cmd)
{
	struct drm_vgpu_ring_control control = {
		.ring = (uint32_t)cmd->op[0],
		.what = (uint32_t)cmd->op[1],
	};

	return vgpu_mdev_call(d, DRM_IOCTL_VGPU_RING_CONTROL, &control);
}

static int ring_info(struct vgpu_mdev *d, const struct vgpu_cmd *cmd,
		     u64 result[2])
{
	struct drm_vgpu_ring_info info = { .ring = (uint32_t)cmd->op[0] };
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_RING_INFO, &info);
	result[0] = info.taken;
	result[1] = info.completed;
	return ret;
}

static int counter_create(struct vgpu_mdev *d, const struct vgpu_cmd *cmd,
			  u64 result[2])
{
	struct drm_vgpu_counter_create create = {
		.context = (uint32_t)cmd->op[0],
		.value = cmd->op[1],
	};
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_COUNTER_CREATE, &create);
	result[0] = create.counter;
	return ret;
}

static int counter(struct vgpu_mdev *d, const struct vgpu_cmd *cmd,
		   unsigned long request, u64 result[2])
{
	struct drm_vgpu_counter c = {
		.counter = (uint32_t)cmd->op[0],
		.value = cmd->op[1],
	};
	int ret;

	/* Ids are the caller's in full, and longer ones are nobody's. */
	if (cmd->op[0] > UINT32_MAX)
		return -ENOENT;
	ret = vgpu_mdev_call(d, request, &c);
	result[0] = c.value;
	return ret;
}

int vgpu_mdev_admin(void *b, const struct vgpu_cmd *cmd, u64 result[2])
{
	result[0] = 0;
	result[1] = 0;
	switch (cmd->opcode) {
	case VGPU_ADMIN_NOP:
		return 0;
	case VGPU_ADMIN_CONTEXT_CREATE:
		return context_create(b, result);
	case VGPU_ADMIN_CONTEXT_DESTROY:
		return context_destroy(b, cmd);
	case VGPU_ADMIN_BLOCK_CREATE:
		return block_create(b, cmd, result);
	case VGPU_ADMIN_OBJECT_DESTROY:
		return vgpu_mdev_vram_destroy(b, (uint32_t)cmd->op[0]);
	case VGPU_ADMIN_MAP:
		return map(b, cmd, result);
	case VGPU_ADMIN_UNMAP:
		return unmap(b, cmd);
	case VGPU_ADMIN_RING_CONTROL:
		return ring_control(b, cmd);
	case VGPU_ADMIN_RING_INFO:
		return ring_info(b, cmd, result);
	case VGPU_ADMIN_COUNTER_CREATE:
		return counter_create(b, cmd, result);
	case VGPU_ADMIN_COUNTER_DESTROY:
		return counter(b, cmd, DRM_IOCTL_VGPU_COUNTER_DESTROY, result);
	case VGPU_ADMIN_COUNTER_SIGNAL:
		return counter(b, cmd, DRM_IOCTL_VGPU_COUNTER_SIGNAL, result);
	case VGPU_ADMIN_COUNTER_READ:
		return counter(b, cmd, DRM_IOCTL_VGPU_COUNTER_READ, result);
	default:
		return -EOPNOTSUPP;
	}
}
