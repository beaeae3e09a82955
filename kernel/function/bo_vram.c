// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers in VRAM of a function: blocks, which processes see through BAR2.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "bo.h"
#include "function.h"
#include "kernel/compat/compat.h"

/* Under the buffer's lock: where it lies, if the device says what can be. */
static int vgpu_fn_vram_where(struct vgpu_fn_bo *bo, u64 *offset)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_OBJECT_INFO, bo->object,
					  0);
	u64 result[2], bytes = bo->shmem.base.size;
	int ret;

	if (!bo->object)
		return -ENODEV;
	ret = vgpu_fn_admin(fn, &cmd, result);
	if (ret)
		return ret;
	if (!PAGE_ALIGNED(result[0]) || result[0] > fn->vram_bytes ||
	    bytes > fn->vram_bytes - result[0]) {
		vgpu_fn_give_up(fn, bo->epoch, "has VRAM where there is none");
		return -ENODEV;
	}
	*offset = result[0];
	return 0;
}

int vgpu_fn_bo_offset(struct vgpu_fn_bo *bo, u64 *offset)
{
	int ret = 0;

	mutex_lock(&bo->lock);
	if (bo->fixed)
		*offset = bo->offset;
	else
		ret = vgpu_fn_vram_where(bo, offset);
	mutex_unlock(&bo->lock);
	return ret;
}

/* From now on a process has it mapped, or may have: it does not move. */
static int vgpu_fn_vram_fix(struct vgpu_fn_bo *bo)
{
	struct vgpu_function *fn = to_vgpu_function(bo->shmem.base.dev);
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_OBJECT_PIN, bo->object, 1);
	u64 result[2];
	int ret = 0;

	mutex_lock(&bo->lock);
	if (bo->fixed)
		goto out;
	ret = bo->object ? vgpu_fn_admin(fn, &cmd, result) : -ENODEV;
	if (ret)
		goto out;
	ret = vgpu_fn_vram_where(bo, &bo->offset);
	if (!ret)
		WRITE_ONCE(bo->fixed, true);
out:
	mutex_unlock(&bo->lock);
	return ret;
}

vm_fault_t vgpu_fn_insert_page(struct vgpu_function *fn, struct vm_fault *vmf,
			       unsigned long pfn, u32 epoch)
{
	vm_fault_t ret = vmf_insert_pfn(vmf->vma, vmf->address, pfn);

	/* Pairs with the barrier in vgpu_fn_stop(). */
	smp_mb();
	if (epoch != READ_ONCE(fn->epoch))
		unmap_mapping_pages(fn->drm.anon_inode->i_mapping, vmf->pgoff,
				    1, true);
	return ret;
}

static vm_fault_t vgpu_fn_vram_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct vgpu_function *fn = to_vgpu_function(obj->dev);
	pgoff_t index = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	struct vgpu_fn_bo *bo = to_vgpu_fn_bo(obj);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	u32 epoch = READ_ONCE(bo->epoch);
	int idx;

	if (index >= obj->size >> PAGE_SHIFT || !drm_dev_enter(obj->dev, &idx))
		return ret;
	/* What the device has lost has nothing behind it. */
	if (epoch == READ_ONCE(fn->epoch))
		ret = vgpu_fn_insert_page(fn, vmf,
					  PHYS_PFN(fn->bar2_start + bo->offset) +
					  index, epoch);
	drm_dev_exit(idx);
	return ret;
}

static const struct vm_operations_struct vgpu_fn_vram_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = vgpu_fn_vram_fault,
};

static int vgpu_fn_vram_mmap(struct drm_gem_object *obj,
			     struct vm_area_struct *vma)
{
	int ret;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	ret = vgpu_fn_vram_fix(to_vgpu_fn_bo(obj));
	if (ret)
		return ret;
	vgpu_vma_flags(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP, 0);
	return 0;
}

/* There are no pages that another driver could use. */
static struct sg_table *vgpu_fn_vram_sg_table(struct drm_gem_object *obj)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static const struct drm_gem_object_funcs vgpu_fn_vram_funcs = {
	.free = vgpu_fn_bo_free,
	.get_sg_table = vgpu_fn_vram_sg_table,
	.mmap = vgpu_fn_vram_mmap,
	.vm_ops = &vgpu_fn_vram_vm_ops,
};

/*
 * -ENOSPC, a limit; -ENOMEM, more than the size that the client has asked for,
 * of a device that has more.
 */
static int vgpu_fn_vram_reserve(struct vgpu_fn_client *c, u64 bytes)
{
	int ret = vgpu_account_reserve(&c->account, bytes);
	u64 size = READ_ONCE(c->vram_bytes);

	if (ret == -ENOSPC && size < c->fn->vram_bytes &&
	    vgpu_account_current(&c->account) + bytes > size)
		return -ENOMEM;
	return ret;
}

struct vgpu_fn_bo *vgpu_fn_bo_create_vram(struct vgpu_fn_client *c, u64 bytes,
					  u64 align)
{
	struct vgpu_function *fn = c->fn;
	struct vgpu_cmd cmd = { .opcode = VGPU_ADMIN_BLOCK_CREATE };
	struct vgpu_fn_bo *bo;
	int ret;

	if (!bytes || bytes > 1ull << fn->bank_shift ||
	    (align && (align < VGPU_MAP_GRANULE || !is_power_of_2(align))))
		return ERR_PTR(-EINVAL);
	bo = vgpu_fn_bo_alloc(c, DRM_VGPU_DOMAIN_VRAM, bytes);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	ret = vgpu_fn_vram_reserve(c, PAGE_ALIGN(bytes));
	if (ret) {
		vgpu_fn_client_put(c);
		kfree(bo);
		return ERR_PTR(ret);
	}
	bo->shmem.base.funcs = &vgpu_fn_vram_funcs;
	drm_gem_private_object_init(&fn->drm, &bo->shmem.base,
				    PAGE_ALIGN(bytes));
	/* What shares a page with it would be mapped with it. */
	cmd.op[0] = PAGE_ALIGN(bytes);
	cmd.op[1] = max_t(u64, align, PAGE_SIZE);
	ret = drm_gem_create_mmap_offset(&bo->shmem.base);
	if (!ret) {
		mutex_lock(&bo->lock);
		ret = vgpu_fn_bo_attach(bo, &cmd);
		mutex_unlock(&bo->lock);
	}
	if (ret) {
		vgpu_fn_bo_put(bo);
		return ERR_PTR(ret);
	}
	return bo;
}
