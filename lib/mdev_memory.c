// SPDX-License-Identifier: MIT
/*
 * The backend mdev: buffers.
 *
 * VRAM, memory of this process that the kernel pins, and memory of the kernel
 * that is mapped here.  What a reset ends is listed by its GEM handle, as the
 * kernel keeps buffers over a reset.
 */
#include <sys/mman.h>

#include "mdev.h"

/* Between two looks at memory that a command may be using still. */
#define VGPU_MDEV_LOOK_NS	1000000u
#define VGPU_MDEV_LOOKS		1000u
/* So much is moved in one call, which keeps commands waiting. */
#define VGPU_MDEV_MOVE_BYTES	(16ull << 20)

static uint64_t pages(uint64_t bytes)
{
	return (bytes + VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1);
}

void vgpu_mdev_gem_close(struct vgpu_mdev *d, uint32_t handle)
{
	struct drm_gem_close close = { .handle = handle };

	vgpu_mdev_call(d, DRM_IOCTL_GEM_CLOSE, &close);
}

/* With the lock: room for that handle. */
static int bos_grow(struct vgpu_mdev *d, uint32_t handle)
{
	uint32_t room = d->n_bos ? d->n_bos : 16;
	void *p;

	if (handle < d->n_bos)
		return 0;
	while (room <= handle)
		room *= 2;
	p = realloc(d->bos, room * sizeof(d->bos[0]));
	if (!p)
		return -ENOMEM;
	d->bos = p;
	memset(&d->bos[d->n_bos], 0, (room - d->n_bos) * sizeof(d->bos[0]));
	d->n_bos = room;
	return 0;
}

/* Lists a buffer, or closes its handle. */
static int bo_add(struct vgpu_mdev *d, uint32_t handle,
		  const struct vgpu_mdev_bo *bo)
{
	int ret;

	pthread_mutex_lock(&d->lock);
	ret = bos_grow(d, handle);
	if (!ret)
		d->bos[handle] = *bo;
	pthread_mutex_unlock(&d->lock);
	if (ret)
		vgpu_mdev_gem_close(d, handle);
	return ret;
}

/* From the list, before its handle is closed and can be another buffer's. */
static bool bo_take(struct vgpu_mdev *d, uint32_t handle,
		    struct vgpu_mdev_bo *bo)
{
	bool found;

	pthread_mutex_lock(&d->lock);
	found = handle < d->n_bos && d->bos[handle].kind;
	if (found) {
		*bo = d->bos[handle];
		memset(&d->bos[handle], 0, sizeof(d->bos[handle]));
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}

/* Takes a buffer away; false if there is none. */
static bool bo_end(struct vgpu_mdev *d, uint32_t handle)
{
	struct vgpu_mdev_bo bo;

	if (!bo_take(d, handle, &bo))
		return false;
	if (bo.cpu)
		vgpu_mdev_calls->munmap(bo.cpu, bo.cpu_bytes);
	pthread_rwlock_rdlock(&d->register_lock);
	if (bo.kind == VGPU_MDEV_REGISTERED)
		__atomic_fetch_sub(&d->registered, bo.bytes, __ATOMIC_RELAXED);
	vgpu_mdev_gem_close(d, handle);
	pthread_rwlock_unlock(&d->register_lock);
	return true;
}

/* Takes all away; nobody makes any meanwhile. */
void vgpu_mdev_bos_end(struct vgpu_mdev *d)
{
	uint32_t i;

	for (i = 0; i < d->n_bos; i++)
		bo_end(d, i);
}

int vgpu_mdev_vram_create(struct vgpu_mdev *d, uint64_t bytes, uint64_t align,
			  uint32_t *handle)
{
	struct drm_vgpu_bo_create create = {
		.bytes = bytes,
		.align = align,
		.domain = DRM_VGPU_DOMAIN_VRAM,
	};
	struct vgpu_mdev_bo bo = { .kind = VGPU_MDEV_VRAM };
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_CREATE, &create);
	if (ret)
		return ret;
	*handle = create.handle;
	return bo_add(d, create.handle, &bo);
}

int vgpu_mdev_vram_destroy(struct vgpu_mdev *d, uint32_t handle)
{
	return bo_end(d, handle) ? 0 : -ENOENT;
}

