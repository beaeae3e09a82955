// SPDX-License-Identifier: MIT
// 16-bit floats, in storage and in arithmetic.
#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	float16_t a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	float16_t b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	float16_t x = a[2 * i], y = a[2 * i + 1];

	b[4 * i] = x + y;
	b[4 * i + 1] = x * y;
	b[4 * i + 2] = x - y;
	b[4 * i + 3] = max(x, y);
}
