// SPDX-License-Identifier: MIT
// What the specialization constants are.
#version 450
layout(local_size_x = 1) in;
layout(constant_id = 0) const uint u = 1;
layout(constant_id = 1) const float f = 1.5;
layout(constant_id = 2) const int i = -1;
layout(constant_id = 3) const bool b = false;
layout(std430, set = 0, binding = 0) writeonly buffer O { int o[]; };

void main()
{
	o[0] = int(u);
	o[1] = int(f * 4.0);
	o[2] = i * 2;
	o[3] = b ? 1 : 0;
}
