// SPDX-License-Identifier: MIT
/*
 * The engine's own memory: a buffer a bank, and how bytes get in, out and
 * about.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "wgpu/wgpu.h"

WGPUBuffer vgpu_wgpu_buffer(struct vgpu_wgpu *e, uint64_t bytes,
			    WGPUBufferUsage usage)
{
	WGPUBufferDescriptor desc = { .usage = usage, .size = bytes };
	WGPUBuffer buffer;

	vgpu_wgpu_push(e);
	buffer = e->api.DeviceCreateBuffer(e->device, &desc);
	/* A buffer that failed is an object, too. */
	if (vgpu_wgpu_pop(e, NULL, 0) && buffer) {
		e->api.BufferRelease(buffer);
		buffer = NULL;
	}
	return buffer;
}

uint64_t vgpu_wgpu_in_bank(const struct vgpu_wgpu *e, uint64_t offset,
			   uint64_t bytes)
{
	uint64_t bank = 1ull << e->bank_shift;

	return min_t(uint64_t, bytes, bank - (offset & (bank - 1)));
}

WGPUBuffer vgpu_wgpu_bank(struct vgpu_wgpu *e, uint64_t offset,
			  uint64_t *in_bank)
{
	uint32_t i = offset >> e->bank_shift;
	uint64_t start = (uint64_t)i << e->bank_shift;

	*in_bank = offset - start;
	if (!e->banks[i])
		e->banks[i] = vgpu_wgpu_buffer(e,
			vgpu_wgpu_in_bank(e, start, e->vram_bytes - start),
			WGPUBufferUsage_Storage | WGPUBufferUsage_CopySrc |
			WGPUBufferUsage_CopyDst);
	return e->banks[i];
}

static WGPUBuffer vgpu_wgpu_bounce(struct vgpu_wgpu *e)
{
	if (!e->bounce)
		e->bounce = vgpu_wgpu_buffer(e, VGPU_WGPU_BOUNCE_BYTES,
			WGPUBufferUsage_CopySrc | WGPUBufferUsage_CopyDst);
	return e->bounce;
}

void vgpu_wgpu_memory_close(struct vgpu_wgpu *e)
{
	uint32_t i;

	for (i = 0; i < e->n_banks; i++)
		if (e->banks[i])
			e->api.BufferRelease(e->banks[i]);
	for (i = 0; i < VGPU_WGPU_STAGING; i++)
		if (e->staging[i])
			e->api.BufferRelease(e->staging[i]);
	if (e->bounce)
		e->api.BufferRelease(e->bounce);
	if (e->consts)
		e->api.BufferRelease(e->consts);
}

static bool vgpu_wgpu_inside(const struct vgpu_wgpu *e, uint64_t offset,
			     uint64_t bytes)
{
	return !(offset & 3) && !(bytes & 3) && bytes &&
	       offset < e->vram_bytes && bytes <= e->vram_bytes - offset;
}

/* Submit what @encoder has, if it is sound. */
static int vgpu_wgpu_submit_encoder(struct vgpu_wgpu *e,
				    WGPUCommandEncoder encoder)
{
	WGPUCommandBuffer commands;
	int error;

	commands = e->api.CommandEncoderFinish(encoder, NULL);
	error = vgpu_wgpu_pop(e, NULL, 0);
	if (!error)
		e->api.QueueSubmit(e->queue, 1, &commands);
	if (commands)
		e->api.CommandBufferRelease(commands);
	e->api.CommandEncoderRelease(encoder);
	return error;
}

