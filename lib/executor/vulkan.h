/* SPDX-License-Identifier: MIT */
/*
 * The Vulkan executor's insides: what its files share.
 *
 *  vulkan_load.c     the loader, instance and choice of a device
 *  vulkan_device.c   the logical device, and what it can
 *  vulkan_answer.c   the kernel with a known answer
 *  vulkan_memory.c   banks and staging
 *  vulkan_kernel.c   kernels
 *  vulkan_record.c   command buffers
 *  vulkan.c          the queue of commands, and the executor's calls
 */
#ifndef LIBVGPU_INTERNAL_VULKAN_H
#define LIBVGPU_INTERNAL_VULKAN_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "executor.h"
#include "wait.h"

/* Functions of Vulkan, each under its name without "vk". */
struct vgpu_vk_functions {
	/* Of the loader itself. */
	PFN_vkCreateInstance CreateInstance;
	PFN_vkEnumerateInstanceVersion EnumerateInstanceVersion;
	/* Of an instance. */
	PFN_vkDestroyInstance DestroyInstance;
	PFN_vkEnumeratePhysicalDevices EnumeratePhysicalDevices;
	PFN_vkGetPhysicalDeviceProperties2 GetPhysicalDeviceProperties2;
	PFN_vkGetPhysicalDeviceFeatures2 GetPhysicalDeviceFeatures2;
	PFN_vkGetPhysicalDeviceMemoryProperties GetPhysicalDeviceMemoryProperties;
	PFN_vkGetPhysicalDeviceQueueFamilyProperties GetPhysicalDeviceQueueFamilyProperties;
	PFN_vkEnumerateDeviceExtensionProperties EnumerateDeviceExtensionProperties;
	PFN_vkCreateDevice CreateDevice;
	PFN_vkGetDeviceProcAddr GetDeviceProcAddr;
	/* Of a device. */
	PFN_vkDestroyDevice DestroyDevice;
	PFN_vkGetDeviceQueue GetDeviceQueue;
	PFN_vkAllocateMemory AllocateMemory;
	PFN_vkFreeMemory FreeMemory;
	PFN_vkMapMemory MapMemory;
	PFN_vkCreateBuffer CreateBuffer;
	PFN_vkDestroyBuffer DestroyBuffer;
	PFN_vkGetBufferMemoryRequirements GetBufferMemoryRequirements;
	PFN_vkBindBufferMemory BindBufferMemory;
	PFN_vkCreateShaderModule CreateShaderModule;
	PFN_vkDestroyShaderModule DestroyShaderModule;
	PFN_vkCreateComputePipelines CreateComputePipelines;
	PFN_vkDestroyPipeline DestroyPipeline;
	PFN_vkCreatePipelineCache CreatePipelineCache;
	PFN_vkDestroyPipelineCache DestroyPipelineCache;
	PFN_vkCreatePipelineLayout CreatePipelineLayout;
	PFN_vkDestroyPipelineLayout DestroyPipelineLayout;
	PFN_vkCreateDescriptorSetLayout CreateDescriptorSetLayout;
	PFN_vkDestroyDescriptorSetLayout DestroyDescriptorSetLayout;
	PFN_vkCreateDescriptorPool CreateDescriptorPool;
	PFN_vkDestroyDescriptorPool DestroyDescriptorPool;
	PFN_vkAllocateDescriptorSets AllocateDescriptorSets;
	PFN_vkUpdateDescriptorSets UpdateDescriptorSets;
	PFN_vkCreateCommandPool CreateCommandPool;
	PFN_vkDestroyCommandPool DestroyCommandPool;
	PFN_vkAllocateCommandBuffers AllocateCommandBuffers;
	PFN_vkBeginCommandBuffer BeginCommandBuffer;
	PFN_vkEndCommandBuffer EndCommandBuffer;
	PFN_vkCmdBindPipeline CmdBindPipeline;
	PFN_vkCmdBindDescriptorSets CmdBindDescriptorSets;
	PFN_vkCmdPushConstants CmdPushConstants;
	PFN_vkCmdDispatch CmdDispatch;
	PFN_vkCmdCopyBuffer CmdCopyBuffer;
	PFN_vkCmdFillBuffer CmdFillBuffer;
	PFN_vkCmdPipelineBarrier CmdPipelineBarrier;
	PFN_vkQueueSubmit QueueSubmit;
	PFN_vkCreateFence CreateFence;
	PFN_vkDestroyFence DestroyFence;
	PFN_vkResetFences ResetFences;
	PFN_vkGetFenceStatus GetFenceStatus;
	PFN_vkWaitForFences WaitForFences;
	PFN_vkCreateSemaphore CreateSemaphore;
	PFN_vkDestroySemaphore DestroySemaphore;
	/* Where the device has timeline semaphores. */
	PFN_vkGetSemaphoreCounterValue GetSemaphoreCounterValue;
	PFN_vkWaitSemaphores WaitSemaphores;
	/* Where it imports host memory. */
	PFN_vkGetMemoryHostPointerPropertiesEXT GetMemoryHostPointerPropertiesEXT;
};

