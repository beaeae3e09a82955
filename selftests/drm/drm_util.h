/* SPDX-License-Identifier: MIT */
/*
 * What tests of the render node share: opening it, and the calls of
 * uapi/vgpu_drm.h as functions that return 0 or a negative errno.
 */
#ifndef VGPU_DRM_UTIL_H
#define VGPU_DRM_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xf86drm.h>

#include "kselftest_harness.h"

#include "vgpu_drm.h"

#define MIB			(1ull << 20)
#define NODES			16

/* VGPU_TEST_PATIENCE in the environment: how many times slower the machine is. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL)))
patience_for_timeouts(void)
{
	const char *s = getenv("VGPU_TEST_PATIENCE");
	int times = s ? atoi(s) : 1;
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; times > 1 && f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= times;
}

/* The render node of a GPU of vgpu, opened; the first is number 0.  -1. */
static inline int node_open(int number)
{
	drmVersionPtr version;
	char path[64];
	int i, fd;

	for (i = 128; i < 128 + NODES; i++) {
		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		if (version && !strcmp(version->name, "vgpu") && !number--) {
			drmFreeVersion(version);
			return fd;
		}
		drmFreeVersion(version);
		close(fd);
	}
	return -1;
}

static inline int call(int fd, unsigned long nr, void *args)
{
	return drmIoctl(fd, nr, args) ? -errno : 0;
}

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static inline int64_t after_ms(int64_t ms)
{
	return now_ns() + ms * 1000000;
}

static inline int context_create(int fd, uint32_t *context)
{
	struct drm_vgpu_context_create args = { 0 };
	int ret = call(fd, DRM_IOCTL_VGPU_CONTEXT_CREATE, &args);

	*context = args.context;
	return ret;
}

static inline int context_destroy(int fd, uint32_t context)
{
	struct drm_vgpu_context_destroy args = { .context = context };

	return call(fd, DRM_IOCTL_VGPU_CONTEXT_DESTROY, &args);
}

static inline int bo_create(int fd, uint32_t domain, uint64_t bytes,
			    uint64_t align, uint32_t *handle)
{
	struct drm_vgpu_bo_create args = {
		.bytes = bytes,
		.align = align,
		.domain = domain,
	};
	int ret = call(fd, DRM_IOCTL_VGPU_BO_CREATE, &args);

	*handle = args.handle;
	return ret;
}

static inline int bo_register(int fd, const void *p, uint64_t bytes,
			      uint32_t flags, uint32_t *handle)
{
	struct drm_vgpu_bo_register args = {
		.pointer = (uintptr_t)p,
		.bytes = bytes,
		.flags = flags,
	};
	int ret = call(fd, DRM_IOCTL_VGPU_BO_REGISTER, &args);

	*handle = args.handle;
	return ret;
}

static inline int bo_info(int fd, uint32_t handle, struct drm_vgpu_bo_info *info)
{
	memset(info, 0, sizeof(*info));
	info->handle = handle;
	return call(fd, DRM_IOCTL_VGPU_BO_INFO, info);
}

static inline int bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return call(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

/* Where the buffer is mapped, or MAP_FAILED; all of the pages it has. */
static inline void *bo_mmap(int fd, uint32_t handle)
{
	struct drm_vgpu_bo_info info;
	char *p;

	if (bo_info(fd, handle, &info))
		return MAP_FAILED;
	p = mmap(NULL, info.mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 info.mmap_offset);
	return p == MAP_FAILED ? p : p + info.mmap_skip;
}

static inline int map(int fd, uint32_t context, uint32_t handle, uint64_t bytes,
		      uint32_t flags, uint64_t *address)
{
	struct drm_vgpu_map args = {
		.context = context,
		.handle = handle,
		.bytes = (bytes + 255) & ~255ull,
		.flags = flags | VGPU_MAP_F_ANYWHERE,
	};
	int ret = call(fd, DRM_IOCTL_VGPU_MAP, &args);

	*address = args.address;
	return ret;
}

static inline int unmap(int fd, uint32_t context, uint64_t address)
{
	struct drm_vgpu_unmap args = {
		.context = context,
		.address = address,
	};

	return call(fd, DRM_IOCTL_VGPU_UNMAP, &args);
}

static inline int query(int fd, uint32_t what, void *p, uint32_t size)
{
	struct drm_vgpu_query args = {
		.what = what,
		.size = size,
		.pointer = (uintptr_t)p,
	};

	return call(fd, DRM_IOCTL_VGPU_QUERY, &args);
}

/* What is allocated on the GPU, or all ones. */
static inline uint64_t gpu_used(int fd)
{
	struct drm_vgpu_memory m;

	if (query(fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)))
		return ~0ull;
	return m.gpu_used;
}

