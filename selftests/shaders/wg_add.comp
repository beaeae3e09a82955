// SPDX-License-Identifier: MIT
// c = a + b * scale, for the first count elements.
#version 450
layout(local_size_x = 64) in;
layout(std430, set = 0, binding = 0) readonly buffer A { uint a[]; };
layout(std430, set = 0, binding = 1) readonly buffer B { uint b[]; };
layout(std430, set = 0, binding = 2) writeonly buffer C { uint c[]; };
layout(push_constant) uniform P { uint count; uint scale; };

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < count)
		c[i] = a[i] + b[i] * scale;
}
