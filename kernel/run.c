// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Running a tenant's model: the model says what there is to do, whoever runs it
 * does that, and all that wait hear of it.
 *
 * DOC: Three ways
 *
 * A doorbell that finds nobody running, and the GPU free, runs cheap items in
 * the thread of the caller.  What is left, or dear, is done by the tenant's
 * thread, which is in the cgroups of whoever opened the device.  A doorbell of
 * a ring that asks for it also has that thread look at the ring for a while, so
 * that the submissions that follow need no call at all; it sleeps as soon as that
 * time is over, and then the ring asks for a doorbell again.  So does a ring that
 * stays empty while others are busy: what a look costs must not grow with rings
 * that nobody uses.
 */
#include <linux/eventfd.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat/compat.h"
#include "copy.h"
#include "queue.h"
#include "sysmem.h"
#include "tenant.h"
#include "trace.h"
#include "uapi/vgpu_drm.h"

/* What a caller runs itself at most, and what one item of that may move. */
#define VGPU_INLINE_ROUNDS	16u
#define VGPU_INLINE_BYTES	(64u << 10)
/* What may sleep for long is the thread's. */
#define VGPU_THREAD_BYTES	(VGPU_INLINE_BYTES + 1)
/* Zeroing gives pages back, which is that much cheaper. */
#define VGPU_SCRUB_SHIFT	6
/* A ring is left that was empty as often as the thread found something. */
#define VGPU_POLL_FINDS		64u
/* The model hears of what has ended at least every so many bytes. */
#define VGPU_REPORT_BYTES	(256u << 10)

/* Something that somebody may wait for has happened.  Under the lock. */
void vgpu_tenant_changed(struct vgpu_tenant *t)
{
	/* Pairs with the acquire of whoever waits, here or in user space. */
	smp_store_release(&t->page->events, t->page->events + 1);
	t->tell = true;
}

void vgpu_tenant_wake(struct vgpu_tenant *t)
{
	if (t->want || !t->thread)
		return;
	WRITE_ONCE(t->want, true);
	t->stats.wakeups++;
	t->rouse = true;
}

void vgpu_tenant_unlock(struct vgpu_tenant *t)
{
	bool rouse = t->rouse, tell = t->tell;

	t->rouse = false;
	t->tell = false;
	mutex_unlock(&t->lock);
	/* Now: whoever wakes up takes the lock first of all. */
	if (rouse)
		wake_up(&t->thread_wait);
	if (tell && wq_has_sleeper(&t->changed))
		wake_up_all(&t->changed);
}

void vgpu_tenant_poke(struct vgpu_tenant *t)
{
	/*
	 * Pairs with the exchange in the thread: either it sees what the caller
	 * did before this, or it is woken after that.
	 */
	xchg(&t->want, true);
	wake_up(&t->thread_wait);
}

/* Doorbells that eventfds have rung.  Under the lock. */
static void vgpu_tenant_rung(struct vgpu_tenant *t)
{
	if (READ_ONCE(t->rung))
		t->ops->rung(t, xchg(&t->rung, 0));
}

static bool vgpu_tenant_pending(const struct vgpu_tenant *t)
{
	return t->at < t->n || vgpu_model_pending(t->m);
}

/* Leave what is left to the thread, and say whether there is.  Under the lock. */
static bool vgpu_tenant_leave(struct vgpu_tenant *t)
{
	bool left = vgpu_tenant_pending(t);

	/* Who runs looks when it is done; but one that only looks has to hear. */
	if ((left || !list_empty(&t->polled)) && (!t->running || t->polling))
		vgpu_tenant_wake(t);
	return left;
}

bool vgpu_tenant_interrupt(struct vgpu_tenant *t, u32 vector)
{
	bool sent;

	spin_lock(&t->irq_lock);
	sent = t->eventfds[vector];
	if (sent)
		vgpu_eventfd_signal(t->eventfds[vector]);
	spin_unlock(&t->irq_lock);
	return sent;
}

