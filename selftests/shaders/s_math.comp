// SPDX-License-Identifier: MIT
// Transcendental functions.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	float a[];
};
layout(std430, set = 0, binding = 1) buffer Out {
	float b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	float x = a[i];

	b[8 * i] = sin(x);
	b[8 * i + 1] = cos(x);
	b[8 * i + 2] = exp(x);
	b[8 * i + 3] = log(abs(x) + 0.5);
	b[8 * i + 4] = pow(abs(x) + 0.25, 1.5);
	b[8 * i + 5] = atan(x, 2.0);
	b[8 * i + 6] = exp2(x);
	b[8 * i + 7] = inversesqrt(abs(x) + 0.125);
}
