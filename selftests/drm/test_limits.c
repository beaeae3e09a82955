// SPDX-License-Identifier: MIT
/*
 * Limits: of a client, of a GPU that several processes fill at once, and of each
 * table.  Who reaches one hears of it, and goes on when there is room again.
 *
 * vm: fresh gpus=1 vram=64M
 */
#include <pthread.h>
#include <sys/wait.h>

#include "drm_util.h"

FIXTURE(limits) {
	int fd;
	uint32_t context;
	struct drm_vgpu_limits max;
};

FIXTURE_SETUP(limits)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_LIMITS, &self->max,
			   sizeof(self->max)));
	ASSERT_EQ(0, context_create(self->fd, &self->context));
}

FIXTURE_TEARDOWN(limits)
{
	int fd = node_open(0);

	close(self->fd);
	EXPECT_TRUE(gpu_is_empty(fd));
	close(fd);
}

/* What was freed counts until it has been zeroed. */
static int bo_create_soon(int fd, uint64_t bytes, uint32_t *handle)
{
	int64_t end = after_ms(20000);
	int ret;

	do
		ret = bo_create(fd, DRM_VGPU_DOMAIN_VRAM, bytes, 0, handle);
	while (ret == -ENOSPC && now_ns() < end);
	return ret;
}

TEST_F(limits, client)
{
	struct drm_vgpu_client_limit limit = { .bytes = 4 * MIB };
	uint32_t i, handles[8];

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, MIB, 0,
				       &handles[i]));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 1, 0,
				     &handles[4]));
	EXPECT_EQ(4 * MIB, state_of(self->fd).used);
	ASSERT_EQ(0, bo_close(self->fd, handles[0]));
	EXPECT_EQ(0, bo_create_soon(self->fd, MIB, &handles[0]));
	/* Below what it has: no more until it has less. */
	limit.bytes = 2 * MIB;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
					     256, 0, &handles[4]));
		ASSERT_EQ(0, bo_close(self->fd, handles[i]));
	}
	ASSERT_EQ(0, bo_close(self->fd, handles[2]));
	EXPECT_EQ(0, bo_create_soon(self->fd, MIB, &handles[2]));
}

/* Take all there is, a piece at a time, and say how much that was. */
static uint64_t take_all(int fd, uint64_t piece)
{
	uint64_t got = 0;
	uint32_t handle;

	while (!bo_create(fd, DRM_VGPU_DOMAIN_VRAM, piece, 0, &handle))
		got += piece;
	return got;
}

#define CHILDREN	4

TEST_F_TIMEOUT(limits, gpu, 120)
{
	int gate[2], back[2], stay[2], status, fd;
	uint64_t got, all = 0;
	struct drm_vgpu_memory m;
	uint32_t round, i;
	char c;

	for (round = 0; round < 3 * test_scale(); round++) {
		ASSERT_EQ(0, pipe(gate));
		ASSERT_EQ(0, pipe(back));
		ASSERT_EQ(0, pipe(stay));
		for (i = 0; i < CHILDREN; i++) {
			if (fork())
				continue;
			close(gate[1]);
			close(stay[1]);
			fd = node_open(0);
			/* All start when the gate is closed. */
			if (fd < 0 || read(gate[0], &c, 1))
				_exit(1);
			got = take_all(fd, 64 << 10);
			if (write(back[1], &got, sizeof(got)) != sizeof(got))
				_exit(1);
			/* Stay until all are there. */
			_exit(read(stay[0], &c, 1));
		}
		close(gate[0]);
		close(gate[1]);
		close(back[1]);
		for (i = 0, all = 0; i < CHILDREN; i++) {
			ASSERT_EQ(sizeof(got), read(back[0], &got,
						    sizeof(got)));
			all += got;
		}
		EXPECT_EQ(64 * MIB, all);
		EXPECT_EQ(64 * MIB, gpu_used(self->fd));
		close(back[0]);
		close(stay[0]);
		close(stay[1]);
		for (i = 0; i < CHILDREN; i++) {
			ASSERT_LT(0, wait(&status));
			EXPECT_EQ(0, status);
		}
		ASSERT_TRUE(gpu_is_empty(self->fd));
		ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m,
				   sizeof(m)));
		EXPECT_EQ(64 * MIB, m.gpu_peak);
		EXPECT_EQ(64 * MIB, m.client_largest);
	}
}

TEST_F(limits, contexts)
{
	uint32_t i, *ids = calloc(self->max.max_contexts + 1, 4);

	ASSERT_NE(NULL, ids);
	for (i = 1; i < self->max.max_contexts; i++)
		ASSERT_EQ(0, context_create(self->fd, &ids[i]));
	EXPECT_EQ(-ENOSPC, context_create(self->fd, &ids[0]));
	EXPECT_EQ(self->max.max_contexts, state_of(self->fd).contexts);
	ASSERT_EQ(0, context_destroy(self->fd, ids[1]));
	EXPECT_EQ(0, context_create(self->fd, &ids[0]));
	EXPECT_NE(ids[0], ids[1]);
	EXPECT_EQ(-ENOSPC, context_create(self->fd, &ids[1]));
	EXPECT_EQ(-ENOENT, context_destroy(self->fd, ids[1]));
	free(ids);
}

