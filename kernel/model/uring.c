// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * User rings: taking commands from memory that a tenant writes, and completing
 * them there.
 *
 * A command is copied once, into the ring's @cmd, and stays parked there until
 * it can start; ring memory is not looked at again for it.
 */
#include "internal.h"

/* Commands that a ring may start before another ring has its turn. */
#define VGPU_RING_QUANTUM	16u
/* What looking at a command costs, for the scheduler. */
#define VGPU_COMMAND_NS		64u

static void vgpu_uring_say(struct vgpu_uring *r, u8 state, s32 error)
{
	r->state = state;
	if (!r->dev.ring.hdr)
		return;
	WRITE_ONCE(r->dev.ring.hdr->error, error);
	WRITE_ONCE(r->dev.ring.hdr->state, state);
}

int vgpu_uring_create(struct vgpu_model *m, u32 ctx, u32 object, u64 entries,
		      u64 flags, u32 counter, u64 poll_ns, u32 *ring)
{
	u32 sq = (u32)entries, cq = entries >> 32;
	u32 priority = flags >> 32 & 0xff, vector = flags >> 40 & 0xff;
	struct vgpu_object *o = &m->objects[object];
	struct vgpu_uring *r;
	u32 index;

	if (flags >> 48 || (u32)flags & ~VGPU_RING_F_TIMES ||
	    priority >= VGPU_PRIORITIES || vector >= VGPU_MSIX_VECTORS ||
	    !vgpu_ring_entries_valid(sq) || !vgpu_ring_entries_valid(cq) ||
	    sq > m->config.max_entries || cq > m->config.max_entries ||
	    poll_ns > VGPU_MAX_POLL_NS)
		return -EINVAL;
	if (((u32)flags & VGPU_RING_F_TIMES &&
	     !(vgpu_features(m) & VGPU_FEATURE_TIMES)) ||
	    (poll_ns && !(vgpu_features(m) & VGPU_FEATURE_POLL)))
		return -EOPNOTSUPP;
	if (o->kind != VGPU_OBJECT_SYSTEM || VGPU_RING_BYTES(sq, cq) > o->bytes)
		return -EINVAL;
	if (!vgpu_object_ready(m, object))
		return -EFAULT;
	if (o->rings)
		return -EBUSY;
	if (counter && m->counters[counter].context != ctx)
		return -EINVAL;
	index = vgpu_table_take(&m->rings_table);
	if (!index)
		return -ENOSPC;
	r = &m->rings[index];
	memset(r, 0, sizeof(*r));
	vgpu_ring_absent(&r->dev.ring, sq, cq);
	r->context = ctx;
	r->object = object;
	r->counter = counter;
	r->flags = (u32)flags;
	r->poll_ns = (u32)poll_ns;
	r->priority = priority;
	r->vector = vector;
	r->state = VGPU_RING_IDLE;
	o->rings++;
	if (counter)
		m->counters[counter].users++;
	*ring = index;
	return 0;
}

/* Give a new ring the id that it had where it came from. */
bool vgpu_uring_rename(struct vgpu_model *m, u32 *ring, u32 id)
{
	struct vgpu_uring copy = m->rings[*ring];

	vgpu_table_drop(&m->rings_table, *ring);
	if (!vgpu_table_take_id(&m->rings_table, id))
		return false;
	*ring = id & 0xffff;
	m->rings[*ring] = copy;
	return true;
}

/* The shell has made the ring's memory contiguous: it is a ring from now on. */
void vgpu_uring_memory(struct vgpu_model *m, u32 ring, void *mem)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_ring_attach(&r->dev.ring, mem, r->dev.ring.sq_entries,
			 r->dev.ring.cq_entries);
	vgpu_ring_format(&r->dev.ring);
	vgpu_ring_consumer_init(&r->dev, &r->dev.ring);
}

/* The same for a ring whose content and indices were carried along. */
void vgpu_uring_resume(struct vgpu_model *m, u32 ring, void *mem)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_ring_attach(&r->dev.ring, mem, r->dev.ring.sq_entries,
			 r->dev.ring.cq_entries);
	vgpu_sched_add(m, ring);
}

