/* SPDX-License-Identifier: MIT */
/*
 * SPIR-V as admission sees it: words, an index of what defines each id, and the
 * steps that a module goes through (see vgpu_admit_spirv()).
 */
#ifndef LIBVGPU_INTERNAL_SPIRV_H
#define LIBVGPU_INTERNAL_SPIRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admission.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bounds of what SPIRV-Tools and SPIRV-Cross are given: some of their functions
 * call themselves for each level of a type or of a call.
 */
#define VGPU_SPIRV_HEADER	5u
#define VGPU_SPIRV_MAX_BOUND	(4u << 20)
#define VGPU_SPIRV_MAX_BLOCKS	(64u << 10)
#define VGPU_SPIRV_MAX_FUNCTIONS 4096u
#define VGPU_SPIRV_MAX_TYPE	64u	/* levels of a type */
#define VGPU_SPIRV_MAX_CONST	1024u	/* of constants made of constants */
#define VGPU_SPIRV_MAX_CALLS	64u	/* of calls */
#define VGPU_SPIRV_MAX_NESTING	64u	/* of control flow */

/**
 * struct vgpu_spirv - a module
 * @words: in host order, @n of them; each instruction lies within
 * @n: number of words
 * @bound: ids are below
 * @def: by id, the word where the instruction begins that defines it; 0: none
 */
struct vgpu_spirv {
	uint32_t *words;
	size_t n;
	uint32_t bound;
	uint32_t *def;
};

static inline uint32_t vgpu_spirv_op(const uint32_t *in)
{
	return in[0] & 0xffff;
}

static inline uint32_t vgpu_spirv_len(const uint32_t *in)
{
	return in[0] >> 16;
}

/* Each instruction of a module: struct vgpu_spirv *m, const uint32_t *in. */
#define vgpu_spirv_for_each(m, in)					\
	for ((in) = (m)->words + VGPU_SPIRV_HEADER;			\
	     (in) < (m)->words + (m)->n; (in) += vgpu_spirv_len(in))

/* What defines an id, or an instruction without operands. */
const uint32_t *vgpu_spirv_def(const struct vgpu_spirv *m, uint32_t id);
/* The text of a string operand that begins at word @at; NULL: it has no end. */
const char *vgpu_spirv_string(const uint32_t *in, uint32_t at);
/* The value of an integer constant of 32 bits and less. */
bool vgpu_spirv_value(const struct vgpu_spirv *m, uint32_t id, uint32_t *value);

/* The words are the caller's, and stay his. */
int vgpu_spirv_index(struct vgpu_spirv *m, uint32_t *words, size_t n,
		     struct vgpu_message *msg);
void vgpu_spirv_fini(struct vgpu_spirv *m);

/* Each capability and extension against what the device has. */
int vgpu_spirv_capabilities(const struct vgpu_spirv *m,
			    const struct vgpu_engine_info *limits,
			    uint64_t *features, struct vgpu_message *msg);
/* Write the values given into the module; their constants stay special. */
int vgpu_spirv_set_specs(struct vgpu_spirv *m,
			 const struct vgpu_kernel_spec *specs, uint32_t n,
			 struct vgpu_message *msg);
/* Make them constants, and compute with them; changes @m->n. */
int vgpu_spirv_fold(struct vgpu_spirv *m, struct vgpu_message *msg);
/* Bindings, push constants, workgroup: all of @out but the code. */
int vgpu_spirv_reflect(const struct vgpu_spirv *m, struct vgpu_admitted *out,
		       struct vgpu_message *msg);

/**
 * struct vgpu_spirv_reach - what an entry point reaches
 * @used: by id of a global variable: 1 if it is named
 * @bindings: of variables, whatever set they are in
 * @written: those that it may write
 */
struct vgpu_spirv_reach {
	uint8_t *used;
	uint32_t bindings;
	uint32_t written;
};

int vgpu_spirv_access(const struct vgpu_spirv *m, uint32_t function,
		      struct vgpu_spirv_reach *a, struct vgpu_message *msg);
/* EOPNOTSUPP: a case of a switch runs into the next one. */
int vgpu_spirv_switches(const struct vgpu_spirv *m, struct vgpu_message *msg);
/* The module for WebGPU, in new memory. */
int vgpu_spirv_webgpu(const struct vgpu_spirv *m, const uint32_t workgroup[3],
		      uint32_t **words, size_t *n, struct vgpu_message *msg);

/* Of spirv.cc. */
int vgpu_spirv_validate(const uint32_t *words, size_t n, uint32_t api_version,
			struct vgpu_message *msg);
void vgpu_spirv_capability_name(uint32_t capability, char *name, size_t bytes);

/* By format; desc, specs and code are checked for size. */
int vgpu_admit_spirv(const void *code, size_t bytes,
		     const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		     const struct vgpu_engine_info *limits, uint32_t flags,
		     struct vgpu_admitted *out, struct vgpu_message *msg);
int vgpu_admit_wgsl(const void *code, size_t bytes,
		    const struct vgpu_kernel_spec *specs, uint32_t n_specs,
		    const struct vgpu_engine_info *limits,
		    struct vgpu_admitted *out, struct vgpu_message *msg);
/* Workgroup size, shared memory and bindings of @out against the limits. */
int vgpu_admit_limits(const struct vgpu_admitted *out,
		      const struct vgpu_engine_info *limits,
		      struct vgpu_message *msg);

#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_INTERNAL_SPIRV_H */
