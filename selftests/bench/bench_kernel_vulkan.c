// SPDX-License-Identifier: MIT
/*
 * bench_kernel's peer that drives Vulkan itself, as a program would that knows
 * what it will launch: descriptors are written once, command buffers are
 * recorded for each launch, each is a submission, and a fence of the last one
 * is waited for.  Memory is imported from the process, or the device's own with
 * a staging buffer that is mapped for good.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "bench_kernel.h"

#define INSTANCE_FUNCTIONS(f)						\
	f(EnumeratePhysicalDevices); f(GetPhysicalDeviceProperties2);	\
	f(GetPhysicalDeviceMemoryProperties);				\
	f(GetPhysicalDeviceQueueFamilyProperties);			\
	f(EnumerateDeviceExtensionProperties); f(CreateDevice);		\
	f(DestroyInstance); f(GetDeviceProcAddr)
#define DEVICE_FUNCTIONS(f)						\
	f(DestroyDevice); f(GetDeviceQueue); f(AllocateMemory);		\
	f(FreeMemory); f(MapMemory); f(CreateBuffer); f(DestroyBuffer);	\
	f(GetBufferMemoryRequirements); f(BindBufferMemory);		\
	f(CreateShaderModule); f(DestroyShaderModule);			\
	f(CreateComputePipelines); f(DestroyPipeline);			\
	f(CreatePipelineLayout); f(DestroyPipelineLayout);		\
	f(CreateDescriptorSetLayout); f(DestroyDescriptorSetLayout);	\
	f(CreateDescriptorPool); f(DestroyDescriptorPool);		\
	f(AllocateDescriptorSets); f(UpdateDescriptorSets);		\
	f(CreateCommandPool); f(DestroyCommandPool);			\
	f(AllocateCommandBuffers); f(BeginCommandBuffer);		\
	f(EndCommandBuffer); f(CmdBindPipeline); f(CmdBindDescriptorSets);	\
	f(CmdDispatch); f(CmdCopyBuffer); f(CmdPipelineBarrier);	\
	f(QueueSubmit); f(CreateFence); f(DestroyFence); f(ResetFences);	\
	f(WaitForFences)

#define MAX_DEVICES	32u

struct memory {
	VkBuffer buffer;
	VkDeviceMemory memory;
};

struct direct {
	void *library;
	VkInstance instance;
	VkPhysicalDevice physical;
	VkPhysicalDeviceMemoryProperties types;
	VkDevice device;
	VkQueue queue;
	uint32_t family;
	struct memory memory;
	struct memory staging;	/* unless imported */
	void *mapped;		/* imported memory, or staging */
	bool imported;
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkDescriptorPool descriptors;
	VkDescriptorSet sets[BENCH_KERNELS];
	VkPipeline pipelines[BENCH_KERNELS];
	VkCommandPool commands;
	VkCommandBuffer cmds[BENCH_MAX_BATCH];
	VkFence fence;
#define FIELD(name)	PFN_vk##name name	/* one of the list */
	INSTANCE_FUNCTIONS(FIELD);
	DEVICE_FUNCTIONS(FIELD);
#undef FIELD
	PFN_vkGetMemoryHostPointerPropertiesEXT GetMemoryHostPointerPropertiesEXT;
};

static void check(VkResult result, const char *what)
{
	if (result)
		bench_die("direct Vulkan: %s: %d", what, result);
}

#define CHECK(call)	check(call, #call)

static bool open_instance(struct direct *d)
{
	VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.apiVersion = VK_API_VERSION_1_1,
	};
	VkInstanceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	PFN_vkGetInstanceProcAddr get;
	PFN_vkCreateInstance make;

	d->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!d->library)
		return false;
	get = (PFN_vkGetInstanceProcAddr)dlsym(d->library,
					       "vkGetInstanceProcAddr");
	make = (PFN_vkCreateInstance)get(NULL, "vkCreateInstance");
	if (make(&create, NULL, &d->instance))
		return false;
