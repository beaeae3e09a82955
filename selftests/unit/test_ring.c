// SPDX-License-Identifier: MIT
/*
 * The user ring's helpers, one thread: protocol, marks, room, and a device
 * side that meets garbage in every word of the ring.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "ring_many.h"
#include "vgpu_ring.h"
#include "vgpu_test.h"

#define SQ	64u
#define CQ	128u
#define BYTES	VGPU_RING_BYTES(SQ, CQ)

/* A ring of exactly three pages, with a page on each side that faults. */
static void *map_guarded(void)
{
	char *p = mmap(NULL, BYTES + 8192, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + 4096, BYTES, PROT_READ | PROT_WRITE))
		abort();
	return p + 4096;
}

static void unmap_guarded(void *mem)
{
	munmap((char *)mem - 4096, BYTES + 8192);
}

struct sides {
	struct vgpu_ring ring;
	struct vgpu_ring_consumer dev;
	struct vgpu_ring_reaper prog;
};

static void setup(struct sides *s)
{
	vgpu_ring_attach(&s->ring, map_guarded(), SQ, CQ);
	vgpu_ring_format(&s->ring);
	vgpu_ring_consumer_init(&s->dev, &s->ring);
	vgpu_ring_reaper_init(&s->prog, &s->ring);
}

static void teardown(struct sides *s)
{
	unmap_guarded(s->ring.hdr);
}

static struct vgpu_cmd command(__u64 n)
{
	struct vgpu_cmd c = {
		.opcode = 7,
		.flags = 3,
		.seq = 0xdeadbeef,
		.user_data = n,
		.op = { n + 1, n + 2, n + 3, n + 4, n + 5, n + 6 },
	};

	return c;
}

static bool is_command(const struct vgpu_cmd *c, __u64 n)
{
	return c->opcode == 7 && c->flags == 3 && c->user_data == n &&
	       c->op[0] == n + 1 && c->op[5] == n + 6;
}

static bool submit(struct sides *s, __u64 n)
{
	struct vgpu_cmd c = command(n);
	bool doorbell;

	if (!vgpu_ring_submit(&s->ring, &c, 1, 1, &doorbell))
		abort();
	return doorbell;
}

static bool complete(struct sides *s, __u64 n)
{
	struct vgpu_completion c = {
		.user_data = n,
		.status = -5,
		.seq = 0xdeadbeef,
		.end_ns = n * 3,
		.wait = 4,
		.run = 5,
	};

	return vgpu_ring_complete(&s->dev, &c);
}

VGPU_TEST(entries_are_powers_of_two_in_range)
{
	EXPECT_FALSE(vgpu_ring_entries_valid(0));
	EXPECT_FALSE(vgpu_ring_entries_valid(4));
	EXPECT_TRUE(vgpu_ring_entries_valid(8));
	EXPECT_FALSE(vgpu_ring_entries_valid(12));
	EXPECT_TRUE(vgpu_ring_entries_valid(65536));
	EXPECT_FALSE(vgpu_ring_entries_valid(131072));
	EXPECT_FALSE(vgpu_ring_entries_valid(1ull << 40));
}

VGPU_TEST(commands_come_out_as_they_went_in)
{
	struct vgpu_cmd in[SQ], out[SQ];
	__u64 next = 0, expect = 0;
	unsigned int round, i, n, got;
	struct sides s;
	bool doorbell;

	setup(&s);
	for (round = 0; round < 500; round++) {
		n = round % SQ + 1;
		for (i = 0; i < n; i++)
			in[i] = command(next + i);
		got = round & 1 ?
			      vgpu_ring_submit(&s.ring, in, n, n, &doorbell) :
			      vgpu_ring_submit_single(&s.ring, in, n, n,
						      &doorbell);
		ASSERT_EQ(n, got);
		ASSERT_FALSE(doorbell);
		next += n;
		while (expect < next) {
			n = vgpu_ring_consume(&s.dev, out, 1 + expect % 9);
			ASSERT_GT(n, 0);
			for (i = 0; i < n; i++)
				ASSERT_TRUE(is_command(&out[i], expect + i));
			expect += n;
		}
		ASSERT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
	}
	teardown(&s);
}

