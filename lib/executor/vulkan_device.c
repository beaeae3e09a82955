// SPDX-License-Identifier: MIT
/*
 * A Vulkan device: what it can, and what is made once on it.
 */
#include <stdio.h>

#include "vulkan.h"

int vgpu_vk_errno(VkResult result)
{
	switch (result) {
	case VK_SUCCESS:
		return 0;
	case VK_ERROR_OUT_OF_HOST_MEMORY:
	case VK_ERROR_OUT_OF_DEVICE_MEMORY:
	case VK_ERROR_OUT_OF_POOL_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* What is asked of a device, chained; has is what it offers. */
struct features {
	VkPhysicalDeviceFeatures2 core;
	VkPhysicalDevice16BitStorageFeatures storage16;
	VkPhysicalDeviceVariablePointersFeatures pointers;
	VkPhysicalDeviceVulkan12Features v12;
	VkPhysicalDeviceShaderIntegerDotProductFeatures dot;
	VkPhysicalDeviceRobustness2FeaturesEXT robust;
};

static void chain(void *features, void *next)
{
	VkBaseOutStructure *at = features;

	while (at->pNext)
		at = at->pNext;
	at->pNext = next;
}

static void features_init(struct features *f, uint32_t api, bool robust2)
{
	*f = (struct features){
		.core.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
		.storage16.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
		.pointers.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VARIABLE_POINTERS_FEATURES,
		.v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.dot.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
		.robust.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT,
	};
	chain(&f->core, &f->storage16);
	chain(&f->core, &f->pointers);
	if (api >= VK_API_VERSION_1_2)
		chain(&f->core, &f->v12);
	if (api >= VK_API_VERSION_1_3)
		chain(&f->core, &f->dot);
	if (robust2)
		chain(&f->core, &f->robust);
}

/* Of what there is, ask for what admission may let through. */
static void features_pick(struct features *want, const struct features *has)
{
	const VkPhysicalDeviceFeatures *h = &has->core.features;
	VkPhysicalDeviceFeatures *w = &want->core.features;

	w->robustBufferAccess = h->robustBufferAccess;
	w->shaderInt16 = h->shaderInt16;
	w->shaderInt64 = h->shaderInt64;
	w->shaderFloat64 = h->shaderFloat64;
#define PICK(field)	(want->field = has->field)
	PICK(storage16.storageBuffer16BitAccess);
	PICK(storage16.storagePushConstant16);
	PICK(pointers.variablePointersStorageBuffer);
	PICK(pointers.variablePointers);
	PICK(v12.shaderInt8);
	PICK(v12.shaderFloat16);
	PICK(v12.storageBuffer8BitAccess);
	PICK(v12.storagePushConstant8);
	PICK(v12.shaderBufferInt64Atomics);
	PICK(v12.vulkanMemoryModel);
	PICK(v12.vulkanMemoryModelDeviceScope);
	PICK(v12.timelineSemaphore);
	PICK(dot.shaderIntegerDotProduct);
	PICK(robust.robustBufferAccess2);
#undef PICK
}

static void info_features(struct vgpu_engine_info *info,
			  const struct features *f)
{
	const VkPhysicalDeviceFeatures *core = &f->core.features;

	info->features = VGPU_FEATURE_SPIRV | VGPU_FEATURE_ALIAS |
		(core->shaderInt16 ? VGPU_FEATURE_INT16 : 0) |
		(core->shaderInt64 ? VGPU_FEATURE_INT64 : 0) |
		(core->shaderFloat64 ? VGPU_FEATURE_FLOAT64 : 0) |
		(f->v12.shaderFloat16 ? VGPU_FEATURE_FLOAT16 : 0);
#define CAP(field, cap)	(f->field ? VGPU_ENGINE_CAP_##cap : 0)
	info->capabilities =
		CAP(v12.shaderInt8, INT8) |
		CAP(v12.storageBuffer8BitAccess, STORAGE8) |
		CAP(storage16.storageBuffer16BitAccess, STORAGE16) |
		CAP(v12.storagePushConstant8, PUSH8) |
		CAP(storage16.storagePushConstant16, PUSH16) |
		CAP(v12.shaderBufferInt64Atomics, ATOMIC64) |
		CAP(pointers.variablePointers, VARIABLE_POINTERS) |
		CAP(v12.vulkanMemoryModelDeviceScope, MEMORY_MODEL) |
		CAP(dot.shaderIntegerDotProduct, DOT_PRODUCT);
#undef CAP
}

static uint64_t subgroup_caps(const VkPhysicalDeviceSubgroupProperties *s)
{
	static const struct {
		VkSubgroupFeatureFlags vulkan;
		uint64_t cap;
	} map[] = {
		{ VK_SUBGROUP_FEATURE_BASIC_BIT, VGPU_ENGINE_CAP_SUBGROUP },
		{ VK_SUBGROUP_FEATURE_VOTE_BIT, VGPU_ENGINE_CAP_SUBGROUP_VOTE },
		{ VK_SUBGROUP_FEATURE_ARITHMETIC_BIT,
		  VGPU_ENGINE_CAP_SUBGROUP_ARITHMETIC },
		{ VK_SUBGROUP_FEATURE_BALLOT_BIT,
		  VGPU_ENGINE_CAP_SUBGROUP_BALLOT },
		{ VK_SUBGROUP_FEATURE_SHUFFLE_BIT,
		  VGPU_ENGINE_CAP_SUBGROUP_SHUFFLE },
		{ VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT,
		  VGPU_ENGINE_CAP_SUBGROUP_SHUFFLE_RELATIVE },
		{ VK_SUBGROUP_FEATURE_CLUSTERED_BIT,
		  VGPU_ENGINE_CAP_SUBGROUP_CLUSTERED },
		{ VK_SUBGROUP_FEATURE_QUAD_BIT, VGPU_ENGINE_CAP_SUBGROUP_QUAD },
	};
	uint64_t caps = 0;
	size_t i;

	if (!(s->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
		return 0;
	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (s->supportedOperations & map[i].vulkan)
			caps |= map[i].cap;
	return caps;
}

/* Every mode for every width, since there is one bit for all. */
static bool float_controls(const VkPhysicalDeviceFloatControlsProperties *f,
			   uint64_t features)
{
#define ALL(w)								\
	(f->shaderSignedZeroInfNanPreserveFloat##w &&			\
	 f->shaderDenormPreserveFloat##w &&				\
	 f->shaderDenormFlushToZeroFloat##w &&				\
	 f->shaderRoundingModeRTEFloat##w &&				\
	 f->shaderRoundingModeRTZFloat##w)

	return ALL(32) &&
	       (!(features & VGPU_FEATURE_FLOAT16) || ALL(16)) &&
	       (!(features & VGPU_FEATURE_FLOAT64) || ALL(64));
#undef ALL
}

static uint32_t info_type(VkPhysicalDeviceType type)
{
	switch (type) {
	case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
		return VGPU_ENGINE_INTEGRATED;
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
		return VGPU_ENGINE_DISCRETE;
	case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
		return VGPU_ENGINE_VIRTUAL;
	case VK_PHYSICAL_DEVICE_TYPE_CPU:
		return VGPU_ENGINE_CPU;
	default:
		return VGPU_ENGINE_OTHER;
	}
}

/* Whether the device has an extension. */
static bool has_extension(struct vgpu_vk *vk, const char *name)
{
	VkExtensionProperties *all;
	uint32_t n = 0, i;
	bool found = false;

	if (vk->fn.EnumerateDeviceExtensionProperties(vk->physical, NULL, &n,
						      NULL))
		return false;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return false;
	if (vk->fn.EnumerateDeviceExtensionProperties(vk->physical, NULL, &n,
						      all) >= 0)
		for (i = 0; i < n && !found; i++)
			found = !strcmp(all[i].extensionName, name);
	free(all);
	return found;
}

/* Properties; the caller has chosen the device and filled in features. */
static int info_fill(struct vgpu_vk *vk, bool import, struct vgpu_message *msg)
{
	VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT,
	};
	VkPhysicalDeviceFloatControlsProperties floats = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES,
	};
	VkPhysicalDeviceDriverProperties driver = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
		.pNext = &floats,
	};
	VkPhysicalDeviceMaintenance3Properties sizes = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
	};
	VkPhysicalDeviceSubgroupProperties subgroup = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
		.pNext = &sizes,
	};
	VkPhysicalDeviceProperties2 props = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
		.pNext = &subgroup,
	};
	const VkPhysicalDeviceLimits *limits = &props.properties.limits;
	struct vgpu_engine_info *info = &vk->info;
	uint32_t i;

	vk->fn.GetPhysicalDeviceProperties2(vk->physical, &props);
	info->api_version = min_t(uint32_t, props.properties.apiVersion,
				  vk->api);
	if (info->api_version >= VK_API_VERSION_1_2)
		chain(&props, &driver);
	if (import)
		chain(&props, &host);
	vk->fn.GetPhysicalDeviceProperties2(vk->physical, &props);
	vk->import_align = host.minImportedHostPointerAlignment;

	snprintf(info->name, sizeof(info->name), "%.127s",
		 props.properties.deviceName);
	if (driver.driverName[0])
		snprintf(info->driver, sizeof(info->driver), "%.24s%s%.38s",
			 driver.driverName, driver.driverInfo[0] ? " " : "",
			 driver.driverInfo);
	else
		snprintf(info->driver, sizeof(info->driver), "version %#x",
			 props.properties.driverVersion);
	info->capabilities |= subgroup_caps(&subgroup);
	if (float_controls(&floats, info->features))
		info->capabilities |= VGPU_ENGINE_CAP_FLOAT_CONTROLS;
	for (i = 0; i < vk->memory.memoryHeapCount; i++)
		if (vk->memory.memoryHeaps[i].flags &
		    VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
			info->memory_bytes += vk->memory.memoryHeaps[i].size;
	info->max_range_bytes = limits->maxStorageBufferRange & ~3u;
	info->max_bank_bytes = sizes.maxMemoryAllocationSize;
	for (i = 0; i < 3; i++) {
		info->max_grid[i] = limits->maxComputeWorkGroupCount[i];
		info->max_workgroup[i] = limits->maxComputeWorkGroupSize[i];
	}
	info->max_invocations = limits->maxComputeWorkGroupInvocations;
	info->max_shared_bytes = limits->maxComputeSharedMemorySize;
	info->max_ranges = min_t(uint32_t, VGPU_MAX_RANGES,
				 limits->maxPerStageDescriptorStorageBuffers);
	info->type = info_type(props.properties.deviceType);
	info->vendor_id = props.properties.vendorID;
	info->device_id = props.properties.deviceID;
	if (limits->minStorageBufferOffsetAlignment > VGPU_RANGE_ALIGN)
		return vgpu_message_set(msg, -ENODEV,
			"%.64s wants buffers aligned to %llu bytes, and %u is what ranges have",
			info->name, (unsigned long long)
			limits->minStorageBufferOffsetAlignment,
			VGPU_RANGE_ALIGN);
	return 0;
}

