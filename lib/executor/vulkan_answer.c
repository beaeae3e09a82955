// SPDX-License-Identifier: MIT
/*
 * A kernel whose answer is known: some drivers that run on the CPU end loops
 * early, and say nothing (lavapipe of Mesa 22.3 after about 65,535 iterations
 * of all loops together).
 */
#include "vulkan.h"

#define TURNS		100000u
#define START		12345u
#define LIMIT_NS	(20 * VGPU_NS_PER_S)

/*
 * Made by glslc -O --target-env=vulkan1.1 -mfmt=num, from:
 *
 *	#version 450
 *	layout(local_size_x = 1) in;
 *	layout(set = 0, binding = 0) buffer Data { uint n; uint a; uint b; };
 *	void main()
 *	{
 *		uint x = a;
 *		for (uint i = 0; i < n; i++)
 *			x = x * 1664525u + 1013904223u;
 *		a = x;
 *		for (uint i = 0; i < n; i++)
 *			x = (x >> 1) ^ (i + x * 5u);
 *		b = x;
 *	}
 */
static const uint32_t code[] = {
	0x07230203, 0x00010300, 0x000d000b, 0x00000045,
	0x00000000, 0x00020011, 0x00000001, 0x0006000b,
	0x00000001, 0x4c534c47, 0x6474732e, 0x3035342e,
	0x00000000, 0x0003000e, 0x00000000, 0x00000001,
	0x0005000f, 0x00000005, 0x00000004, 0x6e69616d,
	0x00000000, 0x00060010, 0x00000004, 0x00000011,
	0x00000001, 0x00000001, 0x00000001, 0x00050048,
	0x00000009, 0x00000000, 0x00000023, 0x00000000,
	0x00050048, 0x00000009, 0x00000001, 0x00000023,
	0x00000004, 0x00050048, 0x00000009, 0x00000002,
	0x00000023, 0x00000008, 0x00030047, 0x00000009,
	0x00000002, 0x00040047, 0x0000000b, 0x00000022,
	0x00000000, 0x00040047, 0x0000000b, 0x00000021,
	0x00000000, 0x00040047, 0x00000040, 0x0000000b,
	0x00000019, 0x00020013, 0x00000002, 0x00030021,
	0x00000003, 0x00000002, 0x00040015, 0x00000006,
	0x00000020, 0x00000000, 0x0005001e, 0x00000009,
	0x00000006, 0x00000006, 0x00000006, 0x00040020,
	0x0000000a, 0x0000000c, 0x00000009, 0x0004003b,
	0x0000000a, 0x0000000b, 0x0000000c, 0x00040015,
	0x0000000c, 0x00000020, 0x00000001, 0x0004002b,
	0x0000000c, 0x0000000d, 0x00000001, 0x00040020,
	0x0000000e, 0x0000000c, 0x00000006, 0x0004002b,
	0x00000006, 0x00000012, 0x00000000, 0x0004002b,
	0x0000000c, 0x00000019, 0x00000000, 0x00020014,
	0x0000001c, 0x0004002b, 0x00000006, 0x0000001f,
	0x0019660d, 0x0004002b, 0x00000006, 0x00000021,
	0x3c6ef35f, 0x0004002b, 0x00000006, 0x00000035,
	0x00000005, 0x0004002b, 0x0000000c, 0x0000003b,
	0x00000002, 0x00040017, 0x0000003e, 0x00000006,
	0x00000003, 0x0004002b, 0x00000006, 0x0000003f,
	0x00000001, 0x0006002c, 0x0000003e, 0x00000040,
	0x0000003f, 0x0000003f, 0x0000003f, 0x00050036,
	0x00000002, 0x00000004, 0x00000000, 0x00000003,
	0x000200f8, 0x00000005, 0x00050041, 0x0000000e,
	0x0000000f, 0x0000000b, 0x0000000d, 0x0004003d,
	0x00000006, 0x00000010, 0x0000000f, 0x000200f9,
	0x00000013, 0x000200f8, 0x00000013, 0x000700f5,
	0x00000006, 0x00000042, 0x00000010, 0x00000005,
	0x00000022, 0x00000014, 0x000700f5, 0x00000006,
	0x00000041, 0x00000012, 0x00000005, 0x00000024,
	0x00000014, 0x00050041, 0x0000000e, 0x0000001a,
	0x0000000b, 0x00000019, 0x0004003d, 0x00000006,
	0x0000001b, 0x0000001a, 0x000500b0, 0x0000001c,
	0x0000001d, 0x00000041, 0x0000001b, 0x000400f6,
	0x00000015, 0x00000014, 0x00000000, 0x000400fa,
	0x0000001d, 0x00000014, 0x00000015, 0x000200f8,
	0x00000014, 0x00050084, 0x00000006, 0x00000020,
	0x00000042, 0x0000001f, 0x00050080, 0x00000006,
	0x00000022, 0x00000020, 0x00000021, 0x00050080,
	0x00000006, 0x00000024, 0x00000041, 0x0000000d,
	0x000200f9, 0x00000013, 0x000200f8, 0x00000015,
	0x0003003e, 0x0000000f, 0x00000042, 0x000200f9,
	0x00000028, 0x000200f8, 0x00000028, 0x000700f5,
	0x00000006, 0x00000044, 0x00000042, 0x00000015,
	0x00000038, 0x00000029, 0x000700f5, 0x00000006,
	0x00000043, 0x00000012, 0x00000015, 0x0000003a,
	0x00000029, 0x0004003d, 0x00000006, 0x0000002f,
	0x0000001a, 0x000500b0, 0x0000001c, 0x00000030,
	0x00000043, 0x0000002f, 0x000400f6, 0x0000002a,
	0x00000029, 0x00000000, 0x000400fa, 0x00000030,
	0x00000029, 0x0000002a, 0x000200f8, 0x00000029,
	0x000500c2, 0x00000006, 0x00000032, 0x00000044,
	0x0000000d, 0x00050084, 0x00000006, 0x00000036,
	0x00000044, 0x00000035, 0x00050080, 0x00000006,
	0x00000037, 0x00000043, 0x00000036, 0x000500c6,
	0x00000006, 0x00000038, 0x00000032, 0x00000037,
	0x00050080, 0x00000006, 0x0000003a, 0x00000043,
	0x0000000d, 0x000200f9, 0x00000028, 0x000200f8,
	0x0000002a, 0x00050041, 0x0000000e, 0x0000003d,
	0x0000000b, 0x0000003b, 0x0003003e, 0x0000003d,
	0x00000044, 0x000100fd, 0x00010038
};