VGPU_TEST(a_full_ring_takes_all_or_as_many_as_fit)
{
	struct vgpu_cmd in[SQ], out[SQ];
	struct sides s;
	bool doorbell;
	__u64 pos;

	setup(&s);
	memset(in, 0, sizeof(in));
	EXPECT_EQ(0, vgpu_ring_reserve(&s.ring, SQ + 1, SQ + 1, &pos));
	EXPECT_EQ(60, vgpu_ring_submit(&s.ring, in, 60, 60, &doorbell));
	EXPECT_EQ(0, vgpu_ring_submit(&s.ring, in, 5, 5, &doorbell));
	EXPECT_EQ(0, vgpu_ring_submit_single(&s.ring, in, 5, 5, &doorbell));
	EXPECT_EQ(4, vgpu_ring_submit(&s.ring, in, 1, 5, &doorbell));
	EXPECT_EQ(0, vgpu_ring_submit(&s.ring, in, 1, 1, &doorbell));
	EXPECT_EQ(0, vgpu_ring_submit(&s.ring, in, 0, 0, &doorbell));

	/* The head is published when a quarter was consumed, or at the end. */
	EXPECT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
	EXPECT_EQ(0, vgpu_ring_submit(&s.ring, in, 1, 1, &doorbell));
	EXPECT_EQ(15, vgpu_ring_consume(&s.dev, out, 15));
	EXPECT_EQ(16, vgpu_ring_submit(&s.ring, in, 1, 20, &doorbell));
	EXPECT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
	vgpu_ring_publish_head(&s.dev);
	EXPECT_EQ(1, vgpu_ring_submit(&s.ring, in, 1, 20, &doorbell));
	EXPECT_EQ(64, vgpu_ring_consume(&s.dev, out, 64));
	EXPECT_EQ(64, vgpu_ring_submit_single(&s.ring, in, 64, 64, &doorbell));
	teardown(&s);
}

VGPU_TEST(a_reserved_entry_hides_what_follows_and_blocks_no_producer)
{
	struct vgpu_cmd c = command(1000), out[SQ];
	struct sides s;
	__u64 pos;
	unsigned int i;

	setup(&s);
	ASSERT_EQ(1, vgpu_ring_reserve(&s.ring, 1, 1, &pos));
	for (i = 0; i < SQ - 1; i++)
		submit(&s, i);
	EXPECT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
	vgpu_ring_fill(vgpu_ring_slot(&s.ring, pos), &c);
	EXPECT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
	EXPECT_FALSE(vgpu_ring_commit(&s.ring, pos, 1));
	ASSERT_EQ(SQ, vgpu_ring_consume(&s.dev, out, SQ));
	EXPECT_TRUE(is_command(&out[0], 1000));
	for (i = 1; i < SQ; i++)
		EXPECT_TRUE(is_command(&out[i], i - 1));
	teardown(&s);
}

VGPU_TEST(a_batch_is_published_by_its_first_entry)
{
	struct vgpu_cmd c = command(5), out[SQ];
	struct sides s;
	__u64 pos;
	unsigned int i;

	setup(&s);
	ASSERT_EQ(4, vgpu_ring_reserve(&s.ring, 4, 4, &pos));
	for (i = 0; i < 4; i++)
		vgpu_ring_fill(vgpu_ring_slot(&s.ring, pos + i), &c);
	vgpu_ring_commit_rest(&s.ring, pos, 4);
	EXPECT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
	EXPECT_FALSE(vgpu_ring_commit_first(&s.ring, pos));
	EXPECT_EQ(4, vgpu_ring_consume(&s.dev, out, SQ));
	teardown(&s);
}

VGPU_TEST(a_sleeper_gets_one_doorbell)
{
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;

	setup(&s);
	for (i = 0; i < 3 * SQ; i++) {
		ASSERT_TRUE(vgpu_ring_prepare_sleep(&s.dev));
		ASSERT_TRUE(vgpu_ring_prepare_sleep(&s.dev));
		ASSERT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
		ASSERT_TRUE(submit(&s, i));
		ASSERT_FALSE(submit(&s, i + 1));
		ASSERT_FALSE(vgpu_ring_prepare_sleep(&s.dev));
		ASSERT_EQ(2, vgpu_ring_consume(&s.dev, out, SQ));
		ASSERT_TRUE(is_command(&out[0], i));
		ASSERT_TRUE(is_command(&out[1], i + 1));
	}
	teardown(&s);
}

