// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * DRM_IOCTL_VGPU_SUBMIT on a function: commands that the driver puts into a ring
 * of its own for a context, when what they wait for has been signalled.
 *
 * DOC: Fences of a function
 *
 * Others may wait for our fences where they must not wait for much.  So what is
 * between publishing one and signalling it takes no memory: the ring is there,
 * and the work runs on a queue that has a thread for bad times.  A fence waits
 * for other fences and for the device, and for that not for ever: a device that
 * completes nothing for VGPU_FN_FENCE_PATIENCE is given up.
 *
 * Whenever a device is stopped or given up, all fences end with ENODEV; they do
 * when it has been reset, so that nothing is written after them any more.
 *
 * The ring is among the client's, which cannot name it.  The device interrupts
 * at the end of each submission, and if that interrupt gets lost the work looks
 * nevertheless.
 */
#include <linux/dma-fence.h>
#include <linux/jiffies.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "bo.h"
#include "function.h"
#include "kernel/submit.h"

/*
 * The device says what it has taken each quarter of the ring: this is enough for
 * a submission to have room when all before it have ended.
 */
#define VGPU_FN_QUEUE_ENTRIES	(2 * VGPU_MAX_SUBMIT)
#define VGPU_FN_QUEUE_BYTES	\
	PAGE_ALIGN(VGPU_RING_BYTES(VGPU_FN_QUEUE_ENTRIES, VGPU_FN_QUEUE_ENTRIES))

/* One copy may be long, and the host give this machine a hundredth of a GPU. */
#define VGPU_FN_FENCE_PATIENCE	(120 * HZ)
/* Without an interrupt for so long completions are looked for. */
#define VGPU_FN_FENCE_LOOK	(HZ / 2)

/**
 * struct vgpu_fn_queue - the driver's ring of a context
 * @client: whose; what follows is protected by &vgpu_function.queues_lock
 * @ring: the ring
 * @reaper: of its completions
 * @waiting: submissions that are not in the ring, in order
 * @inside: those that are
 * @moved: when something was put into the ring or came out of it
 * @fence_context: of the fences
 * @seqno: of the last one
 * @node: in &vgpu_function.queues
 */
struct vgpu_fn_queue {
	struct vgpu_fn_client *client;
	struct vgpu_fn_ring *ring;
	struct vgpu_ring_reaper reaper;
	struct list_head waiting;
	struct list_head inside;
	unsigned long moved;
	u64 fence_context;
	u64 seqno;
	struct list_head node;
};

/* All of these under the lock of the queues. */

static void vgpu_fn_queue_ended(struct vgpu_fn_queue *q,
				struct vgpu_submission *s, int error)
{
	struct vgpu_function *fn = q->client->fn;

	WRITE_ONCE(fn->fences, fn->fences - 1);
	vgpu_submission_end(s, error);
}

static void vgpu_fn_queue_drop(struct vgpu_fn_queue *q, int error)
{
	struct vgpu_submission *s, *next;

	list_for_each_entry_safe(s, next, &q->inside, node)
		vgpu_fn_queue_ended(q, s, error);
	list_for_each_entry_safe(s, next, &q->waiting, node)
		vgpu_fn_queue_ended(q, s, error);
}

/* An errno, whatever the device says. */
static int vgpu_fn_believe(s32 status)
{
	return status > 0 || status < -MAX_ERRNO ? -EIO : status;
}

static void vgpu_fn_queue_reap(struct vgpu_fn_queue *q)
{
	struct vgpu_completion done;
	struct vgpu_submission *s;

	while (!list_empty(&q->inside) &&
	       vgpu_ring_reap(&q->reaper, &done, 1)) {
		/*
		 * By a reset, which lets memory be written for a while?  That is
		 * begun after the client is lost: what was read is looked at
		 * before that is.
		 */
		if (vgpu_fn_lost(q->client))
			return;
		q->moved = jiffies;
		s = list_first_entry(&q->inside, struct vgpu_submission, node);
		if (vgpu_submission_count(s, vgpu_fn_believe(done.status)))
			vgpu_fn_queue_ended(q, s, s->error);
	}
}

/*
 * Put what is ready into the ring, in order, as far as there is room.  False:
 * there is none, though there has to be.
 */
static bool vgpu_fn_queue_fill(struct vgpu_fn_queue *q, bool *doorbell)
{
	struct vgpu_submission *s, *next;
	bool ring;

	list_for_each_entry_safe(s, next, &q->waiting, node) {
		if (!vgpu_submission_ready(s))
			break;
		if (!vgpu_ring_submit_single(&q->ring->view, s->cmds, s->n,
					     s->n, &ring))
			return !list_empty(&q->inside);
		if (list_empty(&q->inside))
			q->moved = jiffies;
		list_move_tail(&s->node, &q->inside);
		*doorbell |= ring;
	}
	return true;
}

