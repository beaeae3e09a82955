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
		*id = address & ~(VGPU_KERNEL_OWN | VGPU_KERNEL_CODE);
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

/*
 * Whether the engine can run that at all: its driver shall not see it if not.
 * Functions of this process have no such limits.
 */
int vgpu_kernel_check_launch(struct vgpu_device *dev,
			     const struct vgpu_command *cmd)
{
	const uint64_t code = VGPU_KERNEL_OWN | VGPU_KERNEL_CODE;
	const struct vgpu_launch_args *args =
		(const void *)(uintptr_t)cmd->param[4];
	const struct vgpu_device_limits *l = &dev->limits;
	uint32_t i;

	/* Pairs with the release in know_limits(). */
	if ((cmd->param[0] & code) != code || !vgpu_load_acquire(&dev->limited))
		return 0;
	for (i = 0; i < 3; i++) {
		if (cmd->param[1 + i] > l->max_groups[i])
			return vgpu_message_set(&dev->msg, -EOPNOTSUPP,
						"launch: %llu workgroups in %c: this device takes at most %u",
						(unsigned long long)cmd->param[1 + i],
						"xyz"[i], l->max_groups[i]);
	}
	for (i = 0; args && i < args->n_ranges && i < VGPU_LAUNCH_RANGES; i++) {
		if (args->ranges[i].bytes > l->max_range_bytes)
			return vgpu_message_set(&dev->msg, -EOPNOTSUPP,
						"launch: %u bytes at binding %u: this device takes at most %llu",
						args->ranges[i].bytes, i,
						(unsigned long long)l->max_range_bytes);
	}
	return 0;
}

/* After the first kernel from code. */
static void know_limits(struct vgpu_device *dev)
{
	pthread_rwlock_wrlock(&dev->names_lock);
	if (!dev->limited &&
	    !dev->ops->limits(dev->backend, &dev->limits, &dev->msg)) {
		/* Pairs with the acquire in vgpu_kernel_check_launch(). */
		vgpu_store_release(&dev->limited, 1);
	}
	pthread_rwlock_unlock(&dev->names_lock);
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
				 ret == -EOPNOTSUPP ?
					"this device runs no functions of a process" :
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

/* What crosses to the backend, and maybe to another process: all in one piece. */
static void *pack(const struct vgpu_kernel_options *o, size_t *bytes)
{
	size_t specs = o->n_constants * sizeof(struct vgpu_kernel_spec);
	struct vgpu_kernel_desc *desc;
	struct vgpu_kernel_spec *spec;
	uint32_t i;

	*bytes = sizeof(*desc) + specs + o->code_bytes;
	desc = calloc(1, *bytes);
	if (!desc)
		return NULL;
	desc->format = o->format;
	desc->code_bytes = (uint32_t)o->code_bytes;
	desc->n_specs = o->n_constants;
	snprintf(desc->entry, sizeof(desc->entry), "%s",
		 o->entry ? o->entry : "main");
	spec = (struct vgpu_kernel_spec *)(desc + 1);
	for (i = 0; i < o->n_constants; i++) {
		spec[i].id = o->constants[i].id;
		spec[i].bytes = o->constants[i].bytes;
		spec[i].value = o->constants[i].value;
	}
	memcpy(spec + o->n_constants, o->code, o->code_bytes);
	return desc;
}

int vgpu_kernel_create(struct vgpu_device *dev,
		       const struct vgpu_kernel_options *options,
		       uint64_t *kernel)
{
	size_t bytes;
	uint32_t id;
	void *desc;
	int ret;

	ret = check_code(dev, options);
	if (ret)
		return ret;
	desc = pack(options, &bytes);
	if (!desc)
		return vgpu_message_set(&dev->msg, -ENOMEM, "memory is short");
	pthread_rwlock_rdlock(&dev->epoch_lock);
	ret = vgpu_device_check_up(dev);
	if (!ret)
		ret = dev->ops->kernel_add(dev->backend, dev->context, desc,
					   bytes, &dev->msg, &id);
	pthread_rwlock_unlock(&dev->epoch_lock);
	free(desc);
	if (ret)
		return ret;
	know_limits(dev);
	*kernel = VGPU_KERNEL_OWN | VGPU_KERNEL_CODE | id;
	return 0;
}

int vgpu_kernel_get_usage(struct vgpu_device *dev, uint64_t kernel,
			  struct vgpu_kernel_usage *usage)
{
	u64 id;
	int ret;

	ret = vgpu_kernel_find(dev, kernel, &id);
	if (ret)
		return ret;
	ret = id > UINT32_MAX ? -ENOENT :
	      dev->ops->kernel_usage(dev->backend, (uint32_t)id, usage);
	if (ret)
		vgpu_message_set(&dev->msg, ret, "there is no kernel 0x%llx",
				 (unsigned long long)kernel);
	return ret;
}

int vgpu_kernel_destroy(struct vgpu_device *dev, uint64_t kernel)
{
	uint64_t id = kernel & ~(VGPU_KERNEL_OWN | VGPU_KERNEL_CODE);
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
		      dev->ops->kernel_remove(dev->backend, (uint32_t)id);
	pthread_rwlock_unlock(&dev->epoch_lock);
	if (ret)
		vgpu_message_set(&dev->msg, ret, "there is no kernel 0x%llx",
				 (unsigned long long)kernel);
	return ret;
}
