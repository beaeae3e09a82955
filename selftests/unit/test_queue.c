// SPDX-License-Identifier: MIT
/*
 * vgpu_queue in one thread: limits, states with the errno of each, batches,
 * processing, statistics and texts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include <vgpu/queue.h>

#include "vgpu_test.h"

static struct vgpu_queue *make(uint64_t entries)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = entries,
		.name = "test",
	};
	struct vgpu_queue *q;

	if (vgpu_queue_create(&opts, &q))
		abort();
	return q;
}

static struct vgpu_queue *make_running(uint64_t entries)
{
	struct vgpu_queue *q = make(entries);

	if (vgpu_queue_start(q))
		abort();
	return q;
}

static struct vgpu_command command(uint64_t n)
{
	struct vgpu_command c = {
		.type = VGPU_COMMAND_COPY,
		.flags = 0x8001,
		.user_data = n,
		.param = { n + 1, n + 2, n + 3, n + 4, n + 5 },
	};

	return c;
}

static int submit(struct vgpu_queue *q, uint64_t n)
{
	struct vgpu_command c = command(n);

	return vgpu_queue_submit(q, &c);
}

static bool is_command(const struct vgpu_command *c, uint64_t n)
{
	return c->type == VGPU_COMMAND_COPY && c->flags == 0x8001 &&
	       c->user_data == n && c->param[0] == n + 1 &&
	       c->param[4] == n + 5;
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

static bool says(struct vgpu_queue *q, const char *what)
{
	char text[256];

	return vgpu_queue_error(q, text, sizeof(text)) >= 0 &&
	       strstr(text, what);
}

VGPU_TEST(creation_refuses_what_it_cannot_make)
{
	static const uint64_t bad[] = { 0, (1u << 20) + 1, 1ull << 40,
					UINT64_MAX };
	char text[128];
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.message = text,
		.message_bytes = sizeof(text),
	};
	struct vgpu_queue *q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		text[0] = '\0';
		opts.entries = bad[i];
		EXPECT_EQ(-EINVAL, vgpu_queue_create(&opts, &q));
		EXPECT_NE(NULL, strstr(text, "1 to 1048576"));
		EXPECT_EQ(NULL, strchr(text, '\n'));
	}
	opts.message = NULL;
	EXPECT_EQ(-EINVAL, vgpu_queue_create(&opts, &q));
	opts.entries = 8;
	EXPECT_EQ(-EINVAL, vgpu_queue_create(&opts, NULL));
	EXPECT_EQ(-EINVAL, vgpu_queue_create(NULL, &q));
	opts.size = 4;
	EXPECT_EQ(-EINVAL, vgpu_queue_create(&opts, &q));
	vgpu_queue_unref(NULL);
}

VGPU_TEST(a_queue_holds_exactly_what_was_asked_for)
{
	static const uint64_t entries[] = { 1, 2, 3, 8, 1000, 1024, 1025,
					    1u << 20 };
	struct vgpu_queue_stats s;
	struct vgpu_command c;
	struct vgpu_queue *q;
	unsigned int i;
	uint64_t k;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		q = make_running(entries[i]);
		for (k = 0; k < entries[i]; k++)
			ASSERT_EQ(0, submit(q, k));
		EXPECT_EQ(-EAGAIN, submit(q, k));
		EXPECT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
		EXPECT_TRUE(is_command(&c, 0));
		EXPECT_EQ(0, submit(q, k));
		EXPECT_EQ(-EAGAIN, submit(q, k + 1));
		for (k = 1; k <= entries[i]; k++) {
			ASSERT_EQ(0, vgpu_queue_dequeue(q, &c,
							VGPU_NO_WAIT));
			ASSERT_TRUE(is_command(&c, k));
		}
		EXPECT_EQ(-EAGAIN,
			  vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
		s = stats(q);
		EXPECT_EQ(entries[i], s.entries);
		EXPECT_EQ(entries[i] + 1, s.submitted);
		EXPECT_EQ(entries[i], s.max_depth);
		EXPECT_EQ(0, s.depth);
		EXPECT_EQ(2, s.overflows);
		vgpu_queue_unref(q);
	}
}

VGPU_TEST(states_decide_what_is_accepted)
{
	struct vgpu_command c;
	struct vgpu_queue *q = make(8);

	EXPECT_EQ(VGPU_QUEUE_IDLE, vgpu_queue_state(q));
	EXPECT_EQ(-ECANCELED, submit(q, 0));
	EXPECT_TRUE(says(q, "idle"));
	EXPECT_TRUE(says(q, "test: "));
	EXPECT_EQ(-EINVAL, vgpu_queue_pause(q));
	EXPECT_EQ(-EAGAIN, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));

	EXPECT_EQ(0, vgpu_queue_start(q));
	EXPECT_EQ(0, vgpu_queue_start(q));
	EXPECT_EQ(VGPU_QUEUE_RUNNING, vgpu_queue_state(q));
	EXPECT_EQ(0, submit(q, 1));
	EXPECT_EQ(0, submit(q, 2));
	EXPECT_EQ(0, submit(q, 3));

	EXPECT_EQ(0, vgpu_queue_pause(q));
	EXPECT_EQ(0, vgpu_queue_pause(q));
	EXPECT_EQ(VGPU_QUEUE_PAUSED, vgpu_queue_state(q));
	EXPECT_EQ(-ECANCELED, submit(q, 4));
	EXPECT_TRUE(says(q, "paused"));
	EXPECT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
	EXPECT_TRUE(is_command(&c, 1));

	EXPECT_EQ(0, vgpu_queue_start(q));
	EXPECT_EQ(0, submit(q, 5));
	EXPECT_EQ(-EINVAL, vgpu_queue_set_error(q, 0, "x"));
	EXPECT_EQ(-EINVAL, vgpu_queue_set_error(q, 5, "x"));
	EXPECT_EQ(VGPU_QUEUE_RUNNING, vgpu_queue_state(q));
	EXPECT_EQ(0, vgpu_queue_set_error(q, -EIO, "engine lost"));
	EXPECT_EQ(VGPU_QUEUE_ERROR, vgpu_queue_state(q));
	EXPECT_EQ(-EIO, submit(q, 6));
	EXPECT_TRUE(says(q, "engine lost"));
	EXPECT_EQ(-EIO, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
	EXPECT_EQ(-EIO, vgpu_queue_dequeue(q, &c, VGPU_FOREVER));
	EXPECT_EQ(-EIO, vgpu_queue_start(q));
	EXPECT_EQ(-EIO, vgpu_queue_pause(q));

	EXPECT_EQ(0, vgpu_queue_reset(q));
	EXPECT_EQ(VGPU_QUEUE_IDLE, vgpu_queue_state(q));
	EXPECT_EQ(3, stats(q).dropped);
	EXPECT_EQ(0, stats(q).depth);
	EXPECT_EQ(-ECANCELED, submit(q, 7));
	EXPECT_EQ(-EAGAIN, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
	EXPECT_EQ(0, vgpu_queue_start(q));
	EXPECT_EQ(0, submit(q, 8));
	EXPECT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_FOREVER));
	EXPECT_TRUE(is_command(&c, 8));

	EXPECT_STREQ("idle", vgpu_queue_state_name(VGPU_QUEUE_IDLE));
	EXPECT_STREQ("error", vgpu_queue_state_name(VGPU_QUEUE_ERROR));
	EXPECT_STREQ("unknown", vgpu_queue_state_name(77));
	vgpu_queue_unref(q);
}

VGPU_TEST(a_closed_queue_is_drained_and_then_ends)
{
	struct vgpu_command c[4];
	struct vgpu_queue *q = make_running(8);

	EXPECT_EQ(0, submit(q, 1));
	EXPECT_EQ(0, submit(q, 2));
	EXPECT_EQ(0, vgpu_queue_close(q));
	EXPECT_EQ(0, vgpu_queue_close(q));
	EXPECT_EQ(1, stats(q).closed);
	EXPECT_EQ(VGPU_QUEUE_RUNNING, vgpu_queue_state(q));
	EXPECT_EQ(-EPIPE, submit(q, 3));
	EXPECT_TRUE(says(q, "closed"));
	EXPECT_EQ(-EPIPE, vgpu_queue_start(q));
	EXPECT_EQ(-EPIPE, vgpu_queue_pause(q));
	EXPECT_EQ(-EPIPE, vgpu_queue_reset(q));
	EXPECT_EQ(-EPIPE, vgpu_queue_set_error(q, -EIO, NULL));
	EXPECT_EQ(2, vgpu_queue_dequeue_batch(q, c, 4, VGPU_FOREVER));
	EXPECT_EQ(-EPIPE, vgpu_queue_dequeue_batch(q, c, 4,
						   VGPU_FOREVER));
	EXPECT_EQ(-EPIPE, vgpu_queue_dequeue(q, c, VGPU_NO_WAIT));
	vgpu_queue_unref(q);
}

VGPU_TEST(malformed_commands_are_refused)
{
	struct vgpu_command c = command(1), batch[3];
	struct vgpu_queue *q = make_running(8);

	c.type = 0;
	EXPECT_EQ(-EINVAL, vgpu_queue_submit(q, &c));
	EXPECT_TRUE(says(q, "malformed"));
	c.type = VGPU_COMMAND_SIGNAL + 1;
	EXPECT_EQ(-EINVAL, vgpu_queue_submit(q, &c));
	c.type = 0xffffffff;
	EXPECT_EQ(-EINVAL, vgpu_queue_submit(q, &c));
	c = command(1);
	c.flags = 0x10000;
	EXPECT_EQ(-EINVAL, vgpu_queue_submit(q, &c));
	batch[0] = command(1);
	batch[1] = command(2);
	batch[2] = c;
	EXPECT_EQ(-EINVAL, vgpu_queue_submit_batch(q, batch, 3,
						   VGPU_QUEUE_PARTIAL));
	EXPECT_EQ(-EINVAL, vgpu_queue_submit_batch(q, batch, 2, 7));
	EXPECT_EQ(-EINVAL, vgpu_queue_dequeue_batch(q, batch, 0,
						    VGPU_NO_WAIT));
	EXPECT_EQ(0, stats(q).submitted);
	vgpu_queue_unref(q);
}

VGPU_TEST(batches_are_all_or_as_many_as_fit)
{
	struct vgpu_command in[20], out[20];
	struct vgpu_queue *q = make_running(10);
	unsigned int i;

	for (i = 0; i < 20; i++)
		in[i] = command(i);
	EXPECT_EQ(0, vgpu_queue_submit_batch(q, in, 0, VGPU_QUEUE_ALL));
	EXPECT_EQ(-EINVAL, vgpu_queue_submit_batch(q, in, 11, VGPU_QUEUE_ALL));
	EXPECT_TRUE(says(q, "more commands than entries"));
	/* None of them is looked at, whatever the count is. */
	EXPECT_EQ(-EINVAL, vgpu_queue_submit_batch(q, in, UINT32_MAX,
						   VGPU_QUEUE_ALL));
	EXPECT_TRUE(says(q, "more commands than entries"));
	EXPECT_EQ(7, vgpu_queue_submit_batch(q, in, 7, VGPU_QUEUE_ALL));
	EXPECT_EQ(-EAGAIN, vgpu_queue_submit_batch(q, in, 4, VGPU_QUEUE_ALL));
	EXPECT_EQ(3, vgpu_queue_submit_batch(q, in + 7, 13,
					     VGPU_QUEUE_PARTIAL));
	EXPECT_EQ(-EAGAIN, vgpu_queue_submit_batch(q, in, 1,
						   VGPU_QUEUE_PARTIAL));
	EXPECT_EQ(2, stats(q).overflows);
	EXPECT_EQ(10, stats(q).max_depth);
	EXPECT_EQ(4, vgpu_queue_dequeue_batch(q, out, 4, VGPU_NO_WAIT));
	EXPECT_EQ(6, vgpu_queue_dequeue_batch(q, out + 4, UINT32_MAX,
					      VGPU_NO_WAIT));
	for (i = 0; i < 10; i++)
		EXPECT_TRUE(is_command(&out[i], i));
	EXPECT_EQ(-EAGAIN, vgpu_queue_dequeue_batch(q, out, 4,
						    VGPU_NO_WAIT));
	vgpu_queue_unref(q);
}

