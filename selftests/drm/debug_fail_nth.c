// SPDX-License-Identifier: MIT
/*
 * Every allocation that a call of the render node makes fails once: fail-nth
 * makes the n-th one of this thread fail, for n from 1 on until a scenario runs
 * through.  Each time the call says so with an errno that the interface has, and
 * when the client has gone nothing is left.  Needs a kernel with fault injection.
 *
 * vm: fresh gpus=1 vram=64M
 */
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "drm_util.h"
#include "fail_nth.h"

#define MOST	2000

/* This thread's file, see fail_nth.h. */
static int nth_fd;

/* The errnos of the interface that a shortage may have. */
static bool is_shortage(int ret)
{
	return !ret || ret == -ENOMEM || ret == -ENOSPC || ret == -EFAULT;
}

/**
 * struct scene - what scenarios find
 */
struct scene {
	int fd;
	uint32_t context;
	uint32_t vram, system;
	struct ring ring;
	void *memory;
};

typedef int (*act_fn)(struct scene *s);

static int act_open(struct scene *s)
{
	int fd = node_open(0);

	if (fd < 0)
		return -ENOMEM;
	close(fd);
	return 0;
}

static int act_init(struct scene *s)
{
	struct drm_vgpu_client_init args = { .vram_bytes = 16 * MIB };
	int ret = call(s->fd, DRM_IOCTL_VGPU_CLIENT_INIT, &args);

	/* The scene has a device already, but for this one. */
	return ret == -EBUSY ? 0 : ret;
}

static int act_vram(struct scene *s)
{
	uint32_t handle;
	int ret = bo_create(s->fd, DRM_VGPU_DOMAIN_VRAM, MIB, 0, &handle);

	return ret ? ret : bo_close(s->fd, handle);
}

static int act_system(struct scene *s)
{
	uint32_t handle;
	int ret = bo_create(s->fd, DRM_VGPU_DOMAIN_SYSTEM, 65536, 0, &handle);

	return ret ? ret : bo_close(s->fd, handle);
}

static int act_register(struct scene *s)
{
	uint32_t handle;
	int ret = bo_register(s->fd, s->memory, 65536, 0, &handle);

	return ret ? ret : bo_close(s->fd, handle);
}

static int act_context(struct scene *s)
{
	uint32_t context;
	int ret = context_create(s->fd, &context);

	return ret ? ret : context_destroy(s->fd, context);
}

static int act_map(struct scene *s)
{
	uint64_t address;
	uint32_t handle;
	int ret = bo_create(s->fd, DRM_VGPU_DOMAIN_SYSTEM, 65536, 0, &handle);

	if (ret)
		return ret;
	ret = map(s->fd, s->context, handle, 65536, 0, &address);
	if (!ret)
		ret = unmap(s->fd, s->context, address);
	bo_close(s->fd, handle);
	return ret;
}

static int act_ring(struct scene *s)
{
	struct drm_vgpu_ring_create how = { .poll_us = 100 };
	struct ring ring;
	int ret = ring_create(s->fd, s->context, 64, &how, &ring);

	if (!ret)
		return ring_destroy(&ring);
	if (ring.mem && ring.mem != MAP_FAILED)
		munmap(ring.mem, ring.bytes);
	if (ring.handle)
		bo_close(s->fd, ring.handle);
	return ret;
}

static int act_event(struct scene *s)
{
	struct drm_vgpu_event args = { .vector = DRM_VGPU_EVENT_ALL };
	int ret;

	args.fd = eventfd(0, EFD_CLOEXEC);
	if (args.fd < 0)
		return -ENOMEM;
	ret = call(s->fd, DRM_IOCTL_VGPU_EVENT, &args);
	close(args.fd);
	return ret;
}

/* Memory is taken from the system by the command; its status says so. */
static int act_command(struct scene *s)
{
	uint64_t address;
	uint32_t handle;
	int ret = bo_create(s->fd, DRM_VGPU_DOMAIN_VRAM, 32768, 4096, &handle);

	if (ret)
		return ret;
	ret = map(s->fd, s->context, handle, 32768, 0, &address);
	if (!ret) {
		ret = ring_op(&s->ring, VGPU_CMD_CLEAR, address, 32768, 1);
		unmap(s->fd, s->context, address);
	}
	bo_close(s->fd, handle);
	return ret;
}

static int act_submit(struct scene *s)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_CLEAR, .op = { 0, 32768, 1 },
	};
	struct drm_vgpu_sync sync = { .point = 1 };
	struct drm_vgpu_submit args = {
		.n_commands = 1,
		.stride = sizeof(cmd),
		.commands = (uintptr_t)&cmd,
		.n_out = 1,
		.out = (uintptr_t)&sync,
	};
	uint64_t point = 1;
	uint32_t handle;
	int ret;

	ret = bo_create(s->fd, DRM_VGPU_DOMAIN_VRAM, 32768, 4096, &handle);
	if (ret)
		return ret;
	ret = context_create(s->fd, &args.context);
	if (ret)
		goto close;
	ret = map(s->fd, args.context, handle, 32768, 0,
		  (uint64_t *)&cmd.op[0]);
	if (!ret && drmSyncobjCreate(s->fd, 0, &sync.handle))
		ret = -ENOMEM;
	if (ret)
		goto destroy;
	ret = call(s->fd, DRM_IOCTL_VGPU_SUBMIT, &args);
	if (!ret && drmSyncobjTimelineWait(s->fd, &sync.handle, &point, 1,
					   after_ms(60000), 0, NULL))
		ret = -errno;
	drmSyncobjDestroy(s->fd, sync.handle);
