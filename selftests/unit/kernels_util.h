/* SPDX-License-Identifier: MIT */
/*
 * What tests of kernels share: a device of a column, a kernel that adds, and a
 * look whether a device still works.
 */
#ifndef VGPU_KERNELS_UTIL_H
#define VGPU_KERNELS_UTIL_H

#include "suite.h"

static const uint32_t code_add[] =
#include "s_add.inc"
;
static const uint32_t code_alias[] =
#include "s_alias.inc"
;
static const uint32_t code_endless[] =
#include "s_endless.inc"
;
static const uint32_t code_grid[] =
#include "s_grid.inc"
;
static const uint32_t code_odd[] =
#include "s_odd.inc"
;
static const uint32_t code_spec[] =
#include "s_spec.inc"
;
static const uint32_t code_sort[] =
#include "s_sort.inc"
;

/* Open @column's device, or fail the test. */
#define kernels_open(column, bytes, timeout_ms)				\
({									\
	struct vgpu_device *dev_ = NULL;				\
	char text_[256];						\
									\
	ASSERT_EQ(0, suite_open(column, bytes, timeout_ms, text_,	\
				&dev_)) {				\
		TH_LOG("%s: %s", (column)->name, text_);		\
	}								\
	dev_;								\
})

static inline int kernels_make(struct vgpu_device *dev, const void *code,
			       size_t bytes, uint64_t *kernel)
{
	struct vgpu_kernel_options o = {
		.size = sizeof(o), .format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code, .code_bytes = bytes,
	};

	return vgpu_kernel_create(dev, &o, kernel);
}

/* Add @x to @n words at @at, with the kernel code_add. */
static inline struct vgpu_command
kernels_add(uint64_t kernel, uint64_t at, uint32_t n, uint32_t x,
	    struct vgpu_launch_args *args)
{
	const uint32_t consts[2] = { n, x };

	vgpu_launch_args_init(args);
	vgpu_launch_args_range(args, at, n * 4,
			       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
	vgpu_launch_args_consts(args, consts, sizeof(consts));
	return vgpu_command_launch_args(kernel, (n + 63) / 64, 1, 1, args);
}

/* Does a good launch run, and do what it must?  NULL, or what went wrong. */
static inline const char *kernels_good(struct vgpu_device *dev)
{
	static uint32_t words[257], got[257];
	struct vgpu_launch_args args;
	const char *wrong = NULL;
	uint64_t kernel, at;
	uint32_t i;

	for (i = 0; i < 257; i++)
		words[i] = i * 7919;
	if (kernels_make(dev, code_add, sizeof(code_add), &kernel))
		return device_message(dev);
	if (vgpu_device_alloc(dev, sizeof(words), 0, &at))
		wrong = "alloc";
	else if (device_do(dev, vgpu_command_transfer_to(at, words,
							 sizeof(words))))
		wrong = "transfer to";
	else if (device_do(dev, kernels_add(kernel, at, 257, 5, &args)))
		wrong = "launch";
	else if (device_do(dev, vgpu_command_transfer_from(got, at,
							   sizeof(got))))
		wrong = "transfer from";
	for (i = 0; i < 257 && !wrong; i++)
		if (got[i] != i * 7919 + 5)
			wrong = "the result is wrong";
	vgpu_device_free(dev, at);
	vgpu_kernel_destroy(dev, kernel);
	return wrong;
}

#define EXPECT_GOOD(dev)						\
do {									\
	const char *wrong_ = kernels_good(dev);				\
									\
	EXPECT_EQ(NULL, wrong_) {					\
		TH_LOG("then a good launch: %s", wrong_);		\
	}								\
} while (0)

/* Do kernels of this column run in a process of their own? */
static inline bool kernels_in_worker(const struct column *column)
{
	return column->flags & VGPU_DEVICE_WORKER ||
	       column->backend == VGPU_BACKEND_WGPU;
}

/* Whether kernels work on a copy of what the CPU sees. */
static inline bool kernels_apart(struct vgpu_device *dev)
{
	struct vgpu_device_limits limits = { 0 };

	vgpu_device_get_limits(dev, &limits);
	return !limits.shared;
}

/* Sanitizers slow down tenfold. */
#ifdef __SANITIZE_ADDRESS__
#define KERNELS_LESS	8
#else
#define KERNELS_LESS	1
#endif

#endif /* VGPU_KERNELS_UTIL_H */
