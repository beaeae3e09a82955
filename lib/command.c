// SPDX-License-Identifier: MIT
/*
 * Commands: their names, and what can be said against one without a device.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <vgpu/command.h>

#include "os.h"
#include "vgpu_device.h"

static const char *const vgpu_command_names[] = {
	[VGPU_COMMAND_TRANSFER_TO] = "transfer-to",
	[VGPU_COMMAND_TRANSFER_FROM] = "transfer-from",
	[VGPU_COMMAND_LAUNCH] = "launch",
	[VGPU_COMMAND_SYNCHRONIZE] = "synchronize",
	[VGPU_COMMAND_COPY] = "copy",
	[VGPU_COMMAND_CLEAR] = "clear",
	[VGPU_COMMAND_WAIT] = "wait",
	[VGPU_COMMAND_SIGNAL] = "signal",
};

#define VGPU_COMMAND_FLAGS						\
	(VGPU_COMMAND_RELAXED | VGPU_COMMAND_INTERRUPT | VGPU_COMMAND_IDEMPOTENT)

_Static_assert(sizeof(struct vgpu_command) == 64, "a command is 64 bytes");

const char *vgpu_command_name(uint32_t type)
{
	if (type < ARRAY_SIZE(vgpu_command_names) && vgpu_command_names[type])
		return vgpu_command_names[type];
	return "unknown";
}

static int __attribute__((format(printf, 3, 4)))
bad(char *buf, size_t bytes, const char *format, ...)
{
	va_list args;

	if (buf) {
		va_start(args, format);
		vsnprintf(buf, bytes, format, args);
		va_end(args);
	}
	return -EINVAL;
}

static int check_address(const struct vgpu_command *cmd, const char *what,
			 uint64_t address, char *buf, size_t bytes)
{
	if (!(address & 3))
		return 0;
	return bad(buf, bytes, "%s: %s 0x%llx is not a multiple of 4",
		   vgpu_command_name(cmd->type), what,
		   (unsigned long long)address);
}

static int check_bytes(const struct vgpu_command *cmd, uint64_t n, char *buf,
		       size_t bytes)
{
	if (n && !(n & 3))
		return 0;
	return bad(buf, bytes, "%s: size %llu is not a multiple of 4 above 0",
		   vgpu_command_name(cmd->type), (unsigned long long)n);
}

static int check_pointer(const struct vgpu_command *cmd, uint64_t ptr,
			 uint64_t n, char *buf, size_t bytes)
{
	if (ptr && n <= UINTPTR_MAX - ptr)
		return 0;
	return bad(buf, bytes, "%s: %llu bytes at pointer 0x%llx are no memory",
		   vgpu_command_name(cmd->type), (unsigned long long)n,
		   (unsigned long long)ptr);
}

static int check_args(const struct vgpu_launch_args *args, char *buf,
		      size_t bytes)
{
	uint32_t i;

	if (args->n_ranges > VGPU_LAUNCH_RANGES)
		return bad(buf, bytes, "launch: %u ranges, at most %u",
			   args->n_ranges, VGPU_LAUNCH_RANGES);
	if (args->const_bytes > VGPU_LAUNCH_CONST_BYTES ||
	    args->const_bytes & 3)
		return bad(buf, bytes,
			   "launch: %u bytes of constants, not a multiple of 4 up to %u",
			   args->const_bytes, VGPU_LAUNCH_CONST_BYTES);
	if (args->reserved)
		return bad(buf, bytes, "launch: reserved field of the arguments is not 0");
	for (i = 0; i < args->n_ranges; i++) {
		const struct vgpu_launch_range *r = &args->ranges[i];

		if (r->flags & ~(VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE))
			return bad(buf, bytes,
				   "launch: range %u has unknown flags 0x%x", i,
				   r->flags);
		if (r->address & (VGPU_RANGE_ALIGN - 1))
			return bad(buf, bytes,
				   "launch: range %u: address 0x%llx is not a multiple of %u",
				   i, (unsigned long long)r->address,
				   VGPU_RANGE_ALIGN);
		if (r->bytes & 3 || (!r->bytes && r->flags))
			return bad(buf, bytes,
				   "launch: range %u: size %u is not a multiple of 4 above 0",
				   i, r->bytes);
	}
	return 0;
}

static int check_launch(const struct vgpu_command *cmd, char *buf,
			size_t bytes)
{
	static const uint64_t most[3] = {
		VGPU_MAX_GRID_X, VGPU_MAX_GRID_YZ, VGPU_MAX_GRID_YZ,
	};
	uint32_t i;

	for (i = 0; i < 3; i++) {
		uint64_t n = cmd->param[1 + i];

		if (!n || n > most[i])
			return bad(buf, bytes,
				   "launch: grid %c is %llu, not 1 to %llu",
				   "xyz"[i], (unsigned long long)n,
				   (unsigned long long)most[i]);
	}
	if (!cmd->param[4])
		return 0;
	return check_args((const struct vgpu_launch_args *)
			  (uintptr_t)cmd->param[4], buf, bytes);
}

/* Parameters from @first on have no meaning for this type. */
static int check_rest(const struct vgpu_command *cmd, uint32_t first,
		      char *buf, size_t bytes)
{
	uint32_t i;

	for (i = first; i < VGPU_COMMAND_PARAMS; i++) {
		if (cmd->param[i])
			return bad(buf, bytes, "%s: parameter %u is not 0",
				   vgpu_command_name(cmd->type), i);
	}
	return 0;
}