/* DRM_VGPU_FEATURE_* of a node. */
static inline uint64_t node_features(int fd)
{
	struct drm_vgpu_features f = { 0 };

	query(fd, DRM_VGPU_QUERY_FEATURES, &f, sizeof(f));
	return f.drm;
}

/* The memory of the GPU. */
static inline uint64_t gpu_bytes(int fd)
{
	struct drm_vgpu_memory m = { 0 };

	query(fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m));
	return m.gpu_bytes;
}

/* Whether all clients share one device, in a virtual machine. */
static inline bool is_shared(int fd)
{
	return node_features(fd) & DRM_VGPU_FEATURE_SHARED;
}

/*
 * Whether nothing is allocated any more, in a while: what was freed counts until
 * it has been zeroed.
 */
static inline bool gpu_is_empty(int fd)
{
	int64_t end = after_ms(20000);

	while (gpu_used(fd)) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* What a client has on its device. */
struct state {
	uint64_t used;
	uint64_t registered;
	uint32_t contexts;
	uint32_t objects;
	uint32_t mappings;
	uint32_t rings;
	uint32_t counters;
	uint32_t pad;
};

static inline struct state state_of(int fd)
{
	struct drm_vgpu_statistics s = { 0 };
	struct drm_vgpu_memory m = { 0 };
	struct state state = { 0 };

	if (query(fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s)) ||
	    query(fd, DRM_VGPU_QUERY_MEMORY, &m, sizeof(m)))
		state.pad = 1;
	state.used = m.client_used;
	state.registered = m.registered;
	state.contexts = s.contexts;
	state.objects = s.objects;
	state.mappings = s.mappings;
	state.rings = s.rings;
	state.counters = s.counters;
	return state;
}

/* In a virtual machine in a while: buffers are freed by a worker there. */
static inline bool state_is(int fd, const struct state *old)
{
	int64_t end = after_ms(is_shared(fd) ? 20000 : 0);
	struct state now = state_of(fd);

	while (memcmp(&now, old, sizeof(now)) && now_ns() < end) {
		usleep(1000);
		now = state_of(fd);
	}
	return !memcmp(&now, old, sizeof(now));
}

/*
 * Whether the client has no memory registered any more; in a virtual machine in a
 * while, because the device says then when it has let go.
 */
