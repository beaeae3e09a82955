// SPDX-License-Identifier: MIT
/*
 * The executor of a simulator: opened when it is needed, watched by a thread
 * that takes completions and knows when a launch has run too long, and ended,
 * also if it hangs.
 *
 * DOC: Losing an executor
 *
 * A worker dies, a driver loses its device, a launch outruns its time: from
 * then on launches end with EIO until the device is reset.  What was in flight
 * ends with EIO at once; its memory is the engine's until that is closed.  A
 * worker can be killed.  A driver in this process that hangs cannot be ended:
 * it is left behind with the VRAM that it may still write to, and a reset makes
 * new VRAM.
 */
#include <stdio.h>
#include <unistd.h>

#include "sim.h"
#include "wait.h"

#define VGPU_SIM_REAP		32u
/* How long commands may run on when their device is reset or closed. */
#define VGPU_SIM_GRACE_NS	(2 * VGPU_NS_PER_S)
/* How long a driver gets that seems to hang. */
#define VGPU_SIM_HUNG_NS	(VGPU_NS_PER_S / 10)

int vgpu_sim_engine_init(struct vgpu_sim *s,
			 const struct vgpu_device_options *o,
			 const char *kind, uint32_t flags)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t i;

	pthread_mutex_init(&en->open_lock, NULL);
	en->worker = o->flags & VGPU_DEVICE_WORKER || !strcmp(kind, "wgpu");
	en->ops = en->worker ? &vgpu_worker_executor : &vgpu_vulkan_executor;
	en->options.kind = kind;
	en->options.flags = flags;
	if (o->flags & VGPU_DEVICE_DISCRETE)
		en->options.flags |= VGPU_EXECUTOR_DISCRETE;
	if (o->flags & VGPU_DEVICE_SHARED)
		en->options.flags |= VGPU_EXECUTOR_IMPORT;
	if (o->device && !(flags & VGPU_EXECUTOR_CPU)) {
		snprintf(en->device, sizeof(en->device), "%s", o->device);
		en->options.device = en->device;
	}
	for (i = 0; i < VGPU_SIM_OUT; i++)
		en->free[en->n_free++] = (uint16_t)i;
	return vgpu_residency_init(&en->residency, s->vram_bytes);
}

/* The number of a place in @outs that holds no work and has no parts left. */
static void out_free(struct vgpu_sim *s, uint32_t out)
{
	struct vgpu_sim_engine *en = &s->engine;

	en->free[en->n_free++] = (uint16_t)out;
	WRITE_ONCE(en->busy, en->busy - 1);
}

/* Nothing that is out will be answered, and nothing touches its memory. */
static void outs_end(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t now_ns = vgpu_now_ns();
	uint32_t i;

	for (i = 0; i < VGPU_SIM_OUT; i++) {
		struct vgpu_sim_out *out = &en->outs[i];

		if (!out->parts)
			continue;
		out->parts = 0;
		out->status = -EIO;
		/* Who waits for one without work frees it. */
		if (!out->work && en->state != VGPU_SIM_NONE)
			continue;
		if (out->work)
			vgpu_model_done(s->m, out->work, -EIO, now_ns, 0);
		out_free(s, i);
	}
}

void vgpu_sim_engine_fini(struct vgpu_sim *s)
{
	vgpu_residency_fini(&s->engine.residency);
	free(s->engine.mapped);
	pthread_mutex_destroy(&s->engine.open_lock);
}

void vgpu_sim_engine_lose(struct vgpu_sim *s, const char *why)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t now_ns = vgpu_now_ns();
	uint32_t i;

	if (en->state != VGPU_SIM_OPEN)
		return;
	en->state = VGPU_SIM_LOST;
	snprintf(en->notice, sizeof(en->notice),
		 "the engine is lost: %s; reset the device", why);
	for (i = 0; i < VGPU_SIM_OUT; i++)
		if (en->outs[i].parts && en->outs[i].work)
			vgpu_model_abort(s->m, en->outs[i].work, -EIO, now_ns);
	/* With the lock, which the reaper needs to close it. */
	en->ops->wake(en->e);
	vgpu_sim_changed(s);
}

