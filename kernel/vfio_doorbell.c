// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Doorbells of an instance that eventfds ring (VFIO_DEVICE_IOEVENTFD): KVM
 * signals one where a guest writes to a doorbell page, and the VMM has no part in
 * it.
 *
 * Whoever signals cannot wait, so nothing is done there but to note it and to
 * wake the tenant's thread, in whose cgroups the work then is.
 */
#include <linux/vfio.h>

#include "instance.h"
#include "tenant.h"

/* &vgpu_tenant_ops.rung */
void vgpu_doorbells_rung(struct vgpu_tenant *t, unsigned long rung)
{
	struct vgpu_instance *inst = t->owner;
	u32 i;

	for_each_set_bit(i, &rung, VGPU_DOORBELLS) {
		const struct vgpu_doorbell *d = &inst->doorbells[i];

		if (d->used &&
		    vgpu_model_bar0_write(t->m, d->offset, sizeof(d->ring),
					  d->ring))
			vgpu_tenant_doorbell(t, d->ring);
	}
}

/* Called with interrupts off, under the eventfd's lock. */
static int vgpu_doorbell_signal(void *opaque, void *data)
{
	struct vgpu_doorbell *d = opaque;
	struct vgpu_instance *inst = data;

	set_bit(d - inst->doorbells, &inst->tenant->rung);
	vgpu_tenant_poke(inst->tenant);
	return 0;
}

/* That which is used for this, or else one that is free; NULL: there is none. */
static struct vgpu_doorbell *vgpu_doorbell_find(struct vgpu_instance *inst,
						u64 offset, u32 ring)
{
	struct vgpu_doorbell *d, *spare = NULL;

	for (d = inst->doorbells; d < inst->doorbells + VGPU_DOORBELLS; d++) {
		if (!d->used)
			spare = spare ?: d;
		else if (d->offset == offset && d->ring == ring)
			return d;
	}
	return spare;
}

static void vgpu_doorbell_set(struct vgpu_instance *inst,
			      struct vgpu_doorbell *d, bool used)
{
	mutex_lock(&inst->tenant->lock);
	d->used = used;
	vgpu_tenant_unlock(inst->tenant);
}

static int vgpu_doorbell_add(struct vgpu_instance *inst,
			     struct vgpu_doorbell *d, u64 offset, u32 ring,
			     s32 fd)
{
	int ret;

	d->offset = offset;
	d->ring = ring;
	vgpu_doorbell_set(inst, d, true);
	ret = vfio_virqfd_enable(d, vgpu_doorbell_signal, NULL, inst,
				 &d->virqfd, fd);
	if (ret)
		vgpu_doorbell_set(inst, d, false);
	return ret;
}

static void vgpu_doorbell_remove(struct vgpu_instance *inst,
				 struct vgpu_doorbell *d)
{
	/* Waits until nobody is in vgpu_doorbell_signal() for it. */
	vfio_virqfd_disable(&d->virqfd);
	vgpu_doorbell_set(inst, d, false);
}

int vgpu_vfio_ioeventfd(struct vgpu_instance *inst,
			const struct vfio_device_ioeventfd *args)
{
	u64 offset = args->offset & VGPU_REGION_MASK;
	struct vgpu_doorbell *d;
	int ret = 0;

	/* What a guest's driver does to ring: 4 bytes, where a page begins. */
	if (args->flags != VFIO_DEVICE_IOEVENTFD_32 || args->fd < -1 ||
	    args->offset >> VGPU_REGION_SHIFT != VFIO_PCI_BAR0_REGION_INDEX ||
	    offset < VGPU_BAR0_DOORBELLS || offset >= VGPU_BAR0_BYTES ||
	    offset % VGPU_DOORBELL_PAGE || args->data > U32_MAX)
		return -EINVAL;
	mutex_lock(&inst->doorbell_lock);
	d = vgpu_doorbell_find(inst, offset, args->data);
	if (args->fd < 0) {
		if (d && d->used)
			vgpu_doorbell_remove(inst, d);
		else
			ret = -ENODEV;
	} else if (!d) {
		ret = -ENOSPC;
	} else if (d->used) {
		ret = -EEXIST;
	} else {
		ret = vgpu_doorbell_add(inst, d, offset, args->data, args->fd);
	}
	mutex_unlock(&inst->doorbell_lock);
	return ret;
}

void vgpu_vfio_doorbells_off(struct vgpu_instance *inst)
{
	struct vgpu_doorbell *d;

	mutex_lock(&inst->doorbell_lock);
	for (d = inst->doorbells; d < inst->doorbells + VGPU_DOORBELLS; d++)
		if (d->used)
			vgpu_doorbell_remove(inst, d);
	mutex_unlock(&inst->doorbell_lock);
}