struct data {
	uint32_t n;
	uint32_t a;
	uint32_t b;
};

static bool right(const struct data *data)
{
	uint32_t x = START, i;

	for (i = 0; i < TURNS; i++)
		x = x * 1664525u + 1013904223u;
	if (data->a != x)
		return false;
	for (i = 0; i < TURNS; i++)
		x = (x >> 1) ^ (i + x * 5u);
	return data->b == x;
}

/* Run it on @buffer; nothing else is out. */
static int run(struct vgpu_vk *vk, VkPipeline pipeline, VkBuffer buffer)
{
	VkCommandBuffer cmd = vk->entries[0].batch.cmd;
	VkDescriptorSet set = vk->entries[0].set;
	VkDescriptorBufferInfo info = {
		.buffer = buffer,
		.range = sizeof(struct data),
	};
	VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.dstSet = set,
		.descriptorCount = 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = &info,
	};
	VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
	};
	VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_HOST_READ_BIT,
	};
	VkSubmitInfo submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &cmd,
	};
	VkFenceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result;
	VkFence fence;

	result = vk->fn.CreateFence(vk->device, &create, NULL, &fence);
	if (result)
		return vgpu_vk_errno(result);
	vk->fn.UpdateDescriptorSets(vk->device, 1, &write, 0, NULL);
	result = vk->fn.BeginCommandBuffer(cmd, &begin);
	if (result)
		goto out;
	vk->fn.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	vk->fn.CmdBindDescriptorSets(cmd, VK_PIPELINE_BIND_POINT_COMPUTE,
				     vk->layout, 0, 1, &set, 0, NULL);
	vk->fn.CmdDispatch(cmd, 1, 1, 1);
	vk->fn.CmdPipelineBarrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
				  VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
				  NULL, 0, NULL);
	result = vk->fn.EndCommandBuffer(cmd);
	if (!result)
		result = vk->fn.QueueSubmit(vk->queue, 1, &submit, fence);
	if (!result)
		result = vk->fn.WaitForFences(vk->device, 1, &fence, VK_TRUE,
					      LIMIT_NS);
	if (result == VK_TIMEOUT)
		return -EBUSY;
out:
	vk->fn.DestroyFence(vk->device, fence, NULL);
	return vgpu_vk_errno(result);
}

int vgpu_vk_answer(struct vgpu_vk *vk)
{
	uint32_t coherent = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
			    VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	VkDeviceMemory memory;
	VkPipeline pipeline;
	VkBuffer buffer;
	void *data;
	int error;

	error = vgpu_vk_pipeline(vk, code, sizeof(code), "main", &pipeline);
	if (error)
		return error;
	error = vgpu_vk_buffer(vk, sizeof(struct data), coherent, coherent,
			       &buffer, &memory);
	if (error)
		goto out_pipeline;
	error = vgpu_vk_errno(vk->fn.MapMemory(vk->device, memory, 0,
					       VK_WHOLE_SIZE, 0, &data));
	if (error)
		goto out_buffer;
	*(struct data *)data = (struct data){ .n = TURNS, .a = START };
	error = run(vk, pipeline, buffer);
	if (error == -EBUSY)
		return error; /* it is still running */
	if (!error && !right(data))
		error = -ERANGE;
out_buffer:
	vk->fn.DestroyBuffer(vk->device, buffer, NULL);
	vk->fn.FreeMemory(vk->device, memory, NULL);
out_pipeline:
	vk->fn.DestroyPipeline(vk->device, pipeline, NULL);
	return error;
}
