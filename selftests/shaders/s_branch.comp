// SPDX-License-Identifier: MIT
// Branches by data, early returns, switch, loops that break.
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

uint classify(uint x)
{
	if (x == 0u)
		return 1000u;
	switch (x % 7u) {
	case 0u:
		return x / 7u;
	case 1u:
	case 2u:
		x = (x + 5u) * 3u;
		break;
	case 3u:
		x *= 3u;
		break;
	case 5u:
		if ((x & 8u) != 0u)
			return 5u;
		x = ~x;
		break;
	default:
		x ^= 0x55u;
	}
	return x;
}

void main()
{
	uint i = gl_GlobalInvocationID.x, steps = 0u, odd = 0u;

	if (i >= n)
		return;
	uint x = a[i] % 10000u;

	if (x < 100u) {
		b[i] = classify(x);
		return;
	}
	/* Collatz, differently long for each */
	while (x != 1u) {
		steps++;
		if (steps > 120u)
			break;
		if ((x & 1u) == 0u) {
			x >>= 1u;
			continue;
		}
		odd++;
		x = 3u * x + 1u;
	}
	b[i] = classify(a[i]) + steps * 65536u + odd;
}
