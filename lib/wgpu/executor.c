// SPDX-License-Identifier: MIT
/*
 * The WebGPU executor: opening and closing, submission, waiting.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "wgpu/wgpu.h"

/* How long a waiter polls without a pause. */
#define VGPU_WGPU_SPIN_NS	100000ull
/* Then a pause is this part of the time that the oldest command has taken. */
#define VGPU_WGPU_PAUSE_SHIFT	5
#define VGPU_WGPU_PAUSE_NS	2000000ull

/**
 * struct vgpu_wgpu_closing - a close on its own thread
 * @lock: protects what follows
 * @cond: @ended
 * @e: executor
 * @deadline_ns: when to give up
 * @ended: the thread is about to end
 * @gone: all is released
 * @left: nobody waits for the thread: it frees this
 */
struct vgpu_wgpu_closing {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct vgpu_wgpu *e;
	uint64_t deadline_ns;
	bool ended;
	bool gone;
	bool left;
};

static struct timespec vgpu_wgpu_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = ns / 1000000000ull,
		.tv_nsec = ns % 1000000000ull,
	};
}

/* Its waits end by CLOCK_MONOTONIC. */
static void vgpu_wgpu_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static int vgpu_wgpu_check_options(const struct vgpu_executor_options *o,
				   struct vgpu_message *msg)
{
	if (o->flags & ~VGPU_EXECUTOR_FLAGS)
		return vgpu_message_set(msg, -EINVAL,
					"unknown executor flags %#x",
					o->flags & ~VGPU_EXECUTOR_FLAGS);
	if (o->bank_shift < 16 || o->bank_shift > 30)
		return vgpu_message_set(msg, -EINVAL,
					"banks of 2^%u bytes: 2^16 to 2^30 are possible",
					o->bank_shift);
	if (o->vram_bytes & 4095 || (o->vram_bytes && !o->vram) ||
	    o->vram_bytes >> o->bank_shift > 1u << 20)
		return vgpu_message_set(msg, -EINVAL,
					"%llu bytes of VRAM: a multiple of 4096 is wanted",
					(unsigned long long)o->vram_bytes);
	return 0;
}

/* What needs the device. */
static int vgpu_wgpu_setup(struct vgpu_wgpu *e,
			   const struct vgpu_executor_options *o,
			   struct vgpu_message *msg)
{
	uint64_t bank = vgpu_wgpu_in_bank(e, 0, o->vram_bytes);

	if (bank > e->info.max_bank_bytes)
		return vgpu_message_set(msg, -EINVAL,
					"banks of %llu bytes: %s has %llu at most",
					(unsigned long long)bank, e->info.name,
					(unsigned long long)e->info.max_bank_bytes);
	e->n_banks = (o->vram_bytes + (1ull << o->bank_shift) - 1) >>
		     o->bank_shift;
	e->banks = calloc(e->n_banks + !e->n_banks, sizeof(*e->banks));
	if (!e->banks)
		return vgpu_message_set(msg, -ENOMEM, "no memory");
	e->consts = vgpu_wgpu_buffer(e, VGPU_WGPU_CONST_BYTES,
		WGPUBufferUsage_Storage | WGPUBufferUsage_CopyDst);
	if (!e->consts) {
		free(e->banks);
		return vgpu_message_set(msg, -ENOMEM,
					"WebGPU has no memory on %s",
					e->info.name);
	}
	return 0;
}

static int vgpu_wgpu_open(const struct vgpu_executor_options *options,
			  struct vgpu_message *msg, void **ptr)
{
	struct vgpu_wgpu *e;
	int error;

	error = vgpu_wgpu_check_options(options, msg);
	if (error)
		return error;
	e = calloc(1, sizeof(*e));
	if (!e)
		return vgpu_message_set(msg, -ENOMEM, "no memory");
	e->vram = options->vram;
	e->vram_bytes = options->vram_bytes;
	e->bank_shift = options->bank_shift;
	error = vgpu_wgpu_api_open(&e->api, msg);
	if (error)
		goto free_e;
	error = vgpu_wgpu_device_open(e, options, msg);
	if (error)
		goto close_api;
	error = vgpu_wgpu_setup(e, options, msg);
	if (error)
		goto close_device;
	pthread_mutex_init(&e->lock, NULL);
	vgpu_wgpu_cond_init(&e->cond);
	*ptr = e;
	return 0;

close_device:
	vgpu_wgpu_device_close(e);
close_api:
	vgpu_wgpu_api_close(&e->api);
free_e:
	free(e);
	return error;
}

