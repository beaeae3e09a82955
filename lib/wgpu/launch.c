// SPDX-License-Identifier: MIT
/*
 * A launch: ranges and push constants become a bind group, and a dispatch.
 */
#include <errno.h>
#include <string.h>

#include "admission/admission.h"
#include "os.h"
#include "wgpu/wgpu.h"

/**
 * struct vgpu_wgpu_binding - a binding of a launch
 * @buffer: bank, or a copy
 * @offset: in @buffer
 * @bytes: of it
 * @copy: @buffer is this launch's own copy of the range
 */
struct vgpu_wgpu_binding {
	WGPUBuffer buffer;
	uint64_t offset;
	uint64_t bytes;
	bool copy;
};

/* What a provider would reject, some of them by ending the process. */
static int vgpu_wgpu_launch_check(const struct vgpu_wgpu *e,
				  const struct vgpu_engine_slot *s,
				  uint32_t bindings)
{
	uint32_t i;

	for (i = 0; i < 3; i++) {
		if (!s->grid[i])
			return -EINVAL;
		if (s->grid[i] > e->info.max_grid[i])
			return -EOPNOTSUPP;
	}
	if (s->n_ranges > ARRAY_SIZE(s->ranges) ||
	    s->const_bytes > VGPU_WGPU_CONST_BYTES || s->const_bytes & 3)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(s->ranges); i++) {
		const struct vgpu_range *r = &s->ranges[i];

		if (!(bindings & 1u << i))
			continue;
		if (i >= s->n_ranges || !r->bytes || r->bytes & 3 ||
		    r->address & 255 || r->address >= e->vram_bytes ||
		    r->bytes > e->vram_bytes - r->address)
			return -EINVAL;
		if (r->bytes > e->info.max_range_bytes)
			return -EOPNOTSUPP;
		if (vgpu_wgpu_in_bank(e, r->address, r->bytes) != r->bytes)
			return -EINVAL;
	}
	return 0;
}

/* Does range @i have bytes of an earlier one?  -EINVAL: that are written. */
static int vgpu_wgpu_overlaps(const struct vgpu_engine_slot *s,
			      uint32_t bindings, uint32_t i)
{
	const struct vgpu_range *a = &s->ranges[i], *b;
	int overlaps = 0;
	uint32_t k;

	for (k = 0; k < i; k++) {
		b = &s->ranges[k];
		if (!(bindings & 1u << k) ||
		    a->address >= b->address + b->bytes ||
		    b->address >= a->address + a->bytes)
			continue;
		if ((a->flags | b->flags) & VGPU_RANGE_WRITE)
			return -EINVAL;
		overlaps = 1;
	}
	return overlaps;
}

static void vgpu_wgpu_unbind(struct vgpu_wgpu *e,
			     struct vgpu_wgpu_binding *b)
{
	uint32_t i;

	for (i = 0; i < VGPU_WGPU_BINDINGS; i++)
		if (b[i].copy && b[i].buffer)
			e->api.BufferRelease(b[i].buffer);
}

/*
 * Find the buffer of each range.  Two ranges that are only read may overlap,
 * but all bindings are writable as far as a provider knows, and Dawn rejects
 * writable ones that overlap: the later range is copied.
 * Return: 1: there are copies; 0; or a negative errno.
 */
static int vgpu_wgpu_bind(struct vgpu_wgpu *e, const struct vgpu_engine_slot *s,
			  uint32_t bindings, struct vgpu_wgpu_binding *b)
{
	int copies = 0, overlaps;
	uint32_t i;

	memset(b, 0, VGPU_WGPU_BINDINGS * sizeof(*b));
	for (i = 0; i < ARRAY_SIZE(s->ranges); i++) {
		if (!(bindings & 1u << i))
			continue;
		overlaps = vgpu_wgpu_overlaps(s, bindings, i);
		if (overlaps < 0)
			return overlaps;
		b[i].bytes = s->ranges[i].bytes;
		b[i].copy = overlaps;
		copies |= overlaps;
		if (overlaps)
			b[i].buffer = vgpu_wgpu_buffer(e, b[i].bytes,
				WGPUBufferUsage_Storage |
				WGPUBufferUsage_CopyDst);
		else
			b[i].buffer = vgpu_wgpu_bank(e, s->ranges[i].address,
						     &b[i].offset);
		if (!b[i].buffer)
			return -ENOMEM;
	}
	if (bindings & 1u << VGPU_CONST_BINDING) {
		b[VGPU_CONST_BINDING].buffer = e->consts;
		b[VGPU_CONST_BINDING].bytes = VGPU_WGPU_CONST_BYTES;
	}
	return copies;
}

