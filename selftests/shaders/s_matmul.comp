// SPDX-License-Identifier: MIT
// A product of matrices, in tiles of shared memory.
#version 450

layout(local_size_x = 8, local_size_y = 8) in;
layout(push_constant) uniform Args {
	uint rows;
	uint inner;
	uint columns;
};
layout(std430, set = 0, binding = 0) readonly buffer A {
	float a[];
};
layout(std430, set = 0, binding = 1) readonly buffer B {
	float b[];
};
layout(std430, set = 0, binding = 2) writeonly buffer C {
	float c[];
};

shared float left[8][8];
shared float right[8][8];

void main()
{
	uint row = gl_GlobalInvocationID.y, column = gl_GlobalInvocationID.x;
	uint y = gl_LocalInvocationID.y, x = gl_LocalInvocationID.x;
	float sum = 0.0;

	for (uint t = 0u; t < inner; t += 8u) {
		left[y][x] = row < rows && t + x < inner ?
			     a[row * inner + t + x] : 0.0;
		right[y][x] = column < columns && t + y < inner ?
			      b[(t + y) * columns + column] : 0.0;
		barrier();
		for (uint k = 0u; k < 8u; k++)
			sum += left[y][k] * right[k][x];
		barrier();
	}
	if (row < rows && column < columns)
		c[row * columns + column] = sum;
}