#define LOAD(name)							\
	(d->name = (PFN_vk##name)get(d->instance, "vk" #name))
	INSTANCE_FUNCTIONS(LOAD);
#undef LOAD
	return true;
}

/* The device of that name, and of several that have it the one that ours is. */
static bool choose(struct direct *d, const struct bench_options *options,
		   char *what, size_t bytes)
{
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
	};
	VkPhysicalDeviceProperties2 props = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &driver,
	};
	const char *name = props.properties.deviceName;
	VkPhysicalDevice all[MAX_DEVICES];
	uint32_t n = MAX_DEVICES, i;
	char line[512];

	if (d->EnumeratePhysicalDevices(d->instance, &n, all) < 0)
		return false;
	for (i = 0; i < n; i++) {
		d->GetPhysicalDeviceProperties2(all[i], &props);
		if (options->device && !strcasestr(name, options->device))
			continue;
		/* As the library describes it. */
		snprintf(line, sizeof(line), "%s, %.24s %.38s", name,
			 driver.driverName, driver.driverInfo);
		if (d->physical &&
		    strncmp(line, options->like, strlen(line)))
			continue;
		d->physical = all[i];
		snprintf(what, bytes, "%s", line);
	}
	return d->physical;
}

static bool can_import(struct direct *d)
{
	VkExtensionProperties all[512];
	uint32_t n = 512, i;

	if (d->EnumerateDeviceExtensionProperties(d->physical, NULL, &n, all) < 0)
		return false;
	for (i = 0; i < n; i++)
		if (!strcmp(all[i].extensionName,
			    VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME))
			return true;
	return false;
}

static uint32_t find_family(struct direct *d)
{
	VkQueueFamilyProperties all[32];
	uint32_t n = 32, i, found = 0;

	d->GetPhysicalDeviceQueueFamilyProperties(d->physical, &n, all);
	for (i = 0; i < n; i++) {
		if (!(all[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
			continue;
		found = i;
		if (!(all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
			break;
	}
	return found;
}

static void open_device(struct direct *d)
{
	static const char * const import[] = {
		VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME
	};
	float priority = 1.0f;
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkDeviceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.enabledExtensionCount = d->imported,
		.ppEnabledExtensionNames = import,
	};

	d->family = queue.queueFamilyIndex = find_family(d);
	CHECK(d->CreateDevice(d->physical, &create, NULL, &d->device));
#define LOAD(name)							\
	(d->name = (PFN_vk##name)d->GetDeviceProcAddr(d->device, "vk" #name))
	DEVICE_FUNCTIONS(LOAD);
	/* NULL, unless it was asked for. */
	LOAD(GetMemoryHostPointerPropertiesEXT);
#undef LOAD
	d->GetDeviceQueue(d->device, d->family, 0, &d->queue);
	d->GetPhysicalDeviceMemoryProperties(d->physical, &d->types);
}

/* A type of @mask with all of @flags; the first of @mask if there is none. */
static uint32_t type_of(struct direct *d, uint32_t mask, uint32_t flags)
{
	uint32_t i;

	for (i = 0; i < d->types.memoryTypeCount; i++)
		if (mask & 1u << i &&
		    (d->types.memoryTypes[i].propertyFlags & flags) == flags)
			return i;
	return (uint32_t)__builtin_ctz(mask);
}

/* @host: import this; else memory with @flags. */
static void make_memory(struct direct *d, struct memory *m, uint64_t bytes,
			void *host, uint32_t flags)
{
	VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	VkBufferCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = host ? &external : NULL,
		.size = bytes,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
			 VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
			 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = host,
	};
	VkMemoryHostPointerPropertiesEXT props = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	VkMemoryAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = host ? &import : NULL,
	};
	VkMemoryRequirements need;
	uint32_t mask;

	CHECK(d->CreateBuffer(d->device, &create, NULL, &m->buffer));
	d->GetBufferMemoryRequirements(d->device, m->buffer, &need);
	mask = need.memoryTypeBits;
	allocate.allocationSize = need.size;
	if (host) {
		CHECK(d->GetMemoryHostPointerPropertiesEXT(d->device,
			import.handleType, host, &props));
		mask &= props.memoryTypeBits;
		allocate.allocationSize = bytes;
	}
	if (!mask)
		bench_die("direct Vulkan: no type of memory fits");
	allocate.memoryTypeIndex = type_of(d, mask, flags);
	CHECK(d->AllocateMemory(d->device, &allocate, NULL, &m->memory));
	CHECK(d->BindBufferMemory(d->device, m->buffer, m->memory, 0));
}

static void make_memories(struct direct *d)
{
	const uint32_t visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
				 VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

	if (d->imported) {
		d->mapped = mmap(NULL, BENCH_BYTES, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (d->mapped == MAP_FAILED)
			bench_die("no memory");
		make_memory(d, &d->memory, BENCH_BYTES, d->mapped, visible);
		return;
	}
	make_memory(d, &d->memory, BENCH_BYTES, NULL,
		    VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
	make_memory(d, &d->staging, BENCH_DATA_BYTES, NULL,
		    visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
	CHECK(d->MapMemory(d->device, d->staging.memory, 0, VK_WHOLE_SIZE, 0,
			   &d->mapped));
}

static void make_layout(struct direct *d)
{
	VkDescriptorSetLayoutBinding bindings[2];
	VkDescriptorSetLayoutCreateInfo set = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 2,
		.pBindings = bindings,
	};
	VkPipelineLayoutCreateInfo layout = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &d->set_layout,
	};
	VkDescriptorPoolSize size = {
		.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = 2 * BENCH_KERNELS,
	};
	VkDescriptorPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = BENCH_KERNELS,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	uint32_t i;

	for (i = 0; i < 2; i++)
		bindings[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	CHECK(d->CreateDescriptorSetLayout(d->device, &set, NULL,
					   &d->set_layout));
	CHECK(d->CreatePipelineLayout(d->device, &layout, NULL, &d->layout));
	CHECK(d->CreateDescriptorPool(d->device, &pool, NULL,
				      &d->descriptors));
}

static void make_kernel(struct direct *d, uint32_t k)
{
	VkShaderModuleCreateInfo module = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = bench_codes[k].bytes,
		.pCode = bench_codes[k].words,
	};
	VkComputePipelineCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = {
			.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			.stage = VK_SHADER_STAGE_COMPUTE_BIT,
			.pName = "main",
		},
		.layout = d->layout,
	};
	VkDescriptorSetAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = d->descriptors,
		.descriptorSetCount = 1,
		.pSetLayouts = &d->set_layout,
	};
	VkDescriptorBufferInfo buffers[2] = {
		{ d->memory.buffer, 0, bench_data_bytes(k) },
		{ d->memory.buffer, BENCH_DATA_BYTES, BENCH_PARAMS_BYTES },
	};
	VkWriteDescriptorSet write = {
		.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
		.descriptorCount = k == BENCH_LOOP ? 2 : 1,
		.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.pBufferInfo = buffers,
	};

	CHECK(d->CreateShaderModule(d->device, &module, NULL,
				    &create.stage.module));
	CHECK(d->CreateComputePipelines(d->device, VK_NULL_HANDLE, 1, &create,
					NULL, &d->pipelines[k]));
	d->DestroyShaderModule(d->device, create.stage.module, NULL);
	if (k == BENCH_EMPTY)
		return;
	CHECK(d->AllocateDescriptorSets(d->device, &allocate, &d->sets[k]));
	write.dstSet = d->sets[k];
	d->UpdateDescriptorSets(d->device, 1, &write, 0, NULL);
}

static void make_commands(struct direct *d)
{
	VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = d->family,
	};
	VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = BENCH_MAX_BATCH,
	};
	VkFenceCreateInfo fence = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};

	CHECK(d->CreateCommandPool(d->device, &pool, NULL, &d->commands));
	allocate.commandPool = d->commands;
	CHECK(d->AllocateCommandBuffers(d->device, &allocate, d->cmds));
	CHECK(d->CreateFence(d->device, &fence, NULL, &d->fence));
}

