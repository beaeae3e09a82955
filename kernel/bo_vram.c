// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers in VRAM: a block of the tenant's device model, whose pages are in the
 * tenant's store.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "bo.h"
#include "compat/compat.h"
#include "drm.h"
#include "tenant.h"
#include "trace.h"

u64 vgpu_bo_offset(struct vgpu_bo *bo)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_OBJECT_INFO, bo->object,
					     0);
	u64 result[2] = { 0 };

	mutex_lock(&bo->tenant->lock);
	vgpu_model_admin(bo->tenant->m, &cmd, result);
	vgpu_tenant_unlock(bo->tenant);
	return result[0];
}

/* -EAGAIN: it is being moved. */
static int vgpu_bo_try_fix(struct vgpu_bo *bo)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_OBJECT_PIN, bo->object,
					     1);
	struct vgpu_tenant *t = bo->tenant;
	u64 result[2];
	int ret = 0;

	mutex_lock(&bo->lock);
	if (!bo->fixed) {
		mutex_lock(&t->lock);
		ret = vgpu_model_admin(t->m, &cmd, result);
		vgpu_tenant_unlock(t);
	}
	if (!ret)
		WRITE_ONCE(bo->fixed, true);
	mutex_unlock(&bo->lock);
	return ret;
}

/* From now on it has a page that others know: it does not move any more. */
static int vgpu_bo_fix(struct vgpu_bo *bo)
{
	struct vgpu_tenant *t = bo->tenant;
	u64 seen;
	int ret;

	for (;;) {
		seen = vgpu_tenant_events(t);
		ret = vgpu_bo_try_fix(bo);
		if (ret != -EAGAIN)
			return ret;
		if (wait_event_killable(t->changed,
					vgpu_tenant_events(t) != seen))
			return -EINTR;
	}
}

static void vgpu_vram_free(struct drm_gem_object *obj)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_OBJECT_PIN, bo->object,
					     0);
	struct vgpu_tenant *t = bo->tenant;
	u64 result[2];

	if (bo->object) {
		trace_vgpu_free(t, bo->object, bo->bytes);
		mutex_lock(&t->lock);
		if (bo->fixed)
			vgpu_model_admin(t->m, &cmd, result);
		vgpu_model_object_close(t->m, bo->object);
		vgpu_tenant_run(t);
		vgpu_tenant_unlock(t);
	}
	drm_gem_object_release(obj);
	kfree(bo);
	/* Last: it keeps the device, too. */
	vgpu_tenant_put(t);
}

/*
 * Others get to know it.  Only whole pages: with a part of one they would see
 * what the tenant has beside the buffer.
 */
static int vgpu_bo_share(struct vgpu_bo *bo)
{
	int ret;

	if (!PAGE_ALIGNED(bo->bytes))
		return -EINVAL;
	/* DRM holds a lock of the whole device: nobody waits here. */
	ret = vgpu_bo_try_fix(bo);
	if (ret)
		return ret == -EAGAIN ? -EBUSY : ret;
	return PAGE_ALIGNED(vgpu_bo_offset(bo)) ? 0 : -EINVAL;
}

static struct dma_buf *vgpu_vram_export(struct drm_gem_object *obj, int flags)
{
	int ret = vgpu_bo_share(to_vgpu_bo(obj));

	return ret ? ERR_PTR(ret) : drm_gem_prime_export(obj, flags);
}

/* A handle of it, by whichever way it came: a dma-buf, or a name. */
static int vgpu_vram_open(struct drm_gem_object *obj, struct drm_file *file)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);

	if (vgpu_client_peek(file->driver_priv) == bo->tenant)
		return 0;
	return vgpu_bo_share(bo);
}

/* Its pages, taken from the system; kvfree() the array.  It is fixed. */
static struct page **vgpu_vram_pages(struct vgpu_bo *bo)
{
	unsigned long i, n = bo->shmem.base.size >> PAGE_SHIFT;
	pgoff_t first = vgpu_bo_offset(bo) >> PAGE_SHIFT;
	struct page **pages;

	pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL | __GFP_NOWARN);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < n; i++) {
		pages[i] = vgpu_store_page(&bo->tenant->store, first + i,
					   GFP_KERNEL);
		if (IS_ERR(pages[i])) {
			kvfree(pages);
			return ERR_PTR(-ENOMEM);
		}
	}
	return pages;
}

