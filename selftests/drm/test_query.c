// SPDX-License-Identifier: MIT
/*
 * DRM_IOCTL_VGPU_QUERY: how much is written, and that the figures are true.
 *
 * vm: fresh gpus=2 vram=64M
 */
#include "drm_util.h"

static const struct {
	uint32_t what;
	uint32_t size;
} queries[] = {
	{ DRM_VGPU_QUERY_INFO, sizeof(struct drm_vgpu_info) },
	{ DRM_VGPU_QUERY_MEMORY, sizeof(struct drm_vgpu_memory) },
	{ DRM_VGPU_QUERY_LIMITS, sizeof(struct drm_vgpu_limits) },
	{ DRM_VGPU_QUERY_FEATURES, sizeof(struct drm_vgpu_features) },
	{ DRM_VGPU_QUERY_STATISTICS, sizeof(struct drm_vgpu_statistics) },
};

#define N_QUERIES	(sizeof(queries) / sizeof(queries[0]))

FIXTURE(query) {
	int fd;
};

FIXTURE_VARIANT(query) {
	bool init;
};

FIXTURE_VARIANT_ADD(query, before) {
	.init = false,
};

FIXTURE_VARIANT_ADD(query, after) {
	.init = true,
};

FIXTURE_SETUP(query)
{
	struct drm_vgpu_client_init init = { 0 };

	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	if (variant->init)
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
}

FIXTURE_TEARDOWN(query)
{
	close(self->fd);
}

static int ask(int fd, uint32_t what, void *p, uint32_t *size)
{
	struct drm_vgpu_query args = {
		.what = what,
		.size = *size,
		.pointer = (uintptr_t)p,
	};
	int ret = call(fd, DRM_IOCTL_VGPU_QUERY, &args);

	*size = args.size;
	return ret;
}

TEST_F(query, sizes)
{
	unsigned char buffer[512];
	uint32_t i, k, give, size;

	for (i = 0; i < N_QUERIES; i++) {
		for (size = 0, k = 0; k < 3; k++, size = k * 1000) {
			EXPECT_EQ(0, ask(self->fd, queries[i].what, NULL,
					 &size));
			EXPECT_EQ(queries[i].size, size);
		}
		for (give = 0; give < 300; give++) {
			memset(buffer, 0xaa, sizeof(buffer));
			size = give;
			ASSERT_EQ(0, ask(self->fd, queries[i].what, buffer,
					 &size));
			ASSERT_EQ(queries[i].size, size);
			for (k = queries[i].size; k < give; k++)
				ASSERT_EQ(0, buffer[k]) TH_LOG("%u", k);
			for (k = give; k < sizeof(buffer); k++)
				ASSERT_EQ(0xaa, buffer[k]) TH_LOG("%u", k);
		}
	}
	/* As much as asked for of the same answer. */
	EXPECT_EQ(0, query(self->fd, DRM_VGPU_QUERY_LIMITS, buffer, 48));
	memset(buffer + 48, 0, 48);
	EXPECT_EQ(0, query(self->fd, DRM_VGPU_QUERY_LIMITS, buffer + 48, 12));
	EXPECT_EQ(0, memcmp(buffer, buffer + 48, 12));
	EXPECT_EQ(0, buffer[60]);
}

TEST_F(query, refused)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static const uint32_t unknown[] = { 6, 7, 255, 1u << 31, ~0u };
	static const uint64_t bad[] = {
		8, 1ull << 47, 1ull << 63, ~0ull, 0xffff888000000000ull,
	};
	uint32_t i, k, size;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, munmap(p + 4096, 4096));
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		EXPECT_EQ(-EINVAL, query(self->fd, unknown[i], p, 4096));
		EXPECT_EQ(-EINVAL, query(self->fd, unknown[i], NULL, 0));
	}
	for (i = 0; i < N_QUERIES; i++) {
		for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			size = queries[i].size;
			EXPECT_EQ(-EFAULT, ask(self->fd, queries[i].what,
					       (void *)bad[k], &size));
			EXPECT_EQ(queries[i].size, size);
		}
		/* The answer, or the zeroes behind it, beyond the end. */
		size = queries[i].size;
		EXPECT_EQ(-EFAULT, ask(self->fd, queries[i].what,
				       p + 4096 - size + 1, &size));
		size = queries[i].size + 8;
		EXPECT_EQ(-EFAULT, ask(self->fd, queries[i].what,
				       p + 4096 - size + 1, &size));
		size = DRM_VGPU_QUERY_MAX;
		EXPECT_EQ(-EFAULT, ask(self->fd, queries[i].what, p, &size));
		size = DRM_VGPU_QUERY_MAX + 1;
		EXPECT_EQ(-EINVAL, ask(self->fd, queries[i].what, p, &size));
		size = ~0u;
		EXPECT_EQ(-EINVAL, ask(self->fd, queries[i].what, p, &size));
	}
	ASSERT_EQ(0, mprotect(p, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, query(self->fd, DRM_VGPU_QUERY_INFO, p, 40));
	munmap(p, 4096);
}