VGPU_TEST(the_maximum_depth_is_exact)
{
	struct vgpu_command c;
	struct vgpu_queue *q = make_running(64);
	unsigned int i, k;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, submit(q, i));
		ASSERT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
	}
	EXPECT_EQ(1, stats(q).max_depth);
	for (k = 2; k < 9; k++) {
		for (i = 0; i < k; i++)
			ASSERT_EQ(0, submit(q, i));
		EXPECT_EQ(k, stats(q).max_depth);
		EXPECT_EQ(k, stats(q).depth);
		for (i = 0; i < k; i++)
			ASSERT_EQ(0, vgpu_queue_dequeue(q, &c,
							VGPU_NO_WAIT));
	}
	EXPECT_EQ(8, stats(q).max_depth);
	vgpu_queue_unref(q);
}

VGPU_TEST(deadlines_end_waiting)
{
	struct vgpu_command c;
	struct vgpu_queue *q = make_running(8);
	uint64_t start = now_ns();

	EXPECT_EQ(-ETIMEDOUT, vgpu_queue_dequeue(q, &c, 1));
	EXPECT_EQ(-ETIMEDOUT, vgpu_queue_dequeue(q, &c, start + 20000000));
	EXPECT_GE(now_ns(), start + 20000000);
	EXPECT_LT(now_ns(), start + 20000000000);
	EXPECT_EQ(0, submit(q, 1));
	EXPECT_EQ(0, vgpu_queue_dequeue(q, &c, 1));
	EXPECT_TRUE(is_command(&c, 1));
	vgpu_queue_unref(q);
}

