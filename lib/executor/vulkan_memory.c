// SPDX-License-Identifier: MIT
/*
 * Memory of the Vulkan executor: banks, imported from VRAM's mapping or the
 * device's own, and staging for the latter.
 */
#include "vulkan.h"

#define BUFFER_USAGE							\
	(VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |				\
	 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

bool vgpu_vk_in_vram(const struct vgpu_vk *vk, uint64_t from, uint64_t bytes)
{
	return bytes <= vk->vram_bytes && from <= vk->vram_bytes - bytes;
}

/* A type of memory among @types; those with @preferred first; -1: none. */
static int find_type(const struct vgpu_vk *vk, uint32_t types,
		     uint32_t required, uint32_t preferred)
{
	uint32_t flags, i;
	int found = -1;

	for (i = 0; i < vk->memory.memoryTypeCount; i++) {
		flags = vk->memory.memoryTypes[i].propertyFlags;
		if (!(types & 1u << i) || (flags & required) != required)
			continue;
		if ((flags & preferred) == preferred)
			return i;
		if (found < 0)
			found = i;
	}
	return found;
}

/* Memory for a buffer that exists, and bind it; on an error nothing is left. */
static VkResult back(struct vgpu_vk *vk, VkMemoryAllocateInfo *allocate,
		     VkBuffer *buffer, VkDeviceMemory *memory)
{
	VkResult result;

	*memory = VK_NULL_HANDLE;
	result = vk->fn.AllocateMemory(vk->device, allocate, NULL, memory);
	if (!result)
		result = vk->fn.BindBufferMemory(vk->device, *buffer, *memory,
						 0);
	if (!result)
		return VK_SUCCESS;
	vk->fn.FreeMemory(vk->device, *memory, NULL);
	vk->fn.DestroyBuffer(vk->device, *buffer, NULL);
	*memory = VK_NULL_HANDLE;
	*buffer = VK_NULL_HANDLE;
	return result;
}

int vgpu_vk_buffer(struct vgpu_vk *vk, uint64_t bytes, uint32_t required,
		   uint32_t preferred, VkBuffer *buffer, VkDeviceMemory *memory)
{
	VkBufferCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = bytes,
		.usage = BUFFER_USAGE,
	};
	VkMemoryAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
	};
	VkMemoryRequirements needs;
	VkResult result;
	int type;

	result = vk->fn.CreateBuffer(vk->device, &create, NULL, buffer);
	if (result)
		return vgpu_vk_errno(result);
	vk->fn.GetBufferMemoryRequirements(vk->device, *buffer, &needs);
	type = find_type(vk, needs.memoryTypeBits, required, preferred);
	if (type < 0) {
		vk->fn.DestroyBuffer(vk->device, *buffer, NULL);
		*buffer = VK_NULL_HANDLE;
		return -EIO;
	}
	allocate.allocationSize = needs.size;
	allocate.memoryTypeIndex = type;
	return vgpu_vk_errno(back(vk, &allocate, buffer, memory));
}

/* A buffer that is @bytes of VRAM's mapping; -EIO: the driver cannot. */
static int import_buffer(struct vgpu_vk *vk, void *at, uint64_t bytes,
			 struct vgpu_vk_bank *bank)
{
	VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
	};
	VkBufferCreateInfo create = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = bytes,
		.usage = BUFFER_USAGE,
	};
	VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = external.handleTypes,
		.pHostPointer = at,
	};
	VkMemoryAllocateInfo allocate = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &import,
		.allocationSize = bytes,
	};
	VkMemoryHostPointerPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT,
	};
	VkMemoryRequirements needs;
	VkResult result;
	int type;

	if (((uintptr_t)at | bytes) & (vk->import_align - 1))
		return -EIO;
	result = vk->fn.GetMemoryHostPointerPropertiesEXT(vk->device,
			external.handleTypes, at, &host);
	if (!result)
		result = vk->fn.CreateBuffer(vk->device, &create, NULL,
					     &bank->buffer);
	if (result)
		return vgpu_vk_errno(result);
	vk->fn.GetBufferMemoryRequirements(vk->device, bank->buffer, &needs);
	type = find_type(vk, needs.memoryTypeBits & host.memoryTypeBits,
			 VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, 0);
	if (type < 0 || needs.size > bytes) {
		vk->fn.DestroyBuffer(vk->device, bank->buffer, NULL);
		bank->buffer = VK_NULL_HANDLE;
		return -EIO;
	}
	allocate.memoryTypeIndex = type;
	return vgpu_vk_errno(back(vk, &allocate, &bank->buffer,
				  &bank->memory));
}

