// SPDX-License-Identifier: MIT
/*
 * Kernels: admitted code becomes a pipeline with an automatic layout.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "wgpu/wgpu.h"

static int vgpu_wgpu_module(struct vgpu_wgpu *e, const struct vgpu_admitted *a,
			    WGPUShaderModule *module, char *line, size_t bytes)
{
	WGPUShaderSourceSPIRV spirv = {
		.chain = { .sType = WGPUSType_ShaderSourceSPIRV },
		.codeSize = a->code_bytes / 4,
		.code = a->code,
	};
	WGPUShaderSourceWGSL wgsl = {
		.chain = { .sType = WGPUSType_ShaderSourceWGSL },
	};
	WGPUShaderModuleDescriptor desc = { .nextInChain = &spirv.chain };
	char *text = NULL;
	int error;

	if (a->format == VGPU_KERNEL_WGSL) {
		text = vgpu_wgpu_wgsl(a->code, a->code_bytes);
		if (!text)
			return -ENOMEM;
		wgsl.code.data = text;
		wgsl.code.length = strlen(text);
		desc.nextInChain = &wgsl.chain;
	}
	vgpu_wgpu_push(e);
	*module = e->api.DeviceCreateShaderModule(e->device, &desc);
	error = vgpu_wgpu_pop(e, line, bytes);
	if (error && *module) {
		e->api.ShaderModuleRelease(*module);
		*module = NULL;
	}
	free(text);
	return error;
}

static int vgpu_wgpu_pipeline(struct vgpu_wgpu *e, WGPUShaderModule module,
			      const struct vgpu_admitted *a,
			      struct vgpu_wgpu_kernel *k, char *line,
			      size_t bytes)
{
	WGPUConstantEntry constants[VGPU_MAX_SPECS];
	char keys[VGPU_MAX_SPECS][12];
	WGPUComputePipelineDescriptor desc = {
		.compute = {
			.module = module,
			.entryPoint = { a->entry, strlen(a->entry) },
			.constants = constants,
			.constantCount = a->n_specs,
		},
	};
	uint32_t i;

	memset(constants, 0, sizeof(constants));
	for (i = 0; i < a->n_specs; i++) {
		constants[i].key.length = snprintf(keys[i], sizeof(keys[i]),
						   "%u", a->specs[i].id);
		constants[i].key.data = keys[i];
		constants[i].value = vgpu_wgpu_override(a->code,
							a->code_bytes,
							&a->specs[i]);
	}
	vgpu_wgpu_push(e);
	k->pipeline = e->api.DeviceCreateComputePipeline(e->device, &desc);
	if (k->bindings && k->pipeline)
		k->layout = e->api.ComputePipelineGetBindGroupLayout(
			k->pipeline, 0);
	return vgpu_wgpu_pop(e, line, bytes);
}

static void vgpu_wgpu_kernel_free(struct vgpu_wgpu *e,
				  struct vgpu_wgpu_kernel *k)
{
	if (k->group)
		e->api.BindGroupRelease(k->group);
	if (k->layout)
		e->api.BindGroupLayoutRelease(k->layout);
	if (k->pipeline)
		e->api.ComputePipelineRelease(k->pipeline);
	free(k);
}

/* Where the pointer to kernel @id is, or would be. */
static struct vgpu_wgpu_kernel **vgpu_wgpu_kernel_at(struct vgpu_wgpu *e,
						     uint32_t id)
{
	struct vgpu_wgpu_kernel **at = &e->kernels[id % VGPU_WGPU_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

/* With the lock held; @line: gets what is wrong. */
static int vgpu_wgpu_compile(struct vgpu_wgpu *e, uint32_t id,
			     const struct vgpu_admitted *a, char *line,
			     size_t bytes)
{
	struct vgpu_wgpu_kernel **at, *k;
	WGPUShaderModule module;
	int error;

	if (e->lost) {
		snprintf(line, bytes, "the WebGPU device is lost");
		return -EIO;
	}
	at = vgpu_wgpu_kernel_at(e, id);
	if (*at) {
		snprintf(line, bytes, "kernel %u is there already", id);
		return -EINVAL;
	}
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->id = id;
	k->refs = 1;
	k->bindings = a->bindings;
	error = vgpu_wgpu_module(e, a, &module, line, bytes);
	if (!error) {
		error = vgpu_wgpu_pipeline(e, module, a, k, line, bytes);
		e->api.ShaderModuleRelease(module);
	}
	if (error)
		vgpu_wgpu_kernel_free(e, k);
	else
		*at = k;
	return error;
}

int vgpu_wgpu_build(void *ptr, uint32_t id, const void *desc, size_t bytes,
		    struct vgpu_engine_built *built)
{
	struct vgpu_wgpu *e = ptr;
	struct vgpu_message msg;
	struct vgpu_admitted a;
	char line[256] = "";
	int error;

	memset(built, 0, sizeof(*built));
	vgpu_message_init(&msg);
	error = vgpu_admit(desc, bytes, &e->info, VGPU_ADMIT_WEBGPU, &a, &msg);
	if (error) {
		vgpu_message_get(&msg, built->message, sizeof(built->message));
		goto out;
	}
	pthread_mutex_lock(&e->lock);
	error = vgpu_wgpu_compile(e, id, &a, line, sizeof(line));
	pthread_mutex_unlock(&e->lock);
	if (!error)
		built->info = a.info;
	else if (error == -ENOMEM)
		snprintf(built->message, sizeof(built->message),
			 "no memory for the kernel");
	else
		snprintf(built->message, sizeof(built->message),
			 "WebGPU refuses the kernel: %.190s", line);
	vgpu_admitted_fini(&a);
out:
	vgpu_message_fini(&msg);
	return error;
}

void vgpu_wgpu_drop(void *ptr, uint32_t id)
{
	struct vgpu_wgpu *e = ptr;
	struct vgpu_wgpu_kernel **at, *k;

	pthread_mutex_lock(&e->lock);
	at = vgpu_wgpu_kernel_at(e, id);
	k = *at;
	if (k) {
		*at = k->next;
		vgpu_wgpu_kernel_put(e, k);
	}
	pthread_mutex_unlock(&e->lock);
}

struct vgpu_wgpu_kernel *vgpu_wgpu_kernel_get(struct vgpu_wgpu *e, uint32_t id)
{
	struct vgpu_wgpu_kernel *k = *vgpu_wgpu_kernel_at(e, id);

	if (k)
		k->refs++;
	return k;
}

void vgpu_wgpu_kernel_put(struct vgpu_wgpu *e, struct vgpu_wgpu_kernel *k)
{
	if (!--k->refs)
		vgpu_wgpu_kernel_free(e, k);
}

void vgpu_wgpu_kernels_close(struct vgpu_wgpu *e)
{
	struct vgpu_wgpu_kernel *k;
	uint32_t i;

	for (i = 0; i < VGPU_WGPU_BUCKETS; i++) {
		while ((k = e->kernels[i])) {
			e->kernels[i] = k->next;
			vgpu_wgpu_kernel_put(e, k);
		}
	}
}
