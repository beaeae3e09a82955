// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers outside VRAM: of the host's memory, of a process that registered
 * them, and of other drivers.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>

#include "bo.h"
#include "compat/compat.h"
#include "drm.h"
#include "gpu.h"

/* Pages pinned in one go. */
#define VGPU_PIN_PAGES		512ul

/* System memory: the shmem helper's, with its pages there from the start. */

static void vgpu_system_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	if (bo->shmem.pages)
		drm_gem_shmem_unpin(&bo->shmem);
	drm_gem_shmem_free(&bo->shmem);
}

/*
 * The helper's own counts from where the mapping begins, which is wrong for one
 * of a dma-buf with an offset, and for what is left of one that was cut.
 */
static vm_fault_t vgpu_system_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	pgoff_t index = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	struct page **pages = to_vgpu_bo(obj)->shmem.pages;

	if (index >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address,
			      page_to_pfn(pages[index]));
}

static void vgpu_system_vm_open(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.open(vma);
}

static void vgpu_system_vm_close(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.close(vma);
}

static const struct vm_operations_struct vgpu_system_vm_ops = {
	.fault = vgpu_system_fault,
	.open = vgpu_system_vm_open,
	.close = vgpu_system_vm_close,
};

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
	.vm_ops = &vgpu_system_vm_ops,
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

/*
 * Memory of a process.  What is pinned is counted for the user, as io_uring
 * does it, and not for the address space: a buffer may end in the tenant's
 * thread, for which others wait with mmap_lock held, or in munmap().
 */

static int vgpu_registered_charge(struct vgpu_bo *bo)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user = current_user();
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (old + bo->n_pages > limit && !capable(CAP_IPC_LOCK))
			return -ENOSPC;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old,
					  old + bo->n_pages));
	bo->cred = get_current_cred();
	return 0;
}

static void vgpu_registered_refund(struct vgpu_bo *bo)
{
	atomic_long_sub(bo->n_pages, &bo->cred->user->locked_vm);
	put_cred(bo->cred);
}

static void vgpu_registered_unpin(struct vgpu_bo *bo, unsigned long n)
{
	unpin_user_pages_dirty_lock(bo->pages, n, !bo->read_only);
	kvfree(bo->pages);
	vgpu_registered_refund(bo);
}

static void vgpu_registered_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	vgpu_registered_unpin(bo, bo->n_pages);
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

static int vgpu_registered_pin(struct vgpu_bo *bo, u64 pointer)
{
	unsigned int flags = FOLL_LONGTERM | (bo->read_only ? 0 : FOLL_WRITE);
	unsigned long done = 0;
	long n;
	int ret;

	ret = vgpu_registered_charge(bo);
	if (ret)
		return ret;
	/* More than could ever be there is no reason to complain in the log. */
	bo->pages = kvmalloc_array(bo->n_pages, sizeof(*bo->pages),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!bo->pages) {
		vgpu_registered_refund(bo);
		return -ENOMEM;
	}
	while (done < bo->n_pages) {
		n = pin_user_pages_fast(pointer + done * PAGE_SIZE,
					min(bo->n_pages - done, VGPU_PIN_PAGES),
					flags, bo->pages + done);
		if (n <= 0) {
			vgpu_registered_unpin(bo, done);
			return n == -ENOMEM || n == -EINTR ? n : -EFAULT;
		}
		done += n;
		if (fatal_signal_pending(current)) {
			vgpu_registered_unpin(bo, done);
			return -EINTR;
		}
	}
	return 0;
}

struct vgpu_bo *vgpu_bo_register_pages(struct drm_device *dev,
				       struct vgpu_client *client, u64 pointer,
				       u64 bytes, bool read_only)
{
	struct vgpu_bo *bo;
	int ret;

	if (!bytes || !PAGE_ALIGNED(bytes) || !PAGE_ALIGNED(pointer) ||
	    pointer + bytes < pointer || bytes > 1ull << VGPU_ADDRESS_BITS)
		return ERR_PTR(-EINVAL);
	if (!access_ok(u64_to_user_ptr(pointer), bytes))
		return ERR_PTR(-EFAULT);
	bo = vgpu_bo_alloc(DRM_VGPU_DOMAIN_REGISTERED, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->read_only = read_only;
	bo->n_pages = bytes >> PAGE_SHIFT;
	bo->client = client;
	ret = vgpu_registered_pin(bo, pointer);
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
