// SPDX-License-Identifier: MIT
// 64-bit floats.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	dvec2 a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	dvec4 b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	double x = a[i].x, y = a[i].y;
	precise double sum = x + y, product = x * y;

	b[i] = dvec4(sum, product, x / y, sqrt(abs(x)));
}