/* Within one bank each; through the bounce buffer if that is the same one. */
static int vgpu_wgpu_copy_piece(struct vgpu_wgpu *e, WGPUCommandEncoder encoder,
				uint64_t to, uint64_t from, uint64_t bytes)
{
	WGPUBuffer a, b, bounce = NULL;

	a = vgpu_wgpu_bank(e, from, &from);
	b = vgpu_wgpu_bank(e, to, &to);
	if (a == b)
		bounce = vgpu_wgpu_bounce(e);
	if (!a || !b || (a == b && !bounce))
		return -ENOMEM;
	if (bounce) {
		e->api.CommandEncoderCopyBufferToBuffer(encoder, a, from,
							bounce, 0, bytes);
		a = bounce;
		from = 0;
	}
	e->api.CommandEncoderCopyBufferToBuffer(encoder, a, from, b, to, bytes);
	return 0;
}

/* Ranges may overlap: pieces go in the order in which none is lost. */
int vgpu_wgpu_copy(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job)
{
	uint64_t to = job->cmd.op[0], from = job->cmd.op[1];
	uint64_t left = job->cmd.op[2], bank = 1ull << e->bank_shift;
	bool down = to > from;
	WGPUCommandEncoder encoder;
	uint64_t n;
	int error = 0;

	if (!vgpu_wgpu_inside(e, to, left) || !vgpu_wgpu_inside(e, from, left))
		return -EINVAL;
	encoder = e->api.DeviceCreateCommandEncoder(e->device, NULL);
	vgpu_wgpu_push(e);
	while (left && !error) {
		n = min_t(uint64_t, left, VGPU_WGPU_BOUNCE_BYTES);
		if (down) {
			/* Back from the ends to where either's bank starts. */
			n = min_t(uint64_t, n,
				  ((to + left - 1) & (bank - 1)) + 1);
			n = min_t(uint64_t, n,
				  ((from + left - 1) & (bank - 1)) + 1);
			left -= n;
			error = vgpu_wgpu_copy_piece(e, encoder, to + left,
						     from + left, n);
			continue;
		}
		n = vgpu_wgpu_in_bank(e, to, vgpu_wgpu_in_bank(e, from, n));
		error = vgpu_wgpu_copy_piece(e, encoder, to, from, n);
		to += n;
		from += n;
		left -= n;
	}
	if (error) {
		vgpu_wgpu_pop(e, NULL, 0);
		e->api.CommandEncoderRelease(encoder);
		return error;
	}
	return vgpu_wgpu_submit_encoder(e, encoder);
}

/* Zero by the provider's command, else copies of a piece of the pattern. */
int vgpu_wgpu_clear(struct vgpu_wgpu *e, const struct vgpu_wgpu_job *job)
{
	uint64_t to = job->cmd.op[0], left = job->cmd.op[1], n, in;
	uint32_t pattern = job->cmd.op[2];
	WGPUCommandEncoder encoder;
	WGPUBuffer bank;
	uint32_t *fill;
	size_t i, bytes;
	int error = 0;

	if (!vgpu_wgpu_inside(e, to, left))
		return -EINVAL;
	if (pattern) {
		bytes = min_t(uint64_t, left, VGPU_WGPU_BOUNCE_BYTES);
		fill = malloc(bytes);
		if (!fill || !vgpu_wgpu_bounce(e)) {
			free(fill);
			return -ENOMEM;
		}
		for (i = 0; i < bytes / 4; i++)
			fill[i] = pattern;
		e->api.QueueWriteBuffer(e->queue, e->bounce, 0, fill, bytes);
		free(fill);
	}
	encoder = e->api.DeviceCreateCommandEncoder(e->device, NULL);
	vgpu_wgpu_push(e);
	for (; left && !error; to += n, left -= n) {
		n = vgpu_wgpu_in_bank(e, to, left);
		if (pattern)
			n = min_t(uint64_t, n, VGPU_WGPU_BOUNCE_BYTES);
		bank = vgpu_wgpu_bank(e, to, &in);
		if (!bank)
			error = -ENOMEM;
		else if (!pattern)
			e->api.CommandEncoderClearBuffer(encoder, bank, in, n);
		else
			e->api.CommandEncoderCopyBufferToBuffer(encoder,
				e->bounce, 0, bank, in, n);
	}
	if (error) {
		vgpu_wgpu_pop(e, NULL, 0);
		e->api.CommandEncoderRelease(encoder);
		return error;
	}
	return vgpu_wgpu_submit_encoder(e, encoder);
}

