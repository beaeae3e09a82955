/* SPDX-License-Identifier: MIT */
/*
 * An executor of functions, with a thread and memory of its own, that can be
 * made to hang, to fail and to die.  A test that includes this gets it in the
 * place of the Vulkan executor.
 *
 * A kernel's code is one word: FAKE_ADD adds its first constant to every word
 * of range 0; FAKE_COPY copies range 1 to range 0; FAKE_HANG never ends;
 * FAKE_FAIL ends with EIO; FAKE_DIE loses the executor.
 */
#ifndef VGPU_FAKE_EXECUTOR_H
#define VGPU_FAKE_EXECUTOR_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "executor/executor.h"
#include "wait.h"

enum { FAKE_ADD = 1, FAKE_COPY, FAKE_HANG, FAKE_FAIL, FAKE_DIE };

#define FAKE_DEPTH	16u
#define FAKE_KERNELS	64u

/* What the next one that is opened does; set before. */
static struct {
	bool shared;
	bool killable;		/* it has abort() */
	int open;		/* errno of open() */
} fake_mode;
/* How often things were done, over all of them; read when nothing runs. */
static struct {
	uint32_t opened;
	uint32_t closed;
	uint32_t built;
	uint32_t dropped;
} fake_count;

struct fake {
	struct vgpu_executor_options options;
	struct vgpu_engine_info info;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	pthread_t thread;
	char *memory;
	uint32_t kernels[FAKE_KERNELS];
	struct {
		struct vgpu_engine_cmd cmd;
		struct vgpu_engine_slot slot;
	} in[FAKE_DEPTH];
	uint32_t first, n_in;
	struct vgpu_engine_completion done[FAKE_DEPTH];
	uint32_t n_done, out;
	bool woken, quit, lost, hangs;
};

static char *fake_at(struct fake *f, uint64_t offset)
{
	return (f->info.shared ? (char *)f->options.vram : f->memory) + offset;
}

static int fake_launch(struct fake *f, const struct vgpu_engine_slot *s)
{
	uint32_t *to = (uint32_t *)fake_at(f, s->ranges[0].address), i, add;

	switch (f->kernels[s->kernel % FAKE_KERNELS]) {
	case FAKE_ADD:
		memcpy(&add, s->consts, 4);
		for (i = 0; i < s->ranges[0].bytes / 4; i++)
			to[i] += add;
		return 0;
	case FAKE_COPY:
		memcpy(to, fake_at(f, s->ranges[1].address),
		       s->ranges[0].bytes);
		return 0;
	case FAKE_FAIL:
		return -EIO;
	case FAKE_DIE:
		f->lost = true;
		return 0;
	default:
		f->hangs = true;
		return 0;
	}
}

static int fake_run(struct fake *f, const struct vgpu_engine_cmd *c,
		    const struct vgpu_engine_slot *s)
{
	char *host = (char *)f->options.vram + c->op[0];
	uint32_t *p = (uint32_t *)fake_at(f, c->op[0]);
	uint64_t i;

	switch (c->opcode) {
	case VGPU_ENGINE_NOP:
		return 0;
	case VGPU_ENGINE_LAUNCH:
		return fake_launch(f, s);
	case VGPU_ENGINE_FLUSH:
		if (c->op[2] == 1)
			memcpy(host, p, c->op[1]);
		else
			memcpy(p, host, c->op[1]);
		return 0;
	case VGPU_ENGINE_COPY:
		memcpy(p, fake_at(f, c->op[1]), c->op[2]);
		return 0;
	case VGPU_ENGINE_CLEAR:
		for (i = 0; i < c->op[1] / 4; i++)
			p[i] = (uint32_t)c->op[2];
		return 0;
	default:
		return -EINVAL;
	}
}

