// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rings of a function's clients.
 *
 * A program and the device talk through a ring's memory; the kernel looks at it
 * only to have an interrupt sent to whoever waits.  What it reads there the
 * program may have written: it decides nothing but when that program wakes up.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "bo.h"
#include "function.h"

/* Completions that are looked at in one go. */
#define VGPU_FN_LOOKS		4096u
/* Who waits for a ring looks again after so long, whatever was overwritten. */
#define VGPU_FN_RING_LOOK_NS	(50 * NSEC_PER_MSEC)

static void vgpu_fn_ring_free(struct vgpu_fn_ring *r)
{
	vunmap(r->view.hdr);
	vgpu_fn_bo_put(r->bo);
	kfree(r);
}

/* The vectors that the client's rings have.  Under its lock. */
static void vgpu_fn_ring_vectors(struct vgpu_fn_client *c)
{
	struct vgpu_fn_ring *r;
	unsigned long i;
	u32 vectors = 0;

	xa_for_each(&c->rings, i, r)
		if (!r->queue)
			vectors |= 1u << r->vector;
	WRITE_ONCE(c->vectors, vectors);
}

static void vgpu_fn_ring_count(struct vgpu_fn_client *c, u32 ring,
			       u64 figures[2])
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_INFO, ring, 0);

	if (vgpu_fn_admin(c->fn, &cmd, figures)) {
		figures[0] = 0;
		figures[1] = 0;
	}
}

void vgpu_fn_rings_count(struct vgpu_fn_client *c, u64 *taken, u64 *completed)
{
	struct vgpu_fn_ring *r;
	unsigned long i;
	u64 figures[2];

	*taken = c->ended;
	*completed = c->ended;
	xa_for_each(&c->rings, i, r) {
		vgpu_fn_ring_count(c, r->id, figures);
		*taken += figures[0];
		*completed += min(figures[0], figures[1]);
	}
}

static void vgpu_fn_ring_gone(struct vgpu_fn_client *c, struct vgpu_fn_ring *r)
{
	mutex_lock(&c->rings_lock);
	xa_erase(&c->rings, r->id);
	mutex_unlock(&c->rings_lock);
	if (r->queue)
		vgpu_fn_queue_end(r->queue);
	vgpu_fn_ring_free(r);
}

void vgpu_fn_rings_end(struct vgpu_fn_client *c, u32 context)
{
	struct vgpu_fn_ring *r;
	unsigned long i;
	u64 figures[2];

	xa_for_each(&c->rings, i, r) {
		if (r->context != context)
			continue;
		vgpu_fn_ring_count(c, r->id, figures);
		c->ended += figures[0];
	}
}

void vgpu_fn_rings_gone(struct vgpu_fn_client *c, u32 context)
{
	struct vgpu_fn_ring *r;
	unsigned long i;

	xa_for_each(&c->rings, i, r)
		if (r->context == context)
			vgpu_fn_ring_gone(c, r);
	vgpu_fn_ring_vectors(c);
}

/*
 * What was completed since anybody looked; if nothing, the next one comes with
 * an interrupt.  Under @rings_lock.
 */
static bool vgpu_fn_ring_arm(struct vgpu_fn_ring *r, u32 *looks)
{
	u64 head = READ_ONCE(r->view.hdr->cq_head) & ~VGPU_RING_CQ_STALLED;
	struct vgpu_completion *slot;
	u64 pos = r->pos;

	/* Others have read more than that, and the slot may be of another lap. */
	if ((s64)(head - r->pos) > 0)
		r->pos = head;
	slot = vgpu_ring_cslot(&r->view, r->pos);
	/* Pairs with the exchange in vgpu_ring_complete(). */
	while (*looks && vgpu_ring_load_acquire(&slot->seq) ==
			 vgpu_ring_seq(r->pos)) {
		(*looks)--;
		slot = vgpu_ring_cslot(&r->view, ++r->pos);
	}
	if (r->pos != pos)
		return true;
	/* One that nobody has read yet is not to be marked. */
	if (r->pos - head >= r->view.cq_entries)
		return false;
	return !vgpu_ring_mark_seq(&slot->seq, r->pos);
}

bool vgpu_fn_rings_arm(struct vgpu_fn_client *c)
{
	u32 looks = VGPU_FN_LOOKS;
	struct vgpu_fn_ring *r;
	unsigned long i;
	bool any = false;

	mutex_lock(&c->rings_lock);
	xa_for_each(&c->rings, i, r)
		if (!r->queue)
			any |= vgpu_fn_ring_arm(r, &looks);
	mutex_unlock(&c->rings_lock);
	return any || !looks;
}

