// SPDX-License-Identifier: MIT
// As s_add.comp: a number is added to each word.
struct Args {
	n: u32,
	x: u32,
};
@group(0) @binding(0) var<storage, read_write> a: array<u32>;
@group(0) @binding(16) var<storage, read> args: Args;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>)
{
	if (id.x < args.n) {
		a[id.x] += args.x;
	}
}
