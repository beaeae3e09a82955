// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Submissions with fences, see queue.h.
 */
#include <linux/dma-fence.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <drm/drm_file.h>

#include "drm.h"
#include "queue.h"
#include "submit.h"
#include "sysmem.h"
#include "tenant.h"
#include "trace.h"

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

/* &vgpu_submission.poke: the thread looks what that means. */
static void vgpu_queue_poke(void *owner)
{
	vgpu_tenant_poke(owner);
}

static void vgpu_queue_ended(struct vgpu_queue *q, struct vgpu_submission *s,
			     int error)
{
	q->tenant->fences--;
	vgpu_submission_end(s, error);
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
		trace_vgpu_submit(q->tenant, q->ring);
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
		if (vgpu_submission_count(s, done.status))
			vgpu_queue_ended(q, s, s->error);
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
		vgpu_queue_ended(q, s, -ECANCELED);
	list_for_each_entry_safe(s, next, &q->waiting, node)
		vgpu_queue_ended(q, s, -ECANCELED);
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

/* All of its commands: 0 or an errno. */
static int vgpu_submit_resident(struct vgpu_tenant *t, u32 context,
				const struct vgpu_submission *s)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < s->n && !ret; i++)
		ret = vgpu_submit_populate(t, context, s->cmds[i].op[0],
					   vgpu_submit_bytes(&s->cmds[i]));
	return ret;
}

/* From here on the submission is the queue's; only its fence is looked at. */
static int vgpu_submit_queue(struct vgpu_tenant *t, u32 context,
			     struct vgpu_submission *s)
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
	s->poke = vgpu_queue_poke;
	s->owner = t;
	t->fences++;
	vgpu_submission_publish(s, q->fence_context, ++q->seqno, &q->waiting);
	vgpu_queue_fill(q);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	return 0;
}

VGPU_IOCTL(submit)
{
	struct drm_vgpu_submit *args = data;
	struct vgpu_submission *s;
	struct vgpu_tenant *t;
	int ret;

	s = vgpu_submission_create(file, args);
	if (IS_ERR(s))
		return PTR_ERR(s);
	t = vgpu_client_tenant(file);
	ret = PTR_ERR_OR_ZERO(t);
	if (!ret)
		ret = vgpu_submit_resident(t, args->context, s);
	if (!ret)
		ret = vgpu_submit_queue(t, args->context, s);
	if (ret)
		vgpu_submission_free(s);
	return ret;
}
