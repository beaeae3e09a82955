/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Buffers of a function: GEM objects in VRAM, in system memory, or of a process.
 */
#ifndef VGPU_FUNCTION_BO_H
#define VGPU_FUNCTION_BO_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <drm/drm_gem_shmem_helper.h>

#include "kernel/pin.h"

struct dma_buf_attachment;
struct drm_file;
struct sg_table;
struct vgpu_cmd;
struct vgpu_fn_client;
struct vgpu_function;

/**
 * struct vgpu_fn_bo - a buffer
 * @shmem: the GEM object; its pages if @domain is SYSTEM.  First: helpers free
 *	the buffer by its address
 * @domain: DRM_VGPU_DOMAIN_*
 * @read_only: commands do not write to it
 * @bytes: as it was asked for
 * @client: who made it, and is charged for it; holds a reference.  NULL: another
 *	driver's
 * @pinned: of a process
 * @imported: of another driver: where the device sees its pages
 * @lock: protects what follows
 * @epoch: &vgpu_function.epoch of @object
 * @object: id in the device; 0: none
 * @sgt: system memory that has an object: where the device sees its pages
 * @fixed: VRAM: a process has mapped it, and it does not move any more
 * @offset: VRAM that is fixed: where it lies
 * @node: in &vgpu_function.bos
 * @end: frees it
 */
struct vgpu_fn_bo {
	struct drm_gem_shmem_object shmem;
	u32 domain;
	bool read_only;
	u64 bytes;
	struct vgpu_fn_client *client;
	struct vgpu_pinned pinned;
	struct sg_table *imported;
	struct mutex lock;
	u32 epoch;
	u32 object;
	struct sg_table *sgt;
	bool fixed;
	u64 offset;
	struct list_head node;
	struct work_struct end;
};

static inline struct vgpu_fn_bo *to_vgpu_fn_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct vgpu_fn_bo, shmem.base);
}

/* bo.c */
struct vgpu_fn_bo *vgpu_fn_bo_lookup(struct drm_file *file, u32 handle);
void vgpu_fn_bo_get(struct vgpu_fn_bo *bo);
void vgpu_fn_bo_put(struct vgpu_fn_bo *bo);
/* The object that it is in the device: 0 or a negative errno. */
int vgpu_fn_bo_object(struct vgpu_fn_bo *bo, u32 *object);
/* Its pages; NULL: it has none. */
struct page **vgpu_fn_bo_pages(struct vgpu_fn_bo *bo);
/*
 * The client starts anew: the device lets go of the memory of its buffers, as
 * far as nobody maps them.  -EINTR.
 */
int vgpu_fn_bos_let_go(struct vgpu_fn_client *c);
/* The device has been stopped, and uses no memory. */
void vgpu_fn_bos_detach(struct vgpu_function *fn);
/* System memory, with its pages. */
struct vgpu_fn_bo *vgpu_fn_bo_make_system(struct vgpu_fn_client *c, u64 bytes);
/* &drm_driver.gem_create_object, for drm_gem_shmem_create(). */
struct drm_gem_object *vgpu_fn_bo_create_system(struct drm_device *dev,
						size_t bytes);

/* &drm_driver.gem_prime_import_sg_table */
struct drm_gem_object *vgpu_fn_bo_import(struct drm_device *dev,
					 struct dma_buf_attachment *attach,
					 struct sg_table *sgt);

/* bo_vram.c */
struct vgpu_fn_bo *vgpu_fn_bo_create_vram(struct vgpu_fn_client *c, u64 bytes,
					  u64 align);
/* Where it lies now. */
int vgpu_fn_bo_offset(struct vgpu_fn_bo *bo, u64 *offset);
/*
 * A page of the device's for a process, in a fault: gone again at once if the
 * device has been stopped since @epoch.
 */
vm_fault_t vgpu_fn_insert_page(struct vgpu_function *fn, struct vm_fault *vmf,
			       unsigned long pfn, u32 epoch);

/* For these two. */
/*
 * A command that makes its object.  Under its lock.
 */
int vgpu_fn_bo_attach(struct vgpu_fn_bo *bo, const struct vgpu_cmd *cmd);
struct vgpu_fn_bo *vgpu_fn_bo_alloc(struct vgpu_fn_client *c, u32 domain,
				    u64 bytes);
/* &drm_gem_object_funcs.free */
void vgpu_fn_bo_free(struct drm_gem_object *obj);

#endif /* VGPU_FUNCTION_BO_H */
