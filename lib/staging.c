// SPDX-License-Identifier: MIT
/*
 * Staging: memory through which commands reach CPU memory that is not
 * registered, and arguments of launches.
 *
 * Small pieces come from a pool that the device knows from the start; each is
 * taken by a submission and given back by whoever finds the command ended.
 * For more than a piece holds, a mapping is made for the command alone: of the
 * caller's memory itself, or of a copy.
 */
#include <sys/mman.h>

#include "device.h"

/* Arguments of a launch, or a few words; a page or two; a chunk. */
static const struct {
	uint32_t bytes;
	uint32_t count;
} classes[VGPU_STAGE_CLASSES] = {
	{ 512, 4096 },
	{ 8192, 256 },
	{ VGPU_STAGE_BYTES, 64 },
};

_Static_assert(sizeof(struct vgpu_args) <= 512, "a piece holds arguments");

static uint64_t class_offset(uint32_t class)
{
	uint64_t offset = 0;
	uint32_t i;

	for (i = 0; i < class; i++)
		offset += (uint64_t)classes[i].bytes * classes[i].count;
	return offset;
}

int vgpu_staging_init(struct vgpu_device *dev)
{
	uint64_t bytes = class_offset(VGPU_STAGE_CLASSES);
	struct vgpu_staging *s = &dev->staging;
	uint32_t i, j;

	pthread_mutex_init(&s->lock, NULL);
	for (i = 0; i < VGPU_STAGE_CLASSES; i++) {
		s->free[i] = malloc(classes[i].count * sizeof(s->free[i][0]));
		if (!s->free[i])
			return -ENOMEM;
		for (j = 0; j < classes[i].count; j++)
			s->free[i][j] = classes[i].count - 1 - j;
		s->count[i] = classes[i].count;
	}
	s->mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->mem == MAP_FAILED) {
		s->mem = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Let a device that was brought up see the pool: pieces in use stay so. */
int vgpu_staging_attach(struct vgpu_device *dev)
{
	uint64_t address, bytes = class_offset(VGPU_STAGE_CLASSES);
	struct vgpu_staging *s = &dev->staging;
	uint32_t object;
	int ret;

	ret = dev->ops->system_create(dev->backend, s->mem, bytes, false,
				      &object);
	if (ret)
		return ret;
	ret = vgpu_map_object(dev, object, bytes, &address);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->lock);
	s->address = address;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* After the backend was closed, and also if init failed. */
void vgpu_staging_fini(struct vgpu_device *dev)
{
	struct vgpu_staging *s = &dev->staging;
	uint32_t i;

	if (s->mem)
		munmap(s->mem, class_offset(VGPU_STAGE_CLASSES));
	for (i = 0; i < VGPU_STAGE_CLASSES; i++)
		free(s->free[i]);
	pthread_mutex_destroy(&s->lock);
}

/* A piece of the pool of at least @bytes.  -EAGAIN if there is none. */
int vgpu_stage_take(struct vgpu_device *dev, struct vgpu_stage *stage,
		    uint64_t bytes)
{
	struct vgpu_staging *s = &dev->staging;
	uint64_t offset;
	uint32_t i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < VGPU_STAGE_CLASSES; i++) {
		if (classes[i].bytes >= bytes && s->count[i])
			break;
	}
	if (i == VGPU_STAGE_CLASSES) {
		pthread_mutex_unlock(&s->lock);
		return -EAGAIN;
	}
	offset = class_offset(i) +
		 (uint64_t)s->free[i][--s->count[i]] * classes[i].bytes;
	memset(stage, 0, sizeof(*stage));
	stage->address = s->address + offset;
	pthread_mutex_unlock(&s->lock);
	stage->cpu = (char *)s->mem + offset;
	stage->bytes = bytes;
	stage->class = i;
	return 0;
}

/* @own: @ptr is malloc'ed, and in the end it is freed, also on an error. */
static int stage_map(struct vgpu_device *dev, struct vgpu_stage *stage,
		     void *ptr, uint64_t bytes, bool own)
{
	int ret;

	memset(stage, 0, sizeof(*stage));
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	ret = dev->ops->system_create(dev->backend, ptr, bytes, own,
				      &stage->object);
	if (ret)
		goto out;
	own = false;
	ret = vgpu_map_object(dev, stage->object, bytes, &stage->address);
	if (ret) {
		dev->ops->system_destroy(dev->backend, stage->object, false);
		goto out;
	}
	stage->epoch = dev->epoch;
	stage->cpu = ptr;
	stage->bytes = bytes;
	stage->class = VGPU_STAGE_CLASSES;
out:
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (own)
		free(ptr);
	return ret == -ENOSPC ? -EAGAIN : ret;
}

/* Let the device see @bytes at @ptr, for one command. */
int vgpu_stage_map(struct vgpu_device *dev, struct vgpu_stage *stage,
		   void *ptr, uint64_t bytes)
{
	return stage_map(dev, stage, ptr, bytes, false);
}

/*
 * The same for a copy of that memory.  The backend frees it, not whoever ends
 * the stage: a command with a wrong address may be at it.
 */
int vgpu_stage_bounce(struct vgpu_device *dev, struct vgpu_stage *stage,
		      const void *ptr, uint64_t bytes)
{
	void *copy = malloc(bytes);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, ptr, bytes);
	return stage_map(dev, stage, copy, bytes, true);
}

/*
 * The command has ended, or was never submitted.  @deliver: it ended well, so
 * what it has transferred goes to where it was wanted.
 */
void vgpu_stage_end(struct vgpu_device *dev, struct vgpu_stage *stage,
		    bool deliver)
{
	struct vgpu_staging *s = &dev->staging;
	uint32_t i = stage->class;

	if (!stage->cpu)
		return;
	if (i == VGPU_STAGE_CLASSES) {
		pthread_rwlock_rdlock(&dev->epoch_lock);
		if (stage->epoch == dev->epoch) {
			vgpu_unmap_object(dev, stage->address);
			dev->ops->system_destroy(dev->backend, stage->object,
						 false);
		}
		pthread_rwlock_unlock(&dev->epoch_lock);
	} else {
		if (deliver && stage->target)
			memcpy(stage->target, stage->cpu, stage->bytes);
		pthread_mutex_lock(&s->lock);
		s->free[i][s->count[i]++] =
			((char *)stage->cpu - (char *)s->mem -
			 class_offset(i)) / classes[i].bytes;
		pthread_mutex_unlock(&s->lock);
	}
	stage->cpu = NULL;
}
