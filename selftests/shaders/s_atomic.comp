// SPDX-License-Identifier: MIT
// Every atomic operation on 32 bits, all invocations on the same words.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) buffer Data {
	uint sum;
	uint least;
	uint greatest;
	uint all;
	uint any;
	uint parity;
	uint token;
	uint passed;
	int below;
	int above;
};
layout(std430, set = 0, binding = 1) buffer Taken {
	uint taken[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint x = i * 2654435761u;

	/* what was there before: each value once */
	taken[atomicAdd(sum, 1u)] = i + 1u;
	atomicMin(least, x);
	atomicMax(greatest, x);
	atomicAnd(all, ~(1u << (i & 15u)));
	atomicOr(any, 1u << (i % 20u));
	atomicXor(parity, x);
	atomicMin(below, int(x));
	atomicMax(above, int(x));
	/* the token goes round: what all got, and what is left, is a sum */
	atomicAdd(passed, atomicExchange(token, i + 1u));
}
