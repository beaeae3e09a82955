// SPDX-License-Identifier: MIT
/*
 * vgpu_queue between threads: every command exactly once, each producer's order
 * kept, nobody asleep while there is work, and changes of state that race with
 * submission and with sleepers.  A lost wake-up is a test that hangs, and so
 * fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include <vgpu/queue.h>

#include "vgpu_test.h"

#define MAX_THREADS	4u

static struct vgpu_queue *make_running(uint64_t entries)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = entries,
	};
	struct vgpu_queue *q;

	if (vgpu_queue_create(&opts, &q) || vgpu_queue_start(q))
		abort();
	return q;
}

static struct vgpu_queue_stats stats(struct vgpu_queue *q)
{
	struct vgpu_queue_stats s = { .size = sizeof(s) };

	if (vgpu_queue_get_stats(q, &s))
		abort();
	return s;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct world {
	struct vgpu_queue *q;
	unsigned int producers, consumers;
	uint64_t entries, each;
	unsigned char *seen;	/* a count for every command */
};

struct worker {
	struct world *w;
	pthread_t thread;
	unsigned int id;
	uint64_t accepted, taken, errors;
	int last;		/* what ended it */
};

static void *produce(void *p)
{
	struct worker *me = p;
	struct world *w = me->w;
	struct vgpu_command batch[6];
	unsigned int i, n;
	uint64_t k = 0;
	int ret;

	while (k < w->each) {
		n = 1 + (k * 5 + me->id) % 6;
		if (n > w->each - k)
			n = w->each - k;
		if (n > w->entries)
			n = w->entries;
		for (i = 0; i < n; i++) {
			memset(&batch[i], 0, sizeof(batch[i]));
			batch[i].type = VGPU_COMMAND_CLEAR;
			batch[i].user_data = (uint64_t)me->id << 48 | (k + i);
			batch[i].param[4] = ~batch[i].user_data;
		}
		if (n == 1)
			ret = vgpu_queue_submit(w->q, batch) ?: 1;
		else
			ret = vgpu_queue_submit_batch(w->q, batch, n,
						      k & 1 ? VGPU_QUEUE_ALL :
							VGPU_QUEUE_PARTIAL);
		if (ret == -EAGAIN) {
			sched_yield();
			continue;
		}
		if (ret < 0) {
			me->last = ret;
			break;
		}
		k += ret;
		if (k % 256 < 6)
			sched_yield();
	}
	me->accepted = k;
	return NULL;
}

static void *consume(void *p)
{
	struct worker *me = p;
	struct world *w = me->w;
	uint64_t next[MAX_THREADS] = { 0 }, k;
	struct vgpu_command out[5];
	unsigned int id;
	int i, ret;

	for (;;) {
		if (me->id & 1)
			ret = vgpu_queue_dequeue(w->q, out,
						 VGPU_FOREVER) ?: 1;
		else
			ret = vgpu_queue_dequeue_batch(w->q, out, 5,
						       now_ns() + 200000);
		if (ret == -ETIMEDOUT)
			continue;
		if (ret < 0)
			break;
		for (i = 0; i < ret; i++) {
			id = out[i].user_data >> 48;
			k = out[i].user_data & 0xffffffffffffull;
			if (id >= w->producers || k >= w->each ||
			    out[i].type != VGPU_COMMAND_CLEAR ||
			    out[i].param[4] != ~out[i].user_data ||
			    k < next[id]) {
				me->errors++;
				continue;
			}
			next[id] = k + 1;
			__atomic_fetch_add(&w->seen[id * w->each + k], 1,
					   __ATOMIC_RELAXED);
		}
		me->taken += ret;
	}
	me->last = ret;
	return NULL;
}

