// SPDX-License-Identifier: MIT
/*
 * A libvulkan.so.1 that does nothing, and at once: for measuring what those who
 * call it cost themselves.  One integrated GPU that imports host memory and has
 * timeline semaphores; work has run when it is submitted, and kernels touch
 * nothing.
 *
 * Who waits for a timeline looks at it for a while before sleeping, so that a
 * submission that ends the wait has no one to wake: a real driver's interrupt
 * costs the submitter nothing either.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vulkan/vulkan_core.h>

#define LOOKS		20000u
#define NS_PER_S	1000000000ull
#define HANDLE(n)	((void *)(uintptr_t)(n))

/* A timeline; also a fence, which has run when it was submitted. */
struct timeline {
	uint64_t value;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned int sleepers;

static struct timeline *timeline(VkSemaphore s)
{
	return (struct timeline *)(uintptr_t)s;
}

static uint64_t value(VkSemaphore s)
{
	return __atomic_load_n(&timeline(s)->value, __ATOMIC_SEQ_CST);
}

/* Pairs with the loads in value() and of @sleepers: either side sees. */
static void raise_to(VkSemaphore s, uint64_t to)
{
	__atomic_store_n(&timeline(s)->value, to, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&sleepers, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&lock);
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

static VkResult done(void)
{
	return VK_SUCCESS;
}

static void nothing(void)
{
}

static VkResult create(void *parent, const void *info, const void *alloc,
		       void **made)
{
	static uintptr_t next = 1;

	*made = HANDLE(__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED));
	return VK_SUCCESS;
}

static VkResult create_pipelines(void *device, void *cache, uint32_t n,
				 const void *info, const void *alloc,
				 void **made)
{
	while (n--)
		create(device, info, alloc, made++);
	return VK_SUCCESS;
}

static VkResult allocate_sets(void *device,
			      const VkDescriptorSetAllocateInfo *info,
			      void **made)
{
	return create_pipelines(device, NULL, info->descriptorSetCount, info,
				NULL, made);
}

static VkResult allocate_commands(void *device,
				  const VkCommandBufferAllocateInfo *info,
				  void **made)
{
	return create_pipelines(device, NULL, info->commandBufferCount, info,
				NULL, made);
}

static VkResult create_instance(const void *info, const void *alloc,
				void **made)
{
	return create(NULL, info, alloc, made);
}

static VkResult instance_version(uint32_t *version)
{
	*version = VK_API_VERSION_1_3;
	return VK_SUCCESS;
}

static VkResult devices(VkInstance instance, uint32_t *n, VkPhysicalDevice *d)
{
	if (d && *n)
		d[0] = HANDLE(1);
	*n = 1;
	return VK_SUCCESS;
}

static void properties(VkPhysicalDevice d, VkPhysicalDeviceProperties2 *p)
{
	VkPhysicalDeviceLimits *l = &p->properties.limits;
	VkBaseOutStructure *next = p->pNext;
	int i;

	memset(&p->properties, 0, sizeof(p->properties));
	p->properties.apiVersion = VK_API_VERSION_1_3;
	p->properties.deviceType = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
	snprintf(p->properties.deviceName, sizeof(p->properties.deviceName),
		 "driver stub");
	l->maxStorageBufferRange = 1u << 30;
	l->maxPerStageDescriptorStorageBuffers = 16;
	l->maxDescriptorSetStorageBuffers = 16;
	l->maxComputeSharedMemorySize = 32768;
	l->maxComputeWorkGroupInvocations = 1024;
	l->minStorageBufferOffsetAlignment = 16;
	for (i = 0; i < 3; i++) {
		l->maxComputeWorkGroupCount[i] = 65535;
		l->maxComputeWorkGroupSize[i] = 1024;
	}
	for (; next; next = next->pNext) {
		if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT)
			((VkPhysicalDeviceExternalMemoryHostPropertiesEXT *)
			 next)->minImportedHostPointerAlignment = 4096;
		if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES)
			((VkPhysicalDeviceMaintenance3Properties *)
			 next)->maxMemoryAllocationSize = 1ull << 32;
	}
}

static void features(VkPhysicalDevice d, VkPhysicalDeviceFeatures2 *f)
{
	VkBaseOutStructure *next = f->pNext;

	f->features.robustBufferAccess = VK_TRUE;
	for (; next; next = next->pNext)
		if (next->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)
			((VkPhysicalDeviceVulkan12Features *)
			 next)->timelineSemaphore = VK_TRUE;
}

static void memory_properties(VkPhysicalDevice d,
			      VkPhysicalDeviceMemoryProperties *p)
{
	memset(p, 0, sizeof(*p));
	p->memoryTypeCount = 1;
	p->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT |
		VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
		VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
		VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
	p->memoryHeapCount = 1;
	p->memoryHeaps[0].size = 1ull << 32;
	p->memoryHeaps[0].flags = VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
}

static void families(VkPhysicalDevice d, uint32_t *n,
		     VkQueueFamilyProperties *p)
{
	*n = 1;
	if (!p)
		return;
	memset(p, 0, sizeof(*p));
	p->queueFlags = VK_QUEUE_COMPUTE_BIT | VK_QUEUE_TRANSFER_BIT;
	p->queueCount = 1;
}

