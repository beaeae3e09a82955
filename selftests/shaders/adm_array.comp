#version 450
/* An array of storage buffers. */
layout(local_size_x = 1) in;
layout(std430, binding = 0) buffer a_t { uint a[]; } many[2];

void main()
{
	many[1].a[0] = 1;
}
