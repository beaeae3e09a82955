// SPDX-License-Identifier: MIT
// Two bindings that may be given the same memory.
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
	uint i = gl_GlobalInvocationID.x;

	if (i < n)
		b[i] = a[i] * 2u + 1u;
}
