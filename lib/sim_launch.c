// SPDX-License-Identifier: MIT
/*
 * Launches of the simulator, and the memory that they work on.
 *
 * Everything here is called with the lock by the thread that has set @running,
 * and drops the lock while an executor or a function is called; except
 * vgpu_sim_completed(), by the thread that takes completions.
 *
 * DOC: Memory of an engine's own
 *
 * An executor that does not share VRAM is told by FLUSH which bytes to take
 * from the mapping and which to bring back.  @residency says where the newest
 * bytes are; it is brought up to date when a command is submitted, because an
 * executor keeps the order.  So data moves when somebody needs it, and stays
 * where it was used last: a chain of launches moves nothing.
 *
 * What the CPU has mapped (vgpu_device_map()) is written behind our back: it is
 * taken from the mapping before each launch, and brought back after each that
 * writes it, before that launch is reported.
 */
#include <stdio.h>

#include "sim.h"
#include "wait.h"

#define VGPU_FLUSH_OUT		1u	/* engine to mapping */
#define VGPU_FLUSH_IN		2u	/* mapping to engine */

static bool tracks(const struct vgpu_sim *s)
{
	return s->engine.known && !s->engine.info.shared;
}

/* A place for something that goes out, with one part that part_end() ends. */
static uint32_t out_take(struct vgpu_sim *s, uint32_t work)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t i;

	vgpu_assert(en->n_free);
	i = en->free[--en->n_free];
	WRITE_ONCE(en->busy, en->busy + 1);
	en->outs[i].work = work;
	en->outs[i].parts = 1;
	en->outs[i].status = 0;
	en->outs[i].number = ++en->next_out;
	en->outs[i].start_ns = vgpu_now_ns();
	en->outs[i].timeout_ns = 0;
	en->outs[i].deadline_ns = VGPU_FOREVER;
	return i;
}

/* The one that runs, if any has to end in time: they run one by one. */
struct vgpu_sim_out *vgpu_sim_oldest(struct vgpu_sim *s)
{
	struct vgpu_sim_engine *en = &s->engine;
	struct vgpu_sim_out *oldest = NULL;
	uint32_t i;

	for (i = 0; s->launch_timeout_ns && en->busy && i < VGPU_SIM_OUT; i++) {
		struct vgpu_sim_out *out = &en->outs[i];

		if (out->parts && (!oldest || out->number < oldest->number))
			oldest = out;
	}
	return oldest;
}

/* Its time starts when it is the oldest, not while others run. */
static void start_oldest(struct vgpu_sim *s, uint64_t now_ns)
{
	struct vgpu_sim_out *out = vgpu_sim_oldest(s);

	if (out && out->timeout_ns && out->deadline_ns == VGPU_FOREVER)
		out->deadline_ns = now_ns + out->timeout_ns;
}

static void part_end(struct vgpu_sim *s, uint32_t i, int32_t status,
		     uint64_t now_ns)
{
	struct vgpu_sim_engine *en = &s->engine;
	struct vgpu_sim_out *out = &en->outs[i];
	uint64_t start_ns = out->start_ns;

	if (status && !out->status)
		out->status = status;
	if (--out->parts || !out->work)
		return;
	/* One thing at a time: it has not run while another did. */
	if (start_ns < en->end_ns)
		start_ns = en->end_ns;
	if (start_ns > now_ns)
		start_ns = now_ns;
	en->end_ns = now_ns;
	vgpu_model_done(s->m, out->work, out->status, now_ns,
			now_ns - start_ns);
	en->free[en->n_free++] = (uint16_t)i;
	WRITE_ONCE(en->busy, en->busy - 1);
	start_oldest(s, now_ns);
}

void vgpu_sim_completed(struct vgpu_sim *s,
			const struct vgpu_engine_completion *done,
			uint64_t now_ns)
{
	uint32_t i = done->tag & 0xffff;

	if (i < VGPU_SIM_OUT && s->engine.outs[i].parts)
		part_end(s, i, done->status, now_ns);
}

