// SPDX-License-Identifier: MIT
/*
 * Kernels of the Vulkan executor: each is compiled once, when it is built.
 */
#include <stdio.h>

#include "admission/admission.h"
#include "vulkan.h"

int vgpu_vk_pipeline(struct vgpu_vk *vk, const uint32_t *code, size_t bytes,
		     const char *entry, VkPipeline *pipeline)
{
	VkShaderModuleCreateInfo module = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = bytes,
		.pCode = code,
	};
	VkComputePipelineCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = entry,
		},
		.layout = vk->layout,
	};
	VkResult result;

	result = vk->fn.CreateShaderModule(vk->device, &module, NULL,
					   &create.stage.module);
	if (result)
		return vgpu_vk_errno(result);
	*pipeline = VK_NULL_HANDLE;
	result = vk->fn.CreateComputePipelines(vk->device, vk->cache, 1,
					       &create, NULL, pipeline);
	vk->fn.DestroyShaderModule(vk->device, create.stage.module, NULL);
	if (result > 0)	/* no pipeline, and no error either */
		return -EIO;
	return vgpu_vk_errno(result);
}

int vgpu_vk_build(void *e, uint32_t id, const void *desc, size_t bytes,
		  struct vgpu_engine_built *built)
{
	struct vgpu_vk *vk = e;
	struct vgpu_vk_kernel *kernel;
	struct vgpu_admitted admitted;
	struct vgpu_message msg;
	int error;

	vgpu_vk_bury(vk);
	memset(built, 0, sizeof(*built));
	vgpu_message_init(&msg);
	error = vgpu_admit(desc, bytes, &vk->info, 0, &admitted, &msg);
	snprintf(built->message, sizeof(built->message), "%.223s", msg.text);
	vgpu_message_fini(&msg);
	if (error)
		return error;
	kernel = calloc(1, sizeof(*kernel));
	if (!kernel) {
		error = -ENOMEM;
		goto out_admitted;
	}
	kernel->id = id;
	kernel->bindings = admitted.bindings;
	error = vgpu_vk_pipeline(vk, admitted.code, admitted.code_bytes,
				 admitted.entry, &kernel->pipeline);
	if (error) {
		free(kernel);
		goto out_admitted;
	}
	built->info = admitted.info;
	pthread_mutex_lock(&vk->lock);
	kernel->next = vk->kernels[id % VGPU_VK_BUCKETS];
	vk->kernels[id % VGPU_VK_BUCKETS] = kernel;
	pthread_mutex_unlock(&vk->lock);

out_admitted:
	if (error)
		snprintf(built->message, sizeof(built->message),
			 error == -ENOMEM ? "no memory for the kernel" :
			 "%.60s cannot compile the kernel", vk->info.driver);
	vgpu_admitted_fini(&admitted);
	return error;
}

struct vgpu_vk_kernel *vgpu_vk_kernel_get(struct vgpu_vk *vk, uint32_t id)
{
	struct vgpu_vk_kernel *kernel = vk->kernels[id % VGPU_VK_BUCKETS];

	while (kernel && kernel->id != id)
		kernel = kernel->next;
	if (kernel)
		kernel->launches++;
	return kernel;
}

static void kill(struct vgpu_vk *vk, struct vgpu_vk_kernel *kernel)
{
	kernel->next = vk->dead;
	vk->dead = kernel;
}

void vgpu_vk_kernel_put(struct vgpu_vk *vk, struct vgpu_vk_kernel *kernel)
{
	if (!--kernel->launches && kernel->dropped)
		kill(vk, kernel);
}

void vgpu_vk_bury(struct vgpu_vk *vk)
{
	struct vgpu_vk_kernel *kernel, *next;

	pthread_mutex_lock(&vk->lock);
	kernel = vk->dead;
	vk->dead = NULL;
	pthread_mutex_unlock(&vk->lock);
	for (; kernel; kernel = next) {
		next = kernel->next;
		vk->fn.DestroyPipeline(vk->device, kernel->pipeline, NULL);
		free(kernel);
	}
}

void vgpu_vk_drop(void *e, uint32_t id)
{
	struct vgpu_vk *vk = e;
	struct vgpu_vk_kernel **at, *kernel;

	pthread_mutex_lock(&vk->lock);
	at = &vk->kernels[id % VGPU_VK_BUCKETS];
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	kernel = *at;
	if (kernel) {
		*at = kernel->next;
		kernel->dropped = true;
		if (!kernel->launches)
			kill(vk, kernel);
	}
	pthread_mutex_unlock(&vk->lock);
}

void vgpu_vk_kernels_close(struct vgpu_vk *vk)
{
	struct vgpu_vk_kernel *kernel;
	uint32_t i;

	for (i = 0; i < VGPU_VK_BUCKETS; i++)
		while ((kernel = vk->kernels[i])) {
			vk->kernels[i] = kernel->next;
			kill(vk, kernel);
		}
	vgpu_vk_bury(vk);
}
