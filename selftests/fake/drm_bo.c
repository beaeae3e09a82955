// SPDX-License-Identifier: MIT
/*
 * Buffers of the stand-in for vgpu.ko.
 */
#include <sys/mman.h>

#include "drm_client.h"

/* Offsets for mmap() are far apart, and none is 0. */
#define FAKE_MMAP_SHIFT	32

static int bo_new(struct fake_client *c, const struct fake_bo *like,
		  uint32_t *handle)
{
	struct fake_bo *bo;
	uint32_t i;

	for (i = 1; i < FAKE_HANDLES; i++)
		if (!c->handles[i])
			break;
	if (i == FAKE_HANDLES)
		return -ENOSPC;
	bo = malloc(sizeof(*bo));
	*bo = *like;
	bo->handle = i;
	bo->next = c->bos;
	c->bos = bo;
	c->handles[i] = bo;
	__atomic_fetch_add(&fake_drm.buffers, 1, __ATOMIC_RELAXED);
	*handle = i;
	return 0;
}

static struct fake_bo *bo_find(struct fake_client *c, uint32_t handle)
{
	return handle < FAKE_HANDLES ? c->handles[handle] : NULL;
}

/* Whether a command may still be at its memory. */
static bool is_used(struct fake_client *c, const struct fake_bo *bo)
{
	bool used;

	if (!bo->object)
		return false;
	pthread_mutex_lock(&c->s->lock);
	used = c->s->objects[bo->object & 0xffff].id == bo->object;
	pthread_mutex_unlock(&c->s->lock);
	return used;
}

static void bo_free(struct fake_client *c, struct fake_bo *bo)
{
	struct fake_bo **at = &c->bos;

	while (*at != bo)
		at = &(*at)->next;
	*at = bo->next;
	if (bo->domain == DRM_VGPU_DOMAIN_SYSTEM)
		munmap(bo->cpu, bo->bytes);
	free(bo);
	__atomic_fetch_sub(&fake_drm.buffers, 1, __ATOMIC_RELAXED);
}

/* It goes when nothing needs it any more. */
void fake_bo_put(struct fake_client *c, struct fake_bo *bo)
{
	if (bo->handle || bo->mapped || bo->ring || is_used(c, bo))
		return;
	bo_free(c, bo);
}

static int vram_create(struct fake_client *c, struct drm_vgpu_bo_create *a)
{
	struct fake_bo bo = {
		.domain = DRM_VGPU_DOMAIN_VRAM, .bytes = a->bytes,
	};
	u64 op[6] = { (a->bytes + 255) & ~255ull, a->align }, result[2];
	int ret;

	if (!a->bytes || a->align & (a->align - 1) ||
	    (a->align && a->align < 256))
		return -EINVAL;
	ret = fake_admin(c, VGPU_ADMIN_BLOCK_CREATE, op, result);
	if (ret)
		return ret;
	bo.object = (uint32_t)result[0];
	return bo_new(c, &bo, &a->handle);
}

int fake_bo_create(struct fake_client *c, struct drm_vgpu_bo_create *a)
{
	struct fake_bo bo = { .domain = a->domain, .bytes = a->bytes };
	int ret;

	if (a->flags || a->pad)
		return -EINVAL;
	ret = fake_client_device(c, 0);
	if (ret)
		return ret;
	if (a->domain == DRM_VGPU_DOMAIN_VRAM)
		return vram_create(c, a);
	if (a->domain != DRM_VGPU_DOMAIN_SYSTEM || !a->bytes ||
	    a->bytes % 4096 || a->align)
		return -EINVAL;
	bo.cpu = mmap(NULL, a->bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bo.cpu == MAP_FAILED)
		return -ENOMEM;
	return bo_new(c, &bo, &a->handle);
}

/* Whether this process may read, or write, all of that. */
static bool may(uint64_t start, uint64_t end, bool write)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[4352], r, w;

	while (f && start < end && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %c%c", &from, &to, &r, &w) != 4 ||
		    to <= start)
			continue;
		if (from > start || r != 'r' || (write && w != 'w'))
			break;
		start = to;
	}
	if (f)
		fclose(f);
	return start >= end;
}