TEST_F(query, what_it_is)
{
	struct drm_vgpu_info info, again, other;
	struct drm_vgpu_features features;
	struct drm_vgpu_register r = { .offset = VGPU_REG_FEATURES_LO,
				       .bytes = 8 };
	int second = node_open(1);
	bool shared = is_shared(self->fd);

	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_INFO, &info, sizeof(info)));
	EXPECT_EQ(VGPU_VERSION, info.version);
	EXPECT_EQ(0, info.gpu);
	if (!shared) {
		EXPECT_EQ(64 * MIB, info.vram_bytes);
		EXPECT_LE(info.device_clock_ns, (uint64_t)now_ns());
	}
	EXPECT_EQ(0, info.status & VGPU_STATUS_ENGINE);
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_INFO, &again,
			   sizeof(again)));
	EXPECT_LT(info.device_clock_ns, again.device_clock_ns);
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_FEATURES, &features,
			   sizeof(features)));
	EXPECT_EQ(info.features, features.device);
	EXPECT_EQ(0, features.device & ~VGPU_FEATURE_ALL);
	EXPECT_NE(0, features.drm & DRM_VGPU_FEATURE_REGISTER);
	if (!shared) {
		EXPECT_NE(0, features.drm & DRM_VGPU_FEATURE_POLLING);
		ASSERT_EQ(0, query(second, DRM_VGPU_QUERY_INFO, &other,
				   sizeof(other)));
		EXPECT_EQ(1, other.gpu);
	}
	/* The registers say the same. */
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r));
	EXPECT_EQ(info.features, r.value);
	r = (struct drm_vgpu_register){ .offset = VGPU_REG_VRAM_LO, .bytes = 8 };
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r));
	EXPECT_EQ(info.vram_bytes, r.value);
	close(second);
}

TEST_F(query, limits)
{
	static const uint32_t regs[] = {
		VGPU_REG_MAX_CONTEXTS, VGPU_REG_MAX_OBJECTS,
		VGPU_REG_MAX_MAPPINGS, VGPU_REG_MAX_RINGS,
		VGPU_REG_MAX_COUNTERS, VGPU_REG_MAX_KERNELS,
		VGPU_REG_MAX_ENTRIES,
	};
	struct drm_vgpu_register r = { .bytes = 4 };
	struct drm_vgpu_limits l;
	uint32_t i;

	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_LIMITS, &l, sizeof(l)));
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		r.offset = regs[i];
		r.value = 0;
		ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r));
		EXPECT_LT(0, r.value);
		EXPECT_EQ(r.value, ((uint32_t *)&l)[i]) TH_LOG("%u", i);
	}
	if (is_shared(self->fd))
		return;
	EXPECT_LT(0, l.max_jobs);
	EXPECT_EQ(1000000, l.max_poll_us);
}

/* What a client has, it alone has; what it takes, the GPU has less of. */
TEST_F(query, memory)
{
	struct drm_vgpu_memory m, o;
	int other = node_open(0), second = node_open(1);
	uint32_t a, b, reg;
	char *p;

	if (is_shared(self->fd))
		SKIP(return, "one GPU, and buffers take whole pages of it");
	ASSERT_LE(0, other);
	ASSERT_LE(0, second);
	ASSERT_TRUE(gpu_is_empty(self->fd));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(64 * MIB, m.gpu_bytes);
	EXPECT_EQ(64 * MIB, m.gpu_limit);
	EXPECT_EQ(64 * MIB, m.client_limit);
	EXPECT_EQ(64 * MIB, m.client_largest);
	EXPECT_EQ(0, m.client_used | m.client_peak | m.client_resident);

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 5 * MIB + 1, 0,
			       &a));
	ASSERT_EQ(0, bo_create(other, DRM_VGPU_DOMAIN_VRAM, 3 * MIB, 0, &b));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	ASSERT_EQ(0, query(other, DRM_VGPU_QUERY_MEMORY, &o, sizeof(o)));
	EXPECT_EQ(5 * MIB + 256, m.client_used);
	EXPECT_EQ(5 * MIB + 256, m.client_peak);
	EXPECT_EQ(3 * MIB, o.client_used);
	EXPECT_EQ(8 * MIB + 256, m.gpu_used);
	EXPECT_EQ(8 * MIB + 256, o.gpu_used);
	EXPECT_LE(8 * MIB + 256, m.gpu_peak);
	EXPECT_EQ(56 * MIB - 256, m.client_largest);
	EXPECT_EQ(0, m.client_resident);
	EXPECT_EQ(0, gpu_used(second));
	/* Touched, it is there. */
	p = bo_mmap(self->fd, a);
	ASSERT_NE(MAP_FAILED, p);
	p[0] = 1;
	p[MIB] = 1;
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(8192, m.client_resident);
	ASSERT_EQ(0, query(other, DRM_VGPU_QUERY_MEMORY, &o, sizeof(o)));
	EXPECT_EQ(0, o.client_resident);
	munmap((void *)((uintptr_t)p & ~4095ul), 5 * MIB + 4096);
	ASSERT_EQ(0, bo_close(self->fd, a));
	close(other);
	EXPECT_TRUE(gpu_is_empty(self->fd));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(0, m.client_used | m.client_resident);
	EXPECT_EQ(5 * MIB + 256, m.client_peak);

	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, bo_register(self->fd, p, MIB, 0, &reg));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(MIB, m.registered);
	ASSERT_EQ(0, query(second, DRM_VGPU_QUERY_MEMORY, &o, sizeof(o)));
	EXPECT_EQ(0, o.registered);
	ASSERT_EQ(0, bo_close(self->fd, reg));
	EXPECT_EQ(0, state_of(self->fd).registered);
	close(second);
}

