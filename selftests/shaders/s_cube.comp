// SPDX-License-Identifier: MIT
// A grid of three dimensions, workgroups of three dimensions.
#version 450

layout(local_size_x = 4, local_size_y = 2, local_size_z = 3) in;
layout(std430, set = 0, binding = 0) buffer Out {
	uint b[];
};

void main()
{
	uvec3 all = gl_NumWorkGroups * gl_WorkGroupSize;
	uvec3 g = gl_GlobalInvocationID;

	b[(g.z * all.y + g.y) * all.x + g.x] =
		g.x | g.y << 8u | g.z << 16u | gl_LocalInvocationIndex << 24u;
}