static inline bool registered_is_empty(int fd)
{
	int64_t end = after_ms(is_shared(fd) ? 20000 : 0);

	while (state_of(fd).registered) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* How much more is done in a soak: VGPU_TEST_SCALE, or 1. */
static inline unsigned int test_scale(void)
{
	const char *s = getenv("VGPU_TEST_SCALE");
	int n = s ? atoi(s) : 0;

	return n > 0 ? n : 1;
}

/**
 * struct ring - a ring, and the program's side of it
 */
struct ring {
	int fd;
	uint32_t context;
	uint32_t handle;
	uint32_t id;
	void *mem;
	uint64_t bytes;
	struct vgpu_ring r;
	struct vgpu_ring_reaper reaper;
	uint64_t submitted;
};

static inline int ring_control(const struct ring *ring, uint32_t what)
{
	struct drm_vgpu_ring_control args = {
		.ring = ring->id,
		.what = what,
	};

	return call(ring->fd, DRM_IOCTL_VGPU_RING_CONTROL, &args);
}

/* Make a ring that runs; @how may be NULL. */
static inline int ring_create(int fd, uint32_t context, uint32_t entries,
			      const struct drm_vgpu_ring_create *how,
			      struct ring *ring)
{
	struct drm_vgpu_ring_create args = { 0 };
	int ret;

	memset(ring, 0, sizeof(*ring));
	if (how)
		args = *how;
	ring->fd = fd;
	ring->context = context;
	ring->bytes = (VGPU_RING_BYTES(entries, entries) + 4095) & ~4095ull;
	ret = bo_create(fd, DRM_VGPU_DOMAIN_SYSTEM, ring->bytes, 0,
			&ring->handle);
	if (ret)
		return ret;
	ring->mem = bo_mmap(fd, ring->handle);
	if (ring->mem == MAP_FAILED)
		return -errno;
	args.context = context;
	args.handle = ring->handle;
	args.sq_entries = entries;
	args.cq_entries = entries;
	ret = call(fd, DRM_IOCTL_VGPU_RING_CREATE, &args);
	if (ret)
		return ret;
	ring->id = args.ring;
	vgpu_ring_attach(&ring->r, ring->mem, entries, entries);
	vgpu_ring_reaper_init(&ring->reaper, &ring->r);
	return ring_control(ring, VGPU_RING_START);
}

static inline int ring_destroy(struct ring *ring)
{
	struct drm_vgpu_ring_destroy args = { .ring = ring->id };
	int ret = call(ring->fd, DRM_IOCTL_VGPU_RING_DESTROY, &args);

	munmap(ring->mem, ring->bytes);
	bo_close(ring->fd, ring->handle);
	return ret;
}

static inline int ring_kick(struct ring *ring, uint32_t flags,
			    uint64_t completed, int64_t deadline_ns)
{
	struct drm_vgpu_kick args = {
		.ring = ring->id,
		.flags = flags,
		.completed = completed,
		.deadline_ns = deadline_ns,
	};

	return call(ring->fd, DRM_IOCTL_VGPU_KICK, &args);
}

/* Put commands into the ring, and ring the doorbell if it is asked for. */
static inline int ring_submit(struct ring *ring, const struct vgpu_cmd *cmds,
			      uint32_t n)
{
	bool doorbell;

	if (vgpu_ring_submit(&ring->r, cmds, n, n, &doorbell) != n)
		return -EAGAIN;
	ring->submitted += n;
	return doorbell ? ring_kick(ring, 0, 0, 0) : 0;
}

/* Wait until all is completed that was submitted. */
static inline int ring_finish(struct ring *ring)
{
	return ring_kick(ring, DRM_VGPU_KICK_WAIT, ring->submitted,
			 after_ms(60000));
}

/* Submit one command, wait, and return its status, or what went wrong. */
static inline int ring_do(struct ring *ring, const struct vgpu_cmd *cmd)
{
	struct vgpu_completion done;
	int ret = ring_submit(ring, cmd, 1);

	if (!ret)
		ret = ring_finish(ring);
	if (ret)
		return ret;
	if (vgpu_ring_reap(&ring->reaper, &done, 1) != 1)
		return -ENODATA;
	if (vgpu_ring_reap_release(&ring->reaper))
		ring_kick(ring, 0, 0, 0);
	return done.status;
}

/* A command with up to three operands, done. */
static inline int ring_op(struct ring *ring, uint16_t opcode, uint64_t a,
			  uint64_t b, uint64_t c)
{
	struct vgpu_cmd cmd = { .opcode = opcode, .op = { a, b, c } };

	return ring_do(ring, &cmd);
}

/* Bytes that tell where they belong. */
static inline void fill_pattern(void *p, size_t bytes, uint32_t seed)
{
	uint32_t *w = p;
	size_t i;

	for (i = 0; i < bytes / 4; i++) {
		seed = seed * 1664525 + 1013904223;
		w[i] = seed;
	}
}

#endif /* VGPU_DRM_UTIL_H */
