// SPDX-License-Identifier: MIT
// Prefix sums of a whole array by one workgroup, with a carry.
#version 450

layout(local_size_x = 128) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) buffer Data {
	uint a[];
};

shared uint part[128];

void main()
{
	uint me = gl_LocalInvocationIndex, carry = 0u;

	for (uint base = 0u; base < n; base += 128u) {
		uint i = base + me;

		part[me] = i < n ? a[i] : 0u;
		barrier();
		for (uint d = 1u; d < 128u; d *= 2u) {
			uint left = me >= d ? part[me - d] : 0u;

			barrier();
			part[me] += left;
			barrier();
		}
		if (i < n)
			a[i] = part[me] + carry;
		carry += part[127];
		barrier();
	}
}
