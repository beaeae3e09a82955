// SPDX-License-Identifier: MIT
/*
 * Kernels: what launches name them by, and what the device does.
 */
#include "device.h"

/* The device's id of a kernel. */
int vgpu_kernel_find(struct vgpu_device *dev, uint64_t address, u64 *id)
{
	uint32_t i;
	int ret = -ENOENT;

	if (address & VGPU_KERNEL_OWN) {
		/* The device says whether there is such a kernel. */
		*id = address & ~VGPU_KERNEL_OWN;
		return 0;
	}
	pthread_rwlock_rdlock(&dev->names_lock);
	for (i = 0; i < dev->n_names; i++) {
		if (dev->names[i].address == address) {
			*id = dev->names[i].id;
			ret = 0;
			break;
		}
	}
	pthread_rwlock_unlock(&dev->names_lock);
	if (ret)
		vgpu_message_set(&dev->msg, ret,
				 "launch: no kernel is registered at 0x%llx",
				 (unsigned long long)address);
	return ret;
}

void vgpu_kernels_clear(struct vgpu_device *dev)
{
	pthread_rwlock_wrlock(&dev->names_lock);
	dev->n_names = 0;
	pthread_rwlock_unlock(&dev->names_lock);
}

/* A place for one more name, with @names_lock held for writing. */
static int names_grow(struct vgpu_device *dev)
{
	uint32_t room = dev->names_room ? dev->names_room * 2 : 8;
	void *p;

	if (dev->n_names < dev->names_room)
		return 0;
	p = realloc(dev->names, room * sizeof(dev->names[0]));
	if (!p)
		return -ENOMEM;
	dev->names = p;
	dev->names_room = room;
	return 0;
}

/* Names a kernel.  With @names_lock held for writing. */
static int name_add(struct vgpu_device *dev, uint64_t address,
		    const struct vgpu_native_options *options)
{
	uint32_t i, id;
	int ret;

	for (i = 0; i < dev->n_names; i++) {
		if (dev->names[i].address == address)
			return -EEXIST;
	}
	ret = names_grow(dev);
	if (ret)
		return ret;
	ret = dev->ops->native_add(dev->backend, dev->context, options,
				   address, &id);
	if (ret)
		return ret;
	dev->names[dev->n_names].address = address;
	dev->names[dev->n_names].id = id;
	dev->n_names++;
	return 0;
}

static int check_native(struct vgpu_device *dev,
			const struct vgpu_native_options *o)
{
	uint32_t ranges = (1u << VGPU_LAUNCH_RANGES) - 1;

	if (o->size != sizeof(*o))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"native kernel options have size %zu, not %zu: set it to sizeof",
					o->size, sizeof(*o));
	if (!o->fn)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"a native kernel without a function");
	if (o->address >= VGPU_KERNEL_OWN)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"kernel address 0x%llx: must be below 2^62",
					(unsigned long long)o->address);
	if (o->used & ~ranges || o->written & ~o->used)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"bindings used 0x%x, written 0x%x: 16 at most, and written ones are used",
					o->used, o->written);
	if (o->const_bytes > VGPU_LAUNCH_CONST_BYTES || o->const_bytes & 3)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"%u bytes of constants: not a multiple of 4 up to %u",
					o->const_bytes,
					VGPU_LAUNCH_CONST_BYTES);
	return 0;
}

int vgpu_kernel_register_native(struct vgpu_device *dev,
				const struct vgpu_native_options *options,
				uint64_t *kernel)
{
	uint64_t address = options->address;
	uint32_t id;
	int ret;

	ret = check_native(dev, options);
	if (ret)
		return ret;
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (ret)
		goto out;
	if (address) {
		pthread_rwlock_wrlock(&dev->names_lock);
		ret = name_add(dev, address, options);
		pthread_rwlock_unlock(&dev->names_lock);
	} else {
		ret = dev->ops->native_add(dev->backend, dev->context, options,
					   0, &id);
		address = VGPU_KERNEL_OWN | id;
	}
	if (ret)
		vgpu_message_set(&dev->msg, ret,
				 "cannot register a native kernel: %s",
				 ret == -EEXIST ? "the address is taken" :
				 ret == -ENOSPC ? "there are too many" :
						  strerror(-ret));
	else if (kernel)
		*kernel = address;
out:
	pthread_rwlock_unlock(&dev->epoch_lock);
	return ret;
}

