/* SPDX-License-Identifier: MIT */
/*
 * Commands: what a program asks a device to do, and helpers that build them.
 *
 * A command is a plain value of 64 bytes.  Building one checks nothing; what it
 * says is checked when it is submitted, and once more by the device.
 */
#ifndef LIBVGPU_COMMAND_H
#define LIBVGPU_COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * enum vgpu_command_type - &vgpu_command.type, and its parameters
 * @VGPU_COMMAND_TRANSFER_TO: CPU memory to device memory: {source pointer,
 *	device address, bytes}
 * @VGPU_COMMAND_TRANSFER_FROM: device memory to CPU memory: {device address,
 *	target pointer, bytes}
 * @VGPU_COMMAND_LAUNCH: run a kernel: {kernel, x, y, z, pointer to a struct
 *	vgpu_launch_args or 0}
 * @VGPU_COMMAND_SYNCHRONIZE: ends when every earlier command of the ring has
 *	ended: {}
 * @VGPU_COMMAND_COPY: within device memory: {source address, target address,
 *	bytes}; the two do not overlap
 * @VGPU_COMMAND_CLEAR: fill device memory: {address, bytes, 32-bit pattern}
 * @VGPU_COMMAND_WAIT: let the ring go on when a counter has reached a value:
 *	{counter, value}
 * @VGPU_COMMAND_SIGNAL: raise a counter when every earlier command of the ring
 *	has ended: {counter, value}
 *
 * Device addresses and sizes are multiples of 4; sizes are in bytes and not 0.
 * Pointers may have any alignment.  Parameters not named are 0.
 */
enum vgpu_command_type {
	VGPU_COMMAND_TRANSFER_TO = 1,
	VGPU_COMMAND_TRANSFER_FROM,
	VGPU_COMMAND_LAUNCH,
	VGPU_COMMAND_SYNCHRONIZE,
	VGPU_COMMAND_COPY,
	VGPU_COMMAND_CLEAR,
	VGPU_COMMAND_WAIT,
	VGPU_COMMAND_SIGNAL,
};

/*
 * Flags of a command.  RELAXED: it may start before earlier commands of its
 * ring have ended; without it a ring keeps program order.  INTERRUPT: raise the
 * ring's interrupt when it ends.  IDEMPOTENT: a launch that may be run a second
 * time when its engine is lost.
 */
#define VGPU_COMMAND_RELAXED	(1u << 0)
#define VGPU_COMMAND_INTERRUPT	(1u << 1)
#define VGPU_COMMAND_IDEMPOTENT	(1u << 2)

#define VGPU_COMMAND_PARAMS	5

/**
 * struct vgpu_command - a command
 * @type: enum vgpu_command_type
 * @flags: VGPU_COMMAND_*
 * @user_data: the caller's; comes back with the completion
 * @param: parameters, see enum vgpu_command_type
 * @submit_ns: CLOCK_MONOTONIC when it was submitted; 0: whoever takes it
 *	stamps it, if times are wanted
 */
struct vgpu_command {
	uint32_t type;
	uint32_t flags;
	uint64_t user_data;
	uint64_t param[VGPU_COMMAND_PARAMS];
	uint64_t submit_ns;
};

/* Limits of a launch. */
#define VGPU_LAUNCH_RANGES	16
#define VGPU_LAUNCH_CONST_BYTES	128

/* What a launch does with a range. */
#define VGPU_LAUNCH_READ	(1u << 0)
#define VGPU_LAUNCH_WRITE	(1u << 1)

/**
 * struct vgpu_launch_range - device memory that a kernel is given
 * @address: device address, a multiple of 256, inside one allocation
 * @bytes: a multiple of 4; 0 (with @flags 0): this binding is left out
 * @flags: VGPU_LAUNCH_READ, _WRITE
 */
struct vgpu_launch_range {
	uint64_t address;
	uint32_t bytes;
	uint32_t flags;
};

/**
 * struct vgpu_launch_args - the arguments of a launch
 * @n_ranges: ranges used, up to 16; range i is binding i of set 0
 * @const_bytes: bytes of @consts used, a multiple of 4, up to 128
 * @reserved: 0
 * @ranges: memory
 * @consts: what the kernel sees as push constants
 *
 * It is copied when the launch is submitted and may be reused at once.
 */
struct vgpu_launch_args {
	uint32_t n_ranges;
	uint32_t const_bytes;
	uint64_t reserved;
	struct vgpu_launch_range ranges[VGPU_LAUNCH_RANGES];
	uint8_t consts[VGPU_LAUNCH_CONST_BYTES];
};

/**
 * vgpu_command_make() - a command from its type and parameters
 * @type: enum vgpu_command_type
 * @a: first parameter, and so on
 */
static inline struct vgpu_command
vgpu_command_make(uint32_t type, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e)
{
	struct vgpu_command cmd;

	cmd.type = type;
	cmd.flags = 0;
	cmd.user_data = 0;
	cmd.param[0] = a;
	cmd.param[1] = b;
	cmd.param[2] = c;
	cmd.param[3] = d;
	cmd.param[4] = e;
	cmd.submit_ns = 0;
	return cmd;
}

