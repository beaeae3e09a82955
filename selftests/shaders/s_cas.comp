// SPDX-License-Identifier: MIT
// Any operation made atomic, by compare and swap until it succeeds.
#version 450

layout(local_size_x = 64) in;
layout(push_constant) uniform Args {
	uint n;
};
layout(std430, set = 0, binding = 0) buffer Data {
	uint word;
};

void main()
{
	uint i = gl_GlobalInvocationID.x, seen = 0u, was;

	if (i >= n)
		return;
	for (;;) {
		was = atomicCompSwap(word, seen, seen * 3u + 1u);
		if (was == seen)
			break;
		seen = was;
	}
}
