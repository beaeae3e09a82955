#version 450
/* Divisions that a specialization value may make overflow. */
layout(local_size_x = 1) in;
layout(constant_id = 0) const int x = 6;
layout(constant_id = 1) const int y = 3;
layout(std430, binding = 0) buffer a_t { int a[]; };
const int quotient = x / y;
const int rest = x % y;

void main()
{
	a[0] = quotient;
	a[1] = rest;
}