VGPU_TEST(a_mark_put_while_a_slot_is_written_survives)
{
	struct vgpu_cmd c = command(5), out[SQ];
	struct sides s;
	__u64 pos;

	setup(&s);
	ASSERT_EQ(2, vgpu_ring_reserve(&s.ring, 2, 2, &pos));
	ASSERT_TRUE(vgpu_ring_prepare_sleep(&s.dev));
	vgpu_ring_fill(vgpu_ring_slot(&s.ring, pos), &c);
	vgpu_ring_fill(vgpu_ring_slot(&s.ring, pos + 1), &c);
	EXPECT_TRUE(vgpu_ring_commit(&s.ring, pos, 2));
	EXPECT_EQ(2, vgpu_ring_consume(&s.dev, out, SQ));

	/* Somebody else's later entry rings nothing; the one waited for does. */
	ASSERT_EQ(1, vgpu_ring_reserve(&s.ring, 1, 1, &pos));
	ASSERT_TRUE(vgpu_ring_prepare_sleep(&s.dev));
	EXPECT_FALSE(submit(&s, 9));
	vgpu_ring_fill(vgpu_ring_slot(&s.ring, pos), &c);
	EXPECT_TRUE(vgpu_ring_commit(&s.ring, pos, 1));
	EXPECT_EQ(2, vgpu_ring_consume(&s.dev, out, SQ));
	teardown(&s);
}

VGPU_TEST(the_head_is_published_before_sleep)
{
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;
	__u64 pos;

	setup(&s);
	for (i = 0; i < 5; i++)
		submit(&s, i);
	ASSERT_EQ(5, vgpu_ring_consume(&s.dev, out, 5));
	EXPECT_EQ(0, vgpu_ring_reserve(&s.ring, SQ, SQ, &pos));
	ASSERT_TRUE(vgpu_ring_prepare_sleep(&s.dev));
	EXPECT_EQ(SQ, vgpu_ring_reserve(&s.ring, SQ, SQ, &pos));
	teardown(&s);
}

VGPU_TEST(one_of_many_marks_the_head_s_slot_only)
{
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;
	__u64 pos;

	setup(&s);
	EXPECT_TRUE(vgpu_ring_many_mark(&s.ring, SQ));
	EXPECT_TRUE(vgpu_ring_many_mark(&s.ring, SQ));
	EXPECT_TRUE(submit(&s, 0));
	EXPECT_FALSE(vgpu_ring_many_mark(&s.ring, SQ));
	ASSERT_EQ(1, vgpu_ring_take(&s.ring, out, SQ, &pos));
	EXPECT_EQ(SQ, pos);
	EXPECT_FALSE(vgpu_ring_many_mark(&s.ring, SQ));

	/* A lap later position SQ is long gone: what is there stays there. */
	for (i = 1; i <= SQ; i++)
		ASSERT_FALSE(submit(&s, i));
	EXPECT_FALSE(vgpu_ring_many_mark(&s.ring, SQ));
	ASSERT_EQ(SQ, vgpu_ring_take(&s.ring, out, SQ, &pos));
	EXPECT_TRUE(is_command(&out[SQ - 1], SQ));
	EXPECT_EQ(0, vgpu_ring_take(&s.ring, out, SQ, &pos));
	EXPECT_EQ(2 * SQ + 1, pos);
	EXPECT_TRUE(vgpu_ring_many_mark(&s.ring, pos));
	EXPECT_TRUE(submit(&s, 0));
	teardown(&s);
}

VGPU_TEST(sequence_numbers_wrap)
{
	__u64 start = 0x80000000ull - 2 * SQ, pos;
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;

	setup(&s);
	for (pos = start; pos < start + SQ; pos++)
		vgpu_ring_slot(&s.ring, pos)->seq = vgpu_ring_seq(pos - SQ);
	s.ring.hdr->sq_tail = start;
	s.ring.hdr->sq_head = start;
	s.ring.hdr->sq_head_seen = start;
	s.dev.sq_head = start;
	s.dev.sq_published = start;
	for (i = 0; i < 6 * SQ; i++) {
		ASSERT_EQ(0, vgpu_ring_consume(&s.dev, out, SQ));
		ASSERT_TRUE(!(i & 1) || vgpu_ring_prepare_sleep(&s.dev));
		ASSERT_EQ(i & 1, submit(&s, i));
		ASSERT_EQ(1, vgpu_ring_consume(&s.dev, out, SQ));
		ASSERT_TRUE(is_command(out, i));
	}
	teardown(&s);
}

