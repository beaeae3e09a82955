// SPDX-License-Identifier: MIT
/*
 * The Vulkan executor: its queue of commands, and its calls.
 *
 * A command is recorded and given to the driver by the thread that submits it.
 * Where memory is the device's own, FLUSH goes through staging in chunks: what
 * does not fit waits, with all that comes after it, until the thread in wait
 * has freed a chunk.
 */
#include "vulkan.h"

#include <vgpu/device.h>

/* How long to look before sleeping, and to sleep in one call of a driver. */
#define SPIN_NS		5000u
#define SLICE_NS	1000000u

static struct vgpu_vk_entry *entry_at(struct vgpu_vk *vk, uint64_t i)
{
	return &vk->entries[i % VGPU_EXECUTOR_DEPTH];
}

/* The thread in wait has something to look at. */
static void nudge(struct vgpu_vk *vk)
{
	if (vk->sleeping)
		pthread_cond_signal(&vk->idle);
}

/* Whether all of a FLUSH was given to the driver, or has failed. */
static bool flush(struct vgpu_vk *vk, struct vgpu_vk_entry *entry)
{
	uint64_t at = entry->cmd.op[0], bytes = entry->cmd.op[1], n;
	bool download = entry->cmd.op[2] == 1;
	struct vgpu_vk_chunk *chunk;
	uint8_t *staged;
	uint32_t i;

	if (!bytes || (at | bytes) & 3 || !vgpu_vk_in_vram(vk, at, bytes) ||
	    entry->cmd.op[2] - 1 > 1) {
		entry->status = -EINVAL;
		return true;
	}
	if (vk->info.shared)
		return true;
	for (; entry->done < bytes; entry->done += n) {
		/* An earlier download may be what an upload reads. */
		if (vk->chunk_tail - vk->chunk_head == VGPU_VK_CHUNKS ||
		    (!download && vk->downloads))
			return false;
		i = vk->chunk_tail % VGPU_VK_CHUNKS;
		chunk = &vk->chunks[i];
		staged = vk->staged + i * VGPU_VK_CHUNK_BYTES;
		n = min_t(uint64_t, bytes - entry->done, VGPU_VK_CHUNK_BYTES);
		if (!download) {
			pthread_mutex_unlock(&vk->lock);
			memcpy(staged, vk->vram + at + entry->done, n);
			pthread_mutex_lock(&vk->lock);
		}
		entry->status = vgpu_vk_chunk(vk, chunk, at + entry->done, n,
					      download);
		if (entry->status)
			return true;
		chunk->entry = entry;
		chunk->to = download ? vk->vram + at + entry->done : NULL;
		chunk->bytes = n;
		vk->downloads += download;
		vk->chunk_tail++;
		entry->chunks++;
		nudge(vk);
	}
	return true;
}

static int run(struct vgpu_vk *vk, struct vgpu_vk_entry *entry)
{
	switch (entry->cmd.opcode) {
	case VGPU_ENGINE_NOP:
		return 0;
	case VGPU_ENGINE_LAUNCH:
		return vgpu_vk_launch(vk, entry);
	case VGPU_ENGINE_COPY:
		return vgpu_vk_copy(vk, entry);
	case VGPU_ENGINE_CLEAR:
		return vgpu_vk_clear(vk, entry);
	default:
		return -EOPNOTSUPP;
	}
}

/* Give the driver what can be given to it. */
static void issue(struct vgpu_vk *vk)
{
	struct vgpu_vk_entry *entry;

	if (vk->issuing)
		return;
	vk->issuing = true;
	for (; vk->issued != vk->tail && !vk->lost; vk->issued++) {
		entry = entry_at(vk, vk->issued);
		if (entry->cmd.opcode != VGPU_ENGINE_FLUSH)
			entry->status = run(vk, entry);
		else if (!flush(vk, entry))
			break;
	}
	vk->issuing = false;
	nudge(vk);
}

/* Free the chunks that have run; in wait only. */
static void reap(struct vgpu_vk *vk)
{
	struct vgpu_vk_chunk *chunk;
	uint32_t i;

	for (; vk->chunk_head != vk->chunk_tail; vk->chunk_head++) {
		i = vk->chunk_head % VGPU_VK_CHUNKS;
		chunk = &vk->chunks[i];
		if (!vgpu_vk_ran(vk, &chunk->batch))
			break;
		if (chunk->to) {
			pthread_mutex_unlock(&vk->lock);
			memcpy(chunk->to, vk->staged + i * VGPU_VK_CHUNK_BYTES,
			       chunk->bytes);
			pthread_mutex_lock(&vk->lock);
			vk->downloads--;
		}
		chunk->entry->chunks--;
	}
}

