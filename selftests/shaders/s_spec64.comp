// SPDX-License-Identifier: MIT
// Specialization constants of 64 bits.
#version 450
#extension GL_ARB_gpu_shader_int64 : require

layout(local_size_x = 1) in;
layout(constant_id = 3) const uint64_t BIG = 5ul;
layout(constant_id = 4) const int64_t SMALL = -1l;
layout(constant_id = 5) const double REAL = 0.25lf;
layout(std430, set = 0, binding = 0) buffer Out {
	uint64_t b[3];
	double d;
};

void main()
{
	b[0] = BIG;
	b[1] = uint64_t(SMALL);
	b[2] = BIG + uint64_t(SMALL);
	d = REAL * 2.0lf;
}
