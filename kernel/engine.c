// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A tenant's launches on their way to a worker and back.
 *
 * DOC: Time
 *
 * A worker runs launches in order, so that the time of one begins when it has
 * become the oldest that is out.  When that is over the launch ends with
 * ETIMEDOUT, and the worker is asked to cancel it; a worker that does not even
 * do that is given up.  So memory that a launch holds comes back in bounded
 * time, whatever the worker does.
 */
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "engine.h"
#include "model/worker_status.h"
#include "tenant.h"
#include "uapi/vgpu_drm.h"

#define VGPU_NEVER	U64_MAX

static unsigned int launch_timeout_ms = 10000;
module_param(launch_timeout_ms, uint, 0444);
MODULE_PARM_DESC(launch_timeout_ms, "longest run of a kernel launch in milliseconds, 0 for no limit (default 10000)");

u64 vgpu_launch_timeout_ns(void)
{
	return (u64)launch_timeout_ms * NSEC_PER_MSEC;
}

static void vgpu_engine_late(struct work_struct *work)
{
	struct vgpu_engine_tenant *e =
		container_of(to_delayed_work(work), struct vgpu_engine_tenant,
			     work);

	vgpu_tenant_poke(container_of(e, struct vgpu_tenant, engine));
}

int vgpu_engine_init(struct vgpu_tenant *t,
		     const struct vgpu_model_config *config)
{
	struct vgpu_engine_tenant *e = &t->engine;

	INIT_LIST_HEAD(&e->pending);
	INIT_LIST_HEAD(&e->out);
	INIT_LIST_HEAD(&e->builds);
	INIT_LIST_HEAD(&e->drops);
	INIT_LIST_HEAD(&e->want_node);
	INIT_LIST_HEAD(&e->codes);
	INIT_DELAYED_WORK(&e->work, vgpu_engine_late);
	ida_init(&e->numbers);
	/* Some more, for those that are on their way out. */
	e->max_codes = min(config->max_kernels + 64, 0xffffu);
	e->offers = config->subdevice == VGPU_PCI_SUBDEVICE_GPU;
	e->features = config->features;
	e->max_jobs = config->max_jobs;
	e->jobs = kvcalloc(config->max_jobs + 1, sizeof(*e->jobs),
			   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return e->jobs ? 0 : -ENOMEM;
}

void vgpu_engine_fini(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;

	WARN_ON(e->channel || !list_empty(&e->codes));
	if (e->code)
		fput(e->code);
	ida_destroy(&e->numbers);
	kvfree(e->jobs);
}

/* A launch has ended; the time that it ran is the tenant's. */
static void vgpu_launch_end(struct vgpu_tenant *t, struct vgpu_started *s,
			    s32 status)
{
	struct vgpu_engine_tenant *e = &t->engine;
	u64 now_ns = ktime_get_ns(), run_ns = 0;

	if (s->out) {
		/* One after the other: not while another one did. */
		run_ns = now_ns - max(s->start_ns, e->end_ns);
		e->end_ns = now_ns;
		vgpu_turn_charge(&t->turn, run_ns);
	}
	list_del(&s->node);
	vgpu_model_done(t->m, s->id, status, now_ns, run_ns);
	s->id = 0;
	s->launch = NULL;
}

void vgpu_engine_ended(struct vgpu_tenant *t, const struct vgpu_sent *sent,
		       s32 status)
{
	struct vgpu_started *s = &t->engine.jobs[sent->job];

	status = vgpu_worker_status(status);
	if (sent->opcode == VGPU_ENGINE_BUILD)
		vgpu_code_built(t, status);
	else if (sent->opcode == VGPU_ENGINE_LAUNCH && s->id && s->out &&
		 s->tag == sent->tag)
		vgpu_launch_end(t, s, status);
}

static void vgpu_engine_unwant(struct vgpu_engine_tenant *e)
{
	e->want_ns = 0;
	if (!e->engine)
		return;
	spin_lock(&e->engine->lock);
	list_del_init(&e->want_node);
	spin_unlock(&e->engine->lock);
}

void vgpu_engine_want(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;

	if (!e->engine || e->channel || e->want_ns)
		return;
	e->want_ns = ktime_get_ns() + VGPU_WORKER_NS;
	spin_lock(&e->engine->lock);
	list_add_tail(&e->want_node, &e->engine->wanting);
	spin_unlock(&e->engine->lock);
	wake_up(&e->engine->wait);
}

void vgpu_engine_met(struct vgpu_tenant *t)
{
	vgpu_engine_unwant(&t->engine);
	vgpu_engine_step(t);
}

/* Whether a launch whose worker died is given to the next one. */
static bool vgpu_launch_again(const struct vgpu_tenant *t,
			      const struct vgpu_channel *c,
			      const struct vgpu_started *s)
{
	const struct vgpu_engine_tenant *e = &t->engine;

	return e->engine && !e->closed && !s->cancelled && !s->late &&
	       s->tries < VGPU_ENGINE_TRIES &&
	       (s->launch->idempotent || !vgpu_channel_started(c, s));
}

static void vgpu_launches_fail(struct vgpu_tenant *t, struct list_head *list)
{
	struct vgpu_started *s, *next;

	list_for_each_entry_safe(s, next, list, node)
		vgpu_launch_end(t, s, -EIO);
}

void vgpu_engine_lose(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_channel *c = e->channel;
	struct vgpu_started *s, *next;
	LIST_HEAD(failed);

	if (!c)
		return;
	/* Nothing of what it holds is freed before that. */
	vgpu_channel_kill(c);
	/* What it had completed is true. */
	vgpu_channel_reap(c);
	e->channel = NULL;
	e->lost++;
	/* It may be the reason; those behind it are not. */
	s = list_first_entry_or_null(&e->out, struct vgpu_started, node);
	if (s)
		s->tries++;
	list_for_each_entry_safe_reverse(s, next, &e->out, node) {
		if (vgpu_launch_again(t, c, s)) {
			s->out = false;
			list_move(&s->node, &e->pending);
		} else {
			list_move(&s->node, &failed);
		}
	}
	vgpu_launches_fail(t, &failed);
	vgpu_code_lost(t);
	vgpu_channel_put(c);
	if (!list_empty(&e->pending) || !list_empty(&e->builds))
		vgpu_engine_want(t);
	vgpu_tenant_changed(t);
}

/* Nobody came, or the engine has gone. */
static void vgpu_engine_fail(struct vgpu_tenant *t)
{
	vgpu_engine_unwant(&t->engine);
	vgpu_launches_fail(t, &t->engine.pending);
	vgpu_code_fail(t, -EIO);
	vgpu_tenant_changed(t);
}

void vgpu_engine_set(struct vgpu_tenant *t, struct vgpu_engine *engine)
{
	struct vgpu_engine_tenant *e = &t->engine;
	u64 features = e->features;

	/* An instance's device has what it was made with: no kernels. */
	if (e->closed || !e->offers)
		return;
	if (engine) {
		e->engine = engine;
		features |= engine->info.features;
	} else {
		vgpu_engine_unwant(e);
		e->engine = NULL;
		vgpu_engine_lose(t);
		vgpu_engine_fail(t);
		e->epoch++;
	}
	vgpu_model_offer(t->m, features);
	vgpu_model_engine(t->m, engine, ktime_get_ns());
	vgpu_tenant_changed(t);
	vgpu_tenant_wake(t);
}

void vgpu_engine_close(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;

	mutex_lock(&t->lock);
	vgpu_engine_unwant(e);
	e->engine = NULL;
	e->closed = true;
	vgpu_engine_lose(t);
	vgpu_engine_fail(t);
	vgpu_tenant_run(t);
	vgpu_tenant_unlock(t);
	/* It is not scheduled again: there is nothing that could be late. */
	cancel_delayed_work_sync(&e->work);
}

/* Has the engine room for that at all? */
static bool vgpu_launch_fits(const struct vgpu_engine_info *info,
			     const struct vgpu_launch *l)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(l->grid); i++)
		if (l->grid[i] > info->max_grid[i])
			return false;
	for (i = 0; i < l->n_ranges; i++)
		if (l->ranges[i].bytes > info->max_range_bytes)
			return false;
	return true;
}

