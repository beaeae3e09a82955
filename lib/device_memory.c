// SPDX-License-Identifier: MIT
/*
 * Memory of a device, and memory of the CPU that the device may use.
 */
#include "device.h"

#define VGPU_ALLOC_MAX		(1ull << 30)

/* Anywhere in the device's address space.  @flags: VGPU_MAP_F_READ_ONLY. */
static int map_object(struct vgpu_device *dev, uint32_t object, uint64_t bytes,
		      uint32_t flags, uint64_t *address)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_MAP,
		.op = {
			dev->context, object, 0, 0,
			(bytes + VGPU_MAP_GRANULE - 1) &
				~(uint64_t)(VGPU_MAP_GRANULE - 1),
			VGPU_MAP_F_ANYWHERE | flags,
		},
	};
	u64 result[2];
	int ret;

	ret = vgpu_device_admin(dev, &cmd, result);
	if (!ret)
		*address = result[0];
	return ret;
}

/* Memory of this process; @address is that of its first byte. */
int vgpu_map_system(struct vgpu_device *dev,
		    const struct vgpu_backend_system *sys, uint64_t *address)
{
	int ret;

	ret = map_object(dev, sys->object, sys->skip + sys->bytes,
			 sys->read_only ? VGPU_MAP_F_READ_ONLY : 0, address);
	if (!ret)
		*address += sys->skip;
	return ret;
}

/* @address: as it was mapped, or of the first byte. */
void vgpu_unmap_object(struct vgpu_device *dev, uint64_t address)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_UNMAP, dev->context,
					     address & ~(VGPU_PAGE_BYTES - 1ull),
					     0);
	u64 result[2];

	vgpu_device_admin(dev, &cmd, result);
}

static int object_destroy(struct vgpu_device *dev, uint32_t object)
{
	struct vgpu_cmd cmd = vgpu_admin_cmd(VGPU_ADMIN_OBJECT_DESTROY, object,
					     0, 0);
	u64 result[2];

	return vgpu_device_admin(dev, &cmd, result);
}

static int alloc(struct vgpu_device *dev, uint64_t bytes, uint64_t alignment,
		 struct vgpu_span *span)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_ADMIN_BLOCK_CREATE,
		.op = { bytes, alignment, dev->context, 0 },
	};
	u64 result[2];
	int ret;

	ret = vgpu_device_admin(dev, &cmd, result);
	if (ret)
		return ret;
	memset(span, 0, sizeof(*span));
	span->object = (uint32_t)result[0];
	span->bytes = bytes;
	ret = map_object(dev, span->object, bytes, 0, &span->address);
	if (ret)
		goto err_object;
	span->start = span->address;
	pthread_rwlock_wrlock(&dev->allocations.lock);
	ret = vgpu_spans_add(&dev->allocations, span);
	pthread_rwlock_unlock(&dev->allocations.lock);
	if (ret)
		goto err_map;
	return 0;

err_map:
	vgpu_unmap_object(dev, span->address);
err_object:
	object_destroy(dev, span->object);
	return ret;
}

int vgpu_device_alloc(struct vgpu_device *dev, uint64_t bytes,
		      uint64_t alignment, uint64_t *address)
{
	struct vgpu_span span;
	int ret;

	if (!bytes || bytes > VGPU_ALLOC_MAX)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"cannot allocate %llu bytes: 1 to %llu at once",
					(unsigned long long)bytes,
					VGPU_ALLOC_MAX);
	if (alignment & (alignment - 1) || alignment > VGPU_ALLOC_MAX)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"alignment %llu is not a power of two up to %llu",
					(unsigned long long)alignment,
					VGPU_ALLOC_MAX);
	bytes = (bytes + VGPU_MAP_GRANULE - 1) &
		~(uint64_t)(VGPU_MAP_GRANULE - 1);
	if (alignment < VGPU_MAP_GRANULE)
		alignment = VGPU_MAP_GRANULE;
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret) {
		ret = alloc(dev, bytes, alignment, &span);
		if (ret)
			vgpu_message_set(&dev->msg, ret,
					 "cannot allocate %llu bytes: %s",
					 (unsigned long long)bytes,
					 ret == -ENOMEM ?
						 "no hole is large enough" :
					 ret == -ENOSPC ?
						 "over the limit, or too many" :
						 strerror(-ret));
		else
			*address = span.address;
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret;
}

