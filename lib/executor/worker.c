// SPDX-License-Identifier: MIT
/*
 * The executor in another process: commands go to a vgpu-worker by a ring in
 * shared memory, and come back by it.
 *
 * DOC: Who receives
 *
 * One thread at a time takes completions out of the ring and sleeps for more:
 * the one in wait(), or one in build() or drop(), which need an answer whether
 * or not anybody waits.  The role is @receiving, handed over under @lock; the
 * others sleep on @changed, and take it when it is free.
 *
 * DOC: What is believed
 *
 * What is out is in @records, in this process's memory, by a tag of our own:
 * the record's number, and a serial number above it.  A completion that names
 * nothing that is out is dropped and counted.  The position where the next
 * command goes is ours too, and that there is room follows from how few are
 * out: of the last VGPU_WORKER_ENTRIES commands one has completed, so that the
 * worker has taken the first of them.
 *
 * DOC: Death
 *
 * A worker that hangs up is killed.  Once its process has ended nothing writes
 * to shared memory any more: what it completed before is taken, and then the
 * executor is lost.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vgpu/manager.h>

#include "wait.h"
#include "worker.h"
#include "worker_status.h"

/* How long a receiver looks at the ring before it sleeps. */
#define VGPU_WORKER_SPIN_NS	20000u

/* Completions taken at once, and doorbells. */
#define VGPU_WORKER_BATCH	64u

#define VGPU_WORKER_OTHERS	(VGPU_WORKER_RECORDS - VGPU_EXECUTOR_DEPTH)

_Static_assert(VGPU_WORKER_RECORDS < VGPU_WORKER_ENTRIES,
	       "a position is taken when it is written again");

/**
 * struct record - a command that may be out
 * @wire: its tag between us and the worker; 0: not out
 * @tag: the caller's
 * @opcode: VGPU_ENGINE_*
 */
struct record {
	uint64_t wire;
	uint64_t tag;
	uint16_t opcode;
};

/**
 * struct worker - a worker and what it was given
 * @process: it
 * @shared: memory that it maps too
 * @info: of its engine
 * @wake_fd: eventfd, ours alone: ends a receiver's sleep
 * @building: held for a build: there is one control memory
 * @lock: protects all that follows
 * @changed: a receiver has received, or stopped being it; with @lock
 * @receiving: somebody has the role; it alone uses @reaper
 * @reaper: of the completions
 * @woken: wake() was called and no wait() has returned for it
 * @killed: by us: it hung up, or has been asked to end
 * @lost: its process has ended
 * @built: the build under way was answered, with @build_status
 * @build_status: see there
 * @answer_ns: how long a build may take
 * @sq_tail: where the next command goes
 * @serial: of the last command
 * @records: see there
 * @free: numbers of those that are not out
 * @n_free: how many
 * @n_commands: submitted, and not yet returned by wait()
 * @n_others: builds and drops that are out
 * @done: completions to be returned by wait(), from @done_head on
 * @done_head: first of them
 * @n_done: how many
 * @dropped: completions that named nothing that was out
 */
struct worker {
	struct vgpu_worker_process process;
	struct vgpu_worker_shared shared;
	struct vgpu_engine_info info;
	int wake_fd;
	pthread_mutex_t building;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool receiving;
	struct vgpu_ring_reaper reaper;
	bool woken;
	bool killed;
	bool lost;
	bool built;
	int build_status;
	uint64_t answer_ns;
	uint64_t sq_tail;
	uint64_t serial;
	struct record records[VGPU_WORKER_RECORDS];
	uint16_t free[VGPU_WORKER_RECORDS];
	uint32_t n_free;
	uint32_t n_commands;
	uint32_t n_others;
	struct vgpu_engine_completion done[VGPU_EXECUTOR_DEPTH];
	uint32_t done_head;
	uint32_t n_done;
	uint64_t dropped;
};

