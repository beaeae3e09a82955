/* SPDX-License-Identifier: MIT */
/*
 * vgpu_queue: a bounded queue of commands between the threads of one process,
 * many producers and many consumers.  It needs no device: whoever dequeues a
 * command carries it out.
 *
 * All functions may be called from any thread at any time while the caller has
 * a reference.  They return 0 (or a count) or a negative errno.
 *
 * States
 *	IDLE	 fresh or reset; submitting gives -ECANCELED
 *	RUNNING	 accepts commands
 *	PAUSED	 accepts none (-ECANCELED); what is queued can be dequeued
 *	ERROR	 accepts none and hands out none (-EIO); reset is the way out
 * A closed queue accepts none (-EPIPE); what is queued can be dequeued, and
 * then dequeuing gives -EPIPE.  Closing cannot be undone.
 *
 * When pause, close, reset or set_error has returned, no submission is accepted
 * until the queue is started again.  A submission that was accepted before, and
 * whose call has not returned yet, counts as queued: it is never lost, and a
 * closed queue gives -EPIPE only after it was dequeued.
 *
 * Nothing here is fork-safe, and nothing but dequeuing with a deadline and
 * reset ever waits for another thread.
 */
#ifndef VGPU_QUEUE_H
#define VGPU_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <vgpu/command.h>
#include <vgpu/error.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VGPU_QUEUE_MAX_ENTRIES	(1u << 20)

/* For a wait time that nobody measured. */
#define VGPU_QUEUE_WAIT_UNKNOWN	UINT64_MAX

/* Of commands submitted one by one, one in so many gets a time stamp. */
#define VGPU_QUEUE_SAMPLE	16u

#define VGPU_QUEUE_BUCKETS	40u

struct vgpu_queue;

enum vgpu_queue_state {
	VGPU_QUEUE_IDLE,
	VGPU_QUEUE_RUNNING,
	VGPU_QUEUE_PAUSED,
	VGPU_QUEUE_ERROR,
};

enum vgpu_queue_batch {
	VGPU_QUEUE_ALL,		/* all commands or none */
	VGPU_QUEUE_PARTIAL,	/* as many as fit, from the first on */
};

/**
 * struct vgpu_queue_options - how to make a queue
 * @size: sizeof(struct vgpu_queue_options)
 * @entries: how many commands it holds, 1 to VGPU_QUEUE_MAX_ENTRIES; any
 *	number, which is kept to exactly
 * @name: for messages, or NULL; copied, and cut to 31 characters
 * @message: where to put a line that says why creation failed, or NULL
 * @message_bytes: bytes at @message
 */
struct vgpu_queue_options {
	size_t size;
	uint64_t entries;
	const char *name;
	char *message;
	size_t message_bytes;
};

/**
 * struct vgpu_queue_stats - what a queue has seen since it was made
 * @size: sizeof(struct vgpu_queue_stats), set by the caller
 * @state: enum vgpu_queue_state
 * @closed: 1 if it was closed
 * @entries: how many commands it holds
 * @depth: commands in it now
 * @max_depth: the most that were ever in it
 * @submitted: commands accepted
 * @completed: commands marked completed
 * @failed: commands marked failed
 * @dropped: commands that a reset, or an error during process, threw away
 * @overflows: submissions refused because it was full, a batch counting once
 * @waits: wait times recorded, see @sample
 * @wait_ns: their sum
 * @avg_wait_ns: their average
 * @avg_wait_us: the same in microseconds
 * @sample: of commands submitted one by one, one in this many is stamped;
 *	batches are stamped once for all their commands
 * @histogram: number i counts wait times from 2^i to 2^(i+1) - 1 ns, number 0
 *	also those of 0, and the last all that are longer
 *
 * Counters are read one by one while others go on.
 */
struct vgpu_queue_stats {
	size_t size;
	uint32_t state;
	uint32_t closed;
	uint64_t entries;
	uint64_t depth;
	uint64_t max_depth;
	uint64_t submitted;
	uint64_t completed;
	uint64_t failed;
	uint64_t dropped;
	uint64_t overflows;
	uint64_t waits;
	uint64_t wait_ns;
	uint64_t avg_wait_ns;
	uint64_t avg_wait_us;
	uint64_t sample;
	uint64_t histogram[VGPU_QUEUE_BUCKETS];
};

/**
 * typedef vgpu_queue_handler - carries out a command for vgpu_queue_process()
 * @cmd: the command
 * @ctx: from the caller of vgpu_queue_process()
 *
 * Return: 0, or a negative errno: the command counts as failed.
 */
typedef int (*vgpu_queue_handler)(const struct vgpu_command *cmd, void *ctx);

/**
 * vgpu_queue_create() - make a queue, idle, with one reference
 * @opts: how
 * @queue: where to put it
 *
 * Return: 0; -EINVAL if an option is out of range, -ENOMEM.
 */
int vgpu_queue_create(const struct vgpu_queue_options *opts,
		      struct vgpu_queue **queue);

/* Take a reference; returns @queue. */
struct vgpu_queue *vgpu_queue_ref(struct vgpu_queue *queue);

/* Give a reference back; with the last one the queue is gone.  NULL is fine. */
void vgpu_queue_unref(struct vgpu_queue *queue);

/* IDLE or PAUSED to RUNNING.  -EIO in error, -EPIPE when closed. */
int vgpu_queue_start(struct vgpu_queue *queue);

