// SPDX-License-Identifier: MIT
// Sums and differences with their carry, products of 64 bits.
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
	uint i = gl_GlobalInvocationID.x, carry, borrow, high, low;

	if (i >= n)
		return;
	uint x = a[2 * i], y = a[2 * i + 1];

	b[3 * i] = uaddCarry(x, y, carry) + carry;
	b[3 * i + 1] = usubBorrow(x, y, borrow) ^ borrow;
	umulExtended(x, y, high, low);
	b[3 * i + 2] = high ^ low * 3u;
}