static WGPUBindGroup vgpu_wgpu_group(struct vgpu_wgpu *e,
				     const struct vgpu_wgpu_kernel *k,
				     const struct vgpu_wgpu_binding *b)
{
	WGPUBindGroupEntry entries[VGPU_WGPU_BINDINGS];
	WGPUBindGroupDescriptor desc = {
		.layout = k->layout,
		.entries = entries,
	};
	uint32_t i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < VGPU_WGPU_BINDINGS; i++) {
		WGPUBindGroupEntry *entry = &entries[desc.entryCount];

		if (!(k->bindings & 1u << i))
			continue;
		entry->binding = i;
		entry->buffer = b[i].buffer;
		entry->offset = b[i].offset;
		entry->size = b[i].bytes;
		desc.entryCount++;
	}
	return e->api.DeviceCreateBindGroup(e->device, &desc);
}

/* The bind group of the kernel's last launch serves a launch that is alike. */
static int vgpu_wgpu_group_get(struct vgpu_wgpu *e, struct vgpu_wgpu_kernel *k,
			       const struct vgpu_engine_slot *s,
			       const struct vgpu_wgpu_binding *b, bool copies)
{
	char line[1];

	if (k->group && !copies &&
	    !memcmp(k->ranges, s->ranges, sizeof(k->ranges)))
		return 0;
	if (k->group)
		e->api.BindGroupRelease(k->group);
	vgpu_wgpu_push(e);
	k->group = vgpu_wgpu_group(e, k, b);
	if (vgpu_wgpu_pop(e, line, sizeof(line))) {
		/* A range is smaller than what the kernel declares. */
		if (k->group)
			e->api.BindGroupRelease(k->group);
		k->group = NULL;
		return -EINVAL;
	}
	memcpy(k->ranges, s->ranges, sizeof(k->ranges));
	return 0;
}

static void vgpu_wgpu_encode(struct vgpu_wgpu *e,
			     const struct vgpu_wgpu_kernel *k,
			     const struct vgpu_engine_slot *s,
			     const struct vgpu_wgpu_binding *b,
			     WGPUCommandEncoder encoder)
{
	WGPUComputePassEncoder pass;
	WGPUBuffer bank;
	uint64_t from;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(s->ranges); i++) {
		if (!b[i].copy)
			continue;
		/* There: an earlier range has bytes of it. */
		bank = vgpu_wgpu_bank(e, s->ranges[i].address, &from);
		e->api.CommandEncoderCopyBufferToBuffer(encoder, bank, from,
							b[i].buffer, 0,
							b[i].bytes);
	}
	pass = e->api.CommandEncoderBeginComputePass(encoder, NULL);
	e->api.ComputePassEncoderSetPipeline(pass, k->pipeline);
	if (k->group)
		e->api.ComputePassEncoderSetBindGroup(pass, 0, k->group, 0,
						      NULL);
	e->api.ComputePassEncoderDispatchWorkgroups(pass, s->grid[0],
						    s->grid[1], s->grid[2]);
	e->api.ComputePassEncoderEnd(pass);
	e->api.ComputePassEncoderRelease(pass);
}

/* The queue keeps writes and submissions in order: one buffer serves all. */
static void vgpu_wgpu_write_consts(struct vgpu_wgpu *e,
				   const struct vgpu_engine_slot *s)
{
	uint8_t bytes[VGPU_WGPU_CONST_BYTES] = { 0 };

	memcpy(bytes, s->consts, s->const_bytes);
	e->api.QueueWriteBuffer(e->queue, e->consts, 0, bytes, sizeof(bytes));
}

int vgpu_wgpu_launch(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job)
{
	const struct vgpu_engine_slot *s = &job->slot;
	struct vgpu_wgpu_binding b[VGPU_WGPU_BINDINGS];
	struct vgpu_wgpu_kernel *k = job->kernel;
	WGPUCommandBuffer commands;
	WGPUCommandEncoder encoder;
	int error, copies;

	if (!k)
		return -EINVAL;
	error = vgpu_wgpu_launch_check(e, s, k->bindings);
	if (error)
		return error;
	copies = vgpu_wgpu_bind(e, s, k->bindings, b);
	error = min_t(int, copies, 0);
	if (!error && k->bindings)
		error = vgpu_wgpu_group_get(e, k, s, b, copies);
	if (error)
		goto unbind;

	vgpu_wgpu_push(e);
	encoder = e->api.DeviceCreateCommandEncoder(e->device, NULL);
	vgpu_wgpu_encode(e, k, s, b, encoder);
	commands = e->api.CommandEncoderFinish(encoder, NULL);
	error = vgpu_wgpu_pop(e, NULL, 0);
	if (!error) {
		if (k->bindings & 1u << VGPU_CONST_BINDING)
			vgpu_wgpu_write_consts(e, s);
		e->api.QueueSubmit(e->queue, 1, &commands);
	}
	if (commands)
		e->api.CommandBufferRelease(commands);
	e->api.CommandEncoderRelease(encoder);
	/* A copy is of this launch only. */
	if (copies && k->group) {
		e->api.BindGroupRelease(k->group);
		k->group = NULL;
	}
unbind:
	vgpu_wgpu_unbind(e, b);
	return error;
}
