// SPDX-License-Identifier: MIT
/*
 * The sum of four million numbers.  Each launch of reduction.comp leaves one
 * number of 512, so there are a few, to and fro between two buffers; the ring
 * starts one when the one before has ended.
 */
#include "example_kernel.h"

#define N	4000037u
#define PER_GROUP	512u
#define LAUNCHES	3u	/* until one is left */
/* How many are left after the first. */
#define LEFT		((N + PER_GROUP - 1) / PER_GROUP)

static const uint32_t code[] =
#include "reduction.inc"
;

static uint32_t numbers[N];

int main(void)
{
	struct vgpu_device *device = example_open();
	uint64_t kernel = example_kernel(device, code, sizeof(code));
	uint64_t buffers[2] = {
		example_memory(device, sizeof(numbers)),
		example_memory(device, LEFT * sizeof(uint32_t)),
	};
	uint32_t bytes[2] = { sizeof(numbers), LEFT * sizeof(uint32_t) };
	struct vgpu_completion_info first, last;
	struct vgpu_command cmds[LAUNCHES + 2];
	struct vgpu_launch_args args[LAUNCHES];
	uint32_t i, left = N, sum = 0, result = 0;
	uint64_t ticket;

	for (i = 0; i < N; i++) {
		numbers[i] = i * 2654435761u;
		sum += numbers[i];
	}

	cmds[0] = vgpu_command_transfer_to(buffers[0], numbers,
					   sizeof(numbers));
	for (i = 0; i < LAUNCHES; i++) {
		vgpu_launch_args_init(&args[i]);
		vgpu_launch_args_range(&args[i], buffers[i % 2], bytes[i % 2],
				       VGPU_LAUNCH_READ);
		vgpu_launch_args_range(&args[i], buffers[!(i % 2)],
				       bytes[!(i % 2)], VGPU_LAUNCH_WRITE);
		vgpu_launch_args_consts(&args[i], &left, sizeof(left));
		left = (left + PER_GROUP - 1) / PER_GROUP;
		cmds[1 + i] = vgpu_command_launch_args(kernel, left, 1, 1,
						       &args[i]);
	}
	EXPECT(left == 1);
	cmds[1 + LAUNCHES] = vgpu_command_transfer_from(&result,
							buffers[LAUNCHES % 2],
							sizeof(result));

	EXPECT(vgpu_device_submit_batch(device, NULL, cmds, LAUNCHES + 2,
					VGPU_SUBMIT_ALL, &ticket) ==
	       LAUNCHES + 2);
	MUST(vgpu_device_wait(device, ticket + 1 + LAUNCHES, VGPU_FOREVER,
			      NULL));
	EXPECT(result == sum);

	MUST(vgpu_device_wait(device, ticket + 1, VGPU_FOREVER, &first));
	MUST(vgpu_device_wait(device, ticket + LAUNCHES, VGPU_FOREVER, &last));
	last.start_ns = first.start_ns;
	example_say(device, "4000037 numbers added up", &last);
	vgpu_device_close(device);
	return 0;
}
