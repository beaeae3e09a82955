// SPDX-License-Identifier: MIT
/*
 * What each call of the render node says to values that are out of range, and
 * to memory that is not there: the errno that vgpu_drm.h has for it, and nothing
 * changed.
 */
#include <grp.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "drm_util.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

FIXTURE(errno_) {
	int fd;
	uint32_t context;
	uint32_t vram;
	uint32_t system;
	struct state state;
};

FIXTURE_SETUP(errno_)
{
	uint64_t at;

	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, context_create(self->fd, &self->context));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 8192, 0,
			       &self->vram));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, 8192, 0,
			       &self->system));
	/* A buffer is an object from its first mapping on. */
	ASSERT_EQ(0, map(self->fd, self->context, self->system, 4096, 0, &at));
	self->state = state_of(self->fd);
}

FIXTURE_TEARDOWN(errno_)
{
	EXPECT_TRUE(state_is(self->fd, &self->state));
	close(self->fd);
}

/* Sizes and addresses that nothing has. */
static const uint64_t huge[] = {
	1ull << 63, ~0ull, ~0ull << 8, ~0ull << 12, 1ull << 62, 1ull << 48,
	1ull << 47,
};

TEST_F(errno_, bo_create)
{
	uint32_t i, handle;

	for (i = 0; i < COUNT(huge); i++) {
		EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
					     huge[i], 0, &handle));
		EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM,
					     huge[i], 0, &handle));
		EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
					     4096, huge[i], &handle));
		EXPECT_EQ(0, handle);
	}
	EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 0, 0,
				     &handle));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, 0, 0,
				     &handle));
	for (i = 1; i < 4096; i <<= 1)
		EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM,
					     4096 + i, 0, &handle));
	for (i = 1; i < 256; i <<= 1)
		EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
					     4096, i, &handle));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 4096, 768,
				     &handle));
	for (i = 0; i < 32; i++) {
		uint32_t domain = i < 2 ? i * 5 : 1u << i;

		if (domain == DRM_VGPU_DOMAIN_SYSTEM)
			continue;
		EXPECT_EQ(-EINVAL, bo_create(self->fd, domain, 4096, 0,
					     &handle));
	}
	EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_REGISTERED,
				     4096, 0, &handle));
}

TEST_F(errno_, bo_register)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* Far from the end of what addresses there are. */
	void *low = (void *)0x10000ul;
	uint32_t i, handle;
	int ret;

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(-EINVAL, bo_register(self->fd, p, 0, 0, &handle));
	EXPECT_EQ(-EINVAL, bo_register(self->fd, p, 4095, 0, &handle));
	EXPECT_EQ(-EINVAL, bo_register(self->fd, p + 1, 4096, 0, &handle));
	for (i = 0; i < COUNT(huge); i++) {
		ret = bo_register(self->fd, p, huge[i], 0, &handle);
		EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT)
			TH_LOG("%llx: %d", (long long)huge[i], ret);
		ret = bo_register(self->fd, (void *)huge[i], 4096, 0, &handle);
		EXPECT_TRUE(ret == -EINVAL || ret == -EFAULT)
			TH_LOG("%llx: %d", (long long)huge[i], ret);
	}
	/* A list of so many pages cannot be had, or is had in vain. */
	ret = bo_register(self->fd, low, 1ull << 46, 0, &handle);
	EXPECT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("%d", ret);
	ret = bo_register(self->fd, low, 1ull << 41, 0, &handle);
	EXPECT_TRUE(ret == -EFAULT || ret == -ENOMEM) TH_LOG("%d", ret);
	EXPECT_EQ(-EFAULT, bo_register(self->fd, NULL, 4096, 0, &handle));
	/* A part that is not there, one that is not writable, one at all. */
	ASSERT_EQ(0, munmap(p + 3 * 4096, 4096));
	EXPECT_EQ(-EFAULT, bo_register(self->fd, p, 4 * 4096, 0, &handle));
	ASSERT_EQ(0, mprotect(p + 4096, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, bo_register(self->fd, p, 2 * 4096, 0, &handle));
	ASSERT_EQ(0, mprotect(p + 4096, 4096, PROT_NONE));
	EXPECT_EQ(-EFAULT, bo_register(self->fd, p, 2 * 4096,
				       DRM_VGPU_BO_READ_ONLY, &handle));
	EXPECT_EQ(0, handle);
	munmap(p, 3 * 4096);
}