/* Any family that computes; one that does nothing else, if there is one. */
static int find_family(struct vgpu_vk *vk)
{
	VkQueueFamilyProperties all[32];
	uint32_t n = ARRAY_SIZE(all), i;
	int found = -1;

	vk->fn.GetPhysicalDeviceQueueFamilyProperties(vk->physical, &n, all);
	for (i = 0; i < n; i++) {
		if (!(all[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
			continue;
		if (found < 0 || !(all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
			found = i;
		if (!(all[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
			break;
	}
	return found;
}

static VkResult make_layout(struct vgpu_vk *vk)
{
	VkDescriptorSetLayoutBinding bindings[VGPU_MAX_RANGES];
	VkDescriptorSetLayoutCreateInfo sets = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = vk->info.max_ranges,
		.pBindings = bindings,
	};
	VkPushConstantRange push = {
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		.size = VGPU_MAX_CONST_BYTES,
	};
	VkPipelineLayoutCreateInfo layout = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &vk->set_layout,
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &push,
	};
	VkPipelineCacheCreateInfo cache = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
	};
	VkResult result;
	uint32_t i;

	for (i = 0; i < vk->info.max_ranges; i++)
		bindings[i] = (VkDescriptorSetLayoutBinding) {
			.binding = i,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	result = vk->fn.CreateDescriptorSetLayout(vk->device, &sets, NULL,
						  &vk->set_layout);
	if (!result)
		result = vk->fn.CreatePipelineLayout(vk->device, &layout, NULL,
						     &vk->layout);
	if (!result)
		result = vk->fn.CreatePipelineCache(vk->device, &cache, NULL,
						    &vk->cache);
	return result;
}

/* The descriptors of each entry: they are out as long as it is. */
static VkResult make_sets(struct vgpu_vk *vk)
{
	VkDescriptorPoolSize size = {
		.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
		.descriptorCount = VGPU_EXECUTOR_DEPTH * VGPU_MAX_RANGES,
	};
	VkDescriptorPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = VGPU_EXECUTOR_DEPTH,
		.poolSizeCount = 1,
		.pPoolSizes = &size,
	};
	VkDescriptorSetAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1,
		.pSetLayouts = &vk->set_layout,
	};
	VkResult result;
	uint32_t i;

	result = vk->fn.CreateDescriptorPool(vk->device, &pool, NULL,
					     &vk->descriptors);
	allocate.descriptorPool = vk->descriptors;
	for (i = 0; !result && i < VGPU_EXECUTOR_DEPTH; i++)
		result = vk->fn.AllocateDescriptorSets(vk->device, &allocate,
						       &vk->entries[i].set);
	return result;
}

static VkResult make_batch(struct vgpu_vk *vk, struct vgpu_vk_batch *batch)
{
	VkCommandBufferAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = vk->commands,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};
	VkFenceCreateInfo fence = {
		.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO,
	};
	VkResult result;

	result = vk->fn.AllocateCommandBuffers(vk->device, &allocate,
					       &batch->cmd);
	if (!result && !vk->timeline)
		result = vk->fn.CreateFence(vk->device, &fence, NULL,
					    &batch->fence);
	return result;
}

static VkResult make_batches(struct vgpu_vk *vk)
{
	VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = vk->family,
	};
	VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	VkSemaphoreCreateInfo semaphore = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
		.pNext = &type,
	};
	VkResult result;
	uint32_t i;

	result = vk->fn.CreateCommandPool(vk->device, &pool, NULL,
					  &vk->commands);
	if (!result && vk->timeline)
		result = vk->fn.CreateSemaphore(vk->device, &semaphore, NULL,
						&vk->progress);
	for (i = 0; !result && i < VGPU_EXECUTOR_DEPTH; i++)
		result = make_batch(vk, &vk->entries[i].batch);
	for (i = 0; !result && i < VGPU_VK_CHUNKS; i++)
		result = make_batch(vk, &vk->chunks[i].batch);
	return result;
}

static const struct vgpu_vk_name of_device[] = {
	VGPU_VK_NAME(DestroyDevice),
	VGPU_VK_NAME(GetDeviceQueue),
	VGPU_VK_NAME(AllocateMemory),
	VGPU_VK_NAME(FreeMemory),
	VGPU_VK_NAME(MapMemory),
	VGPU_VK_NAME(CreateBuffer),
	VGPU_VK_NAME(DestroyBuffer),
	VGPU_VK_NAME(GetBufferMemoryRequirements),
	VGPU_VK_NAME(BindBufferMemory),
	VGPU_VK_NAME(CreateShaderModule),
	VGPU_VK_NAME(DestroyShaderModule),
	VGPU_VK_NAME(CreateComputePipelines),
	VGPU_VK_NAME(DestroyPipeline),
	VGPU_VK_NAME(CreatePipelineCache),
	VGPU_VK_NAME(DestroyPipelineCache),
	VGPU_VK_NAME(CreatePipelineLayout),
	VGPU_VK_NAME(DestroyPipelineLayout),
	VGPU_VK_NAME(CreateDescriptorSetLayout),
	VGPU_VK_NAME(DestroyDescriptorSetLayout),
	VGPU_VK_NAME(CreateDescriptorPool),
	VGPU_VK_NAME(DestroyDescriptorPool),
	VGPU_VK_NAME(AllocateDescriptorSets),
	VGPU_VK_NAME(UpdateDescriptorSets),
	VGPU_VK_NAME(CreateCommandPool),
	VGPU_VK_NAME(DestroyCommandPool),
	VGPU_VK_NAME(AllocateCommandBuffers),
	VGPU_VK_NAME(BeginCommandBuffer),
	VGPU_VK_NAME(EndCommandBuffer),
	VGPU_VK_NAME(CmdBindPipeline),
	VGPU_VK_NAME(CmdBindDescriptorSets),
	VGPU_VK_NAME(CmdPushConstants),
	VGPU_VK_NAME(CmdDispatch),
	VGPU_VK_NAME(CmdCopyBuffer),
	VGPU_VK_NAME(CmdFillBuffer),
	VGPU_VK_NAME(CmdPipelineBarrier),
	VGPU_VK_NAME(QueueSubmit),
	VGPU_VK_NAME(CreateFence),
	VGPU_VK_NAME(DestroyFence),
	VGPU_VK_NAME(ResetFences),
	VGPU_VK_NAME(GetFenceStatus),
	VGPU_VK_NAME(WaitForFences),
	VGPU_VK_NAME(CreateSemaphore),
	VGPU_VK_NAME(DestroySemaphore),
};

static const struct vgpu_vk_name of_timeline[] = {
	VGPU_VK_NAME(GetSemaphoreCounterValue),
	VGPU_VK_NAME(WaitSemaphores),
};

static const struct vgpu_vk_name of_import[] = {
	VGPU_VK_NAME(GetMemoryHostPointerPropertiesEXT),
};

/* The first of these that the device lacks, or NULL. */
static const char *load(struct vgpu_vk *vk, const struct vgpu_vk_name *names,
			size_t n)
{
	const char *missing = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		if (!vgpu_vk_found(vk, &names[i],
				   vk->fn.GetDeviceProcAddr(vk->device,
							    names[i].name)) &&
		    !missing)
			missing = names[i].name;
	return missing;
}

static int load_device(struct vgpu_vk *vk, bool import,
		       struct vgpu_message *msg)
{
	const char *missing;

	missing = load(vk, of_device, ARRAY_SIZE(of_device));
	if (!missing && vk->timeline)
		missing = load(vk, of_timeline, ARRAY_SIZE(of_timeline));
	if (!missing && import)
		missing = load(vk, of_import, ARRAY_SIZE(of_import));
	if (missing)
		return vgpu_message_set(msg, -EIO, "the device has no %s",
					missing);
	return 0;
}

static int make_device(struct vgpu_vk *vk, bool import,
		       struct vgpu_message *msg)
{
	VkPhysicalDeviceProperties2 props = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
	};
	bool robust2 = has_extension(vk, VK_EXT_ROBUSTNESS_2_EXTENSION_NAME);
	const char *extensions[2];
	float priority = 1.0f;
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	struct features has, want;
	uint32_t api;
	VkDeviceCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &want,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = extensions,
	};
	int family = find_family(vk);
	VkResult result;

	vk->fn.GetPhysicalDeviceProperties2(vk->physical, &props);
	api = min_t(uint32_t, props.properties.apiVersion, vk->api);
	features_init(&has, api, robust2);
	features_init(&want, api, robust2);
	vk->fn.GetPhysicalDeviceFeatures2(vk->physical, &has.core);
	features_pick(&want, &has);
	if (family < 0 || !want.core.features.robustBufferAccess)
		return vgpu_message_set(msg, -ENODEV, "%.64s has no %s",
			props.properties.deviceName,
			family < 0 ? "queue that computes" :
			"robustBufferAccess");
	vk->family = family;
	queue.queueFamilyIndex = vk->family;
	vk->timeline = want.v12.timelineSemaphore;
	if (import)
		extensions[create.enabledExtensionCount++] =
			VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
	if (robust2)
		extensions[create.enabledExtensionCount++] =
			VK_EXT_ROBUSTNESS_2_EXTENSION_NAME;
	info_features(&vk->info, &want);
	result = vk->fn.CreateDevice(vk->physical, &create, NULL, &vk->device);
	if (result) {
		vk->device = NULL;
		return vgpu_message_set(msg, vgpu_vk_errno(result),
			"%.64s: vkCreateDevice failed with %d",
			props.properties.deviceName, result);
	}
	return 0;
}

