// SPDX-License-Identifier: MIT
/*
 * A client of the stand-in for vgpu.ko: ioctls as calls of a simulator.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "drm_client.h"

int fake_admin(struct fake_client *c, uint16_t opcode, const u64 op[6],
	       u64 result[2])
{
	struct vgpu_cmd cmd = { .opcode = opcode };

	memcpy(cmd.op, op, sizeof(cmd.op));
	return vgpu_sim_ops.admin(c->s, &cmd, result);
}

/* Makes the device if there is none; -EBUSY for a size of VRAM then. */
int fake_client_device(struct fake_client *c, uint64_t bytes)
{
	struct vgpu_device_options o = {
		.size = sizeof(o),
		.flags = VGPU_DEVICE_BACKGROUND,
		.vram_bytes = bytes,
	};
	struct vgpu_message msg;
	void *b;
	int ret;

	if (c->s)
		return bytes ? -EBUSY : 0;
	vgpu_message_init(&msg);
	ret = vgpu_sim_ops.open(&o, &msg, &b);
	vgpu_message_fini(&msg);
	if (ret)
		return ret;
	c->s = b;
	pthread_mutex_lock(&c->s->lock);
	vgpu_model_engine(c->s->m, fake_drm.engine, vgpu_now_ns());
	pthread_mutex_unlock(&c->s->lock);
	return 0;
}

void fake_client_end(struct fake_client *c)
{
	if (c->s) {
		vgpu_sim_ops.reset(c->s);
		vgpu_sim_ops.close(c->s);
	}
	/* No object is used by anybody any more. */
	fake_bo_end_all(c);
}

static int client_reset(struct fake_client *c,
			const struct drm_vgpu_client_reset *a)
{
	int ret;

	if (a->flags)
		return -EINVAL;
	ret = vgpu_sim_ops.reset(c->s);
	fake_bo_reset(c);
	return ret;
}

static void info(struct fake_client *c, struct drm_vgpu_info *i)
{
	struct vgpu_device_info d = { .total_memory = 256u << 20 };

	if (c->s)
		vgpu_sim_ops.info(c->s, &d);
	i->version = c->node->version ? c->node->version : VGPU_VERSION;
	i->gpu = c->node->gpu;
	i->features = d.features;
	i->vram_bytes = d.total_memory;
	i->bank_shift = 30;
	i->status = fake_drm.engine ? VGPU_STATUS_ENGINE : 0;
	i->device_clock_ns = vgpu_now_ns();
}

static void memory(struct fake_client *c, struct drm_vgpu_memory *m)
{
	struct vgpu_device_stats stats = { .memory_limit = 256u << 20 };

	if (c->s)
		vgpu_sim_ops.stats(c->s, &stats);
	m->gpu_bytes = 1ull << 30;
	m->gpu_limit = m->gpu_bytes;
	m->gpu_used = stats.memory_used;
	m->gpu_peak = stats.memory_peak;
	m->client_limit = stats.memory_limit;
	m->client_used = stats.memory_used;
	m->client_peak = stats.memory_peak;
	m->client_largest = stats.memory_largest;
	m->registered = fake_bo_registered(c);
}

static void statistics(struct fake_client *c, struct drm_vgpu_statistics *s)
{
	struct vgpu_model_stats m = { 0 };

	if (c->s) {
		pthread_mutex_lock(&c->s->lock);
		vgpu_model_stats(c->s->m, &m);
		pthread_mutex_unlock(&c->s->lock);
	}
	s->queued = m.queued;
	s->completed = m.completed;
	s->failed = m.failed;
	s->in_flight = m.in_flight;
	s->bytes_copied = m.bytes_copied;
	s->bytes_cleared = m.bytes_cleared;
	s->launches = m.launches;
	s->busy_ns = m.busy_ns;
	s->rings = m.rings;
	s->counters = m.counters;
	s->kernels = m.kernels;
}

