// SPDX-License-Identifier: MIT
/*
 * The backend mdev: kernels, which the engine of the GPU runs.
 */
#include "mdev.h"

static bool has_engine(struct vgpu_mdev *d)
{
	struct drm_vgpu_info info;

	return !vgpu_mdev_query(d, DRM_VGPU_QUERY_INFO, &info, sizeof(info)) &&
	       info.status & VGPU_STATUS_ENGINE;
}

int vgpu_mdev_limits(void *b, struct vgpu_device_limits *limits,
		     struct vgpu_message *msg)
{
	memset(limits, 0, sizeof(*limits));
	return vgpu_message_set(msg, -EOPNOTSUPP,
				has_engine(b) ?
					"backend mdev: the kernel does not say what launches may ask for; each is checked when it is run" :
					"backend mdev: nothing runs kernels on this GPU: it has no engine");
}

int vgpu_mdev_native_add(void *b, uint32_t context,
			 const struct vgpu_native_options *options,
			 uint64_t address, uint32_t *id)
{
	(void)b;
	(void)context;
	(void)options;
	(void)address;
	(void)id;
	return -EOPNOTSUPP;
}

int vgpu_mdev_kernel_add(void *b, uint32_t context, const void *desc,
			 size_t bytes, struct vgpu_message *msg, uint32_t *id)
{
	char text[VGPU_MESSAGE_BYTES] = "";
	struct drm_vgpu_kernel_create create = {
		.context = context,
		.bytes = (uint32_t)bytes,
		.pointer = (uintptr_t)desc,
		.message = (uintptr_t)text,
		.message_bytes = sizeof(text),
	};
	int ret;

	ret = vgpu_mdev_call(b, DRM_IOCTL_VGPU_KERNEL_CREATE, &create);
	if (!ret) {
		*id = create.kernel;
		return 0;
	}
	text[sizeof(text) - 1] = 0;
	text[strcspn(text, "\n")] = 0;
	if (text[0])
		return vgpu_message_set(msg, ret, "%s", text);
	if (ret == -EOPNOTSUPP && !has_engine(b))
		return vgpu_message_set(msg, ret,
					"backend mdev: nothing compiles kernels for this GPU: it has no engine");
	return vgpu_message_set(msg, ret, "cannot make a kernel: %s",
				ret == -ENOSPC ? "there are too many" :
						 strerror(-ret));
}

int vgpu_mdev_kernel_remove(void *b, uint32_t id)
{
	struct drm_vgpu_kernel_destroy destroy = { .kernel = id };

	return vgpu_mdev_call(b, DRM_IOCTL_VGPU_KERNEL_DESTROY, &destroy);
}

int vgpu_mdev_kernel_usage(void *b, uint32_t id,
			   struct vgpu_kernel_usage *usage)
{
	struct drm_vgpu_kernel_info info = { .kernel = id };
	int ret;

	ret = vgpu_mdev_call(b, DRM_IOCTL_VGPU_KERNEL_INFO, &info);
	if (ret)
		return ret;
	usage->used = info.info.used;
	usage->written = info.info.written;
	usage->const_bytes = info.info.const_bytes;
	memcpy(usage->group, info.info.workgroup, sizeof(usage->group));
	usage->features = info.info.features;
	return 0;
}