/* One try.  -EAGAIN: it has moved before it was mapped. */
static int try_map_bo(struct vgpu_mdev *d, struct drm_vgpu_bo_info *info,
		      void **p)
{
	struct drm_vgpu_bo_info now = { .handle = info->handle };
	int ret;

	*p = vgpu_mdev_calls->mmap(NULL, info->mmap_bytes,
				   PROT_READ | PROT_WRITE, d->fd,
				   (off_t)info->mmap_offset);
	ret = *p == MAP_FAILED ? -errno : 0;
	if (vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_INFO, &now))
		now = *info;
	if (now.mmap_skip == info->mmap_skip &&
	    now.mmap_bytes == info->mmap_bytes)
		return ret;
	if (!ret)
		vgpu_mdev_calls->munmap(*p, info->mmap_bytes);
	*info = now;
	return -EAGAIN;
}

/* Maps a buffer: where its pages are, and in these its first byte. */
static int map_bo(struct vgpu_mdev *d, uint32_t handle, void **p,
		  uint64_t *bytes, char **first)
{
	struct drm_vgpu_bo_info info = { .handle = handle };
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_INFO, &info);
	if (ret)
		return ret;
	if (!info.mmap_offset)
		return -EOPNOTSUPP;
	do {
		ret = try_map_bo(d, &info, p);
	} while (ret == -EAGAIN);
	if (ret)
		return ret;
	*bytes = info.mmap_bytes;
	*first = (char *)*p + info.mmap_skip;
	return 0;
}

/* Memory of the kernel's, whole pages, that is mapped here; not listed. */
int vgpu_mdev_system_new(struct vgpu_mdev *d, uint64_t bytes, uint32_t *handle,
			 void **cpu)
{
	struct drm_vgpu_bo_create create = {
		.bytes = bytes,
		.domain = DRM_VGPU_DOMAIN_SYSTEM,
	};
	uint64_t mapped;
	char *first;
	int ret;

	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_CREATE, &create);
	if (ret)
		return ret;
	*handle = create.handle;
	ret = map_bo(d, create.handle, cpu, &mapped, &first);
	if (ret)
		vgpu_mdev_gem_close(d, create.handle);
	return ret;
}

int vgpu_mdev_system_create(void *b, void *ptr, uint64_t bytes, bool source,
			    struct vgpu_backend_system *sys)
{
	uint64_t skip = (uintptr_t)ptr % VGPU_PAGE_BYTES;
	struct drm_vgpu_bo_register reg = {
		.pointer = (uintptr_t)ptr - skip,
		.bytes = pages(skip + bytes),
		.flags = source ? DRM_VGPU_BO_READ_ONLY : 0,
	};
	struct vgpu_mdev_bo bo = {
		.kind = VGPU_MDEV_REGISTERED,
		.bytes = reg.bytes,
	};
	struct vgpu_mdev *d = b;
	int ret;

	pthread_rwlock_rdlock(&d->register_lock);
	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_REGISTER, &reg);
	if (!ret)
		ret = bo_add(d, reg.handle, &bo);
	if (!ret)
		__atomic_fetch_add(&d->registered, bo.bytes, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&d->register_lock);
	sys->cpu = ptr;
	sys->bytes = bytes;
	sys->object = reg.handle;
	sys->skip = (uint32_t)skip;
	sys->read_only = source;
	return ret;
}

int vgpu_mdev_system_alloc(void *b, uint64_t bytes,
			   struct vgpu_backend_system *sys)
{
	struct vgpu_mdev_bo bo = {
		.kind = VGPU_MDEV_SYSTEM,
		.cpu_bytes = pages(bytes),
	};
	struct vgpu_mdev *d = b;
	int ret;

	ret = vgpu_mdev_system_new(d, bo.cpu_bytes, &sys->object, &bo.cpu);
	if (ret)
		return ret;
	ret = bo_add(d, sys->object, &bo);
	if (ret) {
		vgpu_mdev_calls->munmap(bo.cpu, bo.cpu_bytes);
		return ret;
	}
	sys->cpu = bo.cpu;
	sys->bytes = bytes;
	sys->skip = 0;
	sys->read_only = false;
	return 0;
}

/* Whether all that the kernel has pinned of this process is listed here. */
static bool all_unpinned(struct vgpu_mdev *d)
{
	struct drm_vgpu_memory memory;
	bool all;

	pthread_rwlock_wrlock(&d->register_lock);
	all = vgpu_mdev_query(d, DRM_VGPU_QUERY_MEMORY, &memory,
			      sizeof(memory)) ||
	      memory.registered <= d->registered;
	pthread_rwlock_unlock(&d->register_lock);
	return all;
}

