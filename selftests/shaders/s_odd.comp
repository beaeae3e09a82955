// SPDX-License-Identifier: MIT
// The length of a buffer says how much there is to do.
#version 450

layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) readonly buffer In {
	float a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	float b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < uint(b.length()))
		b[i] = a[i] * 2.0 + b[i];
}
