// SPDX-License-Identifier: MIT
/*
 * A worker's work: commands from the ring to the executor, its answers back.
 *
 * Three threads: the main one takes commands and submits them, one waits for
 * the executor, and one compiles kernels, which takes long and shall not keep
 * launches waiting.  They share the ring's consumer, under @lock.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vgpu/error.h>

#include "worker.h"

#define VGPU_WORKER_BATCH	32u

/* How often to look for a command before sleeping. */
#define VGPU_WORKER_SPINS	1000u

/* Kernels are found by the lower bits of their ids. */
#define VGPU_WORKER_KERNELS	65536u

/**
 * struct kernel - a kernel that the executor has
 * @id: as the host calls it
 * @built: it is there
 * @info: what it uses
 */
struct kernel {
	uint32_t id;
	bool built;
	struct vgpu_kernel_info info;
};

/**
 * struct loop - what the threads share
 * @h: the host
 * @ops: the executor
 * @e: the executor
 * @info: the executor's
 * @lock: protects all that follows
 * @c: the ring's consumer; @c.sq_head is the main thread's to read
 * @out: commands that the executor has
 * @completed: how many it has completed, to see that it goes on
 * @progress: @completed has changed
 * @kernels: what was built
 * @building: @build is being compiled
 * @build: a BUILD
 * @work: @building has been set
 */
struct loop {
	struct vgpu_worker_host *h;
	const struct vgpu_executor_ops *ops;
	void *e;
	const struct vgpu_engine_info *info;

	pthread_mutex_t lock;
	struct vgpu_ring_consumer c;
	uint32_t out;
	uint64_t completed;
	pthread_cond_t progress;
	struct kernel *kernels;
	bool building;
	struct vgpu_engine_cmd build;
	pthread_cond_t work;
};

static void __attribute__((noreturn)) give_up(const char *why)
{
	fprintf(stderr, "vgpu-worker: %s\n", why);
	_exit(1);
}

