// SPDX-License-Identifier: MIT
/*
 * Rings of the render node: commands run, in each of the ways in which the
 * module can run them.
 */
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "drm_util.h"

FIXTURE(ring) {
	int fd;
	uint32_t context;
	struct ring ring;
};

FIXTURE_VARIANT(ring) {
	uint32_t poll_us;
};

FIXTURE_VARIANT_ADD(ring, kicked) {
	.poll_us = 0,
};

FIXTURE_VARIANT_ADD(ring, polled) {
	.poll_us = 10000,
};

FIXTURE_SETUP(ring)
{
	struct drm_vgpu_ring_create how = { .poll_us = variant->poll_us };

	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	if (variant->poll_us &&
	    !(node_features(self->fd) & DRM_VGPU_FEATURE_POLLING))
		SKIP(return, "rings are not polled");
	ASSERT_EQ(0, context_create(self->fd, &self->context));
	ASSERT_EQ(0, ring_create(self->fd, self->context, 256, &how,
				 &self->ring));
}

FIXTURE_TEARDOWN(ring)
{
	EXPECT_EQ(0, ring_destroy(&self->ring));
	EXPECT_EQ(0, context_destroy(self->fd, self->context));
	EXPECT_TRUE(gpu_is_empty(self->fd));
	close(self->fd);
}

TEST_F(ring, nop)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP, .user_data = 42 };
	int i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, ring_do(&self->ring, &cmd));
}

TEST_F(ring, batches)
{
	struct vgpu_cmd cmds[64] = { 0 };
	struct vgpu_completion done[64];
	uint32_t i, k;

	for (i = 0; i < 200; i++) {
		for (k = 0; k < 64; k++)
			cmds[k].user_data = i * 64 + k;
		ASSERT_EQ(0, ring_submit(&self->ring, cmds, 64));
		ASSERT_EQ(0, ring_finish(&self->ring));
		ASSERT_EQ(64, vgpu_ring_reap(&self->ring.reaper, done, 64));
		if (vgpu_ring_reap_release(&self->ring.reaper))
			ring_kick(&self->ring, 0, 0, 0);
		for (k = 0; k < 64; k++) {
			ASSERT_EQ(i * 64 + k, done[k].user_data);
			ASSERT_EQ(0, done[k].status);
		}
	}
}

/* Who has read completions without a call can wait for the next one by a call. */
TEST_F(ring, laps)
{
	struct drm_vgpu_wait wait = { 0 };
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	struct vgpu_completion done;
	int i, n, ret = 0;
	uint64_t at;
	uint32_t a;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 16 * MIB, 0, &a));
	ASSERT_EQ(0, map(self->fd, self->context, a, 16 * MIB, 0, &at));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, ring_submit(&self->ring, &cmd, 1));
		while (!vgpu_ring_reap(&self->ring.reaper, &done, 1))
			;
		if (vgpu_ring_reap_release(&self->ring.reaper))
			ring_kick(&self->ring, 0, 0, 0);
	}
	cmd = (struct vgpu_cmd){
		.opcode = VGPU_CMD_CLEAR, .op = { at, 16 * MIB, 1 },
	};
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, ring_submit(&self->ring, &cmd, 1));
		do {
			n = vgpu_ring_reap(&self->ring.reaper, &done, 1);
			wait.deadline_ns = after_ms(20000);
			if (!n)
				ret = call(self->fd, DRM_IOCTL_VGPU_WAIT,
					   &wait);
		} while (!n && !ret);
		ASSERT_EQ(0, ret);
		vgpu_ring_reap_release(&self->ring.reaper);
	}
	bo_close(self->fd, a);
	ASSERT_EQ(0, unmap(self->fd, self->context, at));
}

