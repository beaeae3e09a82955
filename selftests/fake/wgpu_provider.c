// SPDX-License-Identifier: MIT
/*
 * A WebGPU provider that fails as its environment says: enough of webgpu.h,
 * with wgpu-native's forms, to be opened and given commands.  Buffers are real,
 * shaders are not looked at, and a dispatch does nothing.  VGPU_FAKE is one of
 *
 *  (none)   nothing fails
 *  abort    the process ends by abort() when a launch is submitted
 *  hang     polling never returns once a launch has been submitted
 *  stall    nothing that was submitted ever ends
 *  badinfo  the adapter has impossible limits
 *  oom      there is no memory for buffers of 4 KiB and more
 *  lost     the device is lost when a launch is submitted
 *  error    each launch that is submitted is an error that no scope catches
 *  refuse   shader modules are refused, in several lines
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <webgpu/webgpu.h>
#include <webgpu/wgpu.h>

#define MAX_CALLS	1024

/**
 * struct fake_object - anything but a buffer, a device and a command buffer
 * @launches: of an encoder or a command buffer: dispatches
 */
struct fake_object {
	unsigned int launches;
};

struct WGPUBufferImpl {
	size_t bytes;
	unsigned char data[];
};

/**
 * struct WGPUDeviceImpl - the one device, which is its queue, too
 * @desc: callbacks
 * @scopes: how many are open
 * @error: caught by the innermost one, until it is popped
 * @text: about that
 * @lost: call back about it
 * @launched: a launch was submitted
 * @done: @n_done callbacks that are due when polled
 */
struct WGPUDeviceImpl {
	WGPUDeviceDescriptor desc;
	unsigned int scopes;
	WGPUErrorType error;
	const char *text;
	int lost;
	int launched;
	unsigned int n_done;
	WGPUQueueWorkDoneCallbackInfo done[MAX_CALLS];
};

static const WGPUFuture no_future;

static int mode(const char *name)
{
	const char *is = getenv("VGPU_FAKE");

	return is && !strcmp(is, name);
}

static WGPUStringView text(const char *s)
{
	return (WGPUStringView){ s, strlen(s) };
}

/* Objects are freed when released: what leaks is seen as a leak. */
static void *object(void)
{
	return calloc(1, sizeof(struct fake_object));
}

WGPUInstance wgpuCreateInstance(const WGPUInstanceDescriptor *descriptor)
{
	return object();
}

void wgpuInstanceRelease(WGPUInstance instance)
{
	free(instance);
}

void wgpuInstanceProcessEvents(WGPUInstance instance)
{
}

WGPUFuture wgpuInstanceRequestAdapter(WGPUInstance instance,
				      const WGPURequestAdapterOptions *options,
				      WGPURequestAdapterCallbackInfo info)
{
	info.callback(WGPURequestAdapterStatus_Success, object(), text(""),
		      info.userdata1, info.userdata2);
	return no_future;
}

void wgpuAdapterGetFeatures(WGPUAdapter adapter, WGPUSupportedFeatures *f)
{
	memset(f, 0, sizeof(*f));
}

WGPUStatus wgpuAdapterGetInfo(WGPUAdapter adapter, WGPUAdapterInfo *info)
{
	memset(info, 0, sizeof(*info));
	info->adapterType = WGPUAdapterType_CPU;
	if (!mode("badinfo"))
		info->device = text("Fake device");
	return WGPUStatus_Success;
}

WGPUStatus wgpuAdapterGetLimits(WGPUAdapter adapter, WGPULimits *l)
{
	memset(l, 0, sizeof(*l));
	if (mode("badinfo"))
		return WGPUStatus_Success;
	l->maxBufferSize = 1 << 28;
	l->maxStorageBufferBindingSize = 1 << 27;
	l->maxStorageBuffersPerShaderStage = 8;
	l->maxBindGroups = 4;
	l->maxBindingsPerBindGroup = 1000;
	l->minStorageBufferOffsetAlignment = 256;
	l->maxComputeWorkgroupStorageSize = 16384;
	l->maxComputeInvocationsPerWorkgroup = 256;
	l->maxComputeWorkgroupSizeX = 256;
	l->maxComputeWorkgroupSizeY = 256;
	l->maxComputeWorkgroupSizeZ = 64;
	l->maxComputeWorkgroupsPerDimension = 65535;
	return WGPUStatus_Success;
}