static int map_at(int fd, uint32_t context, uint32_t handle, uint64_t address,
		  uint64_t offset, uint64_t bytes, uint32_t flags)
{
	struct drm_vgpu_map args = {
		.context = context,
		.handle = handle,
		.address = address,
		.offset = offset,
		.bytes = bytes,
		.flags = flags,
	};

	return call(fd, DRM_IOCTL_VGPU_MAP, &args);
}

TEST_F(errno_, map)
{
	const uint64_t min = VGPU_ADDRESS_MIN, end = 1ull << VGPU_ADDRESS_BITS;
	uint32_t c, i, k, handles[2] = { self->vram, self->system };
	const int fd = self->fd;

	ASSERT_EQ(0, context_create(fd, &c));
	for (k = 0; k < 2; k++) {
		uint32_t h = handles[k];

		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 0, 0, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, 0, 0, 256, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min - 256, 0, 256, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min - 256, 0, 512, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, end, 0, 256, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, end - 256, 0, 512, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 8192, 256, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 7936, 512, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 0, 8192 + 256, 0));
		EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 0, 256,
					  VGPU_MAP_F_ANYWHERE));
		for (i = 1; i < 256; i <<= 1) {
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, min + i, 0, 256, 0));
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, i, 256, 0));
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 0, 256 + i, 0));
		}
		for (i = 0; i < COUNT(huge); i++) {
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, huge[i], 0, 256, 0));
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, huge[i], 256,
						  0));
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, min, 0, huge[i],
						  0));
			EXPECT_EQ(-EINVAL, map_at(fd, c, h, 0, 0, huge[i],
						  VGPU_MAP_F_ANYWHERE));
		}
	}
	/* The first and the last address there is, and what is taken. */
	EXPECT_EQ(0, map_at(fd, c, self->vram, end - 256, 0, 256, 0));
	EXPECT_EQ(0, map_at(fd, c, self->vram, min, 0, 512, 0));
	EXPECT_EQ(-EEXIST, map_at(fd, c, self->vram, min, 0, 256, 0));
	EXPECT_EQ(-EEXIST, map_at(fd, c, self->vram, min + 256, 0, 512, 0));
	EXPECT_EQ(-EEXIST, map_at(fd, c, self->system, end - 512, 0, 512, 0));
	EXPECT_EQ(0, map_at(fd, c, self->vram, min + 512, 0, 256, 0));

	EXPECT_EQ(-EFAULT, unmap(fd, c, min + 256));
	EXPECT_EQ(-EFAULT, unmap(fd, c, 0));
	EXPECT_EQ(-EINVAL, unmap(fd, c, end));
	EXPECT_EQ(-EINVAL, unmap(fd, c, ~0ull));
	EXPECT_EQ(0, unmap(fd, c, min));
	EXPECT_EQ(-EFAULT, unmap(fd, c, min));
	EXPECT_EQ(0, unmap(fd, c, min + 512));
	EXPECT_EQ(0, unmap(fd, c, end - 256));
	EXPECT_EQ(0, context_destroy(fd, c));
}