static int check_code(struct vgpu_device *dev,
		      const struct vgpu_kernel_options *o)
{
	uint32_t i;

	if (o->size != sizeof(*o))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"kernel options have size %zu, not %zu: set it to sizeof",
					o->size, sizeof(*o));
	if (o->format != VGPU_KERNEL_FORMAT_SPIRV &&
	    o->format != VGPU_KERNEL_FORMAT_WGSL)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"kernel format %u is not known",
					o->format);
	if (!o->code || !o->code_bytes || o->code_bytes > VGPU_MAX_CODE_BYTES ||
	    (o->format == VGPU_KERNEL_FORMAT_SPIRV && o->code_bytes & 3))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"%zu bytes of code: must be 1 to %u, of SPIR-V a multiple of 4",
					o->code_bytes, VGPU_MAX_CODE_BYTES);
	if (o->entry && strnlen(o->entry, VGPU_ENTRY_BYTES) == VGPU_ENTRY_BYTES)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"the entry point's name is longer than %u bytes",
					VGPU_ENTRY_BYTES - 1);
	if (o->n_constants > VGPU_MAX_SPECS ||
	    (o->n_constants && !o->constants))
		return vgpu_message_set(&dev->msg, -EINVAL,
					"%u specialization constants: at most %u",
					o->n_constants, VGPU_MAX_SPECS);
	for (i = 0; i < o->n_constants; i++) {
		if (o->constants[i].bytes != 4 && o->constants[i].bytes != 8)
			return vgpu_message_set(&dev->msg, -EINVAL,
						"specialization constant %u has %u bytes: must be 4 or 8",
						o->constants[i].id,
						o->constants[i].bytes);
	}
	return 0;
}

int vgpu_kernel_create(struct vgpu_device *dev,
		       const struct vgpu_kernel_options *options,
		       uint64_t *kernel)
{
	int ret = check_code(dev, options);

	(void)kernel;
	if (ret)
		return ret;
	ret = vgpu_device_check_up(dev);
	if (ret)
		return ret;
	return vgpu_message_set(&dev->msg, -EOPNOTSUPP,
				"the %s backend has no compiler for %s: register a native kernel instead",
				dev->ops->name,
				options->format == VGPU_KERNEL_FORMAT_SPIRV ?
					"SPIR-V" : "WGSL");
}

int vgpu_kernel_destroy(struct vgpu_device *dev, uint64_t kernel)
{
	uint64_t id = kernel & ~VGPU_KERNEL_OWN;
	int ret = 0;
	uint32_t i;

	pthread_rwlock_rdlock(&dev->epoch_lock);
	if (!(kernel & VGPU_KERNEL_OWN)) {
		ret = -ENOENT;
		pthread_rwlock_wrlock(&dev->names_lock);
		for (i = 0; i < dev->n_names; i++) {
			if (dev->names[i].address != kernel)
				continue;
			id = dev->names[i].id;
			dev->names[i] = dev->names[--dev->n_names];
			ret = 0;
			break;
		}
		pthread_rwlock_unlock(&dev->names_lock);
	}
	if (!ret)
		ret = id > UINT32_MAX ? -ENOENT :
		      dev->ops->native_remove(dev->backend, (uint32_t)id);
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (ret)
		vgpu_message_set(&dev->msg, ret, "there is no kernel 0x%llx",
				 (unsigned long long)kernel);
	return ret;
}
