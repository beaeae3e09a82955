// SPDX-License-Identifier: MIT
/*
 * The backend mdev: rings, and waiting for the kernel.
 */
#include <sys/mman.h>

#include "mdev.h"

static uint64_t ring_bytes(uint32_t entries)
{
	uint64_t bytes = VGPU_RING_BYTES(entries, entries);

	return (bytes + VGPU_PAGE_BYTES - 1) & ~(uint64_t)(VGPU_PAGE_BYTES - 1);
}

/*
 * The page by which rings of a context are rung without a call.  All rings are
 * of one context, which a reset replaces: its page comes to the same place, so
 * that a thread that rings meanwhile finds one or the other.
 */
static void doorbell_map(struct vgpu_mdev *d, uint32_t context)
{
	uint32_t *p;

	if (!(d->features & DRM_VGPU_FEATURE_DOORBELL))
		return;
	pthread_mutex_lock(&d->lock);
	if (d->doorbell_of != context) {
		p = vgpu_mdev_calls->mmap(d->doorbell, VGPU_PAGE_BYTES,
					  PROT_READ | PROT_WRITE, d->fd,
					  DRM_VGPU_MMAP_DOORBELLS +
					  (off_t)(context & 0xffff) *
					  VGPU_DOORBELL_PAGE);
		vgpu_store_release(&d->doorbell, p == MAP_FAILED ? NULL : p);
		d->doorbell_of = p == MAP_FAILED ? 0 : context;
	}
	pthread_mutex_unlock(&d->lock);
}

int vgpu_mdev_ring_create(void *b, const struct vgpu_backend_ring *ring,
			  uint32_t *id, void **mem)
{
	struct drm_vgpu_ring_create create = {
		.context = ring->context,
		.sq_entries = ring->entries,
		.cq_entries = ring->entries,
		.flags = ring->flags,
		.priority = ring->priority,
		.vector = ring->vector,
	};
	struct vgpu_mdev *d = b;
	int ret;

	ret = vgpu_mdev_system_new(d, ring_bytes(ring->entries),
				   &create.handle, mem);
	if (ret)
		return ret;
	ret = vgpu_mdev_call(d, DRM_IOCTL_VGPU_RING_CREATE, &create);
	*id = create.ring;
	if (!ret)
		doorbell_map(d, ring->context);
	/* The ring keeps the buffer, and the mapping does for us. */
	vgpu_mdev_gem_close(d, create.handle);
	if (ret)
		vgpu_mdev_ring_free(d, *mem, ring->entries);
	return ret;
}

void vgpu_mdev_ring_destroy(void *b, uint32_t id)
{
	struct drm_vgpu_ring_destroy destroy = { .ring = id };

	vgpu_mdev_call(b, DRM_IOCTL_VGPU_RING_DESTROY, &destroy);
}

void vgpu_mdev_ring_free(void *b, void *mem, uint32_t entries)
{
	(void)b;
	vgpu_mdev_calls->munmap(mem, ring_bytes(entries));
}

void vgpu_mdev_doorbell(void *b, uint32_t ring)
{
	struct drm_vgpu_kick kick = { .ring = ring };
	struct vgpu_mdev *d = b;
	uint32_t *doorbell = vgpu_load_acquire(&d->doorbell);

	if (doorbell)
		/* After what was published: the commit is a full barrier. */
		WRITE_ONCE(*doorbell, ring);
	else
		vgpu_mdev_call(d, DRM_IOCTL_VGPU_KICK, &kick);
}

uint64_t vgpu_mdev_events(void *b)
{
	struct vgpu_mdev *d = b;

	/* Pairs with the release in the kernel. */
	return vgpu_load_acquire(&d->page->events);
}

/* The kernel runs it. */
uint32_t vgpu_mdev_run(void *b, uint32_t max)
{
	(void)b;
	(void)max;
	return 0;
}

int vgpu_mdev_wait(void *b, uint64_t seen, uint64_t deadline_ns)
{
	struct drm_vgpu_wait wait = {
		.events = seen,
		.deadline_ns = deadline_ns > INT64_MAX ? INT64_MAX :
							 (int64_t)deadline_ns,
	};
	int ret;

	ret = vgpu_mdev_call(b, DRM_IOCTL_VGPU_WAIT, &wait);
	return ret == -ETIME ? -ETIMEDOUT : ret;
}
