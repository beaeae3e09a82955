// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Regions of an instance: configuration space and BARs, read and written by the
 * VMM for the guest, and VRAM, which may be mapped into it.
 *
 * BAR0 is never mapped: a doorbell has to trap, because nothing looks at a ring
 * that sleeps.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci_regs.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat/compat.h"
#include "instance.h"
#include "tenant.h"

static u64 vgpu_bar2_bytes(const struct vgpu_instance *inst)
{
	return roundup_pow_of_two(inst->vram_bytes);
}

static u64 vgpu_region_bytes(const struct vgpu_instance *inst, u32 index)
{
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PCI_CFG_SPACE_EXP_SIZE;
	case VFIO_PCI_BAR0_REGION_INDEX:
		return VGPU_BAR0_BYTES;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return vgpu_bar2_bytes(inst);
	case VFIO_PCI_BAR4_REGION_INDEX:
		return VGPU_BAR4_BYTES;
	default:
		return 0;
	}
}

/* Only what is VRAM can be mapped, not what rounding has added. */
static int vgpu_bar2_sparse(struct vgpu_instance *inst,
			    struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_sparse_mmap *sparse;
	size_t bytes = struct_size(sparse, areas, 1);
	int ret;

	sparse = kzalloc(bytes, GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].size = inst->vram_bytes;
	ret = vfio_info_add_capability(caps, &sparse->header, bytes);
	kfree(sparse);
	return ret;
}

int vgpu_vfio_region_info(struct vgpu_instance *inst,
			  struct vfio_region_info *info,
			  struct vfio_info_cap *caps)
{
	if (info->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info->offset = (u64)info->index << VGPU_REGION_SHIFT;
	info->size = vgpu_region_bytes(inst, info->index);
	info->flags = 0;
	if (info->size)
		info->flags = VFIO_REGION_INFO_FLAG_READ |
			      VFIO_REGION_INFO_FLAG_WRITE;
	if (info->index != VFIO_PCI_BAR2_REGION_INDEX)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return info->size == inst->vram_bytes ? 0 :
						vgpu_bar2_sparse(inst, caps);
}

/* Registers.  @bytes is 1, 2, 4 or 8, and @offset a multiple of it. */

static u64 vgpu_register_read(struct vgpu_tenant *t, u32 index, u64 offset,
			      u32 bytes)
{
	u64 value;

	mutex_lock(&t->lock);
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		value = vgpu_model_config_read(t->m, offset, bytes);
		break;
	case VFIO_PCI_BAR0_REGION_INDEX:
		value = vgpu_model_bar0_read(t->m, offset, bytes,
					     ktime_get_ns());
		break;
	default:
		value = vgpu_model_bar4_read(t->m, offset, bytes);
		break;
	}
	vgpu_tenant_unlock(t);
	return value;
}

static void vgpu_register_write(struct vgpu_tenant *t, u32 index, u64 offset,
				u32 bytes, u64 value)
{
	u32 rung = 0;

	mutex_lock(&t->lock);
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		vgpu_model_config_write(t->m, offset, bytes, value);
		break;
	case VFIO_PCI_BAR0_REGION_INDEX:
		rung = vgpu_model_bar0_write(t->m, offset, bytes, value);
		break;
	default:
		vgpu_model_bar4_write(t->m, offset, bytes, value);
		break;
	}
	if (rung)
		vgpu_tenant_rang(t, rung);
	else
		vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
}

/* The largest piece that is naturally aligned. */
static u32 vgpu_piece(u64 offset, size_t left, u32 max)
{
	while (max > left || offset & (max - 1))
		max >>= 1;
	return max;
}

static int vgpu_register_piece(struct vgpu_tenant *t, u32 index, u64 offset,
			       u32 bytes, char __user *buf, bool write)
{
	__le64 value = 0;

	if (write) {
		if (copy_from_user(&value, buf, bytes))
			return -EFAULT;
		vgpu_register_write(t, index, offset, bytes,
				    le64_to_cpu(value));
		return 0;
	}
	value = cpu_to_le64(vgpu_register_read(t, index, offset, bytes));
	return copy_to_user(buf, &value, bytes) ? -EFAULT : 0;
}

/* VRAM: at most to the end of a page. */
static int vgpu_vram_piece(struct vgpu_tenant *t, u64 offset, u32 bytes,
			   char __user *buf, bool write)
{
	struct page *page;
	int ret;

	if (offset >= t->store.bytes) {
		static const u8 ones[8] = { [0 ... 7] = 0xff };

		return !write && copy_to_user(buf, ones, min(bytes, 8u)) ?
		       -EFAULT : 0;
	}
	page = vgpu_store_get_page(&t->store, offset >> PAGE_SHIFT);
	if (IS_ERR(page))
		return PTR_ERR(page);
	if (write)
		ret = copy_from_user(page_address(page) +
				     offset_in_page(offset), buf, bytes);
	else
		ret = copy_to_user(buf, page_address(page) +
				   offset_in_page(offset), bytes);
	put_page(page);
	return ret ? -EFAULT : 0;
}