/* A limit of its own: the figures, and that it may be below what it has. */
TEST_F(query, client_limit)
{
	struct drm_vgpu_client_limit limit = { .bytes = 10 * MIB };
	const uint64_t all = gpu_bytes(self->fd);
	struct drm_vgpu_memory m;
	uint32_t a, b;

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 8 * MIB, 0, &a));
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
				     2 * MIB + 1, 0, &b));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(10 * MIB, m.client_limit);
	EXPECT_EQ(2 * MIB, m.client_largest);
	limit.bytes = MIB;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(MIB, m.client_limit);
	EXPECT_EQ(8 * MIB, m.client_used);
	EXPECT_EQ(0, m.client_largest);
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 256, 0,
				     &b));
	limit.bytes = 0;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(all, m.client_limit);
	limit.bytes = ~0ull;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_CLIENT_LIMIT, &limit));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)));
	EXPECT_EQ(all, m.client_limit);
	EXPECT_EQ(all - 8 * MIB, m.client_largest);
}

/* Counts of what is done; another client's stay as they were. */
TEST_F(query, statistics)
{
	struct drm_vgpu_statistics s, o;
	int other = node_open(0);
	uint32_t context, a, b;
	uint64_t at_a, at_b;
	struct ring ring;

	if (is_shared(self->fd))
		SKIP(return, "the device counts for all its clients");
	ASSERT_LE(0, other);
	memset(&o, 0xff, sizeof(o));
	ASSERT_EQ(0, query(other, DRM_VGPU_QUERY_STATISTICS, &o, sizeof(o)));
	EXPECT_EQ(0, o.queued | o.completed | o.kicks | o.objects | o.contexts);
	ASSERT_EQ(0, context_create(self->fd, &context));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, MIB, 0, &a));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, MIB, 0, &b));
	ASSERT_EQ(0, map(self->fd, context, a, MIB, 0, &at_a));
	ASSERT_EQ(0, map(self->fd, context, b, MIB, 0, &at_b));
	ASSERT_EQ(0, ring_create(self->fd, context, 64, NULL, &ring));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s)));
	EXPECT_EQ(1, s.contexts);
	EXPECT_EQ(3, s.objects);
	EXPECT_EQ(2, s.mappings);
	EXPECT_EQ(1, s.rings);
	EXPECT_EQ(0, s.counters | s.kernels);
	EXPECT_EQ(0, s.queued);

	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_CLEAR, at_a, MIB, 7));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_COPY, at_b, at_a, MIB / 2));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0));
	EXPECT_EQ(-EFAULT, ring_op(&ring, VGPU_CMD_CLEAR, 4096, 4, 7));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s)));
	EXPECT_EQ(4, s.queued);
	EXPECT_EQ(3, s.completed);
	EXPECT_EQ(1, s.failed);
	EXPECT_EQ(0, s.in_flight);
	EXPECT_EQ(MIB, s.bytes_cleared);
	EXPECT_EQ(MIB / 2, s.bytes_copied);
	EXPECT_EQ(0, s.launches);
	EXPECT_LT(0, s.busy_ns);
	EXPECT_LE(4, s.kicks);
	EXPECT_LE(s.kicks_inline, s.kicks);
	EXPECT_LT(0, s.gpu_busy_ns);

	memset(&o, 0xff, sizeof(o));
	ASSERT_EQ(0, query(other, DRM_VGPU_QUERY_STATISTICS, &o, sizeof(o)));
	EXPECT_EQ(0, o.queued | o.completed | o.kicks | o.objects | o.contexts);
	EXPECT_EQ(0, o.busy_ns);
	close(other);
	EXPECT_EQ(0, ring_destroy(&ring));
	ASSERT_EQ(0, context_destroy(self->fd, context));
	ASSERT_EQ(0, query(self->fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s)));
	EXPECT_EQ(0, s.rings | s.mappings | s.contexts);
	EXPECT_EQ(4, s.queued);
}

TEST_HARNESS_MAIN
