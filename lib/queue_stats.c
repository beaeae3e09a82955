// SPDX-License-Identifier: MIT
/*
 * What a vgpu_queue counts, and its text.  Submissions and depth cost nothing:
 * they are the ring's positions.  The rest are counters that are changed by
 * relaxed additions, once a batch where that can be had.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "queue_internal.h"

static unsigned int bucket(uint64_t ns)
{
	unsigned int b = ns ? 63 - (unsigned int)__builtin_clzll(ns) : 0;

	return b < VGPU_QUEUE_BUCKETS ? b : VGPU_QUEUE_BUCKETS - 1;
}

void vgpu_queue_record_wait(struct vgpu_queue *q, uint64_t ns)
{
	if (ns == VGPU_QUEUE_WAIT_UNKNOWN)
		return;
	count(&q->waits, 1);
	count(&q->wait_ns, ns);
	count(&q->histogram[bucket(ns)], 1);
}

uint64_t vgpu_queue_wait_ns(const struct vgpu_command *cmd)
{
	return wait_until(cmd, cmd->submit_ns ? now_ns() : 0);
}

void vgpu_queue_mark_completed(struct vgpu_queue *queue, uint64_t wait_ns)
{
	count(&queue->completed, 1);
	vgpu_queue_record_wait(queue, wait_ns);
}

void vgpu_queue_mark_failed(struct vgpu_queue *queue, uint64_t wait_ns)
{
	count(&queue->failed, 1);
	vgpu_queue_record_wait(queue, wait_ns);
}

static void read_stats(const struct vgpu_queue *q, struct vgpu_queue_stats *s)
{
	uint64_t head = head_of(q), tail = tail_of(q);
	uint64_t position = tail & TAIL_POSITION;
	unsigned int i;

	s->size = sizeof(*s);
	s->state = state_of(tail);
	s->closed = !!(tail & TAIL_CLOSED);
	s->entries = q->capacity;
	/* The head was read first: the difference may be too large by a lap. */
	s->depth = position - head < q->capacity ? position - head : q->capacity;
	s->max_depth = counter(&q->max_depth);
	s->submitted = position - q->base;
	s->completed = counter(&q->completed);
	s->failed = counter(&q->failed);
	s->dropped = counter(&q->dropped);
	s->overflows = counter(&q->overflows);
	s->waits = counter(&q->waits);
	s->wait_ns = counter(&q->wait_ns);
	s->avg_wait_ns = s->waits ? s->wait_ns / s->waits : 0;
	s->avg_wait_us = s->avg_wait_ns / 1000;
	s->sample = VGPU_QUEUE_SAMPLE;
	for (i = 0; i < VGPU_QUEUE_BUCKETS; i++)
		s->histogram[i] = counter(&q->histogram[i]);
}

int vgpu_queue_get_stats(const struct vgpu_queue *queue,
			 struct vgpu_queue_stats *stats)
{
	struct vgpu_queue_stats all;
	size_t size = stats->size;

	if (size < sizeof(size))
		return -EINVAL;
	read_stats(queue, &all);
	if (size > sizeof(all)) {
		memset((char *)stats + sizeof(all), 0, size - sizeof(all));
		size = sizeof(all);
	}
	all.size = stats->size;
	memcpy(stats, &all, size);
	return 0;
}

const char *vgpu_queue_state_name(enum vgpu_queue_state state)
{
	static const char *const names[] = {
		[VGPU_QUEUE_IDLE] = "idle",
		[VGPU_QUEUE_RUNNING] = "running",
		[VGPU_QUEUE_PAUSED] = "paused",
		[VGPU_QUEUE_ERROR] = "error",
	};

	return (unsigned int)state <= VGPU_QUEUE_ERROR ? names[state] :
							 "unknown";
}

/* snprintf() that goes on where the last one stopped. */
__attribute__((format(printf, 4, 5)))
static size_t add_text(char *text, size_t size, size_t at, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(at < size ? text + at : NULL, at < size ? size - at : 0,
		      fmt, args);
	va_end(args);
	return at + (n > 0 ? (size_t)n : 0);
}

int vgpu_queue_stats_text(const struct vgpu_queue *queue, char *text,
			  size_t size)
{
	struct vgpu_queue_stats s;
	size_t at = 0;
	unsigned int i;

	read_stats(queue, &s);
	at = add_text(text, size, at,
		      "state:        %s%s\n"
		      "entries:      %llu, %llu in use, %llu at most\n"
		      "submitted:    %llu\n"
		      "completed:    %llu\n"
		      "failed:       %llu\n"
		      "dropped:      %llu\n"
		      "overflows:    %llu\n"
		      "average wait: %llu us (%llu ns), from %llu commands; of those submitted one by one, 1 in %llu is timed\n",
		      vgpu_queue_state_name(s.state),
		      s.closed ? ", closed" : "",
		      (unsigned long long)s.entries,
		      (unsigned long long)s.depth,
		      (unsigned long long)s.max_depth,
		      (unsigned long long)s.submitted,
		      (unsigned long long)s.completed,
		      (unsigned long long)s.failed,
		      (unsigned long long)s.dropped,
		      (unsigned long long)s.overflows,
		      (unsigned long long)s.avg_wait_us,
		      (unsigned long long)s.avg_wait_ns,
		      (unsigned long long)s.waits,
		      (unsigned long long)s.sample);
	for (i = 0; i < VGPU_QUEUE_BUCKETS; i++)
		if (s.histogram[i])
			at = add_text(text, size, at,
				      "waited %12llu ns or more: %llu\n",
				      i ? 1ull << i : 0ull,
				      (unsigned long long)s.histogram[i]);
	return (int)at;
}
