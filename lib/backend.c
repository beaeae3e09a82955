// SPDX-License-Identifier: MIT
/*
 * The backends by name, and which of them this library and this host have.
 */
#include <stdio.h>

#include "backend.h"
#include "executor/executor.h"
#include "mdev.h"
#include "os.h"
#include "passthrough.h"

static const char *const names[] = {
	[VGPU_BACKEND_DEFAULT] = "default",
	[VGPU_BACKEND_PASSTHROUGH] = "passthrough",
	[VGPU_BACKEND_MDEV] = "mdev",
	[VGPU_BACKEND_WGPU] = "wgpu",
	[VGPU_BACKEND_VULKAN] = "vulkan",
	[VGPU_BACKEND_SIMULATOR] = "simulator",
	[VGPU_BACKEND_AUTO] = "auto",
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

const uint32_t vgpu_backend_ranks[VGPU_BACKENDS] = {
	VGPU_BACKEND_PASSTHROUGH, VGPU_BACKEND_MDEV, VGPU_BACKEND_VULKAN,
	VGPU_BACKEND_WGPU, VGPU_BACKEND_SIMULATOR,
};

const struct vgpu_backend_ops *vgpu_backend_find(uint32_t backend)
{
	switch (backend) {
	case VGPU_BACKEND_PASSTHROUGH:
		return &vgpu_passthrough_ops;
	case VGPU_BACKEND_MDEV:
		return &vgpu_mdev_ops;
	case VGPU_BACKEND_WGPU:
		return &vgpu_wgpu_ops;
	case VGPU_BACKEND_VULKAN:
		return &vgpu_vulkan_ops;
	default:
		return &vgpu_sim_ops;
	}
}

/*
 * WebGPU is driven by a worker, which has to be asked.  Its device tells what it
 * is; a driver that runs on the CPU says so by its type.
 */
static bool probe_wgpu(struct vgpu_probe *p)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.vram_bytes = 1 << 16,
	};
	struct vgpu_device_info info;
	struct vgpu_message msg;
	void *b;
	int ret;

	vgpu_message_init(&msg);
	ret = vgpu_wgpu_ops.open(&o, &msg, &b);
	snprintf(p->reason, sizeof(p->reason), "%.*s",
		 (int)sizeof(p->reason) - 1, msg.text);
	vgpu_message_fini(&msg);
	if (ret)
		return false;
	vgpu_wgpu_ops.info(b, &info);
	vgpu_wgpu_ops.close(b);
	p->devices = 1;
	p->gpus = info.type != VGPU_DEVICE_TYPE_SOFTWARE;
	snprintf(p->reason, sizeof(p->reason), "%.100s, by %.60s", info.name,
		 info.driver);
	return true;
}

bool vgpu_backend_probe(uint32_t backend, struct vgpu_probe *p)
{
	memset(p, 0, sizeof(*p));
	switch (backend) {
	case VGPU_BACKEND_VULKAN:
		vgpu_vulkan_count(&p->devices, &p->gpus, p->reason,
				  sizeof(p->reason));
		return p->devices;
	case VGPU_BACKEND_WGPU:
		return probe_wgpu(p);
	case VGPU_BACKEND_MDEV:
		vgpu_mdev_count(p);
		return p->devices;
	case VGPU_BACKEND_PASSTHROUGH:
		vgpu_passthrough_count(p);
		return p->devices;
	default:
		p->devices = 1;
		snprintf(p->reason, sizeof(p->reason),
			 "runs in this process, on any host");
		return true;
	}
}