destroy:
	context_destroy(s->fd, args.context);
close:
	bo_close(s->fd, handle);
	return ret;
}

static int act_mmap(struct scene *s)
{
	struct drm_vgpu_bo_info info;
	char *p;
	int ret = bo_info(s->fd, s->vram, &info);

	if (ret)
		return ret;
	p = mmap(NULL, info.mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		 s->fd, info.mmap_offset);
	if (p == MAP_FAILED)
		return -errno;
	munmap(p, info.mmap_bytes);
	return 0;
}

static int act_export(struct scene *s)
{
	uint32_t handle;
	int fd, ret = 0;

	if (drmPrimeHandleToFD(s->fd, s->vram, O_RDWR | O_CLOEXEC, &fd))
		return -errno;
	if (drmPrimeFDToHandle(s->fd, fd, &handle))
		ret = -errno;
	close(fd);
	return ret;
}

static int act_compact(struct scene *s)
{
	struct drm_vgpu_compact args = { .bytes = MIB };

	return call(s->fd, DRM_IOCTL_VGPU_COMPACT, &args);
}

static int act_reset(struct scene *s)
{
	struct drm_vgpu_client_reset args = { 0 };
	int ret = call(s->fd, DRM_IOCTL_VGPU_CLIENT_RESET, &args);

	if (ret)
		return ret;
	munmap(s->ring.mem, s->ring.bytes);
	bo_close(s->fd, s->ring.handle);
	ret = context_create(s->fd, &s->context);
	return ret ? ret :
		     ring_create(s->fd, s->context, 64, NULL, &s->ring);
}

static bool scene_begin(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->fd = node_open(0);
	s->memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return s->fd >= 0 && s->memory != MAP_FAILED &&
	       !context_create(s->fd, &s->context) &&
	       !bo_create(s->fd, DRM_VGPU_DOMAIN_VRAM, 65536, 4096, &s->vram) &&
	       !bo_create(s->fd, DRM_VGPU_DOMAIN_SYSTEM, 65536, 0,
			  &s->system) &&
	       !ring_create(s->fd, s->context, 64, NULL, &s->ring);
}

static void scene_end(struct scene *s)
{
	close(s->fd);
	if (s->ring.mem && s->ring.mem != MAP_FAILED)
		munmap(s->ring.mem, s->ring.bytes);
	munmap(s->memory, 65536);
}

/*
 * One client for all: a call that failed has to leave it as it was.  Returns how
 * many allocations failed, or -1.
 */
static int sweep(struct __test_metadata *_metadata, act_fn act)
{
	struct scene s;
	int n, ret;

	if (!scene_begin(&s))
		return -1;
	for (n = 1; n < MOST; n++) {
		fail_set(nth_fd, n);
		ret = act(&s);
		if (!fail_reached(nth_fd))
			break;
		EXPECT_TRUE(is_shortage(ret)) {
			TH_LOG("allocation %d: %s", n, strerror(-ret));
		}
		/* A failed reset leaves a client without its ring. */
		if (act == act_reset && ret) {
			scene_end(&s);
			if (!scene_begin(&s))
				return -1;
		}
	}
	/* Nothing fails any more: it works. */
	EXPECT_EQ(0, ret);
	scene_end(&s);
	s.fd = node_open(0);
	EXPECT_TRUE(gpu_is_empty(s.fd));
	close(s.fd);
	return n - 1;
}

FIXTURE(fail) {
};

FIXTURE_VARIANT(fail) {
	act_fn act;
	int least;
};

#define ACT(name, n)							\
	FIXTURE_VARIANT_ADD(fail, name) { .act = act_##name, .least = n }

ACT(open, 1);
ACT(vram, 1);
ACT(system, 3);
ACT(register, 2);
ACT(context, 0);
ACT(map, 3);
ACT(ring, 4);
ACT(event, 1);
ACT(command, 2);
ACT(submit, 5);
ACT(mmap, 1);
ACT(export, 2);
ACT(compact, 0);
ACT(reset, 4);

FIXTURE_SETUP(fail)
{
	ASSERT_TRUE(fail_arm());
	nth_fd = fail_open(syscall(SYS_gettid));
	ASSERT_LE(0, nth_fd);
}

FIXTURE_TEARDOWN(fail)
{
	close(nth_fd);
}

TEST_F_TIMEOUT(fail, each, 600)
{
	int failed = sweep(_metadata, variant->act);

	TH_LOG("%d allocations failed", failed);
	/* If it makes none, this has tested nothing. */
	EXPECT_LE(variant->least, failed);
}

/* A device, with its thread and tables, is made anew each time. */
TEST_F_TIMEOUT(fail, init, 600)
{
	struct scene s = { .fd = -1 };
	int n, ret;

	if (variant->act != act_open)
		return;
	for (n = 1; n < MOST; n++) {
		s.fd = node_open(0);
		ASSERT_LE(0, s.fd);
		fail_set(nth_fd, n);
		ret = act_init(&s);
		if (!fail_reached(nth_fd))
			break;
		EXPECT_TRUE(is_shortage(ret)) {
			TH_LOG("allocation %d: %s", n, strerror(-ret));
		}
		close(s.fd);
	}
	EXPECT_EQ(0, ret);
	EXPECT_LE(10, n);
	close(s.fd);
}

TEST_HARNESS_MAIN
