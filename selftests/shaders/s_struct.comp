// SPDX-License-Identifier: MIT
// Structures, matrices and arrays in a buffer, with their padding.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
struct item {
	vec3 v;
	uint tag;
	mat3 m;
	ivec2 pair[2];
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	item a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	item b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	item x = a[i];

	x.v = x.m * x.v;
	x.m = transpose(x.m);
	x.tag += uint(x.pair[x.tag & 1u].y);
	x.pair[0] = -x.pair[1].yx;
	b[i].v = x.v;
	b[i].tag = x.tag;
	b[i].m = x.m;
	b[i].pair = x.pair;
}
