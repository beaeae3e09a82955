// SPDX-License-Identifier: MIT
/*
 * From a provider's instance to a device: which adapter, with all that it has,
 * and what that is in an executor's terms.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "wgpu/wgpu.h"

/* Adapters that are looked at. */
#define VGPU_WGPU_ADAPTERS	16u

/**
 * struct vgpu_wgpu_list - adapters to choose from
 * @n: how many
 * @adapters: owned
 * @infos: what they are; their strings are the provider's
 */
struct vgpu_wgpu_list {
	uint32_t n;
	WGPUAdapter adapters[VGPU_WGPU_ADAPTERS];
	struct vgpu_wgpu_info infos[VGPU_WGPU_ADAPTERS];
};

/**
 * struct vgpu_wgpu_answer - an answer to a request
 * @called: it is there
 * @object: what was asked for
 * @line: why there is none
 */
struct vgpu_wgpu_answer {
	bool called;
	void *object;
	char line[128];
};

void vgpu_wgpu_poll(struct vgpu_wgpu *e)
{
	if (e->api.DevicePoll)
		e->api.DevicePoll(e->device, false, NULL);
	else
		e->api.InstanceProcessEvents(e->instance);
}

static void vgpu_wgpu_got_adapter(WGPURequestAdapterStatus status,
				  WGPUAdapter adapter, WGPUStringView message,
				  void *a, void *b)
{
	struct vgpu_wgpu_answer *answer = a;

	answer->called = true;
	if (status == WGPURequestAdapterStatus_Success)
		answer->object = adapter;
	vgpu_wgpu_line(message, answer->line, sizeof(answer->line));
}

static void vgpu_wgpu_got_device(WGPURequestDeviceStatus status,
				 WGPUDevice device, WGPUStringView message,
				 void *a, void *b)
{
	struct vgpu_wgpu_answer *answer = a;

	answer->called = true;
	if (status == WGPURequestDeviceStatus_Success)
		answer->object = device;
	vgpu_wgpu_line(message, answer->line, sizeof(answer->line));
}

static void vgpu_wgpu_lost(const WGPUDevice *device,
			   WGPUDeviceLostReason reason, WGPUStringView message,
			   void *a, void *b)
{
	struct vgpu_wgpu *e = a;

	e->lost = true;
}

static void vgpu_wgpu_stray(const WGPUDevice *device, WGPUErrorType type,
			    WGPUStringView message, void *a, void *b)
{
	struct vgpu_wgpu *e = a;

	e->stray = true;
}

static int vgpu_wgpu_instance(struct vgpu_wgpu *e, struct vgpu_message *msg)
{
	/* Else wgpu-native looks for OpenGL, too, which nothing here wants. */
	WGPUInstanceExtras extras = {
		.chain = { .sType = (WGPUSType)WGPUSType_InstanceExtras },
		.backends = WGPUInstanceBackend_Vulkan,
	};
	WGPUInstanceDescriptor desc = { .nextInChain = &extras.chain };
	/* The layout of the extras is this version's. */
	bool native = e->api.GetVersion && e->api.GetVersion() >> 24 == 27;

	e->instance = e->api.CreateInstance(native ? &desc : NULL);
	if (!e->instance)
		return vgpu_message_set(msg, -EIO,
					"the WebGPU provider made no instance");
	return 0;
}

static void vgpu_wgpu_list_add(struct vgpu_wgpu *e, struct vgpu_wgpu_list *list,
			       WGPUAdapter adapter)
{
	struct vgpu_wgpu_info *info = &list->infos[list->n];

	memset(info, 0, sizeof(*info));
	if (e->api.AdapterGetInfo(adapter, &info->info) != WGPUStatus_Success) {
		e->api.AdapterRelease(adapter);
		return;
	}
	list->adapters[list->n++] = adapter;
}

/* Ask for one adapter; providers that cannot list them have no other way. */
static void vgpu_wgpu_request(struct vgpu_wgpu *e, struct vgpu_wgpu_list *list,
			      WGPUPowerPreference power, bool fallback)
{
	struct vgpu_wgpu_answer answer = { 0 };
	WGPURequestAdapterOptions options = {
		.featureLevel = WGPUFeatureLevel_Core,
		.powerPreference = power,
		.forceFallbackAdapter = fallback,
		.backendType = WGPUBackendType_Vulkan,
	};
	WGPURequestAdapterCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowSpontaneous,
		.callback = vgpu_wgpu_got_adapter,
		.userdata1 = &answer,
	};

	e->api.InstanceRequestAdapter(e->instance, &options, info);
	while (!answer.called)
		e->api.InstanceProcessEvents(e->instance);
	if (answer.object)
		vgpu_wgpu_list_add(e, list, answer.object);
}

