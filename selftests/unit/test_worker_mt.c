// SPDX-License-Identifier: MIT
/*
 * One worker and many threads: submit, wait, build, drop and wake at once.
 * Who receives changes hands all the time; nothing is lost or comes twice.
 */
#define _GNU_SOURCE
#include "worker_util.h"

#include <pthread.h>
#include <sched.h>

#define SUBMITTERS	2u
#define LAUNCHES	2000u

struct shared {
	struct util_worker w;
	uint32_t seen[SUBMITTERS * LAUNCHES];
	uint32_t failed;
	uint32_t builds;
	bool stop;
};

struct submitter {
	struct shared *s;
	uint32_t first;
};

static void *submits(void *arg)
{
	struct submitter *t = arg;
	uint32_t i;
	int ret;

	for (i = 0; i < LAUNCHES; i++) {
		do {
			ret = util_launch(&t->s->w, t->first + i, 1, 0, 1);
			if (ret == -EAGAIN)
				sched_yield();
		} while (ret == -EAGAIN);
		if (ret)
			__atomic_fetch_add(&t->s->failed, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *builds(void *arg)
{
	struct vgpu_engine_built built;
	struct shared *s = arg;
	uint32_t kernel;

	kernel = __atomic_fetch_add(&s->builds, 1, __ATOMIC_RELAXED) + 2;
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (util_build(&s->w, kernel, FAKE_ADD, &built))
			__atomic_fetch_add(&s->failed, 1, __ATOMIC_RELAXED);
		s->w.ops->drop(s->w.e, kernel);
	}
	return NULL;
}

static void *wakes(void *arg)
{
	struct shared *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		s->w.ops->wake(s->w.e);
		usleep(100);
	}
	return NULL;
}

VGPU_TEST(all_at_once)
{
	struct vgpu_engine_completion done[16];
	struct submitter submitters[SUBMITTERS];
	pthread_t threads[SUBMITTERS + 3];
	struct vgpu_engine_built built;
	static struct shared s;
	uint32_t i, n = 0;
	int ret;

	ASSERT_EQ(0, util_open(&s.w, ""));
	ASSERT_EQ(0, util_build(&s.w, 1, FAKE_ADD, &built));
	for (i = 0; i < SUBMITTERS; i++) {
		submitters[i].s = &s;
		submitters[i].first = i * LAUNCHES;
		pthread_create(&threads[i], NULL, submits, &submitters[i]);
	}
	pthread_create(&threads[i++], NULL, builds, &s);
	pthread_create(&threads[i++], NULL, builds, &s);
	pthread_create(&threads[i++], NULL, wakes, &s);
	while (n < SUBMITTERS * LAUNCHES) {
		ret = s.w.ops->wait(s.w.e, done, 16, VGPU_FOREVER);
		ASSERT_LE(0, ret);
		for (i = 0; i < (uint32_t)ret; i++) {
			ASSERT_GT(ARRAY_SIZE(s.seen), done[i].tag);
			EXPECT_EQ(0, done[i].status);
			EXPECT_EQ(1, ++s.seen[done[i].tag]);
			n++;
		}
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, s.failed);
	EXPECT_EQ(SUBMITTERS * LAUNCHES, s.w.vram[0]);
	EXPECT_EQ(0, vgpu_worker_dropped(s.w.e));
	util_close(&s.w);
}

TEST_HARNESS_MAIN