static uint32_t collect(struct vgpu_vk *vk, struct vgpu_engine_completion *done,
			uint32_t max)
{
	struct vgpu_vk_entry *entry;
	uint32_t n = 0;

	for (; n < max && vk->head != vk->issued; vk->head++) {
		entry = entry_at(vk, vk->head);
		if (entry->chunks || !vgpu_vk_ran(vk, &entry->batch))
			break;
		done[n++] = (struct vgpu_engine_completion){
			.tag = entry->cmd.tag,
			.status = entry->status,
		};
		if (entry->kernel)
			vgpu_vk_kernel_put(vk, entry->kernel);
	}
	return n;
}

/* The batch with this number, which is out. */
static const struct vgpu_vk_batch *find_batch(const struct vgpu_vk *vk,
					      uint64_t seq)
{
	const struct vgpu_vk_batch *found = NULL;
	uint32_t i;

	for (i = 0; !found && i < VGPU_EXECUTOR_DEPTH; i++)
		if (vk->entries[i].batch.seq == seq)
			found = &vk->entries[i].batch;
	for (i = 0; !found && i < VGPU_VK_CHUNKS; i++)
		if (vk->chunks[i].batch.seq == seq)
			found = &vk->chunks[i].batch;
	vgpu_assert(found);
	return found;
}

/*
 * Wait for a batch that is out, with the lock held and dropped; it may end early
 * for no reason.  In slices, after which vk_wake() is noticed: Mesa polls
 * without a pause where any of two semaphores is waited for.
 */
static void wait_batch(struct vgpu_vk *vk, uint64_t seq, uint64_t deadline_ns)
{
	VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &vk->progress,
		.pValues = &seq,
	};
	const struct vgpu_vk_batch *batch;
	uint64_t now = vgpu_now_ns(), ns;
	VkResult result;

	ns = deadline_ns > now ? deadline_ns - now : 0;
	batch = vk->timeline ? NULL : find_batch(vk, seq);
	pthread_mutex_unlock(&vk->lock);
	if (vk->timeline)
		result = vk->fn.WaitSemaphores(vk->device, &info,
				min_t(uint64_t, ns, SLICE_NS));
	else
		result = vk->fn.WaitForFences(vk->device, 1, &batch->fence,
				VK_TRUE, min_t(uint64_t, ns, SLICE_NS));
	pthread_mutex_lock(&vk->lock);
	if (result < 0)
		vk->lost = true;
}

/* Look for a moment whether a batch has run. */
static bool spin(struct vgpu_vk *vk)
{
	struct vgpu_vk_batch next = { .seq = vk->ran + 1 };
	uint64_t end = vgpu_now_ns() + SPIN_NS;

	if (!vk->timeline)
		return false;
	while (!vk->lost && !vgpu_vk_ran(vk, &next)) {
		if (vgpu_now_ns() >= end)
			return false;
		pthread_mutex_unlock(&vk->lock);
		pthread_mutex_lock(&vk->lock);
	}
	return true;
}

static int vk_wait(void *e, struct vgpu_engine_completion *done, uint32_t max,
		   uint64_t deadline_ns)
{
	struct vgpu_vk *vk = e;
	int n;

	pthread_mutex_lock(&vk->lock);
	for (;;) {
		reap(vk);
		issue(vk);
		n = collect(vk, done, max);
		if (!n && vk->lost)
			n = -EIO;
		if (n || vk->woken || vgpu_now_ns() >= deadline_ns)
			break;
		if (vk->ran < vk->seq) {
			if (!spin(vk))
				wait_batch(vk, vk->ran + 1, deadline_ns);
		} else if (vk->dead) {
			pthread_mutex_unlock(&vk->lock);
			vgpu_vk_bury(vk);
			pthread_mutex_lock(&vk->lock);
		} else {
			vk->sleeping = true;
			vgpu_cond_wait(&vk->idle, &vk->lock, deadline_ns);
			vk->sleeping = false;
		}
	}
	vk->woken = false;
	pthread_mutex_unlock(&vk->lock);
	return n;
}

static void vk_wake(void *e)
{
	struct vgpu_vk *vk = e;

	pthread_mutex_lock(&vk->lock);
	vk->woken = true;
	nudge(vk);
	pthread_mutex_unlock(&vk->lock);
}

