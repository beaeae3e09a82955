// SPDX-License-Identifier: MIT
// A sum and a greatest of each workgroup, in shared memory.
#version 450

layout(local_size_x = 128) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uvec2 b[];
};

shared uvec2 part[128];

void main()
{
	uint i = gl_GlobalInvocationID.x, me = gl_LocalInvocationIndex;
	uint x = i < n ? a[i] : 0u;

	part[me] = uvec2(x, x);
	barrier();
	for (uint step = 64u; step > 0u; step /= 2u) {
		if (me < step) {
			part[me].x += part[me + step].x;
			part[me].y = max(part[me].y, part[me + step].y);
		}
		barrier();
	}
	if (me == 0u)
		b[gl_WorkGroupID.x] = part[0];
}