TEST_F(ring, round_trip)
{
	const uint64_t bytes = 3 * MIB + 4;
	uint32_t a, b, in, out;
	uint64_t at_a, at_b, at_in, at_out;
	char *p, *q;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, bytes, 0, &a));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, bytes, 0, &b));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, 4 * MIB, 0,
			       &in));
	q = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, q);
	ASSERT_EQ(0, bo_register(self->fd, q, 4 * MIB, 0, &out));
	ASSERT_EQ(0, map(self->fd, self->context, a, bytes, 0, &at_a));
	ASSERT_EQ(0, map(self->fd, self->context, b, bytes, 0, &at_b));
	ASSERT_EQ(0, map(self->fd, self->context, in, 4 * MIB, 0, &at_in));
	ASSERT_EQ(0, map(self->fd, self->context, out, 4 * MIB, 0, &at_out));
	p = bo_mmap(self->fd, in);
	ASSERT_NE(MAP_FAILED, p);

	fill_pattern(p, bytes, 1);
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_UPLOAD, at_a, at_in, bytes));
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_COPY, at_b, at_a, bytes));
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_CLEAR, at_a, bytes, 0x12345678));
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_DOWNLOAD, at_out, at_b, bytes));
	EXPECT_EQ(0, memcmp(p, q, bytes));
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_DOWNLOAD, at_out, at_a, bytes));
	EXPECT_EQ(0x12345678, *(uint32_t *)(q + bytes - 4));

	munmap(p, 4 * MIB);
	EXPECT_EQ(0, bo_close(self->fd, a));
	EXPECT_EQ(0, bo_close(self->fd, b));
	EXPECT_EQ(0, bo_close(self->fd, in));
	EXPECT_EQ(0, bo_close(self->fd, out));
	/* Mappings keep what they map. */
	EXPECT_LT(0, gpu_used(self->fd));
	EXPECT_EQ(0, unmap(self->fd, self->context, at_a));
	EXPECT_EQ(0, unmap(self->fd, self->context, at_b));
	EXPECT_TRUE(gpu_is_empty(self->fd));
}

/* The eventfd of a ring's vector hears of a command that wants an interrupt. */
TEST_F(ring, interrupt)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP,
				.flags = VGPU_CMD_F_INTERRUPT };
	struct drm_vgpu_ring_create how = { .poll_us = variant->poll_us,
					    .vector = 2 };
	struct drm_vgpu_event event = { .vector = 2 };
	struct pollfd fd = { .events = POLLIN };
	struct ring other;
	uint64_t count;
	int i;

	ASSERT_EQ(0, ring_create(self->fd, self->context, 64, &how, &other));
	fd.fd = event.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, event.fd);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_EVENT, &event));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ring_submit(&other, &cmd, 1));
		ASSERT_EQ(1, poll(&fd, 1, 10000));
		ASSERT_EQ(sizeof(count), read(fd.fd, &count, sizeof(count)));
		ASSERT_EQ(0, ring_finish(&other));
		/* A node whose clients share a device may tell twice. */
		while (read(fd.fd, &count, sizeof(count)) > 0)
			;
	}

	event.fd = -1;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_EVENT, &event));
	while (read(fd.fd, &count, sizeof(count)) > 0)
		;
	ASSERT_EQ(0, ring_do(&self->ring, &cmd));
	ASSERT_EQ(0, ring_submit(&other, &cmd, 1));
	ASSERT_EQ(0, ring_finish(&other));
	EXPECT_EQ(0, poll(&fd, 1, 0));
	close(fd.fd);
	ASSERT_EQ(0, ring_destroy(&other));
}

/* VRAM that is mapped, and what commands see of it. */
TEST_F(ring, vram_mmap)
{
	uint32_t a, b;
	uint64_t at_a, at_b;
	char *p, *q;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 10000, 0, &a));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 10000, 0, &b));
	ASSERT_EQ(0, map(self->fd, self->context, a, 10000, 0, &at_a));
	ASSERT_EQ(0, map(self->fd, self->context, b, 10000, 0, &at_b));
	p = bo_mmap(self->fd, a);
	q = bo_mmap(self->fd, b);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_NE(MAP_FAILED, q);
	EXPECT_EQ(0, p[0] | p[9999] | q[0] | q[9999]);
	fill_pattern(p, 10000, 7);
	ASSERT_EQ(0, ring_op(&self->ring, VGPU_CMD_COPY, at_b, at_a, 10000));
	EXPECT_EQ(0, memcmp(p, q, 10000));
	bo_close(self->fd, a);
	bo_close(self->fd, b);
	EXPECT_EQ(0, memcmp(p, q, 10000));
	munmap((void *)((uintptr_t)p & ~4095ul), 3 * 4096);
	munmap((void *)((uintptr_t)q & ~4095ul), 3 * 4096);
	ASSERT_EQ(0, unmap(self->fd, self->context, at_a));
	ASSERT_EQ(0, unmap(self->fd, self->context, at_b));
}

