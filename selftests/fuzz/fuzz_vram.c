// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the VRAM allocator.  The first byte chooses: a sequence of
 * operations, held against a naive model; or a state that is the outcome of
 * operations and then written over, as a hostile migration stream would be,
 * which must be refused or be good for anything.
 */
#include <stddef.h>
#include <stdint.h>

#include "../unit/vram_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static u32 next(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->data++;
}

static u32 next16(struct input *in)
{
	u32 low = next(in);

	return low | next(in) << 8;
}

static void operation(struct ref *r, struct input *in)
{
	u32 op = next(in);
	struct ref_block *b;

	switch (op % 8) {
	case 0:
	case 1:
		ref_alloc(r, next16(in) * (op & 8 ? 16 : 1),
			  1ull << next(in) % 20, op & 1 ? next(in) : 0);
		return;
	case 2:
		/* As if it came from outside. */
		ref_alloc(r, (u64)next16(in) << next(in) % 64,
			  (u64)next16(in) << next(in) % 64, next16(in));
		return;
	case 6:
		ref_move_begin(r);
		return;
	case 7:
		ref_move_done(r, op & 8);
		return;
	}
	b = ref_pick(r, next(in));
	if (!b) {
		REF_CHECK(vgpu_vram_free(r->v, next16(in)) == -ENOENT);
		return;
	}
	if (op % 8 == 3)
		ref_free(r, b);
	else if (op % 8 == 4)
		ref_pin(r, b);
	else
		ref_unpin(r, b);
}

/* A state that was accepted must serve anything, and stay valid. */
static void exercise(struct vgpu_vram *v, u64 bytes)
{
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_stats s;
	struct vgpu_vram_block b;
	struct vgpu_vram_move m;
	u32 handle;
	u64 pos = 0;
	u32 i;

	while (vgpu_vram_walk(v, &c, &x)) {
		REF_CHECK(x.offset == pos);
		pos += x.size;
		if (!x.handle)
			continue;
		REF_CHECK(!vgpu_vram_info(v, x.handle, &b));
		if (x.state == VGPU_VRAM_MOVING)
			REF_CHECK(!vgpu_vram_move_done(v, x.handle, b.size & 1));
		else if (b.size & 256)
			(void)vgpu_vram_free(v, x.handle);
	}
	for (i = 0; i < 40; i++)
		(void)vgpu_vram_alloc(v, 256ull << i % 8, 256ull << i % 9, 0,
				      &handle);
	memset(&c, 0, sizeof(c));
	for (i = 0; i < 100 && vgpu_vram_compact_next(v, &c, &m) == 1; i++)
		REF_CHECK(!vgpu_vram_move_done(v, m.handle, i & 1));
	vgpu_vram_stats(v, &s);
	REF_CHECK(s.total == pos && s.allocated + s.free == s.total);
	REF_CHECK(!vgpu_vram_validate(v, bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		u64 size;
		u32 bank_shift;
		u32 blocks;
	} shapes[] = {
		{ 262144, 18, 40 }, { 266240, 16, 40 }, { 65536, 12, 64 },
		{ 12288, 13, 3 },
	};
	struct input in = { data, size };
	u32 first = next(&in);
	u32 ops = next(&in);
	struct ref r;
	u32 n;

	ref_init(&r, shapes[first % 4].size, shapes[first % 4].bank_shift,
		 shapes[first % 4].blocks);
	for (n = 0; in.size && (!(first & 4) || n < ops); n++)
		operation(&r, &in);
	if (!(first & 4)) {
		ref_verify(&r);
		ref_drain(&r);
		ref_exit(&r);
		return 0;
	}
	while (in.size > 3) {
		u32 how = next(&in);
		u64 at = (u64)next16(&in) % r.bytes;
		u32 value = next(&in);

		/* From the end of the state, too: that is where extents are. */
		if (how & 1)
			at = r.bytes - 1 - at;
		if (how & 2)
			((u8 *)r.v)[at] += (u8)value;
		else
			((u8 *)r.v)[at] = (u8)value;
	}
	if (!vgpu_vram_validate(r.v, r.bytes))
		exercise(r.v, r.bytes);
	ref_exit(&r);
	return 0;
}
