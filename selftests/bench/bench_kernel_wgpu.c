// SPDX-License-Identifier: MIT
/*
 * bench_kernel's peer that drives webgpu.h itself: the bind group is made once,
 * commands are encoded for each launch, each is a submission, and the work-done
 * callback of the last one is polled for.  The device is made as the executor
 * makes its own, so that it is the same with the same limits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_kernel.h"
#include "wgpu/wgpu.h"

struct direct {
	struct vgpu_wgpu e;
	WGPUBuffer memory;
	WGPUBuffer staging;
	WGPUComputePipeline pipelines[BENCH_KERNELS];
	WGPUBindGroup groups[BENCH_KERNELS];
	bool done;
	bool failed;
};

/* What follows the status differs between providers; nothing of it is used. */
static struct direct *asked;

static void work_done(WGPUQueueWorkDoneStatus status, void *a, void *b)
{
	asked->done = true;
	asked->failed = status != WGPUQueueWorkDoneStatus_Success;
}

static void map_done(WGPUMapAsyncStatus status, WGPUStringView message, void *a,
		     void *b)
{
	asked->done = true;
	asked->failed = status != WGPUMapAsyncStatus_Success;
}

static void poll_done(struct direct *d)
{
	while (!d->done) {
		/* wgpu-native can sleep until then. */
		if (d->e.api.DevicePoll)
			d->e.api.DevicePoll(d->e.device, true, NULL);
		else
			d->e.api.InstanceProcessEvents(d->e.instance);
	}
	if (d->failed || d->e.stray || d->e.lost)
		bench_die("direct webgpu.h: a command failed");
	d->done = false;
}

static void finish(struct direct *d)
{
	WGPUQueueWorkDoneCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowProcessEvents,
		.callback = (WGPUQueueWorkDoneCallback)(void (*)(void))work_done,
	};

	asked = d;
	d->e.api.QueueOnSubmittedWorkDone(d->e.queue, info);
	poll_done(d);
}

static WGPUBuffer buffer(struct direct *d, uint64_t bytes,
			 WGPUBufferUsage usage)
{
	WGPUBufferDescriptor desc = { .usage = usage, .size = bytes };

	return d->e.api.DeviceCreateBuffer(d->e.device, &desc);
}

static void make_kernel(struct direct *d, uint32_t k)
{
	struct vgpu_wgpu_api *api = &d->e.api;
	WGPUShaderSourceSPIRV source = {
		.chain = { .sType = WGPUSType_ShaderSourceSPIRV },
		.codeSize = (uint32_t)bench_codes[k].bytes / 4,
		.code = bench_codes[k].words,
	};
	WGPUShaderModuleDescriptor desc = { .nextInChain = &source.chain };
	WGPUComputePipelineDescriptor pipeline = {
		.compute.entryPoint = { "main", WGPU_STRLEN },
	};
	WGPUBindGroupEntry entries[2] = {
		{
			.buffer = d->memory,
			.size = bench_data_bytes(k),
		}, {
			.binding = 1,
			.buffer = d->memory,
			.offset = BENCH_DATA_BYTES,
			.size = BENCH_PARAMS_BYTES,
		},
	};
	WGPUBindGroupDescriptor group = {
		.entryCount = k == BENCH_LOOP ? 2 : 1,
		.entries = entries,
	};

	pipeline.compute.module = api->DeviceCreateShaderModule(d->e.device,
								&desc);
	d->pipelines[k] = api->DeviceCreateComputePipeline(d->e.device,
							   &pipeline);
	api->ShaderModuleRelease(pipeline.compute.module);
	if (k == BENCH_EMPTY)
		return;
	group.layout = api->ComputePipelineGetBindGroupLayout(d->pipelines[k],
							      0);
	d->groups[k] = api->DeviceCreateBindGroup(d->e.device, &group);
	api->BindGroupLayoutRelease(group.layout);
}

