#version 450
/* The same types in push constants and in a buffer, read through both. */
layout(local_size_x = 8) in;
struct pair { uint x; uint y; };
layout(std430, binding = 0) readonly buffer a_t { pair a[]; };
layout(std430, binding = 1) writeonly buffer b_t { uint b[]; };
layout(push_constant) uniform push_t { pair p[4]; uint n; } push;

void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < push.n)
		b[i] = a[i].x + push.p[i & 3].y;
}
