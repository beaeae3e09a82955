// SPDX-License-Identifier: MIT
// One step of a stencil over a torus, from one buffer to another.
#version 450

layout(local_size_x = 8, local_size_y = 8) in;
layout(push_constant) uniform Args {
	uint width;
	uint height;
};
layout(std430, set = 0, binding = 0) readonly buffer From {
	uint a[];
};
layout(std430, set = 0, binding = 1) writeonly buffer To {
	uint b[];
};

void main()
{
	uint x = gl_GlobalInvocationID.x, y = gl_GlobalInvocationID.y;

	if (x >= width || y >= height)
		return;
	uint w = (x + width - 1u) % width, e = (x + 1u) % width;
	uint up = (y + height - 1u) % height, down = (y + 1u) % height;

	b[y * width + x] = a[y * width + x] * 5u + a[y * width + w] +
			   a[y * width + e] * 3u + a[up * width + x] * 7u +
			   (a[down * width + x] >> 1u);
}
