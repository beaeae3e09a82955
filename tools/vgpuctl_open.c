// SPDX-License-Identifier: MIT
/*
 * vgpuctl: the device that the command line means.
 */
#include <errno.h>
#include <string.h>

#include "vgpuctl.h"

/* The best of this host, for which every backend is looked at. */
static int choose(uint32_t *backend, char *reason)
{
	struct vgpu_manager *m;
	char text[256];
	int ret;

	ret = vgpu_manager_create(NULL, &m);
	if (ret)
		return ctl_fail(CTL_FAILED, "no manager: %s",
				vgpu_strerror(ret));
	ret = vgpu_manager_auto_select(m, backend);
	if (ret) {
		vgpu_manager_error(m, text, sizeof(text));
		ret = ctl_fail(CTL_ENVIRONMENT,
			       "%s; `vgpuctl list` says why", text);
	} else {
		vgpu_manager_reason(m, reason, 256);
	}
	vgpu_manager_destroy(m);
	return ret;
}

int ctl_open(const struct ctl_options *o, struct vgpu_device **dev,
	     uint32_t *backend, char *reason)
{
	char text[256] = "";
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.device = o->device,
		.vram_bytes = o->vram,
		.flags = o->flags,
		.launch_timeout_ms = (uint32_t)o->timeout,
		.message = text,
		.message_bytes = sizeof(text),
	};
	int ret = CTL_OK;

	*backend = o->backend;
	if (o->backend == VGPU_BACKEND_DEFAULT)
		ret = choose(backend, reason);
	else
		snprintf(reason, 256, "%s: asked for",
			 vgpu_backend_name(o->backend));
	if (ret)
		return ret;
	if (o->given & CTL_OPT_VRAM && *backend == VGPU_BACKEND_PASSTHROUGH)
		return ctl_fail(CTL_USAGE,
				"--vram is for memory that this program makes, and the backend is %s: leave it out",
				vgpu_backend_name(*backend));
	options.backend = *backend;
	ret = vgpu_device_open(&options, dev);
	if (!ret)
		return CTL_OK;
	if (ret == -ENOENT)
		return ctl_fail(CTL_ENVIRONMENT,
				"%s; `vgpuctl list` names the devices", text);
	return ctl_fail(ret == -EOPNOTSUPP || ret == -ENODEV ? CTL_ENVIRONMENT :
							       CTL_FAILED,
			"%s", text[0] ? text : vgpu_strerror(ret));
}

int ctl_device_failed(struct vgpu_device *dev, const char *what, int error)
{
	char text[256] = "";

	vgpu_device_error(dev, text, sizeof(text));
	return ctl_fail(CTL_FAILED, "%s: %s", what,
			text[0] ? text : vgpu_strerror(error));
}

int ctl_open_running(const struct ctl_options *o, struct vgpu_device **dev,
		     uint32_t *backend, char *reason)
{
	int ret = ctl_open(o, dev, backend, reason);

	if (ret)
		return ret;
	ret = vgpu_device_initialize(*dev);
	if (!ret)
		ret = vgpu_device_start(*dev);
	if (!ret)
		return CTL_OK;
	ctl_device_failed(*dev, "the device does not start", ret);
	vgpu_device_close(*dev);
	return CTL_FAILED;
}

void ctl_out_device(struct ctl_out *out, struct vgpu_device *dev,
		    uint32_t backend)
{
	struct vgpu_device_info info;
	char size[32];

	vgpu_device_get_info(dev, &info);
	if (!out->json) {
		ctl_out_text(out, "device %s: %s, %s, backend %s\n", info.id,
			     info.name, ctl_size_text(info.total_memory, size),
			     vgpu_backend_name(backend));
		return;
	}
	ctl_out_section(out, "device", NULL);
	ctl_out_string(out, "id", "", info.id);
	ctl_out_string(out, "name", "", info.name);
	ctl_out_string(out, "backend", "", vgpu_backend_name(backend));
	ctl_out_bytes(out, "total_memory_bytes", "", info.total_memory);
	ctl_out_end(out);
}
