// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rings of a client.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_file.h>

#include "bo.h"
#include "drm.h"
#include "sysmem.h"
#include "tenant.h"

/*
 * Where the kernel sees a ring's memory; the model's object keeps its pages.  Not
 * by the object, which another thread may close meanwhile.
 */
static void *vgpu_ring_map(struct vgpu_bo *bo, u64 bytes)
{
	struct page **pages = bo->domain == DRM_VGPU_DOMAIN_SYSTEM ?
			      bo->shmem.pages : bo->pinned.pages;

	/* VRAM of somebody else, and memory that has a mapping already. */
	if (!pages || bytes > bo->shmem.base.size)
		return ERR_PTR(-EINVAL);
	return vmap(pages, DIV_ROUND_UP(bytes, PAGE_SIZE), VM_MAP,
		    PAGE_KERNEL) ?: ERR_PTR(-ENOMEM);
}

static int vgpu_ring_make(struct vgpu_tenant *t, struct vgpu_bo *bo,
			  struct drm_vgpu_ring_create *args)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = {
			args->context, 0,
			args->sq_entries | (u64)args->cq_entries << 32,
			args->flags | (u64)args->priority << 32 |
				(u64)args->vector << 40,
			args->counter,
		},
	};
	struct vgpu_ring_memory *r;
	u64 result[2];
	int ret;

	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	ret = vgpu_bo_object(bo, t, &r->object);
	if (ret)
		goto err_free;
	r->vaddr = vgpu_ring_map(bo, VGPU_RING_BYTES((u64)args->sq_entries,
						     (u64)args->cq_entries));
	if (IS_ERR(r->vaddr)) {
		ret = PTR_ERR(r->vaddr);
		goto err_free;
	}
	cmd.op[1] = r->object;
	ret = vgpu_tenant_admin(t, &cmd, result);
	if (ret)
		goto err_unmap;
	r->ring = result[0];
	r->vector = args->vector;
	r->mapped = true;
	r->poll_ns = (u64)args->poll_us * NSEC_PER_USEC;
	args->ring = r->ring;
	ret = vgpu_tenant_ring_add(t, r);
	if (!ret)
		return 0;
	cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_DESTROY, r->ring, 0);
	vgpu_tenant_admin(t, &cmd, result);
	args->ring = 0;
err_unmap:
	vunmap(r->vaddr);
err_free:
	kfree(r);
	return ret;
}

VGPU_IOCTL(ring_create)
{
	struct drm_vgpu_ring_create *args = data;
	struct vgpu_tenant *t;
	struct vgpu_bo *bo;
	int ret = vgpu_ring_create_check(args);

	if (ret)
		return ret;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	bo = vgpu_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM)
		ret = -EINVAL;
	else if (bo->read_only)
		ret = -EACCES;
	else
		ret = vgpu_ring_make(t, bo, args);
	vgpu_bo_used(file, args->handle, bo);
	return ret;
}

/* An admin command for a ring that is the client's, and not the kernel's own. */
static int vgpu_ring_admin(struct vgpu_tenant *t, u32 ring,
			   const struct vgpu_cmd *cmd, u64 result[2])
{
	struct vgpu_ring_memory *r;
	bool own;

	mutex_lock(&t->lock);
	r = xa_load(&t->rings, ring);
	own = r && !r->queue;
	vgpu_tenant_unlock(t);
	/* An id does not become another ring's so soon. */
	return own ? vgpu_tenant_admin(t, cmd, result) : -ENOENT;
}

static bool vgpu_ring_gone(struct vgpu_tenant *t, u64 ring)
{
	return !xa_load(&t->rings, ring);
}

VGPU_IOCTL(ring_destroy)
{
	struct drm_vgpu_ring_destroy *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_DESTROY,
					     args->ring, 0);
	struct vgpu_tenant *t;
	u64 result[2];
	int ret;

	if (args->pad)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	ret = vgpu_ring_admin(t, args->ring, &cmd, result);
	if (ret)
		return ret;
	/* Items that are out come first, which may be 32 long copies. */
	return vgpu_tenant_settle(t, vgpu_ring_gone, args->ring, true);
}

VGPU_IOCTL(ring_control)
{
	struct drm_vgpu_ring_control *args = data;
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_CONTROL,
					     args->ring, args->what);
	struct vgpu_tenant *t = vgpu_client_tenant(file);
	u64 result[2];

	if (IS_ERR(t))
		return PTR_ERR(t);
	return vgpu_ring_admin(t, args->ring, &cmd, result);
}

/* Under the lock. */
static int vgpu_ring_figures(struct vgpu_tenant *t, u32 ring, u64 figures[2])
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_INFO, ring, 0);

	return vgpu_model_admin(t->m, &cmd, figures);
}

VGPU_IOCTL(ring_info)
{
	struct drm_vgpu_ring_info *args = data;
	struct vgpu_tenant *t;
	u64 figures[2];
	int ret;

	if (args->state || args->taken || args->completed)
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	mutex_lock(&t->lock);
	ret = vgpu_ring_figures(t, args->ring, figures);
	if (!ret)
		args->state = vgpu_model_ring_state(t->m, args->ring);
	vgpu_tenant_unlock(t);
	if (ret)
		return ret;
	args->taken = figures[0];
	args->completed = figures[1];
	return 0;
}

/* Whether the ring has completed so much: 1, 0, or -ENODEV. */
static int vgpu_ring_reached(struct vgpu_tenant *t, struct drm_vgpu_kick *args,
			     u64 target, u64 *seen)
{
	u64 figures[2];
	int ret = -ENODEV;

	mutex_lock(&t->lock);
	*seen = t->page->events;
	if (!vgpu_ring_figures(t, args->ring, figures)) {
		args->completed = figures[1];
		if (figures[1] >= target)
			ret = 1;
		else if (vgpu_model_ring_state(t->m, args->ring) !=
			 VGPU_RING_ERROR)
			ret = 0;
	}
	vgpu_tenant_unlock(t);
	return ret;
}

static int vgpu_kick_wait(struct vgpu_tenant *t, struct drm_vgpu_kick *args)
{
	u64 seen, target = args->completed;
	int ret;

	for (;;) {
		ret = vgpu_ring_reached(t, args, target, &seen);
		if (ret)
			return ret < 0 ? ret : 0;
		ret = wait_event_interruptible_hrtimeout(t->changed,
			vgpu_tenant_events(t) != seen,
			vgpu_time_left(args->deadline_ns));
		if (ret) {
			args->completed = target;	/* for a restart */
			return ret;
		}
	}
}

VGPU_IOCTL(kick)
{
	struct drm_vgpu_kick *args = data;
	struct vgpu_tenant *t;
	int ret;

	if (args->flags & ~DRM_VGPU_KICK_WAIT)
		return -EINVAL;
	if (!args->flags && (args->completed || args->deadline_ns))
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	ret = vgpu_tenant_kick(t, args->ring);
	if (!ret && args->flags & DRM_VGPU_KICK_WAIT)
		ret = vgpu_kick_wait(t, args);
	return ret;
}
