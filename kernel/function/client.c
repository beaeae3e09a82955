// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Clients of a function's render node, and what concerns the whole of one.
 */
#include <linux/eventfd.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "bo.h"
#include "function.h"

int vgpu_fn_open(struct drm_device *dev, struct drm_file *file)
{
	struct vgpu_function *fn = to_vgpu_function(dev);
	static atomic_t numbers;
	struct vgpu_fn_client *c;

	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	c->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!c->page) {
		kfree(c);
		return -ENOMEM;
	}
	kref_init(&c->ref);
	c->fn = fn;
	c->number = atomic_inc_return(&numbers);
	c->epoch = READ_ONCE(fn->epoch);
	c->vram_bytes = fn->vram_bytes;
	vgpu_account_init(&c->account, c->vram_bytes, &fn->account);
	mutex_init(&c->lock);
	mutex_init(&c->rings_lock);
	xa_init(&c->contexts);
	xa_init(&c->counters);
	xa_init(&c->rings);
	init_waitqueue_head(&c->changed);
	spin_lock_init(&c->irq_lock);
	vgpu_fn_irq_init(c);
	file->driver_priv = c;
	return 0;
}

static void vgpu_fn_client_free(struct kref *ref)
{
	struct vgpu_fn_client *c = container_of(ref, struct vgpu_fn_client, ref);

	/* Somebody may have it mapped still. */
	put_page(virt_to_page(c->page));
	if (c->sink)
		put_page(c->sink);
	kfree(c);
}

void vgpu_fn_client_put(struct vgpu_fn_client *c)
{
	kref_put(&c->ref, vgpu_fn_client_free);
}

/* Who is told of a vector's interrupts: takes over @ctx. */
static void vgpu_fn_set_eventfd(struct vgpu_fn_client *c, u32 vector,
				struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old;

	spin_lock_irq(&c->irq_lock);
	old = c->eventfds[vector];
	c->eventfds[vector] = ctx;
	spin_unlock_irq(&c->irq_lock);
	if (old)
		eventfd_ctx_put(old);
}

void vgpu_fn_close(struct drm_device *dev, struct drm_file *file)
{
	struct vgpu_fn_client *c = file->driver_priv;
	u32 i;

	mutex_lock(&c->lock);
	vgpu_fn_clear(c);
	mutex_unlock(&c->lock);
	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		vgpu_fn_set_eventfd(c, i, NULL);
	vgpu_fn_client_put(c);
}

VGPU_FN_IOCTL(client_init)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_client_init *args = data;
	int ret = -EBUSY;

	if (args->flags || !PAGE_ALIGNED(args->vram_bytes) ||
	    args->vram_bytes > c->fn->vram_bytes)
		return -EINVAL;
	mutex_lock(&c->lock);
	if (!c->inited) {
		if (args->vram_bytes)
			c->vram_bytes = args->vram_bytes;
		vgpu_account_set_limit(&c->account, c->vram_bytes);
		c->inited = true;
		ret = 0;
	}
	mutex_unlock(&c->lock);
	return ret;
}

VGPU_FN_IOCTL(client_limit)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_client_limit *args = data;

	mutex_lock(&c->lock);
	c->inited = true;
	vgpu_account_set_limit(&c->account,
			       args->bytes ? min(args->bytes, c->vram_bytes) :
					     c->vram_bytes);
	mutex_unlock(&c->lock);
	return 0;
}

VGPU_FN_IOCTL(client_reset)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_client_reset *args = data;
	int ret;

	if (args->flags)
		return -EINVAL;
	mutex_lock(&c->lock);
	vgpu_fn_clear(c);
	mutex_unlock(&c->lock);
	ret = vgpu_fn_bos_let_go(c);
	vgpu_fn_event(c, 0);
	return vgpu_fn_lost(c) ? -ENODEV : ret;
}

/*
 * Registers that a client sees as if the device were its own: what there is of
 * the device's memory is the client's part.
 */