static void doorbell(struct worker *w)
{
	/* A full socket has doorbells enough; a dead one is seen elsewhere. */
	send(w->process.socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * Write a command.  @lock is held, and a record free.  Returns whether the
 * doorbell must be rung.
 */
static bool issue(struct worker *w, const struct vgpu_engine_cmd *cmd,
		  const struct vgpu_engine_slot *slot)
{
	uint32_t i = w->free[--w->n_free];
	struct vgpu_ring *ring = &w->shared.ring;
	struct record *r = &w->records[i];
	struct vgpu_engine_cmd c = *cmd;
	uint64_t pos = w->sq_tail++;

	r->wire = ++w->serial << 16 | i;
	r->tag = cmd->tag;
	r->opcode = cmd->opcode;
	c.tag = r->wire;
	if (slot) {
		w->shared.slots[i] = *slot;
		w->shared.slots[i].tag = r->wire;
		c.op[0] = i;
	}
	vgpu_ring_store(&ring->hdr->sq_tail, w->sq_tail);
	vgpu_ring_fill(vgpu_ring_slot(ring, pos), (struct vgpu_cmd *)&c);
	return vgpu_ring_commit(ring, pos, 1);
}

/* Take a completion as true, or drop it.  @lock is held. */
static void complete(struct worker *w, const struct vgpu_engine_completion *c)
{
	uint32_t i = (uint32_t)(c->tag & 0xffff);
	struct vgpu_engine_completion *done;
	struct record *r;

	if (i >= VGPU_WORKER_RECORDS || !c->tag ||
	    w->records[i].wire != c->tag) {
		w->dropped++;
		return;
	}
	r = &w->records[i];
	r->wire = 0;
	w->free[w->n_free++] = (uint16_t)i;
	switch (r->opcode) {
	case VGPU_ENGINE_BUILD:
		w->built = true;
		w->build_status = c->status;
		w->n_others--;
		break;
	case VGPU_ENGINE_DROP:
		w->n_others--;
		break;
	default:
		done = &w->done[(w->done_head + w->n_done++) %
				VGPU_EXECUTOR_DEPTH];
		*done = *c;
		done->tag = r->tag;
		done->status = vgpu_worker_status(c->status);
	}
}

/* Take up to a batch of what the worker completed.  @lock is held. */
static uint32_t reap(struct worker *w)
{
	struct vgpu_engine_completion c[VGPU_WORKER_BATCH];
	uint32_t i, n;

	n = vgpu_ring_reap(&w->reaper, (struct vgpu_completion *)c,
			   VGPU_WORKER_BATCH);
	for (i = 0; i < n; i++)
		complete(w, &c[i]);
	if (vgpu_ring_reap_release(&w->reaper))
		doorbell(w);
	return n;
}

/* Look for a completion for a short time. */
static bool spin(struct worker *w, uint64_t deadline_ns)
{
	const struct vgpu_ring *r = &w->reaper.ring;
	uint64_t end = vgpu_now_ns() + VGPU_WORKER_SPIN_NS;

	if (end > deadline_ns)
		end = deadline_ns;
	do {
		/* Pairs with the exchange in vgpu_ring_complete(). */
		if (vgpu_ring_load_acquire(&vgpu_ring_cslot(r,
				w->reaper.head)->seq) ==
		    vgpu_ring_seq(w->reaper.head))
			return true;
	} while (vgpu_now_ns() < end);
	return false;
}

/*
 * Sleep until there is a doorbell, a wake-up, or an end.  Returns whether the
 * worker has hung up.
 */
static bool sleep_until(struct worker *w, bool killed, bool *ended,
			uint64_t deadline_ns)
{
	struct pollfd fds[] = {
		{ .fd = w->process.pidfd, .events = POLLIN },
		{ .fd = w->wake_fd, .events = POLLIN },
		{ .fd = killed ? -1 : w->process.socket, .events = POLLIN },
	};
	uint64_t now = vgpu_now_ns(), left, wakes;
	struct timespec ts;
	unsigned int i;
	char bell;

	left = deadline_ns > now ? deadline_ns - now : 0;
	ts.tv_sec = (time_t)(left / VGPU_NS_PER_S);
	ts.tv_nsec = (long)(left % VGPU_NS_PER_S);
	if (ppoll(fds, ARRAY_SIZE(fds), &ts, NULL) <= 0)
		return false;
	*ended = fds[0].revents != 0;
	if (fds[1].revents && read(w->wake_fd, &wakes, sizeof(wakes)) < 0)
		return false;
	for (i = 0; fds[2].revents & POLLIN && i < VGPU_WORKER_BATCH; i++) {
		ssize_t n = recv(w->process.socket, &bell, 1, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return true;
	}
	return fds[2].revents & (POLLHUP | POLLERR);
}

/* @lock is held.  Whoever receives hears of it by the worker's end. */
static void kill_now(struct worker *w)
{
	w->killed = true;
	vgpu_worker_kill(&w->process);
}

/* Nothing writes to the ring any more.  @lock is held. */
static void lose(struct worker *w)
{
	uint32_t i;

	for (i = 0; i < VGPU_WORKER_ENTRIES; i += VGPU_WORKER_BATCH)
		if (!reap(w))
			break;
	w->lost = true;
}

/*
 * Receive, or wait until somebody else did; until @deadline_ns at the longest.
 * @lock is held, and released meanwhile.
 */
static void receive(struct worker *w, uint64_t deadline_ns)
{
	bool killed, hung_up = false, ended = false, marked;

	if (w->receiving) {
		vgpu_cond_wait(&w->changed, &w->lock, deadline_ns);
		return;
	}
	w->receiving = true;
	if (!reap(w)) {
		killed = w->killed;
		pthread_mutex_unlock(&w->lock);
		if (!spin(w, deadline_ns)) {
			marked = vgpu_ring_prepare_wait(&w->reaper);
			hung_up = sleep_until(w, killed, &ended,
					      marked ? deadline_ns : 0);
		}
		pthread_mutex_lock(&w->lock);
		if (hung_up && !w->killed)
			kill_now(w);
		if (ended)
			lose(w);
		else
			reap(w);
	}
	w->receiving = false;
	pthread_cond_broadcast(&w->changed);
}

static int worker_wait(void *e, struct vgpu_engine_completion *done,
		       uint32_t max, uint64_t deadline_ns)
{
	struct worker *w = e;
	int n = 0;

	pthread_mutex_lock(&w->lock);
	while (!w->n_done && !w->woken && !w->lost) {
		receive(w, deadline_ns);
		if (vgpu_now_ns() >= deadline_ns)
			break;
	}
	while (w->n_done && (uint32_t)n < max) {
		done[n++] = w->done[w->done_head++ % VGPU_EXECUTOR_DEPTH];
		w->n_done--;
		w->n_commands--;
	}
	if (!n && !w->woken && w->lost)
		n = -EIO;
	if (n <= 0)
		w->woken = false;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void worker_wake(void *e)
{
	struct worker *w = e;
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	w->woken = true;
	/* Fails only if the counter is full, and then it is readable. */
	while (w->receiving && write(w->wake_fd, &one, sizeof(one)) < 0 &&
	       errno == EINTR)
		;
	/* Another thread may be the receiver, and wait() asleep beside it. */
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static int worker_submit(void *e, const struct vgpu_engine_cmd *cmd,
			 const struct vgpu_engine_slot *slot)
{
	struct worker *w = e;
	bool ring = false;
	int ret = 0;

	pthread_mutex_lock(&w->lock);
	if (w->lost || w->killed) {
		ret = -EIO;
	} else if (w->n_commands == VGPU_EXECUTOR_DEPTH) {
		ret = -EAGAIN;
	} else {
		w->n_commands++;
		ring = issue(w, cmd, slot);
	}
	pthread_mutex_unlock(&w->lock);
	if (ring)
		doorbell(w);
	return ret;
}

static void worker_abort(void *e)
{
	struct worker *w = e;

	pthread_mutex_lock(&w->lock);
	if (!w->killed)
		kill_now(w);
	pthread_mutex_unlock(&w->lock);
}

/* Issue a build or a drop, once there is room for it.  @lock is held. */
static int issue_other(struct worker *w, const struct vgpu_engine_cmd *cmd)
{
	while (w->n_others == VGPU_WORKER_OTHERS && !w->lost)
		receive(w, VGPU_FOREVER);
	if (w->lost || w->killed)
		return -EIO;
	w->n_others++;
	if (issue(w, cmd, NULL))
		doorbell(w);
	return 0;
}

static int worker_build(void *e, uint32_t kernel, const void *desc,
			size_t bytes, struct vgpu_engine_built *built)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_BUILD,
		.op = { kernel, VGPU_WORKER_DESC, bytes, VGPU_WORKER_BUILT },
	};
	struct worker *w = e;
	uint64_t deadline_ns;
	bool late = false;
	int ret;

	memset(built, 0, sizeof(*built));
	if (bytes > sizeof(struct vgpu_kernel_desc) + VGPU_MAX_CODE_BYTES +
		    VGPU_MAX_SPECS * sizeof(struct vgpu_kernel_spec)) {
		snprintf(built->message, sizeof(built->message),
			 "the kernel has more than %u bytes",
			 VGPU_MAX_CODE_BYTES);
		return -EINVAL;
	}
	pthread_mutex_lock(&w->building);
	memset(w->shared.control + VGPU_WORKER_BUILT, 0, sizeof(*built));
	memcpy(w->shared.control + VGPU_WORKER_DESC, desc, bytes);
	pthread_mutex_lock(&w->lock);
	w->built = false;
	ret = issue_other(w, &cmd);
	deadline_ns = vgpu_now_ns() + w->answer_ns;
	while (!ret && !w->built) {
		if (!w->killed && vgpu_now_ns() >= deadline_ns) {
			late = true;
			kill_now(w);
		}
		if (w->lost)
			ret = -EIO;
		else
			receive(w, w->killed ? VGPU_FOREVER : deadline_ns);
	}
	if (!ret) {
		memcpy(built, w->shared.control + VGPU_WORKER_BUILT,
		       sizeof(*built));
		ret = vgpu_worker_check_built(built, w->build_status);
	} else {
		snprintf(built->message, sizeof(built->message), "%s",
			 late ? "the kernel took too long to compile: its worker was killed" :
				"the worker died while it compiled the kernel");
	}
	pthread_mutex_unlock(&w->lock);
	pthread_mutex_unlock(&w->building);
	return ret;
}

static void worker_drop(void *e, uint32_t kernel)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_DROP,
		.op = { kernel },
	};
	struct worker *w = e;

	pthread_mutex_lock(&w->lock);
	issue_other(w, &cmd);
	pthread_mutex_unlock(&w->lock);
}

static const struct vgpu_engine_info *worker_info(void *e)
{
	struct worker *w = e;

	return &w->info;
}

static void worker_free(struct worker *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	pthread_mutex_destroy(&w->building);
	close(w->wake_fd);
	vgpu_worker_unshare(&w->shared);
	free(w);
}

static int worker_close(void *e, uint64_t deadline_ns)
{
	struct worker *w = e;
	char how[64];

	pthread_mutex_lock(&w->lock);
	while (w->n_free < VGPU_WORKER_RECORDS && !w->lost &&
	       vgpu_now_ns() < deadline_ns)
		receive(w, deadline_ns);
	/* It hangs: no grace. */
	if (w->n_free < VGPU_WORKER_RECORDS && !w->lost)
		vgpu_worker_kill(&w->process);
	pthread_mutex_unlock(&w->lock);
	vgpu_worker_reap(&w->process, how, sizeof(how));
	worker_free(w);
	return 0;
}

static int check_options(const struct vgpu_executor_options *options,
			 struct vgpu_message *msg)
{
	struct vgpu_engine_hello *hello;

	if (!options->kind || !*options->kind ||
	    strlen(options->kind) >= sizeof(hello->kind))
		return vgpu_message_set(msg, -EINVAL,
			"a worker is to be of the kind 'vulkan' or 'wgpu'");
	if (options->device &&
	    strlen(options->device) >= sizeof(hello->device))
		return vgpu_message_set(msg, -EINVAL,
			"the device's name is longer than %zu bytes",
			sizeof(hello->device) - 1);
	return 0;
}

static int start(struct worker *w, const struct vgpu_executor_options *options,
		 uint64_t ready_ns, struct vgpu_message *msg)
{
	char how[64], line[VGPU_MESSAGE_BYTES];
	int ret;

	ret = vgpu_worker_spawn(&w->process, msg);
	if (ret)
		return ret;
	ret = vgpu_worker_greet(&w->process, &w->shared, options, ready_ns,
				&w->info, msg);
	if (!ret)
		return 0;
	if (ret != -EIO)
		vgpu_worker_kill(&w->process);
	vgpu_worker_reap(&w->process, how, sizeof(how));
	if (ret != -EIO)
		return ret;
	vgpu_message_get(msg, line, sizeof(line));
	return vgpu_message_set(msg, ret, "%.200s (%s)", line, how);
}

int vgpu_worker_open(const struct vgpu_executor_options *options,
		     uint64_t answer_ns, struct vgpu_message *msg, void **e)
{
	struct worker *w;
	uint32_t i;
	int ret;

	ret = check_options(options, msg);
	if (ret)
		return ret;
	w = calloc(1, sizeof(*w));
	if (!w)
		return vgpu_message_set(msg, -ENOMEM,
					"no memory for a worker");
	ret = vgpu_worker_share(&w->shared, msg);
	if (ret)
		goto err_free;
	w->shared.fds[VGPU_ENGINE_FD_VRAM] = options->vram_fd;
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0) {
		ret = vgpu_message_set(msg, -errno, "no eventfd: %s",
				       strerror(errno));
		goto err_unshare;
	}
	pthread_mutex_init(&w->building, NULL);
	pthread_mutex_init(&w->lock, NULL);
	vgpu_cond_init(&w->changed);
	vgpu_ring_reaper_init(&w->reaper, &w->shared.ring);
	w->sq_tail = VGPU_WORKER_ENTRIES;
	for (i = 0; i < VGPU_WORKER_RECORDS; i++)
		w->free[w->n_free++] = (uint16_t)(VGPU_WORKER_RECORDS - 1 - i);
	w->answer_ns = answer_ns;
	ret = start(w, options, answer_ns, msg);
	if (ret) {
		worker_free(w);
		return ret;
	}
	*e = w;
	return 0;

err_unshare:
	vgpu_worker_unshare(&w->shared);
err_free:
	free(w);
	return ret;
}

