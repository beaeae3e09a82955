// SPDX-License-Identifier: MIT
/*
 * Doorbells that a process maps, where a node has them: submissions without a
 * call, whose they are, and what becomes of them.
 */
#include "drm_util.h"

#define LONG_COPY	(8 * MIB)

FIXTURE(doorbell) {
	int fd;
	uint32_t context;
	struct ring ring;
	uint32_t *page;
};

static void *doorbell_mmap(int fd, uint32_t context)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    DRM_VGPU_MMAP_DOORBELLS +
		    (context & 0xffff) * VGPU_DOORBELL_PAGE);
}

FIXTURE_SETUP(doorbell)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	if (!(node_features(self->fd) & DRM_VGPU_FEATURE_DOORBELL))
		SKIP(return, "this node has no doorbells to be mapped");
	ASSERT_EQ(0, context_create(self->fd, &self->context));
	ASSERT_EQ(0, ring_create(self->fd, self->context, 64, NULL,
				 &self->ring));
	self->page = doorbell_mmap(self->fd, self->context);
	ASSERT_NE(MAP_FAILED, self->page);
}

FIXTURE_TEARDOWN(doorbell)
{
	munmap(self->page, 4096);
	munmap(self->ring.mem, self->ring.bytes);
	close(self->fd);
}

static void ring_the(uint32_t *page, uint32_t ring)
{
	__atomic_store_n(page, ring, __ATOMIC_RELEASE);
}

/* Submit by the page; whether it had to be rung. */
static bool submit(struct ring *ring, uint32_t *page,
		   const struct vgpu_cmd *cmd)
{
	bool doorbell = false;

	vgpu_ring_submit(&ring->r, cmd, 1, 1, &doorbell);
	if (doorbell)
		ring_the(page, ring->id);
	return doorbell;
}

/* The next completion, waited for; its status, or -ETIME. */
static int reap(struct ring *ring, uint32_t *page, int64_t ms)
{
	struct drm_vgpu_wait wait = { .deadline_ns = after_ms(ms) };
	struct vgpu_completion done;
	int ret;

	while (!vgpu_ring_reap(&ring->reaper, &done, 1)) {
		ret = call(ring->fd, DRM_IOCTL_VGPU_WAIT, &wait);
		if (ret)
			return ret;
	}
	if (vgpu_ring_reap_release(&ring->reaper))
		ring_the(page, ring->id);
	return done.status;
}

static uint64_t kicks(int fd)
{
	struct drm_vgpu_statistics s = { 0 };

	query(fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s));
	return s.kicks;
}

TEST_F_TIMEOUT(doorbell, rung, 120)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	uint64_t before = kicks(self->fd);
	int64_t begin = now_ns();
	uint32_t i, rung = 0;

	for (i = 0; i < 500; i++) {
		rung += submit(&self->ring, self->page, &cmd);
		ASSERT_EQ(0, reap(&self->ring, self->page, 10000));
	}
	TH_LOG("%lld ns a command that is waited for, %u were rung for",
	       (long long)(now_ns() - begin) / 500, rung);
	EXPECT_LT(0, rung);
	EXPECT_EQ(0, __atomic_load_n(self->page, __ATOMIC_RELAXED));
	EXPECT_EQ(before, kicks(self->fd));
}

/*
 * While the device works it has not asked for a doorbell: copies are long enough
 * to be still running when the next one is submitted.
 */
TEST_F_TIMEOUT(doorbell, seldom_rung, 120)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_COPY };
	uint32_t i, k, a, b, rung = 0;
	uint64_t to, from;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, LONG_COPY, 0, &a));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, LONG_COPY, 0, &b));
	ASSERT_EQ(0, map(self->fd, self->context, a, LONG_COPY, 0, &to));
	ASSERT_EQ(0, map(self->fd, self->context, b, LONG_COPY, 0, &from));
	cmd.op[0] = to;
	cmd.op[1] = from;
	cmd.op[2] = LONG_COPY;
	for (i = 0; i < 10; i++) {
		for (k = 0; k < 32; k++)
			rung += submit(&self->ring, self->page, &cmd);
		for (k = 0; k < 32; k++)
			ASSERT_EQ(0, reap(&self->ring, self->page, 10000));
	}
	TH_LOG("320 copies, %u were rung for", rung);
	EXPECT_LT(rung, 320 / 4);
}