/* Who was connected when it was raised may be no longer. */
static void vgpu_run_interrupt(struct vgpu_tenant *t, u32 vector)
{
	if (vgpu_tenant_interrupt(t, vector) || !t->ops)
		return;
	mutex_lock(&t->lock);
	vgpu_model_undelivered(t->m, vector);
	vgpu_tenant_unlock(t);
}

/* The model does not look at that ring any more. */
static void vgpu_ring_detached(struct vgpu_tenant *t, u32 ring)
{
	struct vgpu_ring_memory *r;

	mutex_lock(&t->lock);
	r = xa_erase(&t->rings, ring);
	if (r && r->polled)
		list_del(&r->node);
	vgpu_tenant_unlock(t);
	if (!r)
		return;
	if (r->queue)
		vgpu_queue_end(t, r->queue);
	if (r->mapped)
		vunmap(r->vaddr);
	kfree(r);
}

/* No command uses that memory any more. */
static void vgpu_unpinned(struct vgpu_tenant *t, u32 object)
{
	struct vgpu_sysmem *mem = xa_erase(&t->system, object);

	if (mem)
		mem->release(mem);
}

static int vgpu_place(struct vgpu_tenant *t, const struct vgpu_mem *mem,
		      struct vgpu_place *place)
{
	place->offset = mem->offset;
	place->store = mem->object ? NULL : &t->store;
	place->mem = NULL;
	if (!mem->object)
		return 0;
	place->mem = xa_load(&t->system, mem->object);
	return WARN_ON_ONCE(!place->mem) ? -EFAULT : 0;
}

static int vgpu_run_memory(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	struct vgpu_pace pace = {
		/* A fence must not wait for memory that is being reclaimed. */
		.fences = &t->fences,
		.stop = &t->closing,
		.turn = t->thread ? &t->turn : NULL,
	};
	struct vgpu_place to, from;
	int ret;

	ret = vgpu_place(t, &w->to, &to);
	if (!ret)
		ret = vgpu_place(t, &w->from, &from);
	if (ret)
		return ret;
	switch (w->kind) {
	case VGPU_WORK_COPY:
		ret = vgpu_copy(&to, &from, w->bytes, &pace);
		break;
	case VGPU_WORK_CLEAR:
		ret = vgpu_fill(&to, w->bytes, w->pattern, &pace);
		break;
	case VGPU_WORK_FETCH:
		ret = vgpu_read(w->buffer, &from, w->bytes);
		break;
	case VGPU_WORK_SCRUB:
		vgpu_store_zero(&t->store, w->to.offset, w->bytes);
		break;
	case VGPU_WORK_MOVE:
		ret = vgpu_move(&t->store, w->to.offset, w->from.offset,
				w->bytes, &pace);
		break;
	}
	return ret;
}

/* What an item costs, as bytes to copy. */
static u64 vgpu_item_cost(const struct vgpu_work *w)
{
	switch (w->kind) {
	case VGPU_WORK_SCRUB:
		return w->bytes >> VGPU_SCRUB_SHIFT;
	case VGPU_WORK_PIN:
	case VGPU_WORK_ADMIN_ATTACH:
	case VGPU_WORK_RING_ATTACH:
		return VGPU_THREAD_BYTES;
	default:
		return w->bytes;
	}
}

/*
 * Pinning waits for the VMM's memory, which may be a file system of its own or
 * userfaultfd: not in a turn, of which others may need the slot.
 */
static s32 vgpu_run_guest(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	bool give = t->thread && (w->kind == VGPU_WORK_PIN ||
				  w->kind == VGPU_WORK_ADMIN_ATTACH);
	s32 status;

	if (give)
		vgpu_turn_end(&t->turn);
	status = t->ops->guest(t, w);
	if (give)
		vgpu_turn_take(&t->turn);
	return status;
}

