// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Clients of the render node: their devices, and what concerns a whole device.
 */
#include <linux/eventfd.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_file.h>

#include "drm.h"
#include "gpu.h"
#include "tenant.h"

#define VGPU_CLIENT_FEATURES	(VGPU_FEATURE_TIMES | VGPU_FEATURE_COMPACT)

const struct vgpu_model_config vgpu_client_config = {
	.features = VGPU_CLIENT_FEATURES,
	.bank_shift = 30,
	.subdevice = VGPU_PCI_SUBDEVICE_GPU,
	.max_contexts = 1023,
	.max_objects = 16383,
	.max_mappings = 16383,
	.max_rings = 1023,
	.max_counters = 1023,
	.max_kernels = 255,
	.max_jobs = 255,
	.max_entries = VGPU_RING_MAX_ENTRIES,
};

int vgpu_client_open(struct drm_device *dev, struct drm_file *file)
{
	static atomic_t numbers;
	struct vgpu_client *client;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;
	client->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!client->page) {
		kfree(client);
		return -ENOMEM;
	}
	client->gpu = to_vgpu_gpu(dev);
	client->number = atomic_inc_return(&numbers);
	mutex_init(&client->lock);
	file->driver_priv = client;
	return 0;
}

void vgpu_client_close(struct drm_device *dev, struct drm_file *file)
{
	struct vgpu_client *client = file->driver_priv;

	if (client->tenant)
		vgpu_tenant_close(client->tenant);
	/* Somebody may have it mapped still. */
	put_page(virt_to_page(client->page));
	kfree(client);
}

struct vgpu_tenant *vgpu_client_peek(struct vgpu_client *client)
{
	/* Pairs with the release in vgpu_client_make(). */
	return smp_load_acquire(&client->tenant);
}

/* Under the client's lock, when there is none yet. */
static int vgpu_client_make(struct vgpu_client *client, u64 vram_bytes)
{
	struct vgpu_model_config config = vgpu_client_config;
	struct vgpu_tenant *t;

	config.vram_bytes = vram_bytes ? vram_bytes : client->gpu->vram_bytes;
	config.account = &client->gpu->account;
	config.launch_timeout_ns = vgpu_launch_timeout_ns();
	t = vgpu_tenant_create(client->gpu, &config, client->page);
	if (IS_ERR(t))
		return PTR_ERR(t);
	/* Pairs with the acquire in vgpu_client_peek(). */
	smp_store_release(&client->tenant, t);
	return 0;
}

struct vgpu_tenant *vgpu_client_tenant(struct drm_file *file)
{
	struct vgpu_client *client = file->driver_priv;
	struct vgpu_tenant *t = vgpu_client_peek(client);
	int ret = 0;

	if (t)
		return t;
	mutex_lock(&client->lock);
	if (!client->tenant)
		ret = vgpu_client_make(client, 0);
	mutex_unlock(&client->lock);
	return ret ? ERR_PTR(ret) : client->tenant;
}

VGPU_IOCTL(client_init)
{
	struct vgpu_client *client = file->driver_priv;
	struct drm_vgpu_client_init *args = data;
	int ret;

	if (args->flags || !PAGE_ALIGNED(args->vram_bytes) ||
	    args->vram_bytes > client->gpu->vram_bytes)
		return -EINVAL;
	mutex_lock(&client->lock);
	ret = client->tenant ? -EBUSY :
			       vgpu_client_make(client, args->vram_bytes);
	mutex_unlock(&client->lock);
	return ret;
}

VGPU_IOCTL(client_limit)
{
	struct drm_vgpu_client_limit *args = data;
	struct vgpu_tenant *t = vgpu_client_tenant(file);
	int ret;

	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	ret = vgpu_model_set_limit(t->m, args->bytes);
	vgpu_tenant_unlock(t);
	return ret;
}

VGPU_IOCTL(client_reset)
{
	struct drm_vgpu_client_reset *args = data;
	struct vgpu_tenant *t;

	if (args->flags)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	vgpu_model_clear(t->m);
	vgpu_tenant_unlock(t);
	/* What was there has no memory any more. */
	return vgpu_tenant_settle(t, vgpu_tenant_idle, 0, true);
}

VGPU_IOCTL(register)
{
	struct drm_vgpu_register *args = data;
	int ret = vgpu_register_check(args);
	struct vgpu_tenant *t;

	if (ret)
		return ret;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	if (args->flags & DRM_VGPU_REGISTER_WRITE) {
		vgpu_model_bar0_write(t->m, args->offset, args->bytes,
				      args->value);
		/* An interrupt that was masked may go out now. */
		vgpu_tenant_run(t);
	} else {
		args->value = vgpu_model_bar0_read(t->m, args->offset,
						   args->bytes, ktime_get_ns());
	}
	vgpu_tenant_unlock(t);
	return 0;
}

VGPU_IOCTL(event)
{
	struct drm_vgpu_event *args = data;
	struct vgpu_tenant *t;
	u32 i, first, last;
	int ret = vgpu_event_check(args, &first, &last);

	if (ret)
		return ret;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	for (i = first; i <= last && !ret; i++)
		ret = vgpu_tenant_set_eventfd(t, i, args->fd);
	return ret;
}

VGPU_IOCTL(wait)
{
	struct drm_vgpu_wait *args = data;
	struct vgpu_tenant *t = vgpu_client_tenant(file);
	int ret;

	if (IS_ERR(t))
		return PTR_ERR(t);
	ret = wait_event_interruptible_hrtimeout(t->changed,
		vgpu_tenant_events(t) != args->events,
		vgpu_time_left(args->deadline_ns));
	/* A call that is made again still waits for what comes after that. */
	if (ret != -ERESTARTSYS)
		args->events = vgpu_tenant_events(t);
	return ret;
}
