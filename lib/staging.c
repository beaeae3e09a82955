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
	return 0;
}

/* Let a device that was brought up see the pool: pieces in use stay so. */
int vgpu_staging_attach(struct vgpu_device *dev)
{
	struct vgpu_staging *s = &dev->staging;
	struct vgpu_backend_system sys;
	uint64_t address;
	int ret;

	ret = dev->ops->pool(dev->backend, class_offset(VGPU_STAGE_CLASSES),
			     &sys);
	if (ret)
		return ret;
	ret = vgpu_map_system(dev, &sys, &address);
	if (ret)
		return ret;
	pthread_mutex_lock(&s->lock);
	s->mem = sys.cpu;
	s->address = address;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Also if init failed. */
void vgpu_staging_fini(struct vgpu_device *dev)
{
	struct vgpu_staging *s = &dev->staging;
	uint32_t i;

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
	stage->cpu = (char *)s->mem + offset;
	pthread_mutex_unlock(&s->lock);
	stage->bytes = bytes;
	stage->class = i;
	return 0;
}

/* With @epoch_lock held: the object is made, and goes on an error. */
static int stage_object(struct vgpu_device *dev, struct vgpu_stage *stage,
			const struct vgpu_backend_system *sys)
{
	int ret;

	memset(stage, 0, sizeof(*stage));
	ret = vgpu_map_system(dev, sys, &stage->address);
	if (!ret && !vgpu_address_fits(stage->address)) {
		vgpu_unmap_object(dev, stage->address);
		ret = -EFAULT;
	}
	if (ret) {
		dev->ops->system_destroy(dev->backend, sys->object, false);
		return ret;
	}
	stage->epoch = dev->epoch;
	stage->object = sys->object;
	stage->cpu = sys->cpu;
	stage->bytes = sys->bytes;
	stage->class = VGPU_STAGE_CLASSES;
	return 0;
}

/*
 * Let the device see @bytes at @ptr, for one command, whose @source or target
 * they are.  -EFAULT: it cannot.
 */
int vgpu_stage_map(struct vgpu_device *dev, struct vgpu_stage *stage,
		   void *ptr, uint64_t bytes, bool source)
{
	struct vgpu_backend_system sys;
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret)
		ret = dev->ops->system_create(dev->backend, ptr, bytes, source,
					      &sys);
	if (!ret)
		ret = stage_object(dev, stage, &sys);
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret == -ENOSPC ? -EAGAIN : ret;
}

/*
 * The same for memory of the library, which gets a copy of a source now, and is
 * copied to a target when the command has ended.  The backend frees it, not
 * whoever ends the stage: a command with a wrong address may be at it.
 */
int vgpu_stage_bounce(struct vgpu_device *dev, struct vgpu_stage *stage,
		      void *ptr, uint64_t bytes, bool source)
{
	struct vgpu_backend_system sys;
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret)
		ret = dev->ops->system_alloc(dev->backend, bytes, &sys);
	if (!ret)
		ret = stage_object(dev, stage, &sys);
	if (!ret && source)
		memcpy(stage->cpu, ptr, bytes);
	else if (!ret)
		stage->target = ptr;
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret == -ENOSPC ? -EAGAIN : ret;
}

/* With @epoch_lock held, what was made for one command; as vgpu_stage_end(). */
static int32_t stage_object_end(struct vgpu_device *dev,
				struct vgpu_stage *stage, int32_t status)
{
	if (stage->epoch != dev->epoch)
		/* What it has transferred went with the reset. */
		return !status && stage->target ? -ENODEV : status;
	if (!status && stage->target)
		memcpy(stage->target, stage->cpu, stage->bytes);
	vgpu_unmap_object(dev, stage->address);
	dev->ops->system_destroy(dev->backend, stage->object, false);
	return status;
}

/*
 * The command has ended with @status, or was never submitted: an errno then.
 * What it has transferred goes to where it was wanted.  Returns the status, or
 * why that could not be.
 */
int32_t vgpu_stage_end(struct vgpu_device *dev, struct vgpu_stage *stage,
		       int32_t status)
{
	struct vgpu_staging *s = &dev->staging;
	uint32_t i = stage->class;

	if (!stage->cpu)
		return status;
	if (i == VGPU_STAGE_CLASSES) {
		pthread_rwlock_rdlock(&dev->epoch_lock);
		status = stage_object_end(dev, stage, status);
		pthread_rwlock_unlock(&dev->epoch_lock);
	} else {
		if (!status && stage->target)
			memcpy(stage->target, stage->cpu, stage->bytes);
		pthread_mutex_lock(&s->lock);
		s->free[i][s->count[i]++] =
			((char *)stage->cpu - (char *)s->mem -
			 class_offset(i)) / classes[i].bytes;
		pthread_mutex_unlock(&s->lock);
	}
	stage->cpu = NULL;
	return status;
}
