// SPDX-License-Identifier: MIT
/*
 * SPIRV-Tools' validator, behind a boundary that no exception crosses.
 */
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <spirv-tools/libspirv.hpp>

#include "spirv.h"

namespace {

spv_target_env environment(uint32_t api_version)
{
	uint32_t minor = api_version >> 12 & 0x3ff;

	if (api_version >> 22 != 1 || minor <= 1)
		return SPV_ENV_VULKAN_1_1;
	return minor == 2 ? SPV_ENV_VULKAN_1_2 : SPV_ENV_VULKAN_1_3;
}

/* The first line of what the tool said is kept: the rest is a listing. */
spvtools::MessageConsumer keep_line(std::string *line)
{
	return [line](spv_message_level_t level, const char *,
		      const spv_position_t &, const char *text) {
		if (level <= SPV_MSG_ERROR && line->empty())
			line->assign(text, strcspn(text, "\n"));
	};
}

int no_memory(struct vgpu_message *msg)
{
	return vgpu_message_set(msg, -ENOMEM,
		"no memory to look at the kernel's SPIR-V");
}

int validate(const uint32_t *words, size_t n, uint32_t api_version,
	     struct vgpu_message *msg)
{
	spvtools::SpirvTools tools(environment(api_version));
	spvtools::ValidatorOptions options;
	std::string line;

	options.SetUniversalLimit(spv_validator_limit_max_id_bound,
				  VGPU_SPIRV_MAX_BOUND);
	options.SetUniversalLimit(
		spv_validator_limit_max_control_flow_nesting_depth,
		VGPU_SPIRV_MAX_NESTING);
	options.SetUniversalLimit(spv_validator_limit_max_struct_depth,
				  VGPU_SPIRV_MAX_TYPE);
	tools.SetMessageConsumer(keep_line(&line));
	if (tools.Validate(words, n, options))
		return 0;
	return vgpu_message_set(msg, -EINVAL,
		"the kernel's SPIR-V is not valid: %.200s",
		line.empty() ? "the validator does not say why" : line.c_str());
}

} // namespace

int vgpu_spirv_validate(const uint32_t *words, size_t n, uint32_t api_version,
			struct vgpu_message *msg)
{
	try {
		return validate(words, n, api_version, msg);
	} catch (const std::exception &) {
		return no_memory(msg);
	}
}

/* The tools have a table of names, which only their disassembler gives out. */
void vgpu_spirv_capability_name(uint32_t capability, char *name, size_t bytes)
{
	const uint32_t words[] = { 0x07230203, 0x00010300, 0, 1, 0,
				   2u << 16 | 17, capability };
	static const char before[] = "OpCapability ";

	snprintf(name, bytes, "%u", capability);
	try {
		spvtools::SpirvTools tools(SPV_ENV_UNIVERSAL_1_6);
		std::string text;

		if (!tools.Disassemble(words, sizeof(words) / sizeof(*words),
				       &text, SPV_BINARY_TO_TEXT_OPTION_NO_HEADER))
			return;
		size_t at = text.find(before);
		if (at == std::string::npos)
			return;
		at += strlen(before);
		snprintf(name, bytes, "%.*s",
			 static_cast<int>(strcspn(text.c_str() + at, " \n")),
			 text.c_str() + at);
	} catch (const std::exception &) {
		/* The number it is. */
	}
}
