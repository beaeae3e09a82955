// SPDX-License-Identifier: MIT
// Bitonic sort in shared memory, one block a workgroup.
#version 450

layout(local_size_x = 128) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) buffer Data {
	uint a[];
};

shared uint item[128];

void main()
{
	uint me = gl_LocalInvocationIndex, i = gl_GlobalInvocationID.x;

	item[me] = i < n ? a[i] : 0xffffffffu;
	barrier();
	for (uint size = 2u; size <= 128u; size *= 2u) {
		for (uint d = size / 2u; d > 0u; d /= 2u) {
			uint other = me ^ d;

			if (other > me) {
				uint x = item[me], y = item[other];

				if ((x > y) == ((me & size) == 0u)) {
					item[me] = y;
					item[other] = x;
				}
			}
			barrier();
		}
	}
	if (i < n)
		a[i] = item[me];
}
