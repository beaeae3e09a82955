// SPDX-License-Identifier: MIT
/*
 * A SPIR-V module as WebGPU's providers take it: without decorations of access
 * that they refuse, push constants as a storage buffer.
 *
 * All pointers into push constants become pointers into storage buffers, so
 * chains, parameters and loads fit together as before.  Two pointer types may
 * be the same then, which SPIR-V allows; a block of push constants is laid out
 * as a storage buffer's may be.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* Words of three OpDecorate, and of OpExtension below. */
#define DECORATE_WORDS	11u
#define EXTENSION_WORDS	11u

/* @workgroup: NULL unless a constant of the module says so, not its modes */
struct writer {
	const struct vgpu_spirv *m;
	const uint32_t *workgroup;
	uint32_t *to;
	size_t n;
};

static bool is_type(const uint32_t *in)
{
	return vgpu_spirv_op(in) >= SpvOpTypeVoid &&
	       vgpu_spirv_op(in) <= SpvOpTypeForwardPointer;
}

static bool is_push_variable(const uint32_t *in)
{
	return vgpu_spirv_op(in) == SpvOpVariable &&
	       in[3] == SpvStorageClassPushConstant;
}

static bool is_access(uint32_t decoration)
{
	return decoration == SpvDecorationNonWritable ||
	       decoration == SpvDecorationNonReadable ||
	       decoration == SpvDecorationRestrict ||
	       decoration == SpvDecorationAliased;
}

/* Lines are left out too: where decorations are added none may come before. */
static bool is_left_out(const uint32_t *in)
{
	switch (vgpu_spirv_op(in)) {
	case SpvOpLine:
	case SpvOpNoLine:
		return true;
	case SpvOpDecorate:
		return is_access(in[2]);
	case SpvOpMemberDecorate:
		return is_access(in[3]);
	default:
		return false;
	}
}

static void put(struct writer *w, const uint32_t *words, uint32_t n)
{
	memcpy(w->to + w->n, words, n * sizeof(*words));
	w->n += n;
}

/* The storage class of storage buffers came with SPIR-V 1.3. */
static void put_extension(struct writer *w)
{
	static const char name[(EXTENSION_WORDS - 1) * 4] =
		"SPV_KHR_storage_buffer_storage_class";
	uint32_t words[EXTENSION_WORDS];

	words[0] = EXTENSION_WORDS << 16 | SpvOpExtension;
	memcpy(words + 1, name, sizeof(name));
	put(w, words, EXTENSION_WORDS);
}

static void put_bindings(struct writer *w)
{
	const uint32_t *in;

	vgpu_spirv_for_each(w->m, in) {
		uint32_t words[] = {
			4u << 16 | SpvOpDecorate, in[2],
			SpvDecorationDescriptorSet, 0,
			4u << 16 | SpvOpDecorate, in[2],
			SpvDecorationBinding, VGPU_CONST_BINDING,
			/* Else what depends on it is not uniform. */
			3u << 16 | SpvOpDecorate, in[2],
			SpvDecorationNonWritable,
		};

		if (vgpu_spirv_op(in) == SpvOpFunction)
			break;
		if (is_push_variable(in))
			put(w, words, DECORATE_WORDS);
	}
}

/*
 * wgpu-native knows neither the constant that is the size of a workgroup nor
 * sizes by id.
 */
static void put_size(struct writer *w, uint32_t *to)
{
	uint32_t i;

	if (vgpu_spirv_op(to) == SpvOpExecutionModeId &&
	    to[2] == SpvExecutionModeLocalSizeId) {
		to[0] = 6u << 16 | SpvOpExecutionMode;
		to[2] = SpvExecutionModeLocalSize;
		for (i = 0; i < 3; i++)
			vgpu_spirv_value(w->m, to[3 + i], &to[3 + i]);
	}
	if (w->workgroup && vgpu_spirv_op(to) == SpvOpExecutionMode &&
	    to[2] == SpvExecutionModeLocalSize)
		memcpy(to + 3, w->workgroup, 3 * sizeof(*to));
}

/* Copy an instruction, with push constants made storage buffers. */
static void put_changed(struct writer *w, const uint32_t *in)
{
	uint32_t *to = w->to + w->n;

	put(w, in, vgpu_spirv_len(in));
	switch (vgpu_spirv_op(in)) {
	case SpvOpExecutionMode:
	case SpvOpExecutionModeId:
		put_size(w, to);
		break;
	case SpvOpCapability:
		if (to[1] == SpvCapabilityStoragePushConstant16)
			to[1] = SpvCapabilityStorageBuffer16BitAccess;
		else if (to[1] == SpvCapabilityStoragePushConstant8)
			to[1] = SpvCapabilityStorageBuffer8BitAccess;
		break;
	case SpvOpTypePointer:
		if (to[2] == SpvStorageClassPushConstant)
			to[2] = SpvStorageClassStorageBuffer;
		break;
	case SpvOpVariable:
		if (to[3] == SpvStorageClassPushConstant)
			to[3] = SpvStorageClassStorageBuffer;
		break;
	}
}