struct handled {
	struct vgpu_queue *q;
	uint64_t next, wrong;
	uint64_t fail_every;
	uint64_t error_at;
};

static int handle(const struct vgpu_command *cmd, void *ctx)
{
	struct handled *h = ctx;

	if (!is_command(cmd, h->next))
		h->wrong++;
	h->next++;
	if (h->error_at && h->next == h->error_at)
		vgpu_queue_set_error(h->q, -EIO, "handler");
	return h->fail_every && h->next % h->fail_every == 0 ? -EINVAL : 0;
}

VGPU_TEST(process_counts_what_the_handler_says)
{
	struct handled h = { .fail_every = 10 };
	struct vgpu_queue *q = make_running(128);
	struct vgpu_queue_stats s;
	unsigned int i;

	h.q = q;
	EXPECT_EQ(-EINVAL, vgpu_queue_process(q, NULL, NULL, 1));
	EXPECT_EQ(0, vgpu_queue_process(q, handle, &h, 10));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, submit(q, i));
	EXPECT_EQ(0, vgpu_queue_process(q, handle, &h, 0));
	EXPECT_EQ(5, vgpu_queue_process(q, handle, &h, 5));
	EXPECT_EQ(0, vgpu_queue_pause(q));
	EXPECT_EQ(40, vgpu_queue_process(q, handle, &h, 40));
	EXPECT_EQ(55, vgpu_queue_process(q, handle, &h, UINT32_MAX));
	EXPECT_EQ(0, h.wrong);
	s = stats(q);
	EXPECT_EQ(100, s.submitted);
	EXPECT_EQ(90, s.completed);
	EXPECT_EQ(10, s.failed);
	EXPECT_EQ(0, s.dropped);
	EXPECT_GE(s.waits, 100 / VGPU_QUEUE_SAMPLE);
	EXPECT_LE(s.waits, 100 / VGPU_QUEUE_SAMPLE + 1);
	EXPECT_GT(s.wait_ns, 0);
	EXPECT_EQ(s.wait_ns / s.waits, s.avg_wait_ns);

	/* An error stops it; what it had taken is dropped. */
	EXPECT_EQ(0, vgpu_queue_start(q));
	for (i = 100; i < 140; i++)
		ASSERT_EQ(0, submit(q, i));
	h.error_at = 103;
	EXPECT_EQ(3, vgpu_queue_process(q, handle, &h, UINT32_MAX));
	EXPECT_EQ(-EIO, vgpu_queue_process(q, handle, &h, UINT32_MAX));
	EXPECT_EQ(0, vgpu_queue_reset(q));
	s = stats(q);
	EXPECT_EQ(140, s.submitted);
	EXPECT_EQ(140, s.completed + s.failed + s.dropped);
	EXPECT_EQ(37, s.dropped);
	EXPECT_EQ(0, vgpu_queue_close(q));
	EXPECT_EQ(-EPIPE, vgpu_queue_process(q, handle, &h, 1));
	vgpu_queue_unref(q);
}

