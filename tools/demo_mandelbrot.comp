// SPDX-License-Identifier: MIT
// The Mandelbrot set for the demo: smooth colours, four samples a pixel.
#version 450
layout(local_size_x = 16, local_size_y = 16) in;

layout(set = 0, binding = 0) writeonly buffer Image { uint image[]; };
layout(push_constant) uniform Arguments {
	vec2 centre;
	float step;	// from pixel to pixel
	uint width, height;
	uint first;	// row
	uint limit;
};

// A ring of colours: deep blue, blue, white, gold, near to black.
const float at[6] = float[](0.0, 0.16, 0.42, 0.6425, 0.8575, 1.0);
const vec3 colours[6] = vec3[](
	vec3(0.00, 0.03, 0.39), vec3(0.13, 0.42, 0.80), vec3(0.93, 1.00, 1.00),
	vec3(1.00, 0.67, 0.00), vec3(0.05, 0.01, 0.03), vec3(0.00, 0.03, 0.39));

vec3 colour(float n)
{
	float x = fract(0.035 * n + 0.02);
	uint i = 0;

	while (i < 4 && x > at[i + 1])
		i++;
	return mix(colours[i], colours[i + 1],
		   smoothstep(at[i], at[i + 1], x));
}

vec3 sample_at(vec2 pixel)
{
	vec2 c = centre + (pixel - 0.5 * vec2(width, height)) * step;
	vec2 z = vec2(0);
	float away = 0;

	for (uint n = 0; n < limit; n++) {
		z = vec2(z.x * z.x - z.y * z.y, 2 * z.x * z.y) + c;
		away = dot(z, z);
		if (away > 65536.0)
			return colour(8 * sqrt(float(n) + 2 -
					       log2(0.5 * log2(away))));
	}
	return vec3(0);
}

void main()
{
	uvec2 pixel = gl_GlobalInvocationID.xy + uvec2(0, first);
	vec3 sum = vec3(0);

	if (pixel.x >= width || pixel.y >= height)
		return;
	for (uint i = 0; i < 4; i++)
		sum += sample_at(vec2(pixel) +
				 vec2(0.25 + 0.5 * float(i & 1),
				      0.25 + 0.5 * float(i >> 1)));
	uvec3 rgb = uvec3(sum / 4 * 255 + 0.5);
	image[pixel.y * width + pixel.x] = rgb.r << 16 | rgb.g << 8 | rgb.b;
}
