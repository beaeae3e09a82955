// SPDX-License-Identifier: MIT
/*
 * CLOCK_MONOTONIC, deadlines on it, and waiting: by it, and for each other.
 */
#include <errno.h>
#include <time.h>

#include <vgpu/device.h>

#include "wait.h"

uint64_t vgpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * VGPU_NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t vgpu_deadline_after_ns(uint64_t ns)
{
	uint64_t end;

	if (__builtin_add_overflow(vgpu_now_ns(), ns, &end))
		return VGPU_FOREVER;
	return end;
}

uint64_t vgpu_deadline_after_ms(uint64_t ms)
{
	if (ms > UINT64_MAX / 1000000)
		return VGPU_FOREVER;
	return vgpu_deadline_after_ns(ms * 1000000);
}

void vgpu_rwlock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr,
				      PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void vgpu_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

int vgpu_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
		   uint64_t deadline_ns)
{
	struct timespec t;

	if (deadline_ns == VGPU_FOREVER)
		return -pthread_cond_wait(cond, lock);
	t.tv_sec = (time_t)(deadline_ns / VGPU_NS_PER_S);
	t.tv_nsec = (long)(deadline_ns % VGPU_NS_PER_S);
	return -pthread_cond_timedwait(cond, lock, &t);
}