static ssize_t vgpu_vfio_rw(struct vfio_device *vdev, char __user *buf,
			    size_t count, loff_t *ppos, bool write)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);
	u32 piece, index = *ppos >> VGPU_REGION_SHIFT;
	u64 size, offset = *ppos & VGPU_REGION_MASK;
	struct vgpu_tenant *t = inst->tenant;
	size_t done = 0;
	int ret = 0;

	if (index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	size = vgpu_region_bytes(inst, index);
	if (offset >= size)
		return -EINVAL;
	count = min_t(u64, count, size - offset);
	while (done < count && !ret) {
		if (index == VFIO_PCI_BAR2_REGION_INDEX) {
			piece = min_t(u64, count - done,
				      PAGE_SIZE - offset_in_page(offset));
			if (offset >= t->store.bytes)
				piece = min(piece, 8u);
			ret = vgpu_vram_piece(t, offset, piece, buf + done,
					      write);
		} else {
			piece = vgpu_piece(offset, count - done,
					   index == VFIO_PCI_CONFIG_REGION_INDEX ?
					   4 : 8);
			ret = vgpu_register_piece(t, index, offset, piece,
						  buf + done, write);
		}
		if (!ret) {
			done += piece;
			offset += piece;
		}
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	if (!done)
		return ret ? ret : -EINTR;
	*ppos += done;
	return done;
}

ssize_t vgpu_vfio_read(struct vfio_device *vdev, char __user *buf, size_t count,
		       loff_t *ppos)
{
	return count ? vgpu_vfio_rw(vdev, buf, count, ppos, false) : 0;
}

ssize_t vgpu_vfio_write(struct vfio_device *vdev, const char __user *buf,
			size_t count, loff_t *ppos)
{
	return count ? vgpu_vfio_rw(vdev, (char __user *)buf, count, ppos,
				    true) : 0;
}

/* VRAM in an address space. */

static void vgpu_vram_open(struct vm_area_struct *vma)
{
	struct vgpu_tenant *t = vma->vm_private_data;

	kref_get(&t->ref);
}

static void vgpu_vram_close(struct vm_area_struct *vma)
{
	vgpu_tenant_put(vma->vm_private_data);
}

static vm_fault_t vgpu_vram_fault(struct vm_fault *vmf)
{
	struct vgpu_tenant *t = vmf->vma->vm_private_data;
	struct page *page;

	if (vmf->pgoff >= t->store.bytes >> PAGE_SHIFT || READ_ONCE(t->closing))
		return VM_FAULT_SIGBUS;
	page = vgpu_store_get_page(&t->store, vmf->pgoff);
	if (IS_ERR(page))
		return VM_FAULT_SIGBUS;
	lock_page(page);
	/*
	 * The end takes all pages away after it has set @closing: either this
	 * one is from before, and will be taken away, or we see that.
	 */
	if (READ_ONCE(t->closing)) {
		unlock_page(page);
		put_page(page);
		return VM_FAULT_SIGBUS;
	}
	if (page_folio(page)->mapping != t->store.file->f_mapping) {
		/* A block was freed here this moment: again. */
		unlock_page(page);
		put_page(page);
		return VM_FAULT_NOPAGE;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct vgpu_vram_vm_ops = {
	.open = vgpu_vram_open,
	.close = vgpu_vram_close,
	.fault = vgpu_vram_fault,
};

int vgpu_vfio_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	const u32 shift = VGPU_REGION_SHIFT - PAGE_SHIFT;
	struct vgpu_tenant *t = to_vgpu_instance(vdev)->tenant;
	pgoff_t first = vma->vm_pgoff & ((1ul << shift) - 1);
	pgoff_t pages = t->store.bytes >> PAGE_SHIFT;

	if (vma->vm_pgoff >> shift != VFIO_PCI_BAR2_REGION_INDEX ||
	    !(vma->vm_flags & VM_SHARED) || first >= pages ||
	    vma_pages(vma) > pages - first)
		return -EINVAL;
	kref_get(&t->ref);
	vma_set_file(vma, t->store.map_file);
	vma->vm_pgoff = first;
	vma->vm_private_data = t;
	vma->vm_ops = &vgpu_vram_vm_ops;
	vgpu_vma_flags(vma, VM_DONTEXPAND | VM_DONTDUMP, 0);
	return 0;
}
