/* SPDX-License-Identifier: MIT */
/*
 * What the examples with shaders share; vector_add.c has it all in one piece.
 */
#ifndef EXAMPLE_KERNEL_H
#define EXAMPLE_KERNEL_H

#include <vgpu/vgpu.h>

#include "example.h"

/* The best device of this host, running. */
static inline struct vgpu_device *example_open(void)
{
	char why[256] = "";
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_AUTO,
		.message = why,
		.message_bytes = sizeof(why),
	};
	struct vgpu_device *device;

	if (vgpu_device_open(&options, &device)) {
		fprintf(stderr, "no device: %s\n", why);
		exit(1);
	}
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	return device;
}

static inline uint64_t example_kernel(struct vgpu_device *device,
				      const void *code, size_t bytes)
{
	struct vgpu_kernel_options options = {
		.size = sizeof(options),
		.format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code,
		.code_bytes = bytes,
	};
	char why[256] = "";
	uint64_t kernel;

	if (vgpu_kernel_create(device, &options, &kernel)) {
		vgpu_device_error(device, why, sizeof(why));
		fprintf(stderr, "no kernel: %s\n", why);
		exit(1);
	}
	return kernel;
}

static inline uint64_t example_memory(struct vgpu_device *device,
				      uint64_t bytes)
{
	uint64_t address;

	MUST(vgpu_device_alloc(device, bytes, 0, &address));
	return address;
}

/* Run @n commands one after the other; what is known of the last goes to @info. */
static inline void example_run(struct vgpu_device *device,
			       const struct vgpu_command *cmds, size_t n,
			       struct vgpu_completion_info *info)
{
	uint64_t ticket;

	EXPECT(vgpu_device_submit_batch(device, NULL, cmds, n, VGPU_SUBMIT_ALL,
					&ticket) == (int64_t)n);
	MUST(vgpu_device_wait(device, ticket + n - 1, VGPU_FOREVER, info));
}

/* "WHAT on DEVICE (DRIVER) in TIME", of a launch. */
static inline void example_say(struct vgpu_device *device, const char *what,
			       const struct vgpu_completion_info *launched)
{
	struct vgpu_device_info info;

	MUST(vgpu_device_get_info(device, &info));
	printf("%s on %s (%s) in %.3f ms\n", what, info.name, info.driver,
	       (double)(launched->end_ns - launched->start_ns) / 1e6);
	if (info.notice[0])
		printf("note: %s\n", info.notice);
}

#endif /* EXAMPLE_KERNEL_H */
