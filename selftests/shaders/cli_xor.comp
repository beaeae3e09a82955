// SPDX-License-Identifier: MIT
// Every word of a buffer of any size, with a grid of any size.
#version 450
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Arguments { uint with_what; };

void main()
{
	uint stride = gl_NumWorkGroups.x * gl_WorkGroupSize.x;

	for (uint i = gl_GlobalInvocationID.x; i < data.length(); i += stride)
		data[i] ^= with_what;
}
