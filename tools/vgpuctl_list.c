// SPDX-License-Identifier: MIT
/*
 * vgpuctl list: the backends, whether this host has them and why, and the
 * devices of those that it has.
 */
#include <string.h>

#include "vgpuctl.h"

/* How far the numbers of GPUs are looked for. */
#define CTL_GPUS	64

static void backend_row(struct ctl_out *out,
			const struct vgpu_backend_status *s)
{
	if (!out->json) {
		ctl_out_text(out, "  %-12s %-4s %s\n", s->name,
			     s->available ? "yes" : "no", s->reason);
		return;
	}
	ctl_out_section(out, NULL, NULL);
	ctl_out_string(out, "name", "", s->name);
	ctl_out_bool(out, "available", s->available);
	ctl_out_number(out, "devices", "", s->devices, "");
	ctl_out_string(out, "reason", "", s->reason);
	ctl_out_end(out);
}

static void device_row(struct ctl_out *out, const char *backend,
		       const struct vgpu_device_info *info)
{
	char size[32];

	if (!out->json) {
		ctl_out_text(out, "  %-12s %-10s %-10s %-10s %s\n", info->id,
			     backend, vgpu_device_type_name(info->type),
			     ctl_size_text(info->total_memory, size),
			     info->name);
		return;
	}
	ctl_out_section(out, NULL, NULL);
	ctl_out_string(out, "id", "", info->id);
	ctl_out_string(out, "backend", "", backend);
	ctl_out_string(out, "type", "", vgpu_device_type_name(info->type));
	ctl_out_string(out, "name", "", info->name);
	ctl_out_bytes(out, "total_memory_bytes", "", info->total_memory);
	ctl_out_end(out);
}

/* The GPUs of the kernel module, which have numbers with or without gaps. */
static void list_gpus(struct ctl_out *out, uint32_t n)
{
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_MDEV,
	};
	struct vgpu_device_info info;
	struct vgpu_device *dev;
	char id[16];
	uint32_t i;

	options.device = id;
	for (i = 0; i < CTL_GPUS && n; i++) {
		snprintf(id, sizeof(id), "gpu%u", i);
		if (vgpu_device_open(&options, &dev))
			continue;
		vgpu_device_get_info(dev, &info);
		vgpu_device_close(dev);
		device_row(out, vgpu_backend_name(VGPU_BACKEND_MDEV), &info);
		n--;
	}
}

/* A function that VFIO has may be in use: it is left out then. */
static void list_function(struct ctl_out *out)
{
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_PASSTHROUGH,
	};
	struct vgpu_device_info info;
	struct vgpu_device *dev;

	if (vgpu_device_open(&options, &dev))
		return;
	vgpu_device_get_info(dev, &info);
	vgpu_device_close(dev);
	device_row(out, vgpu_backend_name(VGPU_BACKEND_PASSTHROUGH), &info);
}

static int list_devices(struct ctl_out *out, struct vgpu_manager *m)
{
	struct ctl_options o = { 0 };
	struct vgpu_backend_status s;
	struct vgpu_device_info info;
	struct vgpu_device *dev;
	char reason[256];
	uint32_t i, backend;
	int ret;

	for (i = 0; i < VGPU_BACKENDS; i++) {
		if (vgpu_manager_backend(m, i, &s) || !s.available)
			continue;
		if (s.backend == VGPU_BACKEND_MDEV) {
			list_gpus(out, s.devices);
			continue;
		}
		if (s.backend == VGPU_BACKEND_PASSTHROUGH) {
			list_function(out);
			continue;
		}
		o.backend = s.backend;
		ret = ctl_open(&o, &dev, &backend, reason);
		if (ret)
			return ret;
		vgpu_device_get_info(dev, &info);
		vgpu_device_close(dev);
		device_row(out, s.name, &info);
	}
	return CTL_OK;
}

int ctl_list(const struct ctl_options *o)
{
	struct vgpu_backend_status s;
	struct vgpu_manager *m;
	struct ctl_out out;
	uint32_t i;
	int ret;

	ret = vgpu_manager_create(NULL, &m);
	if (ret)
		return ctl_fail(CTL_FAILED, "no manager: %s",
				vgpu_strerror(ret));
	vgpu_manager_scan(m);
	ret = ctl_out_open(&out, o->json, "list");
	if (ret)
		goto out_manager;

	ctl_out_list(&out, "backends");
	ctl_out_text(&out, "%-14s %-4s %s\n", "BACKEND", "HERE", "WHY");
	for (i = 0; i < VGPU_BACKENDS; i++) {
		if (!vgpu_manager_backend(m, i, &s))
			backend_row(&out, &s);
	}
	ctl_out_end(&out);

	ctl_out_list(&out, "devices");
	ctl_out_text(&out, "\n%-14s %-10s %-10s %-10s %s\n", "DEVICE",
		     "BACKEND", "TYPE", "MEMORY", "NAME");
	ret = list_devices(&out, m);
	ctl_out_end(&out);
	if (ret)
		ctl_out_discard(&out);
	else
		ret = ctl_out_finish(&out);
out_manager:
	vgpu_manager_destroy(m);
	return ret;
}
