// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Submissions with fences, see queue.h.
 */
#include <linux/dma-fence.h>
#include <linux/dma-fence-chain.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>

#include "drm.h"
#include "queue.h"
#include "sysmem.h"
#include "tenant.h"

#define VGPU_QUEUE_ENTRIES	VGPU_MAX_SUBMIT
#define VGPU_QUEUE_BYTES	\
	ALIGN(VGPU_RING_BYTES(VGPU_QUEUE_ENTRIES, VGPU_QUEUE_ENTRIES), PAGE_SIZE)

/**
 * struct vgpu_queue - the kernel's ring of a context
 * @tenant: whose; all of this is protected by its lock
 * @context: context id
 * @ring: ring id
 * @r: producer's side of the ring
 * @reaper: the completions
 * @waiting: submissions that are not in the ring, in order
 * @inside: those that are
 * @fence_context: of the fences
 * @seqno: of the last one
 * @node: in &vgpu_tenant.queues
 */
struct vgpu_queue {
	struct vgpu_tenant *tenant;
	u32 context;
	u32 ring;
	struct vgpu_ring r;
	struct vgpu_ring_reaper reaper;
	struct list_head waiting;
	struct list_head inside;
	u64 fence_context;
	u64 seqno;
	struct list_head node;
};

/**
 * struct vgpu_submission - commands, and a fence for all of them
 * @fence: the fence; the structure is freed with its last reference
 * @lock: the fence's
 * @tenant: whose thread is woken by @cb, as long as it is in a queue
 * @cb: at @in[@at]
 * @in: fences to wait for, from @at on
 * @n_in: how many there were
 * @at: the first that may not have been signalled
 * @armed: @cb is, or was, at @in[@at]
 * @n: commands
 * @left: of them, that have not ended
 * @error: of the first that failed
 * @node: in &vgpu_queue.waiting or .inside
 * @cmds: the commands
 */
struct vgpu_submission {
	struct dma_fence fence;
	spinlock_t lock;
	struct vgpu_tenant *tenant;
	struct dma_fence_cb cb;
	struct dma_fence *in[VGPU_MAX_SYNCS];
	u32 n_in;
	u32 at;
	bool armed;
	u32 n;
	u32 left;
	int error;
	struct list_head node;
	struct vgpu_cmd cmds[];
};

static const char *vgpu_fence_driver(struct dma_fence *fence)
{
	return "vgpu";
}

static const char *vgpu_fence_timeline(struct dma_fence *fence)
{
	return "submit";
}

static void vgpu_fence_release(struct dma_fence *fence)
{
	struct vgpu_submission *s = container_of(fence, struct vgpu_submission,
						 fence);

	/* Others may look at a fence under RCU. */
	kvfree_rcu(s, fence.rcu);
	module_put(THIS_MODULE);
}

static const struct dma_fence_ops vgpu_fence_ops = {
	.get_driver_name = vgpu_fence_driver,
	.get_timeline_name = vgpu_fence_timeline,
	.release = vgpu_fence_release,
};

/* Called in any context: the thread looks what that means. */
static void vgpu_queue_cb(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct vgpu_submission *s = container_of(cb, struct vgpu_submission, cb);

	vgpu_tenant_poke(s->tenant);
}

/* Whether all that it waits for was signalled; else somebody will wake us. */
static bool vgpu_submission_ready(struct vgpu_submission *s)
{
	while (s->at < s->n_in) {
		struct dma_fence *fence = s->in[s->at];

		if (!dma_fence_is_signaled(fence)) {
			if (s->armed)
				return false;
			s->armed = true;
			if (!dma_fence_add_callback(fence, &s->cb,
						    vgpu_queue_cb))
				return false;
		}
		/* It may be signalled, and its callbacks not have been called. */
		if (s->armed)
			dma_fence_remove_callback(fence, &s->cb);
		s->armed = false;
		/*
		 * Now, and not with our own fence: a long chain of submissions,
		 * each of which holds the one before, would end in recursion.
		 */
		dma_fence_put(s->in[s->at++]);
	}
	return true;
}

static void vgpu_submission_end(struct vgpu_submission *s, int error)
{
	list_del(&s->node);
	s->tenant->fences--;
	/* Nobody may come back to the tenant by it. */
	if (s->armed)
		dma_fence_remove_callback(s->in[s->at], &s->cb);
	while (s->at < s->n_in)
		dma_fence_put(s->in[s->at++]);
	if (error)
		dma_fence_set_error(&s->fence, error);
	dma_fence_signal(&s->fence);
	dma_fence_put(&s->fence);
}

