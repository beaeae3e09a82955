// SPDX-License-Identifier: MIT
/*
 * The version of the library that is loaded.
 */
#include <vgpu/vgpu.h>

uint32_t vgpu_version(void)
{
	return LIBVGPU_VERSION;
}

const char *vgpu_version_string(void)
{
	return LIBVGPU_VERSION_STRING;
}