/* Whether there is a command that could use memory. */
static bool is_busy(struct vgpu_mdev *d)
{
	struct drm_vgpu_statistics stats;

	return !vgpu_mdev_query(d, DRM_VGPU_QUERY_STATISTICS, &stats,
				sizeof(stats)) && stats.in_flight;
}

/*
 * The kernel does not say when the last command that runs on a buffer has
 * ended, but the pages stay pinned, and counted, until then.
 */
static void wait_unpinned(struct vgpu_mdev *d)
{
	uint64_t seen = vgpu_mdev_events(d);
	uint32_t idle = 0;

	/* A kernel that does not give it back to an idle client never will. */
	while (!all_unpinned(d) && idle < VGPU_MDEV_LOOKS) {
		idle = is_busy(d) ? 0 : idle + 1;
		vgpu_mdev_wait(d, seen,
			       vgpu_deadline_after_ns(VGPU_MDEV_LOOK_NS));
		seen = vgpu_mdev_events(d);
	}
}

void vgpu_mdev_system_destroy(void *b, uint32_t object, bool wait)
{
	struct vgpu_mdev *d = b;

	if (bo_end(d, object) && wait)
		wait_unpinned(d);
}

int vgpu_mdev_pool(void *b, uint64_t bytes, struct vgpu_backend_system *sys)
{
	struct vgpu_mdev *d = b;
	int ret;

	if (!d->pool) {
		d->pool_bytes = pages(bytes);
		ret = vgpu_mdev_system_new(d, d->pool_bytes, &d->pool_handle,
					   &sys->cpu);
		if (ret)
			return ret;
		d->pool = sys->cpu;
	}
	/* The handle stays what it is, as it is not listed. */
	sys->cpu = d->pool;
	sys->bytes = bytes;
	sys->object = d->pool_handle;
	sys->skip = 0;
	sys->read_only = false;
	return 0;
}

int vgpu_mdev_map(void *b, uint32_t object, uint64_t bytes, void **cpu)
{
	struct vgpu_mdev *d = b;
	uint64_t mapped;
	char *first;
	void *p;
	int ret;

	(void)bytes;
	ret = map_bo(d, object, &p, &mapped, &first);
	if (ret)
		return ret;
	pthread_mutex_lock(&d->lock);
	d->bos[object].cpu = p;
	d->bos[object].cpu_bytes = mapped;
	pthread_mutex_unlock(&d->lock);
	*cpu = first;
	return 0;
}

void vgpu_mdev_unmap(void *b, uint32_t object, void *cpu, uint64_t bytes)
{
	struct vgpu_mdev_bo bo;
	struct vgpu_mdev *d = b;

	(void)cpu;
	(void)bytes;
	pthread_mutex_lock(&d->lock);
	bo = d->bos[object];
	d->bos[object].cpu = NULL;
	pthread_mutex_unlock(&d->lock);
	vgpu_mdev_calls->munmap(bo.cpu, bo.cpu_bytes);
}

int vgpu_mdev_compact(void *b, uint64_t max_bytes, uint64_t *moved)
{
	struct drm_vgpu_compact compact;
	int ret;

	*moved = 0;
	do {
		memset(&compact, 0, sizeof(compact));
		compact.bytes = min_t(uint64_t, max_bytes - *moved,
				      VGPU_MDEV_MOVE_BYTES);
		ret = vgpu_mdev_call(b, DRM_IOCTL_VGPU_COMPACT, &compact);
		if (ret)
			return ret;
		*moved += compact.bytes;
	} while (compact.more && compact.bytes && *moved < max_bytes);
	return 0;
}

/* The kernel tells of one buffer at a time: the nearest one of all. */
bool vgpu_mdev_next_block(void *b, uint64_t offset, uint32_t *object,
			  struct vgpu_device_block *block)
{
	struct vgpu_mdev *d = b;
	bool found = false;
	uint32_t i;

	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->n_bos; i++) {
		struct drm_vgpu_bo_info info = { .handle = i };

		if (d->bos[i].kind != VGPU_MDEV_VRAM ||
		    vgpu_mdev_call(d, DRM_IOCTL_VGPU_BO_INFO, &info) ||
		    info.offset < offset ||
		    (found && info.offset >= block->offset))
			continue;
		block->offset = info.offset;
		block->bytes = info.bytes;
		block->pinned = !!(info.flags & DRM_VGPU_BO_PINNED);
		*object = i;
		found = true;
	}
	pthread_mutex_unlock(&d->lock);
	return found;
}
