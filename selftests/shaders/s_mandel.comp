// SPDX-License-Identifier: MIT
// Mandelbrot's set.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
	uint width;
	uint most;
	float left;
	float top;
	float step;
};
layout(std430, set = 0, binding = 0) writeonly buffer Out {
	uint b[];
};

void main()
{
	uint i = gl_GlobalInvocationID.x, k;

	if (i >= n)
		return;
	precise float cx = left + float(i % width) * step;
	precise float cy = top + float(i / width) * step;
	precise float x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy;

	for (k = 0u; k < most && xx + yy <= 4.0; k++) {
		xy = x * y;
		x = xx - yy + cx;
		y = xy + xy + cy;
		xx = x * x;
		yy = y * y;
	}
	b[i] = k;
}