static void *direct_open(struct bench_options *options, char *what,
			 size_t bytes)
{
	struct direct *d = calloc(1, sizeof(*d));
	uint32_t k;

	if (!d)
		bench_die("no memory");
	if (!open_instance(d) || !choose(d, options, what, bytes)) {
		snprintf(what, bytes, "no Vulkan device");
		goto err;
	}
	d->imported = !(options->flags & BENCH_OWN_MEMORY || options->own);
	if (d->imported && !can_import(d)) {
		snprintf(what, bytes, "the driver does not import memory");
		goto err;
	}
	snprintf(what + strlen(what), bytes - strlen(what), "; %s memory",
		 d->imported ? "imported" : "its own");
	open_device(d);
	make_memories(d);
	make_layout(d);
	for (k = 0; k < BENCH_KERNELS; k++)
		make_kernel(d, k);
	make_commands(d);
	return d;
err:
	if (d->instance)
		d->DestroyInstance(d->instance, NULL);
	if (d->library)
		dlclose(d->library);
	free(d);
	return NULL;
}

static void free_memory(struct direct *d, struct memory *m)
{
	d->DestroyBuffer(d->device, m->buffer, NULL);
	d->FreeMemory(d->device, m->memory, NULL);
}

static void direct_close(void *s)
{
	struct direct *d = s;
	uint32_t k;

	d->DestroyFence(d->device, d->fence, NULL);
	d->DestroyCommandPool(d->device, d->commands, NULL);
	for (k = 0; k < BENCH_KERNELS; k++)
		d->DestroyPipeline(d->device, d->pipelines[k], NULL);
	d->DestroyDescriptorPool(d->device, d->descriptors, NULL);
	d->DestroyPipelineLayout(d->device, d->layout, NULL);
	d->DestroyDescriptorSetLayout(d->device, d->set_layout, NULL);
	free_memory(d, &d->memory);
	free_memory(d, &d->staging);
	d->DestroyDevice(d->device, NULL);
	d->DestroyInstance(d->instance, NULL);
	if (d->imported)
		munmap(d->mapped, BENCH_BYTES);
	dlclose(d->library);
	free(d);
}

