// SPDX-License-Identifier: MIT
/*
 * Native kernels of the simulator: functions of this process.  The model checks
 * a launch and resolves its ranges; a range is VRAM, which is mapped here.
 */
#include "sim.h"

/* Without the lock: the launch stays valid until it is reported. */
int vgpu_sim_launch(struct vgpu_sim *s, const struct vgpu_launch *launch)
{
	struct vgpu_sim_native *native = (void *)(uintptr_t)launch->token;
	struct vgpu_native_call call = {
		.user = native->user,
		.kernel = native->address,
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
	ret = native->fn(&call);
	/* The model believes errnos only. */
	return ret <= 0 && ret >= -4095 ? ret : -EIO;
}

/* The model runs that kernel no more. */
void vgpu_sim_dropped(struct vgpu_sim *s, uint32_t kernel, uint64_t token)
{
	s->native[kernel & 0xffff] = NULL;
	free((void *)(uintptr_t)token);
}

int vgpu_sim_native_add(void *b, uint32_t context,
			const struct vgpu_native_options *options,
			uint64_t address, uint32_t *id)
{
	const struct vgpu_kernel_info info = {
		.used = options->used,
		.written = options->written,
		.const_bytes = options->const_bytes,
		.workgroup = { 1, 1, 1 },
	};
	struct vgpu_sim_native *native = malloc(sizeof(*native));
	struct vgpu_sim *s = b;
	int ret;

	if (!native)
		return -ENOMEM;
	native->fn = options->fn;
	native->user = options->user;
	pthread_mutex_lock(&s->lock);
	ret = vgpu_model_kernel_add(s->m, context, &info,
				    (uint64_t)(uintptr_t)native, id);
	if (ret) {
		free(native);
	} else {
		s->native[*id & 0xffff] = native;
		native->address = address ? address : 1ull << 62 | *id;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int vgpu_sim_native_remove(void *b, uint32_t id)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_KERNEL_DESTROY,
		.op = { id },
	};
	struct vgpu_sim_native *native;
	struct vgpu_sim *s = b;
	u64 result[2];
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (!ret) {
		native = s->native[id & 0xffff];
		while (native && s->native[id & 0xffff] == native)
			vgpu_sim_step(s);
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}