static const struct vgpu_engine_info *vgpu_wgpu_get_info(void *ptr)
{
	struct vgpu_wgpu *e = ptr;

	return &e->info;
}

static int vgpu_wgpu_submit(void *ptr, const struct vgpu_engine_cmd *cmd,
			    const struct vgpu_engine_slot *slot)
{
	struct vgpu_wgpu *e = ptr;
	struct vgpu_wgpu_job *job;
	int error = 0;

	pthread_mutex_lock(&e->lock);
	if (e->lost)
		error = -EIO;
	else if (e->tail - e->head == VGPU_EXECUTOR_DEPTH)
		error = -EAGAIN;
	if (error)
		goto unlock;
	job = &e->jobs[e->tail % VGPU_EXECUTOR_DEPTH];
	*job = (struct vgpu_wgpu_job){ .e = e, .cmd = *cmd };
	if (cmd->opcode == VGPU_ENGINE_LAUNCH) {
		job->slot = *slot;
		job->kernel = vgpu_wgpu_kernel_get(e, slot->kernel);
	}
	e->tail++;
	vgpu_wgpu_advance(e);
	pthread_cond_signal(&e->cond);
unlock:
	pthread_mutex_unlock(&e->lock);
	return error;
}

static uint32_t vgpu_wgpu_reap(struct vgpu_wgpu *e,
			       struct vgpu_engine_completion *done,
			       uint32_t max)
{
	struct vgpu_wgpu_job *job;
	uint32_t n;

	for (n = 0; n < max && e->head != e->next; n++) {
		job = &e->jobs[e->head % VGPU_EXECUTOR_DEPTH];
		if (job->state != VGPU_WGPU_DONE)
			break;
		done[n] = (struct vgpu_engine_completion){
			.tag = job->cmd.tag,
			.status = job->status,
			.run_ns = job->run_ns,
		};
		e->head++;
	}
	return n;
}

/* Let the provider call back, and see what that was. */
static void vgpu_wgpu_look(struct vgpu_wgpu *e)
{
	vgpu_wgpu_poll(e);
	/* Nobody can say what it harmed. */
	if (e->stray)
		e->lost = true;
	vgpu_wgpu_advance(e);
}

/* Pause until it is time to look again, or something happens. */
static void vgpu_wgpu_pause(struct vgpu_wgpu *e, uint64_t now,
			    uint64_t deadline_ns)
{
	const struct vgpu_wgpu_job *job;
	uint64_t since, pause, until = deadline_ns;
	struct timespec t;

	if (e->head != e->tail) {
		job = &e->jobs[e->head % VGPU_EXECUTOR_DEPTH];
		since = job->start_ns > e->last_ns ? job->start_ns : e->last_ns;
		if (now - since < VGPU_WGPU_SPIN_NS) {
			pthread_mutex_unlock(&e->lock);
			sched_yield();
			pthread_mutex_lock(&e->lock);
			return;
		}
		pause = (now - since) >> VGPU_WGPU_PAUSE_SHIFT;
		if (pause > VGPU_WGPU_PAUSE_NS)
			pause = VGPU_WGPU_PAUSE_NS;
		if (until > now + pause)
			until = now + pause;
	}
	t = vgpu_wgpu_timespec(until);
	pthread_cond_timedwait(&e->cond, &e->lock, &t);
}

static int vgpu_wgpu_wait(void *ptr, struct vgpu_engine_completion *done,
			  uint32_t max, uint64_t deadline_ns)
{
	struct vgpu_wgpu *e = ptr;
	uint64_t now;
	int n;

	pthread_mutex_lock(&e->lock);
	for (;;) {
		if (e->head != e->tail && !e->lost)
			vgpu_wgpu_look(e);
		n = vgpu_wgpu_reap(e, done, max);
		if (!n && e->lost)
			n = -EIO;
		now = vgpu_wgpu_now();
		if (n || e->woken || now >= deadline_ns)
			break;
		vgpu_wgpu_pause(e, now, deadline_ns);
	}
	e->woken = false;
	pthread_mutex_unlock(&e->lock);
	return n;
}

