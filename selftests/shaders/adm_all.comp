#version 450
/* What admission looks at: constants, workgroup memory, reads and writes. */
layout(local_size_x_id = 0, local_size_y = 2) in;
layout(constant_id = 1) const uint twice = 3;
layout(constant_id = 2) const bool more = false;
layout(std430, binding = 0) buffer a_t { uint a[]; };
layout(std430, binding = 1) buffer b_t { uint b[]; };
layout(std430, binding = 3) buffer c_t { uint c[]; };
layout(std430, binding = 5) writeonly buffer d_t { uint d[]; };
layout(std430, binding = 6) buffer unused_t { uint unused[]; };
layout(push_constant) uniform push_t { uint n; vec3 v; } push;
shared uint tile[64 * twice];

void main()
{
	uint i = gl_GlobalInvocationID.x;

	tile[i % (64 * twice)] = a[i];
	barrier();
	if (i < push.n && more)
		d[i] = tile[0] + b.length();
	atomicAdd(c[i], uint(push.v.z));
}
