// SPDX-License-Identifier: MIT
// All 128 bytes of push constants.
#version 450

layout(local_size_x = 16) in;
layout(push_constant) uniform Args {
	uint u[16];
	ivec4 s;
	mat2 m;
	vec3 v;
	float f;
	ivec2 pair;
	uint last[2];
} p;
layout(std430, set = 0, binding = 0) buffer Out {
	uint b[34];
};

void main()
{
	uint i = gl_LocalInvocationIndex;

	if (i < 16u)
		b[i] = p.u[i];
	if (i != 0u)
		return;
	for (int k = 0; k < 4; k++)
		b[16 + k] = uint(p.s[k]);
	b[20] = floatBitsToUint(p.m[0][0]);
	b[21] = floatBitsToUint(p.m[0][1]);
	b[22] = floatBitsToUint(p.m[1][0]);
	b[23] = floatBitsToUint(p.m[1][1]);
	for (int k = 0; k < 3; k++)
		b[24 + k] = floatBitsToUint(p.v[k]);
	b[27] = floatBitsToUint(p.f);
	b[28] = uint(p.pair.x);
	b[29] = uint(p.pair.y);
	b[30] = p.last[0];
	b[31] = p.last[1];
	b[32] = p.u[p.last[0] & 15u];
	b[33] = 34u;
}