void wgpuAdapterInfoFreeMembers(WGPUAdapterInfo info)
{
}

void wgpuSupportedFeaturesFreeMembers(WGPUSupportedFeatures features)
{
}

void wgpuAdapterRelease(WGPUAdapter adapter)
{
	free(adapter);
}

WGPUFuture wgpuAdapterRequestDevice(WGPUAdapter adapter,
				    const WGPUDeviceDescriptor *descriptor,
				    WGPURequestDeviceCallbackInfo info)
{
	WGPUDevice device = calloc(1, sizeof(*device));

	device->desc = *descriptor;
	device->error = WGPUErrorType_NoError;
	info.callback(WGPURequestDeviceStatus_Success, device, text(""),
		      info.userdata1, info.userdata2);
	return no_future;
}

WGPUQueue wgpuDeviceGetQueue(WGPUDevice device)
{
	return (WGPUQueue)device;
}

void wgpuQueueRelease(WGPUQueue queue)
{
}

void wgpuDeviceDestroy(WGPUDevice device)
{
}

void wgpuDeviceRelease(WGPUDevice device)
{
	free(device);
}

static void report(WGPUDevice device, WGPUErrorType type, const char *what)
{
	if (!device->scopes)
		device->desc.uncapturedErrorCallbackInfo.callback(
			&device, type, text(what),
			device->desc.uncapturedErrorCallbackInfo.userdata1,
			device->desc.uncapturedErrorCallbackInfo.userdata2);
	device->error = type;
	device->text = what;
}

void wgpuDevicePushErrorScope(WGPUDevice device, WGPUErrorFilter filter)
{
	device->scopes++;
}

WGPUFuture wgpuDevicePopErrorScope(WGPUDevice device,
				   WGPUPopErrorScopeCallbackInfo info)
{
	WGPUErrorType error = device->error;

	device->scopes--;
	device->error = WGPUErrorType_NoError;
	info.callback(WGPUPopErrorScopeStatus_Success, error,
		      text(error == WGPUErrorType_NoError ? "" : device->text),
		      info.userdata1, info.userdata2);
	return no_future;
}

WGPUBool wgpuDevicePoll(WGPUDevice device, WGPUBool wait,
			const WGPUSubmissionIndex *index)
{
	unsigned int i, n = device->n_done;

	if (device->launched && mode("hang"))
		for (;;)
			pause();
	if (device->lost) {
		device->lost = 0;
		device->desc.deviceLostCallbackInfo.callback(
			&device, WGPUDeviceLostReason_Unknown, text("fake"),
			device->desc.deviceLostCallbackInfo.userdata1,
			device->desc.deviceLostCallbackInfo.userdata2);
	}
	if (mode("stall") || mode("lost"))
		return 0;
	device->n_done = 0;
	for (i = 0; i < n; i++)
		device->done[i].callback(WGPUQueueWorkDoneStatus_Success,
					 device->done[i].userdata1,
					 device->done[i].userdata2);
	return 1;
}

WGPUFuture wgpuQueueOnSubmittedWorkDone(WGPUQueue queue,
					WGPUQueueWorkDoneCallbackInfo info)
{
	WGPUDevice device = (WGPUDevice)queue;

	if (device->n_done < MAX_CALLS)
		device->done[device->n_done++] = info;
	return no_future;
}

void wgpuQueueSubmit(WGPUQueue queue, size_t n, const WGPUCommandBuffer *c)
{
	WGPUDevice device = (WGPUDevice)queue;

	if (!n || !((struct fake_object *)c[0])->launches)
		return;
	device->launched = 1;
	if (mode("abort"))
		abort();
	if (mode("lost"))
		device->lost = 1;
	if (mode("error"))
		report(device, WGPUErrorType_Internal, "fake");
}

void wgpuQueueWriteBuffer(WGPUQueue queue, WGPUBuffer buffer, uint64_t offset,
			  const void *data, size_t size)
{
	memcpy(buffer->data + offset, data, size);
}

WGPUBuffer wgpuDeviceCreateBuffer(WGPUDevice device,
				  const WGPUBufferDescriptor *d)
{
	WGPUBuffer buffer;
	size_t bytes = d->size;

	if (mode("oom") && d->size >= 4096) {
		report(device, WGPUErrorType_OutOfMemory, "fake");
		bytes = 0;
	}
	buffer = calloc(1, sizeof(*buffer) + bytes);
	buffer->bytes = bytes;
	return buffer;
}