/* Execute an item; without the lock. */
static void vgpu_run_item(struct vgpu_tenant *t, const struct vgpu_work *w,
			  u64 *now_ns)
{
	struct vgpu_done *done = &t->done[t->n_done];
	u64 start_ns = *now_ns;

	trace_vgpu_start(t, w);
	switch (w->kind) {
	case VGPU_WORK_UNPIN:
		vgpu_unpinned(t, w->to.object);
		return;
	case VGPU_WORK_RING_DETACH:
		vgpu_ring_detached(t, w->arg);
		return;
	case VGPU_WORK_INTERRUPT:
		vgpu_run_interrupt(t, w->arg);
		return;
	case VGPU_WORK_LAUNCH:
	case VGPU_WORK_CANCEL:
	case VGPU_WORK_BUILD:
	case VGPU_WORK_DROP:
		vgpu_engine_item(t, w);
		return;
	case VGPU_WORK_COPY:
	case VGPU_WORK_CLEAR:
	case VGPU_WORK_FETCH:
	case VGPU_WORK_SCRUB:
	case VGPU_WORK_MOVE:
		done->status = vgpu_run_memory(t, w);
		break;
	case VGPU_WORK_GROW:
		done->status = vgpu_tenant_grow(t, w->arg, w->bytes);
		break;
	case VGPU_WORK_PIN:
	case VGPU_WORK_ADMIN_ATTACH:
	case VGPU_WORK_ADMIN_DETACH:
	case VGPU_WORK_RING_ATTACH:
		if (WARN_ON_ONCE(!t->ops))
			return;
		done->status = vgpu_run_guest(t, w);
		if (w->kind != VGPU_WORK_PIN)
			return;
		break;
	default:
		return;
	}
	*now_ns = ktime_get_ns();
	done->id = w->id;
	done->now_ns = *now_ns;
	done->run_ns = *now_ns - start_ns;
	trace_vgpu_end(t, w, done->status, done->run_ns);
	t->n_done++;
}

/* Tell the model.  Under the lock. */
static void vgpu_report(struct vgpu_tenant *t)
{
	u32 i;

	for (i = 0; i < t->n_done; i++) {
		const struct vgpu_done *d = &t->done[i];

		vgpu_model_done(t->m, d->id, d->status, d->now_ns, d->run_ns);
	}
	t->n_done = 0;
}

/*
 * Execute items that are out, each of up to @max bytes; returns whether all
 * were.  Under the lock, which is dropped.
 */
static bool vgpu_run_items(struct vgpu_tenant *t, u64 max)
{
	u64 now_ns, bytes = 0;
	bool all = true;

	vgpu_tenant_unlock(t);
	now_ns = ktime_get_ns();
	while (t->at < t->n && all) {
		const struct vgpu_work *w = &t->work[t->at];

		if (vgpu_item_cost(w) > max) {
			all = false;
			break;
		}
		vgpu_run_item(t, w, &now_ns);
		t->at++;
		bytes += vgpu_item_cost(w);
		if (bytes > VGPU_REPORT_BYTES) {
			mutex_lock(&t->lock);
			vgpu_report(t);
			vgpu_tenant_changed(t);
			all = !vgpu_turn_over(&t->turn);
			vgpu_tenant_unlock(t);
			bytes = 0;
		}
	}
	mutex_lock(&t->lock);
	vgpu_report(t);
	return all;
}

/* Commands that have failed since the last look.  Under the lock. */
static void vgpu_trace_errors(struct vgpu_tenant *t)
{
	struct vgpu_model_error error;

	vgpu_model_error(t->m, &error);
	if (error.count > t->errors)
		trace_vgpu_error(t, &error);
	t->errors = error.count;
}

/*
 * Up to @rounds calls of the model, and what comes of them.  @now_ns is the time
 * if the caller has just read it, or 0.  Under the lock; @running is set.
 */
static void vgpu_run_rounds(struct vgpu_tenant *t, u64 now_ns, u32 rounds,
			    u64 max)
{
	bool all = true;

	while (rounds-- && all && vgpu_tenant_pending(t)) {
		vgpu_tenant_rung(t);
		if (t->at == t->n) {
			t->at = 0;
			t->work_epoch = t->engine.epoch;
			t->n = vgpu_model_run(t->m, now_ns ?: ktime_get_ns(),
					      t->work, VGPU_TENANT_ITEMS);
			now_ns = 0;
		}
		if (t->at < t->n)
			all = vgpu_run_items(t, max);
		if (t->fences)
			vgpu_queues_step(t);
		if (trace_vgpu_error_enabled())
			vgpu_trace_errors(t);
		vgpu_engine_step(t);
		vgpu_tenant_changed(t);
		all = all && !vgpu_turn_over(&t->turn);
	}
}