VGPU_TEST(completions_have_room_or_stall_the_device)
{
	struct vgpu_completion done[CQ];
	struct vgpu_cmd out[SQ];
	unsigned int i, round;
	struct sides s;

	setup(&s);
	EXPECT_EQ(0, vgpu_ring_mark_stalled(&s.dev));
	for (round = 0; round < 5; round++) {
		/* Twice the submission ring fills the completion ring. */
		for (i = 0; i < CQ; i++) {
			ASSERT_EQ(CQ - i < 3 ? CQ - i : 3,
				  vgpu_ring_cq_room(&s.dev, 3));
			submit(&s, i);
			ASSERT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
			if (i & 1) {
				ASSERT_FALSE(complete(&s, i - 1));
				ASSERT_FALSE(complete(&s, i));
			}
		}
		ASSERT_EQ(0, vgpu_ring_cq_room(&s.dev, 1));
		ASSERT_EQ(1, vgpu_ring_mark_stalled(&s.dev));
		ASSERT_EQ(1, vgpu_ring_mark_stalled(&s.dev));
		ASSERT_EQ(0, vgpu_ring_cq_room(&s.dev, 1));
		ASSERT_EQ(5, vgpu_ring_reap(&s.prog, done, 5));
		for (i = 0; i < 5; i++) {
			ASSERT_EQ(i, done[i].user_data);
			ASSERT_EQ(-5, done[i].status);
			ASSERT_EQ(3 * i, done[i].end_ns);
			ASSERT_EQ(4, done[i].wait);
			ASSERT_EQ(5, done[i].run);
		}
		ASSERT_EQ(0, vgpu_ring_cq_room(&s.dev, 1));
		ASSERT_TRUE(vgpu_ring_reap_release(&s.prog));
		ASSERT_FALSE(vgpu_ring_reap_release(&s.prog));
		ASSERT_EQ(5, vgpu_ring_cq_room(&s.dev, 10));
		ASSERT_EQ(0, vgpu_ring_mark_stalled(&s.dev));
		ASSERT_EQ(CQ - 5, vgpu_ring_reap(&s.prog, done, CQ));
		ASSERT_FALSE(vgpu_ring_reap_release(&s.prog));
		ASSERT_EQ(CQ, vgpu_ring_cq_room(&s.dev, 1000));
	}
	teardown(&s);
}

VGPU_TEST(commands_in_flight_hold_room)
{
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;

	setup(&s);
	for (i = 0; i < CQ; i++) {
		submit(&s, i);
		ASSERT_EQ(1, vgpu_ring_cq_room(&s.dev, 1));
		ASSERT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
	}
	EXPECT_EQ(0, vgpu_ring_cq_room(&s.dev, 1));
	EXPECT_EQ(1, vgpu_ring_mark_stalled(&s.dev));
	teardown(&s);
}

VGPU_TEST(a_waiter_gets_one_interrupt)
{
	struct vgpu_completion done[CQ];
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;

	setup(&s);
	for (i = 0; i < 3 * CQ; i++) {
		submit(&s, i);
		ASSERT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
		if (i & 1) {
			ASSERT_TRUE(vgpu_ring_prepare_wait(&s.prog));
			ASSERT_TRUE(vgpu_ring_prepare_wait(&s.prog));
		}
		ASSERT_EQ(i & 1, complete(&s, i));
		ASSERT_FALSE(vgpu_ring_prepare_wait(&s.prog));
		ASSERT_EQ(1, vgpu_ring_reap(&s.prog, done, CQ));
		ASSERT_EQ(i, done[0].user_data);
		vgpu_ring_reap_release(&s.prog);
	}
	teardown(&s);
}

VGPU_TEST(a_completion_head_out_of_range_is_an_error)
{
	struct vgpu_completion done[CQ];
	struct vgpu_cmd out[SQ];
	struct sides s;
	unsigned int i;
	__u64 good;

	setup(&s);
	for (i = 0; i < 40; i++) {
		submit(&s, i);
		ASSERT_EQ(1, vgpu_ring_consume(&s.dev, out, 1));
		complete(&s, i);
	}
	ASSERT_EQ(20, vgpu_ring_reap(&s.prog, done, 20));
	vgpu_ring_reap_release(&s.prog);
	good = s.ring.hdr->cq_head;
	ASSERT_EQ(CQ - 20, vgpu_ring_cq_room(&s.dev, CQ));

	const __u64 bad[] = {
		0, 1, good - 1, good - CQ, good + 21, good + CQ, good << 32,
		1ull << 62, VGPU_RING_CQ_STALLED - 1, VGPU_RING_CQ_STALLED,
		~0ull, VGPU_RING_CQ_STALLED | (good - 1),
		VGPU_RING_CQ_STALLED | (good + 21),
	};

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		s.ring.hdr->cq_head = bad[i];
		EXPECT_EQ(-EINVAL, vgpu_ring_cq_room(&s.dev, CQ + 1));
		EXPECT_EQ(-EINVAL, vgpu_ring_mark_stalled(&s.dev));
		EXPECT_EQ(bad[i], s.ring.hdr->cq_head);
	}
	s.ring.hdr->cq_head = good + 20;
	EXPECT_EQ(CQ, vgpu_ring_cq_room(&s.dev, CQ + 1));
	s.ring.hdr->cq_head = good;
	EXPECT_EQ(-EINVAL, vgpu_ring_cq_room(&s.dev, CQ + 1));
	teardown(&s);
}