static void vgpu_wgpu_list_fill(struct vgpu_wgpu *e,
				struct vgpu_wgpu_list *list)
{
	WGPUInstanceEnumerateAdapterOptions options = {
		.backends = WGPUInstanceBackend_Vulkan,
	};
	WGPUAdapter *all;
	size_t i, n;

	list->n = 0;
	if (!e->api.EnumerateAdapters) {
		vgpu_wgpu_request(e, list, WGPUPowerPreference_HighPerformance,
				  false);
		vgpu_wgpu_request(e, list, WGPUPowerPreference_LowPower, false);
		vgpu_wgpu_request(e, list, WGPUPowerPreference_Undefined, true);
		return;
	}
	n = e->api.EnumerateAdapters(e->instance, &options, NULL);
	all = calloc(n + !n, sizeof(*all));
	if (!all)
		return;
	n = min_t(size_t, n, e->api.EnumerateAdapters(e->instance, &options,
						      all));
	for (i = 0; i < n; i++) {
		if (list->n < VGPU_WGPU_ADAPTERS)
			vgpu_wgpu_list_add(e, list, all[i]);
		else
			e->api.AdapterRelease(all[i]);
	}
	free(all);
}

/* Free all of it but @keep's adapter. */
static void vgpu_wgpu_list_free(struct vgpu_wgpu *e,
				struct vgpu_wgpu_list *list, int keep)
{
	/* By value, with what the provider's structure has more. */
	void (*free_members)(struct vgpu_wgpu_info info) =
		(void (*)(struct vgpu_wgpu_info))(void (*)(void))
			e->api.AdapterInfoFreeMembers;
	uint32_t i;

	for (i = 0; i < list->n; i++) {
		free_members(list->infos[i]);
		if ((int)i != keep)
			e->api.AdapterRelease(list->adapters[i]);
	}
}

static int vgpu_wgpu_rank(WGPUAdapterType type)
{
	switch (type) {
	case WGPUAdapterType_DiscreteGPU:
		return 4;
	case WGPUAdapterType_IntegratedGPU:
		return 3;
	case WGPUAdapterType_CPU:
		return 1;
	default:
		return 2;
	}
}

static int vgpu_wgpu_choose(const struct vgpu_wgpu_list *list,
			    const struct vgpu_executor_options *options,
			    struct vgpu_message *msg)
{
	const char *want = options->device;
	unsigned long number = ~0ul;
	int best = -1, rank = 0;
	char name[128], *end;
	uint32_t i;

	if (want && *want) {
		number = strtoul(want, &end, 10);
		if (*end)
			number = ~0ul;
	}
	for (i = 0; i < list->n; i++) {
		const WGPUAdapterInfo *info = &list->infos[i].info;
		bool cpu = info->adapterType == WGPUAdapterType_CPU;

		vgpu_wgpu_line(info->device, name, sizeof(name));
		if ((options->flags & VGPU_EXECUTOR_CPU && !cpu) ||
		    (options->flags & VGPU_EXECUTOR_GPU && cpu))
			continue;
		if (want && *want && number != i &&
		    (number != ~0ul || !strcasestr(name, want)))
			continue;
		if (vgpu_wgpu_rank(info->adapterType) > rank) {
			rank = vgpu_wgpu_rank(info->adapterType);
			best = i;
		}
	}
	if (best >= 0)
		return best;
	if (!list->n)
		return vgpu_message_set(msg, -ENODEV,
					"WebGPU finds no Vulkan device: install a driver, such as mesa-vulkan-drivers");
	return vgpu_message_set(msg, -ENODEV,
				"none of WebGPU's %u devices is %s%s: choose another device",
				list->n, want && *want ? want : "one",
				options->flags & VGPU_EXECUTOR_GPU ?
				" that is no CPU" :
				options->flags & VGPU_EXECUTOR_CPU ?
				" that runs on the CPU" : "");
}

