// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The ring's helpers with the kernel's primitives: alone, and with a thread on
 * each side that sleep and wake up by the marks only.
 */
#include <linux/completion.h>
#include "vgpu_ring.h"
#include "vgpu_kunit.h"

struct one {
	struct vgpu_ring ring;
	struct vgpu_ring_consumer consumer;
	struct vgpu_ring_reaper reaper;
};

/* Ring memory of exactly its size: KASAN has an eye on what is behind it. */
static void open_ring(struct kunit *test, struct one *o, u32 sq, u32 cq)
{
	void *mem = vgpu_kunit_vzalloc(test, VGPU_RING_BYTES(sq, cq));

	vgpu_ring_attach(&o->ring, mem, sq, cq);
	vgpu_ring_format(&o->ring);
	vgpu_ring_consumer_init(&o->consumer, &o->ring);
	vgpu_ring_reaper_init(&o->reaper, &o->ring);
}

static struct one *new_ring(struct kunit *test, u32 sq, u32 cq)
{
	struct one *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	VGPU_OK(test, o);
	open_ring(test, o, sq, cq);
	return o;
}

static void send(struct kunit *test, struct one *o, u64 data)
{
	struct vgpu_cmd cmd = { .user_data = data };
	bool doorbell;

	VGPU_EQ(test, 1, vgpu_ring_submit(&o->ring, &cmd, 1, 1, &doorbell));
	VGPU_OK(test, !doorbell);
}

static void take(struct kunit *test, struct one *o, u64 data)
{
	struct vgpu_cmd cmd;

	VGPU_EQ(test, 1, vgpu_ring_consume(&o->consumer, &cmd, 1));
	VGPU_EQ(test, data, cmd.user_data);
}

static void reserve_commit(struct kunit *test)
{
	struct one *o = new_ring(test, 8, 8);
	struct vgpu_cmd cmd = { .opcode = 3, .user_data = 7 };
	u64 a, b, c;

	VGPU_EQ(test, 3, vgpu_ring_reserve(&o->ring, 3, 3, &a));
	VGPU_EQ(test, 8, a);
	/* The rest; and all or nothing. */
	VGPU_EQ(test, 0, vgpu_ring_reserve(&o->ring, 6, 6, &b));
	VGPU_EQ(test, 5, vgpu_ring_reserve(&o->ring, 1, 6, &b));
	VGPU_EQ(test, 11, b);
	VGPU_EQ(test, 0, vgpu_ring_reserve(&o->ring, 1, 1, &c));

	/* The second is not there before the first. */
	for (c = 8; c < 16; c++)
		vgpu_ring_fill(vgpu_ring_slot(&o->ring, c), &cmd);
	VGPU_OK(test, !vgpu_ring_commit(&o->ring, b, 5));
	VGPU_EQ(test, 0, vgpu_ring_consume(&o->consumer, &cmd, 1));
	VGPU_OK(test, !vgpu_ring_commit(&o->ring, a, 3));
	for (c = 0; c < 8; c++)
		take(test, o, 7);
	VGPU_EQ(test, 0, vgpu_ring_consume(&o->consumer, &cmd, 1));
	VGPU_EQ(test, 8, vgpu_ring_reserve_single(&o->ring, 8, 8, &a));
	VGPU_EQ(test, 16, a);
}

/* A mark comes back from exactly the call that ends the wait for it. */
static void marks(struct kunit *test)
{
	struct one *o = new_ring(test, 8, 8);
	struct vgpu_completion done = { .user_data = 9 };
	struct vgpu_cmd cmd = { .user_data = 1 };
	bool doorbell;

	VGPU_OK(test, vgpu_ring_prepare_sleep(&o->consumer));
	VGPU_OK(test, vgpu_ring_prepare_sleep(&o->consumer));
	VGPU_EQ(test, 1, vgpu_ring_submit(&o->ring, &cmd, 1, 1, &doorbell));
	VGPU_OK(test, doorbell);
	VGPU_OK(test, !vgpu_ring_prepare_sleep(&o->consumer));
	send(test, o, 2);
	take(test, o, 1);
	take(test, o, 2);

	VGPU_OK(test, vgpu_ring_prepare_wait(&o->reaper));
	VGPU_OK(test, vgpu_ring_complete(&o->consumer, &done));
	VGPU_OK(test, !vgpu_ring_prepare_wait(&o->reaper));
	VGPU_OK(test, !vgpu_ring_complete(&o->consumer, &done));
	VGPU_EQ(test, 1, vgpu_ring_reap(&o->reaper, &done, 1));
	VGPU_EQ(test, 9, done.user_data);
	VGPU_OK(test, !vgpu_ring_reap_release(&o->reaper));
}

