#version 450
/* A uniform buffer, which no kernel may have. */
layout(local_size_x = 1) in;
layout(std140, binding = 1) uniform u_t { uint u; };
layout(std430, binding = 0) buffer a_t { uint a[]; };

void main()
{
	a[0] = u;
}