/* What waits for parts, and no work item does. */
static int out_wait(struct vgpu_sim *s, uint32_t i)
{
	struct vgpu_sim_engine *en = &s->engine;
	struct vgpu_sim_out *out = &en->outs[i];

	part_end(s, i, 0, 0);
	s->waiters++;
	while (out->parts && en->state != VGPU_SIM_LEFT)
		pthread_cond_wait(&s->cond, &s->lock);
	s->waiters--;
	/* A driver that was left behind may still answer: not used again. */
	if (out->parts)
		return -EIO;
	en->free[en->n_free++] = (uint16_t)i;
	WRITE_ONCE(en->busy, en->busy - 1);
	return out->status;
}

/* Submit a command as a part of @i; waits while the executor is full. */
static int send(struct vgpu_sim *s, uint32_t i, struct vgpu_engine_cmd *cmd,
		struct vgpu_engine_slot *slot)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t seen;
	int ret;

	en->next_tag++;
	cmd->tag = (uint64_t)en->next_tag << 16 | i;
	if (slot)
		slot->tag = cmd->tag;
	en->outs[i].parts++;
	for (;;) {
		seen = s->events;
		if (!vgpu_sim_engine_use(s)) {
			ret = -EIO;
			break;
		}
		pthread_mutex_unlock(&s->lock);
		ret = en->ops->submit(en->e, cmd, slot);
		pthread_mutex_lock(&s->lock);
		vgpu_sim_engine_unuse(s);
		if (ret != -EAGAIN)
			break;
		s->waiters++;
		while (s->events == seen && en->state == VGPU_SIM_OPEN)
			pthread_cond_wait(&s->cond, &s->lock);
		s->waiters--;
	}
	if (ret)
		en->outs[i].parts--;
	/* The reaper will hear of it too, but a reset must not come before. */
	if (ret == -EIO)
		vgpu_sim_engine_lose(s, "it takes no commands");
	return ret;
}

/*
 * With the lock, while nothing runs: whether the executor answers.  It may have
 * died a moment ago.
 */
bool vgpu_sim_engine_answers(struct vgpu_sim *s, uint64_t deadline_ns)
{
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_NOP };
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t i = out_take(s, 0);
	int ret;

	ret = send(s, i, &cmd, NULL);
	part_end(s, i, ret, 0);
	s->waiters++;
	ret = 0;
	while (en->outs[i].parts && en->state == VGPU_SIM_OPEN && !ret)
		ret = vgpu_cond_wait(&s->cond, &s->lock, deadline_ns);
	s->waiters--;
	if (en->outs[i].parts) {
		vgpu_sim_engine_lose(s, "it does not answer");
		return false;
	}
	en->free[en->n_free++] = (uint16_t)i;
	WRITE_ONCE(en->busy, en->busy - 1);
	return en->state == VGPU_SIM_OPEN;
}

/* Of @bytes at @offset those in one bank. */
static uint64_t in_bank(const struct vgpu_sim *s, uint64_t offset,
			uint64_t bytes)
{
	uint64_t bank = 1ull << s->engine.options.bank_shift;
	uint64_t left = bank - (offset & (bank - 1));

	return bytes < left ? bytes : left;
}

static int set_state(struct vgpu_sim *s, uint64_t offset, uint64_t bytes,
		     uint32_t state)
{
	if (vgpu_residency_reserve(&s->engine.residency, 1))
		return -ENOMEM;
	vgpu_residency_set(&s->engine.residency, offset, bytes, state);
	return 0;
}

/* Bring bytes that are in one of @states where both have them. */
static int bring(struct vgpu_sim *s, uint32_t i, uint64_t offset,
		 uint64_t bytes, uint32_t states)
{
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t end = offset + bytes, n;
	uint32_t state;
	int ret;

	while ((state = vgpu_residency_next(&en->residency, &offset, end,
					    states, &n))) {
		struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_FLUSH };

		n = in_bank(s, offset, n);
		cmd.op[0] = offset;
		cmd.op[1] = n;
		cmd.op[2] = state == VGPU_RESIDENT_ENGINE ? VGPU_FLUSH_OUT :
							    VGPU_FLUSH_IN;
		if (state == VGPU_RESIDENT_ZERO) {
			cmd.opcode = VGPU_ENGINE_CLEAR;
			cmd.op[2] = 0;
		}
		ret = send(s, i, &cmd, NULL);
		if (!ret)
			ret = set_state(s, offset, n, VGPU_RESIDENT_SAME);
		if (ret)
			return ret;
		if (state == VGPU_RESIDENT_HOST)
			en->bytes_in += n;
		else if (state == VGPU_RESIDENT_ENGINE)
			en->bytes_out += n;
		offset += n;
	}
	return 0;
}