VGPU_TEST(stamps_are_taken_as_documented)
{
	struct vgpu_command in[8], c;
	struct vgpu_queue *q = make_running(64);
	uint64_t before = now_ns(), shared;
	unsigned int i, stamped = 0;

	/* The first one, and then one in VGPU_QUEUE_SAMPLE. */
	for (i = 0; i < 2 * VGPU_QUEUE_SAMPLE; i++) {
		ASSERT_EQ(0, submit(q, i));
		ASSERT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
		if (!i)
			EXPECT_NE(0, c.submit_ns);
		if (c.submit_ns) {
			stamped++;
			EXPECT_GE(c.submit_ns, before);
			EXPECT_LE(c.submit_ns, now_ns());
			EXPECT_LT(vgpu_queue_wait_ns(&c), 60000000000);
		} else {
			EXPECT_EQ(VGPU_QUEUE_WAIT_UNKNOWN,
				  vgpu_queue_wait_ns(&c));
		}
	}
	EXPECT_EQ(2, stamped);

	/* A batch once; a stamp of the caller's is kept. */
	for (i = 0; i < 8; i++)
		in[i] = command(i);
	in[3].submit_ns = 12345;
	ASSERT_EQ(8, vgpu_queue_submit_batch(q, in, 8, VGPU_QUEUE_ALL));
	ASSERT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
	shared = c.submit_ns;
	EXPECT_NE(0, shared);
	for (i = 1; i < 8; i++) {
		ASSERT_EQ(0, vgpu_queue_dequeue(q, &c, VGPU_NO_WAIT));
		EXPECT_EQ(i == 3 ? 12345 : shared, c.submit_ns);
	}
	vgpu_queue_unref(q);
}

