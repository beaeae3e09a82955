// SPDX-License-Identifier: MIT
// What constants of every type, and the grid, have come to.
#version 450
layout(local_size_x = 1) in;
layout(constant_id = 0) const uint a = 7;
layout(constant_id = 1) const int b = -7;
layout(constant_id = 5) const float c = 0.5;
layout(constant_id = 9) const bool d = false;
layout(set = 0, binding = 0) buffer Data { uint data[]; };

void main()
{
	uvec3 n = gl_NumWorkGroups;

	if (gl_GlobalInvocationID != uvec3(0))
		return;
	data[0] = a;
	data[1] = uint(b);
	data[2] = floatBitsToUint(c);
	data[3] = d ? 1 : 0;
	data[4] = n.x;
	data[5] = n.y;
	data[6] = n.z;
}
