// SPDX-License-Identifier: MIT
/*
 * Commands of the Vulkan executor, as command buffers.
 *
 * Each batch ends with a barrier that makes all it wrote visible to all that
 * comes after it, and to the host: commands take effect in order.  What the
 * host wrote before a submission is visible by the submission.
 */
#include "vulkan.h"

static VkResult begin(struct vgpu_vk *vk, struct vgpu_vk_batch *batch)
{
	static const VkCommandBufferBeginInfo once = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	return vk->fn.BeginCommandBuffer(batch->cmd, &once);
}

static int submit(struct vgpu_vk *vk, struct vgpu_vk_batch *batch)
{
	static const VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT |
				 VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_SHADER_READ_BIT |
				 VK_ACCESS_SHADER_WRITE_BIT |
				 VK_ACCESS_TRANSFER_READ_BIT |
				 VK_ACCESS_TRANSFER_WRITE_BIT |
				 VK_ACCESS_HOST_READ_BIT |
				 VK_ACCESS_HOST_WRITE_BIT,
	};
	uint64_t seq = vk->seq + 1;
	VkTimelineSemaphoreSubmitInfo timeline = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &seq,
	};
	VkSubmitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.commandBufferCount = 1,
		.pCommandBuffers = &batch->cmd,
	};
	VkResult result;

	vk->fn.CmdPipelineBarrier(batch->cmd,
		VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
		VK_PIPELINE_STAGE_TRANSFER_BIT,
		VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
		VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT,
		0, 1, &barrier, 0, NULL, 0, NULL);
	result = vk->fn.EndCommandBuffer(batch->cmd);
	if (result)
		return vgpu_vk_errno(result);
	if (vk->timeline) {
		info.pNext = &timeline;
		info.signalSemaphoreCount = 1;
		info.pSignalSemaphores = &vk->progress;
	} else {
		result = vk->fn.ResetFences(vk->device, 1, &batch->fence);
	}
	if (!result)
		result = vk->fn.QueueSubmit(vk->queue, 1, &info, batch->fence);
	if (result == VK_ERROR_DEVICE_LOST)
		vk->lost = true;
	if (result)
		return vgpu_vk_errno(result);
	vk->seq = seq;
	batch->seq = seq;
	return 0;
}

bool vgpu_vk_ran(struct vgpu_vk *vk, const struct vgpu_vk_batch *batch)
{
	uint64_t value = 0;
	VkResult result;

	if (batch->seq <= vk->ran)
		return true;
	if (vk->timeline) {
		result = vk->fn.GetSemaphoreCounterValue(vk->device,
							 vk->progress, &value);
		if (!result && value > vk->ran)
			vk->ran = value;
	} else {
		result = vk->fn.GetFenceStatus(vk->device, batch->fence);
		if (!result)
			vk->ran = batch->seq;
	}
	if (result < 0)
		vk->lost = true;
	return batch->seq <= vk->ran;
}

/* Where a range is: its bank is there afterwards. */
static int bind_range(struct vgpu_vk *vk, const struct vgpu_range *range,
		      VkDescriptorBufferInfo *buffer)
{
	uint64_t bank = range->address >> vk->bank_shift;
	uint64_t last = range->address + range->bytes - 1;
	int error;

	if (!range->bytes || range->address % VGPU_RANGE_ALIGN ||
	    !vgpu_vk_in_vram(vk, range->address, range->bytes) ||
	    last >> vk->bank_shift != bank)
		return -EINVAL;
	if (range->bytes > vk->info.max_range_bytes)
		return -EOPNOTSUPP;
	error = vgpu_vk_bank(vk, bank);
	if (error)
		return error;
	buffer->buffer = vk->banks[bank].buffer;
	buffer->offset = range->address - (bank << vk->bank_shift);
	buffer->range = range->bytes;
	return 0;
}

static int bind_ranges(struct vgpu_vk *vk, const struct vgpu_vk_entry *entry)
{
	VkDescriptorBufferInfo buffers[VGPU_MAX_RANGES];
	VkWriteDescriptorSet writes[VGPU_MAX_RANGES];
	uint32_t bindings = entry->kernel->bindings;
	uint32_t n = 0, i;
	int error;

	for (; bindings; bindings &= bindings - 1) {
		i = __builtin_ctz(bindings);
		if (i >= entry->slot.n_ranges || i >= vk->info.max_ranges)
			return -EINVAL;
		error = bind_range(vk, &entry->slot.ranges[i], &buffers[n]);
		if (error)
			return error;
		writes[n] = (VkWriteDescriptorSet) {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstSet = entry->set,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pBufferInfo = &buffers[n],
		};
		n++;
	}
	if (n)
		vk->fn.UpdateDescriptorSets(vk->device, n, writes, 0, NULL);
	return 0;
}

