// SPDX-License-Identifier: MIT
/*
 * What SPIR-V says it needs, capabilities and extensions, against what the
 * device has and the interface knows.  What is not in the tables is refused.
 */
#include <errno.h>
#include <string.h>
#include <spirv/unified1/spirv.h>

#include "spirv.h"

/* Both 0: every device has it. */
struct capability {
	uint32_t capability;
	uint64_t feature;	/* VGPU_FEATURE_* */
	uint64_t cap;		/* VGPU_ENGINE_CAP_* */
};

#define CAP(name, bit)							\
	{ .capability = SpvCapability##name, .cap = VGPU_ENGINE_CAP_##bit }
#define FEATURE(name, bit)						\
	{ .capability = SpvCapability##name, .feature = VGPU_FEATURE_##bit }

static const struct capability capabilities[] = {
	{ .capability = SpvCapabilityMatrix },
	{ .capability = SpvCapabilityShader },
	FEATURE(Int16, INT16),
	FEATURE(Int64, INT64),
	FEATURE(Float16, FLOAT16),
	FEATURE(Float64, FLOAT64),
	CAP(Int8, INT8),
	CAP(StorageBuffer8BitAccess, STORAGE8),
	CAP(UniformAndStorageBuffer8BitAccess, STORAGE8),
	CAP(StorageBuffer16BitAccess, STORAGE16),
	CAP(StorageUniform16, STORAGE16),
	CAP(StoragePushConstant8, PUSH8),
	CAP(StoragePushConstant16, PUSH16),
	CAP(Int64Atomics, ATOMIC64),
	CAP(VariablePointersStorageBuffer, VARIABLE_POINTERS),
	CAP(VariablePointers, VARIABLE_POINTERS),
	CAP(VulkanMemoryModel, MEMORY_MODEL),
	CAP(DenormPreserve, FLOAT_CONTROLS),
	CAP(DenormFlushToZero, FLOAT_CONTROLS),
	CAP(SignedZeroInfNanPreserve, FLOAT_CONTROLS),
	CAP(RoundingModeRTE, FLOAT_CONTROLS),
	CAP(RoundingModeRTZ, FLOAT_CONTROLS),
	CAP(DotProduct, DOT_PRODUCT),
	CAP(DotProductInputAll, DOT_PRODUCT),
	CAP(DotProductInput4x8Bit, DOT_PRODUCT),
	CAP(DotProductInput4x8BitPacked, DOT_PRODUCT),
	CAP(GroupNonUniform, SUBGROUP),
	CAP(GroupNonUniformVote, SUBGROUP_VOTE),
	CAP(GroupNonUniformArithmetic, SUBGROUP_ARITHMETIC),
	CAP(GroupNonUniformBallot, SUBGROUP_BALLOT),
	CAP(GroupNonUniformShuffle, SUBGROUP_SHUFFLE),
	CAP(GroupNonUniformShuffleRelative, SUBGROUP_SHUFFLE_RELATIVE),
	CAP(GroupNonUniformClustered, SUBGROUP_CLUSTERED),
	CAP(GroupNonUniformQuad, SUBGROUP_QUAD),
};

/* Each needs a capability of above too, or is in Vulkan 1.1. */
static const char *const extensions[] = {
	"SPV_KHR_16bit_storage",
	"SPV_KHR_8bit_storage",
	"SPV_KHR_float_controls",
	"SPV_KHR_integer_dot_product",
	"SPV_KHR_storage_buffer_storage_class",
	"SPV_KHR_variable_pointers",
	"SPV_KHR_vulkan_memory_model",
};

static const struct capability *find_capability(uint32_t capability)
{
	size_t i;

	for (i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		if (capabilities[i].capability == capability)
			return &capabilities[i];
	return NULL;
}

static int check_capability(uint32_t capability,
			    const struct vgpu_engine_info *limits,
			    uint64_t *features, struct vgpu_message *msg)
{
	const struct capability *c = find_capability(capability);
	char name[64];

	if (c && !(c->feature & ~limits->features) &&
	    !(c->cap & ~limits->capabilities)) {
		*features |= c->feature;
		return 0;
	}
	vgpu_spirv_capability_name(capability, name, sizeof(name));
	return vgpu_message_set(msg, -EOPNOTSUPP,
		c ? "the kernel uses capability %s, which this device does not have" :
		    "the kernel uses capability %s, which no kernel may use",
		name);
}

static int check_extension(const char *name, struct vgpu_message *msg)
{
	size_t i;

	if (!name)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's SPIR-V names an extension without an end");
	for (i = 0; i < sizeof(extensions) / sizeof(*extensions); i++)
		if (!strcmp(extensions[i], name))
			return 0;
	return vgpu_message_set(msg, -EOPNOTSUPP,
		"the kernel uses extension %.64s, which no kernel may use",
		name);
}

static int check_import(const char *name, struct vgpu_message *msg)
{
	if (name && !strcmp(name, "GLSL.std.450"))
		return 0;
	return vgpu_message_set(msg, -EOPNOTSUPP,
		"the kernel imports the instructions %.64s: only GLSL.std.450 is known",
		name ? name : "(without an end)");
}

int vgpu_spirv_capabilities(const struct vgpu_spirv *m,
			    const struct vgpu_engine_info *limits,
			    uint64_t *features, struct vgpu_message *msg)
{
	const uint32_t *in;
	int rc = 0;

	vgpu_spirv_for_each(m, in) {
		if (rc || vgpu_spirv_op(in) == SpvOpFunction)
			break;
		if (vgpu_spirv_op(in) == SpvOpCapability &&
		    vgpu_spirv_len(in) == 2)
			rc = check_capability(in[1], limits, features, msg);
		else if (vgpu_spirv_op(in) == SpvOpExtension)
			rc = check_extension(vgpu_spirv_string(in, 1), msg);
		else if (vgpu_spirv_op(in) == SpvOpExtInstImport)
			rc = check_import(vgpu_spirv_string(in, 2), msg);
		else if (vgpu_spirv_op(in) == SpvOpDecorationGroup)
			rc = vgpu_message_set(msg, -EOPNOTSUPP,
				"the kernel uses decoration groups, which are not supported: decorate each id");
	}
	return rc;
}