/* See what has ended, and what can begin.  False: the device is broken. */
static bool vgpu_fn_queue_step(struct vgpu_fn_queue *q)
{
	bool doorbell = false, ok;

	/* Whoever stops the device ends what is in here. */
	if (vgpu_fn_lost(q->client))
		return true;
	vgpu_fn_queue_reap(q);
	doorbell = vgpu_ring_reap_release(&q->reaper);
	ok = vgpu_fn_queue_fill(q, &doorbell);
	if (doorbell)
		vgpu_fn_ring_doorbell(q->client->fn, q->ring);
	return ok && (list_empty(&q->inside) ||
		      time_before(jiffies, q->moved + VGPU_FN_FENCE_PATIENCE));
}

/*
 * Fences are signalled under it, so that nothing may be done under it for which a
 * fence must not wait.  Lock checking is told so before it is taken, everywhere: in
 * one order.
 */
static bool vgpu_fn_queues_lock(struct vgpu_function *fn)
{
	bool cookie = dma_fence_begin_signalling();

	mutex_lock(&fn->queues_lock);
	return cookie;
}

static void vgpu_fn_queues_unlock(struct vgpu_function *fn, bool cookie)
{
	mutex_unlock(&fn->queues_lock);
	dma_fence_end_signalling(cookie);
}

static void vgpu_fn_fence_work(struct work_struct *work)
{
	struct vgpu_function *fn = container_of(to_delayed_work(work),
						struct vgpu_function,
						fence_work);
	bool ok = true, cookie = vgpu_fn_queues_lock(fn);
	struct vgpu_fn_queue *q;
	u32 epoch;

	epoch = READ_ONCE(fn->epoch);
	list_for_each_entry(q, &fn->queues, node)
		ok &= vgpu_fn_queue_step(q);
	if (fn->fences)
		queue_delayed_work(fn->fence_wq, &fn->fence_work,
				   VGPU_FN_FENCE_LOOK);
	vgpu_fn_queues_unlock(fn, cookie);
	if (!ok)
		vgpu_fn_give_up(fn, epoch, "does not run commands");
}

int vgpu_fn_submit_init(struct vgpu_function *fn)
{
	mutex_init(&fn->queues_lock);
	INIT_LIST_HEAD(&fn->queues);
	INIT_DELAYED_WORK(&fn->fence_work, vgpu_fn_fence_work);
	fn->fence_wq = alloc_ordered_workqueue("vgpu-fence", WQ_MEM_RECLAIM |
					       WQ_HIGHPRI);
	return fn->fence_wq ? 0 : -ENOMEM;
}

void vgpu_fn_submit_fini(struct vgpu_function *fn)
{
	if (!fn->fence_wq)
		return;
	cancel_delayed_work_sync(&fn->fence_work);
	destroy_workqueue(fn->fence_wq);
}

void vgpu_fn_submit_look(struct vgpu_function *fn)
{
	if (READ_ONCE(fn->fences))
		mod_delayed_work(fn->fence_wq, &fn->fence_work, 0);
}

void vgpu_fn_submit_lost(struct vgpu_function *fn)
{
	bool cookie = vgpu_fn_queues_lock(fn);
	struct vgpu_fn_queue *q;

	list_for_each_entry(q, &fn->queues, node)
		vgpu_fn_queue_drop(q, -ENODEV);
	vgpu_fn_queues_unlock(fn, cookie);
}

/* &vgpu_submission.poke */
static void vgpu_fn_queue_poke(void *owner)
{
	struct vgpu_function *fn = owner;

	mod_delayed_work(fn->fence_wq, &fn->fence_work, 0);
}

/* Queues come and go.  These under the client's lock. */

void vgpu_fn_queue_end(struct vgpu_fn_queue *q)
{
	struct vgpu_fn_client *c = q->client;
	bool cookie;

	/* If it is being reset, then wait until it has been. */
	if (vgpu_fn_lost(c))
		vgpu_fn_give_up(c->fn, c->epoch, NULL);
	cookie = vgpu_fn_queues_lock(c->fn);
	list_del(&q->node);
	/* The device has ended what it had taken, and says how. */
	vgpu_fn_queue_reap(q);
	vgpu_fn_queue_drop(q, -ECANCELED);
	vgpu_fn_queues_unlock(c->fn, cookie);
	kfree(q);
}

static struct vgpu_fn_ring *vgpu_fn_queue_ring(struct vgpu_fn_client *c,
					       u32 context,
					       struct vgpu_fn_queue *q)
{
	const struct drm_vgpu_ring_create args = {
		.context = context,
		.sq_entries = VGPU_FN_QUEUE_ENTRIES,
		.cq_entries = VGPU_FN_QUEUE_ENTRIES,
		.priority = VGPU_PRIORITY_NORMAL,
	};
	struct vgpu_fn_ring *r;
	struct vgpu_fn_bo *bo;

	bo = vgpu_fn_bo_make_system(c, VGPU_FN_QUEUE_BYTES);
	if (IS_ERR(bo))
		return ERR_CAST(bo);
	r = vgpu_fn_ring_add(c, bo, &args, q);
	vgpu_fn_bo_put(bo);
	return r;
}

