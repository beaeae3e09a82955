// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Jobs: commands that were taken and have not ended.
 *
 * A job stands in its ring's list in the order of commands, so that signals are
 * given in that order, and in the ready line while it has items to hand out.
 * Its items are reported with one work id; it counts how many are out.
 */
#include "internal.h"

/* Whether a ring may take one more. */
bool vgpu_job_free_for(const struct vgpu_model *m, u32 ring)
{
	u32 left = m->jobs_table.max - m->jobs_table.count;
	u32 kept = min_t(u32, m->jobs_kept, m->jobs_table.max / 2);

	return left > (m->rings[ring].favoured ? 0 : kept);
}

u32 vgpu_job_take(struct vgpu_model *m, u32 ring, const struct vgpu_cmd *cmd)
{
	struct vgpu_job *j;
	u32 job;

	if (!vgpu_job_free_for(m, ring))
		return 0;
	job = vgpu_table_take(&m->jobs_table);
	if (!job)
		return 0;
	j = vgpu_job(m, job);
	/* The arrays are written before they are read. */
	memset(j, 0, offsetof(struct vgpu_job, to));
	j->ring = ring;
	j->context = m->rings[ring].context;
	j->user_data = cmd->user_data;
	j->opcode = cmd->opcode;
	j->flags = cmd->flags;
	j->signal = cmd->op[5];
	j->taken_ns = m->rings[ring].parked_ns;
	j->deadline_ns = U64_MAX;
	return job;
}

static bool vgpu_job_is_launch(const struct vgpu_job *j)
{
	return j->opcode == VGPU_CMD_LAUNCH;
}

void vgpu_job_link(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);
	struct vgpu_uring *r = &m->rings[j->ring];

	j->prev = r->last;
	j->next = 0;
	if (r->last)
		vgpu_job(m, r->last)->next = job;
	else
		r->first = job;
	r->last = job;
	if (j->state == VGPU_JOB_DONE)
		return;
	r->running++;
	if (vgpu_job_is_launch(j))
		r->launches++;
}

static void vgpu_job_unlink(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);
	struct vgpu_uring *r = &m->rings[j->ring];

	if (j->prev)
		vgpu_job(m, j->prev)->next = j->next;
	else
		r->first = j->next;
	if (j->next)
		vgpu_job(m, j->next)->prev = j->prev;
	else
		r->last = j->prev;
	j->prev = 0;
	j->next = 0;
	j->ring = 0;
}

void vgpu_job_ready(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);

	j->state = VGPU_JOB_READY;
	j->next_ready = 0;
	if (m->ready_first)
		vgpu_job(m, m->ready_last)->next_ready = job;
	else
		m->ready_first = job;
	m->ready_last = job;
}

static void vgpu_job_unready(struct vgpu_model *m, u32 job)
{
	u32 i, before = 0;

	for (i = m->ready_first; i && i != job; i = vgpu_job(m, i)->next_ready)
		before = i;
	if (!i)
		return;
	if (before)
		vgpu_job(m, before)->next_ready = vgpu_job(m, job)->next_ready;
	else
		m->ready_first = vgpu_job(m, job)->next_ready;
	if (m->ready_last == job)
		m->ready_last = before;
	vgpu_job(m, job)->state = VGPU_JOB_OUT;
}

int vgpu_job_hold(struct vgpu_model *m, u32 job, u32 object)
{
	struct vgpu_job *j = vgpu_job(m, job);
	int ret = vgpu_object_hold(m, object);

	if (!ret)
		j->held[j->n_held++] = object;
	return ret;
}

static void vgpu_job_let_go(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);

	while (j->n_held)
		vgpu_object_put(m, j->held[--j->n_held]);
	if (j->kernel)
		vgpu_kernel_put(m, j->kernel);
	j->kernel = 0;
}

void vgpu_job_free(struct vgpu_model *m, u32 job)
{
	vgpu_job_let_go(m, job);
	vgpu_table_drop(&m->jobs_table, job);
	vgpu_sched_feed(m);
}

/* Out of its ring's list; what is out of it is still to be reported. */
static void vgpu_job_leave(struct vgpu_model *m, u32 job)
{
	vgpu_job_unlink(m, job);
	if (!vgpu_job(m, job)->out)
		vgpu_job_free(m, job);
}

/*
 * Give the signals of a ring's commands that have ended, in order.  The first
 * job of a ring is never one that has ended.
 */
static void vgpu_job_retire(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];

	while (r->first && vgpu_job(m, r->first)->state == VGPU_JOB_DONE) {
		u64 value = vgpu_job(m, r->first)->signal;

		vgpu_job_leave(m, r->first);
		/* Going back is no error here: the ring has been overtaken. */
		vgpu_counter_signal(m, r->counter, value);
	}
}

/* For the error record. */
static void vgpu_job_note(struct vgpu_model *m, u32 job, s32 status, u64 fault)
{
	struct vgpu_job *j = vgpu_job(m, job);

	vgpu_error_note(m, vgpu_table_id(&m->rings_table, j->ring), status,
			j->opcode, vgpu_table_id(&m->contexts_table, j->context),
			fault, j->user_data);
}

