// SPDX-License-Identifier: MIT
// Specialization constants of 32 bits, operations on them, and the size of
// the workgroup.
#version 450

layout(local_size_x_id = 10, local_size_y_id = 11) in;
layout(constant_id = 0) const uint COUNT = 3u;
layout(constant_id = 1) const int BIAS = -5;
layout(constant_id = 2) const float SCALE = 0.5;
layout(constant_id = 7) const bool NEGATE = false;
const uint TWICE = COUNT * 2u + 1u;
const int PICK = NEGATE ? BIAS : -BIAS;

layout(std430, set = 0, binding = 0) buffer Out {
	uint b[];
};

shared uint part[TWICE];

void main()
{
	uint size = gl_WorkGroupSize.x * gl_WorkGroupSize.y;
	uint me = gl_LocalInvocationIndex;

	for (uint k = me; k < TWICE; k += size)
		part[k] = k + COUNT;
	barrier();
	if (me == 0u) {
		uint sum = 0u;

		for (uint k = 0u; k < TWICE; k++)
			sum += part[k];
		b[0] = COUNT;
		b[1] = uint(BIAS);
		b[2] = floatBitsToUint(SCALE);
		b[3] = NEGATE ? 1u : 0u;
		b[4] = TWICE;
		b[5] = uint(PICK);
		b[6] = sum;
		b[7] = size;
	}
	b[8u + me] = gl_LocalInvocationID.x + 256u * gl_LocalInvocationID.y;
}
