// SPDX-License-Identifier: MIT
/*
 * The ring of jobs: commands are issued in order, and answered in order.
 *
 * The provider's queue orders what it does.  Two things it does not see hold
 * up what comes later: a FLUSH of several steps, until its last one is issued,
 * and a FLUSH to the engine, until every FLUSH to the mapping that came before
 * has arrived there, since its bytes are read from the mapping when it is
 * issued.
 */
#include <errno.h>

#include "wgpu/wgpu.h"

static struct vgpu_wgpu_job *vgpu_wgpu_job(struct vgpu_wgpu *e, uint32_t i)
{
	return &e->jobs[i % VGPU_EXECUTOR_DEPTH];
}

static void vgpu_wgpu_fired(struct vgpu_wgpu_job *job, bool failed)
{
	job->fired = true;
	job->failed = failed;
	job->e->fired++;
}

void vgpu_wgpu_map_done(WGPUMapAsyncStatus status, WGPUStringView message,
			void *a, void *b)
{
	vgpu_wgpu_fired(a, status != WGPUMapAsyncStatus_Success);
}

/*
 * What follows the status is (message, a, b) in Dawn and (a, b) in wgpu-native.
 * Both a and b are the job.  So where two arguments that make a message are the
 * same pointer twice, they are a and b: no message is as long as its address
 * says.  The calling conventions of Linux pass a message as two arguments.
 */
static void vgpu_wgpu_work_done(WGPUQueueWorkDoneStatus status,
				WGPUStringView message, void *a, void *b)
{
	if (message.data && (size_t)message.data == message.length)
		a = (void *)message.data;
	vgpu_wgpu_fired(a, status != WGPUQueueWorkDoneStatus_Success);
}

void vgpu_wgpu_when_done(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	WGPUQueueWorkDoneCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowProcessEvents,
		.callback = (WGPUQueueWorkDoneCallback)
			(void (*)(void))vgpu_wgpu_work_done,
		.userdata1 = job,
		.userdata2 = job,
	};

	e->api.QueueOnSubmittedWorkDone(e->queue, info);
}

static bool vgpu_wgpu_is_flush(const struct vgpu_wgpu_job *job, uint64_t way)
{
	return job->cmd.opcode == VGPU_ENGINE_FLUSH && job->cmd.op[2] == way;
}

static bool vgpu_wgpu_must_wait(struct vgpu_wgpu *e,
				const struct vgpu_wgpu_job *job)
{
	uint32_t i;

	if (!vgpu_wgpu_is_flush(job, 2))
		return false;
	for (i = e->head; i != e->next; i++) {
		const struct vgpu_wgpu_job *older = vgpu_wgpu_job(e, i);

		if (older->state != VGPU_WGPU_DONE &&
		    vgpu_wgpu_is_flush(older, 1))
			return true;
	}
	return false;
}

static void vgpu_wgpu_done(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job,
			   int status)
{
	uint64_t now = vgpu_wgpu_now(), from = job->start_ns;

	/* It did not run before the one ahead of it was done. */
	if (from < e->last_ns)
		from = e->last_ns;
	job->run_ns = status ? 0 : now - from;
	job->status = status;
	job->state = VGPU_WGPU_DONE;
	e->last_ns = now;
}

static int vgpu_wgpu_start(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	int error = -EOPNOTSUPP;

	switch (job->cmd.opcode) {
	case VGPU_ENGINE_NOP:
		error = 0;
		break;
	case VGPU_ENGINE_LAUNCH:
		error = vgpu_wgpu_launch(e, job);
		break;
	case VGPU_ENGINE_COPY:
		error = vgpu_wgpu_copy(e, job);
		break;
	case VGPU_ENGINE_CLEAR:
		error = vgpu_wgpu_clear(e, job);
		break;
	case VGPU_ENGINE_FLUSH:
		/* It asks for its end itself. */
		return vgpu_wgpu_flush(e, job);
	}
	if (!error)
		vgpu_wgpu_when_done(e, job);
	return error;
}

/* Issue a command, or its next step. */
static void vgpu_wgpu_issue(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	int error;

	if (!job->at)
		job->start_ns = vgpu_wgpu_now();
	job->state = VGPU_WGPU_ISSUED;
	job->fired = false;
	e->stray = false;
	error = vgpu_wgpu_start(e, job);
	if (job->kernel) {
		vgpu_wgpu_kernel_put(e, job->kernel);
		job->kernel = NULL;
	}
	if (error)
		vgpu_wgpu_done(e, job, error);
	else if (e->stray)
		/* Its callback still comes. */
		job->status = -EIO;
	e->stray = false;
}

/* What of @job is issued has been done. */
static void vgpu_wgpu_arrive(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	int error = job->failed ? -EIO : 0;

	if (job->cmd.opcode == VGPU_ENGINE_FLUSH) {
		int end = vgpu_wgpu_flush_end(e, job);

		error = error ? error : end;
		job->at += job->step;
		if (!error && !job->status && job->at < job->cmd.op[1]) {
			job->state = VGPU_WGPU_QUEUED;
			return;
		}
	}
	vgpu_wgpu_done(e, job, error ? error : job->status);
}

/* Is nothing left to issue of @job? */
static bool vgpu_wgpu_issued(const struct vgpu_wgpu_job *job)
{
	if (job->state == VGPU_WGPU_DONE)
		return true;
	return job->state == VGPU_WGPU_ISSUED &&
	       (job->cmd.opcode != VGPU_ENGINE_FLUSH ||
		job->at + job->step == job->cmd.op[1]);
}

static void vgpu_wgpu_arrivals(struct vgpu_wgpu *e)
{
	struct vgpu_wgpu_job *job;
	uint32_t i;

	if (!e->fired)
		return;
	e->fired = 0;
	/* One of several steps is at @next itself. */
	for (i = e->head; i != e->tail && i != e->next + 1; i++) {
		job = vgpu_wgpu_job(e, i);
		if (job->state == VGPU_WGPU_ISSUED && job->fired)
			vgpu_wgpu_arrive(e, job);
	}
}

void vgpu_wgpu_advance(struct vgpu_wgpu *e)
{
	struct vgpu_wgpu_job *job;

	vgpu_wgpu_arrivals(e);
	while (e->next != e->tail && !e->lost) {
		job = vgpu_wgpu_job(e, e->next);
		if (job->state == VGPU_WGPU_QUEUED) {
			if (vgpu_wgpu_must_wait(e, job))
				return;
			vgpu_wgpu_issue(e, job);
		}
		if (!vgpu_wgpu_issued(job))
			return;
		e->next++;
	}
}
