// SPDX-License-Identifier: MIT
// 8-bit integers in arithmetic.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint8_t x = uint8_t(a[i]), y = uint8_t(a[i] >> 8u);
	int8_t s = int8_t(x);

	x = x * y + uint8_t(7);
	b[i] = uint(x) | uint(uint8_t(s >> 1)) << 8u;
}