/* Takes the span that starts at @start out of the table, unless it is mapped. */
static int spans_take(struct vgpu_spans *spans, uint64_t start,
		      struct vgpu_span *out)
{
	struct vgpu_span *span;
	int ret = 0;

	pthread_rwlock_wrlock(&spans->lock);
	span = vgpu_spans_find(spans, start, 1);
	if (!span || span->start != start) {
		ret = -ENOENT;
	} else if (span->maps) {
		ret = -EBUSY;
	} else {
		*out = *span;
		vgpu_spans_remove(spans, span);
	}
	pthread_rwlock_unlock(&spans->lock);
	return ret;
}

int vgpu_device_free(struct vgpu_device *dev, uint64_t address)
{
	struct vgpu_span span;
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = spans_take(&dev->allocations, address, &span);
	if (!ret) {
		vgpu_unmap_object(dev, address);
		object_destroy(dev, span.object);
		/* Zeroing it, most likely. */
		dev->ops->run(dev->backend, 1);
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (ret == -EBUSY)
		return vgpu_message_set(&dev->msg, ret,
					"the memory at 0x%llx is mapped: unmap it first",
					(unsigned long long)address);
	if (ret)
		vgpu_message_set(&dev->msg, ret,
				 "no memory was allocated at 0x%llx",
				 (unsigned long long)address);
	return ret;
}

/* With the lock of allocations held for writing: where the CPU sees a block. */
static int span_map(struct vgpu_device *dev, struct vgpu_span *span)
{
	int ret;

	if (span->maps)
		return 0;
	ret = dev->ops->map(dev->backend, span->object, span->bytes,
			    (void **)&span->cpu);
	if (ret)
		vgpu_message_set(&dev->msg, ret, "cannot map %llu bytes: %s",
				 (unsigned long long)span->bytes,
				 strerror(-ret));
	return ret;
}

int vgpu_device_map(struct vgpu_device *dev, uint64_t address, uint64_t bytes,
		    void **cpu)
{
	struct vgpu_span *span;
	int ret;

	if (!bytes)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"cannot map 0 bytes");
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	pthread_rwlock_wrlock(&dev->allocations.lock);
	span = vgpu_spans_find(&dev->allocations, address, bytes);
	if (!span)
		ret = vgpu_message_set(&dev->msg, -EFAULT,
				       "%llu bytes at 0x%llx are not within one allocation",
				       (unsigned long long)bytes,
				       (unsigned long long)address);
	else
		ret = span_map(dev, span);
	if (!ret) {
		span->maps++;
		*cpu = span->cpu + (address - span->start);
	}
	pthread_rwlock_unlock(&dev->allocations.lock);
out:
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret;
}

int vgpu_device_unmap(struct vgpu_device *dev, uint64_t address)
{
	struct vgpu_span *span;
	int ret = 0;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	pthread_rwlock_wrlock(&dev->allocations.lock);
	span = vgpu_spans_find(&dev->allocations, address, 1);
	if (!span || !span->maps)
		ret = vgpu_message_set(&dev->msg, -ENOENT,
				       "no memory is mapped at 0x%llx",
				       (unsigned long long)address);
	else if (!--span->maps) {
		dev->ops->unmap(dev->backend, span->object, span->cpu,
				span->bytes);
	}
	pthread_rwlock_unlock(&dev->allocations.lock);
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret;
}

/* Whether the device sees all of that CPU memory, and where. */
bool vgpu_find_registered(struct vgpu_device *dev, uint64_t ptr,
			  uint64_t bytes, u64 *address)
{
	struct vgpu_span *span;
	bool found = false;

	if (!READ_ONCE(dev->registrations.count))
		return false;
	pthread_rwlock_rdlock(&dev->registrations.lock);
	span = vgpu_spans_find(&dev->registrations, ptr, bytes);
	if (span) {
		*address = span->address + (ptr - span->start);
		found = vgpu_address_fits(*address);
	}
	pthread_rwlock_unlock(&dev->registrations.lock);
	return found;
}

