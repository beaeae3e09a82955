// SPDX-License-Identifier: MIT
// The sum of n numbers: each workgroup adds 512 of them up in shared memory,
// and writes one.
#version 450
#define GROUP 256
layout(local_size_x = GROUP) in;

layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) writeonly buffer To { uint to[]; };
layout(push_constant) uniform Arguments { uint n; };

shared uint part[GROUP];

void main()
{
	uint me = gl_LocalInvocationID.x;
	uint i = gl_WorkGroupID.x * 2 * GROUP + me;

	part[me] = (i < n ? from[i] : 0) + (i + GROUP < n ? from[i + GROUP] : 0);
	barrier();
	for (uint half_size = GROUP / 2; half_size > 0; half_size /= 2) {
		if (me < half_size)
			part[me] += part[me + half_size];
		barrier();
	}
	if (me == 0)
		to[gl_WorkGroupID.x] = part[0];
}