static VkCommandBuffer begin(struct direct *d, uint32_t i)
{
	VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	CHECK(d->BeginCommandBuffer(d->cmds[i], &info));
	return d->cmds[i];
}

static void barrier(struct direct *d, VkCommandBuffer cmd, uint32_t from,
		    uint32_t from_access, uint32_t to, uint32_t to_access)
{
	VkMemoryBarrier memory = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = from_access,
		.dstAccessMask = to_access,
	};

	d->CmdPipelineBarrier(cmd, from, to, 0, 1, &memory, 0, NULL, 0, NULL);
}

static void submit(struct direct *d, VkCommandBuffer cmd, VkFence fence)
{
	VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &cmd,
	};

	CHECK(d->EndCommandBuffer(cmd));
	CHECK(d->QueueSubmit(d->queue, 1, &info, fence));
}

static void finish(struct direct *d)
{
	CHECK(d->WaitForFences(d->device, 1, &d->fence, VK_TRUE, UINT64_MAX));
	CHECK(d->ResetFences(d->device, 1, &d->fence));
}

#define SHADER	VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT
#define HOST	VK_PIPELINE_STAGE_HOST_BIT
#define COPY	VK_PIPELINE_STAGE_TRANSFER_BIT
#define ANY	(VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT)

static void direct_launch(void *s, enum bench_kernel kernel, uint32_t n,
			  bool relaxed)
{
	struct direct *d = s;
	uint32_t i;

	for (i = 0; i < n; i++) {
		VkCommandBuffer cmd = begin(d, i);

		if (!relaxed && i)
			barrier(d, cmd, SHADER, VK_ACCESS_SHADER_WRITE_BIT,
				SHADER, ANY);
		d->CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE,
				   d->pipelines[kernel]);
		if (kernel != BENCH_EMPTY)
			d->CmdBindDescriptorSets(cmd,
				VK_PIPELINE_BIND_POINT_COMPUTE, d->layout, 0,
				1, &d->sets[kernel], 0, NULL);
		d->CmdDispatch(cmd, bench_groups(kernel), 1, 1);
		if (i == n - 1)
			barrier(d, cmd, SHADER, VK_ACCESS_SHADER_WRITE_BIT,
				HOST | COPY, VK_ACCESS_HOST_READ_BIT |
					     VK_ACCESS_TRANSFER_READ_BIT);
		submit(d, cmd, i == n - 1 ? d->fence : VK_NULL_HANDLE);
	}
	finish(d);
}

static void direct_upload(void *s, uint32_t to, const void *from,
			  uint32_t bytes)
{
	VkBufferCopy copy = { .dstOffset = to, .size = bytes };
	struct direct *d = s;
	VkCommandBuffer cmd;

	if (d->imported) {
		memcpy((char *)d->mapped + to, from, bytes);
		return;
	}
	memcpy(d->mapped, from, bytes);
	cmd = begin(d, 0);
	d->CmdCopyBuffer(cmd, d->staging.buffer, d->memory.buffer, 1, &copy);
	barrier(d, cmd, COPY, VK_ACCESS_TRANSFER_WRITE_BIT, SHADER, ANY);
	submit(d, cmd, d->fence);
	finish(d);
}

static void direct_download(void *s, void *to, uint32_t bytes)
{
	VkBufferCopy copy = { .size = bytes };
	struct direct *d = s;
	VkCommandBuffer cmd;

	if (!d->imported) {
		cmd = begin(d, 0);
		d->CmdCopyBuffer(cmd, d->memory.buffer, d->staging.buffer, 1,
				 &copy);
		barrier(d, cmd, COPY, VK_ACCESS_TRANSFER_WRITE_BIT, HOST,
			VK_ACCESS_HOST_READ_BIT);
		submit(d, cmd, d->fence);
		finish(d);
	}
	memcpy(to, d->mapped, bytes);
}

const struct bench_side_ops bench_direct_vulkan = {
	.open = direct_open,
	.close = direct_close,
	.launch = direct_launch,
	.upload = direct_upload,
	.download = direct_download,
};
