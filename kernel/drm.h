/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The render node, as its files share it: clients, and one function for each
 * ioctl of uapi/vgpu_drm.h.
 */
#ifndef VGPU_DRM_DRIVER_H
#define VGPU_DRM_DRIVER_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "drm_common.h"

struct drm_device;
struct drm_driver;
struct drm_file;
struct vgpu_gpu;
struct vgpu_tenant;

struct vgpu_model_config;

extern const struct drm_driver vgpu_drm_driver;
/* What a client's device is made with, but for its memory. */
extern const struct vgpu_model_config vgpu_client_config;

/**
 * struct vgpu_client - a file description of the render node
 * @gpu: its GPU
 * @number: for fdinfo
 * @lock: serialises making @tenant
 * @registered: bytes of the process's memory that are pinned
 * @page: its events.  There before @tenant is: that is not made under mmap_lock,
 *	because cgroups' locks, which that takes, come before it
 * @tenant: its device; NULL until it is needed.  Read by vgpu_client_peek()
 */
struct vgpu_client {
	struct vgpu_gpu *gpu;
	u32 number;
	struct mutex lock;
	atomic64_t registered;
	struct drm_vgpu_client_page *page;
	struct vgpu_tenant *tenant;
};

/* client.c */
int vgpu_client_open(struct drm_device *dev, struct drm_file *file);
void vgpu_client_close(struct drm_device *dev, struct drm_file *file);
/* The client's device, made if need be; or an ERR_PTR(). */
struct vgpu_tenant *vgpu_client_tenant(struct drm_file *file);
/* The same, or NULL if there is none yet. */
struct vgpu_tenant *vgpu_client_peek(struct vgpu_client *client);

#define VGPU_IOCTL(name)						\
	int vgpu_ioctl_##name(struct drm_device *dev, void *data,	\
			      struct drm_file *file)

VGPU_IOCTL(client_init);
VGPU_IOCTL(client_limit);
VGPU_IOCTL(client_reset);
VGPU_IOCTL(register);
VGPU_IOCTL(event);
VGPU_IOCTL(wait);
/* query.c */
VGPU_IOCTL(query);
/* bo.c */
VGPU_IOCTL(bo_create);
VGPU_IOCTL(bo_register);
VGPU_IOCTL(bo_info);
/* space.c */
VGPU_IOCTL(compact);
VGPU_IOCTL(context_create);
VGPU_IOCTL(context_destroy);
VGPU_IOCTL(map);
VGPU_IOCTL(unmap);
VGPU_IOCTL(counter_create);
VGPU_IOCTL(counter_destroy);
VGPU_IOCTL(counter_signal);
VGPU_IOCTL(counter_read);
/* ring.c */
VGPU_IOCTL(ring_create);
VGPU_IOCTL(ring_destroy);
VGPU_IOCTL(ring_control);
VGPU_IOCTL(ring_info);
VGPU_IOCTL(kick);
/* queue.c */
VGPU_IOCTL(submit);

/* engine_code.c */
VGPU_IOCTL(kernel_create);
VGPU_IOCTL(kernel_destroy);
VGPU_IOCTL(kernel_info);
/* engine_attach.c */
VGPU_IOCTL(engine_attach);

#endif /* VGPU_DRM_DRIVER_H */
