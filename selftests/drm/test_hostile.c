// SPDX-License-Identifier: MIT
/*
 * Programs that do to their rings what no sane one does.  Whatever that is, the
 * device goes on for this client, after a reset, and for others at once.
 *
 * vm: fresh gpus=1 vram=64M
 */
#include <pthread.h>

#include "drm_util.h"

#define ENTRIES		64
#define BYTES		(64u << 10)

FIXTURE(hostile) {
	int fd;
	uint32_t context;
	uint32_t a, b, system;
	uint64_t at_a, at_b, at_system, at_ring;
	struct ring ring;
};

FIXTURE_VARIANT(hostile) {
	uint32_t poll_us;
};

FIXTURE_VARIANT_ADD(hostile, kicked) {
	.poll_us = 0,
};

FIXTURE_VARIANT_ADD(hostile, polled) {
	.poll_us = 2000,
};

FIXTURE_SETUP(hostile)
{
	struct drm_vgpu_ring_create how = { .poll_us = variant->poll_us };
	int fd = node_open(0);

	self->fd = fd;
	ASSERT_LE(0, fd);
	if (variant->poll_us &&
	    !(node_features(fd) & DRM_VGPU_FEATURE_POLLING))
		SKIP(return, "rings are not polled");
	ASSERT_EQ(0, context_create(fd, &self->context));
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0, &self->a));
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0, &self->b));
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_SYSTEM, BYTES, 0,
			       &self->system));
	ASSERT_EQ(0, map(fd, self->context, self->a, BYTES, 0, &self->at_a));
	ASSERT_EQ(0, map(fd, self->context, self->b, BYTES, 0, &self->at_b));
	ASSERT_EQ(0, map(fd, self->context, self->system, BYTES, 0,
			 &self->at_system));
	ASSERT_EQ(0, ring_create(fd, self->context, ENTRIES, &how,
				 &self->ring));
	ASSERT_EQ(0, map(fd, self->context, self->ring.handle,
			 self->ring.bytes, 0, &self->at_ring));
}

/* Another client is none the worse for it. */
static int neighbour(void)
{
	int ret, fd = node_open(0);
	uint32_t context;
	struct ring ring;

	ret = context_create(fd, &context) ?:
	      ring_create(fd, context, 8, NULL, &ring) ?:
	      ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0) ?:
	      ring_destroy(&ring);
	close(fd);
	return ret;
}

FIXTURE_TEARDOWN(hostile)
{
	int fd = node_open(0);

	EXPECT_EQ(0, neighbour());
	munmap(self->ring.mem, self->ring.bytes);
	close(self->fd);
	EXPECT_TRUE(gpu_is_empty(fd));
	close(fd);
}

static uint32_t state_of_ring(const struct ring *ring)
{
	struct drm_vgpu_ring_info info = { .ring = ring->id };

	if (call(ring->fd, DRM_IOCTL_VGPU_RING_INFO, &info))
		return ~0u;
	return info.state;
}

