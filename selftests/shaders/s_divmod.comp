// SPDX-License-Identifier: MIT
// Division and remainder, negative numbers included.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	ivec2 a[];
};
layout(std430, set = 0, binding = 1) writeonly buffer Out {
	ivec4 b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i >= n)
		return;
	int x = a[i].x, y = a[i].y;
	/* '%' of negative numbers has no defined result: by hand. */
	int q = x / y, r = x - q * y;
	int floored = r != 0 && (r < 0) != (y < 0) ? r + y : r;

	b[i] = ivec4(q, r, floored, int(uint(x) % uint(y) + uint(x) / uint(y)));
}
