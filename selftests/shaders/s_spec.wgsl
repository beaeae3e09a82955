// SPDX-License-Identifier: MIT
// Overrides: what specialization constants are in WGSL.
@id(0) override count: u32 = 3u;
@id(1) override bias: i32 = -5;
@id(2) override scale: f32 = 0.5;
@id(7) override negate: bool = false;

@group(0) @binding(0) var<storage, read_write> b: array<u32>;

@compute @workgroup_size(1)
fn main()
{
	b[0] = count;
	b[1] = bitcast<u32>(bias);
	b[2] = bitcast<u32>(scale);
	b[3] = select(0u, 1u, negate);
	b[4] = count * 2u + 1u;
}