/*
 * Complete a command.  @taken_ns to @start_ns it waited, from there to now it
 * ran.
 */
void vgpu_uring_complete(struct vgpu_model *m, struct vgpu_uring *r,
			 u64 user_data, s32 status, u16 flags, u64 taken_ns,
			 u64 start_ns)
{
	struct vgpu_completion done = {
		.user_data = user_data,
		.status = status,
	};
	bool waited;

	r->completed++;
	if (status)
		m->stats.failed++;
	else
		m->stats.completed++;
	if (!r->dev.ring.hdr)
		return;
	if (r->flags & VGPU_RING_F_TIMES) {
		if (!start_ns)
			start_ns = m->now_ns;
		done.end_ns = m->now_ns;
		done.wait = (u32)min_t(u64, (start_ns - taken_ns) / 64,
				       U32_MAX);
		done.run = (u32)min_t(u64, (m->now_ns - start_ns) / 64,
				      U32_MAX);
	}
	waited = vgpu_ring_complete(&r->dev, &done);
	if (waited || flags & VGPU_CMD_F_INTERRUPT)
		vgpu_irq_raise(m, r->vector);
}

/* The command that the ring has parked does not start any more. */
static void vgpu_uring_cancel(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_uring_complete(m, r, r->cmd.user_data, -ECANCELED,
			    r->cmd.flags, r->parked_ns, 0);
	if (r->cmd.flags & VGPU_CMD_F_SIGNAL && r->counter)
		vgpu_counter_signal(m, r->counter, r->cmd.op[5]);
}

/* Out of every line that the ring waits in. */
static void vgpu_uring_leave(struct vgpu_model *m, u32 ring)
{
	vgpu_sched_remove(m, ring);
	vgpu_counter_leave(m, ring);
	m->rings[ring].blocked = VGPU_BLOCK_NONE;
}

/* Ends everything that the ring has in flight, for the ring. */
static void vgpu_uring_abort(struct vgpu_model *m, u32 ring, s32 status)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_uring_leave(m, ring);
	while (r->first)
		vgpu_job_abort(m, r->first, status);
	if (!r->parked)
		return;
	r->parked = false;
	vgpu_uring_cancel(m, ring);
}

/* The ring's memory makes no sense, or is gone: it needs a reset. */
void vgpu_uring_fail(struct vgpu_model *m, u32 ring, s32 status)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_uring_abort(m, ring, -ENODEV);
	vgpu_sched_remove(m, ring);
	r->flushing = false;
	vgpu_uring_say(r, VGPU_RING_ERROR, status);
	vgpu_error_note(m, vgpu_table_id(&m->rings_table, ring), status, 0,
			vgpu_table_id(&m->contexts_table, r->context), 0, 0);
	vgpu_irq_raise(m, r->vector);
}

/* Its memory is going away: nothing is written to it from now on. */
void vgpu_uring_gone(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_uring_fail(m, ring, -EFAULT);
	vgpu_ring_absent(&r->dev.ring, r->dev.ring.sq_entries,
			 r->dev.ring.cq_entries);
}

/* The first of the ring's jobs from @job on that has not ended, or 0. */
static u32 vgpu_uring_running(const struct vgpu_model *m, u32 job)
{
	while (job && vgpu_job(m, job)->state == VGPU_JOB_DONE)
		job = vgpu_job(m, job)->next;
	return job;
}