/* The kernel's view of the memory of a ring that is to be made. */
static int vgpu_fn_ring_view(struct vgpu_fn_ring *r, struct vgpu_fn_bo *bo,
			     const struct drm_vgpu_ring_create *args)
{
	u64 bytes = VGPU_RING_BYTES((u64)args->sq_entries,
				    (u64)args->cq_entries);
	struct page **pages = vgpu_fn_bo_pages(bo);
	void *vaddr;

	if (!pages || bytes > bo->shmem.base.size)
		return -EINVAL;
	if (bo->read_only)
		return -EACCES;
	vaddr = vmap(pages, DIV_ROUND_UP(bytes, PAGE_SIZE), VM_MAP,
		     PAGE_KERNEL);
	if (!vaddr)
		return -ENOMEM;
	vgpu_ring_attach(&r->view, vaddr, args->sq_entries, args->cq_entries);
	r->pos = args->cq_entries;
	r->context = args->context;
	r->vector = args->vector;
	r->bo = bo;
	vgpu_fn_bo_get(bo);
	return 0;
}

/* Under the client's lock. */
static int vgpu_fn_ring_make(struct vgpu_fn_client *c, struct vgpu_fn_bo *bo,
			     const struct drm_vgpu_ring_create *args,
			     struct vgpu_fn_ring *r)
{
	const u64 vector = c->vector - c->fn->vectors;
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = {
			args->context, 0,
			args->sq_entries | (u64)args->cq_entries << 32,
			args->flags | (u64)args->priority << 32 | vector << 40,
			args->counter,
			(u64)args->poll_us * NSEC_PER_USEC,
		},
	};
	u64 result[2];
	u32 object;
	int ret;

	if (!vgpu_fn_context(c, args->context) ||
	    (args->counter && !xa_load(&c->counters, args->counter)))
		return -ENOENT;
	ret = vgpu_fn_bo_object(bo, &object);
	if (ret)
		return ret;
	cmd.op[1] = object;
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (ret)
		return ret;
	r->id = result[0];
	ret = -EBUSY;
	if (result[0] && result[0] <= U32_MAX) {
		mutex_lock(&c->rings_lock);
		ret = xa_insert(&c->rings, r->id, r, GFP_KERNEL_ACCOUNT);
		mutex_unlock(&c->rings_lock);
	}
	if (!ret)
		return 0;
	if (ret == -EBUSY) {
		vgpu_fn_give_up(c->fn, c->epoch, "has given a bad id");
		return -ENODEV;
	}
	cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_DESTROY, r->id, 0);
	if (vgpu_fn_admin(c->fn, &cmd, result))
		vgpu_fn_give_up(c->fn, c->epoch, "does not destroy a ring");
	return ret;
}

struct vgpu_fn_ring *vgpu_fn_ring_add(struct vgpu_fn_client *c,
				      struct vgpu_fn_bo *bo,
				      const struct drm_vgpu_ring_create *args,
				      struct vgpu_fn_queue *q)
{
	struct vgpu_fn_ring *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->queue = q;
	ret = vgpu_fn_ring_view(r, bo, args);
	if (ret) {
		kfree(r);
		return ERR_PTR(ret);
	}
	ret = vgpu_fn_ring_make(c, bo, args, r);
	if (ret) {
		vgpu_fn_ring_free(r);
		return ERR_PTR(ret);
	}
	vgpu_fn_ring_vectors(c);
	return r;
}

VGPU_FN_IOCTL(ring_create)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_ring_create *args = data;
	struct vgpu_fn_ring *r;
	struct vgpu_fn_bo *bo;
	int ret = vgpu_ring_create_check(args);

	if (ret)
		return ret;
	if (args->poll_us && !(c->fn->features & VGPU_FEATURE_POLL))
		return -EOPNOTSUPP;
	bo = vgpu_fn_bo_lookup(file, args->handle);
	if (!bo)
		return -ENOENT;
	mutex_lock(&c->lock);
	r = vgpu_fn_ring_add(c, bo, args, NULL);
	if (IS_ERR(r))
		ret = PTR_ERR(r);
	else
		args->ring = r->id;
	mutex_unlock(&c->lock);
	vgpu_fn_bo_put(bo);
	return ret;
}

/* One that the client can name, or NULL.  Under a lock of the rings. */
static struct vgpu_fn_ring *vgpu_fn_ring(struct vgpu_fn_client *c, u32 id)
{
	struct vgpu_fn_ring *r = xa_load(&c->rings, id);

	return r && !r->queue ? r : NULL;
}

void vgpu_fn_ring_remove(struct vgpu_fn_client *c, struct vgpu_fn_ring *r)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_DESTROY, r->id, 0);
	u64 result[2];

	vgpu_fn_ring_count(c, r->id, result);
	c->ended += result[0];
	if (vgpu_fn_admin(c->fn, &cmd, result))
		vgpu_fn_give_up(c->fn, c->epoch, "does not destroy a ring");
	vgpu_fn_ring_gone(c, r);
	vgpu_fn_ring_vectors(c);
}

VGPU_FN_IOCTL(ring_destroy)
{
	struct drm_vgpu_ring_destroy *args = data;
	struct vgpu_fn_client *c = file->driver_priv;
	struct vgpu_fn_ring *r;

	if (args->pad)
		return -EINVAL;
	mutex_lock(&c->lock);
	r = vgpu_fn_ring(c, args->ring);
	if (r)
		vgpu_fn_ring_remove(c, r);
	mutex_unlock(&c->lock);
	if (!r)
		return -ENOENT;
	vgpu_fn_event(c, 0);
	return 0;
}