static void no_room(struct kunit *test)
{
	struct one *o = new_ring(test, 16, 8);
	struct vgpu_completion done = { 0 };
	u32 i;

	for (i = 0; i < 10; i++)
		send(test, o, i);
	VGPU_EQ(test, 8, vgpu_ring_cq_room(&o->consumer, 16));
	for (i = 0; i < 8; i++)
		take(test, o, i);
	VGPU_EQ(test, 0, vgpu_ring_cq_room(&o->consumer, 16));
	VGPU_EQ(test, 1, vgpu_ring_mark_stalled(&o->consumer));
	for (i = 0; i < 8; i++)
		VGPU_OK(test, !vgpu_ring_complete(&o->consumer, &done));
	VGPU_EQ(test, 0, vgpu_ring_cq_room(&o->consumer, 16));
	VGPU_EQ(test, 1, vgpu_ring_reap(&o->reaper, &done, 1));
	VGPU_OK(test, vgpu_ring_reap_release(&o->reaper));
	VGPU_EQ(test, 0, vgpu_ring_mark_stalled(&o->consumer));
	VGPU_EQ(test, 1, vgpu_ring_cq_room(&o->consumer, 16));

	/* What the device did not write was not read either. */
	o->ring.hdr->cq_head = 8 + 9;
	VGPU_EQ(test, -EINVAL, vgpu_ring_cq_room(&o->consumer, 16));
	VGPU_EQ(test, -EINVAL, vgpu_ring_mark_stalled(&o->consumer));
	o->ring.hdr->cq_head = 8;
	VGPU_EQ(test, -EINVAL, vgpu_ring_mark_stalled(&o->consumer));
}

#define PAIR_BATCH	16u
/* No wake-up is as late as that, unless it was lost. */
#define PAIR_PATIENCE	(30 * HZ)

struct pair {
	struct one *o;
	u64 total;
	struct vgpu_kunit_thread producer;
	struct vgpu_kunit_thread consumer;
	struct completion doorbell;
	struct completion interrupt;
	/* The producer's. */
	u64 sent;
	u64 reaped;
	u64 waits;
	struct vgpu_cmd out[PAIR_BATCH];
	struct vgpu_completion done[PAIR_BATCH];
	/* The consumer's. */
	u64 taken;
	u64 sleeps;
	u64 stalls;
	struct vgpu_cmd in[PAIR_BATCH];
};

/* 0, or what went wrong, for the thread to return. */
static int pair_wait(struct completion *c, struct vgpu_kunit_thread *t)
{
	if (READ_ONCE(t->stop))
		return -EINTR;
	return wait_for_completion_timeout(c, PAIR_PATIENCE) ? 0 : -ETIME;
}

static int pair_reap(struct pair *p)
{
	u32 i, n;

	do {
		n = vgpu_ring_reap(&p->o->reaper, p->done, PAIR_BATCH);
		for (i = 0; i < n; i++)
			if (p->done[i].user_data != p->reaped++)
				return -EBADMSG;
	} while (n == PAIR_BATCH);
	if (vgpu_ring_reap_release(&p->o->reaper))
		complete(&p->doorbell);
	return 0;
}

/* Until there is a completion. */
static int pair_sleep(struct pair *p)
{
	if (!vgpu_ring_prepare_wait(&p->o->reaper))
		return 0;
	p->waits++;
	return pair_wait(&p->interrupt, &p->producer);
}