static int vgpu_uring_reset(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	u32 job, next;

	if (!r->dev.ring.hdr)
		return r->state == VGPU_RING_ERROR ? -EFAULT : 0;
	if (r->state == VGPU_RING_ERROR) {
		/* Nothing in it can be believed: start anew. */
		vgpu_uring_abort(m, ring, -ENODEV);
		vgpu_ring_format(&r->dev.ring);
		vgpu_ring_consumer_init(&r->dev, &r->dev.ring);
		vgpu_uring_say(r, VGPU_RING_IDLE, 0);
		return 0;
	}
	/*
	 * What has not started is cancelled by vgpu_uring_step(), when what has
	 * started has ended: signals are given in order.
	 */
	vgpu_uring_leave(m, ring);
	r->flushing = true;
	for (job = vgpu_uring_running(m, r->first); job; job = next) {
		/* It cannot go with this one, as what has ended might. */
		next = vgpu_uring_running(m, vgpu_job(m, job)->next);
		vgpu_job_give_up(m, job, -ENODEV);
	}
	r->stop = r->dev.sq_head + r->dev.ring.sq_entries;
	vgpu_sched_add(m, ring);
	return 0;
}

int vgpu_uring_control(struct vgpu_model *m, u32 ring, u64 what)
{
	struct vgpu_uring *r = &m->rings[ring];
	u64 tail;

	if (!r->dev.ring.hdr)
		return r->state == VGPU_RING_ERROR ? -EFAULT : -EAGAIN;
	switch (what) {
	case VGPU_RING_START:
		if (r->state == VGPU_RING_ERROR || r->flushing)
			return -EBUSY;
		vgpu_uring_say(r, VGPU_RING_RUNNING, 0);
		if (r->blocked == VGPU_BLOCK_NONE)
			vgpu_sched_add(m, ring);
		return 0;
	case VGPU_RING_PAUSE:
		if (r->state == VGPU_RING_PAUSED)
			return 0;
		if (r->state != VGPU_RING_RUNNING || r->flushing)
			return -EBUSY;
		/* Read once; at most a ring's worth, whatever it says. */
		tail = READ_ONCE(r->dev.ring.hdr->sq_tail) - r->dev.sq_head;
		r->stop = r->dev.sq_head +
			  min_t(u64, tail, r->dev.ring.sq_entries);
		vgpu_uring_say(r, VGPU_RING_PAUSED, 0);
		return 0;
	case VGPU_RING_RESET:
		return vgpu_uring_reset(m, ring);
	default:
		return -EINVAL;
	}
}

/* The slot stays until the shell has been told that the memory is free. */
void vgpu_uring_destroy(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];

	vgpu_uring_abort(m, ring, -ENODEV);
	vgpu_sched_remove(m, ring);
	vgpu_uring_say(r, VGPU_RING_ERROR, -ENODEV);
	r->flushing = false;
	r->dying = true;
	if (r->answer)
		vgpu_admin_wake(m, VGPU_ADMIN_WAIT_RING, ring, -ENODEV, 0, 0);
	r->answer = false;
	if (r->counter)
		m->counters[r->counter].users--;
	r->counter = 0;
	m->objects[r->object].rings--;
	/* Until then nobody gives the memory away. */
	vgpu_object_hold(m, r->object);
	vgpu_object_unused(m, r->object);
	if (!r->attaching)
		vgpu_todo_add(m, VGPU_TODO_DETACH, ring);
}

void vgpu_uring_free(struct vgpu_model *m, u32 ring)
{
	u32 object = m->rings[ring].object;

	vgpu_table_drop(&m->rings_table, ring);
	vgpu_object_put(m, object);
}

/* Something that the ring waited for has happened. */
void vgpu_uring_wake(struct vgpu_model *m, u32 ring, enum vgpu_ring_block why)
{
	struct vgpu_uring *r = &m->rings[ring];

	if (r->blocked != why)
		return;
	r->blocked = VGPU_BLOCK_NONE;
	vgpu_sched_add(m, ring);
}

static bool vgpu_uring_consumes(const struct vgpu_uring *r)
{
	if (r->flushing)
		return r->dev.sq_head != r->stop;
	if (r->state == VGPU_RING_PAUSED)
		return r->dev.sq_head != r->stop;
	return r->state == VGPU_RING_RUNNING;
}

/* Take the next command, if there is one that may be taken. */
static bool vgpu_uring_take(struct vgpu_model *m, struct vgpu_uring *r)
{
	if (!vgpu_uring_consumes(r) || vgpu_ring_cq_room(&r->dev, 1) <= 0 ||
	    !vgpu_ring_consume(&r->dev, &r->cmd, 1))
		return false;
	r->parked = true;
	r->parked_ns = m->now_ns;
	return true;
}

