// SPDX-License-Identifier: MIT
// Buffers that are read only, written only, and both.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) restrict readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) writeonly buffer Out {
	uint b[];
};
layout(std430, set = 0, binding = 2) restrict buffer Both {
	uint c[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	b[i] = a[i] + 1u;
	c[i] = c[i] * 2u + a[i];
}