static void start(struct world *w, struct worker *workers, uint64_t entries,
		  unsigned int producers, unsigned int consumers,
		  uint64_t each)
{
	unsigned int i;

	w->q = make_running(entries);
	w->entries = entries;
	w->producers = producers;
	w->consumers = consumers;
	w->each = each;
	w->seen = calloc(producers, each);
	memset(workers, 0, (producers + consumers) * sizeof(*workers));
	for (i = 0; i < producers + consumers; i++) {
		workers[i].w = w;
		workers[i].id = i < producers ? i : i - producers;
		pthread_create(&workers[i].thread, NULL,
			       i < producers ? produce : consume, &workers[i]);
	}
}

/* Join and add up; returns what is wrong. */
static uint64_t join_producers(struct world *w, struct worker *workers)
{
	uint64_t accepted = 0;
	unsigned int i;

	for (i = 0; i < w->producers; i++) {
		pthread_join(workers[i].thread, NULL);
		accepted += workers[i].accepted;
	}
	return accepted;
}

static uint64_t join_consumers(struct world *w, struct worker *workers,
			       int end, uint64_t *errors)
{
	uint64_t taken = 0;
	unsigned int i;

	for (i = w->producers; i < w->producers + w->consumers; i++) {
		pthread_join(workers[i].thread, NULL);
		taken += workers[i].taken;
		*errors += workers[i].errors;
		if (workers[i].last != end)
			++*errors;
	}
	return taken;
}

static uint64_t not_once(struct world *w, struct worker *workers)
{
	uint64_t wrong = 0, k;
	unsigned int i;

	for (i = 0; i < w->producers; i++)
		for (k = 0; k < w->each; k++)
			if (w->seen[i * w->each + k] !=
			    (k < workers[i].accepted))
				wrong++;
	return wrong;
}

static uint64_t run(uint64_t entries, unsigned int producers,
		    unsigned int consumers)
{
	struct worker workers[2 * MAX_THREADS];
	uint64_t errors = 0, accepted;
	struct world w;

	start(&w, workers, entries, producers, consumers,
	      15000 * vgpu_test_scale());
	accepted = join_producers(&w, workers);
	if (accepted != producers * w.each)
		errors++;
	vgpu_queue_close(w.q);
	if (join_consumers(&w, workers, -EPIPE, &errors) != accepted)
		errors++;
	if (stats(w.q).submitted != accepted || stats(w.q).depth)
		errors++;
	errors += not_once(&w, workers);
	vgpu_queue_unref(w.q);
	free(w.seen);
	return errors;
}

VGPU_TEST(every_command_exactly_once)
{
	EXPECT_EQ(0, run(1, 1, 1));
	EXPECT_EQ(0, run(1, 3, 3));
	EXPECT_EQ(0, run(8, 3, 3));
	EXPECT_EQ(0, run(64, 4, 1));
	EXPECT_EQ(0, run(64, 1, 4));
	EXPECT_EQ(0, run(1000, 4, 4));
}

/*
 * Nobody sleeps while there is work: each of two consumers takes one command
 * and then waits for the other to have taken one too.
 */
struct pair {
	struct vgpu_queue *q;
	pthread_barrier_t both;
	unsigned int rounds;
};

static void *meet(void *p)
{
	struct pair *pair = p;
	struct vgpu_command c;
	unsigned int i;

	for (i = 0; i < pair->rounds; i++) {
		if (vgpu_queue_dequeue(pair->q, &c, VGPU_FOREVER))
			abort();
		pthread_barrier_wait(&pair->both);
	}
	return NULL;
}

VGPU_TEST(two_commands_wake_two_sleepers)
{
	struct vgpu_command c[2] = { { .type = VGPU_COMMAND_CLEAR },
				     { .type = VGPU_COMMAND_CLEAR } };
	struct pair pair = { .rounds = 2000 * vgpu_test_scale() };
	pthread_t thread[2];
	unsigned int i, k;

	pair.q = make_running(4);
	pthread_barrier_init(&pair.both, NULL, 2);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, meet, &pair));
	for (i = 0; i < pair.rounds; i++) {
		for (k = 0; k < 200; k++)
			sched_yield();
		if (i & 1) {
			while (vgpu_queue_submit_batch(pair.q, c, 2,
						       VGPU_QUEUE_ALL) < 0)
				sched_yield();
			continue;
		}
		for (k = 0; k < 2; k++)
			while (vgpu_queue_submit(pair.q, c))
				sched_yield();
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&pair.both);
	vgpu_queue_unref(pair.q);
}

