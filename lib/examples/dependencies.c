// SPDX-License-Identifier: MIT
/*
 * Dependencies between rings, and between the CPU and a ring: counters that
 * commands wait for and raise.
 */
#include <errno.h>

#include <vgpu/device.h>

#include "example.h"

int main(void)
{
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.flags = VGPU_DEVICE_BACKGROUND, /* it runs by itself */
	};
	struct vgpu_device_ring *producer, *consumer;
	uint64_t counter, go, address, ticket;
	struct vgpu_command commands[3];
	struct vgpu_device *device;
	uint32_t result = 0;
	int ret;

	MUST(vgpu_device_open(&options, &device));
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	MUST(vgpu_device_ring_create(device, NULL, &producer));
	MUST(vgpu_device_ring_create(device, NULL, &consumer));
	MUST(vgpu_device_counter_create(device, 0, &counter));
	MUST(vgpu_device_counter_create(device, 0, &go));
	MUST(vgpu_device_alloc(device, 4096, 0, &address));

	/* The consumer is submitted first, and waits for the producer... */
	commands[0] = vgpu_command_wait(counter, 1);
	commands[1] = vgpu_command_transfer_from(&result, address, 4);
	MUST(vgpu_device_submit_batch(device, consumer, commands, 2,
				      VGPU_SUBMIT_ALL, &ticket));
	ticket += 1; /* of the transfer */

	/* ...and the producer for the CPU. */
	commands[0] = vgpu_command_wait(go, 1);
	commands[1] = vgpu_command_clear(address, 4096, 4711);
	commands[2] = vgpu_command_signal(counter, 1);
	MUST(vgpu_device_submit_batch(device, producer, commands, 3,
				      VGPU_SUBMIT_ALL, NULL));

	ret = vgpu_device_wait(device, ticket, vgpu_deadline_after_ms(10),
			       NULL);
	EXPECT(ret == -ETIMEDOUT);
	MUST(vgpu_device_counter_signal(device, go, 1));
	MUST(vgpu_device_wait(device, ticket, vgpu_deadline_after_ms(10000),
			      NULL));
	EXPECT(result == 4711);
	MUST(vgpu_device_counter_wait(device, counter, 1, VGPU_FOREVER));
	printf("the consumer saw %" PRIu32 "\n", result);

	vgpu_device_close(device);
	return 0;
}
