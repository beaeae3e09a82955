// SPDX-License-Identifier: MIT
// Loops of far more than 65,535 iterations, alone and nested.
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

void main()
{
	uint i = gl_GlobalInvocationID.x, sum = 0u, x;

	if (i >= n)
		return;
	x = a[i];
	for (uint k = 0u; k < 200000u + i; k++)
		x = x * 1664525u + 1013904223u;
	for (uint k = 0u; k < 300u; k++)
		for (uint m = 0u; m < 400u; m++)
			if (((x ^ k * m) & 3u) == 0u)
				sum += k;
	b[2 * i] = x;
	b[2 * i + 1] = sum;
}
