/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A tenant: a device model with memory and a thread around it.  A process that
 * opened the render node has one, and so has each mediated device.
 *
 * DOC: Running the model
 *
 * Whoever has set @running owns the work items that the model gave out, and is
 * alone in executing them, in their order; it holds @lock to talk to the model,
 * not while it moves memory.  That is the tenant's thread, or a caller that
 * rings the doorbell and runs what is cheap itself.  When it stops, and there
 * is more, it wakes the thread: work that is pending has somebody who is at it,
 * or will be.
 *
 * Why no wake-up is lost: what makes work pending, what looks whether there is
 * some, and @running change under @lock.  @want is cleared by the thread before
 * it takes @lock, and set by others who hold it.
 *
 * DOC: Locks
 *
 * In this order: &vgpu_client.lock, &vgpu_bo.lock, @lock, &vgpu_turns.lock,
 * &vgpu_store.lock.  @lock is not held across copies from or to user space,
 * pinning, moving memory, or anything that waits for another tenant.
 * &vgpu_guest.lock is apart from it, and before &vgpu_store.lock.
 */
#ifndef VGPU_TENANT_H
#define VGPU_TENANT_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "engine.h"
#include "model/model.h"
#include "store.h"
#include "turn.h"
#include "uapi/vgpu_drm.h"

struct eventfd_ctx;
struct vgpu_gpu;
struct vgpu_queue;
struct vgpu_sysmem;
struct vgpu_tenant;

/* Items of one call of the model. */
#define VGPU_TENANT_ITEMS	32u

/**
 * struct vgpu_done - how an item ended, until the model hears of it
 */
struct vgpu_done {
	u32 id;
	s32 status;
	u64 now_ns;
	u64 run_ns;
};

/**
 * struct vgpu_ring_memory - memory of a ring that the model writes to
 * @ring: ring id
 * @vector: of its interrupts
 * @vaddr: where the kernel sees it
 * @mapped: @vaddr is a mapping that goes with the ring
 * @queue: the kernel's own ring, for submissions with fences; or NULL
 * @object: id of the object of system memory that it is
 * @poll_ns: how long the thread looks after a command; 0: not at all
 * @polled: the thread looks at it, until @until_ns; under the tenant's lock
 * @slot: where it looks, and for what; set under the tenant's lock, and NULL
 *	before memory of a guest goes
 * @seq: see @slot
 * @until_ns: put off by each command
 * @found: &vgpu_tenant_stats.polls at the last command
 * @node: in &vgpu_tenant.polled, if @polled
 */
struct vgpu_ring_memory {
	u32 ring;
	u32 vector;
	void *vaddr;
	bool mapped;
	struct vgpu_queue *queue;
	u32 object;
	u64 poll_ns;
	bool polled;
	u64 until_ns;
	u64 found;
	const u32 *slot;
	u32 seq;
	struct list_head node;
};

/**
 * struct vgpu_tenant_ops - what differs between a client and an instance
 * @guest: execute PIN, ADMIN_ATTACH, ADMIN_DETACH or RING_ATTACH, which only
 *	drivers in guests cause; by the tenant's thread, without the lock.
 *	Returns a PIN's status; an attach is reported by the callee
 * @rung: ring the doorbells of &vgpu_tenant.rung; under the lock
 */
struct vgpu_tenant_ops {
	s32 (*guest)(struct vgpu_tenant *t, const struct vgpu_work *w);
	void (*rung)(struct vgpu_tenant *t, unsigned long rung);
};

/**
 * struct vgpu_tenant_stats - what the shell counts; under the lock
 */
struct vgpu_tenant_stats {
	u64 kicks;
	u64 kicks_inline;
	u64 wakeups;
	u64 polls;
};

/**
 * struct vgpu_tenant - a tenant
 * @ref: the client or instance, and each buffer in its VRAM
 * @gpu: its GPU
 * @node: in &vgpu_gpu.tenants
 * @number: for people and traces
 * @pid: of the process that opened it
 * @comm: its name
 * @ops: an instance's; NULL for a client
 * @owner: for @ops
 * @lock: protects the model and everything below, but what says otherwise
 * @m: the device model
 * @store: VRAM
 * @system: objects of system memory, struct vgpu_sysmem by id.  The model may
 *	have given out an object's slot again when its UNPIN is executed
 * @rings: struct vgpu_ring_memory by id, for the same reason
 * @poll: there has been a ring that it may look at
 * @polled: rings that the thread looks at, struct vgpu_ring_memory
 * @polling: it only looks
 * @queues: struct vgpu_queue, rings of the kernel's own
 * @fences: submissions that have not been signalled
 * @turn: on the GPU; of whoever has set @running
 * @running: somebody executes items, and owns @work, @at and @n
 * @closing: nothing is to be finished any more; read without the lock
 * @work: items that the model gave out
 * @at: the next of them to be executed
 * @n: how many they are
 * @work_epoch: &vgpu_engine_tenant.epoch as they were given out
 * @thread: runs what nobody runs inline; NULL: there is none any more
 * @thread_wait: where it sleeps
 * @want: it has something to do; see "Running the model"
 * @rung: doorbells that eventfds have rung, for @ops; set without the lock, and
 *	then vgpu_tenant_poke()
 * @rouse: to be woken when the lock is released
 * @tell: likewise those at @changed
 * @irq_lock: protects @eventfds; innermost
 * @eventfds: who is told of interrupts, by vector; NULL: nobody
 * @errors: of the model, that were traced
 * @changed: who waits for @page->events
 * @page: seen by the client
 * @engine: launches, and who runs them
 * @stats: see there
 */