/* A function to be looked up. */
struct vgpu_vk_name {
	const char *name;
	size_t offset;		/* in struct vgpu_vk_functions */
};

#define VGPU_VK_NAME(f)	{ "vk" #f, offsetof(struct vgpu_vk_functions, f) }

/* Staging: chunks of one buffer that is mapped for good. */
#define VGPU_VK_CHUNKS		4u
#define VGPU_VK_CHUNK_BYTES	(8ull << 20)

#define VGPU_VK_BUCKETS		64u

/**
 * struct vgpu_vk_batch - what is given to the queue at once
 * @cmd: recorded anew each time
 * @fence: where there are no timeline semaphores
 * @seq: value of the timeline when it has run; 0: not submitted
 */
struct vgpu_vk_batch {
	VkCommandBuffer cmd;
	VkFence fence;
	uint64_t seq;
};

/**
 * struct vgpu_vk_kernel - a compiled kernel
 * @next: in its bucket
 * @id: what launches call it
 * @bindings: that it uses; a launch has to give them
 * @launches: that are out; it is destroyed after them
 * @dropped: not in its bucket any more
 */
struct vgpu_vk_kernel {
	struct vgpu_vk_kernel *next;
	uint32_t id;
	uint32_t bindings;
	uint32_t launches;
	bool dropped;
	VkPipeline pipeline;
};

/**
 * struct vgpu_vk_entry - a command that is out
 * @cmd: as it came
 * @slot: of a launch
 * @kernel: of a launch, held
 * @batch: its work, but for FLUSH
 * @set: descriptors of a launch
 * @done: FLUSH: bytes that were given to the queue
 * @chunks: FLUSH: of staging that are out
 * @status: of its completion
 */
struct vgpu_vk_entry {
	struct vgpu_engine_cmd cmd;
	struct vgpu_engine_slot slot;
	struct vgpu_vk_kernel *kernel;
	struct vgpu_vk_batch batch;
	VkDescriptorSet set;
	uint64_t done;
	uint32_t chunks;
	int status;
};

/**
 * struct vgpu_vk_chunk - a piece of staging
 * @batch: the copy from or to it
 * @entry: the FLUSH
 * @to: in VRAM's mapping, where it goes when the copy has run; NULL: nowhere
 * @bytes: how many
 */
struct vgpu_vk_chunk {
	struct vgpu_vk_batch batch;
	struct vgpu_vk_entry *entry;
	uint8_t *to;
	uint64_t bytes;
};

struct vgpu_vk_bank {
	VkBuffer buffer;
	VkDeviceMemory memory;
};

/**
 * struct vgpu_vk - an executor
 *
 * @lock protects all but what is constant while it is open.
 *
 * Commands are in @entries from @head, the oldest, to @tail; those before
 * @issued were given to the driver.  Whoever sets @issuing may drop the lock to
 * copy, and is the only one that moves @issued.  Chunks are in order from
 * @chunk_head to @chunk_tail; only the thread in wait moves @chunk_head.
 */
struct vgpu_vk {
	/* Constant. */
	void *library;
	PFN_vkGetInstanceProcAddr get_proc;
	struct vgpu_vk_functions fn;
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue;
	uint32_t family;
	uint32_t api;		/* of the instance */
	struct vgpu_engine_info info;
	VkPhysicalDeviceMemoryProperties memory;
	uint64_t import_align;
	bool timeline;
	uint8_t *vram;
	uint64_t vram_bytes;
	uint32_t bank_shift;
	VkCommandPool commands;
	VkDescriptorPool descriptors;
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipelineCache cache;
	VkSemaphore progress;	/* the timeline */
	VkBuffer staging;
	VkDeviceMemory staging_memory;
	uint8_t *staged;

