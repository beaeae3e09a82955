// SPDX-License-Identifier: MIT
// Every workgroup of a large grid, once.
#version 450

layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer Out {
	uint count;
	uint sum;
	uint most_x;
	uint most_y;
	uint most_z;
	uint size_x;
	uint size_y;
	uint size_z;
};

void main()
{
	uvec3 g = gl_WorkGroupID;

	atomicAdd(count, 1u);
	atomicAdd(sum, g.x + 3u * g.y + 7u * g.z);
	atomicMax(most_x, g.x);
	atomicMax(most_y, g.y);
	atomicMax(most_z, g.z);
	if (g == uvec3(0)) {
		size_x = gl_NumWorkGroups.x;
		size_y = gl_NumWorkGroups.y;
		size_z = gl_NumWorkGroups.z;
	}
}