/* Put what is ready into the ring, in order, as far as there is room. */
static void vgpu_queue_fill(struct vgpu_queue *q)
{
	struct vgpu_submission *s, *next;
	bool doorbell;

	list_for_each_entry_safe(s, next, &q->waiting, node) {
		if (!vgpu_submission_ready(s) ||
		    !vgpu_ring_submit_single(&q->r, s->cmds, s->n, s->n,
					     &doorbell))
			return;
		list_move_tail(&s->node, &q->inside);
		if (doorbell)
			vgpu_model_kick(q->tenant->m, q->ring);
	}
}

static void vgpu_queue_reap(struct vgpu_queue *q)
{
	struct vgpu_completion done;
	struct vgpu_submission *s;

	while (!list_empty(&q->inside) &&
	       vgpu_ring_reap(&q->reaper, &done, 1)) {
		s = list_first_entry(&q->inside, struct vgpu_submission, node);
		if (!s->error)
			s->error = done.status;
		if (!--s->left)
			vgpu_submission_end(s, s->error);
	}
	if (vgpu_ring_reap_release(&q->reaper))
		vgpu_model_kick(q->tenant->m, q->ring);
}

/*
 * The ring has not been destroyed.  If it has, its commands have ended for the
 * model, while memory may still be written for them: that ends before the queue.
 */
static bool vgpu_queue_lives(struct vgpu_queue *q)
{
	return vgpu_model_ring_state(q->tenant->m, q->ring) >= 0;
}

void vgpu_queues_step(struct vgpu_tenant *t)
{
	struct vgpu_queue *q;

	list_for_each_entry(q, &t->queues, node) {
		if (!vgpu_queue_lives(q))
			continue;
		vgpu_queue_reap(q);
		vgpu_queue_fill(q);
	}
}

void vgpu_queue_end(struct vgpu_tenant *t, struct vgpu_queue *q)
{
	struct vgpu_submission *s, *next;

	mutex_lock(&t->lock);
	list_del(&q->node);
	/* The device has ended those: their completions are in the memory. */
	vgpu_queue_reap(q);
	list_for_each_entry_safe(s, next, &q->inside, node)
		vgpu_submission_end(s, -ECANCELED);
	list_for_each_entry_safe(s, next, &q->waiting, node)
		vgpu_submission_end(s, -ECANCELED);
	vgpu_tenant_unlock(t);
	kfree(q);
}

static void vgpu_queue_memory_end(struct vgpu_sysmem *mem)
{
	vfree(mem->vaddr);
	kfree(mem);
}

/* Memory for a ring, as an object that goes with the ring. */
static int vgpu_queue_memory(struct vgpu_tenant *t, void **vaddr, u32 *object)
{
	struct vgpu_sysmem *mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!mem)
		return -ENOMEM;
	mem->bytes = VGPU_QUEUE_BYTES;
	mem->release = vgpu_queue_memory_end;
	mem->vaddr = __vmalloc(mem->bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO |
			       __GFP_NOWARN);
	if (!mem->vaddr)
		goto err;
	*vaddr = mem->vaddr;
	ret = vgpu_tenant_system_add(t, mem, object);
	if (!ret)
		return 0;
err:
	vfree(mem->vaddr);
	kfree(mem);
	return ret;
}

void vgpu_queue_begin(struct vgpu_tenant *t, struct vgpu_queue *q)
{
	/* What its fences wait for must not wait for an engine. */
	vgpu_model_favour(t->m, q->ring);
	list_add_tail(&q->node, &t->queues);
}

/* From vgpu_tenant_ring_add() on it may go at any time. */
static int vgpu_queue_create(struct vgpu_tenant *t, u32 context, u32 *ring)
{
	const u64 entries = VGPU_QUEUE_ENTRIES;
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = { context, 0, entries | entries << 32,
			(u64)VGPU_PRIORITY_NORMAL << 32 },
	};
	struct vgpu_ring_memory *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct vgpu_queue *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);
	u64 result[2];
	int ret = -ENOMEM;

	if (!r || !q)
		goto err;
	ret = vgpu_queue_memory(t, &r->vaddr, &r->object);
	if (ret)
		goto err;
	cmd.op[1] = r->object;
	ret = vgpu_tenant_admin(t, &cmd, result);
	vgpu_tenant_object_close(t, r->object);
	if (ret)
		goto err;
	q->tenant = t;
	q->context = context;
	q->ring = result[0];
	*ring = q->ring;
	INIT_LIST_HEAD(&q->waiting);
	INIT_LIST_HEAD(&q->inside);
	q->fence_context = dma_fence_context_alloc(1);
	r->ring = q->ring;
	r->queue = q;
	vgpu_ring_attach(&q->r, r->vaddr, VGPU_QUEUE_ENTRIES,
			 VGPU_QUEUE_ENTRIES);
	vgpu_ring_reaper_init(&q->reaper, &q->r);
	ret = vgpu_tenant_ring_add(t, r);
	if (!ret)
		return 0;
	cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_DESTROY, *ring, 0);
	vgpu_tenant_admin(t, &cmd, result);