static void put_module(struct writer *w, bool push)
{
	bool extended = !push || w->m->words[1] >= 0x00010300;
	bool bound = !push;
	const uint32_t *in;

	put(w, w->m->words, VGPU_SPIRV_HEADER);
	vgpu_spirv_for_each(w->m, in) {
		if (!extended && vgpu_spirv_op(in) != SpvOpCapability) {
			put_extension(w);
			extended = true;
		}
		if (is_left_out(in))
			continue;
		if (!bound && is_type(in)) {
			put_bindings(w);
			bound = true;
		}
		put_changed(w, in);
	}
}

/* The case labels of a switch begin with its default at word 2. */
static bool is_case(const struct vgpu_spirv *m, const uint32_t *in,
		    uint32_t label)
{
	const uint32_t *type = vgpu_spirv_def(m, vgpu_spirv_def(m, in[1])[1]);
	/* Literals are as wide as the selector. */
	uint32_t i, step = vgpu_spirv_op(type) == SpvOpTypeInt && type[2] > 32 ?
			   3 : 2;

	for (i = 2; i < vgpu_spirv_len(in); i += step)
		if (in[i] == label)
			return true;
	return false;
}

/*
 * A case that runs into the next one, which WGSL does not have: providers
 * refuse it, or never come back.  Only the block with the switch, or one that
 * falls through, branches to a case that is not where the switch ends.
 */
static bool falls_through(const struct vgpu_spirv *m, const uint32_t *sw,
			  uint32_t merge)
{
	const uint32_t *in;
	uint32_t i;

	for (in = sw; in < m->words + m->n; in += vgpu_spirv_len(in)) {
		uint32_t op = vgpu_spirv_op(in);

		if (op == SpvOpFunctionEnd)
			break;
		for (i = op == SpvOpBranchConditional ? 2 : 1;
		     (op == SpvOpBranch && i < 2) ||
		     (op == SpvOpBranchConditional && i < 4); i++)
			if (in[i] != merge && is_case(m, sw, in[i]))
				return true;
	}
	return false;
}

static bool any_falls_through(const struct vgpu_spirv *m)
{
	const uint32_t *in;
	uint32_t merge = 0;

	vgpu_spirv_for_each(m, in) {
		if (vgpu_spirv_op(in) == SpvOpSelectionMerge)
			merge = in[1];
		if (vgpu_spirv_op(in) == SpvOpSwitch &&
		    falls_through(m, in, merge))
			return true;
	}
	return false;
}

int vgpu_spirv_webgpu(const struct vgpu_spirv *m, const uint32_t workgroup[3],
		      uint32_t **words, size_t *n, struct vgpu_message *msg)
{
	struct writer w = { .m = m };
	const uint32_t *in;
	size_t n_push = 0;

	if (any_falls_through(m))
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"a case of a switch in the kernel runs into the next one, which WebGPU does not have: end each with a break");

	vgpu_spirv_for_each(m, in) {
		n_push += is_push_variable(in);
		if (vgpu_spirv_op(in) == SpvOpDecorate &&
		    in[2] == SpvDecorationBuiltIn &&
		    in[3] == SpvBuiltInWorkgroupSize)
			w.workgroup = workgroup;
		if (vgpu_spirv_op(in) == SpvOpTypeInt && in[2] < 32)
			return vgpu_message_set(msg, -EOPNOTSUPP,
				"the kernel uses integers of %u bits (Int%u or StorageBuffer%uBitAccess), which WebGPU does not have",
				in[2], in[2], in[2]);
		if (vgpu_spirv_op(in) == SpvOpSpecConstantOp)
			return vgpu_message_set(msg, -EOPNOTSUPP,
				"the kernel computes with specialization constants in a way that cannot be folded (opcode %u), and WebGPU takes none",
				in[3]);
	}
	/* One more, for the zero at the end. */
	w.to = malloc((m->n + n_push * DECORATE_WORDS + EXTENSION_WORDS + 1) *
		      sizeof(*w.to));
	if (!w.to)
		return vgpu_message_set(msg, -ENOMEM,
			"no memory for the kernel's code");
	put_module(&w, n_push);
	*words = w.to;
	*n = w.n;
	return 0;
}