int vgpu_vk_launch(struct vgpu_vk *vk, struct vgpu_vk_entry *entry)
{
	const struct vgpu_engine_slot *slot = &entry->slot;
	const struct vgpu_vk_kernel *kernel = entry->kernel;
	VkCommandBuffer cmd = entry->batch.cmd;
	uint32_t i;
	int error;

	if (!kernel || slot->n_ranges > VGPU_MAX_RANGES)
		return -EINVAL;
	for (i = 0; i < 3; i++)
		if (!slot->grid[i])
			return -EINVAL;
		else if (slot->grid[i] > vk->info.max_grid[i])
			return -EOPNOTSUPP;
	error = bind_ranges(vk, entry);
	if (!error)
		error = vgpu_vk_errno(begin(vk, &entry->batch));
	if (error)
		return error;
	vk->fn.CmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE,
			       kernel->pipeline);
	if (kernel->bindings)
		vk->fn.CmdBindDescriptorSets(cmd,
				VK_PIPELINE_BIND_POINT_COMPUTE, vk->layout, 0,
				1, &entry->set, 0, NULL);
	vk->fn.CmdPushConstants(cmd, vk->layout, VK_SHADER_STAGE_COMPUTE_BIT,
				0, VGPU_MAX_CONST_BYTES, slot->consts);
	vk->fn.CmdDispatch(cmd, slot->grid[0], slot->grid[1], slot->grid[2]);
	return submit(vk, &entry->batch);
}

/* Bytes from @from that are in one bank. */
static uint64_t in_bank(const struct vgpu_vk *vk, uint64_t from, uint64_t bytes)
{
	uint64_t bank = 1ull << vk->bank_shift;

	return min_t(uint64_t, bytes, bank - (from & (bank - 1)));
}

/* Bring all banks of a range into being; it is not empty. */
static int need_banks(struct vgpu_vk *vk, uint64_t from, uint64_t bytes)
{
	uint64_t bank, last;
	int error = 0;

	if (!bytes || (from | bytes) & 3 || !vgpu_vk_in_vram(vk, from, bytes))
		return -EINVAL;
	last = (from + bytes - 1) >> vk->bank_shift;
	for (bank = from >> vk->bank_shift; !error && bank <= last; bank++)
		error = vgpu_vk_bank(vk, bank);
	return error;
}

static VkBuffer buffer_at(const struct vgpu_vk *vk, uint64_t at,
			  uint64_t *offset)
{
	*offset = at & ((1ull << vk->bank_shift) - 1);
	return vk->banks[at >> vk->bank_shift].buffer;
}

int vgpu_vk_copy(struct vgpu_vk *vk, struct vgpu_vk_entry *entry)
{
	uint64_t to = entry->cmd.op[0], from = entry->cmd.op[1];
	uint64_t bytes = entry->cmd.op[2], n;
	VkBuffer source, target;
	VkBufferCopy region;
	int error;

	error = need_banks(vk, to, bytes);
	if (!error)
		error = need_banks(vk, from, bytes);
	if (!error && to < from + bytes && from < to + bytes)
		error = -EINVAL;
	if (!error)
		error = vgpu_vk_errno(begin(vk, &entry->batch));
	if (error)
		return error;
	for (; bytes; bytes -= n, to += n, from += n) {
		n = in_bank(vk, to, in_bank(vk, from, bytes));
		source = buffer_at(vk, from, &region.srcOffset);
		target = buffer_at(vk, to, &region.dstOffset);
		region.size = n;
		vk->fn.CmdCopyBuffer(entry->batch.cmd, source, target, 1,
				     &region);
	}
	return submit(vk, &entry->batch);
}

int vgpu_vk_clear(struct vgpu_vk *vk, struct vgpu_vk_entry *entry)
{
	uint64_t to = entry->cmd.op[0], bytes = entry->cmd.op[1], n, offset;
	VkBuffer target;
	int error;

	error = need_banks(vk, to, bytes);
	if (!error)
		error = vgpu_vk_errno(begin(vk, &entry->batch));
	if (error)
		return error;
	for (; bytes; bytes -= n, to += n) {
		n = in_bank(vk, to, bytes);
		target = buffer_at(vk, to, &offset);
		vk->fn.CmdFillBuffer(entry->batch.cmd, target, offset, n,
				     entry->cmd.op[2]);
	}
	return submit(vk, &entry->batch);
}

int vgpu_vk_chunk(struct vgpu_vk *vk, struct vgpu_vk_chunk *chunk,
		  uint64_t address, uint64_t bytes, bool download)
{
	uint64_t staged = (chunk - vk->chunks) * VGPU_VK_CHUNK_BYTES;
	uint64_t n, offset;
	VkBuffer bank;
	int error;

	error = need_banks(vk, address, bytes);
	if (!error)
		error = vgpu_vk_errno(begin(vk, &chunk->batch));
	if (error)
		return error;
	for (; bytes; bytes -= n, address += n, staged += n) {
		n = in_bank(vk, address, bytes);
		bank = buffer_at(vk, address, &offset);
		if (download)
			vk->fn.CmdCopyBuffer(chunk->batch.cmd, bank,
				vk->staging, 1, &(VkBufferCopy){
					offset, staged, n });
		else
			vk->fn.CmdCopyBuffer(chunk->batch.cmd, vk->staging,
				bank, 1, &(VkBufferCopy){
					staged, offset, n });
	}
	return submit(vk, &chunk->batch);
}