/*
 * Nothing could be taken: have the ring wait for what was missing.  Returns
 * whether it may be there by now.
 */
static bool vgpu_uring_wait(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	bool consumes = vgpu_uring_consumes(r);
	int room = consumes ? vgpu_ring_cq_room(&r->dev, 1) : 1;

	if (!room) {
		room = vgpu_ring_mark_stalled(&r->dev);
		if (room >= 0)
			return !room;
	}
	if (room < 0) {
		vgpu_uring_fail(m, ring, room);
		return false;
	}
	if (r->flushing) {
		vgpu_ring_publish_head(&r->dev);
		r->flushing = false;
		vgpu_uring_say(r, VGPU_RING_IDLE, 0);
		vgpu_irq_raise(m, r->vector);
		return false;
	}
	if (!consumes)
		return false;
	if (r->polled) {
		vgpu_ring_publish_head(&r->dev);
		return false;
	}
	return !vgpu_ring_prepare_sleep(&r->dev);
}

int vgpu_model_favour(struct vgpu_model *m, u32 id)
{
	u32 ring = vgpu_find_ring(m, id);

	if (!ring)
		return -ENOENT;
	m->rings[ring].favoured = true;
	m->jobs_kept = VGPU_JOBS_KEPT;
	return 0;
}

int vgpu_model_poll(struct vgpu_model *m, u32 id, bool on)
{
	u32 ring = vgpu_find_ring(m, id);

	if (!ring)
		return -ENOENT;
	m->rings[ring].polled = on;
	return vgpu_model_kick(m, id);
}

const u32 *vgpu_model_poll_slot(const struct vgpu_model *m, u32 id, u32 *seq)
{
	u32 ring = vgpu_find_ring(m, id);
	const struct vgpu_uring *r = &m->rings[ring];

	if (!ring || !r->polled || !r->dev.ring.hdr || r->queued ||
	    r->blocked != VGPU_BLOCK_NONE || !vgpu_uring_consumes(r) ||
	    !vgpu_ring_cq_free(&r->dev))
		return NULL;
	*seq = vgpu_ring_seq(r->dev.sq_head);
	return &vgpu_ring_slot(&r->dev.ring, r->dev.sq_head)->seq;
}

/*
 * A ring's turn: it starts commands until it has none, has to wait, or has had
 * its share; each takes one off @budget, and so does a look in vain.
 */
void vgpu_uring_step(struct vgpu_model *m, u32 ring, u32 *budget)
{
	struct vgpu_uring *r = &m->rings[ring];
	u32 share = min_t(u32, *budget, VGPU_RING_QUANTUM), left = share;
	u32 taken = 0;
	bool more = true;

	while (left && more) {
		/* Somebody else puts it in line when it need not wait. */
		if (!r->dev.ring.hdr || r->blocked != VGPU_BLOCK_NONE) {
			more = false;
			break;
		}
		if (r->flushing && r->running) {
			r->blocked = VGPU_BLOCK_JOBS;
			more = false;
			break;
		}
		left--;
		if (!r->parked) {
			if (!vgpu_uring_take(m, r)) {
				more = vgpu_uring_wait(m, ring);
				continue;
			}
			taken++;
		}
		if (r->flushing)
			vgpu_uring_cancel(m, ring);
		else if (vgpu_command_start(m, ring))
			more = false;
		if (more)
			r->parked = false;
	}
	*budget -= share - left;
	/* Looking in vain must not push it back behind others. */
	r->taken += taken;
	m->stats.queued += taken;
	vgpu_sched_charge(m, ring, (u64)taken * VGPU_COMMAND_NS);
	if (more)
		vgpu_sched_add(m, ring);
	/* What ends from now on has left room for as much. */
	if (r->dev.ring.hdr)
		vgpu_ring_publish_head(&r->dev);
}