/* Staging memory of at least @bytes, from what is kept if that has it. */
static WGPUBuffer vgpu_wgpu_staging(struct vgpu_wgpu *e, uint64_t bytes,
				    uint32_t *size_class)
{
	WGPUBuffer buffer;
	uint32_t i = 0;

	while (4096ull << i < bytes)
		i++;
	*size_class = i;
	buffer = e->staging[i];
	e->staging[i] = NULL;
	if (!buffer)
		buffer = vgpu_wgpu_buffer(e, 4096ull << i,
			WGPUBufferUsage_MapRead | WGPUBufferUsage_CopyDst);
	return buffer;
}

static void vgpu_wgpu_staging_put(struct vgpu_wgpu *e,
				  struct vgpu_wgpu_job *job, bool reuse)
{
	WGPUBuffer *kept = &e->staging[job->staging_class];

	if (reuse && !*kept)
		*kept = job->staging;
	else
		e->api.BufferRelease(job->staging);
	job->staging = NULL;
}

static int vgpu_wgpu_flush_out(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job,
			       WGPUBuffer bank, uint64_t in_bank)
{
	WGPUBufferMapCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowProcessEvents,
		.callback = vgpu_wgpu_map_done,
		.userdata1 = job,
	};
	WGPUCommandEncoder encoder;
	int error;

	job->staging = vgpu_wgpu_staging(e, job->step, &job->staging_class);
	if (!job->staging)
		return -ENOMEM;
	encoder = e->api.DeviceCreateCommandEncoder(e->device, NULL);
	vgpu_wgpu_push(e);
	e->api.CommandEncoderCopyBufferToBuffer(encoder, bank, in_bank,
						job->staging, 0, job->step);
	error = vgpu_wgpu_submit_encoder(e, encoder);
	if (error) {
		vgpu_wgpu_staging_put(e, job, false);
		return error;
	}
	e->api.BufferMapAsync(job->staging, WGPUMapMode_Read, 0, job->step,
			      info);
	return 0;
}

int vgpu_wgpu_flush(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	uint64_t offset = job->cmd.op[0], bytes = job->cmd.op[1], in;
	WGPUBuffer bank;

	if (!vgpu_wgpu_inside(e, offset, bytes) ||
	    (job->cmd.op[2] != 1 && job->cmd.op[2] != 2))
		return -EINVAL;
	offset += job->at;
	job->step = vgpu_wgpu_in_bank(e, offset,
				      min_t(uint64_t, bytes - job->at,
					    VGPU_WGPU_STEP_BYTES));
	bank = vgpu_wgpu_bank(e, offset, &in);
	if (!bank)
		return -ENOMEM;
	if (job->cmd.op[2] == 1)
		return vgpu_wgpu_flush_out(e, job, bank, in);
	e->api.QueueWriteBuffer(e->queue, bank, in, (char *)e->vram + offset,
				job->step);
	/* Writes go with a submission. */
	e->api.QueueSubmit(e->queue, 0, NULL);
	vgpu_wgpu_when_done(e, job);
	return 0;
}

int vgpu_wgpu_flush_end(struct vgpu_wgpu *e, struct vgpu_wgpu_job *job)
{
	const void *bytes;

	if (!job->staging)
		return 0;
	if (job->failed) {
		vgpu_wgpu_staging_put(e, job, false);
		return -EIO;
	}
	bytes = e->api.BufferGetConstMappedRange(job->staging, 0, job->step);
	if (bytes)
		memcpy((char *)e->vram + job->cmd.op[0] + job->at, bytes,
		       job->step);
	e->api.BufferUnmap(job->staging);
	vgpu_wgpu_staging_put(e, job, bytes);
	return bytes ? 0 : -EIO;
}
