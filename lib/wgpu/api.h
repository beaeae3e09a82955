/* SPDX-License-Identifier: MIT */
/*
 * A WebGPU provider: a shared library that implements webgpu.h, found at run
 * time.  wgpu-native and Dawn are known.  The header is wgpu-native's; what the
 * two see differently, and this code has to know, is said here.
 *
 *  - Structures that a provider fills (adapter information, limits) may have
 *    grown at their end: struct vgpu_wgpu_info and _limits have room for that.
 *  - The callback of OnSubmittedWorkDone has a message in Dawn and none in
 *    wgpu-native: see vgpu_wgpu_work_done() in job.c.
 *  - Bind group layouts come from the pipeline, since the structure that
 *    describes an entry differs.
 *  - wgpu-native aborts in GetProcAddress, InstanceWaitAny, SetLabel,
 *    BufferGetMapState, DeviceGetAdapterInfo, the asynchronous makers of
 *    pipelines and GetCompilationInfo, and when an invalid command buffer is
 *    submitted: none of that is done.
 */
#ifndef LIBVGPU_INTERNAL_WGPU_API_H
#define LIBVGPU_INTERNAL_WGPU_API_H

#include <stdbool.h>
#include <stdint.h>
#include <webgpu/webgpu.h>
#include <webgpu/wgpu.h>

#include "message.h"

/**
 * struct vgpu_wgpu_api - a provider's functions, by their names in webgpu.h
 * @library: from dlopen()
 * @EnumerateAdapters: wgpu-native's own; NULL: not there
 * @DevicePoll: likewise; tells wgpu-native from others
 * @GetVersion: likewise
 */
struct vgpu_wgpu_api {
	void *library;
	WGPUProcCreateInstance CreateInstance;
	WGPUProcInstanceRelease InstanceRelease;
	WGPUProcInstanceProcessEvents InstanceProcessEvents;
	WGPUProcInstanceRequestAdapter InstanceRequestAdapter;
	WGPUProcAdapterGetFeatures AdapterGetFeatures;
	WGPUProcAdapterGetInfo AdapterGetInfo;
	WGPUProcAdapterGetLimits AdapterGetLimits;
	WGPUProcAdapterInfoFreeMembers AdapterInfoFreeMembers;
	WGPUProcAdapterRelease AdapterRelease;
	WGPUProcAdapterRequestDevice AdapterRequestDevice;
	WGPUProcSupportedFeaturesFreeMembers SupportedFeaturesFreeMembers;
	WGPUProcDeviceCreateBindGroup DeviceCreateBindGroup;
	WGPUProcDeviceCreateBuffer DeviceCreateBuffer;
	WGPUProcDeviceCreateCommandEncoder DeviceCreateCommandEncoder;
	WGPUProcDeviceCreateComputePipeline DeviceCreateComputePipeline;
	WGPUProcDeviceCreateShaderModule DeviceCreateShaderModule;
	WGPUProcDeviceDestroy DeviceDestroy;
	WGPUProcDeviceGetQueue DeviceGetQueue;
	WGPUProcDevicePopErrorScope DevicePopErrorScope;
	WGPUProcDevicePushErrorScope DevicePushErrorScope;
	WGPUProcDeviceRelease DeviceRelease;
	WGPUProcQueueOnSubmittedWorkDone QueueOnSubmittedWorkDone;
	WGPUProcQueueRelease QueueRelease;
	WGPUProcQueueSubmit QueueSubmit;
	WGPUProcQueueWriteBuffer QueueWriteBuffer;
	WGPUProcBufferGetConstMappedRange BufferGetConstMappedRange;
	WGPUProcBufferMapAsync BufferMapAsync;
	WGPUProcBufferRelease BufferRelease;
	WGPUProcBufferUnmap BufferUnmap;
	WGPUProcCommandEncoderBeginComputePass CommandEncoderBeginComputePass;
	WGPUProcCommandEncoderClearBuffer CommandEncoderClearBuffer;
	WGPUProcCommandEncoderCopyBufferToBuffer CommandEncoderCopyBufferToBuffer;
	WGPUProcCommandEncoderFinish CommandEncoderFinish;
	WGPUProcCommandEncoderRelease CommandEncoderRelease;
	WGPUProcCommandBufferRelease CommandBufferRelease;
	WGPUProcComputePassEncoderDispatchWorkgroups ComputePassEncoderDispatchWorkgroups;
	WGPUProcComputePassEncoderEnd ComputePassEncoderEnd;
	WGPUProcComputePassEncoderRelease ComputePassEncoderRelease;
	WGPUProcComputePassEncoderSetBindGroup ComputePassEncoderSetBindGroup;
	WGPUProcComputePassEncoderSetPipeline ComputePassEncoderSetPipeline;
	WGPUProcComputePipelineGetBindGroupLayout ComputePipelineGetBindGroupLayout;
	WGPUProcComputePipelineRelease ComputePipelineRelease;
	WGPUProcBindGroupLayoutRelease BindGroupLayoutRelease;
	WGPUProcBindGroupRelease BindGroupRelease;
	WGPUProcShaderModuleRelease ShaderModuleRelease;
	__typeof__(&wgpuInstanceEnumerateAdapters) EnumerateAdapters;
	__typeof__(&wgpuDevicePoll) DevicePoll;
	__typeof__(&wgpuGetVersion) GetVersion;
};

struct vgpu_wgpu_info {
	WGPUAdapterInfo info;
	uint8_t room[256];
};

struct vgpu_wgpu_limits {
	WGPULimits limits;
	uint8_t room[512];
};

/**
 * vgpu_wgpu_api_open() - find a provider and its functions
 * @api: filled in
 * @msg: gets one line on an error
 *
 * VGPU_WGPU_LIB says which; else it is looked for beside the program's build,
 * then by the usual names.
 * Return: 0; -ENODEV: there is none, or it lacks a function.
 */
int vgpu_wgpu_api_open(struct vgpu_wgpu_api *api, struct vgpu_message *msg);
void vgpu_wgpu_api_close(struct vgpu_wgpu_api *api);

#endif /* LIBVGPU_INTERNAL_WGPU_API_H */
