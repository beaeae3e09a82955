// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers, whatever is behind them: handles, objects in tenants' models, and
 * the ioctls that make them.
 */
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "bo.h"
#include "drm.h"
#include "gpu.h"
#include "sysmem.h"
#include "tenant.h"

/**
 * struct vgpu_bo_use - a buffer as an object of system memory of a tenant
 * @mem: what the model's object stands for; its release ends the use
 * @bo: the buffer; holds a reference
 * @tenant: whose model; outlives the use
 * @object: id there
 * @node: in &vgpu_bo.uses, until it is closed
 */
struct vgpu_bo_use {
	struct vgpu_sysmem mem;
	struct vgpu_bo *bo;
	struct vgpu_tenant *tenant;
	u32 object;
	struct list_head node;
};

struct vgpu_bo *vgpu_bo_alloc(u32 domain, u64 bytes)
{
	struct vgpu_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);

	if (!bo)
		return NULL;
	bo->domain = domain;
	bo->bytes = bytes;
	mutex_init(&bo->lock);
	INIT_LIST_HEAD(&bo->uses);
	return bo;
}

struct vgpu_bo *vgpu_bo_lookup(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);

	return obj ? to_vgpu_bo(obj) : NULL;
}

void vgpu_bo_put(struct vgpu_bo *bo)
{
	drm_gem_object_put(&bo->shmem.base);
}

/* No command of the tenant uses the buffer any more. */
static void vgpu_bo_use_end(struct vgpu_sysmem *mem)
{
	struct vgpu_bo_use *use = container_of(mem, struct vgpu_bo_use, mem);

	vgpu_bo_put(use->bo);
	kfree(use);
}

static struct vgpu_bo_use *vgpu_bo_use_find(struct vgpu_bo *bo,
					    const struct vgpu_tenant *t)
{
	struct vgpu_bo_use *use;

	list_for_each_entry(use, &bo->uses, node)
		if (use->tenant == t)
			return use;
	return NULL;
}

static struct vgpu_bo_use *vgpu_bo_use_begin(struct vgpu_bo *bo,
					     struct vgpu_tenant *t)
{
	struct vgpu_bo_use *use = kzalloc(sizeof(*use), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!use)
		return ERR_PTR(-ENOMEM);
	use->bo = bo;
	use->tenant = t;
	use->mem.release = vgpu_bo_use_end;
	use->mem.bytes = bo->shmem.base.size;
	switch (bo->domain) {
	case DRM_VGPU_DOMAIN_SYSTEM:
		use->mem.pages = bo->shmem.pages;
		break;
	case DRM_VGPU_DOMAIN_REGISTERED:
		use->mem.pages = bo->pinned.pages;
		break;
	case DRM_VGPU_DOMAIN_IMPORTED:
		use->mem.vaddr = bo->map.vaddr;
		break;
	case DRM_VGPU_DOMAIN_VRAM:
		/* It was shared, and has not moved since. */
		use->mem.store = &bo->tenant->store;
		use->mem.offset = vgpu_bo_offset(bo);
		break;
	}
	ret = vgpu_tenant_system_add(t, &use->mem, &use->object);
	if (ret) {
		kfree(use);
		return ERR_PTR(ret);
	}
	drm_gem_object_get(&bo->shmem.base);
	list_add(&use->node, &bo->uses);
	return use;
}

int vgpu_bo_object(struct vgpu_bo *bo, struct vgpu_tenant *t, u32 *object)
{
	struct vgpu_bo_use *use;

	if (bo->tenant == t) {
		*object = bo->object;
		return 0;
	}
	mutex_lock(&bo->lock);
	use = vgpu_bo_use_find(bo, t);
	if (!use)
		use = vgpu_bo_use_begin(bo, t);
	if (!IS_ERR(use))
		*object = use->object;
	mutex_unlock(&bo->lock);
	return PTR_ERR_OR_ZERO(use);
}

void vgpu_bo_close(struct drm_gem_object *obj, struct drm_file *file)
{
	struct vgpu_tenant *t = vgpu_client_peek(file->driver_priv);
	struct vgpu_bo *bo = to_vgpu_bo(obj);
	struct vgpu_bo_use *use;
	u32 object = 0;

	if (!t)
		return;
	mutex_lock(&bo->lock);
	use = vgpu_bo_use_find(bo, t);
	if (use) {
		object = use->object;
		list_del(&use->node);
	}
	mutex_unlock(&bo->lock);
	if (object)
		vgpu_tenant_object_close(t, object);
}

void vgpu_bo_used(struct drm_file *file, u32 handle, struct vgpu_bo *bo)
{
	struct vgpu_bo *now = vgpu_bo_lookup(file, handle);

	/* From where it cannot be looked up, it is closed: after this or now. */
	if (now != bo)
		vgpu_bo_close(&bo->shmem.base, file);
	if (now)
		vgpu_bo_put(now);
	vgpu_bo_put(bo);
}

/* Give a new buffer a handle; the reference goes with it, or goes. */
static int vgpu_bo_publish(struct drm_file *file, struct vgpu_bo *bo,
			   u32 *handle)
{
	int ret;

	if (IS_ERR(bo))
		return PTR_ERR(bo);
	ret = drm_gem_handle_create(file, &bo->shmem.base, handle);
	vgpu_bo_put(bo);
	return ret;
}

VGPU_IOCTL(bo_create)
{
	struct drm_vgpu_bo_create *args = data;
	struct vgpu_tenant *t;
	struct vgpu_bo *bo;

	if (args->flags || args->pad || args->handle)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	switch (args->domain) {
	case DRM_VGPU_DOMAIN_VRAM:
		bo = vgpu_bo_create_vram(dev, t, args->bytes, args->align);
		break;
	case DRM_VGPU_DOMAIN_SYSTEM:
		if (args->align)
			return -EINVAL;
		bo = vgpu_bo_make_system(dev, args->bytes);
		break;
	default:
		return -EINVAL;
	}
	return vgpu_bo_publish(file, bo, &args->handle);
}

VGPU_IOCTL(bo_register)
{
	struct drm_vgpu_bo_register *args = data;

	if (args->flags & ~DRM_VGPU_BO_READ_ONLY || args->handle)
		return -EINVAL;
	return vgpu_bo_publish(file,
			       vgpu_bo_register_pages(dev, file->driver_priv,
						      args->pointer, args->bytes,
						      args->flags),
			       &args->handle);
}

VGPU_IOCTL(bo_info)
{
	struct drm_vgpu_bo_info *args = data;
	struct vgpu_bo *bo;

	if (args->domain || args->flags || args->pad || args->bytes ||
	    args->offset || args->mmap_offset || args->mmap_bytes ||
	    args->mmap_skip)
		return -EINVAL;
	bo = vgpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	args->domain = bo->domain;
	args->bytes = bo->bytes;
	if (bo->read_only)
		args->flags |= DRM_VGPU_BO_READ_ONLY;
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM) {
		args->offset = vgpu_bo_offset(bo);
		args->mmap_skip = offset_in_page(args->offset);
		if (READ_ONCE(bo->fixed))
			args->flags |= DRM_VGPU_BO_PINNED;
	}
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM ||
	    bo->domain == DRM_VGPU_DOMAIN_SYSTEM) {
		args->mmap_offset =
			drm_vma_node_offset_addr(&bo->shmem.base.vma_node);
		args->mmap_bytes = PAGE_ALIGN(args->mmap_skip + bo->bytes);
	}
	vgpu_bo_put(bo);
	return 0;
}
