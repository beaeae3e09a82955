// SPDX-License-Identifier: MIT
// Reads and writes all of a buffer: four words an invocation.
#version 450

layout(local_size_x = 256) in;
layout(std430, set = 0, binding = 0) buffer Data {
	uvec4 a[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	a[i] = a[i] * 3u + uvec4(1u);
}