static void doorbell(void)
{
	send(VGPU_WORKER_SOCKET, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* @lock is held.  Returns whether the doorbell must be rung. */
static bool complete(struct loop *l, const struct vgpu_engine_completion *done)
{
	return vgpu_ring_complete(&l->c, (const struct vgpu_completion *)done);
}

static void answer(struct loop *l, uint64_t tag, int status)
{
	const struct vgpu_engine_completion done = {
		.tag = tag,
		.status = status,
	};
	bool ring;

	pthread_mutex_lock(&l->lock);
	ring = complete(l, &done);
	pthread_mutex_unlock(&l->lock);
	if (ring)
		doorbell();
}

/* Whether @bytes from @offset on lie in VRAM, in words. */
static bool in_vram(const struct loop *l, uint64_t offset, uint64_t bytes)
{
	uint64_t vram = l->h->hello.vram_bytes;

	return bytes && !((offset | bytes) & 3) && offset <= vram &&
	       bytes <= vram - offset;
}

static bool range_valid(const struct loop *l, const struct vgpu_range *r)
{
	uint32_t shift = l->h->hello.bank_shift;

	if (!r->bytes)
		return !r->address && !r->flags;
	return r->flags && !(r->flags & ~VGPU_RANGE_ALL) &&
	       !(r->address & (VGPU_RANGE_ALIGN - 1)) &&
	       in_vram(l, r->address, r->bytes) &&
	       r->bytes <= l->info->max_range_bytes &&
	       r->address >> shift == (r->address + r->bytes - 1) >> shift;
}

/* Whether a launch, in private memory, may be given to the executor. */
static bool slot_valid(struct loop *l, const struct vgpu_engine_slot *s,
		       uint64_t tag)
{
	const struct kernel *k = &l->kernels[s->kernel % VGPU_WORKER_KERNELS];
	uint32_t i, given = 0, written = 0;
	bool ret;

	if (s->tag != tag || s->flags || s->n_ranges > VGPU_MAX_RANGES ||
	    s->const_bytes > VGPU_MAX_CONST_BYTES || s->const_bytes & 3)
		return false;
	for (i = 0; i < 3; i++)
		if (!s->grid[i] || s->grid[i] > l->info->max_grid[i])
			return false;
	for (i = 0; i < s->n_ranges; i++) {
		if (!range_valid(l, &s->ranges[i]))
			return false;
		if (s->ranges[i].bytes)
			given |= 1u << i;
		if (s->ranges[i].flags & VGPU_RANGE_WRITE)
			written |= 1u << i;
	}
	pthread_mutex_lock(&l->lock);
	ret = k->built && k->id == s->kernel &&
	      !(k->info.used & ~given) && !(k->info.written & ~written) &&
	      s->const_bytes >= k->info.const_bytes;
	pthread_mutex_unlock(&l->lock);
	return ret;
}

/* Give a command to the executor, once it has room. */
static void submit(struct loop *l, const struct vgpu_engine_cmd *cmd,
		   const struct vgpu_engine_slot *slot)
{
	uint64_t completed;
	int ret;

	pthread_mutex_lock(&l->lock);
	while (l->out == VGPU_EXECUTOR_DEPTH)
		pthread_cond_wait(&l->progress, &l->lock);
	l->out++;
	for (;;) {
		completed = l->completed;
		pthread_mutex_unlock(&l->lock);
		ret = l->ops->submit(l->e, cmd, slot);
		pthread_mutex_lock(&l->lock);
		if (ret != -EAGAIN || l->out == 1)
			break;
		while (l->completed == completed)
			pthread_cond_wait(&l->progress, &l->lock);
	}
	if (ret)
		l->out--;
	pthread_mutex_unlock(&l->lock);
	if (ret == -EIO)
		give_up("the driver has lost its device");
	if (ret)
		answer(l, cmd->tag, ret);
}

static void launch(struct loop *l, const struct vgpu_engine_cmd *cmd)
{
	struct vgpu_engine_slot slot;
	uint64_t i = cmd->op[0];

	if (i >= l->h->hello.entries) {
		answer(l, cmd->tag, -EINVAL);
		return;
	}
	slot = l->h->slots[i];
	/* From here on the copy is what counts: never read the slot again. */
	vgpu_ring_barrier();
	if (!slot_valid(l, &slot, cmd->tag)) {
		answer(l, cmd->tag, -EINVAL);
		return;
	}
	/* Pairs with the acquire in vgpu_worker_started(). */
	vgpu_store_release(&l->h->marks[i].tag, cmd->tag);
	submit(l, cmd, &slot);
}

static bool in_control(const struct loop *l, uint64_t offset, uint64_t bytes)
{
	uint64_t size = l->h->hello.control_bytes;

	return !(offset & 7) && offset <= size && bytes <= size - offset;
}

/* Hand a BUILD to its thread. */
static void build(struct loop *l, const struct vgpu_engine_cmd *cmd)
{
	int ret = 0;

	if (cmd->op[0] > UINT32_MAX ||
	    !in_control(l, cmd->op[1], cmd->op[2]) ||
	    !in_control(l, cmd->op[3], sizeof(struct vgpu_engine_built))) {
		answer(l, cmd->tag, -EINVAL);
		return;
	}
	pthread_mutex_lock(&l->lock);
	if (l->building) {
		ret = -EAGAIN;
	} else if (l->kernels[cmd->op[0] % VGPU_WORKER_KERNELS].built) {
		ret = -EEXIST;
	} else {
		l->building = true;
		l->build = *cmd;
		pthread_cond_signal(&l->work);
	}
	pthread_mutex_unlock(&l->lock);
	if (ret)
		answer(l, cmd->tag, ret);
}

static void drop(struct loop *l, const struct vgpu_engine_cmd *cmd)
{
	struct kernel *k = &l->kernels[cmd->op[0] % VGPU_WORKER_KERNELS];
	bool there;

	pthread_mutex_lock(&l->lock);
	there = k->built && k->id == cmd->op[0];
	k->built = k->built && !there;
	pthread_mutex_unlock(&l->lock);
	if (there)
		l->ops->drop(l->e, (uint32_t)cmd->op[0]);
	answer(l, cmd->tag, there ? 0 : -ENOENT);
}

static bool memory_valid(const struct loop *l,
			 const struct vgpu_engine_cmd *cmd)
{
	const __u64 *op = cmd->op;

	switch (cmd->opcode) {
	case VGPU_ENGINE_COPY:
		return in_vram(l, op[0], op[2]) && in_vram(l, op[1], op[2]) &&
		       (op[0] >= op[1] + op[2] || op[1] >= op[0] + op[2]);
	case VGPU_ENGINE_CLEAR:
		return in_vram(l, op[0], op[1]) && op[2] <= UINT32_MAX;
	default:
		return in_vram(l, op[0], op[1]) && (op[2] == 1 || op[2] == 2);
	}
}

static void run(struct loop *l, const struct vgpu_engine_cmd *cmd)
{
	if (cmd->flags) {
		answer(l, cmd->tag, -EINVAL);
		return;
	}
	switch (cmd->opcode) {
	case VGPU_ENGINE_NOP:
		submit(l, cmd, NULL);
		break;
	case VGPU_ENGINE_BUILD:
		build(l, cmd);
		break;
	case VGPU_ENGINE_DROP:
		drop(l, cmd);
		break;
	case VGPU_ENGINE_LAUNCH:
		launch(l, cmd);
		break;
	case VGPU_ENGINE_COPY:
	case VGPU_ENGINE_CLEAR:
	case VGPU_ENGINE_FLUSH:
		if (memory_valid(l, cmd))
			submit(l, cmd, NULL);
		else
			answer(l, cmd->tag, -EINVAL);
		break;
	default:
		answer(l, cmd->tag, -EOPNOTSUPP);
	}
}

/* What a BUILD asks for, copied, compiled and kept. */
static int build_kernel(struct loop *l, const struct vgpu_engine_cmd *cmd)
{
	struct kernel *k = &l->kernels[cmd->op[0] % VGPU_WORKER_KERNELS];
	struct vgpu_engine_built built = { 0 };
	void *desc;
	int ret;

	desc = malloc(cmd->op[2] + 1);
	if (!desc)
		return -ENOMEM;
	memcpy(desc, l->h->control + cmd->op[1], cmd->op[2]);
	ret = l->ops->build(l->e, (uint32_t)cmd->op[0], desc, cmd->op[2],
			    &built);
	free(desc);
	memcpy(l->h->control + cmd->op[3], &built, sizeof(built));
	if (ret)
		return ret;
	pthread_mutex_lock(&l->lock);
	k->id = (uint32_t)cmd->op[0];
	k->info = built.info;
	k->built = true;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static void *build_thread(void *arg)
{
	struct loop *l = arg;
	uint64_t tag;
	int ret;

	for (;;) {
		pthread_mutex_lock(&l->lock);
		while (!l->building)
			pthread_cond_wait(&l->work, &l->lock);
		pthread_mutex_unlock(&l->lock);
		/* @build is this thread's until @building is false. */
		tag = l->build.tag;
		ret = build_kernel(l, &l->build);
		pthread_mutex_lock(&l->lock);
		l->building = false;
		pthread_mutex_unlock(&l->lock);
		answer(l, tag, ret);
	}
	return NULL;
}

static void *wait_thread(void *arg)
{
	struct vgpu_engine_completion done[VGPU_WORKER_BATCH];
	struct loop *l = arg;
	bool ring;
	int i, n;

	for (;;) {
		n = l->ops->wait(l->e, done, VGPU_WORKER_BATCH, VGPU_FOREVER);
		if (n < 0)
			give_up("the driver has lost its device");
		ring = false;
		pthread_mutex_lock(&l->lock);
		for (i = 0; i < n; i++)
			ring |= complete(l, &done[i]);
		l->out -= (uint32_t)n;
		l->completed += (uint32_t)n;
		pthread_cond_signal(&l->progress);
		pthread_mutex_unlock(&l->lock);
		if (ring)
			doorbell();
	}
	return NULL;
}

/* Sleep until the host rings; it hanging up is the end. */
static void wait_for_bell(void)
{
	ssize_t n;
	char bell;

	do {
		n = recv(VGPU_WORKER_SOCKET, &bell, 1, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		_exit(0);
}

/* Commands, copied, or 0 after a sleep. */
static uint32_t take(struct loop *l, struct vgpu_cmd *cmds)
{
	unsigned int spins;
	uint32_t n = 0;
	int room, sleep;

	for (spins = 0; spins < VGPU_WORKER_SPINS; spins++)
		if (vgpu_ring_published(&l->c.ring, l->c.sq_head))
			break;
	pthread_mutex_lock(&l->lock);
	room = vgpu_ring_cq_room(&l->c, VGPU_WORKER_BATCH);
	if (room > 0)
		n = vgpu_ring_consume(&l->c, cmds, (uint32_t)room);
	if (n)
		sleep = 0;
	else if (room)
		sleep = vgpu_ring_prepare_sleep(&l->c);
	else
		sleep = vgpu_ring_mark_stalled(&l->c);
	pthread_mutex_unlock(&l->lock);
	if (room < 0 || sleep < 0)
		give_up("the host has broken the ring");
	if (sleep)
		wait_for_bell();
	return n;
}

void vgpu_worker_serve(struct vgpu_worker_host *h,
		       const struct vgpu_executor_ops *ops, void *e)
{
	static struct loop l;
	struct vgpu_cmd cmds[VGPU_WORKER_BATCH];
	pthread_t thread;
	uint32_t i, n;

	l.h = h;
	l.ops = ops;
	l.e = e;
	l.info = ops->info(e);
	pthread_mutex_init(&l.lock, NULL);
	pthread_cond_init(&l.progress, NULL);
	pthread_cond_init(&l.work, NULL);
	vgpu_ring_consumer_init(&l.c, &h->ring);
	l.kernels = calloc(VGPU_WORKER_KERNELS, sizeof(*l.kernels));
	if (!l.kernels || pthread_create(&thread, NULL, wait_thread, &l) ||
	    pthread_create(&thread, NULL, build_thread, &l))
		give_up("no memory for its threads");
	for (;;) {
		n = take(&l, cmds);
		for (i = 0; i < n; i++)
			run(&l, (const struct vgpu_engine_cmd *)&cmds[i]);
	}
}
