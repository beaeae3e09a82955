// SPDX-License-Identifier: MIT
// Counting, finding, extracting and inserting bits.
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
	uint x = a[2 * i], y = a[2 * i + 1];
	int at = int(y & 15u), bits = int(y >> 4u & 15u);

	b[5 * i] = uint(bitCount(x)) | (uint(findMSB(x)) & 255u) << 8u |
		   (uint(findLSB(x)) & 255u) << 16u |
		   uint(findMSB(int(x))) << 24u;
	b[5 * i + 1] = bitfieldExtract(x, at, bits);
	b[5 * i + 2] = uint(bitfieldExtract(int(x), at, bits));
	b[5 * i + 3] = bitfieldInsert(x, y, at, bits);
	b[5 * i + 4] = bitfieldReverse(x);
}
