// SPDX-License-Identifier: MIT
// 32-bit integers: wrapping arithmetic, shifts, comparisons.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uvec2 a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uvec4 b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint x = a[i].x, y = a[i].y;
	int sx = int(x), sy = int(y);
	uint h = 2166136261u;

	for (uint k = 0u; k < 4u; k++)
		h = (h ^ ((x >> (8u * k)) & 255u)) * 16777619u;
	b[i] = uvec4(x * y + (x ^ ~y) - (x | y),
		     (x << (y & 31u)) + (x >> (y & 31u)) +
		     uint(sx >> int(y & 31u)),
		     h,
		     uint(min(sx, sy)) + 3u * uint(max(sx, sy)) +
		     uint(abs(sx >> 1)) + min(x, y) +
		     (sx < sy ? 1u : 0u) + (x < y ? 2u : 0u));
}
