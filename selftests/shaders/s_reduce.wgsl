// SPDX-License-Identifier: MIT
// As s_reduce.comp: a sum and a greatest of each workgroup, in shared memory.
struct Args {
	n: u32,
};
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<vec2<u32>>;
@group(0) @binding(16) var<storage, read> args: Args;

var<workgroup> part: array<vec2<u32>, 128>;

@compute @workgroup_size(128)
fn main(@builtin(global_invocation_id) id: vec3<u32>,
	@builtin(workgroup_id) group: vec3<u32>,
	@builtin(local_invocation_index) me: u32)
{
	var x = 0u;

	if (id.x < args.n) {
		x = a[id.x];
	}
	part[me] = vec2<u32>(x, x);
	workgroupBarrier();
	for (var step = 64u; step > 0u; step /= 2u) {
		if (me < step) {
			let other = part[me + step];

			part[me] = vec2<u32>(part[me].x + other.x,
					     max(part[me].y, other.y));
		}
		workgroupBarrier();
	}
	if (me == 0u) {
		b[group.x] = part[0];
	}
}