/* Close an executor that is lost.  With the lock, which is dropped. */
static void end_lost(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	int ret;

	pthread_mutex_unlock(&s->lock);
	if (en->ops->abort)
		en->ops->abort(en->e);
	pthread_mutex_lock(&s->lock);
	s->waiters++;
	while (en->users)
		pthread_cond_wait(&s->cond, &s->lock);
	s->waiters--;
	pthread_mutex_unlock(&s->lock);
	ret = en->ops->close(en->e, vgpu_now_ns() + VGPU_SIM_HUNG_NS);
	pthread_mutex_lock(&s->lock);
	if (ret) {
		en->state = VGPU_SIM_LEFT;
		fprintf(stderr,
			"libvgpu: the driver of %s hangs and is left behind; run it in a worker (VGPU_DEVICE_WORKER), which can be killed\n",
			en->info.name);
	} else {
		en->state = VGPU_SIM_GONE;
		outs_end(s);
	}
	vgpu_sim_changed(s);
}

/* When the launch that runs has run too long. */
static uint64_t next_deadline(struct vgpu_sim *s)
{
	const struct vgpu_sim_out *out = vgpu_sim_oldest(s);

	return out ? out->deadline_ns : VGPU_FOREVER;
}

/* A launch outran its time. */
static void expire(struct vgpu_sim *s, uint64_t now_ns)
{
	vgpu_model_abort(s->m, vgpu_sim_oldest(s)->work, -ETIMEDOUT, now_ns);
	vgpu_sim_engine_lose(s, "a launch ran longer than it may");
}

static void *reap(void *sim)
{
	struct vgpu_engine_completion done[VGPU_SIM_REAP];
	struct vgpu_sim *s = sim;
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t now_ns, deadline_ns;
	int i, n;

	pthread_mutex_lock(&s->lock);
	while (en->state == VGPU_SIM_OPEN && !en->quit) {
		deadline_ns = next_deadline(s);
		en->wait_ns = deadline_ns;
		pthread_mutex_unlock(&s->lock);
		n = en->ops->wait(en->e, done, VGPU_SIM_REAP, deadline_ns);
		now_ns = vgpu_now_ns();
		pthread_mutex_lock(&s->lock);
		if (n < 0)
			vgpu_sim_engine_lose(s, en->worker ?
						"its worker died" :
						"its driver failed");
		for (i = 0; i < n; i++)
			vgpu_sim_completed(s, &done[i], now_ns);
		if (now_ns >= next_deadline(s))
			expire(s, now_ns);
		vgpu_sim_changed(s);
	}
	if (en->state == VGPU_SIM_LOST)
		end_lost(s);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int lost(struct vgpu_sim *s, struct vgpu_message *msg)
{
	return vgpu_message_set(msg, -EIO, "%s", s->engine.notice);
}

static int engine_start(struct vgpu_sim *s, struct vgpu_message *msg)
{
	struct vgpu_sim_engine *en = &s->engine;
	const struct vgpu_engine_info *info = en->ops->info(en->e);
	uint64_t bank = 1ull << en->options.bank_shift;
	int ret;

	if (bank > s->vram_bytes)
		bank = s->vram_bytes;
	if (info->max_bank_bytes < bank)
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"%s has no buffers of %llu bytes: at most %llu; give the device less memory",
					info->name, (unsigned long long)bank,
					(unsigned long long)info->max_bank_bytes);
	pthread_mutex_lock(&s->lock);
	en->info = *info;
	en->known = true;
	/* What was written before, nobody has kept track of. */
	vgpu_residency_set(&en->residency, 0, s->vram_bytes,
			   VGPU_RESIDENT_HOST);
	en->quit = false;
	en->state = VGPU_SIM_OPEN;
	en->notice[0] = 0;
	pthread_mutex_unlock(&s->lock);
	ret = -pthread_create(&en->reaper, NULL, reap, s);
	if (!ret)
		return 0;
	pthread_mutex_lock(&s->lock);
	en->state = VGPU_SIM_NONE;
	pthread_mutex_unlock(&s->lock);
	return vgpu_message_set(msg, -ENOMEM, "no thread: %s", strerror(-ret));
}

