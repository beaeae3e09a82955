/* SPDX-License-Identifier: MIT */
/*
 * What tests of the engine channel share: a client that launches, and a GPU that
 * has an engine.
 */
#ifndef VGPU_ENGINE_CLIENT_H
#define VGPU_ENGINE_CLIENT_H

#include "drm_util.h"
#include "fake_engine.h"

#define VRAM_BYTES	(64 * 1024u)
#define ARGS_STRIDE	512u
#define ARGS_SLOTS	8u

/**
 * struct client - a process's device, with what a launch needs
 */
struct client {
	int fd;
	uint32_t context;
	uint32_t kernel;
	struct ring ring;
	uint32_t args_bo;
	unsigned char *args;	/* of several launches, one after the other */
	uint64_t args_at;
	uint32_t slot;
	uint32_t vram_bo;
	uint32_t *vram;
	uint64_t vram_at;
	char message[128];
};

static inline void code_init(struct fake_code *code)
{
	memset(code, 0, sizeof(*code));
	code->info.used = 1;
	code->info.written = 1;
	code->info.const_bytes = sizeof(struct act);
	code->info.workgroup[0] = 1;
	code->info.workgroup[1] = 1;
	code->info.workgroup[2] = 1;
}

/* With a place for what is wrong about it. */
static inline int kernel_create_to(struct client *c,
				   const struct fake_code *code, char *message,
				   uint32_t message_bytes, uint32_t *kernel)
{
	struct {
		struct vgpu_kernel_desc desc;
		struct fake_code code;
	} blob = {
		.desc = {
			.format = VGPU_KERNEL_SPIRV,
			.code_bytes = sizeof(*code),
			.entry = "main",
		},
		.code = *code,
	};
	struct drm_vgpu_kernel_create args = {
		.context = c->context,
		.bytes = sizeof(blob),
		.pointer = (uintptr_t)&blob,
		.message = (uintptr_t)message,
		.message_bytes = message_bytes,
	};
	int ret = ioctl(c->fd, DRM_IOCTL_VGPU_KERNEL_CREATE, &args) ? -errno : 0;

	*kernel = args.kernel;
	return ret;
}

static inline int kernel_create(struct client *c, const struct fake_code *code,
			 uint32_t *kernel)
{
	return kernel_create_to(c, code, c->message, sizeof(c->message),
				kernel);
}

static inline int kernel_destroy(struct client *c, uint32_t kernel)
{
	struct drm_vgpu_kernel_destroy args = { .kernel = kernel };

	return call(c->fd, DRM_IOCTL_VGPU_KERNEL_DESTROY, &args);
}

/* All but the kernel. */
static inline int client_open(struct client *c)
{
	int ret;

	memset(c, 0, sizeof(*c));
	c->fd = node_open(0);
	if (c->fd < 0)
		return -ENODEV;
	ret = context_create(c->fd, &c->context);
	if (!ret)
		ret = ring_create(c->fd, c->context, 256, NULL, &c->ring);
	if (!ret)
		ret = bo_create(c->fd, DRM_VGPU_DOMAIN_SYSTEM, 4096, 0,
				&c->args_bo);
	if (!ret)
		ret = map(c->fd, c->context, c->args_bo, 4096, 0, &c->args_at);
	if (!ret)
		ret = bo_create(c->fd, DRM_VGPU_DOMAIN_VRAM, VRAM_BYTES, 4096,
				&c->vram_bo);
	if (!ret)
		ret = map(c->fd, c->context, c->vram_bo, VRAM_BYTES, 0,
			  &c->vram_at);
	if (ret)
		return ret;
	c->args = bo_mmap(c->fd, c->args_bo);
	c->vram = bo_mmap(c->fd, c->vram_bo);
	return c->args == MAP_FAILED || c->vram == MAP_FAILED ? -errno : 0;
}

static inline int client_ready(struct client *c)
{
	struct fake_code code;
	int ret = client_open(c);

	code_init(&code);
	return ret ? ret : kernel_create(c, &code, &c->kernel);
}

static inline void client_close(struct client *c)
{
	munmap(c->args, 4096);
	munmap(c->vram, VRAM_BYTES);
	munmap(c->ring.mem, c->ring.bytes);
	close(c->fd);
}

static inline void act_set(struct client *c, uint32_t what, int32_t status,
		    uint32_t value)
{
	struct act act = { .what = what, .status = status, .value = value };
	struct vgpu_args args = {
		.n_ranges = 1,
		.const_bytes = sizeof(act),
		.ranges[0] = {
			.address = c->vram_at,
			.bytes = VRAM_BYTES,
			.flags = VGPU_RANGE_WRITE,
		},
	};

	memcpy(args.consts, &act, sizeof(act));
	c->slot = (c->slot + 1) % ARGS_SLOTS;
	memcpy(c->args + c->slot * ARGS_STRIDE, &args, sizeof(args));
}

static inline struct vgpu_cmd launch_cmd(const struct client *c, uint64_t timeout_ms)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_LAUNCH,
		.op = { c->kernel, 1 | 1ull << 32, 1,
			c->args_at + c->slot * ARGS_STRIDE,
			timeout_ms * 1000000 },
	};

	return cmd;
}

/* Launch, wait, and return the status. */
static inline int launch(struct client *c, uint32_t what, int32_t status,
		  uint32_t value, uint64_t timeout_ms)
{
	struct vgpu_cmd cmd;

	act_set(c, what, status, value);
	cmd = launch_cmd(c, timeout_ms);
	return ring_do(&c->ring, &cmd);
}

/* Launch, and do not wait. */
static inline int launch_only(struct client *c, uint32_t what, uint64_t timeout_ms)
{
	struct vgpu_cmd cmd;

	act_set(c, what, 0, 0);
	cmd = launch_cmd(c, timeout_ms);
	return ring_submit(&c->ring, &cmd, 1);
}

static inline struct drm_vgpu_statistics statistics(const struct client *c)
{
	struct drm_vgpu_statistics s = { 0 };

	query(c->fd, DRM_VGPU_QUERY_STATISTICS, &s, sizeof(s));
	return s;
}

static inline struct drm_vgpu_info info(int fd)
{
	struct drm_vgpu_info i = { 0 };

	query(fd, DRM_VGPU_QUERY_INFO, &i, sizeof(i));
	return i;
}

/* Wait until @word is at least @value. */
static inline bool reaches(const uint32_t *word, uint32_t value)
{
	int64_t end = after_ms(10000);

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* With one. */
FIXTURE(engine) {
	struct fake_shared *shared;
	struct client c;
};

FIXTURE_SETUP(engine)
{
	self->shared = fake_shared_create();
	ASSERT_NE(NULL, self->shared);
	ASSERT_EQ(0, fake_start(self->shared));
	ASSERT_EQ(0, client_ready(&self->c));
}

FIXTURE_TEARDOWN(engine)
{
	int fd;

	client_close(&self->c);
	fake_stop(self->shared);
	EXPECT_EQ(0, self->shared->errors);
	fd = node_open(0);
	EXPECT_TRUE(gpu_is_empty(fd));
	EXPECT_EQ(0, info(fd).status & VGPU_STATUS_ENGINE);
	close(fd);
}

#endif /* VGPU_ENGINE_CLIENT_H */