/* Ping-pong: each side sleeps until the other has answered. */
struct bounce {
	struct vgpu_queue *there, *back;
	unsigned int rounds;
};

static void *answer(void *p)
{
	struct bounce *b = p;
	struct vgpu_command c;
	unsigned int i;

	for (i = 0; i < b->rounds; i++)
		if (vgpu_queue_dequeue(b->there, &c, VGPU_FOREVER) ||
		    vgpu_queue_submit(b->back, &c))
			abort();
	return NULL;
}

VGPU_TEST(sleepers_wake_for_every_command)
{
	struct vgpu_command c = { .type = VGPU_COMMAND_CLEAR };
	struct bounce b = { .rounds = 3000 * vgpu_test_scale() };
	pthread_t thread;
	unsigned int i;

	b.there = make_running(2);
	b.back = make_running(2);
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, &b));
	for (i = 0; i < b.rounds; i++) {
		c.user_data = i;
		ASSERT_EQ(0, vgpu_queue_submit(b.there, &c));
		ASSERT_EQ(0, vgpu_queue_dequeue(b.back, &c,
						VGPU_FOREVER));
		ASSERT_EQ(i, c.user_data);
	}
	pthread_join(thread, NULL);
	vgpu_queue_unref(b.there);
	vgpu_queue_unref(b.back);
}

VGPU_TEST(close_races_with_submission_and_sleep)
{
	struct worker workers[2 * MAX_THREADS];
	unsigned int round, k;
	struct world w;

	for (round = 0; round < 60 * vgpu_test_scale(); round++) {
		uint64_t errors = 0, accepted, i;

		start(&w, workers, 16, 2, 3, 200000);
		for (k = 0; k < round % 20; k++)
			sched_yield();
		vgpu_queue_close(w.q);
		accepted = join_producers(&w, workers);
		ASSERT_EQ(accepted,
			  join_consumers(&w, workers, -EPIPE, &errors));
		for (i = 0; i < w.producers; i++)
			ASSERT_TRUE(workers[i].last == -EPIPE ||
				    workers[i].accepted == w.each);
		ASSERT_EQ(0, errors);
		ASSERT_EQ(0, not_once(&w, workers));
		ASSERT_EQ(accepted, stats(w.q).submitted);
		vgpu_queue_unref(w.q);
		free(w.seen);
	}
}

VGPU_TEST(after_pause_nothing_is_accepted)
{
	struct worker workers[2 * MAX_THREADS];
	unsigned int round, k;
	struct world w;

	for (round = 0; round < 60 * vgpu_test_scale(); round++) {
		uint64_t errors = 0, accepted, submitted;

		start(&w, workers, 16, 2, 2, 200000);
		for (k = 0; k < round % 20; k++)
			sched_yield();
		ASSERT_EQ(0, vgpu_queue_pause(w.q));
		submitted = stats(w.q).submitted;
		for (k = 0; k < 50; k++)
			sched_yield();
		ASSERT_EQ(submitted, stats(w.q).submitted);
		accepted = join_producers(&w, workers);
		ASSERT_EQ(submitted, accepted);
		vgpu_queue_close(w.q);
		ASSERT_EQ(accepted,
			  join_consumers(&w, workers, -EPIPE, &errors));
		ASSERT_EQ(0, errors);
		ASSERT_EQ(0, not_once(&w, workers));
		vgpu_queue_unref(w.q);
		free(w.seen);
	}
}

