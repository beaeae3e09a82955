// SPDX-License-Identifier: MIT
// A buffer that is coherent and volatile.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) coherent volatile buffer Out {
	uint b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	b[i] = a[i];
	memoryBarrierBuffer();
	b[i] += 3u;
}