int fake_bo_register(struct fake_client *c, struct drm_vgpu_bo_register *a)
{
	struct fake_bo bo = {
		.domain = DRM_VGPU_DOMAIN_REGISTERED,
		.bytes = a->bytes,
		.flags = a->flags,
		.cpu = (char *)(uintptr_t)a->pointer,
	};
	struct vgpu_backend_system sys;
	int ret;

	if (a->flags & ~DRM_VGPU_BO_READ_ONLY || a->pointer % 4096 ||
	    !a->bytes || a->bytes % 4096)
		return -EINVAL;
	ret = fake_client_device(c, 0);
	if (ret)
		return ret;
	if (!may(a->pointer, a->pointer + a->bytes, !a->flags))
		return -EFAULT;
	if (fake_drm.memlock &&
	    fake_bo_registered(c) + a->bytes > fake_drm.memlock)
		return -ENOSPC;
	ret = vgpu_sim_system_create(c->s, bo.cpu, bo.bytes, false, &sys);
	if (ret)
		return ret;
	bo.object = sys.object;
	return bo_new(c, &bo, &a->handle);
}

/* A buffer with its object, which a reset may have ended. */
int fake_bo_object(struct fake_client *c, uint32_t handle, struct fake_bo **bo)
{
	struct vgpu_backend_system sys;
	int ret;

	*bo = bo_find(c, handle);
	if (!*bo)
		return -ENOENT;
	if ((*bo)->object)
		return 0;
	if ((*bo)->domain == DRM_VGPU_DOMAIN_VRAM)
		return -EFAULT;
	ret = vgpu_sim_system_create(c->s, (*bo)->cpu, (*bo)->bytes, false,
				     &sys);
	if (!ret)
		(*bo)->object = sys.object;
	return ret;
}

static bool is_pinned(struct fake_client *c, uint64_t offset)
{
	u64 start, bytes;
	bool pinned = false;
	uint32_t object;

	pthread_mutex_lock(&c->s->lock);
	vgpu_model_next_block(c->s->m, offset, &object, &start, &bytes,
			      &pinned);
	pthread_mutex_unlock(&c->s->lock);
	return pinned;
}

int fake_bo_info(struct fake_client *c, struct drm_vgpu_bo_info *a)
{
	struct fake_bo *bo = bo_find(c, a->handle);
	u64 op[6] = { 0 }, result[2];

	if (a->flags || a->domain || a->pad)
		return -EINVAL;
	if (!bo)
		return -ENOENT;
	a->domain = bo->domain;
	a->bytes = bo->bytes;
	a->flags = bo->flags;
	if (bo->domain == DRM_VGPU_DOMAIN_REGISTERED)
		return 0;
	a->mmap_offset = (uint64_t)a->handle << FAKE_MMAP_SHIFT;
	a->mmap_bytes = bo->bytes;
	if (bo->domain == DRM_VGPU_DOMAIN_SYSTEM)
		return 0;
	op[0] = bo->object;
	if (fake_admin(c, VGPU_ADMIN_OBJECT_INFO, op, result))
		return -EFAULT;
	a->offset = result[0];
	if (is_pinned(c, a->offset))
		a->flags |= DRM_VGPU_BO_PINNED;
	a->mmap_skip = a->offset % 4096;
	a->mmap_bytes = (a->mmap_skip + bo->bytes + 4095) & ~4095ull;
	return 0;
}

int fake_bo_close(struct fake_client *c, struct drm_gem_close *a)
{
	struct fake_bo *bo = bo_find(c, a->handle);
	u64 op[6] = { 0 }, result[2];

	if (!bo)
		return -EINVAL;
	c->handles[a->handle] = NULL;
	bo->handle = 0;
	/* Memory of a ring goes with the ring. */
	if (bo->object && !bo->ring) {
		op[0] = bo->object;
		fake_admin(c, VGPU_ADMIN_OBJECT_DESTROY, op, result);
	}
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM)
		bo->object = 0;
	fake_bo_put(c, bo);
	return 0;
}

