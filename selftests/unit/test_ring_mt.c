// SPDX-License-Identifier: MIT
/*
 * The user ring between threads: several producers with batches of their own,
 * a device that sleeps whenever it may and stalls when completions have no
 * room, and a program that sleeps until there is a completion.  Rings are as
 * small as can be, so that everything wraps, fills and sleeps all the time.  A
 * lost wake-up is a test that hangs, and so fails.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "vgpu_ring.h"
#include "vgpu_test.h"

#define PRODUCERS	3u
#define SQ		8u
#define CQ		16u

struct world {
	struct vgpu_ring ring;
	sem_t doorbell, interrupt;
	unsigned int producers;
	bool single;
	__u64 each, total;
	unsigned int errors;		/* of the thread that owns it */
	unsigned int sleeps;
	unsigned int stalls;
	unsigned int waits;
};

struct producer {
	struct world *w;
	pthread_t thread;
	unsigned int id;
};

static void *produce(void *p)
{
	struct producer *me = p;
	struct world *w = me->w;
	struct vgpu_cmd batch[5];
	unsigned int i, n, got;
	bool doorbell;
	__u64 k = 0;

	while (k < w->each) {
		n = 1 + (k * 7 + me->id) % 5;
		if (n > w->each - k)
			n = w->each - k;
		for (i = 0; i < n; i++) {
			memset(&batch[i], 0, sizeof(batch[i]));
			batch[i].opcode = 1;
			batch[i].user_data = (__u64)me->id << 48 | (k + i);
			batch[i].op[5] = ~batch[i].user_data;
		}
		if (w->single)
			got = vgpu_ring_submit_single(&w->ring, batch,
						      k & 1 ? n : 1, n,
						      &doorbell);
		else
			got = vgpu_ring_submit(&w->ring, batch, k & 1 ? n : 1,
					       n, &doorbell);
		if (doorbell)
			sem_post(&w->doorbell);
		if (!got)
			sched_yield();
		k += got;
	}
	return NULL;
}

static void *device(void *p)
{
	struct world *w = p;
	__u64 next[PRODUCERS] = { 0 }, done = 0;
	struct vgpu_ring_consumer c;
	struct vgpu_completion comp;
	struct vgpu_cmd out[4];
	unsigned int i, n, id;
	int room;

	vgpu_ring_consumer_init(&c, &w->ring);
	memset(&comp, 0, sizeof(comp));
	while (done < w->total) {
		room = vgpu_ring_cq_room(&c, 4);
		if (room < 0) {
			w->errors++;
			break;
		}
		if (!room) {
			if (vgpu_ring_mark_stalled(&c) == 1) {
				w->stalls++;
				sem_wait(&w->doorbell);
			}
			continue;
		}
		n = vgpu_ring_consume(&c, out, room);
		if (!n) {
			if (vgpu_ring_prepare_sleep(&c)) {
				w->sleeps++;
				sem_wait(&w->doorbell);
			}
			continue;
		}
		for (i = 0; i < n; i++) {
			id = out[i].user_data >> 48;
			if (id >= w->producers || out[i].opcode != 1 ||
			    out[i].op[5] != ~out[i].user_data ||
			    (out[i].user_data & 0xffffffffffffull) !=
				    next[id]++)
				w->errors++;
			comp.user_data = out[i].user_data;
			comp.end_ns = out[i].op[5];
			if (vgpu_ring_complete(&c, &comp))
				sem_post(&w->interrupt);
		}
		done += n;
	}
	return NULL;
}

/* The program that reaps, in the caller's thread; returns errors. */
static unsigned int reap(struct world *w)
{
	__u64 next[PRODUCERS] = { 0 }, done = 0;
	struct vgpu_ring_reaper p;
	struct vgpu_completion out[4];
	unsigned int i, n, id, errors = 0;

	vgpu_ring_reaper_init(&p, &w->ring);
	while (done < w->total) {
		n = vgpu_ring_reap(&p, out, 4);
		for (i = 0; i < n; i++) {
			id = out[i].user_data >> 48;
			if (id >= w->producers ||
			    out[i].end_ns != ~out[i].user_data ||
			    (out[i].user_data & 0xffffffffffffull) !=
				    next[id]++)
				errors++;
		}
		done += n;
		if (vgpu_ring_reap_release(&p))
			sem_post(&w->doorbell);
		if (!n && vgpu_ring_prepare_wait(&p)) {
			w->waits++;
			sem_wait(&w->interrupt);
		}
		/* Let the completions pile up now and then. */
		if (done % 64 == 0)
			sched_yield();
	}
	return errors;
}

