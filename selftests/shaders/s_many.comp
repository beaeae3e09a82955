// SPDX-License-Identifier: MIT
// All sixteen bindings at once.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer B0 {
	uint b0[];
};
layout(std430, set = 0, binding = 1) readonly buffer B1 {
	uint b1[];
};
layout(std430, set = 0, binding = 2) readonly buffer B2 {
	uint b2[];
};
layout(std430, set = 0, binding = 3) readonly buffer B3 {
	uint b3[];
};
layout(std430, set = 0, binding = 4) readonly buffer B4 {
	uint b4[];
};
layout(std430, set = 0, binding = 5) readonly buffer B5 {
	uint b5[];
};
layout(std430, set = 0, binding = 6) readonly buffer B6 {
	uint b6[];
};
layout(std430, set = 0, binding = 7) readonly buffer B7 {
	uint b7[];
};
layout(std430, set = 0, binding = 8) readonly buffer B8 {
	uint b8[];
};
layout(std430, set = 0, binding = 9) readonly buffer B9 {
	uint b9[];
};
layout(std430, set = 0, binding = 10) readonly buffer B10 {
	uint b10[];
};
layout(std430, set = 0, binding = 11) readonly buffer B11 {
	uint b11[];
};
layout(std430, set = 0, binding = 12) buffer B12 {
	uint b12[];
};
layout(std430, set = 0, binding = 13) buffer B13 {
	uint b13[];
};
layout(std430, set = 0, binding = 14) buffer B14 {
	uint b14[];
};
layout(std430, set = 0, binding = 15) buffer B15 {
	uint b15[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	b12[i] = b0[i] + 2u * b1[i] + 3u * b2[i] + 4u * b3[i];
	b13[i] = b4[i] + 2u * b5[i] + 3u * b6[i] + 4u * b7[i];
	b14[i] = b8[i] + 2u * b9[i] + 3u * b10[i] + 4u * b11[i];
	b15[i] += b0[i] ^ b11[i];
}
