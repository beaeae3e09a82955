// SPDX-License-Identifier: MIT
/*
 * vgpu_queue: the ring of uapi/vgpu_ring.h inside one process, with states,
 * many consumers that can sleep, and statistics.
 *
 * DOC: State and position in one word
 *
 * The queue's state lies in the upper bits of the ring's tail, and running is
 * all zeroes.  A producer reserves by a compare and exchange of that word, so
 * a change of state is ordered with every reservation: after pause() has
 * returned no reservation can succeed, and it costs submission nothing, because
 * a tail with marks looks like a ring without room.
 *
 * DOC: Sleeping
 *
 * A consumer that finds the queue empty counts itself in @sleepers, marks the
 * slot at the head, and sleeps on the futex @wake.  The producer that takes the
 * mark out by publishing wakes one.  One mark is one wake-up, whatever is
 * published later; so whoever advances the head while there are sleepers looks
 * at the slot that is the head now: if it is published he wakes another, else
 * he marks it.  Thus while somebody sleeps, either the head's slot is marked,
 * or somebody is awake who will look.  Nobody makes a system call when nobody
 * sleeps.
 *
 * The two counters that this hangs on, @sleepers and the head, are both changed
 * by read-modify-writes: a sleeper reads the head by one after it was counted,
 * and a consumer reads @sleepers after one of the head; of two on the same word
 * one is the second and sees what came before the first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vgpu/queue.h>

#include "queue_internal.h"
#include "ring_many.h"

#define SPINS_BEFORE_SLEEP	64
#define CHUNK			32u

_Static_assert(sizeof(struct vgpu_command) == sizeof(struct vgpu_cmd),
	       "a queue's slot holds a command");
_Static_assert(offsetof(struct vgpu_command, user_data) ==
	       offsetof(struct vgpu_cmd, user_data),
	       "a command and a slot differ in the first 8 bytes only");

/* Messages */

__attribute__((format(printf, 2, 3)))
static void say_locked(struct vgpu_queue *q, const char *fmt, ...)
{
	va_list args;
	int n = 0;

	if (q->name[0])
		n = snprintf(q->message, sizeof(q->message), "%s: ", q->name);
	va_start(args, fmt);
	vsnprintf(q->message + n, sizeof(q->message) - n, fmt, args);
	va_end(args);
}

static int fail(struct vgpu_queue *q, int error, const char *what)
{
	pthread_mutex_lock(&q->lock);
	say_locked(q, "%s", what);
	pthread_mutex_unlock(&q->lock);
	return error;
}

int vgpu_queue_error(const struct vgpu_queue *queue, char *text, size_t size)
{
	struct vgpu_queue *q = (struct vgpu_queue *)queue;
	int n;

	pthread_mutex_lock(&q->lock);
	n = snprintf(text, size, "%s", q->message);
	pthread_mutex_unlock(&q->lock);
	return n;
}

/* Creation and references */

static int refuse(const struct vgpu_queue_options *opts, int error,
		  const char *fmt, ...)
{
	va_list args;

	if (opts && opts->message && opts->message_bytes) {
		va_start(args, fmt);
		vsnprintf(opts->message, opts->message_bytes, fmt, args);
		va_end(args);
	}
	return error;
}

int vgpu_queue_create(const struct vgpu_queue_options *opts,
		      struct vgpu_queue **queue)
{
	uint32_t slots = VGPU_RING_MIN_ENTRIES;
	void *mem = NULL, *self = NULL;
	struct vgpu_queue *q;

	if (!opts || !queue || opts->size != sizeof(*opts))
		return -EINVAL;
	if (!opts->entries || opts->entries > VGPU_QUEUE_MAX_ENTRIES)
		return refuse(opts, -EINVAL,
			      "a queue of %llu entries: 1 to %u are possible",
			      (unsigned long long)opts->entries,
			      VGPU_QUEUE_MAX_ENTRIES);
	while (slots < opts->entries)
		slots *= 2;
	if (posix_memalign(&self, 128, sizeof(*q)) ||
	    posix_memalign(&mem, 4096, VGPU_RING_BYTES(slots, 0))) {
		free(self);
		return refuse(opts, -ENOMEM,
			      "no memory for a queue of %llu entries",
			      (unsigned long long)opts->entries);
	}
	q = memset(self, 0, sizeof(*q));
	vgpu_ring_attach(&q->ring, mem, slots, 0);
	vgpu_ring_format(&q->ring);
	q->capacity = opts->entries;
	q->base = slots;
	q->ring.hdr->sq_tail |= TAIL_IDLE;
	q->refs = 1;
	pthread_mutex_init(&q->lock, NULL);
	if (opts->name)
		snprintf(q->name, sizeof(q->name), "%s", opts->name);
	*queue = q;
	return 0;
}