static int bring_in(struct vgpu_sim *s, uint32_t i, uint64_t offset,
		    uint64_t bytes)
{
	return bring(s, i, offset, bytes,
		     VGPU_RESIDENT_HOST | VGPU_RESIDENT_ZERO);
}

/* The next piece of a range that the CPU has mapped. */
static bool mapped(const struct vgpu_sim *s, uint32_t *i, uint64_t offset,
		   uint64_t bytes, uint64_t *start, uint64_t *n)
{
	const struct vgpu_sim_engine *en = &s->engine;

	for (; *i < en->n_mapped; *i += 1) {
		const struct vgpu_sim_mapped *m = &en->mapped[*i];
		uint64_t end = m->start + m->bytes;

		if (end > offset + bytes)
			end = offset + bytes;
		*start = m->start > offset ? m->start : offset;
		if (*start >= end)
			continue;
		*n = end - *start;
		*i += 1;
		return true;
	}
	return false;
}

/* Before a launch: the range's newest bytes are the engine's too. */
static int range_in(struct vgpu_sim *s, uint32_t out,
		    const struct vgpu_range *r)
{
	uint64_t start, n;
	uint32_t i = 0;

	while (mapped(s, &i, r->address, r->bytes, &start, &n))
		if (set_state(s, start, n, VGPU_RESIDENT_HOST))
			return -ENOMEM;
	return bring_in(s, out, r->address, r->bytes);
}

/* After one that writes it. */
static int range_out(struct vgpu_sim *s, uint32_t out,
		     const struct vgpu_range *r)
{
	uint64_t start, n;
	uint32_t i = 0;
	int ret;

	ret = set_state(s, r->address, r->bytes, VGPU_RESIDENT_ENGINE);
	while (!ret && mapped(s, &i, r->address, r->bytes, &start, &n))
		ret = bring(s, out, start, n, VGPU_RESIDENT_ENGINE);
	return ret;
}

/* The newest bytes are in the mapping. */
int vgpu_sim_host_read(struct vgpu_sim *s, uint64_t offset, uint64_t bytes)
{
	uint64_t start = offset, n;
	uint32_t i;
	int ret, err;

	if (!tracks(s) ||
	    !vgpu_residency_next(&s->engine.residency, &start, offset + bytes,
				 VGPU_RESIDENT_ENGINE, &n))
		return 0;
	i = out_take(s, 0);
	err = bring(s, i, offset, bytes, VGPU_RESIDENT_ENGINE);
	ret = out_wait(s, i);
	return err ? err : ret;
}

/* All of these bytes will be written in the mapping; @zero: with 0. */
int vgpu_sim_host_write(struct vgpu_sim *s, uint64_t offset, uint64_t bytes,
			bool zero)
{
	if (!tracks(s))
		return 0;
	return set_state(s, offset, bytes,
			 zero ? VGPU_RESIDENT_ZERO : VGPU_RESIDENT_HOST);
}

static bool any_mapped(const struct vgpu_sim *s, uint64_t offset,
		       uint64_t bytes)
{
	uint64_t start, n;
	uint32_t i = 0;

	return mapped(s, &i, offset, bytes, &start, &n);
}

static bool in_engine(const struct vgpu_sim *s, uint64_t offset,
		      uint64_t bytes, uint32_t states)
{
	uint64_t n;

	return vgpu_residency_next(&s->engine.residency, &offset,
				   offset + bytes, states, &n);
}

/* COPY or CLEAR in the engine, in pieces that lie in one bank each. */
static int engine_pieces(struct vgpu_sim *s, uint32_t out,
			 const struct vgpu_work *w)
{
	uint64_t to = w->to.offset, from = w->from.offset, left = w->bytes, n;
	int ret = 0;

	for (; left && !ret; left -= n) {
		struct vgpu_engine_cmd cmd = { .op = { to } };

		n = in_bank(s, to, left);
		if (w->kind == VGPU_WORK_COPY) {
			n = in_bank(s, from, n);
			cmd.opcode = VGPU_ENGINE_COPY;
			cmd.op[1] = from;
			cmd.op[2] = n;
		} else {
			cmd.opcode = VGPU_ENGINE_CLEAR;
			cmd.op[1] = n;
			cmd.op[2] = w->pattern;
		}
		ret = send(s, out, &cmd, NULL);
		to += n;
		from += n;
	}
	return ret;
}