/* Run what is cheap here, if nobody is at it and the GPU is free. */
static void vgpu_run_inline(struct vgpu_tenant *t)
{
	if (t->running || !vgpu_turn_try(&t->turn))
		return;
	t->running = true;
	vgpu_run_rounds(t, t->turn.start_ns, VGPU_INLINE_ROUNDS,
			VGPU_INLINE_BYTES);
	vgpu_turn_end(&t->turn);
	t->running = false;
}

/* Without a thread there is nobody to leave anything to. */
static void vgpu_run_all(struct vgpu_tenant *t)
{
	if (t->running)
		return;
	t->running = true;
	while (vgpu_tenant_pending(t))
		vgpu_run_rounds(t, 0, U32_MAX, U64_MAX);
	t->running = false;
}

void vgpu_tenant_run(struct vgpu_tenant *t)
{
	if (!vgpu_tenant_pending(t))
		return;
	if (t->thread)
		vgpu_run_inline(t);
	/* It may have gone meanwhile. */
	if (t->thread)
		vgpu_tenant_leave(t);
	else
		vgpu_run_all(t);
}

/* The thread looks at that ring from now on, for a while.  Under the lock. */
static void vgpu_poll_begin(struct vgpu_tenant *t, struct vgpu_ring_memory *r)
{
	r->until_ns = ktime_get_ns() + r->poll_ns;
	r->found = t->stats.polls;
	if (r->polled)
		return;
	r->polled = true;
	r->slot = NULL;
	/* The thread may be looking at others; pairs with vgpu_poll_look(). */
	list_add_tail_rcu(&r->node, &t->polled);
	vgpu_model_poll(t->m, r->ring, true);
}

void vgpu_tenant_doorbell(struct vgpu_tenant *t, u32 ring)
{
	struct vgpu_ring_memory *r = t->poll ? xa_load(&t->rings, ring) : NULL;

	t->stats.kicks++;
	trace_vgpu_submit(t, ring);
	if (r && r->poll_ns)
		vgpu_poll_begin(t, r);
}

void vgpu_tenant_rang(struct vgpu_tenant *t, u32 ring)
{
	/* The thread is woken for what comes next: this need not wait for it. */
	vgpu_tenant_doorbell(t, ring);
	vgpu_run_inline(t);
	if (!vgpu_tenant_leave(t) && !t->running)
		t->stats.kicks_inline++;
}

int vgpu_tenant_kick(struct vgpu_tenant *t, u32 ring)
{
	int ret;

	mutex_lock(&t->lock);
	ret = vgpu_model_kick(t->m, ring);
	if (!ret)
		vgpu_tenant_rang(t, ring);
	vgpu_tenant_unlock(t);
	return ret;
}

/* A ring asks for a doorbell again.  Under the lock. */
static void vgpu_poll_end(struct vgpu_tenant *t, struct vgpu_ring_memory *r)
{
	r->polled = false;
	list_del(&r->node);
	vgpu_model_poll(t->m, r->ring, false);
}

/*
 * See where the thread has to look, and until when.  Under the lock.  False:
 * there is something to do at once, or nothing to look at.
 */
static bool vgpu_poll_prepare(struct vgpu_tenant *t, u64 *end_ns)
{
	struct vgpu_ring_memory *r, *next;
	u64 now_ns = ktime_get_ns();

	*end_ns = U64_MAX;
	list_for_each_entry_safe(r, next, &t->polled, node) {
		r->slot = vgpu_model_poll_slot(t->m, r->ring, &r->seq);
		if (!r->slot || r->until_ns <= now_ns ||
		    t->stats.polls - r->found >= VGPU_POLL_FINDS)
			vgpu_poll_end(t, r);
		else
			*end_ns = min(*end_ns, r->until_ns);
	}
	return !list_empty(&t->polled) && !vgpu_tenant_pending(t);
}

