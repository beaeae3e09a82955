// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers outside VRAM: of the host's memory, of a process that registered
 * them, and of other drivers.
 */
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>

#include "bo.h"
#include "compat/compat.h"
#include "drm.h"
#include "gpu.h"

/* System memory: the shmem helper's, with its pages there from the start. */

static void vgpu_system_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	if (bo->shmem.pages)
		drm_gem_shmem_unpin(&bo->shmem);
	drm_gem_shmem_free(&bo->shmem);
}

static const struct drm_gem_object_funcs vgpu_system_funcs = {
	.free = vgpu_system_free,
	.close = vgpu_bo_close,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &vgpu_shmem_vm_ops,
};

/* &drm_driver.gem_create_object, for drm_gem_shmem_create(). */
struct drm_gem_object *vgpu_bo_create_system(struct drm_device *dev,
					     size_t bytes)
{
	struct vgpu_bo *bo = vgpu_bo_alloc(DRM_VGPU_DOMAIN_SYSTEM, bytes);

	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->shmem.base.funcs = &vgpu_system_funcs;
	return &bo->shmem.base;
}

struct vgpu_bo *vgpu_bo_make_system(struct drm_device *dev, u64 bytes)
{
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (!bytes || !PAGE_ALIGNED(bytes) ||
	    bytes > totalram_pages() << PAGE_SHIFT)
		return ERR_PTR(-EINVAL);
	shmem = drm_gem_shmem_create(dev, bytes);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	ret = drm_gem_shmem_pin(shmem);
	if (ret) {
		drm_gem_object_put(&shmem->base);
		return ERR_PTR(ret);
	}
	return to_vgpu_bo(&shmem->base);
}

/* Memory of a process. */

static void vgpu_registered_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	vgpu_unpin(&bo->pinned);
	atomic64_sub(bo->bytes, &bo->client->registered);
	atomic64_sub(bo->bytes, &bo->client->gpu->registered);
	drm_gem_object_release(obj);
	kfree(bo);
}

/* What is pinned belongs to one process: it is not handed to others. */
static struct dma_buf *vgpu_registered_export(struct drm_gem_object *obj,
					      int flags)
{
	return ERR_PTR(-EINVAL);
}

/* Nor does it go by a name. */
static int vgpu_registered_open(struct drm_gem_object *obj,
				struct drm_file *file)
{
	return file->driver_priv == to_vgpu_bo(obj)->client ? 0 : -EINVAL;
}

static const struct drm_gem_object_funcs vgpu_registered_funcs = {
	.free = vgpu_registered_free,
	.open = vgpu_registered_open,
	.close = vgpu_bo_close,
	.export = vgpu_registered_export,
};

struct vgpu_bo *vgpu_bo_register_pages(struct drm_device *dev,
				       struct vgpu_client *client, u64 pointer,
				       u64 bytes, bool read_only)
{
	struct vgpu_bo *bo;
	int ret;

	bo = vgpu_bo_alloc(DRM_VGPU_DOMAIN_REGISTERED, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->read_only = read_only;
	bo->client = client;
	ret = vgpu_pin(&bo->pinned, pointer, bytes, read_only);
	if (ret) {
		kfree(bo);
		return ERR_PTR(ret);
	}
	bo->shmem.base.funcs = &vgpu_registered_funcs;
	drm_gem_private_object_init(dev, &bo->shmem.base, bytes);
	atomic64_add(bytes, &client->registered);
	atomic64_add(bytes, &client->gpu->registered);
	return bo;
}

/* Buffers of other drivers: seen by the kernel, which copies. */

static void vgpu_imported_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	vgpu_dma_buf_vunmap(obj->import_attach->dmabuf, &bo->map);
	drm_prime_gem_destroy(obj, NULL);
	drm_gem_object_release(obj);
	kfree(bo);
}

static const struct drm_gem_object_funcs vgpu_imported_funcs = {
	.free = vgpu_imported_free,
	.close = vgpu_bo_close,
};

static int vgpu_imported_map(struct vgpu_bo *bo, struct drm_device *dev,
			     struct dma_buf *dma_buf,
			     struct dma_buf_attachment **attach)
{
	int ret;

	*attach = dma_buf_attach(dma_buf, dev->dev);
	if (IS_ERR(*attach))
		return PTR_ERR(*attach);
	ret = vgpu_dma_buf_vmap(dma_buf, &bo->map);
	if (ret)
		goto err_detach;
	if (!bo->map.is_iomem)
		return 0;
	ret = -EOPNOTSUPP;
	vgpu_dma_buf_vunmap(dma_buf, &bo->map);
err_detach:
	dma_buf_detach(dma_buf, *attach);
	return ret;
}

struct drm_gem_object *vgpu_bo_import(struct drm_device *dev,
				      struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;
	struct vgpu_bo *bo;
	int ret;

	/* Fails but for our own, because it does not know what else to do. */
	obj = drm_gem_prime_import(dev, dma_buf);
	if (!IS_ERR(obj))
		return obj;
	if (!PAGE_ALIGNED(dma_buf->size))
		return ERR_PTR(-EINVAL);
	bo = vgpu_bo_alloc(DRM_VGPU_DOMAIN_IMPORTED, dma_buf->size);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	ret = vgpu_imported_map(bo, dev, dma_buf, &attach);
	if (ret) {
		kfree(bo);
		return ERR_PTR(ret);
	}
	get_dma_buf(dma_buf);
	obj = &bo->shmem.base;
	obj->funcs = &vgpu_imported_funcs;
	drm_gem_private_object_init(dev, obj, dma_buf->size);
	obj->import_attach = attach;
	obj->resv = dma_buf->resv;
	return obj;
}
