// SPDX-License-Identifier: MIT
// Bytes in storage only.
#version 450
#extension GL_EXT_shader_8bit_storage : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint8_t a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint8_t b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint x = uint(a[i]), next = uint(a[(i + 1u) % n]);

	b[i] = uint8_t((x * 3u + next) & 255u);
}