static bool vgpu_poll_look(struct vgpu_tenant *t)
{
	struct vgpu_ring_memory *r;
	bool found = false;
	const u32 *slot;

	/* A guest's ring may lose its memory, see vgpu_guest_tell(). */
	rcu_read_lock();
	/* Pairs with list_add_tail_rcu() in vgpu_poll_begin(). */
	list_for_each_entry_lockless(r, &t->polled, node) {
		slot = READ_ONCE(r->slot);
		/* Pairs with the commit of a producer; the model looks again. */
		found = slot && smp_load_acquire(slot) == r->seq;
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* Rings that have a command since the thread looked.  Under the lock. */
static void vgpu_poll_kick(struct vgpu_tenant *t)
{
	u64 now_ns = ktime_get_ns();
	struct vgpu_ring_memory *r;

	t->stats.polls++;
	list_for_each_entry(r, &t->polled, node) {
		/* One that came meanwhile has been kicked. */
		if (!r->slot || READ_ONCE(*r->slot) != r->seq)
			continue;
		r->until_ns = now_ns + r->poll_ns;
		r->found = t->stats.polls;
		vgpu_model_kick(t->m, r->ring);
	}
}

/*
 * Look at rings until one has a command, the thread is wanted, or the time of
 * one is up.  Under the lock, which is dropped; @running is set, so that no ring
 * goes meanwhile.  False: there is nothing to do and nothing to look at any more.
 */
static bool vgpu_poll(struct vgpu_tenant *t)
{
	bool found = false;
	u64 end_ns;

	if (list_empty(&t->polled))
		return false;
	if (!vgpu_poll_prepare(t, &end_ns))
		return true;
	t->polling = true;
	vgpu_tenant_unlock(t);
	while (!READ_ONCE(t->want) && !kthread_should_stop()) {
		found = vgpu_poll_look(t);
		if (found || ktime_get_ns() > end_ns)
			break;
		cpu_relax();
		cond_resched();
	}
	mutex_lock(&t->lock);
	t->polling = false;
	if (found)
		vgpu_poll_kick(t);
	return true;
}

/* Turn after turn, as long as there is more.  Under the lock. */
static void vgpu_thread_turns(struct vgpu_tenant *t)
{
	for (;;) {
		xchg(&t->want, false);
		vgpu_tenant_rung(t);
		if (t->fences)
			vgpu_queues_step(t);
		vgpu_engine_step(t);
		vgpu_run_rounds(t, 0, U32_MAX, U64_MAX);
		if (!vgpu_tenant_pending(t))
			break;
		vgpu_tenant_unlock(t);
		vgpu_turn_yield(&t->turn);
		mutex_lock(&t->lock);
	}
}

/* Run until there is nothing to do.  Under the lock. */
static void vgpu_thread_run(struct vgpu_tenant *t)
{
	t->running = true;
	do {
		vgpu_tenant_unlock(t);
		vgpu_turn_take(&t->turn);
		mutex_lock(&t->lock);
		vgpu_thread_turns(t);
		vgpu_turn_end(&t->turn);
	} while (vgpu_tenant_pending(t) || vgpu_poll(t));
	t->running = false;
	/* For those who wait until nobody is running. */
	vgpu_tenant_changed(t);
}

int vgpu_tenant_thread(void *tenant)
{
	struct vgpu_tenant *t = tenant;

	while (!kthread_should_stop()) {
		wait_event_idle(t->thread_wait,
				READ_ONCE(t->want) || kthread_should_stop());
		mutex_lock(&t->lock);
		/* A barrier, see vgpu_tenant_poke(). */
		xchg(&t->want, false);
		vgpu_tenant_rung(t);
		if (t->fences)
			vgpu_queues_step(t);
		vgpu_engine_step(t);
		if (!t->running && (vgpu_tenant_pending(t) ||
				    !list_empty(&t->polled)))
			vgpu_thread_run(t);
		vgpu_tenant_unlock(t);
	}
	return 0;
}
