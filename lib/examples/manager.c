// SPDX-License-Identifier: MIT
/*
 * Let the manager find out what this host has, choose, and open it.
 */
#include <errno.h>

#include <vgpu/manager.h>

#include "example.h"

int main(void)
{
	struct vgpu_backend_status status;
	struct vgpu_manager_stats stats;
	struct vgpu_manager *manager;
	struct vgpu_device *device;
	char text[2048];
	uint32_t i;

	MUST(vgpu_manager_create(NULL, &manager));

	MUST(vgpu_manager_scan(manager));
	for (i = 0; i < VGPU_BACKENDS; i++) {
		MUST(vgpu_manager_backend(manager, i, &status));
		printf("%-12s %-14s %s\n", status.name,
		       status.available ? "available" : "not available",
		       status.reason);
	}

	/* A wish: if it cannot be had, the choice goes on down the list. */
	MUST(vgpu_manager_set_preferred_mode(manager,
					     VGPU_BACKEND_PASSTHROUGH));
	EXPECT(vgpu_manager_get_stats(manager, &stats) == -ENODATA);
	MUST(vgpu_manager_auto_select(manager, NULL));
	vgpu_manager_reason(manager, text, sizeof(text));
	printf("chosen: %s\n", text);

	MUST(vgpu_manager_initialize_selected(manager));
	MUST(vgpu_manager_device(manager, 0, &device));

	MUST(vgpu_manager_get_stats(manager, &stats));
	vgpu_manager_stats_text(&stats, text, sizeof(text));
	printf("GPU stats:\n%s", text);
	EXPECT(stats.devices == 1 && stats.total.memory_total);

	vgpu_manager_destroy(manager); /* and the device that it opened */
	return 0;
}
