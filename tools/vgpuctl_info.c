// SPDX-License-Identifier: MIT
/*
 * vgpuctl info: what a device is, what it can do, and its limits.
 */
#include "vgpuctl.h"
#include "vgpu_device.h"

static const struct {
	uint64_t bit;
	const char *name;
	const char *what;
} features[] = {
	{ VGPU_CAN_TIMES, "times", "completions carry times" },
	{ VGPU_CAN_SPIRV, "spirv", "kernels in SPIR-V" },
	{ VGPU_CAN_WGSL, "wgsl", "kernels in WGSL" },
	{ VGPU_CAN_NATIVE, "native", "kernels that are functions" },
	{ VGPU_CAN_ALIAS, "alias", "ranges of a launch may overlap" },
	{ VGPU_CAN_COMPACT, "compact", "memory can be compacted" },
	{ VGPU_CAN_DEVICE_VRAM, "device-vram", "memory in an engine" },
	{ VGPU_CAN_IDEMPOTENT, "idempotent", "launches may be run again" },
	{ VGPU_CAN_INT16, "int16", "16-bit integers in kernels" },
	{ VGPU_CAN_INT64, "int64", "64-bit integers in kernels" },
	{ VGPU_CAN_FLOAT16, "float16", "16-bit floats in kernels" },
	{ VGPU_CAN_FLOAT64, "float64", "64-bit floats in kernels" },
};

static const struct {
	uint64_t offset;
	const char *key;
	const char *label;
} limits[] = {
	{ VGPU_REG_MAX_ENTRIES, "ring_entries", "entries of a ring" },
	{ VGPU_REG_MAX_CONTEXTS, "contexts", "contexts" },
	{ VGPU_REG_MAX_RINGS, "rings", "rings" },
	{ VGPU_REG_MAX_OBJECTS, "memory_objects", "memory objects" },
	{ VGPU_REG_MAX_MAPPINGS, "mappings", "mappings" },
	{ VGPU_REG_MAX_COUNTERS, "counters", "counters" },
	{ VGPU_REG_MAX_KERNELS, "kernels", "kernels" },
};

static void out_identity(struct ctl_out *out,
			 const struct vgpu_device_info *info, uint32_t backend,
			 const char *reason)
{
	char pci[16] = "";
	uint32_t i;

	if (info->vendor_id)
		snprintf(pci, sizeof(pci), "%04x:%04x", info->vendor_id,
			 info->device_id);
	ctl_out_string(out, "id", "id", info->id);
	ctl_out_string(out, "name", "name", info->name);
	ctl_out_string(out, "backend", "backend", vgpu_backend_name(backend));
	ctl_out_string(out, "choice", "choice", reason);
	ctl_out_string(out, "type", "type", vgpu_device_type_name(info->type));
	ctl_out_string(out, "driver", "driver", info->driver);
	ctl_out_string(out, "pci_id", "PCI id", pci);
	ctl_out_string(out, "pci_address", "PCI address", info->pci_address);
	ctl_out_string(out, "compute_capability", "compute capability",
		       info->compute_capability);
	ctl_out_list(out, "apis");
	if (out->json) {
		for (i = 0; i < info->n_apis; i++)
			ctl_out_string(out, NULL, "", info->apis[i]);
	} else if (!info->n_apis) {
		ctl_out_string(out, NULL, "APIs", "");
	} else {
		for (i = 0; i < info->n_apis; i++)
			ctl_out_string(out, NULL, i ? "" : "APIs",
				       info->apis[i]);
	}
	ctl_out_end(out);
}

static void out_figures(struct ctl_out *out,
			const struct vgpu_device_info *info)
{
	if (info->total_memory)
		ctl_out_bytes(out, "total_memory_bytes", "total memory",
			      info->total_memory);
	else
		ctl_out_string(out, "total_memory_bytes", "total memory", "");
	ctl_out_bytes(out, "available_memory_bytes", "available memory",
		      info->available_memory);
	ctl_out_milli(out, "power_limit_watts", "power limit",
		      info->power_limit_mw, "W");
	ctl_out_milli(out, "temperature_celsius", "temperature",
		      info->temperature_mc, "degrees Celsius");
}

static void out_features(struct ctl_out *out, uint64_t bits)
{
	size_t i;

	ctl_out_section(out, "features", "features");
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		ctl_out_bool(out, features[i].name, bits & features[i].bit);
		ctl_out_text(out, "  %-22s %-4s %s\n", features[i].name,
			     bits & features[i].bit ? "yes" : "no",
			     features[i].what);
	}
	ctl_out_end(out);
}

static int out_limits(struct ctl_out *out, struct vgpu_device *dev)
{
	uint64_t value;
	size_t i;
	int ret;

	ctl_out_section(out, "limits", "limits");
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		ret = vgpu_device_read_register(dev, limits[i].offset, 4,
						&value);
		if (ret)
			return ctl_device_failed(dev, limits[i].label, ret);
		ctl_out_number(out, limits[i].key, limits[i].label, value, "");
	}
	ret = vgpu_device_read_register(dev, VGPU_REG_BANK_SHIFT, 4, &value);
	if (ret)
		return ctl_device_failed(dev, "bytes of a bank", ret);
	ctl_out_bytes(out, "allocation_bytes", "one allocation",
		      1ull << (value & 63));
	ctl_out_number(out, "launch_ranges", "ranges of a launch",
		       VGPU_LAUNCH_RANGES, "");
	ctl_out_number(out, "launch_constant_bytes", "constants of a launch",
		       VGPU_LAUNCH_CONST_BYTES, "bytes");
	ctl_out_end(out);
	return CTL_OK;
}

int ctl_info(const struct ctl_options *o)
{
	struct vgpu_device_info info;
	struct vgpu_device *dev;
	struct ctl_out out;
	char reason[256];
	uint32_t backend;
	int ret;

	ret = ctl_open(o, &dev, &backend, reason);
	if (ret)
		return ret;
	ret = ctl_out_open(&out, o->json, "info");
	if (ret)
		goto out_close;
	vgpu_device_get_info(dev, &info);
	ctl_out_section(&out, "device", "device");
	out_identity(&out, &info, backend, reason);
	out_figures(&out, &info);
	ctl_out_end(&out);
	out_features(&out, info.features);
	ret = out_limits(&out, dev);
	if (ret)
		ctl_out_discard(&out);
	else
		ret = ctl_out_finish(&out);
out_close:
	vgpu_device_close(dev);
	return ret;
}
