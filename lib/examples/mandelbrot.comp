// SPDX-License-Identifier: MIT
// For each pixel, how often z = z * z + c can be taken before z is far away.
#version 450
layout(local_size_x = 16, local_size_y = 16) in;

layout(set = 0, binding = 0) writeonly buffer Image { uint image[]; };
layout(push_constant) uniform Arguments {
	vec2 corner;	// top left
	float step;	// from pixel to pixel
	uint width, height;
	uint limit;
};

void main()
{
	uvec2 at = gl_GlobalInvocationID.xy;

	if (at.x >= width || at.y >= height)
		return;

	// Precise: a processor that calculates the same comes to the same.
	precise vec2 c = corner + vec2(at) * step;
	precise vec2 z = vec2(0);
	uint n = 0;

	for (; n < limit; n++) {
		precise float xx = z.x * z.x;
		precise float yy = z.y * z.y;
		precise float xy = z.x * z.y;

		if (xx + yy > 4)
			break;
		z.x = (xx - yy) + c.x;
		z.y = (xy + xy) + c.y;
	}
	image[at.y * width + at.x] = n;
}