static bool ring_becomes(const struct ring *ring, uint32_t state)
{
	int64_t end = after_ms(20000);

	while (state_of_ring(ring) != state) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Whatever happened: after this it is as good as new, with its memory formatted. */
static bool ring_recovers(struct ring *ring)
{
	struct drm_vgpu_ring_info info = { .ring = ring->id };

	/* Only from the error state does a reset start the indices anew. */
	if (state_of_ring(ring) != VGPU_RING_ERROR) {
		if (ring_control(ring, VGPU_RING_RESET) ||
		    !ring_becomes(ring, VGPU_RING_IDLE) ||
		    ring_control(ring, VGPU_RING_START))
			return false;
		/* Out of range, whatever the device believes. */
		__atomic_store_n(&ring->r.hdr->cq_head, 1ull << 62,
				 __ATOMIC_SEQ_CST);
		__atomic_store_n(&ring->r.hdr->cq_head, 1ull << 62,
				 __ATOMIC_SEQ_CST);
		memset(ring->r.sq, 0, ENTRIES * 64);
		/* The device looks at it when it has room for no more. */
		for (int i = 0; i < 3 * ENTRIES; i++) {
			uint64_t pos;

			info = (struct drm_vgpu_ring_info){ .ring = ring->id };
			if (call(ring->fd, DRM_IOCTL_VGPU_RING_INFO, &info))
				return false;
			if (info.state == VGPU_RING_ERROR)
				break;
			/* Its indices are its own: any of them may be next. */
			for (pos = 0; pos < ENTRIES; pos++)
				ring->r.sq[pos].opcode = VGPU_CMD_NOP;
			pos = __atomic_load_n(&ring->r.hdr->sq_head,
					      __ATOMIC_SEQ_CST);
			__atomic_store_n(&vgpu_ring_slot(&ring->r, pos)->seq,
					 vgpu_ring_seq(pos), __ATOMIC_SEQ_CST);
			ring_kick(ring, 0, 0, 0);
		}
	}
	if (state_of_ring(ring) != VGPU_RING_ERROR)
		return false;
	if (ring_control(ring, VGPU_RING_START) != -EBUSY ||
	    ring_control(ring, VGPU_RING_RESET) ||
	    state_of_ring(ring) != VGPU_RING_IDLE ||
	    ring_control(ring, VGPU_RING_START))
		return false;
	info = (struct drm_vgpu_ring_info){ .ring = ring->id };
	if (call(ring->fd, DRM_IOCTL_VGPU_RING_INFO, &info))
		return false;
	ring->submitted = info.completed;
	vgpu_ring_reaper_init(&ring->reaper, &ring->r);
	return !ring_op(ring, VGPU_CMD_NOP, 0, 0, 0) &&
	       ring_op(ring, VGPU_CMD_CLEAR, 4096, 4, 0) == -EFAULT;
}

/* Completions that nobody wrote are said to have been read. */
TEST_F(hostile, cq_head)
{
	static const uint64_t heads[] = {
		0, 1, ~0ull, 1ull << 62, (1ull << 63) - 1, ENTRIES - 1,
		4 * ENTRIES, 1ull << 32,
	};
	struct vgpu_cmd cmds[ENTRIES] = { 0 };
	uint32_t i, k;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		/* Fill it up, so that the device has to look. */
		for (k = 0; k < 2; k++) {
			ASSERT_EQ(0, ring_submit(&self->ring, cmds, ENTRIES));
			if (!k)
				ASSERT_EQ(0, ring_finish(&self->ring));
			__atomic_store_n(&self->ring.r.hdr->cq_head, heads[i],
					 __ATOMIC_SEQ_CST);
			ring_kick(&self->ring, 0, 0, 0);
		}
		ASSERT_TRUE(ring_becomes(&self->ring, VGPU_RING_ERROR));
		EXPECT_EQ(VGPU_RING_ERROR, self->ring.r.hdr->state);
		EXPECT_EQ(-EINVAL, self->ring.r.hdr->error);
		EXPECT_EQ(-ENODEV, ring_kick(&self->ring, DRM_VGPU_KICK_WAIT,
					     ~0ull, after_ms(1000)));
		ASSERT_TRUE(ring_recovers(&self->ring));
	}
}

/* Commands of all kinds, most of which make no sense. */
TEST_F_TIMEOUT(hostile, garbage, 60)
{
	uint64_t places[] = {
		self->at_a, self->at_b, self->at_system, self->at_ring, 0,
		~0ull, 1ull << 47, 4096,
	};
	struct vgpu_completion done[ENTRIES];
	struct vgpu_cmd cmds[ENTRIES];
	uint32_t i, k, n, failed = 0;
	uint64_t *w, sum = 0;

	srandom(1);
	for (i = 0; i < 40; i++) {
		for (k = 0; k < ENTRIES; k++) {
			w = (uint64_t *)&cmds[k];
			for (n = 0; n < 8; n++)
				w[n] = random() & 1 ? places[random() % 8] :
					(uint64_t)random() % BYTES;
			if (random() % 8)
				cmds[k].opcode = random() % 10;
			/* Some make sense. */
			if (random() & 1) {
				cmds[k].op[2] = random() % 256 * 4;
				memset(&cmds[k].op[3], 0, 24);
			}
			if (!(random() & 3))
				memset(cmds[k].op, 0, sizeof(cmds[k].op));
			/* A wait for what never comes would last. */
			if (cmds[k].opcode == VGPU_CMD_WAIT)
				cmds[k].op[0] |= 1u << 31;
			/* Not over the ring itself: that is another test. */
			if (cmds[k].op[0] - self->at_ring < self->ring.bytes)
				cmds[k].op[0] = self->at_b;
			cmds[k].flags &= random() & random() & random();
		}
		ASSERT_EQ(0, ring_submit(&self->ring, cmds, ENTRIES));
		ASSERT_EQ(0, ring_finish(&self->ring));
		ASSERT_EQ(ENTRIES, vgpu_ring_reap(&self->ring.reaper, done,
						  ENTRIES));
		if (vgpu_ring_reap_release(&self->ring.reaper))
			ring_kick(&self->ring, 0, 0, 0);
		for (k = 0; k < ENTRIES; k++) {
			/* They end in any order, each once. */
			sum += cmds[k].user_data - done[k].user_data;
			failed += !!done[k].status;
		}
	}
	EXPECT_EQ(0, sum);
	EXPECT_LT(ENTRIES * 10, failed);
	EXPECT_GT(ENTRIES * 40, failed);
}

struct vandal {
	struct ring *ring;
	uint64_t at_ring;
	bool stop;
	uint32_t seed;
	uint32_t from, to;	/* where it writes */
};