static void vgpu_engine_launch(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_started *s = &e->jobs[w->id & 0xffff];
	s32 status = -EIO;

	/* If it was given out for an engine that went, the model forgot it. */
	if (!e->engine || e->closed || t->work_epoch != e->epoch)
		goto end;
	status = -EOPNOTSUPP;
	if (!vgpu_launch_fits(&e->engine->info, w->launch))
		goto end;
	memset(s, 0, sizeof(*s));
	s->id = w->id;
	s->launch = w->launch;
	s->limit_ns = VGPU_NEVER;
	list_add_tail(&s->node, &e->pending);
	vgpu_engine_want(t);
	vgpu_engine_step(t);
	return;
end:
	vgpu_model_done(t->m, w->id, status, ktime_get_ns(), 0);
}

/* It has ended for its ring: see that it ends in the worker. */
static void vgpu_engine_cancel(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_CANCEL };
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_started *s = &e->jobs[w->arg & 0xffff];

	if (!s->id || s->id != w->arg)
		return;
	if (!s->out) {
		vgpu_launch_end(t, s, -ECANCELED);
		return;
	}
	s->cancelled = true;
	cmd.op[0] = s->tag;
	/* Best effort. */
	if (vgpu_channel_room(e->channel))
		vgpu_channel_send(e->channel, &cmd, NULL);
	vgpu_engine_step(t);
}

