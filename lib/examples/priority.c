// SPDX-License-Identifier: MIT
/*
 * Priorities: rings of one device, of which those with a higher priority come
 * first.  And times: when each command was submitted, began and ended.
 */
#include <vgpu/device.h>

#include "example.h"

int main(void)
{
	struct vgpu_device_ring_options low = {
		.size = sizeof(low),
		.priority = VGPU_DEVICE_PRIORITY_LOW,
	};
	struct vgpu_device_ring_options urgent = {
		.size = sizeof(urgent),
		.priority = VGPU_DEVICE_PRIORITY_URGENT,
	};
	struct vgpu_device_ring *low_ring, *urgent_ring;
	struct vgpu_completion_info slow, fast;
	uint64_t address, first, second;
	struct vgpu_command command;
	struct vgpu_device *device;

	MUST(vgpu_device_open(NULL, &device));
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	MUST(vgpu_device_ring_create(device, &low, &low_ring));
	MUST(vgpu_device_ring_create(device, &urgent, &urgent_ring));
	MUST(vgpu_device_alloc(device, 1 << 20, 0, &address));

	/* Both are submitted before the device (this thread) gets to work. */
	command = vgpu_command_clear(address, 1 << 20, 1);
	MUST(vgpu_device_submit(device, low_ring, &command, &first));
	command = vgpu_command_clear(address, 1 << 20, 2);
	MUST(vgpu_device_submit(device, urgent_ring, &command, &second));
	MUST(vgpu_device_wait(device, first, VGPU_FOREVER, &slow));
	MUST(vgpu_device_wait(device, second, VGPU_FOREVER, &fast));
	printf("low:    ended %8" PRIu64 " ns after its submission\n",
	       slow.end_ns - slow.submit_ns);
	printf("urgent: ended %8" PRIu64 " ns after its submission\n",
	       fast.end_ns - fast.submit_ns);
	EXPECT(fast.submit_ns >= slow.submit_ns);
	EXPECT(fast.end_ns <= slow.end_ns);

	vgpu_device_ring_destroy(urgent_ring);
	vgpu_device_ring_destroy(low_ring);
	vgpu_device_close(device);
	return 0;
}