/* Without the lock.  May take seconds. */
int vgpu_sim_engine_open(struct vgpu_sim *s, struct vgpu_message *msg)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t state;
	int ret = 0;

	pthread_mutex_lock(&en->open_lock);
	pthread_mutex_lock(&s->lock);
	state = en->state;
	pthread_mutex_unlock(&s->lock);
	if (state == VGPU_SIM_NONE) {
		en->options.vram = s->vram;
		en->options.vram_bytes = s->vram_bytes;
		en->options.vram_fd = s->vram_fd;
		ret = en->ops->open(&en->options, msg, &en->e);
		if (!ret) {
			ret = engine_start(s, msg);
			if (ret)
				en->ops->close(en->e, 0);
		}
	} else if (state != VGPU_SIM_OPEN) {
		ret = lost(s, msg);
	}
	pthread_mutex_unlock(&en->open_lock);
	return ret;
}

/* With the lock: @e stays until vgpu_sim_engine_unuse().  False: lost. */
bool vgpu_sim_engine_use(struct vgpu_sim *s)
{
	if (s->engine.state != VGPU_SIM_OPEN)
		return false;
	s->engine.users++;
	return true;
}

void vgpu_sim_engine_unuse(struct vgpu_sim *s)
{
	if (!--s->engine.users && s->engine.state == VGPU_SIM_LOST)
		vgpu_sim_changed(s);
}

/* With the lock: until the engine does nothing, or it is no use waiting. */
static void wait_quiet(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t deadline_ns = vgpu_now_ns() + VGPU_SIM_GRACE_NS;
	int ret = 0;

	s->waiters++;
	while (en->busy && en->state == VGPU_SIM_OPEN && !ret)
		ret = vgpu_cond_wait(&s->cond, &s->lock, deadline_ns);
	s->waiters--;
	if (ret && en->busy)
		vgpu_sim_engine_lose(s, "a launch did not end");
	if (en->state == VGPU_SIM_OPEN)
		vgpu_sim_engine_answers(s, deadline_ns);
	s->waiters++;
	while (en->state == VGPU_SIM_LOST)
		pthread_cond_wait(&s->cond, &s->lock);
	s->waiters--;
}

/*
 * With the lock: the engine does nothing any more when this returns; it is
 * still there, or will be opened anew.  False: memory is short.
 */
bool vgpu_sim_engine_end(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t state;
	bool ok = true;

	if (en->state == VGPU_SIM_NONE)
		return true;
	wait_quiet(s);
	state = en->state;
	if (state == VGPU_SIM_OPEN)
		return true;
	pthread_mutex_unlock(&s->lock);
	pthread_join(en->reaper, NULL);
	if (state == VGPU_SIM_LEFT)
		ok = !vgpu_sim_vram_open(s, s->vram_bytes);
	pthread_mutex_lock(&s->lock);
	/* Who hangs there has the old VRAM, and nobody waits here. */
	en->state = VGPU_SIM_NONE;
	outs_end(s);
	return ok;
}

/* At the end of a simulator: whether VRAM may go. */
bool vgpu_sim_engine_close(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	int ret;

	if (en->state == VGPU_SIM_NONE)
		return true;
	pthread_mutex_lock(&s->lock);
	en->quit = true;
	pthread_mutex_unlock(&s->lock);
	en->ops->wake(en->e);
	pthread_join(en->reaper, NULL);
	if (en->state != VGPU_SIM_OPEN)
		return en->state == VGPU_SIM_GONE;
	ret = en->ops->close(en->e, vgpu_now_ns() + VGPU_SIM_GRACE_NS);
	if (ret)
		fprintf(stderr, "libvgpu: the driver of %s hangs and is left behind\n",
			en->info.name);
	return !ret;
}

int vgpu_sim_limits(void *b, struct vgpu_device_limits *limits,
		    struct vgpu_message *msg)
{
	struct vgpu_sim *s = b;
	const struct vgpu_engine_info *info = &s->engine.info;
	int ret;

	ret = vgpu_sim_engine_open(s, msg);
	if (ret == -ENODEV || ret == -ENOENT)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	memset(limits, 0, sizeof(*limits));
	memcpy(limits->max_groups, info->max_grid, sizeof(info->max_grid));
	memcpy(limits->max_group, info->max_workgroup,
	       sizeof(info->max_workgroup));
	limits->max_invocations = info->max_invocations;
	limits->max_shared_bytes = info->max_shared_bytes;
	limits->max_ranges = info->max_ranges < VGPU_MAX_RANGES ?
			     info->max_ranges : VGPU_MAX_RANGES;
	limits->max_const_bytes = VGPU_MAX_CONST_BYTES;
	limits->shared = info->shared;
	limits->max_range_bytes = info->max_range_bytes;
	return 0;
}