static int query(struct fake_client *c, struct drm_vgpu_query *a)
{
	union {
		struct drm_vgpu_info info;
		struct drm_vgpu_memory memory;
		struct drm_vgpu_statistics statistics;
	} u;
	uint32_t bytes;

	memset(&u, 0, sizeof(u));
	switch (a->what) {
	case DRM_VGPU_QUERY_INFO:
		info(c, &u.info);
		bytes = sizeof(u.info);
		break;
	case DRM_VGPU_QUERY_MEMORY:
		memory(c, &u.memory);
		bytes = sizeof(u.memory);
		break;
	case DRM_VGPU_QUERY_STATISTICS:
		statistics(c, &u.statistics);
		bytes = sizeof(u.statistics);
		break;
	default:
		return -EINVAL;
	}
	memset((void *)(uintptr_t)a->pointer, 0, a->size);
	memcpy((void *)(uintptr_t)a->pointer, &u, min_t(uint32_t, bytes, a->size));
	a->size = bytes;
	return 0;
}

static int reg(struct fake_client *c, struct drm_vgpu_register *a)
{
	if (a->pad || a->flags & ~DRM_VGPU_REGISTER_WRITE ||
	    (a->bytes != 4 && a->bytes != 8) || a->offset % a->bytes ||
	    a->offset >= VGPU_REG_END)
		return -EINVAL;
	if (a->flags)
		return vgpu_sim_ops.write_register(c->s, a->offset, a->bytes,
						   a->value);
	return vgpu_sim_ops.read_register(c->s, a->offset, a->bytes, (uint64_t *)&a->value);
}

/* The simulator writes its interrupts to the caller's eventfd. */
static int event(struct fake_client *c, const struct drm_vgpu_event *a)
{
	int fd;

	if (a->vector != DRM_VGPU_EVENT_ALL)
		return -EINVAL;
	fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -EBADF;
	pthread_mutex_lock(&c->s->lock);
	close(c->s->irq_fd);
	c->s->irq_fd = fd;
	pthread_mutex_unlock(&c->s->lock);
	return 0;
}

static int wait(struct fake_client *c, struct drm_vgpu_wait *a)
{
	int ret = vgpu_sim_wait(c->s, a->events, (uint64_t)a->deadline_ns);

	a->events = vgpu_sim_events(c->s);
	return ret == -ETIMEDOUT ? -ETIME : ret;
}

static int compact(struct fake_client *c, struct drm_vgpu_compact *a)
{
	uint64_t moved;
	int ret;

	if (a->flags)
		return -EINVAL;
	ret = vgpu_sim_ops.compact(c->s, a->bytes, &moved);
	a->more = moved >= a->bytes;
	a->bytes = moved;
	return ret;
}

static int map(struct fake_client *c, struct drm_vgpu_map *a)
{
	u64 op[6] = { a->context, 0, a->address, a->offset, a->bytes, a->flags };
	struct fake_bo *bo;
	u64 result[2];
	int ret;

	ret = fake_bo_object(c, a->handle, &bo);
	if (ret)
		return ret;
	if (bo->flags & DRM_VGPU_BO_READ_ONLY &&
	    !(a->flags & VGPU_MAP_F_READ_ONLY))
		return -EACCES;
	op[1] = bo->object;
	ret = fake_admin(c, VGPU_ADMIN_MAP, op, result);
	if (!ret)
		a->address = result[0];
	return ret;
}

static int ring_admin(struct vgpu_sim *s, const struct drm_vgpu_ring_create *a,
		      struct fake_bo *bo, uint32_t *id)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_RING_CREATE,
		.op = {
			a->context, bo->object,
			a->sq_entries | (uint64_t)a->cq_entries << 32,
			a->flags | (uint64_t)a->priority << 32 |
				(uint64_t)a->vector << 40,
			a->counter,
		},
	};
	u64 result[2];
	int ret;

	ret = vgpu_sim_admin_locked(s, &cmd, result);
	if (ret)
		return ret;
	*id = (uint32_t)result[0];
	s->rings[*id & 0xffff] = *id;
	s->ring_objects[*id & 0xffff] = bo->object;
	return vgpu_model_ring_memory(s->m, *id, bo->cpu);
}