err:
	kfree(q);
	kfree(r);
	return ret;
}

/* The queue of a context, under the lock; or NULL. */
static struct vgpu_queue *vgpu_queue_find(struct vgpu_tenant *t, u32 context)
{
	struct vgpu_queue *q;

	list_for_each_entry(q, &t->queues, node)
		if (q->context == context && vgpu_queue_lives(q))
			return q;
	return NULL;
}

/* Make a context's queue, unless somebody else just did. */
static int vgpu_queue_make(struct vgpu_tenant *t, u32 context)
{
	struct vgpu_queue *q;
	struct vgpu_cmd cmd;
	u64 result[2];
	u32 ring;
	int ret;

	ret = vgpu_queue_create(t, context, &ring);
	if (ret)
		return ret;
	mutex_lock(&t->lock);
	/* NULL: it has gone with the context, and there is nothing to start. */
	q = vgpu_queue_find(t, context);
	if (q && q->ring != ring) {
		cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_DESTROY, ring, 0);
	} else {
		cmd = vgpu_admin_cmd(VGPU_ADMIN_RING_CONTROL, ring,
				     VGPU_RING_START);
	}
	ret = vgpu_model_admin(t->m, &cmd, result);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	return ret;
}

/* One command of a submission, in the caller's memory no longer. */
static int vgpu_submit_check(const struct vgpu_cmd *cmd)
{
	if (cmd->seq || cmd->flags & ~VGPU_CMD_F_BARRIER)
		return -EINVAL;
	switch (cmd->opcode) {
	case VGPU_CMD_UPLOAD:
	case VGPU_CMD_DOWNLOAD:
	case VGPU_CMD_COPY:
	case VGPU_CMD_CLEAR:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* What a command writes to is taken from the system; it is mapped, at least. */
static int vgpu_submit_populate(struct vgpu_tenant *t, u32 context, u64 address,
				u64 bytes)
{
	struct vgpu_mem mem;
	u64 n;
	int ret;

	if (!bytes || bytes > 1ull << VGPU_ADDRESS_BITS)
		return -EINVAL;
	for (; bytes; bytes -= n, address += n) {
		n = bytes;
		mutex_lock(&t->lock);
		ret = vgpu_model_range(t->m, context, address, &n, true, &mem);
		vgpu_tenant_unlock(t);
		if (!ret && !mem.object)
			ret = vgpu_store_populate(&t->store, mem.offset, n,
						  GFP_KERNEL);
		if (ret)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int vgpu_submit_commands(struct vgpu_tenant *t,
				const struct drm_vgpu_submit *args,
				struct vgpu_submission *s)
{
	const char __user *from = u64_to_user_ptr(args->commands);
	struct vgpu_cmd *cmd;
	u32 i;
	int ret;

	for (i = 0; i < args->n_commands; i++) {
		cmd = &s->cmds[i];
		if (copy_from_user(cmd, from + (u64)i * args->stride,
				   sizeof(*cmd)))
			return -EFAULT;
		ret = vgpu_submit_check(cmd);
		if (!ret)
			ret = vgpu_submit_populate(t, args->context, cmd->op[0],
						   cmd->opcode == VGPU_CMD_CLEAR ?
						   cmd->op[1] : cmd->op[2]);
		if (ret)
			return ret;
	}
	s->n = args->n_commands;
	s->left = args->n_commands;
	return 0;
}

static int vgpu_submit_in(struct drm_file *file,
			  const struct drm_vgpu_submit *args,
			  struct vgpu_submission *s)
{
	const struct drm_vgpu_sync __user *from = u64_to_user_ptr(args->in);
	struct drm_vgpu_sync sync;
	int ret;

	for (; s->n_in < args->n_in; s->n_in++) {
		if (copy_from_user(&sync, from + s->n_in, sizeof(sync)))
			return -EFAULT;
		if (sync.flags)
			return -EINVAL;
		ret = drm_syncobj_find_fence(file, sync.handle, sync.point, 0,
					     &s->in[s->n_in]);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * struct vgpu_out_sync - where a fence goes
 * @syncobj: the syncobj
 * @chain: for a point of a timeline; NULL: it is a binary one
 * @point: which one
 */
struct vgpu_out_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
};

static void vgpu_out_end(struct vgpu_out_sync *out, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (out[i].syncobj)
			drm_syncobj_put(out[i].syncobj);
		dma_fence_chain_free(out[i].chain);
	}
	kfree(out);
}

/* All that can fail, so that nothing does once the fence is known. */
static int vgpu_submit_out(struct drm_file *file,
			   const struct drm_vgpu_submit *args,
			   struct vgpu_out_sync *out)
{
	const struct drm_vgpu_sync __user *from = u64_to_user_ptr(args->out);
	struct drm_vgpu_sync sync;
	u32 i;

	for (i = 0; i < args->n_out; i++) {
		if (copy_from_user(&sync, from + i, sizeof(sync)))
			return -EFAULT;
		if (sync.flags)
			return -EINVAL;
		out[i].syncobj = drm_syncobj_find(file, sync.handle);
		if (!out[i].syncobj)
			return -ENOENT;
		out[i].point = sync.point;
		if (!sync.point)
			continue;
		out[i].chain = dma_fence_chain_alloc();
		if (!out[i].chain)
			return -ENOMEM;
	}
	return 0;
}

static void vgpu_out_publish(struct vgpu_out_sync *out, u32 n,
			     struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (!out[i].chain) {
			drm_syncobj_replace_fence(out[i].syncobj, fence);
			continue;
		}
		drm_syncobj_add_point(out[i].syncobj, out[i].chain, fence,
				      out[i].point);
		out[i].chain = NULL;
	}
}

/* From here on the submission is the queue's; only its fence is looked at. */
static int vgpu_submit_queue(struct vgpu_tenant *t, u32 context,
			     struct vgpu_submission *s,
			     struct vgpu_out_sync *out, u32 n_out)
{
	struct vgpu_queue *q;
	int ret;

	for (;;) {
		mutex_lock(&t->lock);
		q = vgpu_queue_find(t, context);
		if (q)
			break;
		vgpu_tenant_unlock(t);
		ret = vgpu_queue_make(t, context);
		if (ret)
			return ret;
	}
	s->tenant = t;
	spin_lock_init(&s->lock);
	/* Whoever has a fence calls its functions. */
	__module_get(THIS_MODULE);
	dma_fence_init(&s->fence, &vgpu_fence_ops, &s->lock, q->fence_context,
		       ++q->seqno);
	t->fences++;
	list_add_tail(&s->node, &q->waiting);
	/* One for whoever comes, before it can be signalled. */
	dma_fence_get(&s->fence);
	vgpu_out_publish(out, n_out, &s->fence);
	vgpu_queue_fill(q);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	dma_fence_put(&s->fence);
	return 0;
}

static bool vgpu_submit_valid(const struct drm_vgpu_submit *args)
{
	return !args->flags && args->n_commands &&
	       args->n_commands <= VGPU_MAX_SUBMIT &&
	       args->stride >= sizeof(struct vgpu_cmd) && !(args->stride & 7) &&
	       args->stride <= PAGE_SIZE && args->n_in <= VGPU_MAX_SYNCS &&
	       args->n_out <= VGPU_MAX_SYNCS;
}

VGPU_IOCTL(submit)
{
	struct drm_vgpu_submit *args = data;
	struct vgpu_out_sync *out;
	struct vgpu_submission *s;
	struct vgpu_tenant *t;
	int ret;

	if (!vgpu_submit_valid(args))
		return -EINVAL;
	t = vgpu_client_tenant(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	s = kvzalloc(struct_size(s, cmds, args->n_commands),
		     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	out = kcalloc(args->n_out, sizeof(*out), GFP_KERNEL_ACCOUNT);
	ret = -ENOMEM;
	if (!s || !out)
		goto err;
	ret = vgpu_submit_in(file, args, s);
	if (!ret)
		ret = vgpu_submit_out(file, args, out);
	if (!ret)
		ret = vgpu_submit_commands(t, args, s);
	if (!ret)
		ret = vgpu_submit_queue(t, args->context, s, out, args->n_out);
	if (ret)
		goto err;
	vgpu_out_end(out, args->n_out);
	return 0;

err:
	while (s && s->n_in)
		dma_fence_put(s->in[--s->n_in]);
	kvfree(s);
	if (out)
		vgpu_out_end(out, args->n_out);
	return ret;
}
