// SPDX-License-Identifier: MIT
// 16-bit integers, in storage and in arithmetic.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_16bit_storage : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint16_t a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint16_t b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint16_t x = a[2 * i], y = a[2 * i + 1];
	int16_t sx = int16_t(x), sy = int16_t(y);

	b[4 * i] = x * y + x;
	b[4 * i + 1] = (x << (y & 15us)) ^ (x >> 3us);
	b[4 * i + 2] = uint16_t(sx >> 2s) + x / (y | 1us);
	b[4 * i + 3] = sx < sy ? 1us : 2us;
}