struct vgpu_tenant {
	struct kref ref;
	struct vgpu_gpu *gpu;
	struct list_head node;
	u32 number;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	const struct vgpu_tenant_ops *ops;
	void *owner;
	struct mutex lock;
	struct vgpu_model *m;
	struct vgpu_store store;
	struct xarray system;
	struct xarray rings;
	bool poll;
	struct list_head polled;
	bool polling;
	struct list_head queues;
	u32 fences;
	struct vgpu_turn turn;
	bool running;
	bool closing;
	u32 at;
	u32 n;
	u64 work_epoch;
	struct vgpu_work work[VGPU_TENANT_ITEMS];
	struct vgpu_done done[VGPU_TENANT_ITEMS];
	u32 n_done;
	struct task_struct *thread;
	wait_queue_head_t thread_wait;
	bool want;
	unsigned long rung;
	bool rouse;
	bool tell;
	spinlock_t irq_lock;
	struct eventfd_ctx *eventfds[VGPU_MSIX_VECTORS];
	u32 errors;
	wait_queue_head_t changed;
	struct drm_vgpu_client_page *page;
	struct vgpu_engine_tenant engine;
	struct vgpu_tenant_stats stats;
};

/* tenant.c */
/* @page: counts its events; NULL: one of its own. */
struct vgpu_tenant *vgpu_tenant_create(struct vgpu_gpu *gpu,
				       const struct vgpu_model_config *config,
				       struct drm_vgpu_client_page *page);
/*
 * The client has gone: everything but VRAM that others hold goes, when nothing
 * runs on it any more.  The thread ends.
 */
void vgpu_tenant_close(struct vgpu_tenant *t);
void vgpu_tenant_put(struct vgpu_tenant *t);

/**
 * vgpu_tenant_admin() - an admin command of the tenant's driver
 * @t: tenant
 * @cmd: see vgpu_model_admin()
 * @result: two words
 *
 * What it makes to do (zeroing, detaching) is run here, or by the thread.
 * Return: 0 or a negative errno; -EINTR: killed while memory was being zeroed.
 */
int vgpu_tenant_admin(struct vgpu_tenant *t, const struct vgpu_cmd *cmd,
		      u64 result[2]);

/* How much has happened so far: see uapi/vgpu_drm.h. */
static inline u64 vgpu_tenant_events(const struct vgpu_tenant *t)
{
	/* Pairs with the release in vgpu_tenant_changed(). */
	return smp_load_acquire(&t->page->events);
}

/* The shortest form of it. */
static inline struct vgpu_cmd vgpu_admin_cmd(u16 opcode, u64 a, u64 b)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b } };

	return cmd;
}

/*
 * Take the lock, and there is room for one more of @what, of enum vgpu_grow; or
 * do not: -ENOMEM.  The memory is the caller's cgroup's.
 */
int vgpu_tenant_lock_room(struct vgpu_tenant *t, u32 what);
/* The same for a GROW item: without the lock, and charged as VRAM is. */
int vgpu_tenant_grow(struct vgpu_tenant *t, u32 what, size_t bytes);

/* An object of system memory; @mem is the tenant's until its release. */
int vgpu_tenant_system_add(struct vgpu_tenant *t, struct vgpu_sysmem *mem,
			   u32 *object);
/* No more mappings of it; it goes with the last one. */
void vgpu_tenant_object_close(struct vgpu_tenant *t, u32 object);
/* Memory for a ring that the model has made; gone with RING_DETACH. */
int vgpu_tenant_ring_add(struct vgpu_tenant *t, struct vgpu_ring_memory *ring);

/* Wait until @cond holds, which is looked at under the lock: 0 or -EINTR. */
int vgpu_tenant_settle(struct vgpu_tenant *t,
		       bool (*cond)(struct vgpu_tenant *t, u64 arg), u64 arg,
		       bool killable);

/* A condition for it: there is nothing to do, and nobody at it. */
bool vgpu_tenant_idle(struct vgpu_tenant *t, u64 arg);

int vgpu_tenant_set_eventfd(struct vgpu_tenant *t, u32 vector, int fd);

/* run.c */
/*
 * Release the lock, and wake up who was to be woken meanwhile.  The caller has a
 * reference that outlives this.
 */
void vgpu_tenant_unlock(struct vgpu_tenant *t);
/* Run what there is, or see to it that it is run.  Under the lock. */
void vgpu_tenant_run(struct vgpu_tenant *t);
/* Have the thread do it.  Under the lock. */
void vgpu_tenant_wake(struct vgpu_tenant *t);
/* The same for whoever holds no lock and cannot wait. */
void vgpu_tenant_poke(struct vgpu_tenant *t);
/* Ring the doorbell of a ring: -ENOENT.  Without the lock. */
int vgpu_tenant_kick(struct vgpu_tenant *t, u32 ring);
/* The same when the model knows of it already.  Under the lock. */
void vgpu_tenant_rang(struct vgpu_tenant *t, u32 ring);
/*
 * Only note that it was rung; the thread looks at it for a while, if it is one of
 * those.  Under the lock; the thread has to hear of it.
 */
void vgpu_tenant_doorbell(struct vgpu_tenant *t, u32 ring);
/* Send a vector's message: whether somebody is connected. */
bool vgpu_tenant_interrupt(struct vgpu_tenant *t, u32 vector);
int vgpu_tenant_thread(void *tenant);
void vgpu_tenant_changed(struct vgpu_tenant *t);

#endif /* VGPU_TENANT_H */
