// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Submissions with fences, see submit.h.
 */
#include <linux/dma-fence-chain.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>

#include "submit.h"

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

/* Fences. */

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

/* From user space. */

/* One command, in the caller's memory no longer. */
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

static int vgpu_submit_commands(const struct drm_vgpu_submit *args,
				struct vgpu_submission *s)
{
	const char __user *from = u64_to_user_ptr(args->commands);
	struct vgpu_cmd *cmd;
	int ret;

	for (; s->n < args->n_commands; s->n++) {
		cmd = &s->cmds[s->n];
		if (copy_from_user(cmd, from + (u64)s->n * args->stride,
				   sizeof(*cmd)))
			return -EFAULT;
		ret = vgpu_submit_check(cmd);
		if (ret)
			return ret;
	}
	s->left = s->n;
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

/* All that can fail, so that nothing does once the fence is known. */
static int vgpu_submit_out(struct drm_file *file,
			   const struct drm_vgpu_submit *args,
			   struct vgpu_submission *s)
{
	const struct drm_vgpu_sync __user *from = u64_to_user_ptr(args->out);
	struct vgpu_out_sync *out;
	struct drm_vgpu_sync sync;

	s->out = kcalloc(args->n_out, sizeof(*s->out), GFP_KERNEL_ACCOUNT);
	if (!s->out)
		return -ENOMEM;
	for (; s->n_out < args->n_out; s->n_out++) {
		out = &s->out[s->n_out];
		if (copy_from_user(&sync, from + s->n_out, sizeof(sync)))
			return -EFAULT;
		if (sync.flags)
			return -EINVAL;
		if (sync.point) {
			out->chain = dma_fence_chain_alloc();
			if (!out->chain)
				return -ENOMEM;
		}
		out->point = sync.point;
		out->syncobj = drm_syncobj_find(file, sync.handle);
		if (!out->syncobj) {
			dma_fence_chain_free(out->chain);
			return -ENOENT;
		}
	}
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

struct vgpu_submission *
vgpu_submission_create(struct drm_file *file,
		       const struct drm_vgpu_submit *args)
{
	struct vgpu_submission *s;
	int ret;

	if (!vgpu_submit_valid(args))
		return ERR_PTR(-EINVAL);
	s = kvzalloc(struct_size(s, cmds, args->n_commands),
		     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!s)
		return ERR_PTR(-ENOMEM);
	ret = vgpu_submit_in(file, args, s);
	if (!ret)
		ret = vgpu_submit_out(file, args, s);
	if (!ret)
		ret = vgpu_submit_commands(args, s);
	if (!ret)
		return s;
	vgpu_submission_free(s);
	return ERR_PTR(ret);
}

static void vgpu_submit_out_end(struct vgpu_submission *s)
{
	u32 i;

	for (i = 0; i < s->n_out; i++) {
		drm_syncobj_put(s->out[i].syncobj);
		dma_fence_chain_free(s->out[i].chain);
	}
	kfree(s->out);
}

void vgpu_submission_free(struct vgpu_submission *s)
{
	while (s->n_in)
		dma_fence_put(s->in[--s->n_in]);
	vgpu_submit_out_end(s);
	kvfree(s);
}

u64 vgpu_submit_bytes(const struct vgpu_cmd *cmd)
{
	return cmd->opcode == VGPU_CMD_CLEAR ? cmd->op[1] : cmd->op[2];
}

/* In a queue. */

/* Called in any context. */
static void vgpu_submission_cb(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct vgpu_submission *s = container_of(cb, struct vgpu_submission, cb);

	s->poke(s->owner);
}

static void vgpu_out_publish(struct vgpu_out_sync *out, struct dma_fence *fence)
{
	if (!out->chain) {
		drm_syncobj_replace_fence(out->syncobj, fence);
		return;
	}
	drm_syncobj_add_point(out->syncobj, out->chain, fence, out->point);
	out->chain = NULL;
}

void vgpu_submission_publish(struct vgpu_submission *s, u64 fence_context,
			     u64 seqno, struct list_head *list)
{
	u32 i;

	spin_lock_init(&s->lock);
	/* Whoever has a fence calls its functions. */
	__module_get(THIS_MODULE);
	dma_fence_init(&s->fence, &vgpu_fence_ops, &s->lock, fence_context,
		       seqno);
	list_add_tail(&s->node, list);
	for (i = 0; i < s->n_out; i++)
		vgpu_out_publish(&s->out[i], &s->fence);
	vgpu_submit_out_end(s);
	s->out = NULL;
}

bool vgpu_submission_ready(struct vgpu_submission *s)
{
	while (s->at < s->n_in) {
		struct dma_fence *fence = s->in[s->at];

		if (!dma_fence_is_signaled(fence)) {
			if (s->armed)
				return false;
			s->armed = true;
			if (!dma_fence_add_callback(fence, &s->cb,
						    vgpu_submission_cb))
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

bool vgpu_submission_count(struct vgpu_submission *s, int status)
{
	if (!s->error)
		s->error = status;
	return !--s->left;
}

void vgpu_submission_end(struct vgpu_submission *s, int error)
{
	list_del(&s->node);
	/* Nobody may come back to the owner by it. */
	if (s->armed)
		dma_fence_remove_callback(s->in[s->at], &s->cb);
	while (s->at < s->n_in)
		dma_fence_put(s->in[s->at++]);
	if (error)
		dma_fence_set_error(&s->fence, error);
	dma_fence_signal(&s->fence);
	dma_fence_put(&s->fence);
}