static void vgpu_wgpu_wake(void *ptr)
{
	struct vgpu_wgpu *e = ptr;

	pthread_mutex_lock(&e->lock);
	e->woken = true;
	pthread_cond_signal(&e->cond);
	pthread_mutex_unlock(&e->lock);
}

/* Drain, and release all: whatever here hangs, hangs on this thread. */
static bool vgpu_wgpu_finish(struct vgpu_wgpu *e, uint64_t deadline_ns)
{
	struct vgpu_engine_completion done[16];
	int n = 0;

	while (e->head != e->tail && n >= 0 && vgpu_wgpu_now() < deadline_ns)
		n = vgpu_wgpu_wait(e, done, 16, deadline_ns);
	if (e->head != e->tail && !e->lost)
		return false;
	/* Those that were never issued hold kernels. */
	for (; e->next != e->tail; e->next++) {
		struct vgpu_wgpu_kernel *k =
			e->jobs[e->next % VGPU_EXECUTOR_DEPTH].kernel;

		if (k)
			vgpu_wgpu_kernel_put(e, k);
	}
	vgpu_wgpu_kernels_close(e);
	vgpu_wgpu_memory_close(e);
	vgpu_wgpu_device_close(e);
	vgpu_wgpu_api_close(&e->api);
	pthread_cond_destroy(&e->cond);
	pthread_mutex_destroy(&e->lock);
	free(e->banks);
	free(e);
	return true;
}

static void vgpu_wgpu_closing_free(struct vgpu_wgpu_closing *c)
{
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *vgpu_wgpu_closer(void *ptr)
{
	struct vgpu_wgpu_closing *c = ptr;
	bool gone = vgpu_wgpu_finish(c->e, c->deadline_ns), left;

	pthread_mutex_lock(&c->lock);
	c->ended = true;
	c->gone = gone;
	left = c->left;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (left)
		vgpu_wgpu_closing_free(c);
	return NULL;
}

/* The thread gets a moment more than the commands, to release things. */
#define VGPU_WGPU_CLOSE_NS	2000000000ull

static int vgpu_wgpu_close(void *ptr, uint64_t deadline_ns)
{
	struct vgpu_wgpu_closing *c;
	uint64_t until;
	struct timespec t;
	pthread_t thread;
	bool gone, left;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -EBUSY;
	pthread_mutex_init(&c->lock, NULL);
	vgpu_wgpu_cond_init(&c->cond);
	c->e = ptr;
	c->deadline_ns = deadline_ns;
	if (pthread_create(&thread, NULL, vgpu_wgpu_closer, c)) {
		gone = vgpu_wgpu_finish(ptr, deadline_ns);
		vgpu_wgpu_closing_free(c);
		return gone ? 0 : -EBUSY;
	}
	until = vgpu_wgpu_now();
	if (until < deadline_ns)
		until = deadline_ns;
	if (until < UINT64_MAX - VGPU_WGPU_CLOSE_NS)
		until += VGPU_WGPU_CLOSE_NS;
	t = vgpu_wgpu_timespec(until);
	pthread_mutex_lock(&c->lock);
	while (!c->ended && vgpu_wgpu_now() < until)
		pthread_cond_timedwait(&c->cond, &c->lock, &t);
	left = !c->ended;
	c->left = left;
	gone = c->gone;
	pthread_mutex_unlock(&c->lock);
	if (left) {
		pthread_detach(thread);
		return -EBUSY;
	}
	pthread_join(thread, NULL);
	vgpu_wgpu_closing_free(c);
	return gone ? 0 : -EBUSY;
}

const struct vgpu_executor_ops vgpu_wgpu_executor = {
	.name = "wgpu",
	.open = vgpu_wgpu_open,
	.close = vgpu_wgpu_close,
	.info = vgpu_wgpu_get_info,
	.build = vgpu_wgpu_build,
	.drop = vgpu_wgpu_drop,
	.submit = vgpu_wgpu_submit,
	.wait = vgpu_wgpu_wait,
	.wake = vgpu_wgpu_wake,
};
