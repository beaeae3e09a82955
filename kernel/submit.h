/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What DRM_IOCTL_VGPU_SUBMIT is, whoever runs it: commands copied from user
 * space, the fences that they wait for, and the fence that says that they have
 * ended.
 *
 * DOC: Lives
 *
 * A submission is the caller's from vgpu_submission_create() on, until
 * vgpu_submission_publish() gives its fence to others.  From then on nothing can
 * fail: it is in a list of its queue's, and vgpu_submission_end() takes it out
 * and signals the fence, with an error or without.  The structure is freed with
 * the last reference to the fence.
 */
#ifndef VGPU_SUBMIT_H
#define VGPU_SUBMIT_H

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include "uapi/vgpu_drm.h"

struct drm_file;
struct vgpu_out_sync;

/* Commands of a submission, which is what the ring of a queue has room for. */
#define VGPU_MAX_SUBMIT		256u
/* Points of a submission, each way. */
#define VGPU_MAX_SYNCS		64u

/**
 * struct vgpu_submission - commands, and a fence for all of them
 * @fence: the fence
 * @lock: the fence's
 * @poke: something that it waited for was signalled; in any context
 * @owner: for @poke
 * @cb: at @in[@at]
 * @in: fences to wait for, from @at on
 * @n_in: how many there were
 * @at: the first that may not have been signalled
 * @armed: @cb is, or was, at @in[@at]
 * @out: where the fence goes; NULL when it has gone there
 * @n_out: how many of these
 * @n: commands
 * @left: of them, that have not ended
 * @error: of the first that failed
 * @node: in a list of its queue
 * @cmds: the commands
 */
struct vgpu_submission {
	struct dma_fence fence;
	spinlock_t lock;
	void (*poke)(void *owner);
	void *owner;
	struct dma_fence_cb cb;
	struct dma_fence *in[VGPU_MAX_SYNCS];
	u32 n_in;
	u32 at;
	bool armed;
	struct vgpu_out_sync *out;
	u32 n_out;
	u32 n;
	u32 left;
	int error;
	struct list_head node;
	struct vgpu_cmd cmds[];
};

/* What was asked for, copied and checked as far as that needs no device. */
struct vgpu_submission *
vgpu_submission_create(struct drm_file *file,
		       const struct drm_vgpu_submit *args);
/* One that was not published. */
void vgpu_submission_free(struct vgpu_submission *s);

/* The range that a command writes to. */
u64 vgpu_submit_bytes(const struct vgpu_cmd *cmd);

/*
 * Its fence is made and goes where it is to go; it is put at the end of @list.
 * Under the lock of the queue, so that it is not signalled meanwhile.
 */
void vgpu_submission_publish(struct vgpu_submission *s, u64 fence_context,
			     u64 seqno, struct list_head *list);
/*
 * Whether all that it waits for was signalled; else it will be poked.  Of that
 * it is free of then.  Under the lock of the queue.
 */
bool vgpu_submission_ready(struct vgpu_submission *s);
/* One of its commands has ended; true: all have. */
bool vgpu_submission_count(struct vgpu_submission *s, int status);
/* Out of its list, and signalled. */
void vgpu_submission_end(struct vgpu_submission *s, int error);

#endif /* VGPU_SUBMIT_H */