static int ring_create(struct fake_client *c, struct drm_vgpu_ring_create *a)
{
	struct fake_bo *bo;
	int ret;

	ret = fake_bo_object(c, a->handle, &bo);
	if (ret)
		return ret;
	if (bo->ring)
		return -EBUSY;
	if (bo->domain != DRM_VGPU_DOMAIN_SYSTEM ||
	    bo->bytes < VGPU_RING_BYTES(a->sq_entries, a->cq_entries))
		return -EINVAL;
	pthread_mutex_lock(&c->s->lock);
	ret = ring_admin(c->s, a, bo, &a->ring);
	pthread_mutex_unlock(&c->s->lock);
	if (!ret)
		bo->ring = a->ring;
	return ret;
}

static int ring_destroy(struct fake_client *c,
			const struct drm_vgpu_ring_destroy *a)
{
	struct fake_bo *bo;

	for (bo = c->bos; bo; bo = bo->next)
		if (bo->ring == a->ring)
			break;
	if (!a->ring || !bo)
		return -ENOENT;
	/* And with it its object. */
	vgpu_sim_ring_destroy(c->s, a->ring);
	bo->ring = 0;
	fake_bo_put(c, bo);
	return 0;
}

static int counter(struct fake_client *c, uint16_t opcode,
		   struct drm_vgpu_counter *a)
{
	u64 op[6] = { a->counter, a->value }, result[2];
	int ret;

	if (opcode != VGPU_ADMIN_COUNTER_SIGNAL)
		op[1] = 0;
	ret = fake_admin(c, opcode, op, result);
	if (opcode == VGPU_ADMIN_COUNTER_READ)
		a->value = result[0];
	return ret;
}

static int kernel_create(struct fake_client *c,
			 struct drm_vgpu_kernel_create *a)
{
	struct vgpu_message msg;
	int ret;

	if (!fake_drm.engine)
		return -EOPNOTSUPP;
	vgpu_message_init(&msg);
	ret = vgpu_sim_kernel_add(c->s, a->context,
				  (void *)(uintptr_t)a->pointer, a->bytes,
				  &msg, &a->kernel);
	if (ret)
		snprintf((char *)(uintptr_t)a->message, a->message_bytes, "%s",
			 msg.text);
	vgpu_message_fini(&msg);
	return ret;
}

static int kernel_info(struct fake_client *c, struct drm_vgpu_kernel_info *a)
{
	struct vgpu_kernel_usage usage;
	int ret;

	ret = vgpu_sim_kernel_usage(c->s, a->kernel, &usage);
	if (ret)
		return ret;
	a->info.used = usage.used;
	a->info.written = usage.written;
	a->info.const_bytes = usage.const_bytes;
	memcpy(a->info.workgroup, usage.group, sizeof(usage.group));
	a->info.features = usage.features;
	return 0;
}

/* Those that are an admin command, and no more. */
static int admin(struct fake_client *c, unsigned long request, void *arg)
{
	u64 op[6] = { 0 }, result[2] = { 0 };
	int ret;

	switch (request) {
	case DRM_IOCTL_VGPU_CONTEXT_CREATE:
		ret = fake_admin(c, VGPU_ADMIN_CONTEXT_CREATE, op, result);
		((struct drm_vgpu_context_create *)arg)->context = result[0];
		return ret;
	case DRM_IOCTL_VGPU_UNMAP:
		op[0] = ((struct drm_vgpu_unmap *)arg)->context;
		op[1] = ((struct drm_vgpu_unmap *)arg)->address;
		return fake_admin(c, VGPU_ADMIN_UNMAP, op, result);
	case DRM_IOCTL_VGPU_RING_CONTROL:
		op[0] = ((struct drm_vgpu_ring_control *)arg)->ring;
		op[1] = ((struct drm_vgpu_ring_control *)arg)->what;
		return fake_admin(c, VGPU_ADMIN_RING_CONTROL, op, result);
	case DRM_IOCTL_VGPU_COUNTER_CREATE:
		op[0] = ((struct drm_vgpu_counter_create *)arg)->context;
		op[1] = ((struct drm_vgpu_counter_create *)arg)->value;
		ret = fake_admin(c, VGPU_ADMIN_COUNTER_CREATE, op, result);
		((struct drm_vgpu_counter_create *)arg)->counter = result[0];
		return ret;
	default:
		return -EINVAL;
	}
}

