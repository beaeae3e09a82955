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

/* Words of three OpDecorate, of OpExtension and OpExecutionMode below. */
#define DECORATE_WORDS	11u
#define EXTENSION_WORDS	11u
#define MODE_WORDS	6u

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
 * wgpu-native does not know the constant that is the size of a workgroup: each
 * entry point gets it as a mode, in the place of any that it has.
 */
static void put_sizes(struct writer *w)
{
	const uint32_t *in;

	vgpu_spirv_for_each(w->m, in) {
		uint32_t words[] = {
			MODE_WORDS << 16 | SpvOpExecutionMode, in[2],
			SpvExecutionModeLocalSize, w->workgroup[0],
			w->workgroup[1], w->workgroup[2],
		};

		if (vgpu_spirv_op(in) == SpvOpFunction)
			break;
		if (vgpu_spirv_op(in) == SpvOpEntryPoint &&
		    in[1] == SpvExecutionModelGLCompute)
			put(w, words, MODE_WORDS);
	}
}

static bool is_size(const uint32_t *in)
{
	return (vgpu_spirv_op(in) == SpvOpExecutionMode &&
		in[2] == SpvExecutionModeLocalSize) ||
	       (vgpu_spirv_op(in) == SpvOpExecutionModeId &&
		in[2] == SpvExecutionModeLocalSizeId);
}

/* Nor does it know sizes by id. */
static void change_size(struct writer *w, uint32_t *to)
{
	uint32_t i;

	if (!is_size(to) || vgpu_spirv_op(to) == SpvOpExecutionMode)
		return;
	to[0] = MODE_WORDS << 16 | SpvOpExecutionMode;
	to[2] = SpvExecutionModeLocalSize;
	for (i = 3; i < MODE_WORDS; i++)
		vgpu_spirv_value(w->m, to[i], &to[i]);
}

/* Copy an instruction, with push constants made storage buffers. */
static void put_changed(struct writer *w, const uint32_t *in)
{
	uint32_t *to = w->to + w->n;

	put(w, in, vgpu_spirv_len(in));
	switch (vgpu_spirv_op(in)) {
	case SpvOpExecutionModeId:
		change_size(w, to);
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
	bool bound = !push, sized = !w->workgroup, entries = false;
	const uint32_t *in;

	put(w, w->m->words, VGPU_SPIRV_HEADER);
	vgpu_spirv_for_each(w->m, in) {
		if (!extended && vgpu_spirv_op(in) != SpvOpCapability) {
			put_extension(w);
			extended = true;
		}
		if (is_left_out(in) || (w->workgroup && is_size(in)))
			continue;
		/* Modes follow the last entry point. */
		if (vgpu_spirv_op(in) == SpvOpEntryPoint) {
			entries = true;
		} else if (!sized && entries) {
			put_sizes(w);
			sized = true;
		}
		if (!bound && is_type(in)) {
			put_bindings(w);
			bound = true;
		}
		put_changed(w, in);
	}
}

int vgpu_spirv_webgpu(const struct vgpu_spirv *m, const uint32_t workgroup[3],
		      uint32_t **words, size_t *n, struct vgpu_message *msg)
{
	struct writer w = { .m = m };
	size_t n_push = 0, n_entries = 0;
	const uint32_t *in;
	int rc;

	rc = vgpu_spirv_switches(m, msg);
	if (rc)
		return rc;
	vgpu_spirv_for_each(m, in) {
		n_push += is_push_variable(in);
		n_entries += vgpu_spirv_op(in) == SpvOpEntryPoint;
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
	w.to = malloc((m->n + n_push * DECORATE_WORDS + EXTENSION_WORDS +
		       n_entries * MODE_WORDS + 1) * sizeof(*w.to));
	if (!w.to)
		return vgpu_message_set(msg, -ENOMEM,
			"no memory for the kernel's code");
	put_module(&w, n_push);
	*words = w.to;
	*n = w.n;
	return 0;
}