TEST_F(errno_, registers)
{
	struct drm_vgpu_register r;
	uint32_t offset, bytes;
	int ret;

	for (bytes = 0; bytes <= 16; bytes++)
		for (offset = 0; offset < VGPU_REG_END + 16; offset++) {
			r = (struct drm_vgpu_register){ .offset = offset,
							.bytes = bytes };
			ret = call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r);
			if ((bytes == 4 || bytes == 8) && !(offset % bytes) &&
			    offset < VGPU_REG_END) {
				ASSERT_EQ(0, ret) TH_LOG("%x", offset);
			} else {
				ASSERT_EQ(-EINVAL, ret) TH_LOG("%x", offset);
			}
		}
	for (offset = 0; offset < VGPU_REG_END; offset += 4) {
		r = (struct drm_vgpu_register){
			.offset = offset,
			.bytes = 4,
			.flags = DRM_VGPU_REGISTER_WRITE,
			.value = 0x1234,
		};
		ret = call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r);
		switch (offset) {
		case VGPU_REG_ERR_CLEAR:
		case VGPU_REG_IRQ_ACK:
		case VGPU_REG_IRQ_MASK:
		case VGPU_REG_SCRATCH:
			EXPECT_EQ(0, ret);
			break;
		default:
			EXPECT_EQ(-EACCES, ret) TH_LOG("%x", offset);
		}
		r.value = 1ull << 32;
		EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r));
	}
	r = (struct drm_vgpu_register){ .offset = VGPU_REG_SCRATCH, .bytes = 4 };
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_REGISTER, &r));
	EXPECT_EQ(0x1234, r.value);
}

TEST_F(errno_, events)
{
	struct drm_vgpu_event e = { .vector = VGPU_MSIX_VECTORS, .fd = -1 };
	int event = eventfd(0, EFD_NONBLOCK);

	ASSERT_LE(0, event);
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	e.vector = ~0u - 1;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	e = (struct drm_vgpu_event){ .vector = 0, .fd = -2 };
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	e.fd = 1000;
	EXPECT_EQ(-EBADF, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	/* A file that is none. */
	e.fd = self->fd;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	e = (struct drm_vgpu_event){ DRM_VGPU_EVENT_ALL, event };
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	e.fd = -1;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_EVENT, &e));
	close(event);
}

TEST_F(errno_, rings)
{
	const struct drm_vgpu_ring_create right = {
		.context = self->context,
		.handle = self->system,
		.sq_entries = 8,
		.cq_entries = 8,
	};
	static const uint32_t entries[] = {
		0, 1, 4, 7, 9, 12, 65535, 131072, 1u << 31, ~0u,
	};
	struct drm_vgpu_ring_create args;
	struct drm_vgpu_ring_control control;
	uint32_t i;

	for (i = 0; i < COUNT(entries); i++) {
		args = right;
		args.sq_entries = entries[i];
		EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE,
					&args));
		args = right;
		args.cq_entries = entries[i];
		EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE,
					&args));
	}
	args = right;
	args.priority = VGPU_PRIORITIES;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	args = right;
	args.vector = VGPU_MSIX_VECTORS;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	args = right;
	args.poll_us = 1000001;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	args = right;	/* a buffer that is too short */
	args.sq_entries = 64;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	args = right;	/* VRAM */
	args.handle = self->vram;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	args = right;
	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	control = (struct drm_vgpu_ring_control){ .ring = args.ring };
	for (i = 0; i < 40; i++) {
		control.what = i < 8 ? i : 1u << (i - 8);
		if (control.what >= 1 && control.what <= 3)
			continue;
		EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_RING_CONTROL,
					&control)) TH_LOG("%u", control.what);
	}
	control.what = VGPU_RING_PAUSE;
	EXPECT_EQ(-EBUSY, call(self->fd, DRM_IOCTL_VGPU_RING_CONTROL, &control));
	args.ring = 0;
	EXPECT_EQ(-EBUSY, call(self->fd, DRM_IOCTL_VGPU_RING_CREATE, &args));
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_RING_DESTROY,
			  &(struct drm_vgpu_ring_destroy){ control.ring, 0 }));
}

TEST_F(errno_, counters)
{
	struct drm_vgpu_counter_create make = { .context = self->context,
						.value = 5 };
	struct drm_vgpu_counter c = { 0 };

	ASSERT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_CREATE, &make));
	c.counter = make.counter;
	c.value = 4;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_COUNTER_SIGNAL, &c));
	c.value = ~0ull;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_SIGNAL, &c));
	c.value = 6;
	EXPECT_EQ(-EINVAL, call(self->fd, DRM_IOCTL_VGPU_COUNTER_SIGNAL, &c));
	c.value = 0;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_READ, &c));
	EXPECT_EQ(~0ull, c.value);
	c.value = 0;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_COUNTER_DESTROY, &c));
}

