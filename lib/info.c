// SPDX-License-Identifier: MIT
/*
 * What devices are and have done, for people.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os.h"
#include "text.h"

static const char *const types[] = {
	[VGPU_DEVICE_TYPE_OTHER] = "other",
	[VGPU_DEVICE_TYPE_NVIDIA] = "nvidia",
	[VGPU_DEVICE_TYPE_AMD] = "amd",
	[VGPU_DEVICE_TYPE_INTEL] = "intel",
	[VGPU_DEVICE_TYPE_SOFTWARE] = "software",
};

const char *vgpu_device_type_name(uint32_t type)
{
	return type < ARRAY_SIZE(types) ? types[type] : "unknown";
}

void vgpu_device_info_init(struct vgpu_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->power_limit_mw = VGPU_INFO_UNKNOWN;
	info->temperature_mc = VGPU_INFO_UNKNOWN;
}

void vgpu_text_add(struct vgpu_text *t, const char *format, ...)
{
	size_t at = t->used < t->bytes ? t->used : t->bytes;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf ? t->buf + at : NULL, t->bytes - at, format,
		      args);
	va_end(args);
	if (n > 0)
		t->used += (size_t)n;
}

static void add_string(struct vgpu_text *t, const char *what, const char *s)
{
	vgpu_text_add(t, "%-20s%s\n", what, s[0] ? s : "unknown");
}

/* In thousandths. */
static void add_milli(struct vgpu_text *t, const char *what, int64_t value,
		      const char *unit)
{
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (!vgpu_info_known(value))
		add_string(t, what, "");
	else
		vgpu_text_add(t, "%-20s%s%llu.%03llu %s\n", what,
			      value < 0 ? "-" : "",
			      (unsigned long long)(n / 1000),
			      (unsigned long long)(n % 1000), unit);
}

static void add_apis(struct vgpu_text *t, const struct vgpu_device_info *info)
{
	uint32_t i;

	if (!info->n_apis) {
		add_string(t, "apis:", "");
		return;
	}
	vgpu_text_add(t, "%-20s", "apis:");
	for (i = 0; i < info->n_apis && i < VGPU_INFO_APIS; i++)
		vgpu_text_add(t, "%s%.*s", i ? ", " : "",
			      VGPU_INFO_API_BYTES, info->apis[i]);
	vgpu_text_add(t, "\n");
}

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ VGPU_CAN_TIMES, "times" },
	{ VGPU_CAN_SPIRV, "spirv" },
	{ VGPU_CAN_WGSL, "wgsl" },
	{ VGPU_CAN_NATIVE, "native" },
	{ VGPU_CAN_ALIAS, "alias" },
	{ VGPU_CAN_COMPACT, "compact" },
	{ VGPU_CAN_DEVICE_VRAM, "device-vram" },
	{ VGPU_CAN_IDEMPOTENT, "idempotent" },
	{ VGPU_CAN_INT16, "int16" },
	{ VGPU_CAN_INT64, "int64" },
	{ VGPU_CAN_FLOAT16, "float16" },
	{ VGPU_CAN_FLOAT64, "float64" },
};

static void add_features(struct vgpu_text *t, uint64_t bits)
{
	uint32_t i;

	vgpu_text_add(t, "%-20s", "features:");
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (!(bits & features[i].bit))
			continue;
		vgpu_text_add(t, "%s%s", features[i].name,
			      bits >> 1 & ~(features[i].bit - 1) ? " " : "");
	}
	vgpu_text_add(t, "%s\n", bits ? "" : "none");
}

int vgpu_device_info_text(const struct vgpu_device_info *info, char *buf,
			  size_t bytes)
{
	struct vgpu_text t = { .buf = buf, .bytes = bytes };

	add_string(&t, "id:", info->id);
	add_string(&t, "name:", info->name);
	add_string(&t, "type:", vgpu_device_type_name(info->type));
	add_string(&t, "driver:", info->driver);
	add_string(&t, "compute capability:", info->compute_capability);
	add_apis(&t, info);
	vgpu_text_add(&t, "%-20s%llu bytes\n", "total memory:",
		      (unsigned long long)info->total_memory);
	vgpu_text_add(&t, "%-20s%llu bytes\n", "available memory:",
		      (unsigned long long)info->available_memory);
	add_milli(&t, "power limit:", info->power_limit_mw, "W");
	add_milli(&t, "temperature:", info->temperature_mc, "C");
	add_features(&t, info->features);
	if (info->vendor_id)
		vgpu_text_add(&t, "%-20s%04x:%04x\n", "pci id:",
			      info->vendor_id, info->device_id);
	if (info->pci_address[0])
		add_string(&t, "pci address:", info->pci_address);
	if (info->notice[0])
		vgpu_text_add(&t, "%-20s%s\n", "notice:", info->notice);
	return (int)t.used;
}

int vgpu_device_stats_text(const struct vgpu_device_stats *stats, char *buf,
			   size_t bytes)
{
	const struct {
		const char *name;
		uint64_t value;
		const char *unit;
	} rows[] = {
		{ "submitted:", stats->submitted, " commands" },
		{ "completed:", stats->completed, " commands" },
		{ "failed:", stats->failed, " commands" },
		{ "outstanding:", stats->outstanding, " commands" },
		{ "outstanding:", stats->outstanding_bytes, " bytes" },
		{ "copied:", stats->bytes_copied, " bytes" },
		{ "cleared:", stats->bytes_cleared, " bytes" },
		{ "launches:", stats->launches, "" },
		{ "busy:", stats->busy_ns, " ns" },
		{ "copied to engine:", stats->bytes_to_engine, " bytes" },
		{ "copied from engine:", stats->bytes_from_engine, " bytes" },
		{ "memory total:", stats->memory_total, " bytes" },
		{ "memory limit:", stats->memory_limit, " bytes" },
		{ "memory used:", stats->memory_used, " bytes" },
		{ "memory peak:", stats->memory_peak, " bytes" },
		{ "memory largest free:", stats->memory_largest, " bytes" },
		{ "rings:", stats->rings, "" },
		{ "counters:", stats->counters, "" },
		{ "kernels:", stats->kernels, "" },
		{ "allocations:", stats->allocations, "" },
		{ "registrations:", stats->registrations, "" },
	};
	struct vgpu_text t = { .buf = buf, .bytes = bytes };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		vgpu_text_add(&t, "%-21s%llu%s\n", rows[i].name,
			      (unsigned long long)rows[i].value, rows[i].unit);
	return (int)t.used;
}
