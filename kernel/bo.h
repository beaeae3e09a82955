/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers: GEM objects in VRAM, in system memory, of a process, or of another
 * driver.
 *
 * DOC: Buffers and objects
 *
 * Device models know objects.  A buffer in VRAM is one object of the tenant
 * that made it, for its whole life.  Any other buffer becomes an object of
 * system memory in each tenant where it is mapped or made a ring; the same is
 * done with VRAM of another tenant, that came through a dma-buf.  Such a use of
 * a buffer begins with the first mapping, is closed with the last handle of
 * that client, and ends, as the model's objects do, when nothing in the device
 * has it any more.
 */
#ifndef VGPU_BO_H
#define VGPU_BO_H

#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <drm/drm_gem_shmem_helper.h>

#include "pin.h"

struct dma_buf;
struct vgpu_client;
struct vgpu_tenant;

/**
 * struct vgpu_bo - a buffer
 * @shmem: the GEM object; its pages if @domain is SYSTEM.  First: helpers free
 *	the buffer by its address
 * @domain: DRM_VGPU_DOMAIN_*
 * @read_only: commands do not write to it
 * @bytes: as it was asked for
 * @lock: protects @uses, @fixed
 * @uses: struct vgpu_bo_use, one a tenant
 * @tenant: VRAM: whose; holds a reference
 * @object: VRAM: id in @tenant's model
 * @fixed: VRAM: it was mmap()ed or exported, and does not move any more
 * @pinned: of a process
 * @client: who registered them, and outlives that
 * @map: of another driver: where the kernel sees it
 */
struct vgpu_bo {
	struct drm_gem_shmem_object shmem;
	u32 domain;
	bool read_only;
	u64 bytes;
	struct mutex lock;
	struct list_head uses;
	struct vgpu_tenant *tenant;
	u32 object;
	bool fixed;
	struct vgpu_pinned pinned;
	struct vgpu_client *client;
	struct iosys_map map;
};

static inline struct vgpu_bo *to_vgpu_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct vgpu_bo, shmem.base);
}

/* bo.c */
struct vgpu_bo *vgpu_bo_alloc(u32 domain, u64 bytes);
struct vgpu_bo *vgpu_bo_lookup(struct drm_file *file, u32 handle);
void vgpu_bo_put(struct vgpu_bo *bo);
/*
 * The object that a buffer is in a tenant's model: 0 or a negative errno.  The
 * object may be closed at any time; vgpu_bo_used() follows.
 */
int vgpu_bo_object(struct vgpu_bo *bo, struct vgpu_tenant *t, u32 *object);
/*
 * Done with a buffer that was looked up for vgpu_bo_object(): put it.  If its
 * handle was closed meanwhile, nobody else closes what it was made.
 */
void vgpu_bo_used(struct drm_file *file, u32 handle, struct vgpu_bo *bo);
/* &drm_gem_object_funcs.close: the client's last handle has gone. */
void vgpu_bo_close(struct drm_gem_object *obj, struct drm_file *file);

/* bo_vram.c */
struct vgpu_bo *vgpu_bo_create_vram(struct drm_device *dev,
				    struct vgpu_tenant *t, u64 bytes,
				    u64 align);
/* Where it lies now. */
u64 vgpu_bo_offset(struct vgpu_bo *bo);

/* bo_system.c */
struct drm_gem_object *vgpu_bo_create_system(struct drm_device *dev,
					     size_t bytes);
struct vgpu_bo *vgpu_bo_make_system(struct drm_device *dev, u64 bytes);
struct vgpu_bo *vgpu_bo_register_pages(struct drm_device *dev,
				       struct vgpu_client *client, u64 pointer,
				       u64 bytes, bool read_only);
struct drm_gem_object *vgpu_bo_import(struct drm_device *dev,
				      struct dma_buf *dma_buf);

#endif /* VGPU_BO_H */