VGPU_TEST(statistics_add_up)
{
	struct vgpu_queue_stats s, big[2];
	struct vgpu_queue *q = make(8);
	char text[4096], small[16];
	int len;

	vgpu_queue_mark_completed(q, 0);
	vgpu_queue_mark_completed(q, 1);
	vgpu_queue_mark_completed(q, 1000);
	vgpu_queue_mark_completed(q, 1023);
	vgpu_queue_mark_completed(q, 1024);
	vgpu_queue_mark_completed(q, VGPU_QUEUE_WAIT_UNKNOWN);
	vgpu_queue_mark_failed(q, 1ull << 60);
	s = stats(q);
	EXPECT_EQ(6, s.completed);
	EXPECT_EQ(1, s.failed);
	EXPECT_EQ(6, s.waits);
	EXPECT_EQ(2, s.histogram[0]);
	EXPECT_EQ(2, s.histogram[9]);
	EXPECT_EQ(1, s.histogram[10]);
	EXPECT_EQ(1, s.histogram[VGPU_QUEUE_BUCKETS - 1]);
	EXPECT_EQ(((1ull << 60) + 3048) / 6, s.avg_wait_ns);
	EXPECT_EQ(s.avg_wait_ns / 1000, s.avg_wait_us);

	len = vgpu_queue_stats_text(q, text, sizeof(text));
	EXPECT_EQ(strlen(text), len);
	EXPECT_NE(NULL, strstr(text, "completed:    6\n"));
	EXPECT_NE(NULL, strstr(text, "failed:       1\n"));
	EXPECT_NE(NULL, strstr(text, "state:        idle\n"));
	EXPECT_EQ(len, vgpu_queue_stats_text(q, small, sizeof(small)));
	EXPECT_EQ(15, strlen(small));
	EXPECT_EQ(0, strncmp(text, small, 15));
	EXPECT_EQ(len, vgpu_queue_stats_text(q, NULL, 0));

	/* A caller that is older or newer than the library. */
	s.size = offsetof(struct vgpu_queue_stats, failed);
	s.failed = 99;
	EXPECT_EQ(0, vgpu_queue_get_stats(q, &s));
	EXPECT_EQ(6, s.completed);
	EXPECT_EQ(99, s.failed);
	s.size = 0;
	EXPECT_EQ(-EINVAL, vgpu_queue_get_stats(q, &s));
	memset(big, 0xff, sizeof(big));
	big[0].size = sizeof(big);
	EXPECT_EQ(0, vgpu_queue_get_stats(q, big));
	EXPECT_EQ(6, big[0].completed);
	EXPECT_EQ(0, big[1].completed);
	vgpu_queue_unref(q);
}

VGPU_TEST(references_keep_it)
{
	struct vgpu_queue *q = make_running(8);

	EXPECT_EQ(q, vgpu_queue_ref(q));
	vgpu_queue_unref(q);
	EXPECT_EQ(0, submit(q, 1));
	vgpu_queue_unref(q);
}

TEST_HARNESS_MAIN