static void *fake_thread(void *arg)
{
	struct fake *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!f->quit && !f->lost) {
		struct vgpu_engine_completion done = { 0 };
		uint32_t i = f->first % FAKE_DEPTH;

		if (!f->n_in || f->hangs) {
			pthread_cond_wait(&f->cond, &f->lock);
			continue;
		}
		done.tag = f->in[i].cmd.tag;
		done.status = fake_run(f, &f->in[i].cmd, &f->in[i].slot);
		f->first++;
		f->n_in--;
		if (!f->hangs && !f->lost)
			f->done[f->n_done++] = done;
		pthread_cond_broadcast(&f->cond);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void fake_abort(void *e)
{
	struct fake *f = e;

	if (!fake_mode.killable)
		return;
	pthread_mutex_lock(&f->lock);
	f->lost = true;
	f->hangs = false;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

static int fake_open(const struct vgpu_executor_options *o,
		     struct vgpu_message *msg, void **e)
{
	struct fake *f;

	if (fake_mode.open)
		return vgpu_message_set(msg, fake_mode.open,
					"no driver: install fake");
	f = calloc(1, sizeof(*f));
	f->options = *o;
	f->memory = malloc(o->vram_bytes);
	/* Memory of an engine's own has no defined content. */
	memset(f->memory, 0xa5, o->vram_bytes);
	snprintf(f->info.name, sizeof(f->info.name), "fake");
	f->info.features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_ALIAS;
	f->info.max_range_bytes = 1 << 20;
	f->info.max_bank_bytes = 1 << 30;
	f->info.max_grid[0] = 1000;
	f->info.max_grid[1] = 1000;
	f->info.max_grid[2] = 1000;
	f->info.max_ranges = 16;
	f->info.shared = fake_mode.shared;
	pthread_mutex_init(&f->lock, NULL);
	vgpu_cond_init(&f->cond);
	pthread_create(&f->thread, NULL, fake_thread, f);
	fake_count.opened++;
	*e = f;
	return 0;
}

static int fake_close(void *e, uint64_t deadline_ns)
{
	struct fake *f = e;

	(void)deadline_ns;
	pthread_mutex_lock(&f->lock);
	if (f->hangs) {
		pthread_mutex_unlock(&f->lock);
		return -EBUSY;
	}
	f->quit = true;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	free(f->memory);
	free(f);
	fake_count.closed++;
	return 0;
}

static const struct vgpu_engine_info *fake_info(void *e)
{
	return &((struct fake *)e)->info;
}

static int fake_build(void *e, uint32_t kernel, const void *desc, size_t bytes,
		      struct vgpu_engine_built *built)
{
	const struct vgpu_kernel_desc *d = desc;
	struct fake *f = e;
	uint32_t code;

	memset(built, 0, sizeof(*built));
	memcpy(&code, (const char *)desc + bytes - 4, 4);
	if (d->code_bytes != 4 || !code || code > FAKE_DIE) {
		snprintf(built->message, sizeof(built->message),
			 "no such fake");
		return -EINVAL;
	}
	built->info.used = code == FAKE_COPY ? 3 : 1;
	built->info.written = 1;
	built->info.const_bytes = code == FAKE_ADD ? 4 : 0;
	built->info.workgroup[0] = 1;
	built->info.workgroup[1] = 1;
	built->info.workgroup[2] = 1;
	pthread_mutex_lock(&f->lock);
	f->kernels[kernel % FAKE_KERNELS] = code;
	fake_count.built++;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static void fake_drop(void *e, uint32_t kernel)
{
	struct fake *f = e;

	(void)kernel;
	pthread_mutex_lock(&f->lock);
	fake_count.dropped++;
	pthread_mutex_unlock(&f->lock);
}

static int fake_submit(void *e, const struct vgpu_engine_cmd *cmd,
		       const struct vgpu_engine_slot *slot)
{
	struct fake *f = e;
	int ret = 0;

	pthread_mutex_lock(&f->lock);
	if (f->lost) {
		ret = -EIO;
	} else if (f->n_in + f->n_done + f->out >= FAKE_DEPTH) {
		ret = -EAGAIN;
	} else {
		uint32_t i = (f->first + f->n_in++) % FAKE_DEPTH;

		f->in[i].cmd = *cmd;
		if (slot)
			f->in[i].slot = *slot;
		pthread_cond_broadcast(&f->cond);
	}
	pthread_mutex_unlock(&f->lock);
	return ret;
}

static int fake_wait(void *e, struct vgpu_engine_completion *done, uint32_t max,
		     uint64_t deadline_ns)
{
	struct fake *f = e;
	uint32_t n, i;
	int ret = 0;

	pthread_mutex_lock(&f->lock);
	while (!f->n_done && !f->woken && !f->lost && !ret)
		ret = vgpu_cond_wait(&f->cond, &f->lock, deadline_ns);
	f->woken = false;
	n = f->n_done < max ? f->n_done : max;
	for (i = 0; i < n; i++)
		done[i] = f->done[i];
	f->n_done -= n;
	memmove(f->done, f->done + n, f->n_done * sizeof(f->done[0]));
	ret = n || !f->lost ? (int)n : -EIO;
	pthread_mutex_unlock(&f->lock);
	return ret;
}

static void fake_wake(void *e)
{
	struct fake *f = e;

	pthread_mutex_lock(&f->lock);
	f->woken = true;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

const struct vgpu_executor_ops vgpu_vulkan_executor = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.info = fake_info,
	.build = fake_build,
	.drop = fake_drop,
	.submit = fake_submit,
	.wait = fake_wait,
	.wake = fake_wake,
	.abort = fake_abort,
};

/* In the place of the client of a worker too. */
const struct vgpu_executor_ops vgpu_worker_executor = {
	.name = "fake worker",
	.open = fake_open,
	.close = fake_close,
	.info = fake_info,
	.build = fake_build,
	.drop = fake_drop,
	.submit = fake_submit,
	.wait = fake_wait,
	.wake = fake_wake,
	.abort = fake_abort,
};

#endif /* VGPU_FAKE_EXECUTOR_H */