static int register_span(struct vgpu_device *dev, struct vgpu_span *span)
{
	void *ptr = (void *)(uintptr_t)span->start;
	struct vgpu_backend_system sys;
	int ret;

	ret = dev->ops->system_create(dev->backend, ptr, span->bytes, false,
				      &sys);
	/* Constants, perhaps: they can be a source at least. */
	if (ret == -EFAULT)
		ret = dev->ops->system_create(dev->backend, ptr, span->bytes,
					      true, &sys);
	if (ret)
		return ret;
	span->object = sys.object;
	ret = vgpu_map_system(dev, &sys, &span->address);
	if (ret)
		goto err_object;
	pthread_rwlock_wrlock(&dev->registrations.lock);
	ret = vgpu_spans_add(&dev->registrations, span);
	pthread_rwlock_unlock(&dev->registrations.lock);
	if (!ret)
		return 0;
	vgpu_unmap_object(dev, span->address);
err_object:
	dev->ops->system_destroy(dev->backend, span->object, false);
	return ret;
}

/* Why memory could not be registered. */
static const char *no_registration(const struct vgpu_device *dev, int error)
{
	switch (error) {
	case -EEXIST:
		return "some of it is registered";
	case -ENOSPC:
		return dev->ops->pins ?
			"too much is registered or allocated; RLIMIT_MEMLOCK (ulimit -l) counts, too" :
			"too much is registered or allocated";
	case -EFAULT:
		return "not all of it is memory of this process that can be pinned";
	default:
		return strerror(-error);
	}
}

int vgpu_device_register(struct vgpu_device *dev, void *ptr, uint64_t bytes,
			 uint64_t *address)
{
	struct vgpu_span span = {
		.start = (uintptr_t)ptr,
		.bytes = bytes,
	};
	int ret;

	if (!ptr || !bytes || bytes > UINTPTR_MAX - span.start ||
	    bytes >> VGPU_ADDRESS_BITS)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"cannot register %llu bytes at %p: no memory",
					(unsigned long long)bytes, ptr);
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret) {
		ret = register_span(dev, &span);
		if (ret)
			vgpu_message_set(&dev->msg, ret,
					 "cannot register %llu bytes at %p: %s",
					 (unsigned long long)bytes, ptr,
					 no_registration(dev, ret));
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (!ret && address)
		*address = span.address;
	return ret;
}

int vgpu_device_unregister(struct vgpu_device *dev, void *ptr)
{
	struct vgpu_span span;
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = spans_take(&dev->registrations, (uintptr_t)ptr, &span);
	if (!ret) {
		vgpu_unmap_object(dev, span.address);
		dev->ops->system_destroy(dev->backend, span.object, true);
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (ret)
		vgpu_message_set(&dev->msg, ret,
				 "no memory that starts at %p is registered",
				 ptr);
	return ret;
}

int vgpu_device_compact(struct vgpu_device *dev, uint64_t max_bytes,
			uint64_t *moved)
{
	uint64_t bytes = 0;
	int ret;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret) {
		ret = dev->ops->compact(dev->backend,
					max_bytes ? max_bytes : UINT64_MAX,
					&bytes);
		if (ret)
			vgpu_message_set(&dev->msg, ret,
					 "cannot compact: %s",
					 ret == -EBUSY ?
						 "it is going on already" :
						 strerror(-ret));
	}
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (moved)
		*moved = bytes;
	return ret;
}

int vgpu_device_next_block(struct vgpu_device *dev, uint64_t offset,
			   struct vgpu_device_block *block)
{
	uint32_t object, i;

	memset(block, 0, sizeof(*block));
	if (!dev->ops->next_block(dev->backend, offset, &object, block))
		return -ENOENT;
	pthread_rwlock_rdlock(&dev->allocations.lock);
	for (i = 0; i < dev->allocations.count; i++) {
		if (dev->allocations.spans[i]->object == object)
			block->address = dev->allocations.spans[i]->address;
	}
	pthread_rwlock_unlock(&dev->allocations.lock);
	return 0;
}
