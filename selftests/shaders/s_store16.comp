// SPDX-License-Identifier: MIT
// 16-bit floats and integers in storage only.
#version 450
#extension GL_EXT_shader_16bit_storage : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	float16_t a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint16_t b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	float x = float(a[i]);

	b[i] = uint16_t(uint(x * 4.0) * 3u);
}