static void *direct_open(struct bench_options *options, char *what,
			 size_t bytes)
{
	struct vgpu_executor_options o = { .device = options->device };
	struct direct *d = calloc(1, sizeof(*d));
	struct vgpu_message msg;
	uint32_t k;
	int ret;

	if (!d)
		bench_die("no memory");
	vgpu_message_init(&msg);
	ret = vgpu_wgpu_api_open(&d->e.api, &msg);
	if (!ret) {
		ret = vgpu_wgpu_device_open(&d->e, &o, &msg);
		if (ret)
			vgpu_wgpu_api_close(&d->e.api);
	}
	vgpu_message_get(&msg, what, bytes);
	vgpu_message_fini(&msg);
	if (ret) {
		free(d);
		return NULL;
	}
	snprintf(what, bytes, "%s, %s", d->e.info.name, d->e.info.driver);
	d->memory = buffer(d, BENCH_BYTES, WGPUBufferUsage_Storage |
			   WGPUBufferUsage_CopyDst | WGPUBufferUsage_CopySrc);
	d->staging = buffer(d, BENCH_DATA_BYTES, WGPUBufferUsage_CopyDst |
			    WGPUBufferUsage_MapRead);
	for (k = 0; k < BENCH_KERNELS; k++)
		make_kernel(d, k);
	return d;
}

static void direct_close(void *s)
{
	struct direct *d = s;
	uint32_t k;

	for (k = 0; k < BENCH_KERNELS; k++) {
		if (d->groups[k])
			d->e.api.BindGroupRelease(d->groups[k]);
		d->e.api.ComputePipelineRelease(d->pipelines[k]);
	}
	d->e.api.BufferRelease(d->memory);
	d->e.api.BufferRelease(d->staging);
	vgpu_wgpu_device_close(&d->e);
	vgpu_wgpu_api_close(&d->e.api);
	free(d);
}

static void end_and_submit(struct direct *d, WGPUCommandEncoder encoder)
{
	WGPUCommandBuffer commands = d->e.api.CommandEncoderFinish(encoder,
								   NULL);

	d->e.api.QueueSubmit(d->e.queue, 1, &commands);
	d->e.api.CommandBufferRelease(commands);
	d->e.api.CommandEncoderRelease(encoder);
}

static void direct_launch(void *s, enum bench_kernel kernel, uint32_t n,
			  bool relaxed)
{
	struct direct *d = s;
	const struct vgpu_wgpu_api *api = &d->e.api;
	uint32_t i;

	for (i = 0; i < n; i++) {
		WGPUCommandEncoder encoder =
			api->DeviceCreateCommandEncoder(d->e.device, NULL);
		WGPUComputePassEncoder pass =
			api->CommandEncoderBeginComputePass(encoder, NULL);

		api->ComputePassEncoderSetPipeline(pass, d->pipelines[kernel]);
		if (d->groups[kernel])
			api->ComputePassEncoderSetBindGroup(pass, 0,
				d->groups[kernel], 0, NULL);
		api->ComputePassEncoderDispatchWorkgroups(pass,
			bench_groups(kernel), 1, 1);
		api->ComputePassEncoderEnd(pass);
		api->ComputePassEncoderRelease(pass);
		end_and_submit(d, encoder);
	}
	finish(d);
}

static void direct_upload(void *s, uint32_t to, const void *from,
			  uint32_t bytes)
{
	struct direct *d = s;

	d->e.api.QueueWriteBuffer(d->e.queue, d->memory, to, from, bytes);
	d->e.api.QueueSubmit(d->e.queue, 0, NULL);
	finish(d);
}

static void direct_download(void *s, void *to, uint32_t bytes)
{
	struct direct *d = s;
	WGPUCommandEncoder encoder =
		d->e.api.DeviceCreateCommandEncoder(d->e.device, NULL);
	WGPUBufferMapCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowProcessEvents,
		.callback = map_done,
	};

	d->e.api.CommandEncoderCopyBufferToBuffer(encoder, d->memory, 0,
						  d->staging, 0, bytes);
	end_and_submit(d, encoder);
	asked = d;
	d->e.api.BufferMapAsync(d->staging, WGPUMapMode_Read, 0, bytes, info);
	poll_done(d);
	memcpy(to, d->e.api.BufferGetConstMappedRange(d->staging, 0, bytes),
	       bytes);
	d->e.api.BufferUnmap(d->staging);
}

const struct bench_side_ops bench_direct_wgpu = {
	.open = direct_open,
	.close = direct_close,
	.launch = direct_launch,
	.upload = direct_upload,
	.download = direct_download,
};