static struct vgpu_fn_queue *vgpu_fn_queue_make(struct vgpu_fn_client *c,
						u32 context)
{
	struct vgpu_fn_queue *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	struct vgpu_fn_ring *r;
	struct vgpu_cmd cmd;
	u64 result[2];
	bool cookie;
	int ret;

	if (!q)
		return ERR_PTR(-ENOMEM);
	q->client = c;
	INIT_LIST_HEAD(&q->waiting);
	INIT_LIST_HEAD(&q->inside);
	q->fence_context = dma_fence_context_alloc(1);
	r = vgpu_fn_queue_ring(c, context, q);
	if (IS_ERR(r)) {
		kfree(q);
		return ERR_CAST(r);
	}
	q->ring = r;
	vgpu_ring_reaper_init(&q->reaper, &r->view);
	cookie = vgpu_fn_queues_lock(c->fn);
	list_add_tail(&q->node, &c->fn->queues);
	vgpu_fn_queues_unlock(c->fn, cookie);
	cmd = vgpu_fn_cmd(VGPU_ADMIN_RING_CONTROL, r->id, VGPU_RING_START);
	ret = vgpu_fn_admin(c->fn, &cmd, result);
	if (!ret)
		return q;
	/* And the queue with it. */
	vgpu_fn_ring_remove(c, r);
	return ERR_PTR(ret);
}

/* Whether a range may be written to: 0 or an errno. */
static int vgpu_fn_submit_target(struct vgpu_fn_context *ctx, u64 address,
				 u64 bytes)
{
	const struct vgpu_fn_map *map;
	u64 end;

	if (!bytes || bytes > 1ull << VGPU_ADDRESS_BITS)
		return -EINVAL;
	if (address >> VGPU_ADDRESS_BITS)
		return -EFAULT;
	for (end = address + bytes; address < end;
	     address = map->address + map->bytes) {
		map = mtree_load(&ctx->maps, vgpu_fn_map_index(address));
		if (!map)
			return -EFAULT;
		if (map->read_only)
			return -EACCES;
	}
	return 0;
}

static int vgpu_fn_submit_check(struct vgpu_fn_context *ctx,
				const struct vgpu_submission *s)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < s->n && !ret; i++)
		ret = vgpu_fn_submit_target(ctx, s->cmds[i].op[0],
					    vgpu_submit_bytes(&s->cmds[i]));
	return ret;
}

/* From here on nothing fails, and the submission is the queue's. */
static bool vgpu_fn_submit_begin(struct vgpu_fn_queue *q,
				 struct vgpu_submission *s)
{
	struct vgpu_function *fn = q->client->fn;
	bool ok;

	s->poke = vgpu_fn_queue_poke;
	s->owner = fn;
	/* It begins when all before it have ended, and its end is heard of. */
	s->cmds[0].flags |= VGPU_CMD_F_BARRIER;
	s->cmds[s->n - 1].flags |= VGPU_CMD_F_INTERRUPT;
	WRITE_ONCE(fn->fences, fn->fences + 1);
	vgpu_submission_publish(s, q->fence_context, ++q->seqno, &q->waiting);
	ok = vgpu_fn_queue_step(q);
	queue_delayed_work(fn->fence_wq, &fn->fence_work, VGPU_FN_FENCE_LOOK);
	return ok;
}

static int vgpu_fn_submit(struct vgpu_fn_client *c, u32 context,
			  struct vgpu_submission *s)
{
	struct vgpu_fn_context *ctx = vgpu_fn_context(c, context);
	bool lost, cookie, ok = true;
	int ret;

	if (!ctx)
		return -ENOENT;
	ret = vgpu_fn_submit_check(ctx, s);
	if (ret)
		return ret;
	if (!ctx->queue) {
		struct vgpu_fn_queue *q = vgpu_fn_queue_make(c, context);

		if (IS_ERR(q))
			return PTR_ERR(q);
		ctx->queue = q;
	}
	cookie = vgpu_fn_queues_lock(c->fn);
	/* Either that is seen here, or vgpu_fn_submit_lost() comes later. */
	lost = vgpu_fn_lost(c);
	if (!lost)
		ok = vgpu_fn_submit_begin(ctx->queue, s);
	vgpu_fn_queues_unlock(c->fn, cookie);
	if (!ok)
		vgpu_fn_give_up(c->fn, c->epoch, "has broken its queue");
	return lost ? -ENODEV : 0;
}

VGPU_FN_IOCTL(submit)
{
	struct vgpu_fn_client *c = file->driver_priv;
	struct drm_vgpu_submit *args = data;
	struct vgpu_submission *s;
	int ret;

	s = vgpu_submission_create(file, args);
	if (IS_ERR(s))
		return PTR_ERR(s);
	mutex_lock(&c->lock);
	ret = vgpu_fn_submit(c, args->context, s);
	mutex_unlock(&c->lock);
	if (ret)
		vgpu_submission_free(s);
	return ret;
}
