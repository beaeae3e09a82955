/* SPDX-License-Identifier: MIT */
/*
 * Kernels: what a launch runs.  A kernel is made once on a device and named by
 * a number, its address, from then on.
 */
#ifndef LIBVGPU_KERNEL_H
#define LIBVGPU_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "command.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vgpu_device;

/**
 * struct vgpu_native_range - a range of a launch, as a native kernel sees it
 * @data: its bytes in this process; NULL if the binding was left out
 * @bytes: how many
 * @flags: VGPU_LAUNCH_READ, _WRITE as the launch gave them
 */
struct vgpu_native_range {
	void *data;
	uint64_t bytes;
	uint32_t flags;
	uint32_t reserved;
};

/**
 * struct vgpu_native_call - one launch of a native kernel
 * @user: what the kernel was registered with
 * @kernel: its address
 * @grid: workgroups in x, y and z: the kernel loops over them itself
 * @n_ranges: ranges given
 * @const_bytes: bytes at @consts
 * @ranges: memory of the device, valid during the call
 * @consts: push constants, valid during the call
 */
struct vgpu_native_call {
	void *user;
	uint64_t kernel;
	uint32_t grid[3];
	uint32_t n_ranges;
	uint32_t const_bytes;
	uint32_t reserved;
	struct vgpu_native_range ranges[VGPU_LAUNCH_RANGES];
	const uint8_t *consts;
};

/**
 * typedef vgpu_native_fn - a native kernel
 *
 * It runs on the thread that drives the device (the one in
 * vgpu_device_process(), vgpu_device_wait() and so on, or the library's own),
 * one at a time on a device.  It must not call the library on the same device,
 * and nothing can stop it: closing or resetting the device waits for it.
 *
 * Return: 0, or the negative errno that the launch completes with; anything
 * else makes that EIO.
 */
typedef int (*vgpu_native_fn)(const struct vgpu_native_call *call);

/**
 * struct vgpu_native_options - a native kernel
 * @size: sizeof(struct vgpu_native_options)
 * @address: the number that launches name it by, 1 to 2^62 - 1; 0: the library
 *	chooses one
 * @fn: the function
 * @user: passed to it
 * @used: a bit for each binding that has to be given
 * @written: a bit for each binding that it writes, a subset of @used
 * @const_bytes: push constants that have to be given, a multiple of 4, to 128
 */
struct vgpu_native_options {
	size_t size;
	uint64_t address;
	vgpu_native_fn fn;
	void *user;
	uint32_t used;
	uint32_t written;
	uint32_t const_bytes;
};

/**
 * vgpu_kernel_register_native() - let launches reach a function
 * @dev: an initialized device whose kernels run in this process
 * @options: see there
 * @kernel: gets its address
 *
 * Thread-safe.  The kernel goes with vgpu_kernel_destroy(), a reset or the
 * close of the device.
 * Return: 0; -EINVAL; -EEXIST, the address is taken; -ENOSPC, too many;
 * -EOPNOTSUPP, the device runs kernels elsewhere; -ENODEV, not initialized.
 */
int vgpu_kernel_register_native(struct vgpu_device *dev,
				const struct vgpu_native_options *options,
				uint64_t *kernel);

enum vgpu_kernel_format {
	VGPU_KERNEL_FORMAT_SPIRV = 1,
	VGPU_KERNEL_FORMAT_WGSL,
};

/**
 * struct vgpu_kernel_constant - a specialization constant
 * @id: its number in the code
 * @bytes: 4 or 8
 * @value: its value
 */
struct vgpu_kernel_constant {
	uint32_t id;
	uint32_t bytes;
	uint64_t value;
};

/**
 * struct vgpu_kernel_options - a kernel from code
 * @size: sizeof(struct vgpu_kernel_options)
 * @format: enum vgpu_kernel_format
 * @n_constants: how many @constants, up to 64
 * @code: SPIR-V or WGSL, copied
 * @code_bytes: its size, up to 16 MiB; of SPIR-V a multiple of 4
 * @entry: name of the entry point, up to 63 bytes; NULL: "main"
 * @constants: specialization constants, copied
 */
struct vgpu_kernel_options {
	size_t size;
	uint32_t format;
	uint32_t n_constants;
	const void *code;
	size_t code_bytes;
	const char *entry;
	const struct vgpu_kernel_constant *constants;
};

/**
 * vgpu_kernel_create() - make a kernel from code
 * @dev: an initialized device
 * @options: see there
 * @kernel: gets its address
 *
 * The code may come from anybody: it is validated before a driver sees it.
 * Storage buffers of set 0, bindings 0 to 15, and push constants are all that
 * it may use; WGSL, which has no push constants, finds them in a storage buffer
 * at binding 16.  May take seconds.  Thread-safe.
 * Return: 0; -EINVAL, the code, the entry point or a constant is wrong;
 * -EOPNOTSUPP, the device lacks what the code needs, or a compiler for this
 * format; -ENOSPC, too many; -ENOMEM; -EIO, the driver failed, or the engine is
 * lost; -ENODEV.  vgpu_device_error() names what is wrong or missing.
 */
int vgpu_kernel_create(struct vgpu_device *dev,
		       const struct vgpu_kernel_options *options,
		       uint64_t *kernel);

/**
 * struct vgpu_kernel_usage - what a kernel is and needs
 * @used: a bit for each binding that a launch has to give
 * @written: a bit for each of those that has to be VGPU_LAUNCH_WRITE
 * @const_bytes: push constants that a launch has to give
 * @group: invocations of a workgroup in x, y, z
 * @features: VGPU_CAN_* of the types in it
 */
struct vgpu_kernel_usage {
	uint32_t used;
	uint32_t written;
	uint32_t const_bytes;
	uint32_t group[3];
	uint64_t features;
};

/* What a kernel needs.  0 or -ENOENT.  Thread-safe. */
int vgpu_kernel_get_usage(struct vgpu_device *dev, uint64_t kernel,
			  struct vgpu_kernel_usage *usage);

/**
 * vgpu_kernel_destroy() - forget a kernel
 * @dev: its device
 * @kernel: its address
 *
 * Launches that are in flight keep it until they end; later ones are refused.
 * A native kernel's function is not called any more once this returned.
 * Not to be called from a native kernel.  Thread-safe.
 * Return: 0 or -ENOENT.
 */
int vgpu_kernel_destroy(struct vgpu_device *dev, uint64_t kernel);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_KERNEL_H */