int vgpu_vk_device_open(struct vgpu_vk *vk, VkPhysicalDevice physical,
			struct vgpu_message *msg)
{
	VkResult result;
	bool import;
	int error;

	vk->physical = physical;
	memset(&vk->info, 0, sizeof(vk->info));
	vk->fn.GetPhysicalDeviceMemoryProperties(physical, &vk->memory);
	import = has_extension(vk, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	error = make_device(vk, import, msg);
	if (error)
		return error;
	error = load_device(vk, import, msg);
	if (error) {
		/* Nothing else was made, and this much is always there. */
		if (vk->fn.DestroyDevice)
			vk->fn.DestroyDevice(vk->device, NULL);
		vk->device = NULL;
		return error;
	}
	error = info_fill(vk, import, msg);
	if (error)
		goto err_close;
	vk->fn.GetDeviceQueue(vk->device, vk->family, 0, &vk->queue);
	result = make_layout(vk);
	if (!result)
		result = make_sets(vk);
	if (!result)
		result = make_batches(vk);
	if (!result)
		return 0;
	error = vgpu_message_set(msg, vgpu_vk_errno(result),
		"%.64s: Vulkan failed with %d", vk->info.name, result);
err_close:
	vgpu_vk_device_close(vk);
	return error;
}

static void free_batch(struct vgpu_vk *vk, struct vgpu_vk_batch *batch)
{
	vk->fn.DestroyFence(vk->device, batch->fence, NULL);
	*batch = (struct vgpu_vk_batch){};
}

void vgpu_vk_device_close(struct vgpu_vk *vk)
{
	VkDevice device = vk->device;
	uint32_t i;

	if (!device)
		return;
	for (i = 0; i < VGPU_EXECUTOR_DEPTH; i++)
		free_batch(vk, &vk->entries[i].batch);
	for (i = 0; i < VGPU_VK_CHUNKS; i++)
		free_batch(vk, &vk->chunks[i].batch);
	vk->fn.DestroySemaphore(device, vk->progress, NULL);
	vk->fn.DestroyCommandPool(device, vk->commands, NULL);
	vk->fn.DestroyDescriptorPool(device, vk->descriptors, NULL);
	vk->fn.DestroyPipelineCache(device, vk->cache, NULL);
	vk->fn.DestroyPipelineLayout(device, vk->layout, NULL);
	vk->fn.DestroyDescriptorSetLayout(device, vk->set_layout, NULL);
	vk->fn.DestroyDevice(device, NULL);
	vk->progress = VK_NULL_HANDLE;
	vk->commands = VK_NULL_HANDLE;
	vk->descriptors = VK_NULL_HANDLE;
	vk->cache = VK_NULL_HANDLE;
	vk->layout = VK_NULL_HANDLE;
	vk->set_layout = VK_NULL_HANDLE;
	vk->device = NULL;
}