TEST_F(limits, counters)
{
	struct drm_vgpu_counter_create c = { .context = self->context };
	struct drm_vgpu_counter d = { 0 };
	uint32_t i;

	for (i = 0; i < self->max.max_counters; i++) {
		c.counter = 0;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &c));
	}
	d.counter = c.counter;
	c.counter = 0;
	EXPECT_EQ(-ENOSPC, call(self->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &c));
	EXPECT_EQ(self->max.max_counters, state_of(self->fd).counters);
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_DESTROY, &d));
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &c));
	EXPECT_NE(d.counter, c.counter);
	/* All go with their context. */
	ASSERT_EQ(0, context_destroy(self->fd, self->context));
	EXPECT_EQ(0, state_of(self->fd).counters);
}

TEST_F(limits, mappings)
{
	uint64_t at, last = 0;
	uint32_t i, handle;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 256, 0,
			       &handle));
	for (i = 0; i < self->max.max_mappings; i++) {
		ASSERT_EQ(0, map(self->fd, self->context, handle, 256, 0, &at));
		ASSERT_NE(last, at);
		last = at;
	}
	EXPECT_EQ(-ENOSPC, map(self->fd, self->context, handle, 256, 0, &at));
	EXPECT_EQ(self->max.max_mappings, state_of(self->fd).mappings);
	ASSERT_EQ(0, unmap(self->fd, self->context, last));
	EXPECT_EQ(0, map(self->fd, self->context, handle, 256, 0, &at));
	ASSERT_EQ(0, context_destroy(self->fd, self->context));
	EXPECT_EQ(0, state_of(self->fd).mappings);
}

TEST_F(limits, objects)
{
	uint32_t i, last = 0, handle;

	for (i = 0; i < self->max.max_objects; i++)
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 1, 0,
				       &last));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 1, 0,
				     &handle));
	EXPECT_EQ(self->max.max_objects, state_of(self->fd).objects);
	EXPECT_EQ(self->max.max_objects * 256ull, state_of(self->fd).used);
	ASSERT_EQ(0, bo_close(self->fd, last));
	EXPECT_EQ(0, bo_create_soon(self->fd, 1, &last));
}

/* One thread makes and another one destroys, in a table with one free slot. */
struct crowd {
	int fd;
	uint32_t context;
	uint32_t rounds;
	uint32_t failed;
	int unexpected;
};

static void *crowd_rings(void *arg)
{
	struct crowd *c = arg;
	struct ring ring;
	uint32_t i;
	int ret;

	for (i = 0; i < c->rounds; i++) {
		ret = ring_create(c->fd, c->context, 8, NULL, &ring);
		if (ret == -ENOSPC) {
			c->failed++;
			munmap(ring.mem, ring.bytes);
			bo_close(c->fd, ring.handle);
			continue;
		}
		if (!ret)
			ret = ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0);
		if (!ret)
			ret = ring_destroy(&ring);
		if (ret)
			c->unexpected = ret;
	}
	return NULL;
}

static void *crowd_objects(void *arg)
{
	struct crowd *c = arg;
	uint32_t i, handle;
	uint64_t at;
	int ret;

	for (i = 0; i < c->rounds; i++) {
		if (bo_create(c->fd, DRM_VGPU_DOMAIN_SYSTEM, 4096, 0, &handle))
			break;
		ret = map(c->fd, c->context, handle, 4096, 0, &at);
		c->failed += ret == -ENOSPC;
		if (!ret)
			ret = unmap(c->fd, c->context, at);
		if (ret && ret != -ENOSPC)
			c->unexpected = ret;
		bo_close(c->fd, handle);
	}
	return NULL;
}

static void crowd_run(struct __test_metadata *_metadata, struct crowd *c,
		      void *(*run)(void *arg))
{
	struct crowd crowd[3];
	pthread_t threads[3];
	uint32_t i;

	for (i = 0; i < 3; i++) {
		crowd[i] = *c;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run, &crowd[i]));
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, crowd[i].unexpected);
		EXPECT_GT(c->rounds, crowd[i].failed);
	}
}

TEST_F_TIMEOUT(limits, rings, 120)
{
	struct crowd crowd = { self->fd, self->context, 300 * test_scale(),
			       0, 0 };
	struct drm_vgpu_ring_create args;
	uint32_t i, handle, other;
	struct ring ring;

	for (i = 0; i < self->max.max_rings - 1; i++) {
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, 8192,
				       0, &handle));
		args = (struct drm_vgpu_ring_create){
			.context = self->context,
			.handle = handle,
			.sq_entries = 8,
			.cq_entries = 8,
		};
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
		ASSERT_EQ(0, bo_close(self->fd, handle));
	}
	crowd_run(_metadata, &crowd, crowd_rings);
	ASSERT_EQ(0, ring_create(self->fd, self->context, 8, NULL, &ring));
	EXPECT_EQ(self->max.max_rings, state_of(self->fd).rings);
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, 8192, 0,
			       &other));
	args.handle = other;
	args.ring = 0;
	EXPECT_EQ(-ENOSPC, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	EXPECT_EQ(0, ring_destroy(&ring));
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	ASSERT_EQ(0, context_destroy(self->fd, self->context));
	EXPECT_EQ(0, state_of(self->fd).rings);
}

TEST_F_TIMEOUT(limits, objects_crowded, 120)
{
	struct crowd crowd = { self->fd, self->context, 500 * test_scale(),
			       0, 0 };
	uint32_t i, handle;

	for (i = 0; i < self->max.max_objects - 1; i++)
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 1, 0,
				       &handle));
	crowd_run(_metadata, &crowd, crowd_objects);
	EXPECT_EQ(self->max.max_objects - 1, state_of(self->fd).objects);
}

TEST_HARNESS_MAIN