static int vk_submit(void *e, const struct vgpu_engine_cmd *cmd,
		     const struct vgpu_engine_slot *slot)
{
	struct vgpu_vk *vk = e;
	struct vgpu_vk_entry *entry;
	int error = 0;

	pthread_mutex_lock(&vk->lock);
	if (vk->lost) {
		error = -EIO;
	} else if (vk->tail - vk->head == VGPU_EXECUTOR_DEPTH) {
		error = -EAGAIN;
	} else {
		entry = entry_at(vk, vk->tail);
		entry->cmd = *cmd;
		entry->kernel = NULL;
		if (cmd->opcode == VGPU_ENGINE_LAUNCH) {
			entry->slot = *slot;
			entry->kernel = vgpu_vk_kernel_get(vk, slot->kernel);
		}
		entry->batch.seq = 0;
		entry->done = 0;
		entry->status = 0;
		vk->tail++;
		issue(vk);
	}
	pthread_mutex_unlock(&vk->lock);
	return error;
}

static void destroy(struct vgpu_vk *vk)
{
	vgpu_vk_kernels_close(vk);
	vgpu_vk_memory_close(vk);
	vgpu_vk_device_close(vk);
	vgpu_vk_unload(vk);
	pthread_cond_destroy(&vk->idle);
	pthread_mutex_destroy(&vk->lock);
	free(vk);
}

static int vk_close(void *e, uint64_t deadline_ns)
{
	struct vgpu_vk *vk = e;
	struct vgpu_vk_batch last = { .seq = vk->seq };
	uint64_t i;

	pthread_mutex_lock(&vk->lock);
	if (!vk->timeline && vk->ran < vk->seq)
		last = *find_batch(vk, vk->seq);
	while (!vgpu_vk_ran(vk, &last) && !vk->lost &&
	       vgpu_now_ns() < deadline_ns)
		wait_batch(vk, last.seq, deadline_ns);
	pthread_mutex_unlock(&vk->lock);
	if (vk->ran < vk->seq && !vk->lost)
		return -EBUSY;
	for (i = vk->head; i != vk->tail; i++)
		if (entry_at(vk, i)->kernel)
			vgpu_vk_kernel_put(vk, entry_at(vk, i)->kernel);
	destroy(vk);
	return 0;
}

static int check(const struct vgpu_executor_options *options,
		 struct vgpu_message *msg)
{
	uint32_t flags = options->flags;

	if (flags & ~VGPU_EXECUTOR_FLAGS ||
	    (flags & VGPU_EXECUTOR_CPU && flags & VGPU_EXECUTOR_GPU) ||
	    (flags & VGPU_EXECUTOR_DISCRETE && flags & VGPU_EXECUTOR_IMPORT))
		return vgpu_message_set(msg, -EINVAL,
			"flags %#x: unknown, or they exclude each other", flags);
	if (options->bank_shift < 16 || options->bank_shift > 30)
		return vgpu_message_set(msg, -EINVAL,
			"banks of 2^%u bytes: 2^16 to 2^30 is what there is",
			options->bank_shift);
	if (((uintptr_t)options->vram | options->vram_bytes) & 4095)
		return vgpu_message_set(msg, -EINVAL,
			"VRAM and its size have to be multiples of 4096");
	return 0;
}

static int vk_open(const struct vgpu_executor_options *options,
		   struct vgpu_message *msg, void **e)
{
	struct vgpu_vk *vk;
	int error;

	error = check(options, msg);
	if (error)
		return error;
	vk = calloc(1, sizeof(*vk));
	if (!vk)
		return vgpu_message_set(msg, -ENOMEM, "no memory");
	pthread_mutex_init(&vk->lock, NULL);
	vgpu_cond_init(&vk->idle);
	vk->vram = options->vram;
	vk->vram_bytes = options->vram_bytes;
	vk->bank_shift = options->bank_shift;
	error = vgpu_vk_load(vk, msg);
	if (!error)
		error = vgpu_vk_choose(vk, options, msg);
	if (!error)
		error = vgpu_vk_memory_open(vk, options->flags, msg);
	if (!error)
		*e = vk;
	else if (!vk->hung)
		destroy(vk);
	return error;
}

static const struct vgpu_engine_info *vk_info(void *e)
{
	struct vgpu_vk *vk = e;

	return &vk->info;
}

const struct vgpu_executor_ops vgpu_vulkan_executor = {
	.name = "vulkan",
	.open = vk_open,
	.close = vk_close,
	.info = vk_info,
	.build = vgpu_vk_build,
	.drop = vgpu_vk_drop,
	.submit = vk_submit,
	.wait = vk_wait,
	.wake = vk_wake,
};