/* Deadlines of all kinds: those that have passed do not wait. */
TEST_F(errno_, deadlines)
{
	static const int64_t past[] = { 0, 1, -1, INT64_MIN };
	struct drm_vgpu_wait w = { .events = ~0ull, .deadline_ns = 0 };
	struct drm_vgpu_kick kick = { .flags = DRM_VGPU_KICK_WAIT };
	struct ring ring;
	uint32_t i;

	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_WAIT, &w));
	ASSERT_EQ(0, ring_create(self->fd, self->context, 8, NULL, &ring));
	for (i = 0; i < COUNT(past); i++) {
		/* Learn what it is; then nothing happens any more. */
		w.deadline_ns = INT64_MAX;
		w.events = ~0ull;
		EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_WAIT, &w));
		w.deadline_ns = past[i];
		EXPECT_EQ(-ETIME, call(self->fd, DRM_IOCTL_VGPU_WAIT, &w));
		kick.ring = ring.id;
		kick.completed = ~0ull;
		kick.deadline_ns = past[i];
		EXPECT_EQ(-ETIME, call(self->fd, DRM_IOCTL_VGPU_KICK, &kick));
	}
	kick.completed = 0;
	kick.deadline_ns = INT64_MAX;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_KICK, &kick));
	EXPECT_EQ(0, ring_destroy(&ring));
}

TEST_F(errno_, client_init)
{
	struct drm_vgpu_client_init init = { 0 };
	struct drm_vgpu_info info;
	uint32_t i;
	int fd = node_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, query(fd, DRM_VGPU_QUERY_INFO, &info, sizeof(info)));
	for (i = 0; i < 64; i++) {
		init = (struct drm_vgpu_client_init){ .flags = 1ull << i };
		EXPECT_EQ(-EINVAL, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	}
	for (i = 0; i < 12; i++) {
		init = (struct drm_vgpu_client_init){ .vram_bytes = 1ull << i };
		EXPECT_EQ(-EINVAL, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	}
	init = (struct drm_vgpu_client_init){ .vram_bytes = info.vram_bytes +
						4096 };
	EXPECT_EQ(-EINVAL, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	init.vram_bytes = 1 << 20;
	EXPECT_EQ(0, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	EXPECT_EQ(-EBUSY, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	init.vram_bytes = 0;
	EXPECT_EQ(-EBUSY, call(fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
	EXPECT_EQ(0, query(fd, DRM_VGPU_QUERY_INFO, &info, sizeof(info)));
	EXPECT_EQ(1 << 20, info.vram_bytes);
	close(fd);
	/* What has implied it comes too early, too. */
	EXPECT_EQ(-EBUSY, call(self->fd, DRM_IOCTL_VGPU_CLIENT_INIT, &init));
}

/* What a process may do does not depend on who it is, once it has the node. */
TEST_F(errno_, another_user)
{
	uint32_t handle, context, primed;
	int status, fd = node_open(0);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ring ring;
	pid_t child;

	ASSERT_LE(0, fd);
	ASSERT_NE(MAP_FAILED, p);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(1);
		if (context_create(fd, &context) ||
		    bo_create(fd, DRM_VGPU_DOMAIN_VRAM, 4096, 0, &primed) ||
		    bo_register(fd, p, 4096, 0, &handle) ||
		    ring_create(fd, context, 8, NULL, &ring) ||
		    ring_op(&ring, VGPU_CMD_NOP, 0, 0, 0))
			_exit(2);
		if (bo_register(fd, p, 1 << 30, 0, &handle) != -ENOSPC)
			_exit(3);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	close(fd);
	while (state_of(self->fd).registered)
		usleep(1000);
}

TEST_HARNESS_MAIN
