// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts of an instance, as VFIO connects them: a vector of MSI-X to an
 * eventfd, and one with which the VMM is asked to let go of the device.
 */
#include <linux/eventfd.h>
#include <linux/nospec.h>
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
	/* A VMM would take an index of error reporting for a defect of it. */
	if (info->index >= VFIO_PCI_NUM_IRQS ||
	    info->index == VFIO_PCI_ERR_IRQ_INDEX)
		return -EINVAL;
	info->count = vgpu_vfio_irqs(info->index);
	info->flags = info->count ? VFIO_IRQ_INFO_EVENTFD |
				    VFIO_IRQ_INFO_NORESIZE : 0;
	return 0;
}

/* What VFIO connects is what the model may send.  Under @irq_lock. */
static void vgpu_vectors_tell(struct vgpu_instance *inst, u32 vectors)
{
	struct vgpu_tenant *t = inst->tenant;

	mutex_lock(&t->lock);
	vgpu_model_vectors(t->m, vectors);
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

/*
 * All of them, or none: those that were connected before are not, then.  What is
 * raised while they change is pending: the model takes none for connected that is
 * not.
 */
static int vgpu_msix_connect_all(struct vgpu_instance *inst, u32 first, u32 n,
				 const s32 *fds)
{
	u32 i, vector, range = ((1ull << n) - 1) << first;
	int ret = 0;

	vgpu_vectors_tell(inst, inst->vectors & ~range);
	for (i = 0; i < n && !ret; i++) {
		vector = array_index_nospec(first + i, VGPU_MSIX_VECTORS);
		ret = vgpu_msix_connect(inst, vector, fds ? fds[i] : -1);
	}
	while (ret && i--) {
		vector = array_index_nospec(first + i, VGPU_MSIX_VECTORS);
		vgpu_msix_connect(inst, vector, -1);
	}
	vgpu_vectors_tell(inst, inst->vectors);
	return ret;
}

static int vgpu_msix_set(struct vgpu_instance *inst,
			 const struct vfio_irq_set *set, const void *data)
{
	u32 i, vector, type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	const u8 *bools = data;

	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		return vgpu_msix_connect_all(inst, set->start, set->count,
					     data);
	if (type == VFIO_IRQ_SET_DATA_NONE && !set->count)
		return vgpu_msix_connect_all(inst, 0, VGPU_MSIX_VECTORS, NULL);
	for (i = 0; i < set->count; i++) {
		vector = array_index_nospec(set->start + i, VGPU_MSIX_VECTORS);
		if (type == VFIO_IRQ_SET_DATA_NONE || bools[i])
			vgpu_tenant_interrupt(inst->tenant, vector);
	}
	return 0;
}

static void vgpu_request_replace(struct vgpu_instance *inst,
				 struct eventfd_ctx *ctx)
{
	if (inst->request)
		eventfd_ctx_put(inst->request);
	inst->request = ctx;
}

static int vgpu_request_connect(struct vgpu_instance *inst, s32 fd)
{
	struct eventfd_ctx *ctx = NULL;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0)
		ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	vgpu_request_replace(inst, ctx);
	return 0;
}

/* As vfio-pci has it. */
static int vgpu_request_set(struct vgpu_instance *inst,
			    const struct vfio_irq_set *set, const void *data)
{
	u32 type = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	bool none = type == VFIO_IRQ_SET_DATA_NONE;

	if (none ? !inst->request : !set->count)
		return -EINVAL;
	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		return vgpu_request_connect(inst, *(const s32 *)data);
	if (!set->count)
		vgpu_request_replace(inst, NULL);
	else if (inst->request && (none || *(const u8 *)data))
		vgpu_eventfd_signal(inst->request);
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
	/* Before the eventfds go: the model would send again what went nowhere. */
	vgpu_vectors_tell(inst, 0);
	vgpu_request_replace(inst, NULL);
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
