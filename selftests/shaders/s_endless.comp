// SPDX-License-Identifier: MIT
// Never ends, unless the word that it looks at is not 0.
#version 450

layout(local_size_x = 1) in;
layout(std430, set = 0, binding = 0) buffer Data {
	uint a[];
};

void main()
{
	while (atomicOr(a[0], 0u) == 0u)
		atomicAdd(a[1], 1u);
}