/**
 * struct vgpu_wgpu_type - a type that kernels may use, and what it is called
 * @feature: of VGPU_FEATURE_*
 * @capability: VGPU_ENGINE_CAP_* that comes with it
 * @name: the adapter's
 */
static const struct vgpu_wgpu_type {
	uint64_t feature;
	uint64_t capability;
	uint32_t name;
} types[] = {
	{ VGPU_FEATURE_FLOAT16, VGPU_ENGINE_CAP_STORAGE16,
	  WGPUFeatureName_ShaderF16 },
	{ VGPU_FEATURE_FLOAT64, 0, WGPUNativeFeature_ShaderF64 },
	{ VGPU_FEATURE_INT64, 0, WGPUNativeFeature_ShaderInt64 },
};

static uint64_t vgpu_wgpu_pow2(uint64_t n)
{
	return n ? 1ull << (63 - __builtin_clzll(n)) : 0;
}

/* What a device with these limits, and @names enabled, is and can. */
static void vgpu_wgpu_describe(struct vgpu_wgpu *e, const WGPUAdapterInfo *a,
			       const WGPULimits *l)
{
	static const uint32_t kinds[] = {
		[WGPUAdapterType_DiscreteGPU] = VGPU_ENGINE_DISCRETE,
		[WGPUAdapterType_IntegratedGPU] = VGPU_ENGINE_INTEGRATED,
		[WGPUAdapterType_CPU] = VGPU_ENGINE_CPU,
		[WGPUAdapterType_Unknown] = VGPU_ENGINE_OTHER,
	};
	struct vgpu_engine_info *info = &e->info;
	char version[32] = "WebGPU", line[40];
	uint32_t i;

	vgpu_wgpu_line(a->device, info->name, sizeof(info->name));
	vgpu_wgpu_line(a->description, line, sizeof(line));
	if (e->api.GetVersion) {
		uint32_t v = e->api.GetVersion();

		snprintf(version, sizeof(version), "wgpu-native %u.%u.%u.%u",
			 v >> 24, v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
	}
	snprintf(info->driver, sizeof(info->driver), "%.24s%s%.36s", version,
		 *line ? ", " : "", line);
	info->features |= VGPU_FEATURE_SPIRV | VGPU_FEATURE_WGSL;
	/* A binding's size has to be a multiple of 4. */
	info->max_range_bytes = l->maxStorageBufferBindingSize & ~3ull;
	info->max_bank_bytes = vgpu_wgpu_pow2(l->maxBufferSize);
	for (i = 0; i < 3; i++)
		info->max_grid[i] = l->maxComputeWorkgroupsPerDimension;
	info->max_workgroup[0] = l->maxComputeWorkgroupSizeX;
	info->max_workgroup[1] = l->maxComputeWorkgroupSizeY;
	info->max_workgroup[2] = l->maxComputeWorkgroupSizeZ;
	info->max_invocations = l->maxComputeInvocationsPerWorkgroup;
	info->max_shared_bytes = l->maxComputeWorkgroupStorageSize;
	/* One is for the push constants. */
	info->max_ranges = min_t(uint32_t, VGPU_WGPU_BINDINGS,
				 l->maxStorageBuffersPerShaderStage);
	info->max_ranges -= !!info->max_ranges;
	info->type = a->adapterType < ARRAY_SIZE(kinds) ?
		kinds[a->adapterType] : VGPU_ENGINE_OTHER;
	info->vendor_id = a->vendorID;
	info->device_id = a->deviceID;
}

/* What a provider says is not believed where a size depends on it. */
static int vgpu_wgpu_believe(const WGPULimits *l, struct vgpu_message *msg)
{
	if (l->maxBufferSize < 1 << 16 || l->maxStorageBufferBindingSize < 4 ||
	    !l->maxStorageBuffersPerShaderStage ||
	    !l->maxComputeWorkgroupsPerDimension ||
	    !l->maxComputeInvocationsPerWorkgroup ||
	    l->minStorageBufferOffsetAlignment > 256 || !l->maxBindGroups ||
	    l->maxBindingsPerBindGroup < VGPU_WGPU_BINDINGS)
		return vgpu_message_set(msg, -EIO,
					"the WebGPU provider reports impossible limits (buffers of %llu bytes, %u a kernel): use another one",
					(unsigned long long)l->maxBufferSize,
					l->maxStorageBuffersPerShaderStage);
	return 0;
}

static uint32_t vgpu_wgpu_types(struct vgpu_wgpu *e, WGPUFeatureName *names)
{
	WGPUSupportedFeatures has = { 0 };
	uint32_t i, n = 0;
	size_t k;

	e->api.AdapterGetFeatures(e->adapter, &has);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (k = 0; k < has.featureCount; k++) {
			if ((uint32_t)has.features[k] != types[i].name)
				continue;
			names[n++] = has.features[k];
			e->info.features |= types[i].feature;
			e->info.capabilities |= types[i].capability;
			break;
		}
	}
	e->api.SupportedFeaturesFreeMembers(has);
	return n;
}