VGPU_FN_IOCTL(ring_control)
{
	struct drm_vgpu_ring_control *args = data;
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_CONTROL, args->ring,
					  args->what);
	struct vgpu_fn_client *c = file->driver_priv;
	struct vgpu_fn_ring *r;
	bool anew = false;
	u64 result[2];
	int ret = -ENOENT;

	mutex_lock(&c->lock);
	r = vgpu_fn_ring(c, args->ring);
	if (r) {
		/* Of a ring that was broken positions begin again. */
		anew = args->what == VGPU_RING_RESET &&
		       READ_ONCE(r->view.hdr->state) == VGPU_RING_ERROR;
		ret = vgpu_fn_admin(c->fn, &cmd, result);
	}
	if (!ret && anew) {
		mutex_lock(&c->rings_lock);
		r->pos = r->view.cq_entries;
		mutex_unlock(&c->rings_lock);
	}
	mutex_unlock(&c->lock);
	if (!ret)
		vgpu_fn_event(c, 0);
	return ret;
}

/*
 * What the device says of a ring, and what its header says of its state, which
 * is a hint: the program may have written it.
 */
static int vgpu_fn_ring_figures(struct vgpu_fn_client *c, u32 ring,
				u64 figures[2], u32 *state)
{
	struct vgpu_cmd cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_INFO, ring, 0);
	struct vgpu_fn_ring *r;
	int ret = -ENOENT;

	mutex_lock(&c->lock);
	r = vgpu_fn_ring(c, ring);
	if (r) {
		ret = vgpu_fn_admin(c->fn, &cmd, figures);
		*state = READ_ONCE(r->view.hdr->state);
	}
	mutex_unlock(&c->lock);
	return ret;
}

VGPU_FN_IOCTL(ring_info)
{
	struct drm_vgpu_ring_info *args = data;
	u64 figures[2];
	int ret;

	if (args->state || args->taken || args->completed)
		return -EINVAL;
	ret = vgpu_fn_ring_figures(file->driver_priv, args->ring, figures,
				   &args->state);
	if (ret) {
		args->state = 0;
		return ret;
	}
	args->taken = figures[0];
	args->completed = figures[1];
	return 0;
}

void vgpu_fn_ring_doorbell(struct vgpu_function *fn,
			   const struct vgpu_fn_ring *r)
{
	int idx;

	if (!drm_dev_enter(&fn->drm, &idx))
		return;
	writel(r->id, fn->bar0 + VGPU_BAR0_DOORBELLS +
		      (r->context & U16_MAX) * VGPU_DOORBELL_PAGE);
	drm_dev_exit(idx);
}

static int vgpu_fn_doorbell(struct vgpu_fn_client *c, u32 ring)
{
	struct vgpu_fn_ring *r;

	mutex_lock(&c->rings_lock);
	r = vgpu_fn_ring(c, ring);
	if (r)
		vgpu_fn_ring_doorbell(c->fn, r);
	mutex_unlock(&c->rings_lock);
	return r ? 0 : -ENOENT;
}

/* Whether the ring has completed so much: 1, 0, or a negative errno. */
static int vgpu_fn_ring_reached(struct vgpu_fn_client *c,
				struct drm_vgpu_kick *args, u64 target)
{
	u64 figures[2];
	u32 state;
	int ret;

	ret = vgpu_fn_ring_figures(c, args->ring, figures, &state);
	if (ret)
		return -ENODEV;
	args->completed = figures[1];
	if (figures[1] >= target)
		return 1;
	return state == VGPU_RING_ERROR ? -ENODEV : 0;
}

static int vgpu_fn_kick_wait(struct vgpu_fn_client *c,
			     struct drm_vgpu_kick *args)
{
	u64 seen, target = args->completed;
	ktime_t left;
	int ret;

	for (;;) {
		seen = vgpu_fn_events(c);
		ret = vgpu_fn_ring_reached(c, args, target);
		if (ret)
			return ret < 0 ? ret : 0;
		left = vgpu_time_left(args->deadline_ns);
		if (left && vgpu_fn_rings_arm(c)) {
			/* Others may wait for what was found. */
			vgpu_fn_event(c, 0);
			if (!signal_pending(current))
				continue;
		}
		ret = wait_event_interruptible_hrtimeout(c->changed,
			vgpu_fn_events(c) != seen || vgpu_fn_lost(c),
			min_t(ktime_t, left, VGPU_FN_RING_LOOK_NS));
		if (ret == -ETIME && left > VGPU_FN_RING_LOOK_NS)
			continue;
		if (ret) {
			args->completed = target;	/* for a restart */
			return ret;
		}
	}
}

VGPU_FN_IOCTL(kick)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_kick *args = data;
	int ret;

	if (args->flags & ~DRM_VGPU_KICK_WAIT)
		return -EINVAL;
	if (!args->flags && (args->completed || args->deadline_ns))
		return -EINVAL;
	atomic64_inc(&c->kicks);
	ret = vgpu_fn_doorbell(c, args->ring);
	if (!ret && args->flags & DRM_VGPU_KICK_WAIT)
		ret = vgpu_fn_kick_wait(c, args);
	return ret;
}
