// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts of an instance, as VFIO connects them: a vector of MSI-X to an
 * eventfd, and one with which the VMM is asked to let go of the device.
 */
#include <linux/eventfd.h>
#include <linux/vfio.h>

#include "compat/compat.h"
#include "instance.h"
#include "tenant.h"

u32 vgpu_vfio_irqs(u32 index)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return VGPU_MSIX_VECTORS;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

int vgpu_vfio_irq_info(struct vfio_irq_info *info)
{
	if (info->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info->count = vgpu_vfio_irqs(info->index);
	info->flags = info->count ? VFIO_IRQ_INFO_EVENTFD |
				    VFIO_IRQ_INFO_NORESIZE : 0;
	return 0;
}

/* What VFIO connects is what the model may send.  Under @irq_lock. */
static void vgpu_vectors_changed(struct vgpu_instance *inst)
{
	struct vgpu_tenant *t = inst->tenant;

	mutex_lock(&t->lock);
	vgpu_model_vectors(t->m, inst->vectors);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
}

static int vgpu_msix_connect(struct vgpu_instance *inst, u32 vector, s32 fd)
{
	int ret = vgpu_tenant_set_eventfd(inst->tenant, vector, fd);

	if (ret)
		return ret;
	if (fd < 0)
		inst->vectors &= ~(1u << vector);
	else
		inst->vectors |= 1u << vector;
	return 0;
}

static int vgpu_msix_set(struct vgpu_instance *inst,
			 const struct vfio_irq_set *set, const void *data)
{
	u32 i, type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	const s32 *fds = data;
	const u8 *bools = data;
	int ret = 0;

	if (type == VFIO_IRQ_SET_DATA_NONE && !set->count) {
		for (i = 0; i < VGPU_MSIX_VECTORS; i++)
			vgpu_msix_connect(inst, i, -1);
		vgpu_vectors_changed(inst);
		return 0;
	}
	for (i = 0; i < set->count && !ret; i++) {
		if (type == VFIO_IRQ_SET_DATA_EVENTFD)
			ret = vgpu_msix_connect(inst, set->start + i, fds[i]);
		else if (type == VFIO_IRQ_SET_DATA_NONE || bools[i])
			vgpu_tenant_interrupt(inst->tenant, set->start + i);
	}
	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		vgpu_vectors_changed(inst);
	return ret;
}

static int vgpu_request_set(struct vgpu_instance *inst,
			    const struct vfio_irq_set *set, const void *data)
{
	u32 type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	struct eventfd_ctx *ctx = NULL;
	const s32 *fd = data;
	const u8 *set_it = data;

	if (set->count && type != VFIO_IRQ_SET_DATA_EVENTFD) {
		if (inst->request &&
		    (type == VFIO_IRQ_SET_DATA_NONE || *set_it))
			vgpu_eventfd_signal(inst->request);
		return 0;
	}
	if (set->count && *fd >= 0) {
		ctx = eventfd_ctx_fdget(*fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	if (inst->request)
		eventfd_ctx_put(inst->request);
	inst->request = ctx;
	return 0;
}

int vgpu_vfio_set_irqs(struct vgpu_instance *inst,
		       const struct vfio_irq_set *set, const void *data)
{
	int ret;

	if ((set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !=
	    VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	mutex_lock(&inst->irq_lock);
	ret = set->index == VFIO_PCI_MSIX_IRQ_INDEX ?
	      vgpu_msix_set(inst, set, data) :
	      vgpu_request_set(inst, set, data);
	mutex_unlock(&inst->irq_lock);
	return ret;
}

void vgpu_vfio_irqs_off(struct vgpu_instance *inst)
{
	mutex_lock(&inst->irq_lock);
	inst->vectors = 0;
	if (inst->request)
		eventfd_ctx_put(inst->request);
	inst->request = NULL;
	mutex_unlock(&inst->irq_lock);
}

void vgpu_vfio_request(struct vfio_device *vdev, unsigned int count)
{
	struct vgpu_instance *inst = to_vgpu_instance(vdev);

	mutex_lock(&inst->irq_lock);
	if (inst->request)
		vgpu_eventfd_signal(inst->request);
	else if (!count)
		dev_notice(vdev->dev,
			   "is to be removed, and waits until it is closed\n");
	mutex_unlock(&inst->irq_lock);
}
