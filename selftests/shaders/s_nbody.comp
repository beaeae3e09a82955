// SPDX-License-Identifier: MIT
// Forces between bodies: reciprocal roots, sums of many floats.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) readonly buffer In {
	vec4 body[];
};
layout(std430, set = 0, binding = 1) writeonly buffer Out {
	vec4 force[];
};

shared vec4 tile[64];

void main()
{
	uint i = gl_GlobalInvocationID.x, me = gl_LocalInvocationIndex;
	vec3 at = i < n ? body[i].xyz : vec3(0.0), sum = vec3(0.0);

	for (uint base = 0u; base < n; base += 64u) {
		tile[me] = base + me < n ? body[base + me] : vec4(0.0);
		barrier();
		for (uint k = 0u; k < 64u; k++) {
			vec3 d = tile[k].xyz - at;
			float r = inversesqrt(dot(d, d) + 0.01);

			sum += d * (tile[k].w * r * r * r);
		}
		barrier();
	}
	if (i < n)
		force[i] = vec4(sum, length(sum));
}