	pthread_mutex_t lock;
	pthread_cond_t idle;	/* nothing is out: for wait */
	bool lost;
	bool woken;
	bool hung;		/* the driver; nothing can be destroyed */
	bool sleeping;		/* wait is in @idle */
	bool issuing;
	uint64_t seq;		/* of the last batch */
	uint64_t ran;		/* of the last batch known to have run */
	uint64_t head;
	uint64_t issued;
	uint64_t tail;
	uint64_t chunk_head;
	uint64_t chunk_tail;
	uint32_t downloads;	/* chunks with @to */
	struct vgpu_vk_bank *banks;
	struct vgpu_vk_kernel *kernels[VGPU_VK_BUCKETS];
	struct vgpu_vk_kernel *dead;	/* dropped, to be destroyed */
	struct vgpu_vk_chunk chunks[VGPU_VK_CHUNKS];
	struct vgpu_vk_entry entries[VGPU_EXECUTOR_DEPTH];
};

static inline uint64_t vgpu_vk_bank_bytes(const struct vgpu_vk *vk,
					  uint64_t bank)
{
	uint64_t from = bank << vk->bank_shift;

	return min_t(uint64_t, vk->vram_bytes - from, 1ull << vk->bank_shift);
}

/* vulkan_load.c: all but locks; undone by unload. */
int vgpu_vk_load(struct vgpu_vk *vk, struct vgpu_message *msg);
void vgpu_vk_unload(struct vgpu_vk *vk);
/* Choose a device and make it ready. */
int vgpu_vk_choose(struct vgpu_vk *vk,
		   const struct vgpu_executor_options *options,
		   struct vgpu_message *msg);

/* Put a function where it belongs; false: there is none. */
static inline bool vgpu_vk_found(struct vgpu_vk *vk,
				 const struct vgpu_vk_name *name,
				 PFN_vkVoidFunction function)
{
	memcpy((char *)&vk->fn + name->offset, &function, sizeof(function));
	return function;
}

/* vulkan_device.c */
int vgpu_vk_device_open(struct vgpu_vk *vk, VkPhysicalDevice physical,
			struct vgpu_message *msg);
void vgpu_vk_device_close(struct vgpu_vk *vk);
int vgpu_vk_errno(VkResult result);

/* vulkan_answer.c: 0, -ERANGE: the answer is wrong, -EBUSY: there is none. */
int vgpu_vk_answer(struct vgpu_vk *vk);

/* vulkan_memory.c */
int vgpu_vk_memory_open(struct vgpu_vk *vk, uint32_t flags,
			struct vgpu_message *msg);
void vgpu_vk_memory_close(struct vgpu_vk *vk);
/* Under the lock: bring a bank into being. */
int vgpu_vk_bank(struct vgpu_vk *vk, uint64_t bank);
int vgpu_vk_buffer(struct vgpu_vk *vk, uint64_t bytes, uint32_t required,
		   uint32_t preferred, VkBuffer *buffer, VkDeviceMemory *memory);
bool vgpu_vk_in_vram(const struct vgpu_vk *vk, uint64_t from, uint64_t bytes);

/* vulkan_kernel.c */
int vgpu_vk_pipeline(struct vgpu_vk *vk, const uint32_t *code, size_t bytes,
		     const char *entry, VkPipeline *pipeline);
int vgpu_vk_build(void *e, uint32_t id, const void *desc, size_t bytes,
		  struct vgpu_engine_built *built);
void vgpu_vk_drop(void *e, uint32_t id);
/* These two under the lock. */
struct vgpu_vk_kernel *vgpu_vk_kernel_get(struct vgpu_vk *vk, uint32_t id);
void vgpu_vk_kernel_put(struct vgpu_vk *vk, struct vgpu_vk_kernel *kernel);
/*
 * Without the lock: destroy what was dropped.  lavapipe makes and destroys
 * pipelines only between launches, so this may take as long as one: it is
 * called where nothing runs, and by build, which takes as long anyway.
 */
void vgpu_vk_bury(struct vgpu_vk *vk);
void vgpu_vk_kernels_close(struct vgpu_vk *vk);

/* vulkan_record.c: under the lock; 0, or what the command completes with. */
int vgpu_vk_launch(struct vgpu_vk *vk, struct vgpu_vk_entry *entry);
int vgpu_vk_copy(struct vgpu_vk *vk, struct vgpu_vk_entry *entry);
int vgpu_vk_clear(struct vgpu_vk *vk, struct vgpu_vk_entry *entry);
int vgpu_vk_chunk(struct vgpu_vk *vk, struct vgpu_vk_chunk *chunk,
		  uint64_t address, uint64_t bytes, bool download);
/* Whether it has run. */
bool vgpu_vk_ran(struct vgpu_vk *vk, const struct vgpu_vk_batch *batch);

#endif /* LIBVGPU_INTERNAL_VULKAN_H */