static unsigned int run(struct world *w, unsigned int producers, bool single)
{
	struct producer producer[PRODUCERS];
	unsigned int i, errors;
	pthread_t dev;
	void *mem;

	memset(w, 0, sizeof(*w));
	mem = aligned_alloc(4096, 2 * 4096);
	vgpu_ring_attach(&w->ring, mem, SQ, CQ);
	vgpu_ring_format(&w->ring);
	sem_init(&w->doorbell, 0, 0);
	sem_init(&w->interrupt, 0, 0);
	w->producers = producers;
	w->single = single;
	w->each = 20000 * vgpu_test_scale();
	w->total = w->each * producers;
	pthread_create(&dev, NULL, device, w);
	for (i = 0; i < producers; i++) {
		producer[i].w = w;
		producer[i].id = i;
		pthread_create(&producer[i].thread, NULL, produce,
			       &producer[i]);
	}
	errors = reap(w);
	for (i = 0; i < producers; i++)
		pthread_join(producer[i].thread, NULL);
	pthread_join(dev, NULL);
	errors += w->errors;
	sem_destroy(&w->doorbell);
	sem_destroy(&w->interrupt);
	free(mem);
	return errors;
}

VGPU_TEST(many_producers_lose_nothing_and_keep_their_order)
{
	struct world w;

	EXPECT_EQ(0, run(&w, PRODUCERS, false));
	TH_LOG("%u sleeps, %u stalls, %u waits", w.sleeps, w.stalls, w.waits);
	EXPECT_GT(w.sleeps, 0);
	EXPECT_GT(w.waits, 0);
}

VGPU_TEST(one_producer_loses_nothing)
{
	struct world w;

	EXPECT_EQ(0, run(&w, 1, true));
	EXPECT_GT(w.sleeps, 0);
	EXPECT_GT(w.waits, 0);
}

/* A thread that has reserved and does not go on until it is told. */
struct preempted {
	struct vgpu_ring *ring;
	sem_t reserved, go_on;
	bool doorbell;
};

static void *reserve_and_stop(void *p)
{
	struct preempted *me = p;
	struct vgpu_cmd c = { .opcode = 1, .user_data = 1 };
	__u64 pos;

	if (vgpu_ring_reserve(me->ring, 2, 2, &pos) != 2)
		abort();
	vgpu_ring_fill(vgpu_ring_slot(me->ring, pos), &c);
	sem_post(&me->reserved);
	sem_wait(&me->go_on);
	c.user_data = 2;
	vgpu_ring_fill(vgpu_ring_slot(me->ring, pos + 1), &c);
	me->doorbell = vgpu_ring_commit(me->ring, pos, 2);
	return NULL;
}

VGPU_TEST(a_preempted_producer_stops_nobody_else)
{
	struct vgpu_cmd c = { .opcode = 1 }, out[SQ];
	struct vgpu_ring_consumer dev;
	struct preempted other;
	struct vgpu_ring ring;
	unsigned int i, n = 0;
	pthread_t thread;
	bool doorbell;
	void *mem;

	mem = aligned_alloc(4096, 2 * 4096);
	vgpu_ring_attach(&ring, mem, SQ, CQ);
	vgpu_ring_format(&ring);
	vgpu_ring_consumer_init(&dev, &ring);
	other.ring = &ring;
	sem_init(&other.reserved, 0, 0);
	sem_init(&other.go_on, 0, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, reserve_and_stop, &other));
	sem_wait(&other.reserved);
	for (i = 0; i < 2 * SQ; i++) {
		c.user_data = 10 + n;
		n += vgpu_ring_submit(&ring, &c, 1, 1, &doorbell);
		ASSERT_FALSE(doorbell);
	}
	EXPECT_EQ(SQ - 2, n);
	EXPECT_EQ(0, vgpu_ring_consume(&dev, out, SQ));
	EXPECT_TRUE(vgpu_ring_prepare_sleep(&dev));
	sem_post(&other.go_on);
	pthread_join(thread, NULL);
	EXPECT_TRUE(other.doorbell);
	ASSERT_EQ(SQ, vgpu_ring_consume(&dev, out, SQ));
	EXPECT_EQ(1, out[0].user_data);
	EXPECT_EQ(2, out[1].user_data);
	for (i = 2; i < SQ; i++)
		EXPECT_EQ(8 + i, out[i].user_data);
	sem_destroy(&other.reserved);
	sem_destroy(&other.go_on);
	free(mem);
}

TEST_HARNESS_MAIN
