// SPDX-License-Identifier: MIT
// As long as it is told to take.  The count is in a buffer and not in push
// constants, so that WebGPU runs the very same code.
#version 450

layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) buffer Out {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Params {
	uint count;
};

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint n = count;
	uint x = i;

	for (uint k = 0u; k < n; k++) {
		x = x * 1664525u + 1013904223u;
		x ^= x >> 13;
	}
	a[i] = x;
}
