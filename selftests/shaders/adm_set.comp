#version 450
/* A storage buffer in another set than the first. */
layout(local_size_x = 1) in;
layout(std430, set = 1, binding = 0) buffer a_t { uint a[]; };

void main()
{
	a[0] = 1;
}
