/* SPDX-License-Identifier: MIT */
/*
 * Admission: what happens to a kernel's code before a driver sees it.
 *
 * SPIR-V is validated (SPIRV-Tools), specialised, held against what the device
 * has, and looked through for what a launch has to give (SPIRV-Cross).  WGSL is
 * only looked through: its compiler validates.  Code, descriptor and
 * specialization values may be anything; what comes out with 0 is valid.
 *
 * DOC: Errors
 *
 * EINVAL: malformed, or the entry point or a specialization constant is not
 * there.  EOPNOTSUPP: it needs a capability, a type, a binding or more of
 * something than the device has, or than the interface has (uapi/vgpu_device.h:
 * storage buffers at set 0, bindings 0 to 15, and push constants, nothing
 * else).  ENOMEM.  The line names the capability, binding, id or limit.
 */
#ifndef LIBVGPU_INTERNAL_ADMISSION_H
#define LIBVGPU_INTERNAL_ADMISSION_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "vgpu_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Normalise SPIR-V for WebGPU providers: no NonReadable, NonWritable or
 * Restrict and Aliased decorations, push constants as a storage buffer at set
 * 0, binding VGPU_CONST_BINDING.
 */
#define VGPU_ADMIT_WEBGPU	(1u << 0)

/* Where a provider without push constants finds them, in SPIR-V and WGSL. */
#define VGPU_CONST_BINDING	16u

/**
 * struct vgpu_admitted - a kernel that may be given to a driver
 * @info: what a launch is checked against; workgroup and all else as
 *	specialised
 * @format: VGPU_KERNEL_SPIRV or _WGSL
 * @entry: name of the entry point
 * @code: SPIR-V words in host order with all specialization constants folded,
 *	or WGSL; zero-terminated; free it by vgpu_admitted_fini()
 * @code_bytes: without the terminator
 * @bindings: a bit for each binding that the entry point statically uses,
 *	VGPU_CONST_BINDING included; what an automatic layout has
 * @shared_bytes: workgroup memory, 0 if not known (WGSL)
 * @n_specs: WGSL only: values for overrides that its compiler is to set, by
 *	numeric id; SPIR-V's are folded
 * @specs: those; of SPIR-V none
 */
struct vgpu_admitted {
	struct vgpu_kernel_info info;
	uint32_t format;
	uint32_t bindings;
	uint32_t shared_bytes;
	uint32_t n_specs;
	struct vgpu_kernel_spec specs[VGPU_MAX_SPECS];
	char entry[VGPU_ENTRY_BYTES];
	void *code;
	size_t code_bytes;
};

/**
 * vgpu_admit() - look at a kernel, and say whether a device may have it
 * @desc: struct vgpu_kernel_desc, specs, code; private memory
 * @bytes: of all that
 * @limits: what the device has
 * @flags: VGPU_ADMIT_*
 * @out: valid if 0 is returned; then vgpu_admitted_fini() has to be called
 * @msg: gets one line on an error
 *
 * Thread-safe.  Takes time and memory in proportion to the code.
 * Return: 0 or a negative errno, see above.
 */
int vgpu_admit(const void *desc, size_t bytes,
	       const struct vgpu_engine_info *limits, uint32_t flags,
	       struct vgpu_admitted *out, struct vgpu_message *msg);
void vgpu_admitted_fini(struct vgpu_admitted *a);

#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_INTERNAL_ADMISSION_H */
