// SPDX-License-Identifier: MIT
/*
 * Several GPUs: the manager names the one that is least loaded.
 */
#include <string.h>

#include <vgpu/manager.h>

#include "example.h"

#define BYTES	(1u << 20)

static struct vgpu_device *simulator(const char *id)
{
	struct vgpu_device_options options = { .size = sizeof(options) };
	struct vgpu_device_info info;
	struct vgpu_device *device;

	vgpu_device_info_init(&info);
	snprintf(info.id, sizeof(info.id), "%s", id);
	options.info = &info;
	MUST(vgpu_device_open(&options, &device));
	MUST(vgpu_device_initialize(device));
	MUST(vgpu_device_start(device));
	return device;
}

int main(void)
{
	struct vgpu_manager_stats stats;
	struct vgpu_manager *manager;
	struct vgpu_device *devices[2], *device;
	struct vgpu_device_stats one;
	struct vgpu_command command;
	uint64_t address;
	int i;

	devices[0] = simulator("gpu0");
	devices[1] = simulator("gpu1");
	MUST(vgpu_manager_create(NULL, &manager));
	MUST(vgpu_manager_add_device(manager, devices[0]));
	MUST(vgpu_manager_add_device(manager, devices[1]));

	/* Nothing is processed here, so that load piles up, evenly. */
	for (i = 0; i < 10; i++) {
		MUST(vgpu_manager_pick(manager, BYTES, &device));
		MUST(vgpu_device_alloc(device, BYTES, 0, &address));
		command = vgpu_command_clear(address, BYTES, 1);
		MUST(vgpu_device_submit(device, NULL, &command, NULL));
	}
	for (i = 0; i < 2; i++) {
		MUST(vgpu_device_get_stats(devices[i], &one));
		printf("gpu%d: %" PRIu64 " commands outstanding\n", i,
		       one.outstanding);
		EXPECT(one.outstanding == 5);
		MUST(vgpu_device_wait_idle(devices[i], VGPU_FOREVER));
	}
	MUST(vgpu_manager_get_stats(manager, &stats));
	EXPECT(stats.devices == 2 && stats.total.completed == 10);

	vgpu_manager_destroy(manager); /* these devices are ours */
	vgpu_device_close(devices[0]);
	vgpu_device_close(devices[1]);
	return 0;
}
