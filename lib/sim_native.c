// SPDX-License-Identifier: MIT
/*
 * Native kernels of the simulator: functions of this process.  The model checks
 * a launch and resolves its ranges; a range is VRAM, which is mapped here.
 */
#include "sim.h"

/* Without the lock: the launch stays valid until it is reported. */
int vgpu_sim_native_run(struct vgpu_sim *s, const struct vgpu_launch *launch)
{
	struct vgpu_sim_kernel *kernel = (void *)(uintptr_t)launch->token;
	struct vgpu_native_call call = {
		.user = kernel->user,
		.kernel = kernel->address,
		.grid = { launch->grid[0], launch->grid[1], launch->grid[2] },
		.n_ranges = launch->n_ranges,
		.const_bytes = launch->const_bytes,
		.consts = launch->consts,
	};
	uint32_t i;
	int ret;

	for (i = 0; i < launch->n_ranges; i++) {
		const struct vgpu_range *from = &launch->ranges[i];
		struct vgpu_native_range *to = &call.ranges[i];

		if (!from->bytes)
			continue;
		to->data = s->vram + from->address;
		to->bytes = from->bytes;
		to->flags = from->flags;
	}
	ret = kernel->fn(&call);
	/* The model believes errnos only. */
	return ret <= 0 && ret >= -4095 ? ret : -EIO;
}

int vgpu_sim_native_add(void *b, uint32_t context,
			const struct vgpu_native_options *options,
			uint64_t address, uint32_t *id)
{
	struct vgpu_sim_kernel *kernel = calloc(1, sizeof(*kernel));
	struct vgpu_sim *s = b;
	int ret;

	if (!kernel)
		return -ENOMEM;
	kernel->info.used = options->used;
	kernel->info.written = options->written;
	kernel->info.const_bytes = options->const_bytes;
	kernel->info.workgroup[0] = 1;
	kernel->info.workgroup[1] = 1;
	kernel->info.workgroup[2] = 1;
	kernel->fn = options->fn;
	kernel->user = options->user;
	pthread_mutex_lock(&s->lock);
	ret = vgpu_sim_kernel_insert(s, context, kernel, id);
	if (ret)
		free(kernel);
	else
		kernel->address = address ? address : 1ull << 62 | *id;
	pthread_mutex_unlock(&s->lock);
	return ret;
}