static int call(struct fake_client *c, unsigned long request, void *arg)
{
	switch (request) {
	case DRM_IOCTL_GEM_CLOSE:
		return fake_bo_close(c, arg);
	case DRM_IOCTL_VGPU_QUERY:
		return query(c, arg);
	case DRM_IOCTL_VGPU_CLIENT_LIMIT:
		return vgpu_sim_ops.set_limit(c->s,
				((struct drm_vgpu_client_limit *)arg)->bytes);
	case DRM_IOCTL_VGPU_CLIENT_RESET:
		return client_reset(c, arg);
	case DRM_IOCTL_VGPU_REGISTER:
		return reg(c, arg);
	case DRM_IOCTL_VGPU_EVENT:
		return event(c, arg);
	case DRM_IOCTL_VGPU_BO_CREATE:
		return fake_bo_create(c, arg);
	case DRM_IOCTL_VGPU_BO_REGISTER:
		return fake_bo_register(c, arg);
	case DRM_IOCTL_VGPU_BO_INFO:
		return fake_bo_info(c, arg);
	case DRM_IOCTL_VGPU_COMPACT:
		return compact(c, arg);
	case DRM_IOCTL_VGPU_MAP:
		return map(c, arg);
	case DRM_IOCTL_VGPU_RING_CREATE:
		return ring_create(c, arg);
	case DRM_IOCTL_VGPU_RING_DESTROY:
		return ring_destroy(c, arg);
	case DRM_IOCTL_VGPU_COUNTER_DESTROY:
		return counter(c, VGPU_ADMIN_COUNTER_DESTROY, arg);
	case DRM_IOCTL_VGPU_COUNTER_SIGNAL:
		return counter(c, VGPU_ADMIN_COUNTER_SIGNAL, arg);
	case DRM_IOCTL_VGPU_COUNTER_READ:
		return counter(c, VGPU_ADMIN_COUNTER_READ, arg);
	case DRM_IOCTL_VGPU_KERNEL_CREATE:
		return kernel_create(c, arg);
	case DRM_IOCTL_VGPU_KERNEL_DESTROY:
		return vgpu_sim_kernel_remove(c->s,
				((struct drm_vgpu_kernel_destroy *)arg)->kernel);
	case DRM_IOCTL_VGPU_KERNEL_INFO:
		return kernel_info(c, arg);
	default:
		return admin(c, request, arg);
	}
}

int fake_client_call(struct fake_client *c, unsigned long request, void *arg)
{
	struct drm_vgpu_client_init *init = arg;
	struct drm_vgpu_kick *kick = arg;
	int ret;

	pthread_mutex_lock(&c->lock);
	if (request == DRM_IOCTL_VGPU_CLIENT_INIT) {
		if (init->flags || init->vram_bytes % 4096 ||
		    init->vram_bytes > 1u << 30)
			ret = -EINVAL;
		else
			ret = c->s ? -EBUSY :
			      fake_client_device(c, init->vram_bytes);
		pthread_mutex_unlock(&c->lock);
		return ret;
	}
	/* Figures are there before a device is. */
	ret = request == DRM_IOCTL_VGPU_QUERY ? 0 : fake_client_device(c, 0);
	if (!ret && request != DRM_IOCTL_VGPU_WAIT &&
	    request != DRM_IOCTL_VGPU_KICK) {
		ret = call(c, request, arg);
		pthread_mutex_unlock(&c->lock);
		return ret;
	}
	pthread_mutex_unlock(&c->lock);
	if (ret)
		return ret;
	if (request == DRM_IOCTL_VGPU_WAIT)
		return wait(c, arg);
	vgpu_sim_ops.doorbell(c->s, kick->ring);
	return 0;
}
