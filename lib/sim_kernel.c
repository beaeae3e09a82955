// SPDX-License-Identifier: MIT
/*
 * Kernels of the simulator: the model knows what they need, and keeps a token
 * of each, which is what the simulator knows of it.
 */
#include "sim.h"

/* With the lock.  @kernel is the simulator's from then on, if that is 0. */
int vgpu_sim_kernel_insert(struct vgpu_sim *s, uint32_t context,
			   struct vgpu_sim_kernel *kernel, uint32_t *id)
{
	int ret;

	ret = vgpu_model_kernel_add(s->m, context, &kernel->info,
				    (uint64_t)(uintptr_t)kernel, id);
	if (!ret)
		s->kernels[*id & 0xffff] = kernel;
	return ret;
}

/*
 * The model runs that kernel no more.  By the thread that runs items; with the
 * lock, which is dropped.
 */
void vgpu_sim_kernel_dropped(struct vgpu_sim *s, uint32_t kernel,
			     uint64_t token)
{
	struct vgpu_sim_kernel *k = (void *)(uintptr_t)token;

	if (!k->fn && vgpu_sim_engine_use(s)) {
		pthread_mutex_unlock(&s->lock);
		s->engine.ops->drop(s->engine.e, k->number);
		pthread_mutex_lock(&s->lock);
		vgpu_sim_engine_unuse(s);
	}
	s->kernels[kernel & 0xffff] = NULL;
	free(k);
}

/* Without the lock: let the executor compile it. */
static int build(struct vgpu_sim *s, const void *desc, size_t bytes,
		 struct vgpu_sim_kernel *k, struct vgpu_message *msg)
{
	struct vgpu_engine_built built;
	bool usable;
	int ret = -EIO;

	pthread_mutex_lock(&s->lock);
	k->number = ++s->engine.next_kernel;
	usable = vgpu_sim_engine_use(s);
	pthread_mutex_unlock(&s->lock);
	if (usable)
		ret = s->engine.ops->build(s->engine.e, k->number, desc, bytes,
					   &built);
	pthread_mutex_lock(&s->lock);
	if (usable)
		vgpu_sim_engine_unuse(s);
	if (!usable || (ret == -EIO && s->engine.state != VGPU_SIM_OPEN))
		ret = vgpu_message_set(msg, -EIO,
				       "the engine was lost while it compiled a kernel: reset the device");
	else if (ret)
		vgpu_message_set(msg, ret, "%.*s", (int)sizeof(built.message),
				 built.message);
	else
		k->info = built.info;
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int vgpu_sim_kernel_add(void *b, uint32_t context, const void *desc,
			size_t bytes, struct vgpu_message *msg, uint32_t *id)
{
	const struct vgpu_kernel_desc *d = desc;
	struct vgpu_sim_kernel *k;
	struct vgpu_sim *s = b;
	int ret;

	if (!(s->info.features & (d->format == VGPU_KERNEL_SPIRV ?
				  VGPU_FEATURE_SPIRV : VGPU_FEATURE_WGSL)))
		return vgpu_message_set(msg, -EOPNOTSUPP,
					"this device has no compiler for %s",
					d->format == VGPU_KERNEL_SPIRV ?
						"SPIR-V" : "WGSL: the wgpu backend has one");
	ret = vgpu_sim_engine_open(s, msg);
	if (ret == -ENODEV || ret == -ENOENT)
		return -EOPNOTSUPP;
	if (ret)
		return ret;
	k = calloc(1, sizeof(*k));
	if (!k)
		return vgpu_message_set(msg, -ENOMEM, "memory is short");
	ret = build(s, desc, bytes, k, msg);
	if (ret) {
		free(k);
		return ret;
	}
	pthread_mutex_lock(&s->lock);
	ret = vgpu_sim_kernel_insert(s, context, k, id);
	if (ret) {
		bool usable = vgpu_sim_engine_use(s);

		vgpu_message_set(msg, ret, "cannot make a kernel: %s",
				 ret == -ENOSPC ? "there are too many" :
						  "the device refuses it");
		pthread_mutex_unlock(&s->lock);
		if (usable)
			s->engine.ops->drop(s->engine.e, k->number);
		pthread_mutex_lock(&s->lock);
		if (usable)
			vgpu_sim_engine_unuse(s);
		free(k);
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int vgpu_sim_kernel_remove(void *b, uint32_t id)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_KERNEL_DESTROY,
		.op = { id },
	};
	struct vgpu_sim_kernel *k;
	struct vgpu_sim *s = b;
	u64 result[2];
	bool native;
	uint32_t n;
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (!ret) {
		k = s->kernels[id & 0xffff];
		native = k && k->fn;
		while (native && s->kernels[id & 0xffff] == k)
			vgpu_sim_step(s);
		/* One from code, if nobody else is at work. */
		vgpu_sim_round(s, VGPU_SIM_BATCH, &n);
		vgpu_sim_changed(s);
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int vgpu_sim_kernel_usage(void *b, uint32_t id,
			  struct vgpu_kernel_usage *usage)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_KERNEL_INFO,
		.op = { id },
	};
	const struct vgpu_kernel_info *info;
	struct vgpu_sim *s = b;
	u64 result[2];
	int ret;

	pthread_mutex_lock(&s->lock);
	/* Whether it still has this id. */
	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (!ret) {
		info = &s->kernels[id & 0xffff]->info;
		usage->used = info->used;
		usage->written = info->written;
		usage->const_bytes = info->const_bytes;
		memcpy(usage->group, info->workgroup, sizeof(usage->group));
		usage->features = info->features;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}