VGPU_TEST(an_error_stops_all_and_reset_drops_the_rest)
{
	struct worker workers[2 * MAX_THREADS];
	unsigned int round, k, i;
	struct vgpu_command c;
	struct world w;

	for (round = 0; round < 60 * vgpu_test_scale(); round++) {
		uint64_t errors = 0, accepted, taken;

		start(&w, workers, 16, 2, 3, 200000);
		for (k = 0; k < round % 20; k++)
			sched_yield();
		ASSERT_EQ(0, vgpu_queue_set_error(w.q, -EIO, "test"));
		/* The reset must not run while they may still see the error. */
		taken = join_consumers(&w, workers, -EIO, &errors);
		ASSERT_EQ(0, vgpu_queue_reset(w.q));
		accepted = join_producers(&w, workers);
		for (i = 0; i < w.producers; i++)
			ASSERT_TRUE(workers[i].last == -EIO ||
				    workers[i].last == -ECANCELED ||
				    workers[i].accepted == w.each);
		ASSERT_EQ(0, errors);
		ASSERT_EQ(accepted, stats(w.q).submitted);
		ASSERT_EQ(accepted, taken + stats(w.q).dropped);
		ASSERT_EQ(-EAGAIN, vgpu_queue_dequeue(w.q, &c,
						      VGPU_NO_WAIT));
		vgpu_queue_unref(w.q);
		free(w.seen);
	}
}

/* Resets while everybody goes on: what was accepted was taken or dropped. */
static void *produce_on(void *p)
{
	struct worker *me = p;
	struct vgpu_command c = { .type = VGPU_COMMAND_CLEAR };
	int ret;

	for (;;) {
		ret = vgpu_queue_submit(me->w->q, &c);
		if (ret == -EPIPE)
			break;
		if (!ret)
			me->accepted++;
		else
			sched_yield();
	}
	return NULL;
}

static void *consume_on(void *p)
{
	struct worker *me = p;
	struct vgpu_command c;
	int ret;

	while ((ret = vgpu_queue_dequeue(me->w->q, &c, VGPU_FOREVER)) !=
	       -EPIPE) {
		if (!ret)
			me->taken++;
		else
			me->errors++;
	}
	return NULL;
}

VGPU_TEST(resets_race_with_everything)
{
	uint64_t accepted = 0, taken = 0;
	struct worker workers[4];
	struct vgpu_queue_stats s;
	struct world w;
	unsigned int i, k;

	memset(workers, 0, sizeof(workers));
	w.q = make_running(8);
	for (i = 0; i < 4; i++) {
		workers[i].w = &w;
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL,
					    i < 2 ? produce_on : consume_on,
					    &workers[i]));
	}
	for (i = 0; i < 300 * vgpu_test_scale(); i++) {
		for (k = 0; k < i % 7; k++)
			sched_yield();
		if (i & 1)
			ASSERT_EQ(0, vgpu_queue_pause(w.q));
		ASSERT_EQ(0, vgpu_queue_reset(w.q));
		ASSERT_EQ(0, vgpu_queue_start(w.q));
	}
	vgpu_queue_close(w.q);
	for (i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		accepted += workers[i].accepted;
		taken += workers[i].taken;
		EXPECT_EQ(0, workers[i].errors);
	}
	s = stats(w.q);
	EXPECT_EQ(accepted, s.submitted);
	EXPECT_EQ(accepted, taken + s.dropped);
	vgpu_queue_unref(w.q);
}

/* The last reference may be any thread's. */
static void *use_and_drop(void *p)
{
	struct vgpu_command c = { .type = VGPU_COMMAND_CLEAR };
	struct vgpu_queue *q = p;

	vgpu_queue_submit(q, &c);
	vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT);
	vgpu_queue_unref(q);
	return NULL;
}

VGPU_TEST(the_last_reference_frees_it)
{
	struct vgpu_queue *q;
	pthread_t thread[3];
	unsigned int i, round;

	for (round = 0; round < 200; round++) {
		q = make_running(8);
		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, pthread_create(&thread[i], NULL,
						    use_and_drop,
						    vgpu_queue_ref(q)));
		vgpu_queue_unref(q);
		for (i = 0; i < 3; i++)
			pthread_join(thread[i], NULL);
	}
}

TEST_HARNESS_MAIN
