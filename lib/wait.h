/* SPDX-License-Identifier: MIT */
/*
 * CLOCK_MONOTONIC, and waiting: by it, and for each other.
 */
#ifndef LIBVGPU_INTERNAL_WAIT_H
#define LIBVGPU_INTERNAL_WAIT_H

#include <pthread.h>
#include <stdint.h>

#define VGPU_NS_PER_S	1000000000ull

/*
 * A lock for many readers that lets a writer come through; a reader must not
 * take it twice.
 */
void vgpu_rwlock_init(pthread_rwlock_t *lock);

/* A condition whose deadlines are on CLOCK_MONOTONIC. */
void vgpu_cond_init(pthread_cond_t *cond);

/*
 * Waits for @cond, with @lock held, to an absolute time; VGPU_FOREVER waits for
 * good.  0 or -ETIMEDOUT.
 */
int vgpu_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
		   uint64_t deadline_ns);

#endif /* LIBVGPU_INTERNAL_WAIT_H */