static void *vandal_run(void *arg)
{
	struct vandal *v = arg;
	uint32_t x = v->seed;

	while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
		x = x * 1664525 + 1013904223;
		__atomic_store_n((uint32_t *)v->ring->mem +
				 (v->from + (x >> 8) % (v->to - v->from)) / 4,
				 x & 1 ? x : x >> 20, __ATOMIC_RELAXED);
		if (x >> 28 == 1)
			ring_kick(v->ring, 0, 0, 0);
	}
	return NULL;
}

/* Threads write all over a ring, while another one submits and resets. */
TEST_F_TIMEOUT(hostile, vandals, 120)
{
	const uint32_t cq = 4096 + ENTRIES * 64;
	struct vandal v[] = {
		{ &self->ring, self->at_ring, false, 1, 0, 512 },
		{ &self->ring, self->at_ring, false, 2, 4096, cq },
		{ &self->ring, self->at_ring, false, 3, cq, cq + ENTRIES * 32 },
	};
	int64_t end = after_ms(2000 * test_scale());
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_COPY,
		.op = { self->at_a, self->at_b, BYTES },
	};
	pthread_t threads[3];
	uint32_t i, rounds = 0;
	bool doorbell;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, vandal_run,
					    &v[i]));
	while (now_ns() < end || rounds < 20) {
		rounds++;
		for (i = 0; i < ENTRIES; i++) {
			vgpu_ring_submit(&self->ring.r, &cmd, 1, 1, &doorbell);
			ring_kick(&self->ring, 0, 0, 0);
		}
		ring_control(&self->ring, VGPU_RING_RESET);
		ring_control(&self->ring, VGPU_RING_START);
		ring_kick(&self->ring, DRM_VGPU_KICK_WAIT, ~0ull, after_ms(1));
	}
	for (i = 0; i < 3; i++) {
		__atomic_store_n(&v[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	}
	EXPECT_TRUE(neighbour() == 0);
	EXPECT_EQ(0, ring_control(&self->ring, VGPU_RING_RESET));
}

/* A ring's commands write over the ring. */
TEST_F_TIMEOUT(hostile, itself, 60)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_DOWNLOAD,
		.op = { self->at_ring, self->at_a, self->ring.bytes & ~255u },
	};
	uint32_t i, *p = bo_mmap(self->fd, self->a);
	bool doorbell;

	ASSERT_NE(MAP_FAILED, p);
	srandom(2);
	for (i = 0; i < 20; i++) {
		uint32_t k;

		for (k = 0; k < BYTES / 4; k++)
			p[k] = i % 3 ? random() : 0;
		if (i % 3 == 2)
			cmd.opcode = VGPU_CMD_CLEAR;
		if (vgpu_ring_submit(&self->ring.r, &cmd, 1, 1, &doorbell))
			ring_kick(&self->ring, 0, 0, 0);
		ring_kick(&self->ring, DRM_VGPU_KICK_WAIT, ~0ull,
			  after_ms(5));
		ring_control(&self->ring, VGPU_RING_RESET);
		ring_control(&self->ring, VGPU_RING_START);
	}
	munmap((void *)((uintptr_t)p & ~4095ul), BYTES);
	EXPECT_EQ(0, neighbour());
}

/* A ring on memory of the process, that the process lets go of. */
TEST_F(hostile, unmapped_ring)
{
	struct drm_vgpu_ring_create args = {
		.context = self->context,
		.sq_entries = ENTRIES,
		.cq_entries = ENTRIES,
	};
	struct ring ring = { .fd = self->fd, .bytes = 16 << 10 };
	struct vgpu_cmd cmds[8] = { 0 };
	uint32_t handle;
	bool doorbell;

	ring.mem = mmap(NULL, ring.bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ring.mem);
	ASSERT_EQ(0, bo_register(self->fd, ring.mem, ring.bytes,
				 DRM_VGPU_BO_READ_ONLY, &handle));
	args.handle = handle;
	EXPECT_EQ(-EACCES, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	ASSERT_EQ(0, bo_close(self->fd, handle));
	ASSERT_EQ(0, bo_register(self->fd, ring.mem, ring.bytes, 0, &handle));
	args.handle = handle;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	ring.id = args.ring;
	vgpu_ring_attach(&ring.r, ring.mem, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&ring.reaper, &ring.r);
	ASSERT_EQ(0, ring_control(&ring, VGPU_RING_START));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0));
	ASSERT_EQ(8, vgpu_ring_submit(&ring.r, cmds, 8, 8, &doorbell));
	ASSERT_EQ(0, munmap(ring.mem, ring.bytes));
	EXPECT_EQ(0, ring_kick(&ring, DRM_VGPU_KICK_WAIT, 9, after_ms(20000)));
	ASSERT_EQ(0, bo_close(self->fd, handle));
	EXPECT_EQ(0, ring_kick(&ring, 0, 0, 0));
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_DESTROY,
			  &(struct drm_vgpu_ring_destroy){ ring.id, 0 }));
	EXPECT_TRUE(registered_is_empty(self->fd));
}

TEST_HARNESS_MAIN