int vgpu_command_check(const struct vgpu_command *cmd, char *buf, size_t bytes)
{
	const uint64_t *p = cmd->param;

	if (cmd->flags & ~VGPU_COMMAND_FLAGS)
		return bad(buf, bytes, "%s: unknown flags 0x%x",
			   vgpu_command_name(cmd->type),
			   cmd->flags & ~VGPU_COMMAND_FLAGS);
	if (cmd->flags & VGPU_COMMAND_IDEMPOTENT &&
	    cmd->type != VGPU_COMMAND_LAUNCH)
		return bad(buf, bytes, "%s: only a launch can be idempotent",
			   vgpu_command_name(cmd->type));
	switch (cmd->type) {
	case VGPU_COMMAND_TRANSFER_TO:
		if (check_bytes(cmd, p[2], buf, bytes) ||
		    check_address(cmd, "target", p[1], buf, bytes) ||
		    check_pointer(cmd, p[0], p[2], buf, bytes))
			return -EINVAL;
		return check_rest(cmd, 3, buf, bytes);
	case VGPU_COMMAND_TRANSFER_FROM:
		if (check_bytes(cmd, p[2], buf, bytes) ||
		    check_address(cmd, "source", p[0], buf, bytes) ||
		    check_pointer(cmd, p[1], p[2], buf, bytes))
			return -EINVAL;
		return check_rest(cmd, 3, buf, bytes);
	case VGPU_COMMAND_COPY:
		if (check_bytes(cmd, p[2], buf, bytes) ||
		    check_address(cmd, "source", p[0], buf, bytes) ||
		    check_address(cmd, "target", p[1], buf, bytes))
			return -EINVAL;
		return check_rest(cmd, 3, buf, bytes);
	case VGPU_COMMAND_CLEAR:
		if (check_bytes(cmd, p[1], buf, bytes) ||
		    check_address(cmd, "address", p[0], buf, bytes))
			return -EINVAL;
		if (p[2] > UINT32_MAX)
			return bad(buf, bytes,
				   "clear: pattern 0x%llx has more than 32 bits",
				   (unsigned long long)p[2]);
		return check_rest(cmd, 3, buf, bytes);
	case VGPU_COMMAND_LAUNCH:
		return check_launch(cmd, buf, bytes);
	case VGPU_COMMAND_SYNCHRONIZE:
		return check_rest(cmd, 0, buf, bytes);
	case VGPU_COMMAND_WAIT:
	case VGPU_COMMAND_SIGNAL:
		return check_rest(cmd, 2, buf, bytes);
	default:
		return bad(buf, bytes, "command type %u is not known",
			   cmd->type);
	}
}
