// SPDX-License-Identifier: MIT
/*
 * Run a shader: add a million floats to a million others, on the best device of
 * this host.  The shader is vector_add.comp, which glslc made SPIR-V of.
 */
#include <vgpu/vgpu.h>

#include "example.h"

#define N	1000003u
#define GROUP	256u

static const uint32_t code[] =
#include "vector_add.inc"
;

int main(void)
{
	static float a[N], b[N], c[N];
	char why[256] = "";
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_AUTO,
		.message = why,
		.message_bytes = sizeof(why),
	};
	struct vgpu_kernel_options kernel_options = {
		.size = sizeof(kernel_options),
		.format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code,
		.code_bytes = sizeof(code),
	};
	struct vgpu_completion_info launched;
	struct vgpu_launch_args args;
	struct vgpu_device_info info;
	struct vgpu_command cmds[4];
	struct vgpu_device *device;
	uint64_t kernel, ticket, in_a, in_b, out;
	uint32_t i, n = N;

	for (i = 0; i < N; i++) {
		a[i] = (float)i;
		b[i] = (float)i / 2;
	}

	if (vgpu_device_open(&options, &device)) {
		fprintf(stderr, "no device: %s\n", why);
		return 1;
	}
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));

	/* Validated, and compiled for this device.  May take a while. */
	if (vgpu_kernel_create(device, &kernel_options, &kernel)) {
		vgpu_device_error(device, why, sizeof(why));
		fprintf(stderr, "no kernel: %s\n", why);
		return 1;
	}

	/* Range 0 is binding 0, and so on; n is the push constant. */
	MUST(vgpu_device_alloc(device, sizeof(a), 0, &in_a));
	MUST(vgpu_device_alloc(device, sizeof(b), 0, &in_b));
	MUST(vgpu_device_alloc(device, sizeof(c), 0, &out));
	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, in_a, sizeof(a), VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, in_b, sizeof(b), VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, out, sizeof(c), VGPU_LAUNCH_WRITE);
	vgpu_launch_args_consts(&args, &n, sizeof(n));

	/* All at once: the ring keeps the order. */
	cmds[0] = vgpu_command_transfer_to(in_a, a, sizeof(a));
	cmds[1] = vgpu_command_transfer_to(in_b, b, sizeof(b));
	cmds[2] = vgpu_command_launch_args(kernel, (N + GROUP - 1) / GROUP, 1,
					   1, &args);
	cmds[3] = vgpu_command_transfer_from(c, out, sizeof(c));
	EXPECT(vgpu_device_submit_batch(device, NULL, cmds, 4, VGPU_SUBMIT_ALL,
					&ticket) == 4);
	MUST(vgpu_device_wait(device, ticket + 3, VGPU_FOREVER, NULL));
	MUST(vgpu_device_wait(device, ticket + 2, VGPU_FOREVER, &launched));

	for (i = 0; i < N; i++)
		EXPECT(c[i] == a[i] + b[i]);
	MUST(vgpu_device_get_info(device, &info));
	printf("%u floats added on %s (%s) in %.3f ms\n", N, info.name,
	       info.driver,
	       (double)(launched.end_ns - launched.start_ns) / 1e6);
	vgpu_device_close(device);
	return 0;
}
