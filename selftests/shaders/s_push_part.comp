// SPDX-License-Identifier: MIT
// A block of push constants of which a part in the middle is used.
#version 450

layout(local_size_x = 1) in;
layout(push_constant) uniform Args {
	layout(offset = 20) uint x;
	layout(offset = 32) uvec2 y;
};
layout(std430, set = 0, binding = 0) buffer Out {
	uint b[4];
};

void main()
{
	b[0] = x;
	b[1] = y.x;
	b[2] = y.y;
	b[3] = x * y.x + y.y;
}