void vgpu_engine_item(struct vgpu_tenant *t, const struct vgpu_work *w)
{
	/* Not the word of the model, but what it is made with. */
	if (w->kind == VGPU_WORK_DROP) {
		vgpu_code_drop(t, (void *)(uintptr_t)w->address);
		return;
	}
	mutex_lock(&t->lock);
	switch (w->kind) {
	case VGPU_WORK_LAUNCH:
		vgpu_engine_launch(t, w);
		break;
	case VGPU_WORK_CANCEL:
		vgpu_engine_cancel(t, w);
		break;
	case VGPU_WORK_BUILD:
		/* A client's kernels are built before the model knows them. */
		vgpu_model_built(t->m, w->id, -EOPNOTSUPP, NULL, 0);
		break;
	}
	vgpu_tenant_unlock(t);
}

/* Give a launch to the worker, which has room. */
static void vgpu_launch_send(struct vgpu_tenant *t, struct vgpu_started *s)
{
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_LAUNCH };
	const struct vgpu_code *code = (void *)(uintptr_t)s->launch->token;
	const struct vgpu_launch *l = s->launch;
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_engine_slot slot = {
		.timeout_ns = l->timeout_ns,
		.kernel = code->number,
		.grid = { l->grid[0], l->grid[1], l->grid[2] },
		.n_ranges = l->n_ranges,
		.const_bytes = l->const_bytes,
	};
	struct vgpu_sent *sent;

	memcpy(slot.ranges, l->ranges, sizeof(slot.ranges));
	memcpy(slot.consts, l->consts, sizeof(slot.consts));
	sent = vgpu_channel_send(e->channel, &cmd, &slot);
	sent->job = s - e->jobs;
	s->slot = sent - e->channel->sent;
	s->tag = sent->tag;
	s->out = true;
	s->start_ns = ktime_get_ns();
	s->limit_ns = VGPU_NEVER;
	list_move_tail(&s->node, &e->out);
}

/* No worker can build that: launches of it fail, until somebody tries again. */
static void vgpu_launches_refuse(struct vgpu_tenant *t, struct vgpu_code *code)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_started *s, *next;

	list_for_each_entry_safe(s, next, &e->pending, node)
		if (s->launch->token == (uintptr_t)code)
			vgpu_launch_end(t, s, -EIO);
	code->tries = 0;
	vgpu_tenant_changed(t);
}

