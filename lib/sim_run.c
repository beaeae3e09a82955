// SPDX-License-Identifier: MIT
/*
 * Running the simulator: the model says what there is to do, one thread at a
 * time does it, and all that wait hear of it.
 *
 * The thread that has set @running owns the work items that it got, and drops
 * the lock while it copies much, runs a function or talks to the engine; the model is used by others
 * meanwhile, but gives out no items.  That keeps the order that the model
 * wants.
 */
#include <sched.h>
#include <unistd.h>

#include "wait.h"
#include "sim.h"

/* What takes longer than dropping the lock and taking it again. */
#define VGPU_SIM_LONG_BYTES	(16u << 10)
/* Of a pattern that is not one byte; stays in the first cache. */
#define VGPU_SIM_FILL_BYTES	(8u << 10)
/* How long a waiting thread looks before it sleeps. */
#define VGPU_SIM_SPIN_NS	20000u

/* Something that somebody may wait for has happened. */
void vgpu_sim_changed(struct vgpu_sim *s)
{
	/* Pairs with the acquire in vgpu_sim_events(). */
	vgpu_store_release(&s->events, s->events + 1);
	if (s->waiters)
		pthread_cond_broadcast(&s->cond);
}

/* The first bytes word by word, the rest as copies of those. */
static void fill(uint32_t *to, uint64_t bytes, uint32_t pattern)
{
	uint64_t i, done = bytes < VGPU_SIM_FILL_BYTES ? bytes :
							 VGPU_SIM_FILL_BYTES;

	if (pattern == (pattern & 0xff) * 0x01010101u) {
		memset(to, (int)(pattern & 0xff), bytes);
		return;
	}
	for (i = 0; i < done / 4; i++)
		to[i] = pattern;
	for (i = done; i < bytes; i += done)
		memcpy((char *)to + i, to, bytes - i < done ? bytes - i : done);
}

/* Blocks that move leave zeroes behind: what is allocated there next is. */
static void move(struct vgpu_sim *s, const struct vgpu_work *w)
{
	uint64_t from = w->from.offset, to = w->to.offset;
	uint64_t left = to < from && from - to < w->bytes ? to + w->bytes : from;

	memmove(s->vram + to, s->vram + from, w->bytes);
	vgpu_sim_vram_zero(s, left, from + w->bytes - left);
}