static struct sg_table *vgpu_vram_sg_table(struct drm_gem_object *obj)
{
	struct page **pages = vgpu_vram_pages(to_vgpu_bo(obj));
	struct sg_table *sgt;

	if (IS_ERR(pages))
		return ERR_CAST(pages);
	sgt = drm_prime_pages_to_sg(obj->dev, pages, obj->size >> PAGE_SHIFT);
	kvfree(pages);
	return sgt;
}

static int vgpu_vram_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct page **pages = vgpu_vram_pages(to_vgpu_bo(obj));
	void *vaddr;

	if (IS_ERR(pages))
		return PTR_ERR(pages);
	vaddr = vmap(pages, obj->size >> PAGE_SHIFT, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (!vaddr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void vgpu_vram_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static vm_fault_t vgpu_vram_fault(struct vm_fault *vmf)
{
	struct vgpu_bo *bo = to_vgpu_bo(vmf->vma->vm_private_data);
	struct vgpu_store *s = &bo->tenant->store;
	struct page *page = vgpu_store_get_page(s, vmf->pgoff);

	if (IS_ERR(page))
		return VM_FAULT_SIGBUS;
	lock_page(page);
	/* Pages of a buffer are not taken away while it is mapped. */
	if (WARN_ON_ONCE(page_folio(page)->mapping != s->file->f_mapping)) {
		unlock_page(page);
		put_page(page);
		return VM_FAULT_SIGBUS;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct vgpu_vram_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = vgpu_vram_fault,
};

static int vgpu_vram_mmap(struct drm_gem_object *obj,
			  struct vm_area_struct *vma)
{
	struct vgpu_bo *bo = to_vgpu_bo(obj);
	pgoff_t skip = vma->vm_pgoff - drm_vma_node_start(&obj->vma_node);
	u64 offset;
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	ret = vgpu_bo_fix(bo);
	if (ret)
		return ret;
	offset = vgpu_bo_offset(bo);
	if (skip + vma_pages(vma) >
	    PAGE_ALIGN(offset_in_page(offset) + bo->bytes) >> PAGE_SHIFT)
		return -EINVAL;
	vma_set_file(vma, bo->tenant->store.map_file);
	vma->vm_pgoff = (offset >> PAGE_SHIFT) + skip;
	vgpu_vma_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, 0);
	return 0;
}

static const struct drm_gem_object_funcs vgpu_vram_funcs = {
	.free = vgpu_vram_free,
	.open = vgpu_vram_open,
	.close = vgpu_bo_close,
	.export = vgpu_vram_export,
	.get_sg_table = vgpu_vram_sg_table,
	.vmap = vgpu_vram_vmap,
	.vunmap = vgpu_vram_vunmap,
	.mmap = vgpu_vram_mmap,
	.vm_ops = &vgpu_vram_vm_ops,
};

struct vgpu_bo *vgpu_bo_create_vram(struct drm_device *dev,
				    struct vgpu_tenant *t, u64 bytes, u64 align)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_BLOCK_CREATE,
		.op = { bytes, align },
	};
	u64 result[2], span;
	struct vgpu_bo *bo;
	int ret;

	/* The model looks at the rest; this is for the sum below. */
	if (!bytes || bytes > 1ull << vgpu_client_config.bank_shift)
		return ERR_PTR(-EINVAL);
	bo = vgpu_bo_alloc(DRM_VGPU_DOMAIN_VRAM, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	/* Wherever it comes to lie, so many pages have a part of it. */
	span = align >= PAGE_SIZE ? PAGE_ALIGN(bytes) :
				    PAGE_ALIGN(bytes) + PAGE_SIZE;
	bo->shmem.base.funcs = &vgpu_vram_funcs;
	kref_get(&t->ref);
	bo->tenant = t;
	/* Others see no more than its own pages, the process parts of others. */
	drm_gem_private_object_init(dev, &bo->shmem.base, PAGE_ALIGN(bytes));
	ret = drm_gem_create_mmap_offset_size(&bo->shmem.base, span);
	if (!ret)
		ret = vgpu_tenant_admin(t, &cmd, result);
	if (ret) {
		vgpu_bo_put(bo);
		return ERR_PTR(ret);
	}
	bo->object = result[0];
	trace_vgpu_alloc(t, bo->object, bytes);
	return bo;
}