static bool vgpu_fn_own_register(struct vgpu_fn_client *c, u32 offset,
				 u32 *value)
{
	u64 wide;

	switch (offset & ~7u) {
	case VGPU_REG_VRAM_LO:
		wide = c->vram_bytes;
		break;
	case VGPU_REG_USED_LO:
		wide = vgpu_account_current(&c->account);
		break;
	case VGPU_REG_PEAK_LO:
		wide = vgpu_account_peak(&c->account);
		break;
	case VGPU_REG_LIMIT_LO:
		wide = vgpu_account_limit(&c->account);
		break;
	case VGPU_REG_ADMIN_LO:
	case VGPU_REG_ADMIN_ENTRIES:
		wide = 0;
		break;
	default:
		goto narrow;
	}
	*value = offset & 4 ? upper_32_bits(wide) : lower_32_bits(wide);
	return true;

narrow:
	switch (offset) {
	case VGPU_REG_IRQ_STATUS:
		*value = READ_ONCE(c->irq_status);
		return true;
	case VGPU_REG_IRQ_MASK:
		*value = READ_ONCE(c->irq_mask);
		return true;
	case VGPU_REG_SCRATCH:
		*value = READ_ONCE(c->scratch);
		return true;
	}
	if (offset < VGPU_REG_ERR_STATUS || offset > VGPU_REG_ERR_CLEAR)
		return false;
	*value = vgpu_fn_error_read(c, offset);
	return true;
}

static u32 vgpu_fn_register_read(struct vgpu_fn_client *c, u32 offset)
{
	u32 value;

	if (vgpu_fn_own_register(c, offset, &value))
		return value;
	return readl(c->fn->bar0 + offset);
}

static void vgpu_fn_register_write(struct vgpu_fn_client *c, u32 offset,
				   u32 value)
{
	u32 again = 0;

	spin_lock_irq(&c->irq_lock);
	switch (offset) {
	case VGPU_REG_IRQ_MASK:
		/* What was raised meanwhile comes now. */
		again = c->irq_status & c->irq_mask & ~value;
		c->irq_mask = value;
		break;
	case VGPU_REG_IRQ_ACK:
		c->irq_status &= ~value;
		break;
	case VGPU_REG_SCRATCH:
		c->scratch = value;
		break;
	case VGPU_REG_ERR_CLEAR:
		memset(&c->error, 0, sizeof(c->error));
		break;
	}
	spin_unlock_irq(&c->irq_lock);
	if (again)
		vgpu_fn_event(c, again);
}

VGPU_FN_IOCTL(register)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_register *args = data;
	int idx, ret = vgpu_register_check(args);

	if (ret)
		return ret;
	if (!drm_dev_enter(dev, &idx))
		return -ENODEV;
	/* What happened before is in the record now. */
	if (args->offset >= VGPU_REG_ERR_STATUS &&
	    args->offset <= VGPU_REG_ERR_CLEAR)
		vgpu_fn_error_look(c->fn);
	if (args->flags & DRM_VGPU_REGISTER_WRITE) {
		vgpu_fn_register_write(c, args->offset, args->value);
	} else {
		/* Of two halves the lower first: the clock has to be. */
		args->value = vgpu_fn_register_read(c, args->offset);
		if (args->bytes == 8)
			args->value |= (u64)vgpu_fn_register_read(c,
						args->offset + 4) << 32;
	}
	drm_dev_exit(idx);
	return 0;
}

VGPU_FN_IOCTL(event)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_event *args = data;
	struct eventfd_ctx *ctx = NULL;
	u32 i, first, last;
	int ret = vgpu_event_check(args, &first, &last);

	for (i = first; i <= last && !ret; i++) {
		if (args->fd >= 0)
			ctx = eventfd_ctx_fdget(args->fd);
		ret = PTR_ERR_OR_ZERO(ctx);
		if (!ret)
			vgpu_fn_set_eventfd(c, i, ctx);
	}
	return ret;
}

VGPU_FN_IOCTL(wait)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_wait *args = data;
	int ret;

	/*
	 * The device does not tell of what nobody waits for: what has happened
	 * since somebody looked, or an interrupt when it does.
	 */
	if (vgpu_fn_events(c) == args->events && vgpu_fn_rings_arm(c))
		vgpu_fn_event(c, 0);
	ret = wait_event_interruptible_hrtimeout(c->changed,
		vgpu_fn_events(c) != args->events || vgpu_fn_lost(c),
		vgpu_time_left(args->deadline_ns));
	if (vgpu_fn_lost(c))
		return -ENODEV;
	/* A call that is made again still waits for what comes after that. */
	if (ret != -ERESTARTSYS)
		args->events = vgpu_fn_events(c);
	return ret;
}