static int vgpu_wgpu_request_device(struct vgpu_wgpu *e,
				    const WGPUAdapterInfo *info,
				    struct vgpu_message *msg)
{
	struct vgpu_wgpu_answer answer = { 0 };
	WGPUFeatureName names[ARRAY_SIZE(types)];
	struct vgpu_wgpu_limits limits;
	WGPUDeviceDescriptor desc = {
		.requiredFeatures = names,
		.requiredLimits = &limits.limits,
		.deviceLostCallbackInfo = {
			.mode = WGPUCallbackMode_AllowProcessEvents,
			.callback = vgpu_wgpu_lost,
			.userdata1 = e,
		},
		.uncapturedErrorCallbackInfo = {
			.callback = vgpu_wgpu_stray,
			.userdata1 = e,
		},
	};
	WGPURequestDeviceCallbackInfo callback = {
		.mode = WGPUCallbackMode_AllowSpontaneous,
		.callback = vgpu_wgpu_got_device,
		.userdata1 = &answer,
	};
	int error;

	/* All ones is "undefined" for a limit that the provider leaves. */
	memset(&limits, 0xff, sizeof(limits));
	limits.limits.nextInChain = NULL;
	if (e->api.AdapterGetLimits(e->adapter, &limits.limits) !=
	    WGPUStatus_Success)
		return vgpu_message_set(msg, -EIO,
					"the WebGPU provider reports no limits");
	error = vgpu_wgpu_believe(&limits.limits, msg);
	if (error)
		return error;
	limits.limits.nextInChain = NULL;
	desc.requiredFeatureCount = vgpu_wgpu_types(e, names);
	e->api.AdapterRequestDevice(e->adapter, &desc, callback);
	while (!answer.called)
		e->api.InstanceProcessEvents(e->instance);
	if (!answer.object)
		return vgpu_message_set(msg, -EIO,
					"WebGPU makes no device of %s: %s",
					e->info.name, answer.line);
	e->device = answer.object;
	vgpu_wgpu_describe(e, info, &limits.limits);
	e->queue = e->api.DeviceGetQueue(e->device);
	return 0;
}

int vgpu_wgpu_device_open(struct vgpu_wgpu *e,
			  const struct vgpu_executor_options *options,
			  struct vgpu_message *msg)
{
	struct vgpu_wgpu_list *list;
	int error, best;

	list = calloc(1, sizeof(*list));
	if (!list)
		return vgpu_message_set(msg, -ENOMEM, "no memory");
	error = vgpu_wgpu_instance(e, msg);
	if (error)
		goto free_list;
	vgpu_wgpu_list_fill(e, list);
	best = vgpu_wgpu_choose(list, options, msg);
	error = best < 0 ? best : 0;
	if (!error) {
		e->adapter = list->adapters[best];
		error = vgpu_wgpu_request_device(e, &list->infos[best].info,
						 msg);
	}
	vgpu_wgpu_list_free(e, list, best);
	if (error)
		vgpu_wgpu_device_close(e);
free_list:
	free(list);
	return error;
}

void vgpu_wgpu_device_close(struct vgpu_wgpu *e)
{
	if (e->queue)
		e->api.QueueRelease(e->queue);
	if (e->device) {
		e->api.DeviceDestroy(e->device);
		e->api.DeviceRelease(e->device);
	}
	if (e->adapter)
		e->api.AdapterRelease(e->adapter);
	e->api.InstanceRelease(e->instance);
}
