#version 450
/* Needs double. */
layout(local_size_x = 4) in;
layout(std430, binding = 2) restrict buffer a_t { double a[]; };

void main()
{
	a[gl_LocalInvocationIndex] *= 2.0lf;
}