/* One turn of a device, whatever the ring says; false if it broke a rule. */
static bool device_turn(struct sides *s)
{
	struct vgpu_cmd out[16];
	__u64 before = s->dev.sq_head;
	__u32 n, i;
	int room;

	room = vgpu_ring_cq_room(&s->dev, 16);
	if (room < 0)
		return room == -EINVAL;
	if (room > 16)
		return false;
	n = vgpu_ring_consume(&s->dev, out, room);
	if (n > (__u32)room || s->dev.sq_head != before + n)
		return false;
	for (i = 0; i < n; i++)
		complete(s, out[i].user_data);
	if (vgpu_ring_cq_free(&s->dev) > CQ)
		return false;
	vgpu_ring_prepare_sleep(&s->dev);
	room = vgpu_ring_mark_stalled(&s->dev);
	return room == 0 || room == 1 || room == -EINVAL;
}

VGPU_TEST(garbage_in_every_word_keeps_the_device_inside)
{
	static const __u32 garbage[] = {
		0, 1, SQ, CQ, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff,
		0xdeadbeef, 0x00001000,
	};
	unsigned int word, i, k;
	struct sides s;
	__u32 *ring;

	setup(&s);
	ring = (__u32 *)s.ring.hdr;
	for (word = 0; word < BYTES / 4; word++) {
		for (i = 0; i < ARRAY_SIZE(garbage); i++) {
			vgpu_ring_format(&s.ring);
			vgpu_ring_consumer_init(&s.dev, &s.ring);
			for (k = 0; k < 5; k++)
				submit(&s, k);
			ring[word] = garbage[i];
			ASSERT_TRUE(device_turn(&s));
			ring[word] ^= garbage[(i + 3) % ARRAY_SIZE(garbage)];
			ASSERT_TRUE(device_turn(&s));
		}
	}
	teardown(&s);
}

VGPU_TEST(a_ring_that_claims_everything_is_published_ends)
{
	struct vgpu_cmd out[16];
	unsigned int i, turn;
	struct sides s;

	/* Every slot says what the device wants to see, whenever it looks. */
	setup(&s);
	for (turn = 0; turn < 1000; turn++) {
		for (i = 0; i < SQ; i++)
			vgpu_ring_slot(&s.ring, s.dev.sq_head + i)->seq =
				vgpu_ring_seq(s.dev.sq_head + i);
		ASSERT_EQ(16, vgpu_ring_consume(&s.dev, out, 16));
		for (i = 0; i < 16; i++)
			complete(&s, i);
	}
	teardown(&s);
}

struct scribbler {
	__u32 *ring;
	int stop;
};

static void *scribble(void *p)
{
	struct scribbler *s = p;
	__u64 x = 88172645463325252ull;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Small numbers are the ones that might be believed. */
		__atomic_store_n(&s->ring[(x >> 32) % (BYTES / 4)],
				 x & 1 ? (__u32)x : (__u32)x % 512,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

VGPU_TEST(a_program_that_scribbles_meanwhile_keeps_the_device_inside)
{
	struct scribbler scribbler;
	unsigned int i, errors = 0;
	pthread_t thread;
	struct sides s;

	setup(&s);
	scribbler.ring = (__u32 *)s.ring.hdr;
	scribbler.stop = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &scribbler));
	for (i = 0; i < 100000 * vgpu_test_scale(); i++) {
		if (!device_turn(&s))
			errors++;
		/* As after the error state and a reset. */
		if (i % 64 == 0)
			vgpu_ring_consumer_init(&s.dev, &s.ring);
	}
	__atomic_store_n(&scribbler.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, errors);
	teardown(&s);
}

TEST_HARNESS_MAIN
