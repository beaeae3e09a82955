// SPDX-License-Identifier: MIT
/*
 * Rings that a thread polls, between threads: it leaves those that stay empty,
 * sleeps when it has left all, and gets doorbells from programs that find a
 * ring left or never looked at.  As vgpu.ko's thread does it, with rings that
 * are left after a look or two, so that leaving and coming back meet commands
 * all the time.  A lost wake-up is a command that never ends, and so fails.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include "vgpu_test.h"
#include "model_client.h"

#define PROGRAMS	3u
#define RINGS		12u
#define EACH		3000u
#define LOOKS		2u	/* a ring may be empty, before it is left */

struct world {
	struct shell s;
	struct client c[RINGS];
	sem_t doorbell;
	u32 rung[RINGS];
	u32 programs;		/* that have not ended */
	u32 failed;
	/* The device's own. */
	bool polled[RINGS];
	u32 empty[RINGS];
	u32 left;
	u32 slept;
};

struct program {
	struct world *w;
	pthread_t thread;
	u32 id;
};

static void ring_doorbell(struct world *w, u32 i)
{
	__atomic_store_n(&w->rung[i], 1, __ATOMIC_RELEASE);
	sem_post(&w->doorbell);
}

/* One command, without a call unless the ring asks for one; false: it is lost. */
static bool do_one(struct world *w, u32 i)
{
	const struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct client *c = &w->c[i];
	struct vgpu_completion done;
	bool doorbell;
	time_t end = time(NULL) + 60;

	vgpu_ring_submit(&c->view, &nop, 1, 1, &doorbell);
	if (doorbell)
		ring_doorbell(w, i);
	while (!vgpu_ring_reap(&c->reaper, &done, 1)) {
		if (time(NULL) > end)
			return false;
		sched_yield();
	}
	if (vgpu_ring_reap_release(&c->reaper))
		ring_doorbell(w, i);
	return !done.status;
}

/* Each has rings of its own: mostly one of them is busy, now and then all. */
static void *program(void *p)
{
	struct program *me = p;
	u32 i, k, busy = 0;

	for (k = 0; k < EACH; k++) {
		if (k % 100 == 0)
			busy = me->id + k / 100 % (RINGS / PROGRAMS) * PROGRAMS;
		for (i = me->id; i < RINGS; i += PROGRAMS)
			if ((i == busy || k % 64 == 0) && !do_one(me->w, i))
				__atomic_add_fetch(&me->w->failed, 1,
						   __ATOMIC_RELAXED);
	}
	__atomic_sub_fetch(&me->w->programs, 1, __ATOMIC_RELEASE);
	sem_post(&me->w->doorbell);
	return NULL;
}

static void take_doorbells(struct world *w)
{
	u32 i;

	for (i = 0; i < RINGS; i++) {
		if (!__atomic_exchange_n(&w->rung[i], 0, __ATOMIC_ACQUIRE))
			continue;
		w->empty[i] = 0;
		if (!w->polled[i])
			vgpu_model_poll(w->s.m, w->c[i].ring, true);
		else
			vgpu_model_kick(w->s.m, w->c[i].ring);
		w->polled[i] = true;
	}
}

/* Look at each ring that is polled; false: none is, and none has just been. */
static bool look(struct world *w)
{
	const u32 *slot;
	bool any = false;
	u32 i, seq;

	for (i = 0; i < RINGS; i++) {
		if (!w->polled[i])
			continue;
		any = true;
		slot = vgpu_model_poll_slot(w->s.m, w->c[i].ring, &seq);
		if (slot && vgpu_load_acquire(slot) == seq) {
			w->empty[i] = 0;
			vgpu_model_kick(w->s.m, w->c[i].ring);
		} else if (!slot || ++w->empty[i] == LOOKS) {
			w->polled[i] = false;
			vgpu_model_poll(w->s.m, w->c[i].ring, false);
			w->left++;
		}
	}
	return any;
}

static void device(struct world *w)
{
	while (__atomic_load_n(&w->programs, __ATOMIC_ACQUIRE)) {
		take_doorbells(w);
		shell_run(&w->s);
		if (look(w)) {
			sched_yield();
			continue;
		}
		w->slept++;
		sem_wait(&w->doorbell);
	}
}

VGPU_TEST(left_and_back)
{
	struct program p[PROGRAMS];
	static struct world w;
	u32 i;

	memset(&w, 0, sizeof(w));
	ASSERT_EQ(0, shell_open(&w.s, NULL));
	for (i = 0; i < RINGS; i++)
		ASSERT_EQ(0, client_open(&w.c[i], &w.s));
	ASSERT_TRUE(shell_run(&w.s));
	ASSERT_EQ(0, sem_init(&w.doorbell, 0, 0));
	w.programs = PROGRAMS;
	for (i = 0; i < PROGRAMS; i++) {
		p[i] = (struct program){ .w = &w, .id = i };
		ASSERT_EQ(0, pthread_create(&p[i].thread, NULL, program,
					    &p[i]));
	}
	device(&w);
	for (i = 0; i < PROGRAMS; i++)
		pthread_join(p[i].thread, NULL);
	EXPECT_EQ(0, w.failed);
	EXPECT_GT(w.left, 0);
	EXPECT_EQ(NULL, vgpu_model_check(w.s.m));
	EXPECT_EQ(NULL, w.s.wrong);
	sem_destroy(&w.doorbell);
	for (i = 0; i < RINGS; i++)
		client_close(&w.c[i]);
	ASSERT_TRUE(shell_run(&w.s));
	shell_close(&w.s);
}

TEST_HARNESS_MAIN