const void *wgpuBufferGetConstMappedRange(WGPUBuffer buffer, size_t offset,
					  size_t size)
{
	return buffer->data + offset;
}

/* Copies are done by now. */
WGPUFuture wgpuBufferMapAsync(WGPUBuffer buffer, WGPUMapMode map_mode,
			      size_t offset, size_t size,
			      WGPUBufferMapCallbackInfo info)
{
	info.callback(WGPUMapAsyncStatus_Success, text(""), info.userdata1,
		      info.userdata2);
	return no_future;
}

void wgpuBufferUnmap(WGPUBuffer buffer)
{
}

void wgpuBufferRelease(WGPUBuffer buffer)
{
	free(buffer);
}

WGPUShaderModule wgpuDeviceCreateShaderModule(WGPUDevice device,
	const WGPUShaderModuleDescriptor *descriptor)
{
	if (mode("refuse"))
		report(device, WGPUErrorType_Validation,
		       "no such thing\n\n   1 | x\n     \xe2\x94\x82 ^\n");
	return object();
}

void wgpuShaderModuleRelease(WGPUShaderModule module)
{
	free(module);
}

WGPUComputePipeline wgpuDeviceCreateComputePipeline(WGPUDevice device,
	const WGPUComputePipelineDescriptor *descriptor)
{
	return object();
}

WGPUBindGroupLayout wgpuComputePipelineGetBindGroupLayout(
	WGPUComputePipeline pipeline, uint32_t group)
{
	return object();
}

void wgpuComputePipelineRelease(WGPUComputePipeline pipeline)
{
	free(pipeline);
}

void wgpuBindGroupLayoutRelease(WGPUBindGroupLayout layout)
{
	free(layout);
}

WGPUBindGroup wgpuDeviceCreateBindGroup(WGPUDevice device,
					const WGPUBindGroupDescriptor *d)
{
	return object();
}

void wgpuBindGroupRelease(WGPUBindGroup group)
{
	free(group);
}

WGPUCommandEncoder wgpuDeviceCreateCommandEncoder(WGPUDevice device,
	const WGPUCommandEncoderDescriptor *descriptor)
{
	return object();
}

/* A pass is its encoder. */
WGPUComputePassEncoder wgpuCommandEncoderBeginComputePass(
	WGPUCommandEncoder encoder, const WGPUComputePassDescriptor *descriptor)
{
	return (WGPUComputePassEncoder)encoder;
}

void wgpuCommandEncoderClearBuffer(WGPUCommandEncoder encoder,
				   WGPUBuffer buffer, uint64_t offset,
				   uint64_t size)
{
	memset(buffer->data + offset, 0, size);
}

void wgpuCommandEncoderCopyBufferToBuffer(WGPUCommandEncoder encoder,
					  WGPUBuffer from, uint64_t from_offset,
					  WGPUBuffer to, uint64_t to_offset,
					  uint64_t size)
{
	memcpy(to->data + to_offset, from->data + from_offset, size);
}

WGPUCommandBuffer wgpuCommandEncoderFinish(WGPUCommandEncoder encoder,
	const WGPUCommandBufferDescriptor *descriptor)
{
	struct fake_object *commands = object();

	*commands = *(struct fake_object *)encoder;
	return (WGPUCommandBuffer)commands;
}

void wgpuCommandEncoderRelease(WGPUCommandEncoder encoder)
{
	free(encoder);
}

void wgpuCommandBufferRelease(WGPUCommandBuffer commands)
{
	free(commands);
}

void wgpuComputePassEncoderDispatchWorkgroups(WGPUComputePassEncoder pass,
					      uint32_t x, uint32_t y,
					      uint32_t z)
{
	((struct fake_object *)pass)->launches++;
}

void wgpuComputePassEncoderEnd(WGPUComputePassEncoder pass)
{
}

void wgpuComputePassEncoderRelease(WGPUComputePassEncoder pass)
{
}

void wgpuComputePassEncoderSetBindGroup(WGPUComputePassEncoder pass,
					uint32_t index, WGPUBindGroup group,
					size_t n, const uint32_t *offsets)
{
}

void wgpuComputePassEncoderSetPipeline(WGPUComputePassEncoder pass,
				       WGPUComputePipeline pipeline)
{
}