/*
 * The command has ended: complete it.  If something is still out, because its
 * ring is reset or it ran too long, then what it holds stays held until that
 * has been reported.
 */
void vgpu_job_end(struct vgpu_model *m, u32 job, s32 status)
{
	struct vgpu_job *j = vgpu_job(m, job);
	u32 ring = j->ring;

	if (j->state == VGPU_JOB_READY)
		vgpu_job_unready(m, job);
	j->state = VGPU_JOB_DONE;
	j->retry = false;
	if (!j->out)
		vgpu_job_let_go(m, job);
	m->rings[ring].running--;
	if (vgpu_job_is_launch(j))
		m->rings[ring].launches--;
	vgpu_uring_complete(m, &m->rings[ring], j->user_data, status, j->flags,
			    j->taken_ns, j->start_ns);
	if (!(j->flags & VGPU_CMD_F_SIGNAL))
		vgpu_job_leave(m, job);
	vgpu_job_retire(m, ring);
	vgpu_uring_wake(m, ring, VGPU_BLOCK_JOBS);
}

/* A command has failed; what a reset of its ring ends has not. */
static void vgpu_job_fail(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (!m->rings[j->ring].flushing)
		vgpu_job_note(m, job, j->status, 0);
	vgpu_job_end(m, job, j->status);
}

/* The command ends now, whatever is out of it. */
void vgpu_job_abort(struct vgpu_model *m, u32 job, s32 status)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (vgpu_job_is_launch(j) && j->out && !j->fetching) {
		j->cancel = true;
		vgpu_todo_add(m, VGPU_TODO_CANCEL, job);
	}
	vgpu_job_end(m, job, status);
}

/*
 * The command ends as soon as nothing of it touches memory, which its owner
 * uses for something else then; a launch ends now, for it may run for ever.
 */
void vgpu_job_give_up(struct vgpu_model *m, u32 job, s32 status)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (j->out && (j->fetching || !vgpu_job_is_launch(j)))
		j->status = status;
	else
		vgpu_job_abort(m, job, status);
}

/* Has it run too long? */
void vgpu_job_tick(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (j->state == VGPU_JOB_DONE || j->deadline_ns > m->now_ns)
		return;
	vgpu_job_note(m, job, -ETIMEDOUT, 0);
	vgpu_job_abort(m, job, -ETIMEDOUT);
}

/* The shell gives up a launch that is out. */
int vgpu_job_stop(struct vgpu_model *m, u32 id, s32 status)
{
	u32 job = vgpu_work_find(&m->jobs_table, id);
	struct vgpu_job *j = vgpu_job(m, job);

	if (!job || !vgpu_job_is_launch(j) || j->fetching || !j->out ||
	    j->state == VGPU_JOB_DONE)
		return -ENOENT;
	vgpu_job_note(m, job, status, 0);
	vgpu_job_abort(m, job, status);
	return 0;
}

/* All that was out of a command that has ended has been reported. */
static void vgpu_job_reported(struct vgpu_model *m, u32 job)
{
	if (vgpu_job(m, job)->ring)
		vgpu_job_let_go(m, job);
	else
		vgpu_job_free(m, job);
}

/* The engine has gone: nobody will report this launch. */
void vgpu_job_lost(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (!vgpu_job_is_launch(j) || j->fetching || !j->out)
		return;
	j->out = 0;
	if (j->state == VGPU_JOB_DONE) {
		vgpu_job_reported(m, job);
		return;
	}
	vgpu_job_note(m, job, -EIO, 0);
	vgpu_job_end(m, job, -EIO);
}

/* The CANCEL item of a launch; false if it has been reported meanwhile. */
bool vgpu_job_cancel_item(struct vgpu_model *m, u32 job, struct vgpu_work *w)
{
	struct vgpu_job *j = vgpu_job(m, job);

	if (!vgpu_table_used(&m->jobs_table, job) || !j->cancel || !j->out)
		return false;
	j->cancel = false;
	w->arg = vgpu_work_id(VGPU_WORK_JOB, m->jobs_table.gen[job], job);
	return true;
}

static struct vgpu_mem vgpu_job_mem(const struct vgpu_model *m,
				    const struct vgpu_extent *e, u64 skip)
{
	struct vgpu_mem mem = { .offset = e->offset + skip };

	if (m->objects[e->object].kind == VGPU_OBJECT_VRAM)
		mem.offset += vgpu_object_offset(m, e->object);
	else
		mem.object = vgpu_table_id(&m->objects_table, e->object);
	return mem;
}

/* Forward by @bytes in a list of extents; true at its end. */
static bool vgpu_job_advance(const struct vgpu_extent *e, u8 n, u8 *at,
			     u64 *at_bytes, u64 bytes)
{
	*at_bytes += bytes;
	if (*at_bytes == e[*at].bytes) {
		*at_bytes = 0;
		(*at)++;
	}
	return *at == n;
}

