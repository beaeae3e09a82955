// SPDX-License-Identifier: MIT
/*
 * Submit a hundred commands at once: one reservation and one clock reading for
 * all of them.  To a queue, and to a device.
 */
#include <vgpu/device.h>
#include <vgpu/kernel.h>
#include <vgpu/queue.h>

#include "example.h"

#define N	100

static int count(const struct vgpu_native_call *call)
{
	*(uint64_t *)call->user += call->grid[0];
	return 0;
}

/* The queue's handler passes commands on to the device. */
static int pass_on(const struct vgpu_command *command, void *device)
{
	return vgpu_device_submit(device, NULL, command, NULL);
}

int main(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = 1000,
	};
	uint64_t sum = 0, kernel, first;
	struct vgpu_native_options options = {
		.size = sizeof(options),
		.fn = count,
		.user = &sum,
	};
	struct vgpu_command commands[N];
	struct vgpu_device *device;
	struct vgpu_queue *queue;
	int64_t submitted;
	uint32_t i;

	MUST(vgpu_device_open(NULL, &device));
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	MUST(vgpu_kernel_register_native(device, &options, &kernel));
	for (i = 0; i < N; i++)
		commands[i] = vgpu_command_launch(kernel, i + 1, 1, 1);

	MUST(vgpu_queue_create(&opts, &queue));
	MUST(vgpu_queue_start(queue));
	submitted = MUST(vgpu_queue_submit_batch(queue, commands, N,
						 VGPU_QUEUE_ALL));
	EXPECT(submitted == N);
	MUST(vgpu_queue_process(queue, pass_on, device, UINT32_MAX));
	MUST(vgpu_device_wait_idle(device, vgpu_deadline_after_ms(10000)));
	EXPECT(sum == N * (N + 1) / 2);

	/*
	 * To the device without a queue; the tickets are consecutive.  The last
	 * one is enough: commands of one ring end in order.
	 */
	submitted = MUST(vgpu_device_submit_batch(device, NULL, commands, N,
						  VGPU_SUBMIT_ALL, &first));
	EXPECT(submitted == N);
	MUST(vgpu_device_wait(device, first + N - 1,
			      vgpu_deadline_after_ms(10000), NULL));
	EXPECT(sum == N * (N + 1));
	printf("%d launches, twice\n", N);

	vgpu_queue_unref(queue);
	vgpu_device_close(device);
	return 0;
}