static VkResult extensions(VkPhysicalDevice d, const char *layer, uint32_t *n,
			   VkExtensionProperties *p)
{
	*n = 1;
	if (p)
		snprintf(p->extensionName, sizeof(p->extensionName), "%s",
			 VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	return VK_SUCCESS;
}

static void get_queue(VkDevice d, uint32_t family, uint32_t i, VkQueue *queue)
{
	*queue = HANDLE(1);
}

static void requirements(VkDevice d, VkBuffer b, VkMemoryRequirements *r)
{
	/* Of a size that every allocation covers: nobody touches it. */
	r->size = 4096;
	r->alignment = 256;
	r->memoryTypeBits = 1;
}

static VkResult host_pointer(VkDevice d, VkExternalMemoryHandleTypeFlagBits type,
			     const void *at, VkMemoryHostPointerPropertiesEXT *p)
{
	p->memoryTypeBits = 1;
	return VK_SUCCESS;
}

/* Larger than any staging buffer. */
static VkResult map_memory(VkDevice d, VkDeviceMemory memory, VkDeviceSize from,
			   VkDeviceSize bytes, VkMemoryMapFlags flags, void **at)
{
	static char mapped[64 << 20] __attribute__((aligned(4096)));

	*at = mapped;
	return VK_SUCCESS;
}

static VkResult create_semaphore(VkDevice d, const VkSemaphoreCreateInfo *info,
				 const VkAllocationCallbacks *alloc,
				 VkSemaphore *s)
{
	struct timeline *t = calloc(1, sizeof(*t));

	*s = (VkSemaphore)(uintptr_t)t;
	return t ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

static void destroy_semaphore(VkDevice d, VkSemaphore s,
			      const VkAllocationCallbacks *alloc)
{
	free(timeline(s));
}

static VkResult submit(VkQueue queue, uint32_t n, const VkSubmitInfo *info,
		       VkFence fence)
{
	const VkTimelineSemaphoreSubmitInfo *t;
	uint32_t i;

	for (; n; n--, info++) {
		t = info->pNext;
		for (i = 0; i < info->signalSemaphoreCount; i++)
			raise_to(info->pSignalSemaphores[i],
				 t->pSignalSemaphoreValues[i]);
	}
	return VK_SUCCESS;
}

static VkResult signal_semaphore(VkDevice d, const VkSemaphoreSignalInfo *info)
{
	raise_to(info->semaphore, info->value);
	return VK_SUCCESS;
}

static VkResult counter_value(VkDevice d, VkSemaphore s, uint64_t *v)
{
	*v = value(s);
	return VK_SUCCESS;
}

/* Any of them, or all. */
static int reached(const VkSemaphoreWaitInfo *info)
{
	uint32_t i, n = 0;

	for (i = 0; i < info->semaphoreCount; i++)
		n += value(info->pSemaphores[i]) >= info->pValues[i];
	return info->flags & VK_SEMAPHORE_WAIT_ANY_BIT ? n > 0 :
		n == info->semaphoreCount;
}

static VkResult wait_semaphores(VkDevice d, const VkSemaphoreWaitInfo *info,
				uint64_t timeout_ns)
{
	VkResult result = VK_SUCCESS;
	struct timespec end;
	uint64_t ns;
	uint32_t i;

	for (i = 0; i < LOOKS && timeout_ns; i++) {
		if (reached(info))
			return VK_SUCCESS;
		sched_yield();
	}
	if (timeout_ns > 3600 * NS_PER_S)
		timeout_ns = 3600 * NS_PER_S;
	clock_gettime(CLOCK_REALTIME, &end);
	ns = (uint64_t)end.tv_nsec + timeout_ns;
	end.tv_sec += (time_t)(ns / NS_PER_S);
	end.tv_nsec = (long)(ns % NS_PER_S);
	pthread_mutex_lock(&lock);
	/* Pairs with raise_to(). */
	__atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	while (!reached(info) && !result)
		if (pthread_cond_timedwait(&cond, &lock, &end))
			result = VK_TIMEOUT;
	__atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&lock);
	return result;
}

static const struct {
	const char *name;
	void *fn;
} functions[] = {
	{ "vkEnumerateInstanceVersion", instance_version },
	{ "vkCreateInstance", create_instance },
	{ "vkEnumeratePhysicalDevices", devices },
	{ "vkGetPhysicalDeviceProperties2", properties },
	{ "vkGetPhysicalDeviceFeatures2", features },
	{ "vkGetPhysicalDeviceMemoryProperties", memory_properties },
	{ "vkGetPhysicalDeviceQueueFamilyProperties", families },
	{ "vkEnumerateDeviceExtensionProperties", extensions },
	{ "vkCreateDevice", create },
	{ "vkGetDeviceQueue", get_queue },
	{ "vkGetBufferMemoryRequirements", requirements },
	{ "vkGetMemoryHostPointerPropertiesEXT", host_pointer },
	{ "vkMapMemory", map_memory },
	{ "vkCreateSemaphore", create_semaphore },
	{ "vkDestroySemaphore", destroy_semaphore },
	{ "vkQueueSubmit", submit },
	{ "vkSignalSemaphore", signal_semaphore },
	{ "vkGetSemaphoreCounterValue", counter_value },
	{ "vkWaitSemaphores", wait_semaphores },
	{ "vkCreateComputePipelines", create_pipelines },
	{ "vkAllocateDescriptorSets", allocate_sets },
	{ "vkAllocateCommandBuffers", allocate_commands },
	{ "vkBindBufferMemory", done },
	{ "vkBeginCommandBuffer", done },
	{ "vkEndCommandBuffer", done },
	{ "vkWaitForFences", done },
	{ "vkResetFences", done },
	{ "vkGetFenceStatus", done },
};

static void *proc(void *parent, const char *name)
{
	size_t i;

	if (!strcmp(name, "vkGetDeviceProcAddr"))
		return proc;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strcmp(name, functions[i].name))
			return functions[i].fn;
	if (!strncmp(name, "vkCreate", 8) || !strncmp(name, "vkAllocate", 10))
		return create;
	return nothing;
}

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name);
PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
	return (PFN_vkVoidFunction)proc(instance, name);
}