/* Hand out the next item of a job; true if it was the last one. */
static bool vgpu_job_item(struct vgpu_model *m, u32 job, struct vgpu_out *out)
{
	struct vgpu_work *w = vgpu_out_add(out, 0);
	struct vgpu_job *j = vgpu_job(m, job);
	const struct vgpu_extent *to = &j->to[j->at_to];
	const struct vgpu_extent *from = &j->from[j->at_from];

	w->id = vgpu_work_id(VGPU_WORK_JOB, m->jobs_table.gen[job], job);
	w->ring = vgpu_table_id(&m->rings_table, j->ring);
	j->out++;
	if (!j->start_ns)
		j->start_ns = m->now_ns;

	if (j->fetching) {
		w->kind = VGPU_WORK_FETCH;
		w->from = vgpu_job_mem(m, from, 0);
		w->bytes = from->bytes;
		w->buffer = (u8 *)&j->args + j->at_from_bytes;
		j->at_from_bytes += from->bytes;
		return ++j->at_from == j->n_from;
	}
	if (vgpu_job_is_launch(j)) {
		w->kind = VGPU_WORK_LAUNCH;
		w->launch = &j->launch;
		/* The wish is the guest's: U64_MAX is never. */
		if (j->launch.timeout_ns &&
		    j->launch.timeout_ns < U64_MAX - m->now_ns)
			j->deadline_ns = m->now_ns + j->launch.timeout_ns;
		m->stats.launches++;
		return true;
	}
	w->to = vgpu_job_mem(m, to, j->at_to_bytes);
	w->bytes = min_t(u64, to->bytes - j->at_to_bytes, VGPU_OUT_BYTES);
	if (j->opcode == VGPU_CMD_CLEAR) {
		w->kind = VGPU_WORK_CLEAR;
		w->pattern = j->pattern;
		m->stats.bytes_cleared += w->bytes;
	} else {
		w->kind = VGPU_WORK_COPY;
		w->from = vgpu_job_mem(m, from, j->at_from_bytes);
		w->bytes = min_t(u64, w->bytes,
				 from->bytes - j->at_from_bytes);
		m->stats.bytes_copied += w->bytes;
		vgpu_job_advance(j->from, j->n_from, &j->at_from,
				 &j->at_from_bytes, w->bytes);
	}
	out->bytes += w->bytes;
	return vgpu_job_advance(j->to, j->n_to, &j->at_to, &j->at_to_bytes,
				w->bytes);
}

/* Hand out what the ready line has, as far as there is room. */
void vgpu_job_hand_out(struct vgpu_model *m, struct vgpu_out *out)
{
	while (m->ready_first && !vgpu_out_enough(out)) {
		u32 job = m->ready_first;
		struct vgpu_job *j = vgpu_job(m, job);
		bool last = true;

		/* A piece has failed, or the engine went before the launch. */
		if (vgpu_job_is_launch(j) && !j->fetching &&
		    !(m->status & VGPU_STATUS_ENGINE))
			j->status = -EIO;
		if (!j->status)
			last = vgpu_job_item(m, job, out);
		if (!last)
			continue;
		vgpu_job_unready(m, job);
		if (j->status && !j->out)
			vgpu_job_fail(m, job);
	}
}

/* The arguments of a launch have been fetched. */
static void vgpu_job_arguments(struct vgpu_model *m, u32 job)
{
	struct vgpu_job *j = vgpu_job(m, job);
	u64 fault = 0;
	int ret = vgpu_launch_args(m, job, &fault);

	j->retry = ret == -EAGAIN;
	if (j->retry)
		return;
	if (!ret) {
		vgpu_job_ready(m, job);
		return;
	}
	vgpu_job_note(m, job, ret, fault);
	vgpu_job_end(m, job, ret);
}

/* A block has been moved: a launch that named one may try again. */
void vgpu_job_retry(struct vgpu_model *m, u32 job)
{
	vgpu_job(m, job)->retry = false;
	vgpu_job_arguments(m, job);
}

int vgpu_job_done(struct vgpu_model *m, u32 id, s32 status, u64 run_ns)
{
	u32 job = vgpu_work_find(&m->jobs_table, id);
	struct vgpu_job *j = vgpu_job(m, job);

	if (!job || !j->out)
		return -ENOENT;
	j->out--;
	m->stats.busy_ns += run_ns;
	if (status && !j->status)
		j->status = vgpu_believe_status(status);
	if (j->ring)
		vgpu_sched_charge(m, j->ring, run_ns);
	if (j->out || j->state == VGPU_JOB_READY)
		return 0;
	if (j->state == VGPU_JOB_DONE)
		vgpu_job_reported(m, job);
	else if (j->status)
		vgpu_job_fail(m, job);
	else if (j->fetching)
		vgpu_job_arguments(m, job);
	else
		vgpu_job_end(m, job, 0);
	return 0;
}