struct vgpu_queue *vgpu_queue_ref(struct vgpu_queue *queue)
{
	/* Orders nothing: the caller has a reference. */
	__atomic_fetch_add(&queue->refs, 1, __ATOMIC_RELAXED);
	return queue;
}

void vgpu_queue_unref(struct vgpu_queue *queue)
{
	/* Pairs with itself: the last one comes after all uses by others. */
	if (!queue ||
	    __atomic_sub_fetch(&queue->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pthread_mutex_destroy(&queue->lock);
	free(queue->ring.hdr);
	free(queue);
}

/* Sleeping and waking */

static void wake_sleepers(struct vgpu_queue *q, int n)
{
	/*
	 * Pairs with queue.sleep.wait: a sleeper who read @wake before this
	 * does not sleep.  spin: queue.wake
	 */
	__atomic_fetch_add(&q->wake, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &q->wake, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* A producer took a mark out: somebody slept a moment ago. */
static void wake_marked(struct vgpu_queue *q, uint32_t n)
{
	/* Ordered after the sleeper's count by the mark. */
	if (__atomic_load_n(&q->sleepers, __ATOMIC_RELAXED))
		wake_sleepers(q, (int)n);
}

/* The head is @head now, and there are sleepers: see "Sleeping" above. */
static __attribute__((noinline)) void pass_on(struct vgpu_queue *q,
					      uint64_t head)
{
	if (vgpu_ring_load_acquire(&q->stop)) {
		wake_sleepers(q, INT32_MAX);
		return;
	}
	/* spin: queue.pass.mark */
	if (!vgpu_ring_many_mark(&q->ring, head))
		wake_sleepers(q, 1);
}

/* Take commands, and see to those who sleep. */
static inline uint32_t take(struct vgpu_queue *q, void *out, uint32_t max)
{
	__u64 pos;
	uint32_t n;

	n = vgpu_ring_take(&q->ring, out, max, &pos);
	/*
	 * Pairs with queue.sleep.count; comes after ring.take.cas, which is
	 * the read-modify-write that queue.sleep.head is ordered with.
	 * spin: queue.take.sleepers
	 */
	if (n && __atomic_load_n(&q->sleepers, __ATOMIC_SEQ_CST))
		pass_on(q, pos + n);
	return n;
}

/* Slots hold type and flags in 16 bits each. */
static void unpack(struct vgpu_command *cmds, uint32_t n)
{
	uint32_t i, word;

	for (i = 0; i < n; i++) {
		memcpy(&word, &cmds[i], sizeof(word));
		cmds[i].type = word & 0xffff;
		cmds[i].flags = word >> 16;
	}
}

/* Why an empty queue will stay so, or 0. */
static int ended(struct vgpu_queue *q)
{
	/* Pairs with the release in stop(). */
	uint32_t stopped = vgpu_ring_load_acquire(&q->stop);

	if (stopped & STOP_ERROR)
		return -EIO;
	if ((stopped & STOP_CLOSED) &&
	    head_of(q) == (tail_of(q) & TAIL_POSITION))
		return -EPIPE;
	return 0;
}

static int take_or_error(struct vgpu_queue *q, void *out, uint32_t max)
{
	uint32_t n;
	int ret;

	/* Pairs with the release in stop(). */
	if (vgpu_ring_load_acquire(&q->stop) & STOP_ERROR)
		return fail(q, -EIO, "dequeue: the queue is in error");
	n = take(q, out, max);
	if (n)
		return (int)n;
	ret = ended(q);
	return ret ? ret : -EAGAIN;
}

static bool futex_wait(struct vgpu_queue *q, uint32_t seen, uint64_t deadline)
{
	struct timespec t = {
		.tv_sec = (time_t)(deadline / 1000000000),
		.tv_nsec = (long)(deadline % 1000000000),
	};

	return !syscall(SYS_futex, &q->wake, FUTEX_WAIT_BITSET_PRIVATE, seen,
			deadline == VGPU_FOREVER ? NULL : &t, NULL,
			FUTEX_BITSET_MATCH_ANY) || errno != ETIMEDOUT;
}

static int take_sleeping(struct vgpu_queue *q, void *out, uint32_t max,
			 uint64_t deadline)
{
	bool in_time = true;
	uint32_t seen;
	uint64_t head;
	int ret;

	/* queue.sleep.count: pairs with queue.take.sleepers. spin: queue.sleep.count */
	__atomic_fetch_add(&q->sleepers, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		/* Pairs with queue.wake. spin: queue.sleep.seen */
		seen = vgpu_ring_load_acquire(&q->wake);
		ret = take_or_error(q, out, max);
		if (ret != -EAGAIN)
			break;
		if (!in_time) {
			ret = -ETIMEDOUT;
			break;
		}
		/* Pairs with ring.take.cas. spin: queue.sleep.head */
		head = __atomic_fetch_add(&q->ring.hdr->sq_head, 0,
					  __ATOMIC_SEQ_CST);
		if (!vgpu_ring_many_mark(&q->ring, head))
			continue;
		/* queue.sleep.wait: pairs with queue.wake. spin: queue.sleep.wait */
		in_time = futex_wait(q, seen, deadline);
	}
	__atomic_fetch_sub(&q->sleepers, 1, __ATOMIC_SEQ_CST);
	return ret;
}

static int take_waiting(struct vgpu_queue *q, void *out, uint32_t max,
			uint64_t deadline)
{
	int i, ret = -EAGAIN;

	for (i = 0; i < SPINS_BEFORE_SLEEP && ret == -EAGAIN; i++) {
		ret = take_or_error(q, out, max);
		if (deadline == VGPU_NO_WAIT)
			return ret;
		if (ret == -EAGAIN) {
#if defined(__x86_64__) || defined(__i386__)
			__builtin_ia32_pause();
#elif defined(__aarch64__)
			__asm__ volatile("yield");
#endif
		}
	}
	if (ret == -EAGAIN)
		ret = take_sleeping(q, out, max, deadline);
	return ret;
}

/* States */

static uint64_t change_state(struct vgpu_queue *q, uint64_t state)
{
	__u64 *tail = &q->ring.hdr->sq_tail;
	__u64 old = tail_of(q), seen;

	for (;;) {
		/* Ordered with ring.reserve.cas. spin: queue.state */
		seen = vgpu_ring_cmpxchg(tail, old,
					 (old & ~TAIL_STATE_MASK) | state);
		if (seen == old)
			return old & TAIL_POSITION;
		old = seen;
	}
}

/* Tell consumers, those who sleep too. */
static void stop(struct vgpu_queue *q, uint32_t why)
{
	/* Pairs with the acquires in ended() and pass_on(). spin: queue.stop */
	vgpu_ring_store_release(&q->stop, q->stop | why);
	wake_sleepers(q, INT32_MAX);
}

static int check_open_locked(struct vgpu_queue *q, const char *what)
{
	if (!(tail_of(q) & TAIL_CLOSED))
		return 0;
	say_locked(q, "%s: the queue is closed", what);
	return -EPIPE;
}

int vgpu_queue_start(struct vgpu_queue *queue)
{
	int ret;

	pthread_mutex_lock(&queue->lock);
	ret = check_open_locked(queue, "start");
	if (!ret && (tail_of(queue) & TAIL_STATE_MASK) == TAIL_ERROR) {
		say_locked(queue, "start: the queue is in error, reset it first");
		ret = -EIO;
	}
	if (!ret)
		change_state(queue, TAIL_RUNNING);
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

int vgpu_queue_pause(struct vgpu_queue *queue)
{
	uint64_t state;
	int ret;

	pthread_mutex_lock(&queue->lock);
	ret = check_open_locked(queue, "pause");
	state = tail_of(queue) & TAIL_STATE_MASK;
	if (!ret && state == TAIL_ERROR) {
		say_locked(queue, "pause: the queue is in error, reset it first");
		ret = -EIO;
	} else if (!ret && state == TAIL_IDLE) {
		say_locked(queue, "pause: the queue is idle");
		ret = -EINVAL;
	}
	if (!ret)
		change_state(queue, TAIL_PAUSED);
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

int vgpu_queue_reset(struct vgpu_queue *queue)
{
	struct vgpu_command chunk[CHUNK];
	uint64_t end;
	uint32_t n;
	int ret;

	pthread_mutex_lock(&queue->lock);
	ret = check_open_locked(queue, "reset");
	if (ret)
		goto out;
	/* Nothing is accepted from here on until start() gets the lock. */
	end = change_state(queue, TAIL_IDLE);
	while (head_of(queue) != end) {
		n = take(queue, chunk, CHUNK);
		count(&queue->dropped, n);
		if (!n)
			sched_yield();
	}
	/* Pairs with the acquires of @stop. */
	vgpu_ring_store_release(&queue->stop, queue->stop & ~STOP_ERROR);
	queue->message[0] = '\0';
out:
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

int vgpu_queue_close(struct vgpu_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	/* Ordered with ring.reserve.cas. spin: queue.close */
	__atomic_fetch_or(&queue->ring.hdr->sq_tail, TAIL_CLOSED,
			  __ATOMIC_SEQ_CST);
	stop(queue, STOP_CLOSED);
	pthread_mutex_unlock(&queue->lock);
	return 0;
}

int vgpu_queue_set_error(struct vgpu_queue *queue, int error, const char *why)
{
	int ret;

	if (error >= 0)
		return fail(queue, -EINVAL,
			    "set_error: the error is not a negative errno");
	pthread_mutex_lock(&queue->lock);
	ret = check_open_locked(queue, "set_error");
	if (!ret) {
		change_state(queue, TAIL_ERROR);
		say_locked(queue, "error %d%s%s", error, why ? ": " : "",
			   why ? why : "");
		stop(queue, STOP_ERROR);
	}
	pthread_mutex_unlock(&queue->lock);
	return ret;
}

enum vgpu_queue_state vgpu_queue_state(const struct vgpu_queue *queue)
{
	return state_of(tail_of(queue));
}

/* Submission */

/* Not 0 if it is malformed; without a branch, for batches. */
static inline uint32_t malformed(const struct vgpu_command *cmd)
{
	return (cmd->type - 1u >= VGPU_COMMAND_SIGNAL) | cmd->flags >> 16;
}

/* No position was to be had: say why. */
static __attribute__((noinline)) int refused(struct vgpu_queue *q)
{
	uint64_t tail = tail_of(q);

	if (tail & TAIL_CLOSED)
		return fail(q, -EPIPE, "submit: the queue is closed");
	switch (state_of(tail)) {
	case VGPU_QUEUE_IDLE:
		return fail(q, -ECANCELED, "submit: the queue is idle");
	case VGPU_QUEUE_PAUSED:
		return fail(q, -ECANCELED, "submit: the queue is paused");
	case VGPU_QUEUE_ERROR:
		return -EIO; /* the message is the error's */
	default:
		count(&q->overflows, 1);
		return -EAGAIN;
	}
}

static __attribute__((noinline)) void raise_max_depth(struct vgpu_queue *q,
						      uint64_t depth)
{
	uint64_t old = counter(&q->max_depth);

	while (old < depth &&
	       !__atomic_compare_exchange_n(&q->max_depth, &old, depth, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/*
 * The most that can be in the queue, by what producers know of the head, is
 * held against the maximum seen so far; only if it is more the head is looked
 * at.  So the maximum is exact, and soon costs nothing.
 */
static inline uint32_t reserve(struct vgpu_queue *q, uint32_t min, uint32_t max,
			       __u64 *pos)
{
	__u64 depth = 0;
	uint32_t n;

	n = vgpu_ring_reserve_within(&q->ring, false, counter(&q->max_depth),
				     q->capacity, min, max, pos, &depth);
	if (__builtin_expect(depth > counter(&q->max_depth), 0))
		raise_max_depth(q, depth);
	return n;
}

static inline void fill(struct vgpu_cmd *slot, const struct vgpu_command *cmd,
			uint64_t stamp)
{
	uint32_t word = cmd->type | cmd->flags << 16;

	if (cmd->submit_ns)
		stamp = cmd->submit_ns;
#ifdef VGPU_RING_TSAN
	struct vgpu_cmd copy;

	memcpy(&copy, cmd, sizeof(copy));
	memcpy(&copy, &word, sizeof(word));
	copy.op[5] = stamp;
	vgpu_ring_many_fill(slot, &copy);
#else
	memcpy(slot, &word, sizeof(word));
	memcpy((char *)slot + 8, (const char *)cmd + 8, 48);
	slot->op[5] = stamp;
#endif
}

int vgpu_queue_submit(struct vgpu_queue *queue, const struct vgpu_command *cmd)
{
	uint64_t stamp = 0;
	__u64 pos;

	if (malformed(cmd))
		return fail(queue, -EINVAL, "submit: the command is malformed");
	if (!reserve(queue, 1, 1, &pos))
		return refused(queue);
	vgpu_ring_prefetch_slots(&queue->ring, pos, 1);
	if (pos % VGPU_QUEUE_SAMPLE == 0)
		stamp = now_ns();
	fill(vgpu_ring_slot(&queue->ring, pos), cmd, stamp);
	if (vgpu_ring_commit(&queue->ring, pos, 1))
		wake_marked(queue, 1);
	return 0;
}

int vgpu_queue_submit_batch(struct vgpu_queue *queue,
			    const struct vgpu_command *cmds, uint32_t n,
			    enum vgpu_queue_batch how)
{
	uint32_t i, bad = 0;
	uint64_t stamp;
	__u64 pos;

	if (!n)
		return 0;
	if (how != VGPU_QUEUE_ALL && how != VGPU_QUEUE_PARTIAL)
		return fail(queue, -EINVAL, "submit_batch: neither all nor partial");
	if (n > queue->capacity && how == VGPU_QUEUE_ALL)
		return fail(queue, -EINVAL,
			    "submit_batch: more commands than entries");
	for (i = 0; i < n; i++)
		bad |= malformed(&cmds[i]);
	if (bad)
		return fail(queue, -EINVAL,
			    "submit_batch: a command is malformed");
	if (n > queue->capacity)
		n = (uint32_t)queue->capacity;
	stamp = now_ns();
	n = reserve(queue, how == VGPU_QUEUE_ALL ? n : 1, n, &pos);
	if (!n)
		return refused(queue);
	vgpu_ring_prefetch_slots(&queue->ring, pos + (n > 1 ? n : 0), n);
	for (i = 0; i < n; i++)
		fill(vgpu_ring_slot(&queue->ring, pos + i), &cmds[i], stamp);
	if (vgpu_ring_commit(&queue->ring, pos, n))
		wake_marked(queue, n);
	return (int)n;
}

/* Consumption */

int vgpu_queue_dequeue(struct vgpu_queue *queue, struct vgpu_command *cmd,
		       uint64_t deadline_ns)
{
	int ret = take_waiting(queue, cmd, 1, deadline_ns);

	if (ret < 0)
		return ret;
	unpack(cmd, 1);
	return 0;
}

int vgpu_queue_dequeue_batch(struct vgpu_queue *queue,
			     struct vgpu_command *cmds, uint32_t max,
			     uint64_t deadline_ns)
{
	int ret;

	if (!max)
		return fail(queue, -EINVAL, "dequeue_batch: room for 0 commands");
	if (max > queue->capacity)
		max = (uint32_t)queue->capacity;
	ret = take_waiting(queue, cmds, max, deadline_ns);
	if (ret > 0)
		unpack(cmds, (uint32_t)ret);
	return ret;
}

int vgpu_queue_process(struct vgpu_queue *queue, vgpu_queue_handler handler,
		       void *ctx, uint32_t max)
{
	struct vgpu_command chunk[CHUNK];
	uint32_t done = 0, want, failed, i;
	uint64_t now;
	int n = 0;

	if (!handler)
		return fail(queue, -EINVAL, "process: no handler");
	if (max > INT32_MAX)
		max = INT32_MAX;
	while (done < max) {
		want = max - done < CHUNK ? max - done : CHUNK;
		n = take_or_error(queue, chunk, want);
		if (n <= 0)
			break;
		unpack(chunk, (uint32_t)n);
		now = now_ns();
		failed = 0;
		for (i = 0; i < (uint32_t)n; i++) {
			/* Pairs with the release in stop(). */
			if (vgpu_ring_load_acquire(&queue->stop) & STOP_ERROR)
				break;
			if (handler(&chunk[i], ctx))
				failed++;
			vgpu_queue_record_wait(queue,
					       wait_until(&chunk[i], now));
		}
		count(&queue->completed, i - failed);
		count(&queue->failed, failed);
		count(&queue->dropped, (uint32_t)n - i);
		done += i;
	}
	return done || n == -EAGAIN || !max ? (int)done : n;
}
