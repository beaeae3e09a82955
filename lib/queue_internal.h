/* SPDX-License-Identifier: MIT */
/*
 * What the files of vgpu_queue share: queue.c holds the queue, queue_stats.c
 * what it counts.
 */
#ifndef VGPU_LIB_QUEUE_INTERNAL_H
#define VGPU_LIB_QUEUE_INTERNAL_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include <vgpu/queue.h>

#include "vgpu_ring.h"

#define TAIL_STATE_SHIFT	61
#define TAIL_STATE_MASK		(3ull << TAIL_STATE_SHIFT)
#define TAIL_CLOSED		(1ull << 63)
#define TAIL_POSITION		((1ull << TAIL_STATE_SHIFT) - 1)

/* In the tail running is 0, so that positions compare as they are. */
#define TAIL_RUNNING		(0ull << TAIL_STATE_SHIFT)
#define TAIL_IDLE		(1ull << TAIL_STATE_SHIFT)
#define TAIL_PAUSED		(2ull << TAIL_STATE_SHIFT)
#define TAIL_ERROR		(3ull << TAIL_STATE_SHIFT)

/* For consumers, who do not read the producers' tail without need. */
#define STOP_ERROR		1u
#define STOP_CLOSED		2u

struct vgpu_queue {
	/* Read by all, hardly ever written. */
	struct vgpu_ring ring;
	uint64_t capacity;
	uint64_t base;		/* the first position */
	uint64_t max_depth;	/* producers; grows only */
	uint32_t stop;		/* STOP_*, written under @lock */
	uint32_t refs;

	/* Sleepers, and those who wake them. */
	struct {
		uint32_t sleepers;
		uint32_t wake;	/* futex: counts wake-ups */
	} __attribute__((aligned(128)));

	/* Consumers. */
	struct {
		uint64_t completed;
		uint64_t failed;
		uint64_t waits;
		uint64_t wait_ns;
		uint64_t dropped;
		uint64_t histogram[VGPU_QUEUE_BUCKETS];
	} __attribute__((aligned(128)));

	/* Producers that found no room. */
	uint64_t overflows __attribute__((aligned(128)));

	/* Protects changes of state and @message. */
	pthread_mutex_t lock __attribute__((aligned(128)));
	char name[32];
	char message[192];
};

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline uint64_t tail_of(const struct vgpu_queue *q)
{
	return vgpu_ring_load_acquire(&q->ring.hdr->sq_tail);
}

static inline uint64_t head_of(const struct vgpu_queue *q)
{
	return vgpu_ring_load_acquire(&q->ring.hdr->sq_head);
}

static inline uint64_t counter(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void count(uint64_t *p, uint64_t n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static inline enum vgpu_queue_state state_of(uint64_t tail)
{
	switch (tail & TAIL_STATE_MASK) {
	case TAIL_RUNNING:
		return VGPU_QUEUE_RUNNING;
	case TAIL_PAUSED:
		return VGPU_QUEUE_PAUSED;
	case TAIL_ERROR:
		return VGPU_QUEUE_ERROR;
	default:
		return VGPU_QUEUE_IDLE;
	}
}

static inline uint64_t wait_until(const struct vgpu_command *cmd, uint64_t now)
{
	if (!cmd->submit_ns)
		return VGPU_QUEUE_WAIT_UNKNOWN;
	return now > cmd->submit_ns ? now - cmd->submit_ns : 0;
}

/* Count a wait time, if it is known. */
void vgpu_queue_record_wait(struct vgpu_queue *q, uint64_t ns);

#endif /* VGPU_LIB_QUEUE_INTERNAL_H */