static int worker_open(const struct vgpu_executor_options *options,
		       struct vgpu_message *msg, void **e)
{
	return vgpu_worker_open(options, VGPU_WORKER_ANSWER_NS, msg, e);
}

/* Only launches are marked; anything else may have been started. */
bool vgpu_worker_started(void *e, uint64_t tag)
{
	struct worker *w = e;
	bool started = true;
	struct record *r;
	uint32_t i;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < VGPU_WORKER_RECORDS; i++) {
		r = &w->records[i];
		if (!r->wire || r->tag != tag ||
		    r->opcode != VGPU_ENGINE_LAUNCH)
			continue;
		/* Pairs with the release in the worker's launch(). */
		started = vgpu_load_acquire(&w->shared.marks[i].tag) == r->wire;
	}
	pthread_mutex_unlock(&w->lock);
	return started;
}

uint64_t vgpu_worker_dropped(void *e)
{
	struct worker *w = e;
	uint64_t dropped;

	pthread_mutex_lock(&w->lock);
	dropped = w->dropped;
	pthread_mutex_unlock(&w->lock);
	return dropped;
}

pid_t vgpu_worker_pid(void *e)
{
	struct worker *w = e;

	return w->process.pid;
}

const struct vgpu_executor_ops vgpu_worker_executor = {
	.name = "worker",
	.open = worker_open,
	.close = worker_close,
	.info = worker_info,
	.build = worker_build,
	.drop = worker_drop,
	.submit = worker_submit,
	.wait = worker_wait,
	.wake = worker_wake,
	.abort = worker_abort,
};