/*
 * Do a copy or clear where its bytes are, if that is the engine.  False: do it
 * in the mapping.
 */
bool vgpu_sim_engine_copy(struct vgpu_sim *s, const struct vgpu_work *w,
			  int *status)
{
	bool copy = w->kind == VGPU_WORK_COPY;
	uint32_t i;
	int ret = 0, err;

	if (!tracks(s) || s->engine.state != VGPU_SIM_OPEN || w->to.object ||
	    any_mapped(s, w->to.offset, w->bytes))
		return false;
	if (copy && (w->from.object ||
		     any_mapped(s, w->from.offset, w->bytes) ||
		     !in_engine(s, w->from.offset, w->bytes,
				VGPU_RESIDENT_ENGINE)))
		return false;
	if (!copy && !in_engine(s, w->to.offset, w->bytes,
				VGPU_RESIDENT_ENGINE | VGPU_RESIDENT_SAME))
		return false;
	i = out_take(s, 0);
	if (copy)
		ret = bring_in(s, i, w->from.offset, w->bytes);
	if (!ret)
		ret = engine_pieces(s, i, w);
	if (!ret)
		ret = set_state(s, w->to.offset, w->bytes,
				VGPU_RESIDENT_ENGINE);
	err = out_wait(s, i);
	*status = ret ? ret : err;
	return true;
}

/* A function of this process reads and writes the mapping. */
static int native(struct vgpu_sim *s, const struct vgpu_launch *l)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; i < l->n_ranges && !ret; i++) {
		const struct vgpu_range *r = &l->ranges[i];

		if (!r->bytes)
			continue;
		ret = vgpu_sim_host_read(s, r->address, r->bytes);
		if (!ret && r->flags & VGPU_RANGE_WRITE)
			ret = vgpu_sim_host_write(s, r->address, r->bytes,
						  false);
	}
	if (ret)
		return ret;
	pthread_mutex_unlock(&s->lock);
	ret = vgpu_sim_native_run(s, l);
	pthread_mutex_lock(&s->lock);
	return ret;
}

/* The front end has checked that, but not for everybody. */
static bool fits(const struct vgpu_engine_info *info,
		 const struct vgpu_launch *l)
{
	uint32_t i;

	for (i = 0; i < 3; i++)
		if (l->grid[i] > info->max_grid[i])
			return false;
	for (i = 0; i < l->n_ranges; i++)
		if (l->ranges[i].bytes > info->max_range_bytes)
			return false;
	return true;
}

static int launch(struct vgpu_sim *s, uint32_t out,
		  const struct vgpu_launch *l)
{
	const struct vgpu_sim_kernel *kernel = (void *)(uintptr_t)l->token;
	struct vgpu_engine_cmd cmd = { .opcode = VGPU_ENGINE_LAUNCH };
	struct vgpu_engine_slot slot = {
		.timeout_ns = l->timeout_ns,
		.kernel = kernel->number,
		.grid = { l->grid[0], l->grid[1], l->grid[2] },
		.n_ranges = l->n_ranges,
		.const_bytes = l->const_bytes,
	};
	bool own = tracks(s);
	uint32_t i;
	int ret = 0;

	memcpy(slot.ranges, l->ranges, sizeof(slot.ranges));
	memcpy(slot.consts, l->consts, sizeof(slot.consts));
	for (i = 0; own && i < l->n_ranges && !ret; i++)
		if (l->ranges[i].bytes)
			ret = range_in(s, out, &l->ranges[i]);
	if (!ret)
		ret = send(s, out, &cmd, &slot);
	for (i = 0; own && i < l->n_ranges && !ret; i++)
		if (l->ranges[i].flags & VGPU_RANGE_WRITE)
			ret = range_out(s, out, &l->ranges[i]);
	return ret;
}

