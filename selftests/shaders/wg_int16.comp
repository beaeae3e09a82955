// SPDX-License-Identifier: MIT
// 16-bit integers, which WebGPU has not.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require
layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer O { int16_t o[]; };

void main()
{
	o[0] = o[1] + o[2];
}
