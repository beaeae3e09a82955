/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Submissions with fences (submit.h) on a host: commands that the kernel puts into
 * a ring of its own for a context, when what they wait for has been signalled.
 *
 * DOC: Fences
 *
 * Others may wait for our fences where they must not wait for much, so that
 * between publishing one and signalling it nothing may depend on user space, on
 * an engine, or on memory being reclaimed.  Therefore only commands that this
 * module executes itself come in here; they wait for nothing but dma_fences;
 * what they touch was made resident before; and while a fence is out, commands
 * of this tenant take memory without waiting for it, or fail.  The model keeps
 * jobs for these rings, so that no launch of another ring takes the last one.
 *
 * What remains, and DESIGN.rst names: a tenant's turn on the GPU, which others
 * may take a bounded time for, and memory that a call of the same client takes
 * under the tenant's lock, or a page fault under the store's.
 */
#ifndef VGPU_QUEUE_H
#define VGPU_QUEUE_H

#include <linux/types.h>

struct vgpu_queue;
struct vgpu_tenant;

/*
 * Put commands into rings whose fences have been signalled, and signal those
 * whose commands have ended.  Under the tenant's lock.
 */
void vgpu_queues_step(struct vgpu_tenant *t);
/* The ring of a queue is there: its submissions are seen to.  Under the lock. */
void vgpu_queue_begin(struct vgpu_tenant *t, struct vgpu_queue *q);
/* The ring has gone: what was submitted to it ends with ECANCELED. */
void vgpu_queue_end(struct vgpu_tenant *t, struct vgpu_queue *q);

#endif /* VGPU_QUEUE_H */
