// SPDX-License-Identifier: MIT
// A histogram, in shared memory first.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint b[256];
};

shared uint count[256];

void main()
{
	uint me = gl_LocalInvocationIndex;
	uint stride = gl_NumWorkGroups.x * 64u;

	for (uint k = me; k < 256u; k += 64u)
		count[k] = 0u;
	barrier();
	for (uint i = gl_GlobalInvocationID.x; i < n; i += stride)
		atomicAdd(count[a[i] >> 24u], 1u);
	barrier();
	for (uint k = me; k < 256u; k += 64u)
		if (count[k] != 0u)
			atomicAdd(b[k], count[k]);
}
