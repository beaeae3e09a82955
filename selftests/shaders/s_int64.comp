// SPDX-License-Identifier: MIT
// 64-bit integers.
#version 450
#extension GL_ARB_gpu_shader_int64 : require

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	uint64_t a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	uint64_t b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	uint64_t x = a[2 * i], y = a[2 * i + 1];
	int64_t sx = int64_t(x), sy = int64_t(y);
	uint shift = uint(y) & 63u;

	b[4 * i] = x * y + (x ^ y);
	b[4 * i + 1] = (x << shift) + (x >> (63u - shift));
	b[4 * i + 2] = x / (y | 1ul) + x % (y | 1ul) + uint64_t(sx / 1000003l);
	b[4 * i + 3] = (sx < sy ? 1ul : 0ul) + (x < y ? 2ul : 0ul) +
		       uint64_t(sx >> 7);
}
