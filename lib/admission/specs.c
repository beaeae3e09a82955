// SPDX-License-Identifier: MIT
/*
 * Specialization: a launch's values take the place of a module's defaults.
 */
#include <errno.h>
#include <stdio.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* "1, 2, 7", or as many as fit. */
static void list_ids(const struct vgpu_spirv *m, char *text, size_t bytes)
{
	const uint32_t *in;
	size_t at = 0;

	snprintf(text, bytes, "none");
	vgpu_spirv_for_each(m, in) {
		if (vgpu_spirv_op(in) == SpvOpFunction || at + 16 > bytes)
			break;
		if (vgpu_spirv_op(in) == SpvOpDecorate &&
		    in[2] == SpvDecorationSpecId)
			at += (size_t)snprintf(text + at, bytes - at, "%s%u",
					       at ? ", " : "", in[3]);
	}
}

static int wrong_size(const struct vgpu_kernel_spec *s, uint32_t want,
		      struct vgpu_message *msg)
{
	return vgpu_message_set(msg, -EINVAL,
		"the value for specialization constant %u has %u bytes: the kernel's constant takes %u",
		s->id, s->bytes, want);
}

/* The constant at @in; narrow signed integers are stored sign-extended. */
static int set_one(const struct vgpu_spirv *m, uint32_t *in,
		   const struct vgpu_kernel_spec *s, struct vgpu_message *msg)
{
	const uint32_t *type = vgpu_spirv_def(m, in[1]);
	uint32_t width, value = (uint32_t)s->value;

	if (vgpu_spirv_op(type) == SpvOpTypeBool) {
		if (s->bytes != 4)
			return wrong_size(s, 4, msg);
		in[0] = (in[0] & 0xffff0000) |
			(value ? SpvOpSpecConstantTrue :
				 SpvOpSpecConstantFalse);
		return 0;
	}
	width = type[2];
	if (s->bytes != (width > 32 ? 8 : 4))
		return wrong_size(s, width > 32 ? 8 : 4, msg);
	if (width < 32) {
		value &= (1u << width) - 1;
		if (vgpu_spirv_op(type) == SpvOpTypeInt && type[3] &&
		    value >> (width - 1))
			value |= ~0u << width;
	}
	in[3] = value;
	if (width > 32)
		in[4] = (uint32_t)(s->value >> 32);
	return 0;
}

static int set_spec(struct vgpu_spirv *m, const struct vgpu_kernel_spec *s,
		    struct vgpu_message *msg)
{
	bool found = false;
	const uint32_t *in;
	char ids[96];
	int rc;

	vgpu_spirv_for_each(m, in) {
		if (vgpu_spirv_op(in) == SpvOpFunction)
			break;
		if (vgpu_spirv_op(in) != SpvOpDecorate ||
		    in[2] != SpvDecorationSpecId || in[3] != s->id)
			continue;
		rc = set_one(m, m->words + m->def[in[1]], s, msg);
		if (rc)
			return rc;
		found = true;
	}
	if (found)
		return 0;
	list_ids(m, ids, sizeof(ids));
	return vgpu_message_set(msg, -EINVAL,
		"the kernel has no specialization constant %u; it has: %s",
		s->id, ids);
}

int vgpu_spirv_set_specs(struct vgpu_spirv *m,
			 const struct vgpu_kernel_spec *specs, uint32_t n,
			 struct vgpu_message *msg)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = set_spec(m, &specs[i], msg);
	return rc;
}