/* A page is one context's, and one client's. */
TEST_F(doorbell, of_others)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	uint32_t context, other_context;
	uint32_t *mine;
	struct ring ring;
	int other = node_open(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, context_create(other, &other_context));
	EXPECT_EQ(MAP_FAILED, doorbell_mmap(self->fd, other_context));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(MAP_FAILED, doorbell_mmap(other, self->context));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(MAP_FAILED, doorbell_mmap(self->fd, 0));
	EXPECT_EQ(MAP_FAILED, doorbell_mmap(self->fd, 0xffff));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 8192, PROT_WRITE, MAP_SHARED, self->fd,
				   DRM_VGPU_MMAP_DOORBELLS +
				   (self->context & 0xffff) *
				   VGPU_DOORBELL_PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE, self->fd,
				   DRM_VGPU_MMAP_DOORBELLS +
				   (self->context & 0xffff) *
				   VGPU_DOORBELL_PAGE));
	EXPECT_EQ(EINVAL, errno);

	/* It is deaf to the rings of another context of the same client. */
	ASSERT_EQ(0, context_create(self->fd, &context));
	ASSERT_EQ(0, ring_create(self->fd, context, 8, NULL, &ring));
	mine = doorbell_mmap(self->fd, context);
	ASSERT_NE(MAP_FAILED, mine);
	EXPECT_TRUE(submit(&ring, self->page, &cmd));
	EXPECT_EQ(-ETIME, reap(&ring, mine, 100));
	ring_the(mine, ring.id);
	EXPECT_EQ(0, reap(&ring, mine, 10000));
	munmap(mine, 4096);
	munmap(ring.mem, ring.bytes);
	close(other);
}

/* Its context is gone: that is heard by nobody, and hurts nobody. */
TEST_F(doorbell, of_nobody)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP };
	struct ring ring;

	submit(&self->ring, self->page, &cmd);
	ASSERT_EQ(0, reap(&self->ring, self->page, 10000));
	ASSERT_EQ(0, context_destroy(self->fd, self->context));
	ring_the(self->page, self->ring.id);
	EXPECT_EQ(MAP_FAILED, doorbell_mmap(self->fd, self->context));
	/* Another one has a page of its own. */
	ASSERT_EQ(0, context_create(self->fd, &self->context));
	ASSERT_EQ(0, ring_create(self->fd, self->context, 8, NULL, &ring));
	munmap(self->page, 4096);
	self->page = doorbell_mmap(self->fd, self->context);
	ASSERT_NE(MAP_FAILED, self->page);
	submit(&ring, self->page, &cmd);
	EXPECT_EQ(0, reap(&ring, self->page, 10000));
	munmap(ring.mem, ring.bytes);
}

/* A program that waits for a counter is woken up by its change. */
TEST_F(doorbell, counter)
{
	struct drm_vgpu_counter_create make = { .context = self->context };
	struct drm_vgpu_wait wait = { .deadline_ns = after_ms(10000) };
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_SIGNAL };
	struct drm_vgpu_counter read = { 0 };
	struct drm_vgpu_client_page *client;
	struct ring ring;

	client = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd,
		      DRM_VGPU_MMAP_CLIENT);
	ASSERT_NE(MAP_FAILED, client);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &make));
	ASSERT_EQ(0, ring_create(self->fd, self->context, 8, NULL, &ring));
	cmd.op[0] = make.counter;
	cmd.op[1] = 3;
	submit(&ring, self->page, &cmd);
	read.counter = make.counter;
	do {
		wait.events = client->events;
		read.value = 0;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_READ, &read));
		if (read.value < 3)
			ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_WAIT, &wait));
	} while (read.value < 3);
	munmap(client, 4096);
	munmap(ring.mem, ring.bytes);
}

TEST_HARNESS_MAIN
