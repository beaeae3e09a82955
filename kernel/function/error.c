// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The error record.  The device has one, which keeps the first error until it is
 * cleared; each client sees one of its own.  So the record is taken from the
 * device as soon as there is something in it, and given to whose context it is
 * about.  What is about the admin queue is the driver's, which has been told.
 */
#include <linux/io.h>
#include <linux/workqueue.h>
#include <drm/drm_drv.h>

#include "function.h"

/* Whether it is the client's.  Under the lock of its vector. */
static bool vgpu_fn_error_give(struct vgpu_fn_client *c,
			       const struct vgpu_fn_error *e)
{
	if (!xa_load(&c->contexts, e->context))
		return false;
	spin_lock(&c->irq_lock);
	if (!c->error.count)
		c->error = *e;
	c->error.count++;
	spin_unlock(&c->irq_lock);
	vgpu_fn_event(c, 1u);
	return true;
}

static void vgpu_fn_error_deliver(struct vgpu_function *fn,
				  const struct vgpu_fn_error *e)
{
	struct vgpu_fn_client *c;
	bool done = false;
	u32 i;

	for (i = 0; i < fn->n_vectors && !done; i++) {
		struct vgpu_fn_vector *v = &fn->vectors[i];

		spin_lock_irq(&v->lock);
		list_for_each_entry(c, &v->clients, node) {
			done = vgpu_fn_error_give(c, e);
			if (done)
				break;
		}
		spin_unlock_irq(&v->lock);
	}
}

void vgpu_fn_error_look(struct vgpu_function *fn)
{
	struct vgpu_fn_error e = { 0 };
	int idx;

	if (!drm_dev_enter(&fn->drm, &idx))
		return;
	mutex_lock(&fn->error_lock);
	e.status = readl(fn->bar0 + VGPU_REG_ERR_STATUS);
	if (e.status) {
		e.source = readl(fn->bar0 + VGPU_REG_ERR_SOURCE);
		e.opcode = readl(fn->bar0 + VGPU_REG_ERR_OPCODE);
		e.context = readl(fn->bar0 + VGPU_REG_ERR_CONTEXT);
		e.address = vgpu_fn_read64(fn, VGPU_REG_ERR_ADDRESS_LO);
		e.user_data = vgpu_fn_read64(fn, VGPU_REG_ERR_DATA_LO);
		writel(1, fn->bar0 + VGPU_REG_ERR_CLEAR);
		vgpu_fn_error_deliver(fn, &e);
	}
	mutex_unlock(&fn->error_lock);
	drm_dev_exit(idx);
}

static void vgpu_fn_error_work(struct work_struct *work)
{
	vgpu_fn_error_look(container_of(work, struct vgpu_function,
					error_work));
}

void vgpu_fn_error_init(struct vgpu_function *fn)
{
	mutex_init(&fn->error_lock);
	INIT_WORK(&fn->error_work, vgpu_fn_error_work);
}

u32 vgpu_fn_error_read(struct vgpu_fn_client *c, u32 offset)
{
	struct vgpu_fn_error e;

	spin_lock_irq(&c->irq_lock);
	e = c->error;
	spin_unlock_irq(&c->irq_lock);
	switch (offset) {
	case VGPU_REG_ERR_STATUS:
		return e.status;
	case VGPU_REG_ERR_SOURCE:
		return e.source;
	case VGPU_REG_ERR_OPCODE:
		return e.opcode;
	case VGPU_REG_ERR_CONTEXT:
		return e.context;
	case VGPU_REG_ERR_ADDRESS_LO:
		return lower_32_bits(e.address);
	case VGPU_REG_ERR_ADDRESS_HI:
		return upper_32_bits(e.address);
	case VGPU_REG_ERR_DATA_LO:
		return lower_32_bits(e.user_data);
	case VGPU_REG_ERR_DATA_HI:
		return upper_32_bits(e.user_data);
	case VGPU_REG_ERR_COUNT:
		return e.count;
	default:
		return 0;
	}
}
