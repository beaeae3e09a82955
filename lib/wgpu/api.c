// SPDX-License-Identifier: MIT
/*
 * Where a WebGPU provider is found, and its functions.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os.h"
#include "wgpu/api.h"

/* Below the directory of the program: of build/, build/WAY/ and the tests. */
static const char * const beside[] = {
	"deps/wgpu/libwgpu_native.so",
	"../deps/wgpu/libwgpu_native.so",
	"../../../deps/wgpu/libwgpu_native.so",
};

static const char * const names[] = {
	"libwgpu_native.so", "libwebgpu_dawn.so", "libdawn.so",
};

/*
 * Never unmapped: providers and the drivers below them leave threads and
 * thread-local destructors behind.
 */
static void *vgpu_wgpu_load(const char *name)
{
	return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

static void *vgpu_wgpu_load_beside(void)
{
	char path[PATH_MAX + 64];
	void *library = NULL;
	ssize_t n;
	size_t i;
	char *end;

	n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (n <= 0)
		return NULL;
	path[n] = 0;
	end = strrchr(path, '/');
	if (!end)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(beside) && !library; i++) {
		snprintf(end + 1, path + sizeof(path) - end - 1, "%s",
			 beside[i]);
		library = vgpu_wgpu_load(path);
	}
	return library;
}

static void *vgpu_wgpu_find(struct vgpu_message *msg)
{
	const char *wanted = getenv("VGPU_WGPU_LIB");
	void *library;
	size_t i;

	if (wanted && *wanted) {
		library = vgpu_wgpu_load(wanted);
		if (!library)
			vgpu_message_set(msg, -ENODEV,
					 "VGPU_WGPU_LIB cannot be loaded: %s",
					 dlerror());
		return library;
	}
	library = vgpu_wgpu_load_beside();
	for (i = 0; i < ARRAY_SIZE(names) && !library; i++)
		library = vgpu_wgpu_load(names[i]);
	if (!library)
		vgpu_message_set(msg, -ENODEV,
				 "no WebGPU provider: install libwgpu_native.so or libwebgpu_dawn.so, or name one in VGPU_WGPU_LIB");
	return library;
}

/**
 * struct vgpu_wgpu_function - a function of a provider
 * @name: its symbol
 * @at: where its pointer is in struct vgpu_wgpu_api
 */
struct vgpu_wgpu_function {
	const char *name;
	size_t at;
};

#define VGPU_WGPU_FUNCTION(name) \
	{ "wgpu" #name, offsetof(struct vgpu_wgpu_api, name) }

static const struct vgpu_wgpu_function functions[] = {
	VGPU_WGPU_FUNCTION(CreateInstance),
	VGPU_WGPU_FUNCTION(InstanceRelease),
	VGPU_WGPU_FUNCTION(InstanceProcessEvents),
	VGPU_WGPU_FUNCTION(InstanceRequestAdapter),
	VGPU_WGPU_FUNCTION(AdapterGetFeatures),
	VGPU_WGPU_FUNCTION(AdapterGetInfo),
	VGPU_WGPU_FUNCTION(AdapterGetLimits),
	VGPU_WGPU_FUNCTION(AdapterInfoFreeMembers),
	VGPU_WGPU_FUNCTION(AdapterRelease),
	VGPU_WGPU_FUNCTION(AdapterRequestDevice),
	VGPU_WGPU_FUNCTION(SupportedFeaturesFreeMembers),
	VGPU_WGPU_FUNCTION(DeviceCreateBindGroup),
	VGPU_WGPU_FUNCTION(DeviceCreateBuffer),
	VGPU_WGPU_FUNCTION(DeviceCreateCommandEncoder),
	VGPU_WGPU_FUNCTION(DeviceCreateComputePipeline),
	VGPU_WGPU_FUNCTION(DeviceCreateShaderModule),
	VGPU_WGPU_FUNCTION(DeviceDestroy),
	VGPU_WGPU_FUNCTION(DeviceGetQueue),
	VGPU_WGPU_FUNCTION(DevicePopErrorScope),
	VGPU_WGPU_FUNCTION(DevicePushErrorScope),
	VGPU_WGPU_FUNCTION(DeviceRelease),
	VGPU_WGPU_FUNCTION(QueueOnSubmittedWorkDone),
	VGPU_WGPU_FUNCTION(QueueRelease),
	VGPU_WGPU_FUNCTION(QueueSubmit),
	VGPU_WGPU_FUNCTION(QueueWriteBuffer),
	VGPU_WGPU_FUNCTION(BufferGetConstMappedRange),
	VGPU_WGPU_FUNCTION(BufferMapAsync),
	VGPU_WGPU_FUNCTION(BufferRelease),
	VGPU_WGPU_FUNCTION(BufferUnmap),
	VGPU_WGPU_FUNCTION(CommandEncoderBeginComputePass),
	VGPU_WGPU_FUNCTION(CommandEncoderClearBuffer),
	VGPU_WGPU_FUNCTION(CommandEncoderCopyBufferToBuffer),
	VGPU_WGPU_FUNCTION(CommandEncoderFinish),
	VGPU_WGPU_FUNCTION(CommandEncoderRelease),
	VGPU_WGPU_FUNCTION(CommandBufferRelease),
	VGPU_WGPU_FUNCTION(ComputePassEncoderDispatchWorkgroups),
	VGPU_WGPU_FUNCTION(ComputePassEncoderEnd),
	VGPU_WGPU_FUNCTION(ComputePassEncoderRelease),
	VGPU_WGPU_FUNCTION(ComputePassEncoderSetBindGroup),
	VGPU_WGPU_FUNCTION(ComputePassEncoderSetPipeline),
	VGPU_WGPU_FUNCTION(ComputePipelineGetBindGroupLayout),
	VGPU_WGPU_FUNCTION(ComputePipelineRelease),
	VGPU_WGPU_FUNCTION(BindGroupLayoutRelease),
	VGPU_WGPU_FUNCTION(BindGroupRelease),
	VGPU_WGPU_FUNCTION(ShaderModuleRelease),
};

/* Not there in each provider. */
static const struct vgpu_wgpu_function extras[] = {
	{ "wgpuInstanceEnumerateAdapters",
	  offsetof(struct vgpu_wgpu_api, EnumerateAdapters) },
	VGPU_WGPU_FUNCTION(DevicePoll),
	VGPU_WGPU_FUNCTION(GetVersion),
};

/* Return: whether it is there. */
static bool vgpu_wgpu_resolve(struct vgpu_wgpu_api *api,
			      const struct vgpu_wgpu_function *f)
{
	void *symbol = dlsym(api->library, f->name);

	memcpy((char *)api + f->at, &symbol, sizeof(symbol));
	return symbol;
}

int vgpu_wgpu_api_open(struct vgpu_wgpu_api *api, struct vgpu_message *msg)
{
	size_t i;

	memset(api, 0, sizeof(*api));
	api->library = vgpu_wgpu_find(msg);
	if (!api->library)
		return -ENODEV;
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		if (vgpu_wgpu_resolve(api, &functions[i]))
			continue;
		vgpu_message_set(msg, -ENODEV,
				 "the WebGPU provider has no %s: use wgpu-native 27 or a Dawn of its time",
				 functions[i].name);
		vgpu_wgpu_api_close(api);
		return -ENODEV;
	}
	for (i = 0; i < ARRAY_SIZE(extras); i++)
		vgpu_wgpu_resolve(api, &extras[i]);
	return 0;
}

void vgpu_wgpu_api_close(struct vgpu_wgpu_api *api)
{
	dlclose(api->library);
	api->library = NULL;
}
