// SPDX-License-Identifier: MIT
/*
 * The demo's work.  A client takes eight tasks at a time through the same
 * steps: words go to block x of the device, a kernel changes them, x is copied
 * to block y, the first half of x is cleared, and both come back and are
 * compared.  x is freed and y kept, until the client has enough and frees some
 * at random: that is what makes holes.
 *
 * A step of all tasks goes into the queue as a batch.  Workers take commands
 * from there, each submits them to a ring of its own, and waits for them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define WORKER_BATCH	8u
#define LIMIT_MS	60000u
#define CLEARED		0xc1ea2edu
#define FACTOR		3u
#define COMPACT_EVERY_MS	100u
#define COMPACT_BYTES	(16 * DEMO_MIB)

enum step {
	STEP_TO,
	STEP_LAUNCH,
	STEP_COPY,
	STEP_CLEAR,
	STEP_FROM_Y,
	STEP_FROM_X,
	STEPS,
};

struct task {
	struct demo_client *client;
	struct demo_block x, y;
	struct vgpu_launch_args args;
	uint32_t *buffer;	/* DEMO_MAX_BYTES */
};

/* The content of memory, without having to keep it. */
static uint32_t word(uint32_t seed, uint32_t i)
{
	uint32_t v = seed * 0x9e3779b9u + i * 0x85ebca6bu;

	return v ^ v >> 15;
}

/* What the kernel makes of it, if it is run. */
static uint32_t changed(const struct demo *d, uint32_t seed, uint32_t i)
{
	return d->launches ? word(seed, i) * FACTOR + seed : word(seed, i);
}

static int change(const struct vgpu_native_call *call)
{
	uint32_t *x = call->ranges[0].data;
	uint32_t i, seed, n = call->grid[0] * 64;

	memcpy(&seed, call->consts, sizeof(seed));
	for (i = 0; i < n; i++)
		x[i] = x[i] * FACTOR + seed;
	return 0;
}

static uint32_t random_below(struct demo_client *c, uint32_t n)
{
	c->random = c->random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)c->random * n >> 32);
}

static void compare(struct demo *d, const uint32_t *data, uint32_t bytes,
		    uint32_t seed, bool half_cleared)
{
	uint32_t i, want, n = bytes / 4;
	uint64_t wrong = 0;

	for (i = 0; i < n; i++) {
		want = half_cleared && i < n / 2 ? CLEARED :
						   changed(d, seed, i);
		wrong += data[i] != want;
	}
	d->checked += bytes;
	d->wrong += wrong * 4;
}

static void drop(struct demo_client *c, uint32_t i)
{
	struct demo_block *b = &c->blocks[i];

	demo_must(c->demo, vgpu_device_free(c->demo->dev, b->address),
		  "free a block");
	c->kept_bytes -= b->bytes;
	*b = c->blocks[--c->n_blocks];
}

static void drop_some(struct demo_client *c, uint32_t n)
{
	while (n-- && c->n_blocks)
		drop(c, random_below(c, c->n_blocks));
}

/* Log-uniform, from 8 KiB on, a multiple of 256. */
static uint32_t random_bytes(struct demo_client *c)
{
	uint32_t bytes = 8192u << random_below(c, 8);

	return bytes + (random_below(c, bytes) & ~255u);
}

static void take_block(struct demo_client *c, struct demo_block *b,
		     uint32_t bytes, uint32_t seed)
{
	int ret;

	b->bytes = bytes;
	b->seed = seed;
	do {
		ret = vgpu_device_alloc(c->demo->dev, bytes, 0, &b->address);
		if (ret == -ENOMEM && c->n_blocks)
			drop_some(c, 1);
		else
			demo_must(c->demo, ret, "allocate a block");
	} while (ret);
}