static int produce(void *arg)
{
	struct pair *p = arg;
	bool doorbell;
	u64 seed = 3;
	u32 i, n;
	int ret;

	while (p->reaped < p->total) {
		n = min_t(u64, p->total - p->sent,
			  1 + vgpu_kunit_rnd(&seed) % PAIR_BATCH);
		for (i = 0; i < n; i++)
			p->out[i].user_data = p->sent + i;
		n = n ? vgpu_ring_submit(&p->o->ring, p->out, 1, n,
					 &doorbell) : 0;
		p->sent += n;
		if (n && doorbell)
			complete(&p->doorbell);
		ret = pair_reap(p);
		/* When there is no room, and now and then for everything. */
		if (!ret && !n && p->reaped < p->sent)
			ret = pair_sleep(p);
		if (n && vgpu_kunit_rnd(&seed) % 16 == 0)
			while (!ret && p->reaped < p->sent) {
				ret = pair_sleep(p);
				if (!ret)
					ret = pair_reap(p);
			}
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

/* Until there is a command, or room for its completion. */
static int pair_idle(struct pair *p, bool room)
{
	struct vgpu_ring_consumer *c = &p->o->consumer;
	int ret;

	if (room) {
		if (!vgpu_ring_prepare_sleep(c))
			return 0;
		p->sleeps++;
	} else {
		ret = vgpu_ring_mark_stalled(c);
		if (ret <= 0)
			return ret;
		p->stalls++;
	}
	return pair_wait(&p->doorbell, &p->consumer);
}

static int consume(void *arg)
{
	struct vgpu_completion done = { 0 };
	struct pair *p = arg;
	u64 seed = 4;
	u32 i, n;
	int room, ret;

	while (p->taken < p->total) {
		room = vgpu_ring_cq_room(&p->o->consumer,
					 1 + vgpu_kunit_rnd(&seed) % PAIR_BATCH);
		if (room < 0)
			return room;
		n = room ? vgpu_ring_consume(&p->o->consumer, p->in, room) : 0;
		for (i = 0; i < n; i++) {
			if (p->in[i].user_data != p->taken++)
				return -EBADMSG;
			done.user_data = p->in[i].user_data;
			if (vgpu_ring_complete(&p->o->consumer, &done))
				complete(&p->interrupt);
		}
		ret = n ? 0 : pair_idle(p, room);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static void run_pair(struct kunit *test, u32 sq, u32 cq,
		     u64 total)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct vgpu_completion done;

	VGPU_OK(test, p);
	p->o = new_ring(test, sq, cq);
	p->total = total;
	init_completion(&p->doorbell);
	init_completion(&p->interrupt);
	vgpu_kunit_start(test, &p->consumer, consume, p);
	vgpu_kunit_start(test, &p->producer, produce, p);
	VGPU_EQ(test, 0, vgpu_kunit_join(&p->producer));
	VGPU_EQ(test, 0, vgpu_kunit_join(&p->consumer));
	VGPU_EQ(test, p->total, p->sent);
	VGPU_EQ(test, p->total, p->taken);
	VGPU_EQ(test, p->total, p->reaped);
	VGPU_EQ(test, 0, vgpu_ring_reap(&p->o->reaper, &done, 1));
	kunit_info(test, "%llu sleeps, %llu stalls, %llu waits", p->sleeps,
		   p->stalls, p->waits);
	VGPU_OK(test, p->sleeps);
	VGPU_OK(test, p->waits);
}

static void two_threads(struct kunit *test)
{
	run_pair(test, 64, 64, 100000);
}

/* Fewer completions than submissions: the device stalls. */
static void two_threads_stall(struct kunit *test)
{
	run_pair(test, 64, 8, 10000);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(reserve_commit),
	KUNIT_CASE(marks),
	KUNIT_CASE(no_room),
	KUNIT_CASE(two_threads),
	KUNIT_CASE(two_threads_stall),
	{}
};

struct kunit_suite vgpu_ring_suite = {
	.name = "vgpu_ring",
	.test_cases = cases,
};
