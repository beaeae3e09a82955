// SPDX-License-Identifier: MIT
// The least that shows that a kernel ran: a number is added to each word.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
	uint x;
};
layout(std430, set = 0, binding = 0) buffer Data {
	uint a[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < n)
		a[i] += x;
}
