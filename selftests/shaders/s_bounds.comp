// SPDX-License-Identifier: MIT
// Reads and writes beyond the range that was given.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) buffer Small {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	/* beside it, a page further, elsewhere, and out of everything */
	uint at = 64u + (i < 64u ? i : i < 128u ? 1024u + i :
			 i < 192u ? i * 0x1000u : i * 0x100000u);

	if (i >= n)
		return;
	b[i] = a[at];
	a[at] = 0xdeadbeefu;
}
