/* SPDX-License-Identifier: MIT */
/*
 * A worker to test: the fake one (selftests/fake/worker.c) in the mode given,
 * over VRAM of its own.
 */
#ifndef VGPU_WORKER_UTIL_H
#define VGPU_WORKER_UTIL_H

#include <fcntl.h>
#include <sys/mman.h>

#include <vgpu/vgpu.h>

#include "vgpu_test.h"
#include "executor/worker.h"
#include "../fake/worker.h"

#define UTIL_VRAM_BYTES	(1u << 20)
#define UTIL_S		1000000000ull

struct util_worker {
	struct vgpu_message msg;
	uint32_t *vram;
	int vram_fd;
	void *e;
	const struct vgpu_executor_ops *ops;
	char line[VGPU_MESSAGE_BYTES];
};

/* The fake worker lies beside the directory of the tests. */
static inline void util_find_worker(const char *mode)
{
	char path[4096 + 64];
	ssize_t n = readlink("/proc/self/exe", path, 4096);

	path[n < 0 ? 0 : n] = 0;
	*strrchr(path, '/') = 0;
	memcpy(strrchr(path, '/'), "/fake/worker", sizeof("/fake/worker"));
	setenv("VGPU_WORKER", path, 1);
	setenv("VGPU_FAKE", mode, 1);
}

static inline void util_vram(struct util_worker *w)
{
	memset(w, 0, sizeof(*w));
	vgpu_message_init(&w->msg);
	w->ops = &vgpu_worker_executor;
	w->vram_fd = memfd_create("vram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ftruncate(w->vram_fd, UTIL_VRAM_BYTES) ||
	    fcntl(w->vram_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		abort();
	w->vram = mmap(NULL, UTIL_VRAM_BYTES, PROT_READ | PROT_WRITE,
		       MAP_SHARED, w->vram_fd, 0);
}

static inline void util_no_vram(struct util_worker *w)
{
	munmap(w->vram, UTIL_VRAM_BYTES);
	close(w->vram_fd);
	vgpu_message_fini(&w->msg);
}

/* Open it, with a limit for its start; what comes of it. */
static inline int util_open_within(struct util_worker *w, const char *mode,
				   uint64_t ready_ns)
{
	struct vgpu_executor_options options = {
		.kind = "test",
		.bank_shift = 18,
		.vram_bytes = UTIL_VRAM_BYTES,
	};
	int ret;

	util_vram(w);
	util_find_worker(mode);
	options.vram = w->vram;
	options.vram_fd = w->vram_fd;
	ret = vgpu_worker_open(&options, ready_ns, &w->msg, &w->e);
	vgpu_message_get(&w->msg, w->line, sizeof(w->line));
	if (ret)
		util_no_vram(w);
	return ret;
}

static inline int util_open(struct util_worker *w, const char *mode)
{
	return util_open_within(w, mode, VGPU_WORKER_ANSWER_NS);
}

static inline void util_close(struct util_worker *w)
{
	if (w->ops->close(w->e, vgpu_now_ns() + UTIL_S))
		abort();
	util_no_vram(w);
}

static inline int util_build(struct util_worker *w, uint32_t kernel,
			     uint32_t word, struct vgpu_engine_built *built)
{
	struct {
		struct vgpu_kernel_desc desc;
		uint32_t word;
	} code = {
		.desc = {
			.format = VGPU_KERNEL_SPIRV,
			.code_bytes = sizeof(word),
			.entry = "main",
		},
		.word = word,
	};

	return w->ops->build(w->e, kernel, &code,
			     sizeof(code.desc) + sizeof(code.word), built);
}

/* A launch that adds @add to the word at @offset of VRAM. */
static inline int util_launch(struct util_worker *w, uint64_t tag,
			      uint32_t kernel, uint64_t offset, uint32_t add)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_LAUNCH,
		.tag = tag,
	};
	struct vgpu_engine_slot slot = {
		.kernel = kernel,
		.grid = { 1, 1, 1 },
		.n_ranges = 1,
		.const_bytes = sizeof(add),
		.ranges = {
			{ offset, 4, VGPU_RANGE_READ | VGPU_RANGE_WRITE },
		},
	};

	memcpy(slot.consts, &add, sizeof(add));
	return w->ops->submit(w->e, &cmd, &slot);
}

static inline int util_nop(struct util_worker *w, uint64_t tag)
{
	struct vgpu_engine_cmd cmd = {
		.opcode = VGPU_ENGINE_NOP,
		.tag = tag,
	};

	return w->ops->submit(w->e, &cmd, NULL);
}

/* One completion, however long it takes: 1, or -EIO. */
static inline int util_wait(struct util_worker *w,
			    struct vgpu_engine_completion *done)
{
	return w->ops->wait(w->e, done, 1, VGPU_FOREVER);
}

#endif /* VGPU_WORKER_UTIL_H */