/*
 * Run a launch.  True: it has ended, with @status; false: it will be reported
 * when it ends.
 */
bool vgpu_sim_launch(struct vgpu_sim *s, const struct vgpu_work *w,
		     int *status)
{
	const struct vgpu_launch *l = w->launch;
	const struct vgpu_sim_kernel *kernel = (void *)(uintptr_t)l->token;
	struct vgpu_sim_engine *en = &s->engine;
	uint32_t i;
	bool wake;
	int ret;

	if (kernel->fn) {
		*status = native(s, l);
		return true;
	}
	*status = -EIO;
	if (en->state != VGPU_SIM_OPEN)
		return true;
	*status = -EOPNOTSUPP;
	if (!fits(&en->info, l))
		return true;
	if (en->info.notice[0] && !en->warned) {
		en->warned = true;
		fprintf(stderr, "libvgpu: %s\n", en->info.notice);
	}
	i = out_take(s, w->id);
	en->outs[i].timeout_ns = l->timeout_ns;
	start_oldest(s, en->outs[i].start_ns);
	wake = en->outs[i].deadline_ns < en->wait_ns;
	ret = launch(s, i, l);
	part_end(s, i, ret, vgpu_now_ns());
	/* The reaper may sleep longer than that. */
	if (wake && vgpu_sim_engine_use(s)) {
		en->ops->wake(en->e);
		vgpu_sim_engine_unuse(s);
	}
	return false;
}

/* With the lock: become the thread that runs items, until own_end(). */
static void own(struct vgpu_sim *s)
{
	s->waiters++;
	while (s->running)
		pthread_cond_wait(&s->cond, &s->lock);
	s->waiters--;
	s->running = true;
}

static void own_end(struct vgpu_sim *s)
{
	s->running = false;
	vgpu_sim_changed(s);
}

static int mapped_add(struct vgpu_sim_engine *en, uint64_t start,
		      uint64_t bytes)
{
	uint32_t room = en->mapped_room ? en->mapped_room * 2 : 8;
	void *p;

	if (en->n_mapped == en->mapped_room) {
		p = realloc(en->mapped, room * sizeof(en->mapped[0]));
		if (!p)
			return -ENOMEM;
		en->mapped = p;
		en->mapped_room = room;
	}
	en->mapped[en->n_mapped].start = start;
	en->mapped[en->n_mapped].bytes = bytes;
	en->n_mapped++;
	return 0;
}

/* With the lock.  Pins are counted. */
static int pin(struct vgpu_sim *s, uint32_t object, bool on)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_OBJECT_PIN,
		.op = { object, on },
	};
	u64 result[2];

	return vgpu_sim_admin_locked(s, &cmd, result);
}

/* With the lock: the CPU sees that block, which is pinned. */
static int map_pinned(struct vgpu_sim *s, uint32_t object, uint64_t bytes,
		      void **cpu)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_OBJECT_INFO,
		.op = { object },
	};
	u64 result[2];
	int ret;

	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (ret)
		return ret;
	own(s);
	ret = vgpu_sim_host_read(s, result[0], bytes);
	if (!ret)
		ret = mapped_add(&s->engine, result[0], bytes);
	own_end(s);
	*cpu = s->vram + result[0];
	return ret;
}

int vgpu_sim_map(void *b, uint32_t object, uint64_t bytes, void **cpu)
{
	struct vgpu_sim *s = b;
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = pin(s, object, true);
	if (!ret) {
		ret = map_pinned(s, object, bytes, cpu);
		if (ret)
			pin(s, object, false);
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

void vgpu_sim_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes)
{
	struct vgpu_sim *s = b;
	struct vgpu_sim_engine *en = &s->engine;
	uint64_t start = (uint64_t)((char *)cpu - s->vram);
	uint32_t i;

	pthread_mutex_lock(&s->lock);
	own(s);
	for (i = 0; i < en->n_mapped; i++) {
		if (en->mapped[i].start != start)
			continue;
		/* What cannot be remembered stays as if it were mapped. */
		if (!vgpu_sim_host_write(s, start, bytes, false))
			en->mapped[i] = en->mapped[--en->n_mapped];
		break;
	}
	own_end(s);
	pin(s, object, false);
	pthread_mutex_unlock(&s->lock);
}