static void task_begin(struct task *t)
{
	struct demo_client *c = t->client;
	uint32_t seed = random_below(c, UINT32_MAX);
	uint32_t bytes = random_bytes(c);
	uint32_t i;

	take_block(c, &t->x, bytes, seed);
	take_block(c, &t->y, bytes, seed);
	for (i = 0; i < bytes / 4; i++)
		t->buffer[i] = word(seed, i);
	vgpu_launch_args_init(&t->args);
	vgpu_launch_args_range(&t->args, t->x.address, bytes,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	vgpu_launch_args_consts(&t->args, &seed, sizeof(seed));
}

static void task_end(struct task *t)
{
	struct demo_client *c = t->client;

	demo_must(c->demo, vgpu_device_free(c->demo->dev, t->x.address),
		  "free a block");
	while (c->n_blocks == DEMO_BLOCKS || c->kept_bytes > DEMO_KEEP_BYTES)
		drop_some(c, 1);
	c->blocks[c->n_blocks++] = t->y;
	c->kept_bytes += t->y.bytes;
}

static struct vgpu_command task_command(struct task *t, enum step step)
{
	uint64_t kernel = t->client->demo->kernel;
	uint64_t x = t->x.address, y = t->y.address;
	uint32_t bytes = t->x.bytes;

	switch (step) {
	case STEP_TO:
		return vgpu_command_transfer_to(x, t->buffer, bytes);
	case STEP_LAUNCH:
		return vgpu_command_launch_args(kernel, bytes / 256, 1, 1,
						&t->args);
	case STEP_COPY:
		return vgpu_command_copy(y, x, bytes);
	case STEP_CLEAR:
		return vgpu_command_clear(x, bytes / 2, CLEARED);
	case STEP_FROM_Y:
		return vgpu_command_transfer_from(t->buffer, y, bytes);
	default:
		return vgpu_command_transfer_from(t->buffer, x, bytes);
	}
}

/* One step of all tasks: a batch into the queue, and wait for its end. */
static void run_step(struct demo_client *c, struct task *tasks, enum step step)
{
	struct vgpu_command cmds[DEMO_TASKS];
	uint32_t i, at = 0;
	int ret;

	for (i = 0; i < DEMO_TASKS; i++) {
		cmds[i] = task_command(&tasks[i], step);
		cmds[i].user_data = (uintptr_t)&tasks[i];
	}
	pthread_mutex_lock(&c->lock);
	c->pending = DEMO_TASKS;
	pthread_mutex_unlock(&c->lock);
	while (at < DEMO_TASKS) {
		ret = vgpu_queue_submit_batch(c->demo->queue, cmds + at,
					      DEMO_TASKS - at,
					      VGPU_QUEUE_PARTIAL);
		if (ret == -EAGAIN)
			sched_yield();
		else
			at += (uint32_t)demo_must(c->demo, ret, "submit");
	}
	pthread_mutex_lock(&c->lock);
	while (c->pending)
		pthread_cond_wait(&c->cond, &c->lock);
	ret = c->error;
	pthread_mutex_unlock(&c->lock);
	demo_must(c->demo, ret, "a command");

	for (i = 0; i < DEMO_TASKS; i++) {
		if (step == STEP_FROM_Y || step == STEP_FROM_X)
			compare(c->demo, tasks[i].buffer, tasks[i].x.bytes,
				tasks[i].x.seed, step == STEP_FROM_X);
	}
}

static void *client(void *arg)
{
	struct demo_client *c = arg;
	struct task *tasks = calloc(DEMO_TASKS, sizeof(*tasks));
	uint32_t i, round;
	enum step step;

	for (i = 0; tasks && i < DEMO_TASKS; i++) {
		tasks[i].client = c;
		tasks[i].buffer = malloc(DEMO_MAX_BYTES);
		if (!tasks[i].buffer)
			demo_die("memory is short");
	}
	if (!tasks)
		demo_die("memory is short");
	for (round = 0; round < DEMO_ROUNDS; round++) {
		for (i = 0; i < DEMO_TASKS; i++)
			task_begin(&tasks[i]);
		for (step = 0; step < STEPS; step++) {
			if (step != STEP_LAUNCH || c->demo->launches)
				run_step(c, tasks, step);
		}
		for (i = 0; i < DEMO_TASKS; i++)
			task_end(&tasks[i]);
	}
	drop_some(c, c->n_blocks / 3);
	for (i = 0; i < DEMO_TASKS; i++)
		free(tasks[i].buffer);
	free(tasks);
	return NULL;
}

/* The command of a task has ended: tell its client. */
static void ended(struct demo *d, const struct vgpu_command *cmd, int status)
{
	struct task *t = (struct task *)(uintptr_t)cmd->user_data;
	struct demo_client *c = t->client;

	if (status)
		vgpu_queue_mark_failed(d->queue, vgpu_queue_wait_ns(cmd));
	else
		vgpu_queue_mark_completed(d->queue, vgpu_queue_wait_ns(cmd));
	d->by_type[cmd->type] += !status;
	pthread_mutex_lock(&c->lock);
	if (status)
		c->error = status;
	if (!--c->pending)
		pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

static int carry_out(struct demo *d, struct vgpu_device_ring *ring,
		     const struct vgpu_command *cmd, uint64_t *ticket)
{
	int ret;

	do {
		ret = vgpu_device_submit(d->dev, ring, cmd, ticket);
	} while (ret == -EAGAIN && vgpu_device_process(d->dev, 0) >= 0);
	return ret;
}

static void *worker(void *arg)
{
	struct vgpu_device_ring_options options = {
		.size = sizeof(options),
		.entries = 64,
	};
	struct vgpu_command cmds[WORKER_BATCH];
	struct vgpu_device_ring *ring;
	uint64_t tickets[WORKER_BATCH];
	int status[WORKER_BATCH];
	struct demo *d = arg;
	int i, n;

	demo_must(d, vgpu_device_ring_create(d->dev, &options, &ring),
		  "a ring");
	for (;;) {
		n = vgpu_queue_dequeue_batch(d->queue, cmds, WORKER_BATCH,
					     VGPU_FOREVER);
		if (n == -EPIPE)
			break;
		demo_must(d, n, "take commands");
		for (i = 0; i < n; i++)
			status[i] = carry_out(d, ring, &cmds[i], &tickets[i]);
		for (i = 0; i < n; i++) {
			if (!status[i])
				status[i] = vgpu_device_wait(d->dev, tickets[i],
					vgpu_deadline_after_ms(LIMIT_MS), NULL);
			ended(d, &cmds[i], status[i]);
		}
	}
	vgpu_device_ring_destroy(ring);
	return NULL;
}

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int ret = pthread_create(thread, NULL, fn, arg);

	if (ret)
		demo_die("no thread: %s", strerror(ret));
}

/* Until the clients are done: memory moves while they use it. */
static uint64_t compact_meanwhile(struct demo *d, uint32_t clients)
{
	uint64_t moved, sum = 0;
	struct timespec until;
	uint32_t i;

	for (i = 0; i < clients;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += COMPACT_EVERY_MS * 1000000l;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!pthread_timedjoin_np(d->clients[i].thread, NULL, &until)) {
			i++;
			continue;
		}
		demo_must(d, vgpu_device_compact(d->dev, COMPACT_BYTES, &moved),
			  "compact");
		sum += moved;
	}
	return sum;
}

