/* SPDX-License-Identifier: MIT */
/*
 * Commands, as a program writes them.
 */
#ifndef VGPU_COMMAND_H
#define VGPU_COMMAND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/**
 * struct vgpu_command - one command, 64 bytes
 * @type: enum vgpu_command_type
 * @flags: VGPU_COMMAND_F_*, at most 16 bits
 * @user_data: comes back with the completion
 * @param: operands by type
 * @submit_ns: CLOCK_MONOTONIC when it was submitted, 0 if not stamped
 */
struct vgpu_command {
	uint32_t type;
	uint32_t flags;
	uint64_t user_data;
	uint64_t param[5];
	uint64_t submit_ns;
};

#ifdef __cplusplus
}
#endif

#endif /* VGPU_COMMAND_H */