/* Pages of the simulator's VRAM, as those of another mapping. */
static int map_vram(struct fake_client *c, struct fake_bo *bo, size_t bytes,
		    int prot)
{
	uint64_t offset;
	void *p;
	int ret;

	ret = vgpu_sim_map(c->s, bo->object, bo->bytes, &bo->vram);
	if (ret)
		return ret;
	offset = (uint64_t)((char *)bo->vram - c->s->vram);
	p = MAP_FAILED;
	if (bytes == ((offset % 4096 + bo->bytes + 4095) & ~4095ull))
		p = mmap(NULL, bytes, prot, MAP_SHARED, c->s->vram_fd,
			 (off_t)(offset & ~4095ull));
	if (p == MAP_FAILED) {
		vgpu_sim_unmap(c->s, bo->object, bo->vram, bo->bytes);
		return -EINVAL;
	}
	bo->mapped = p;
	return 0;
}

int fake_client_mmap(struct fake_client *c, size_t bytes, int prot,
		     uint64_t offset, void **p)
{
	struct fake_bo *bo;
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = fake_client_device(c, 0);
	if (!ret && offset == DRM_VGPU_MMAP_CLIENT) {
		if (bytes != 4096 || prot != PROT_READ)
			ret = -EACCES;
		c->page = true;
		/* What counts of that page. */
		*p = &c->s->events;
		goto out;
	}
	bo = bo_find(c, (uint32_t)(offset >> FAKE_MMAP_SHIFT));
	if (!ret && (!bo || bo->mapped))
		ret = -EINVAL;
	if (ret)
		goto out;
	if (bo->domain == DRM_VGPU_DOMAIN_VRAM)
		ret = map_vram(c, bo, bytes, prot);
	else
		bo->mapped = bo->cpu;
	*p = bo->mapped;
out:
	pthread_mutex_unlock(&c->lock);
	return ret;
}

bool fake_client_munmap(struct fake_client *c, void *p, size_t bytes)
{
	struct fake_bo *bo;

	pthread_mutex_lock(&c->lock);
	if (c->s && p == &c->s->events) {
		pthread_mutex_unlock(&c->lock);
		return true;
	}
	for (bo = c->bos; bo; bo = bo->next)
		if (bo->mapped == p)
			break;
	if (bo) {
		vgpu_assert(bytes >= bo->bytes);
		bo->mapped = NULL;
		if (bo->domain == DRM_VGPU_DOMAIN_VRAM)
			munmap(p, bytes);
		if (bo->domain == DRM_VGPU_DOMAIN_VRAM && bo->object)
			vgpu_sim_unmap(c->s, bo->object, bo->vram, bo->bytes);
		fake_bo_put(c, bo);
	}
	pthread_mutex_unlock(&c->lock);
	return bo;
}

/* The simulator has forgotten all objects, those of VRAM for good. */
void fake_bo_reset(struct fake_client *c)
{
	struct fake_bo *bo, *next;

	for (bo = c->bos; bo; bo = next) {
		next = bo->next;
		bo->object = 0;
		bo->ring = 0;
		fake_bo_put(c, bo);
	}
}

void fake_bo_end_all(struct fake_client *c)
{
	while (c->bos)
		bo_free(c, c->bos);
}

/* Registered memory that counts: a command may use it still. */
uint64_t fake_bo_registered(struct fake_client *c)
{
	struct fake_bo *bo, *next;
	uint64_t bytes = 0;

	for (bo = c->bos; bo; bo = next) {
		next = bo->next;
		if (bo->domain != DRM_VGPU_DOMAIN_REGISTERED)
			continue;
		if (bo->handle || is_used(c, bo))
			bytes += bo->bytes;
		else
			fake_bo_put(c, bo);
	}
	return bytes;
}
