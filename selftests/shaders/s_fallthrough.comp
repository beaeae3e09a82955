// SPDX-License-Identifier: MIT
// A switch whose cases run on into the next.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint x = a[i];

	switch (x & 3u) {
	case 0u:
		x += 7u;
		/* falls through */
	case 1u:
		x *= 3u;
		/* falls through */
	case 2u:
		x ^= 0x1234u;
		break;
	default:
		x = ~x;
	}
	b[i] = x;
}
