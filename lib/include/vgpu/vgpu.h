/* SPDX-License-Identifier: MIT */
/*
 * libvgpu: all of its public headers, and its version.
 */
#ifndef LIBVGPU_VGPU_H
#define LIBVGPU_VGPU_H

#include <stdint.h>

#include "command.h"
#include "device.h"
#include "error.h"
#include "kernel.h"
#include "manager.h"
#include "memory.h"
#include "passthrough.h"
#include "queue.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define LIBVGPU_VERSION_MAJOR	0
#define LIBVGPU_VERSION_MINOR	1
#define LIBVGPU_VERSION_PATCH	0
#define LIBVGPU_VERSION_STRING	"0.1.0"

/* The version as one number that can be compared. */
#define LIBVGPU_VERSION							\
	(LIBVGPU_VERSION_MAJOR << 16 | LIBVGPU_VERSION_MINOR << 8 |	\
	 LIBVGPU_VERSION_PATCH)

/* That of the library which is loaded; LIBVGPU_VERSION is what was compiled. */
uint32_t vgpu_version(void);
/* The same for people, a constant string. */
const char *vgpu_version_string(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_VGPU_H */