/* @bytes from @source, memory of the CPU, to device address @target. */
static inline struct vgpu_command
vgpu_command_transfer_to(uint64_t target, const void *source, uint64_t bytes)
{
	return vgpu_command_make(VGPU_COMMAND_TRANSFER_TO,
				 (uint64_t)(uintptr_t)source, target, bytes,
				 0, 0);
}

/* @bytes from device address @source to @target, memory of the CPU. */
static inline struct vgpu_command
vgpu_command_transfer_from(void *target, uint64_t source, uint64_t bytes)
{
	return vgpu_command_make(VGPU_COMMAND_TRANSFER_FROM, source,
				 (uint64_t)(uintptr_t)target, bytes, 0, 0);
}

/* @kernel over @x * @y * @z workgroups, with no arguments. */
static inline struct vgpu_command
vgpu_command_launch(uint64_t kernel, uint32_t x, uint32_t y, uint32_t z)
{
	return vgpu_command_make(VGPU_COMMAND_LAUNCH, kernel, x, y, z, 0);
}

/* The same with @args, which have to stay until the command was submitted. */
static inline struct vgpu_command
vgpu_command_launch_args(uint64_t kernel, uint32_t x, uint32_t y, uint32_t z,
			 const struct vgpu_launch_args *args)
{
	return vgpu_command_make(VGPU_COMMAND_LAUNCH, kernel, x, y, z,
				 (uint64_t)(uintptr_t)args);
}

static inline struct vgpu_command vgpu_command_synchronize(void)
{
	return vgpu_command_make(VGPU_COMMAND_SYNCHRONIZE, 0, 0, 0, 0, 0);
}

/* @bytes from device address @source to device address @target. */
static inline struct vgpu_command
vgpu_command_copy(uint64_t target, uint64_t source, uint64_t bytes)
{
	return vgpu_command_make(VGPU_COMMAND_COPY, source, target, bytes, 0,
				 0);
}

/* Fill @bytes at device address @target with @pattern. */
static inline struct vgpu_command
vgpu_command_clear(uint64_t target, uint64_t bytes, uint32_t pattern)
{
	return vgpu_command_make(VGPU_COMMAND_CLEAR, target, bytes, pattern, 0,
				 0);
}

/* Go on when @counter is at least @value. */
static inline struct vgpu_command
vgpu_command_wait(uint64_t counter, uint64_t value)
{
	return vgpu_command_make(VGPU_COMMAND_WAIT, counter, value, 0, 0, 0);
}

/* Raise @counter to @value. */
static inline struct vgpu_command
vgpu_command_signal(uint64_t counter, uint64_t value)
{
	return vgpu_command_make(VGPU_COMMAND_SIGNAL, counter, value, 0, 0, 0);
}

/* Arguments with nothing in them. */
static inline void vgpu_launch_args_init(struct vgpu_launch_args *args)
{
	memset(args, 0, sizeof(*args));
}

/**
 * vgpu_launch_args_range() - add the next range
 * @args: arguments
 * @address: device address, a multiple of 256
 * @bytes: a multiple of 4
 * @flags: VGPU_LAUNCH_*
 *
 * Return: its binding, or -1 if there are 16 already.
 */
static inline int
vgpu_launch_args_range(struct vgpu_launch_args *args, uint64_t address,
		       uint32_t bytes, uint32_t flags)
{
	uint32_t i = args->n_ranges;

	if (i >= VGPU_LAUNCH_RANGES)
		return -1;
	args->ranges[i].address = address;
	args->ranges[i].bytes = bytes;
	args->ranges[i].flags = flags;
	args->n_ranges = i + 1;
	return (int)i;
}

/**
 * vgpu_launch_args_consts() - set the constants
 * @args: arguments
 * @data: constants, copied
 * @bytes: a multiple of 4, up to 128
 *
 * Return: 0, or -1 if @bytes is neither.
 */
static inline int
vgpu_launch_args_consts(struct vgpu_launch_args *args, const void *data,
			uint32_t bytes)
{
	if (bytes > VGPU_LAUNCH_CONST_BYTES || bytes % 4)
		return -1;
	memcpy(args->consts, data, bytes);
	args->const_bytes = bytes;
	return 0;
}

/**
 * vgpu_command_name() - the name of a command type
 * @type: enum vgpu_command_type
 *
 * Return: a constant string such as "transfer-to"; "unknown" for what is none.
 */
const char *vgpu_command_name(uint32_t type);

/**
 * vgpu_command_check() - would a command be accepted, as far as one can see
 *	without a device?
 * @cmd: command
 * @buf: where to explain what is wrong, in one line, or NULL
 * @bytes: room at @buf
 *
 * Return: 0 or -EINVAL.
 */
int vgpu_command_check(const struct vgpu_command *cmd, char *buf, size_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_COMMAND_H */