int vgpu_vk_bank(struct vgpu_vk *vk, uint64_t bank)
{
	struct vgpu_vk_bank *b = &vk->banks[bank];
	uint64_t bytes = vgpu_vk_bank_bytes(vk, bank);
	int error;

	if (likely(b->buffer))
		return 0;
	if (vk->info.shared)
		error = import_buffer(vk, vk->vram + (bank << vk->bank_shift),
				      bytes, b);
	else
		error = vgpu_vk_buffer(vk, bytes, 0,
				       VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
				       &b->buffer, &b->memory);
	return error ? -ENOMEM : 0;
}

/* Whether importing is what this device is for, or was asked for. */
static bool may_import(const struct vgpu_vk *vk, uint32_t flags)
{
	if (!vk->import_align || flags & VGPU_EXECUTOR_DISCRETE)
		return false;
	return flags & VGPU_EXECUTOR_IMPORT ||
	       vk->info.type == VGPU_ENGINE_CPU ||
	       vk->info.type == VGPU_ENGINE_INTEGRATED;
}

static int make_staging(struct vgpu_vk *vk, struct vgpu_message *msg)
{
	uint32_t coherent = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
			    VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	void *data;
	int error;

	error = vgpu_vk_buffer(vk, VGPU_VK_CHUNKS * VGPU_VK_CHUNK_BYTES,
			       coherent,
			       coherent | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
			       &vk->staging, &vk->staging_memory);
	if (!error)
		error = vgpu_vk_errno(vk->fn.MapMemory(vk->device,
				vk->staging_memory, 0, VK_WHOLE_SIZE, 0,
				&data));
	if (error)
		return vgpu_message_set(msg, error,
			"%.64s has no %llu bytes of memory for staging",
			vk->info.name, VGPU_VK_CHUNKS * VGPU_VK_CHUNK_BYTES);
	vk->staged = data;
	return 0;
}

int vgpu_vk_memory_open(struct vgpu_vk *vk, uint32_t flags,
			struct vgpu_message *msg)
{
	uint64_t n = (vk->vram_bytes + (1ull << vk->bank_shift) - 1) >>
		     vk->bank_shift;

	vk->info.shared = may_import(vk, flags);
	if (!n)
		return 0;
	if (vk->info.max_bank_bytes < vgpu_vk_bank_bytes(vk, 0))
		return vgpu_message_set(msg, -EINVAL,
			"%.64s has banks of at most %llu bytes, not %llu: use a smaller bank",
			vk->info.name,
			(unsigned long long)vk->info.max_bank_bytes,
			(unsigned long long)vgpu_vk_bank_bytes(vk, 0));
	vk->banks = calloc(n, sizeof(*vk->banks));
	if (!vk->banks)
		return vgpu_message_set(msg, -ENOMEM, "no memory for banks");
	/* Whether it really imports shows only when it does. */
	if (vk->info.shared && vgpu_vk_bank(vk, 0))
		vk->info.shared = 0;
	return vk->info.shared ? 0 : make_staging(vk, msg);
}

void vgpu_vk_memory_close(struct vgpu_vk *vk)
{
	uint64_t n = (vk->vram_bytes + (1ull << vk->bank_shift) - 1) >>
		     vk->bank_shift;
	uint64_t i;

	if (!vk->device)
		return;
	for (i = 0; vk->banks && i < n; i++) {
		vk->fn.DestroyBuffer(vk->device, vk->banks[i].buffer, NULL);
		vk->fn.FreeMemory(vk->device, vk->banks[i].memory, NULL);
	}
	free(vk->banks);
	vk->fn.DestroyBuffer(vk->device, vk->staging, NULL);
	vk->fn.FreeMemory(vk->device, vk->staging_memory, NULL);
}
