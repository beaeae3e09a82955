#version 450
// One step of a chain: each launch needs what the one before it wrote.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint v[]; };
layout(push_constant) uniform Push { uint n; uint add; };
void main()
{
	uint i = gl_GlobalInvocationID.x;

	if (i < n)
		v[i] = v[i] * 3u + add;
}
