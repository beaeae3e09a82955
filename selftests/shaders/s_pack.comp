// SPDX-License-Identifier: MIT
// Pixels of four bytes: taken apart, mixed, put together.
#version 450

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

uvec4 split(uint pixel)
{
	return uvec4(pixel, pixel >> 8u, pixel >> 16u, pixel >> 24u) & 255u;
}

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uvec4 p = split(a[2 * i]), q = split(a[2 * i + 1]);
	/* q over p, as pictures are blended */
	uvec3 mixed = (q.rgb * q.a + p.rgb * (255u - q.a) + 127u) / 255u;
	uint grey = (mixed.r * 77u + mixed.g * 150u + mixed.b * 29u) >> 8u;

	b[2 * i] = mixed.r | mixed.g << 8u | mixed.b << 16u | p.a << 24u;
	b[2 * i + 1] = grey * 0x01010101u;
}
