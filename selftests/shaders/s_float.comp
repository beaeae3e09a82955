// SPDX-License-Identifier: MIT
// 32-bit floats: what is rounded correctly, and division and root.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	vec2 a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	vec4 b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	float x = a[i].x, y = a[i].y;
	precise float sum = x + y, product = x * y;

	b[i] = vec4(sum, product, x / y, sqrt(abs(x)) + floor(y) - fract(y));
}
