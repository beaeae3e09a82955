// SPDX-License-Identifier: MIT
// Takes as long as it is told to: two nested loops.
#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Arguments { uint outer; uint inner; };

void main()
{
	uint x = data[0];

	for (uint i = 0; i < outer; i++) {
		for (uint k = 0; k < inner; k++)
			x = x * 1664525 + 1013904223 + (x >> 7);
	}
	data[0] = x;
}
