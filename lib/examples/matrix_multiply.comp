// SPDX-License-Identifier: MIT
// c = a * b, for square matrices.  A workgroup computes a tile of c; it reads
// each tile of a and b into its shared memory once.
#version 450
#define TILE 16
layout(local_size_x = TILE, local_size_y = TILE) in;

layout(set = 0, binding = 0) readonly buffer A { float a[]; };
layout(set = 0, binding = 1) readonly buffer B { float b[]; };
layout(set = 0, binding = 2) writeonly buffer C { float c[]; };
layout(push_constant) uniform Arguments { uint n; };

shared float tile_a[TILE][TILE];
shared float tile_b[TILE][TILE];

void main()
{
	uvec2 at = gl_GlobalInvocationID.xy;
	uvec2 in_tile = gl_LocalInvocationID.xy;
	float sum = 0;

	for (uint t = 0; t < n; t += TILE) {
		uvec2 ka = uvec2(t + in_tile.x, at.y);
		uvec2 kb = uvec2(at.x, t + in_tile.y);

		// Beyond the edge there are zeros.
		tile_a[in_tile.y][in_tile.x] =
			ka.x < n && ka.y < n ? a[ka.y * n + ka.x] : 0;
		tile_b[in_tile.y][in_tile.x] =
			kb.x < n && kb.y < n ? b[kb.y * n + kb.x] : 0;
		barrier();
		for (uint k = 0; k < TILE; k++)
			sum += tile_a[in_tile.y][k] * tile_b[k][in_tile.x];
		barrier();
	}
	if (at.x < n && at.y < n)
		c[at.y * n + at.x] = sum;
}
