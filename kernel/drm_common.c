// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the two render nodes have in common, see drm_common.h.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>

#include "compat/compat.h"
#include "drm_common.h"

int vgpu_check_tail(const struct drm_ioctl_desc *ioctls, unsigned int n,
		    unsigned int cmd, unsigned long arg)
{
	unsigned int nr = _IOC_NR(cmd) - DRM_COMMAND_BASE;
	unsigned int bytes = _IOC_SIZE(cmd), known;
	int ret;

	if (_IOC_NR(cmd) < DRM_COMMAND_BASE || nr >= n || !(cmd & IOC_IN))
		return 0;
	known = _IOC_SIZE(ioctls[array_index_nospec(nr, n)].cmd);
	if (!known || bytes <= known)
		return 0;
	ret = check_zeroed_user((void __user *)arg + known, bytes - known);
	return ret > 0 ? 0 : ret ?: -EINVAL;
}

void vgpu_fdinfo_head(struct drm_printer *p, struct drm_file *file, u32 client)
{
	struct drm_device *dev = file->minor->dev;

	drm_printf(p, "drm-driver:\t%s\n", dev->driver->name);
	drm_printf(p, "drm-client-id:\t%u\n", client);
	drm_printf(p, "drm-pdev:\t%s\n", pci_name(to_pci_dev(dev->dev)));
}

ktime_t vgpu_time_left(s64 deadline_ns)
{
	s64 now_ns = ktime_get_ns();

	return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

int vgpu_query_reply(struct drm_vgpu_query *args, const void *answer, u32 bytes)
{
	void __user *to = u64_to_user_ptr(args->pointer);

	if (args->size > DRM_VGPU_QUERY_MAX)
		return -EINVAL;
	if (copy_to_user(to, answer, min(args->size, bytes)))
		return -EFAULT;
	if (args->size > bytes && clear_user(to + bytes, args->size - bytes))
		return -EFAULT;
	return 0;
}

static bool vgpu_register_writable(u32 offset)
{
	switch (offset) {
	case VGPU_REG_IRQ_MASK:
	case VGPU_REG_IRQ_ACK:
	case VGPU_REG_SCRATCH:
	case VGPU_REG_ERR_CLEAR:
		return true;
	default:
		return false;
	}
}

int vgpu_register_check(const struct drm_vgpu_register *args)
{
	bool write = args->flags & DRM_VGPU_REGISTER_WRITE;

	if (args->flags & ~DRM_VGPU_REGISTER_WRITE || args->pad ||
	    (args->bytes != 4 && args->bytes != 8) ||
	    args->offset % args->bytes || args->offset >= VGPU_REG_END ||
	    (!write && args->value) ||
	    (write && args->bytes == 4 && args->value > U32_MAX))
		return -EINVAL;
	if (write && (args->bytes != 4 ||
		      !vgpu_register_writable(args->offset)))
		return -EACCES;
	return 0;
}

int vgpu_ring_create_check(const struct drm_vgpu_ring_create *args)
{
	if (args->ring || args->priority >= VGPU_PRIORITIES ||
	    args->vector >= VGPU_MSIX_VECTORS ||
	    args->poll_us > VGPU_MAX_POLL_US ||
	    !vgpu_ring_entries_valid(args->sq_entries) ||
	    !vgpu_ring_entries_valid(args->cq_entries))
		return -EINVAL;
	return 0;
}

int vgpu_event_check(const struct drm_vgpu_event *args, u32 *first, u32 *last)
{
	*first = args->vector;
	*last = args->vector;
	if (args->vector == DRM_VGPU_EVENT_ALL) {
		*first = 0;
		*last = VGPU_MSIX_VECTORS - 1;
	}
	return *last >= VGPU_MSIX_VECTORS || args->fd < -1 ? -EINVAL : 0;
}

/* Again after all mappings of the node were taken away: a GPU has gone. */
static vm_fault_t vgpu_client_page_fault(struct vm_fault *vmf)
{
	vmf->page = virt_to_page(vmf->vma->vm_private_data);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vgpu_client_page_vm_ops = {
	.fault = vgpu_client_page_fault,
};

int vgpu_client_page_mmap(struct drm_vgpu_client_page *page,
			  struct vm_area_struct *vma)
{
	if (vma_pages(vma) != 1)
		return -EINVAL;
	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	vgpu_vma_flags(vma, VM_DONTEXPAND, VM_MAYWRITE);
	vma->vm_private_data = page;
	vma->vm_ops = &vgpu_client_page_vm_ops;
	return 0;
}

/*
 * The helper's own counts from where the mapping begins, which is wrong for one
 * of a dma-buf with an offset, and for what is left of one that was cut.
 */
static vm_fault_t vgpu_shmem_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	pgoff_t index = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	struct page **pages = to_drm_gem_shmem_obj(obj)->pages;

	if (index >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address,
			      page_to_pfn(pages[index]));
}

static void vgpu_shmem_vm_open(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.open(vma);
}

static void vgpu_shmem_vm_close(struct vm_area_struct *vma)
{
	drm_gem_shmem_vm_ops.close(vma);
}

const struct vm_operations_struct vgpu_shmem_vm_ops = {
	.fault = vgpu_shmem_fault,
	.open = vgpu_shmem_vm_open,
	.close = vgpu_shmem_vm_close,
};
