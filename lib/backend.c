// SPDX-License-Identifier: MIT
/*
 * The backends by name, and which of them this library and this host have.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "backend.h"
#include "os.h"

static const char *const names[] = {
	[VGPU_BACKEND_DEFAULT] = "default",
	[VGPU_BACKEND_PASSTHROUGH] = "passthrough",
	[VGPU_BACKEND_MDEV] = "mdev",
	[VGPU_BACKEND_WGPU] = "wgpu",
	[VGPU_BACKEND_VULKAN] = "vulkan",
	[VGPU_BACKEND_SIMULATOR] = "simulator",
};

const char *vgpu_backend_name(uint32_t backend)
{
	return backend < ARRAY_SIZE(names) ? names[backend] : "unknown";
}

int vgpu_backend_from_name(const char *name, uint32_t *backend)
{
	uint32_t i;

	for (i = VGPU_BACKEND_PASSTHROUGH; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i])) {
			*backend = i;
			return 0;
		}
	}
	return -EINVAL;
}

const struct vgpu_backend_ops *vgpu_backend_find(uint32_t backend)
{
	return backend == VGPU_BACKEND_SIMULATOR ? &vgpu_sim_ops : NULL;
}

/* Render nodes whose driver is vgpu. */
static uint32_t count_render_nodes(void)
{
	char path[PATH_MAX], target[PATH_MAX], *driver;
	struct dirent *e;
	uint32_t n = 0;
	ssize_t len;
	DIR *dir;

	dir = opendir("/sys/class/drm");
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "renderD", 7))
			continue;
		snprintf(path, sizeof(path), "/sys/class/drm/%s/device/driver",
			 e->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = 0;
		driver = strrchr(target, '/');
		if (driver && !strcmp(driver + 1, "vgpu"))
			n++;
	}
	closedir(dir);
	return n;
}

bool vgpu_backend_probe(uint32_t backend, uint32_t *devices, char *reason,
			size_t bytes)
{
	uint32_t n = 0;

	if (devices)
		*devices = 0;
	switch (backend) {
	case VGPU_BACKEND_SIMULATOR:
		if (devices)
			*devices = 1;
		snprintf(reason, bytes, "runs in this process, on any host");
		return true;
	case VGPU_BACKEND_MDEV:
		n = count_render_nodes();
		if (devices)
			*devices = n;
		if (n)
			snprintf(reason, bytes,
				 "%u render nodes of driver vgpu, but this library cannot open them yet",
				 n);
		else
			snprintf(reason, bytes,
				 "no render node of driver vgpu (vgpu.ko is not loaded), and this library cannot open one yet");
		return false;
	default:
		snprintf(reason, bytes, "not built into this library yet");
		return false;
	}
}