#define MANY		1000u
#define FEW		100u
#define LEFT_POLL_US	1000000u
/* More than after which the client's thread leaves a ring that stays empty. */
#define FINDS		200u

/* Without a call, unless the ring asks for one. */
static int wait_looking(struct ring *r)
{
	int64_t end = after_ms(60000);
	struct vgpu_completion done;

	while (vgpu_ring_reap(&r->reaper, &done, 1) != 1) {
		if (now_ns() > end)
			return -ETIMEDOUT;
		sched_yield();
	}
	if (vgpu_ring_reap_release(&r->reaper))
		ring_kick(r, 0, 0, 0);
	return done.status;
}

/* A command in each, and then the completions. */
static int storm(struct ring *rings, uint32_t n)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < n; i++)
		ret = ring_submit(&rings[i], &nop, 1);
	for (i = 0; !ret && i < n; i++)
		ret = wait_looking(&rings[i]);
	return ret;
}

static uint64_t polls_of(int fd)
{
	struct drm_vgpu_statistics s = { 0 };

	query(fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s));
	return s.polls;
}

/* Use one, until the thread has found something there @n times. */
static int keep_busy(int fd, struct ring *r, uint64_t n)
{
	uint64_t polls = polls_of(fd);
	int64_t end = after_ms(60000);
	int ret = 0;

	while (!ret && polls_of(fd) - polls < n)
		ret = now_ns() > end ? -ETIMEDOUT : storm(r, 1);
	return ret;
}

/* A vGPU's take a command of its device each, and an exit. */
static bool is_function(int fd)
{
	return node_features(fd) & DRM_VGPU_FEATURE_DOORBELL;
}

TEST_F_TIMEOUT(ring, many, 120)
{
	struct drm_vgpu_ring_create how = { .poll_us = variant->poll_us };
	uint32_t i, n = is_function(self->fd) ? FEW : MANY;
	static struct ring rings[MANY];

	for (i = 0; i < n; i++)
		ASSERT_EQ(0, ring_create(self->fd, self->context, 8, &how,
					 &rings[i]));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, storm(rings, n));
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, ring_destroy(&rings[i]));
}

/* Rings that nobody uses are left alone, and come back by their doorbell. */
TEST_F_TIMEOUT(ring, left, 120)
{
	struct drm_vgpu_ring_create how = { .poll_us = LEFT_POLL_US };
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct ring rings[50], *idle = &rings[20];
	int64_t start, limit = LEFT_POLL_US * 900ll;
	bool doorbell = false;
	uint32_t i;

	if (!variant->poll_us || is_function(self->fd))
		SKIP(return, "no thread of the node's looks at rings");
	for (i = 0; i < ARRAY_SIZE(rings); i++)
		ASSERT_EQ(0, ring_create(self->fd, self->context, 8, &how,
					 &rings[i]));
	for (i = 0; i < 20; i++) {
		start = now_ns();
		ASSERT_EQ(0, storm(rings, ARRAY_SIZE(rings)));
		ASSERT_EQ(0, keep_busy(self->fd, &rings[0], FINDS));
		ASSERT_EQ(1, vgpu_ring_submit(&idle->r, &nop, 1, 1, &doorbell));
		idle->submitted++;
		if (doorbell)
			ASSERT_EQ(0, ring_kick(idle, 0, 0, 0));
		ASSERT_EQ(0, wait_looking(idle));
		/* Later than that its time would have been up anyway. */
		if (now_ns() - start < limit)
			break;
	}
	if (i == 20)
		SKIP(return, "too slow here to tell what made a ring ask");
	EXPECT_TRUE(doorbell);
	for (i = 0; i < ARRAY_SIZE(rings); i++)
		ASSERT_EQ(0, ring_destroy(&rings[i]));
}

TEST_HARNESS_MAIN