/* In order: a launch whose kernel is being built holds up those behind it. */
static void vgpu_engine_send(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_started *s;
	struct vgpu_code *code;

	vgpu_code_next(t);
	while (!list_empty(&e->pending) && e->channel &&
	       vgpu_channel_room(e->channel)) {
		s = list_first_entry(&e->pending, struct vgpu_started, node);
		code = (void *)(uintptr_t)s->launch->token;
		if (code->broken || code->tries >= VGPU_ENGINE_TRIES)
			vgpu_launches_refuse(t, code);
		else if (vgpu_code_ready(t, code))
			vgpu_launch_send(t, s);
		else
			return;
	}
}

/* The time of the oldest launch runs. */
static u64 vgpu_oldest_limit(struct vgpu_started *s, u64 now_ns)
{
	u64 left = s->launch->timeout_ns;

	if (s->limit_ns != VGPU_NEVER)
		return s->limit_ns;
	/* A launch that has no limit has one when nobody waits for it. */
	if (!left && s->cancelled)
		left = VGPU_GRACE_NS;
	if (left && left < VGPU_NEVER - now_ns)
		s->limit_ns = now_ns + left;
	return s->limit_ns;
}

/* See to what is late, and say when that is to be done again. */
static u64 vgpu_engine_clock(struct vgpu_tenant *t, u64 now_ns)
{
	struct vgpu_engine_tenant *e = &t->engine;
	struct vgpu_channel *c = e->channel;
	u64 next_ns = VGPU_NEVER, answer_ns;
	struct vgpu_started *s;

	s = list_first_entry_or_null(&e->out, struct vgpu_started, node);
	if (s && vgpu_oldest_limit(s, now_ns) <= now_ns) {
		if (s->late)
			goto lost;
		s->late = true;
		s->limit_ns = now_ns + VGPU_GRACE_NS;
		vgpu_model_abort(t->m, s->id, -ETIMEDOUT, now_ns);
		vgpu_tenant_changed(t);
	}
	if (s)
		next_ns = s->limit_ns;
	if (e->building) {
		if (e->build_ns <= now_ns)
			goto lost;
		next_ns = min(next_ns, e->build_ns);
	} else if (c && c->others && !s) {
		answer_ns = c->answer_ns + VGPU_ANSWER_NS;
		if (answer_ns <= now_ns)
			goto lost;
		next_ns = min(next_ns, answer_ns);
	}
	if (e->want_ns) {
		if (e->want_ns <= now_ns)
			vgpu_engine_fail(t);
		else
			next_ns = min(next_ns, e->want_ns);
	}
	return next_ns;

lost:
	vgpu_engine_lose(t);
	return now_ns;
}

/* Whether there is anything to be seen to. */
static bool vgpu_engine_busy(const struct vgpu_engine_tenant *e)
{
	return e->want_ns || !list_empty(&e->pending) ||
	       !list_empty(&e->builds) || !list_empty(&e->drops) ||
	       (e->channel && e->channel->n_free != VGPU_CHANNEL_OUT);
}

void vgpu_engine_step(struct vgpu_tenant *t)
{
	struct vgpu_engine_tenant *e = &t->engine;
	u64 now_ns, next_ns, answered = 0;
	bool more = false;

	if (!vgpu_engine_busy(e))
		return;
	if (e->channel) {
		answered = e->channel->n_free;
		more = vgpu_channel_reap(e->channel);
		answered = e->channel->n_free - answered;
	}
	vgpu_engine_send(t);
	now_ns = ktime_get_ns();
	next_ns = vgpu_engine_clock(t, now_ns);
	if (answered)
		vgpu_tenant_changed(t);
	if (more || next_ns <= now_ns)
		next_ns = now_ns + NSEC_PER_MSEC;
	/* The model may have something to do; whoever runs it looks anyway. */
	if (!t->running && vgpu_model_pending(t->m))
		vgpu_tenant_wake(t);
	if (next_ns != VGPU_NEVER && !e->closed)
		mod_delayed_work(system_wq, &e->work,
				 nsecs_to_jiffies(next_ns - now_ns) + 1);
}