uint64_t demo_work(struct demo *d)
{
	struct vgpu_native_options native = {
		.size = sizeof(native),
		.fn = change,
		.used = 1,
		.written = 1,
		.const_bytes = 4,
	};
	pthread_t workers[DEMO_WORKERS];
	uint64_t moved;
	uint32_t i;

	if (d->launches)
		demo_must(d, vgpu_kernel_register_native(d->dev, &native,
							 &d->kernel),
			  "a kernel");
	demo_must(d, vgpu_queue_start(d->queue), "start the queue");
	for (i = 0; i < DEMO_WORKERS; i++)
		start(&workers[i], worker, d);
	for (i = 0; i < DEMO_CLIENTS; i++) {
		struct demo_client *c = &d->clients[i];

		c->demo = d;
		c->number = i;
		c->random = i + 1;
		pthread_mutex_init(&c->lock, NULL);
		pthread_cond_init(&c->cond, NULL);
		start(&c->thread, client, c);
	}
	moved = compact_meanwhile(d, DEMO_CLIENTS);
	vgpu_queue_close(d->queue);
	for (i = 0; i < DEMO_WORKERS; i++)
		pthread_join(workers[i], NULL);
	return moved;
}

void demo_check_blocks(struct demo *d)
{
	uint32_t *buffer = malloc(DEMO_MAX_BYTES);
	struct vgpu_command cmd;
	struct demo_block *b;
	uint64_t ticket;
	uint32_t i, k;

	if (!buffer)
		demo_die("memory is short");
	for (i = 0; i < DEMO_CLIENTS; i++) {
		for (k = 0; k < d->clients[i].n_blocks; k++) {
			b = &d->clients[i].blocks[k];
			cmd = vgpu_command_transfer_from(buffer, b->address,
							 b->bytes);
			demo_must(d, vgpu_device_submit(d->dev, NULL, &cmd,
							&ticket), "submit");
			demo_must(d, vgpu_device_wait(d->dev, ticket,
						      VGPU_FOREVER, NULL),
				  "a transfer");
			compare(d, buffer, b->bytes, b->seed, false);
		}
	}
	free(buffer);
}