/* RUNNING to PAUSED.  -EINVAL when idle, -EIO in error, -EPIPE when closed. */
int vgpu_queue_pause(struct vgpu_queue *queue);

/*
 * Drop what is queued, and go to IDLE from any state.  Waits for submissions
 * that were accepted and are being written.  -EPIPE when closed.
 */
int vgpu_queue_reset(struct vgpu_queue *queue);

/* Accept no more; wake those who wait.  Closing again is fine. */
int vgpu_queue_close(struct vgpu_queue *queue);

/*
 * Go to ERROR; those who wait wake with -EIO.  @error, a negative errno, and
 * @why, which may be NULL, make the message.  -EINVAL if @error is not
 * negative, -EPIPE when closed.
 */
int vgpu_queue_set_error(struct vgpu_queue *queue, int error, const char *why);

/* The state, whether or not the queue is closed. */
enum vgpu_queue_state vgpu_queue_state(const struct vgpu_queue *queue);

/* "idle", "running", "paused", "error" */
const char *vgpu_queue_state_name(enum vgpu_queue_state state);

/**
 * vgpu_queue_submit() - put a command into the queue
 * @queue: queue
 * @cmd: command, copied.  If its @submit_ns is 0 the queue stamps it, or does
 *	not: see VGPU_QUEUE_SAMPLE.
 *
 * Return: 0; -EAGAIN when full, -ECANCELED when idle or paused, -EIO in error,
 * -EPIPE when closed, -EINVAL if the command is malformed.
 */
int vgpu_queue_submit(struct vgpu_queue *queue, const struct vgpu_command *cmd);

/**
 * vgpu_queue_submit_batch() - put several commands into the queue, in order
 * @queue: queue
 * @cmds: commands, copied
 * @n: how many
 * @how: VGPU_QUEUE_ALL or VGPU_QUEUE_PARTIAL
 *
 * The commands are next to each other in the queue.  Those without a time stamp
 * get one clock reading.  If one is malformed none is submitted.
 *
 * Return: how many were submitted, or as vgpu_queue_submit(); -EINVAL too if
 * all of @n can never fit.
 */
int vgpu_queue_submit_batch(struct vgpu_queue *queue,
			    const struct vgpu_command *cmds, uint32_t n,
			    enum vgpu_queue_batch how);

/**
 * vgpu_queue_dequeue() - take the oldest command
 * @queue: queue
 * @cmd: where to put it; @submit_ns is 0 if it was not stamped
 * @deadline_ns: VGPU_NO_WAIT, VGPU_FOREVER, or the CLOCK_MONOTONIC
 *	time until which to wait
 *
 * Return: 0; -EAGAIN if there is none and NO_WAIT, -ETIMEDOUT, -EIO in error,
 * -EPIPE when closed and empty.
 */
int vgpu_queue_dequeue(struct vgpu_queue *queue, struct vgpu_command *cmd,
		       uint64_t deadline_ns);

/**
 * vgpu_queue_dequeue_batch() - take up to @max commands, in order
 * @queue: queue
 * @cmds: where to put them
 * @max: not 0
 * @deadline_ns: as for vgpu_queue_dequeue(), until there is one
 *
 * Return: how many, or as vgpu_queue_dequeue(); -EINVAL if @max is 0.
 */
int vgpu_queue_dequeue_batch(struct vgpu_queue *queue,
			     struct vgpu_command *cmds, uint32_t max,
			     uint64_t deadline_ns);

/**
 * vgpu_queue_process() - carry out what is queued, without waiting
 * @queue: queue
 * @handler: carries out one command
 * @ctx: for it
 * @max: no more commands than this
 *
 * Counts every command as completed or failed, with its wait time if it was
 * stamped.  If the queue goes to ERROR meanwhile, the commands that were taken
 * and not begun (31 at most) count as dropped.
 *
 * Return: how many commands were handled, failed ones included; -EIO in error,
 * -EPIPE when closed and empty, -EINVAL without a handler.
 */
int vgpu_queue_process(struct vgpu_queue *queue, vgpu_queue_handler handler,
		       void *ctx, uint32_t max);

/*
 * Count a command that was dequeued as completed or failed.  @wait_ns is the
 * time from submission to execution, or VGPU_QUEUE_WAIT_UNKNOWN.
 */
void vgpu_queue_mark_completed(struct vgpu_queue *queue, uint64_t wait_ns);
void vgpu_queue_mark_failed(struct vgpu_queue *queue, uint64_t wait_ns);

/* Now less @cmd's time stamp, VGPU_QUEUE_WAIT_UNKNOWN if it has none. */
uint64_t vgpu_queue_wait_ns(const struct vgpu_command *cmd);

/* Fill in @stats as far as its @size goes.  -EINVAL if that is too small. */
int vgpu_queue_get_stats(const struct vgpu_queue *queue,
			 struct vgpu_queue_stats *stats);

/*
 * The statistics as text, several lines, at most @size bytes with the
 * terminating 0.  Returns the length it has or would have, as snprintf() does.
 */
int vgpu_queue_stats_text(const struct vgpu_queue *queue, char *text,
			  size_t size);

/*
 * Why a call last failed, or the reason of the error state; "" if nothing did.
 * A full or empty queue, and a deadline, make no message.  Returns as
 * vgpu_queue_stats_text().
 */
int vgpu_queue_error(const struct vgpu_queue *queue, char *text,
		       size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* VGPU_QUEUE_H */