/* Items that touch memory; without the lock if they are long. */
static int touch(struct vgpu_sim *s, const struct vgpu_work *w, void *to,
		 void *from)
{
	switch (w->kind) {
	case VGPU_WORK_COPY:
		memcpy(to, from, w->bytes);
		return 0;
	case VGPU_WORK_CLEAR:
		fill(to, w->bytes, w->pattern);
		return 0;
	case VGPU_WORK_FETCH:
		memcpy(w->buffer, from, w->bytes);
		return 0;
	case VGPU_WORK_SCRUB:
		vgpu_sim_vram_zero(s, w->to.offset, w->bytes);
		return 0;
	case VGPU_WORK_MOVE:
		move(s, w);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Where the engine has memory of its own, the mapping has to be told. */
static int touched(struct vgpu_sim *s, const struct vgpu_work *w)
{
	bool zero = w->kind == VGPU_WORK_SCRUB ||
		    (w->kind == VGPU_WORK_CLEAR && !w->pattern);
	bool reads = w->kind == VGPU_WORK_COPY || w->kind == VGPU_WORK_FETCH ||
		     w->kind == VGPU_WORK_MOVE;
	int ret = 0;

	if (reads && !w->from.object)
		ret = vgpu_sim_host_read(s, w->from.offset, w->bytes);
	if (!ret && w->kind == VGPU_WORK_MOVE)
		ret = vgpu_sim_host_write(s, w->from.offset, w->bytes, true);
	if (!ret && w->kind != VGPU_WORK_FETCH && !w->to.object)
		ret = vgpu_sim_host_write(s, w->to.offset, w->bytes, zero);
	return ret;
}

static void execute_memory(struct vgpu_sim *s, const struct vgpu_work *w,
			   uint64_t *now_ns)
{
	bool unlock = w->bytes > VGPU_SIM_LONG_BYTES;
	void *to = vgpu_sim_mem(s, &w->to);
	void *from = vgpu_sim_mem(s, &w->from);
	uint64_t start_ns = *now_ns;
	int status;

	status = touched(s, w);
	if (!status) {
		if (unlock)
			pthread_mutex_unlock(&s->lock);
		status = touch(s, w, to, from);
		if (unlock)
			pthread_mutex_lock(&s->lock);
	}
	*now_ns = vgpu_now_ns();
	vgpu_model_done(s->m, w->id, status, *now_ns, *now_ns - start_ns);
}

static void execute_copy(struct vgpu_sim *s, const struct vgpu_work *w,
			 uint64_t *now_ns)
{
	uint64_t start_ns = *now_ns;
	int status;

	if (!vgpu_sim_engine_copy(s, w, &status)) {
		execute_memory(s, w, now_ns);
		return;
	}
	*now_ns = vgpu_now_ns();
	vgpu_model_done(s->m, w->id, status, *now_ns, *now_ns - start_ns);
}

static void execute_launch(struct vgpu_sim *s, const struct vgpu_work *w,
			   uint64_t *now_ns)
{
	uint64_t start_ns = *now_ns;
	int status;

	if (!vgpu_sim_launch(s, w, &status))
		return;
	*now_ns = vgpu_now_ns();
	vgpu_model_done(s->m, w->id, status, *now_ns, *now_ns - start_ns);
}

static void execute(struct vgpu_sim *s, const struct vgpu_work *w,
		    uint64_t *now_ns)
{
	const uint64_t one = 1;

	switch (w->kind) {
	case VGPU_WORK_UNPIN:
		vgpu_sim_unpinned(s, w->to.object);
		break;
	case VGPU_WORK_RING_DETACH:
		vgpu_sim_detached(s, w->arg);
		break;
	case VGPU_WORK_DROP:
		vgpu_sim_kernel_dropped(s, w->arg, w->address);
		break;
	case VGPU_WORK_INTERRUPT:
		/* Full only after 2^64 - 2 interrupts that nobody read. */
		if (write(s->irq_fd, &one, sizeof(one)) < 0)
			break;
		break;
	case VGPU_WORK_COPY:
	case VGPU_WORK_CLEAR:
		execute_copy(s, w, now_ns);
		break;
	case VGPU_WORK_FETCH:
	case VGPU_WORK_SCRUB:
	case VGPU_WORK_MOVE:
		execute_memory(s, w, now_ns);
		break;
	case VGPU_WORK_LAUNCH:
		execute_launch(s, w, now_ns);
		break;
	default:
		/*
		 * CANCEL: a function cannot be stopped, and the engine is
		 * ended by its thread.  The rest needs a driver that writes
		 * registers which the library keeps to itself.
		 */
		break;
	}
}

/*
 * One call of the model and what comes of it, up to @max items; @n gets how
 * many.  False if another thread is at it, or nothing has happened.
 */
bool vgpu_sim_round(struct vgpu_sim *s, uint32_t max, uint32_t *n)
{
	struct vgpu_work work[VGPU_SIM_BATCH];
	uint64_t now_ns;
	uint32_t i;

	*n = 0;
	/* What ends without an item, or begins to wait, was pending before. */
	if (s->running || !vgpu_model_pending(s->m))
		return false;
	now_ns = vgpu_now_ns();
	if (max > VGPU_SIM_BATCH)
		max = VGPU_SIM_BATCH;
	do {
		*n = vgpu_model_run(s->m, now_ns, work, max);
	} while (!*n && vgpu_model_pending(s->m));
	s->running = true;
	for (i = 0; i < *n; i++)
		execute(s, &work[i], &now_ns);
	s->running = false;
	vgpu_sim_changed(s);
	return true;
}

/* Let something happen: run, or wait for the thread that does. */
void vgpu_sim_step(struct vgpu_sim *s)
{
	uint64_t seen = s->events;
	uint32_t n;

	if (vgpu_sim_round(s, VGPU_SIM_BATCH, &n))
		return;
	s->waiters++;
	while (s->events == seen)
		pthread_cond_wait(&s->cond, &s->lock);
	s->waiters--;
}

/* With a thread of its own: runs until it is told to end. */
void *vgpu_sim_thread(void *sim)
{
	struct vgpu_sim *s = sim;
	uint64_t seen;
	uint32_t n;

	pthread_mutex_lock(&s->lock);
	while (!s->quit) {
		if (vgpu_sim_round(s, VGPU_SIM_BATCH, &n))
			continue;
		seen = s->events;
		pthread_mutex_unlock(&s->lock);
		vgpu_sim_wait(s, seen, VGPU_FOREVER);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

uint64_t vgpu_sim_events(void *b)
{
	struct vgpu_sim *s = b;

	/* Pairs with the release in vgpu_sim_changed(). */
	return vgpu_load_acquire(&s->events);
}

uint32_t vgpu_sim_run(void *b, uint32_t max)
{
	struct vgpu_sim *s = b;
	uint32_t n = 0;
	bool any;

	if (s->background)
		return 0;
	pthread_mutex_lock(&s->lock);
	any = vgpu_sim_round(s, max, &n);
	pthread_mutex_unlock(&s->lock);
	return any && !n ? 1 : n;
}

int vgpu_sim_wait(void *b, uint64_t seen, uint64_t deadline_ns)
{
	struct vgpu_sim *s = b;
	uint64_t now_ns = vgpu_now_ns(), spin_ns = now_ns + VGPU_SIM_SPIN_NS;
	int ret = 0;

	/* What an engine does takes longer than that. */
	if (READ_ONCE(s->engine.busy))
		spin_ns = now_ns;

	while (now_ns < spin_ns) {
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (vgpu_sim_events(s) != seen)
			return 0;
		sched_yield();
		now_ns = vgpu_now_ns();
	}
	pthread_mutex_lock(&s->lock);
	s->waiters++;
	while (!ret && s->events == seen)
		ret = vgpu_cond_wait(&s->cond, &s->lock, deadline_ns);
	s->waiters--;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/*
 * An admin command.  "Try again" means that blocks are being zeroed or moved:
 * that is done here.
 */
int vgpu_sim_admin_locked(struct vgpu_sim *s, const struct vgpu_cmd *cmd,
			  u64 result[2])
{
	int ret;

	for (;;) {
		ret = vgpu_model_admin(s->m, cmd, result);
		if (ret != -EAGAIN)
			return ret;
		vgpu_sim_step(s);
	}
}
