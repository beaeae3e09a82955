// SPDX-License-Identifier: MIT
/* The VRAM allocator: against a naive model, at its limits, and corrupted. */
#include "vgpu_test.h"
#include "vram_ref.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static u64 rng_state = 1;

static u32 rng(void)
{
	u64 z = rng_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)((z ^ (z >> 31)) >> 16);
}

/* Log-uniform, from a granule or less to two to the power of bits. */
static u64 rng_size(u32 bits)
{
	u32 shift = rng() % bits;

	return 1 + (rng() & ((2ull << shift) - 1));
}

VGPU_TEST(geometry_limits)
{
	u32 mem[64] __attribute__((aligned(8))) = { 0 };

	EXPECT_EQ(0, vgpu_vram_bytes(0, 20, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(4095, 20, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(4097, 20, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(UINT64_MAX, 20, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(UINT64_MAX - 4095, 30, 1));
	EXPECT_EQ(0, vgpu_vram_bytes((1ull << 40) + 4096, 30, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, 11, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, 31, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, UINT32_MAX, 1));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, 20, 0));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, 20, VGPU_VRAM_MAX_BLOCKS + 1));
	EXPECT_EQ(0, vgpu_vram_bytes(MIB, 20, UINT32_MAX));
	EXPECT_EQ(0, vgpu_vram_bytes(1ull << 40, 12, 1));
	EXPECT_EQ(0, vgpu_vram_bytes((4096ull << 16) + 4096, 12, 1));
	EXPECT_NE(0, vgpu_vram_bytes(4096ull << 16, 12, 1));
	EXPECT_NE(0, vgpu_vram_bytes(1ull << 40, 30, VGPU_VRAM_MAX_BLOCKS));
	EXPECT_NE(0, vgpu_vram_bytes(4096, 30, 1));
	EXPECT_EQ(-EINVAL, vgpu_vram_init(mem, sizeof(mem), 4096, 12, 1, 1));
	EXPECT_EQ(-EINVAL, vgpu_vram_init(mem, UINT64_MAX, 4095, 12, 1, 1));
	EXPECT_EQ(-EINVAL, vgpu_vram_init((char *)mem + 4, UINT64_MAX, 4096,
					  12, 1, 1));
	EXPECT_EQ(-EINVAL, vgpu_vram_init(mem, UINT64_MAX, 4096, 12, 2, 1));
	EXPECT_EQ(-EINVAL, vgpu_vram_init(mem, UINT64_MAX, 4096, 12, 1,
					  VGPU_VRAM_MAX_BLOCKS + 1));
}

VGPU_TEST(largest_geometry)
{
	u64 bytes = vgpu_vram_bytes(1ull << 40, 30, VGPU_VRAM_MAX_BLOCKS);
	struct vgpu_vram *v = calloc(1, bytes);
	struct vgpu_vram_block b;
	struct vgpu_vram_stats s;
	u32 handle, last = 0;
	u32 n;

	ASSERT_NE(NULL, v);
	ASSERT_EQ(0, vgpu_vram_init(v, bytes, 1ull << 40, 30,
				    VGPU_VRAM_MAX_BLOCKS,
				    VGPU_VRAM_MAX_BLOCKS));
	for (n = 0; !vgpu_vram_alloc(v, GIB, GIB, 0, &handle); n++) {
		ASSERT_EQ(0, vgpu_vram_info(v, handle, &b));
		ASSERT_EQ(0, b.offset % GIB);
		last = handle;
	}
	EXPECT_EQ(1024, n);
	EXPECT_EQ(0, vgpu_vram_validate(v, bytes));
	vgpu_vram_stats(v, &s);
	EXPECT_EQ(1ull << 40, s.allocated);
	EXPECT_EQ(0, s.free);
	EXPECT_EQ(0, s.largest_free);
	EXPECT_EQ(0, s.fragmentation);
	EXPECT_EQ(0, vgpu_vram_free(v, last));
	EXPECT_EQ(0, vgpu_vram_alloc(v, 1, 256, 0, &handle));
	EXPECT_EQ(0, vgpu_vram_validate(v, bytes));
	free(v);
}

/* A longer copy has the same blocks by the same handles, and room for more. */
VGPU_TEST(grow)
{
	u32 handle[64], slot[64], n, i, max, next, stale = 0;
	u64 bytes = vgpu_vram_bytes(MIB, 16, 1);
	struct vgpu_vram *v = calloc(1, bytes), *old;
	struct vgpu_vram_block b, was;

	ASSERT_EQ(0, vgpu_vram_init(v, bytes, MIB, 16, 1, 64));
	for (max = 1, n = 0; max <= 64; max = next) {
		for (; n < max; n++) {
			ASSERT_EQ(0, vgpu_vram_alloc(v, 300 * (n + 1), 256, 0,
						     &handle[n]));
			slot[n] = vgpu_vram_slot(v, handle[n]);
		}
		EXPECT_EQ(-ENOMEM, vgpu_vram_alloc(v, 1, 256, 0, &i));
		EXPECT_EQ(0, vgpu_vram_validate(v, bytes));
		/* One comes again in the place of another. */
		stale = handle[max / 2];
		ASSERT_EQ(0, vgpu_vram_free(v, stale));
		ASSERT_EQ(0, vgpu_vram_alloc(v, 300 * (max / 2 + 1), 256, 0,
					     &handle[max / 2]));
		slot[max / 2] = vgpu_vram_slot(v, handle[max / 2]);
		next = 2 * max;
		old = v;
		bytes = vgpu_vram_bytes(MIB, 16, next);
		v = calloc(1, bytes);
		EXPECT_EQ(-EINVAL, vgpu_vram_grow(old, v, bytes - 1, next));
		if (max == 64) {
			/* No more than handles have room for. */
			EXPECT_EQ(-EINVAL, vgpu_vram_grow(old, v, bytes, next));
			free(v);
			v = old;
			break;
		}
		ASSERT_EQ(0, vgpu_vram_grow(old, v, bytes, next));
		EXPECT_EQ(0, vgpu_vram_validate(v, bytes));
		EXPECT_EQ(0, vgpu_vram_slot(v, stale));
		for (i = 0; i < n; i++) {
			ASSERT_EQ(0, vgpu_vram_info(old, handle[i], &was));
			ASSERT_EQ(0, vgpu_vram_info(v, handle[i], &b));
			EXPECT_EQ(0, memcmp(&was, &b, sizeof(b)));
			EXPECT_EQ(slot[i], vgpu_vram_slot(v, handle[i]));
		}
		free(old);
	}
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, vgpu_vram_free(v, handle[i]));
	EXPECT_EQ(0, vgpu_vram_alloc(v, 1 << 16, 1 << 16, 0, &i));
	free(v);
}

VGPU_TEST(bad_arguments)
{
	struct ref r;
	u32 i;

	ref_init(&r, MIB, 16, 8);
	EXPECT_EQ(NULL, ref_alloc(&r, 0, 256, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 65537, 256, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, UINT64_MAX, 256, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, UINT64_MAX - 255, 256, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 0, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 1, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 128, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 257, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 131072, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, 1ull << 63, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 256, UINT64_MAX, 0));
	for (i = 8; i < 32; i++)
		EXPECT_EQ(NULL, ref_alloc(&r, 256, 256, 1u << i));
	EXPECT_EQ(-ENOENT, vgpu_vram_free(r.v, 0));
	for (i = 0; i < 32; i++)
		EXPECT_EQ(-ENOENT, vgpu_vram_free(r.v, 1u << i));
	EXPECT_EQ(-ENOENT, vgpu_vram_free(r.v, UINT32_MAX));
	EXPECT_EQ(-EINVAL, vgpu_vram_move_done(r.v, 0, true));
	ref_verify(&r);
	ref_exit(&r);
}

VGPU_TEST(each_alignment_and_whole_banks)
{
	struct ref_block *b;
	struct ref r;
	u64 align;
	u32 n;

	/* The last bank is partial. */
	ref_init(&r, 3 * 256 * KIB + 20 * KIB, 18, 64);
	for (align = 256; align <= 256 * KIB; align *= 2) {
		ASSERT_NE(NULL, ref_alloc(&r, 100, 256, 0));
		b = ref_alloc(&r, 300, align, 255);
		ASSERT_NE(NULL, b);
		ref_verify(&r);
		ref_free(&r, b);
	}
	ref_drain(&r);
	for (n = 0; (b = ref_alloc(&r, 256 * KIB, 256 * KIB, 0)); n++)
		;
	EXPECT_EQ(3, n);
	ASSERT_NE(NULL, ref_alloc(&r, 20 * KIB, 256 * KIB, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 1, 256, 0));
	ref_verify(&r);
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(no_descriptor)
{
	struct ref_block *b;
	struct ref r;
	u32 i;

	ref_init(&r, MIB, 20, 3);
	for (i = 0; i < 3; i++)
		ASSERT_NE(NULL, ref_alloc(&r, 1, 64 * KIB, 0));
	EXPECT_EQ(NULL, ref_alloc(&r, 1, 256, 0));
	b = ref_pick(&r, 0);
	ref_free(&r, b);
	EXPECT_NE(NULL, ref_alloc(&r, 1, 256, 0));
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(pins)
{
	struct ref_block *b;
	struct ref r;
	int i;

	ref_init(&r, MIB, 20, 3);
	b = ref_alloc(&r, 1, 256, 0);
	ref_unpin(&r, b);
	for (i = 0; i < 3; i++)
		ref_pin(&r, b);
	for (i = 0; i < 3; i++) {
		ref_free(&r, b);
		ref_unpin(&r, b);
	}
	ref_unpin(&r, b);
	ref_free(&r, b);
	EXPECT_EQ(0, r.count);
	ref_exit(&r);
}

VGPU_TEST(handles_after_generations_wrap)
{
	u32 first = 0, handle, n = 0;
	struct ref r;

	ref_init(&r, 4096, 12, VGPU_VRAM_MAX_BLOCKS);
	ASSERT_EQ(0, vgpu_vram_alloc(r.v, 1, 256, 0, &first));
	ASSERT_EQ(0, vgpu_vram_free(r.v, first));
	do {
		ASSERT_EQ(0, vgpu_vram_alloc(r.v, 1, 256, 0, &handle));
		ASSERT_NE(0, handle);
		ASSERT_EQ(0, vgpu_vram_free(r.v, handle));
		ASSERT_EQ(-ENOENT, vgpu_vram_free(r.v, handle));
		n++;
	} while (handle != first);
	/* 2^19 extents and some: 20 bits of index, 12 of generation. */
	EXPECT_EQ(4095, n);
	r.peak = 256;
	ref_verify(&r);
	ref_exit(&r);
}

VGPU_TEST(slots_are_unique)
{
	u8 seen[512] = { 0 };
	struct ref_block *b;
	struct ref r;
	u32 slot;

	ref_init(&r, MIB, 20, 64);
	ASSERT_GE(512, vgpu_vram_slots(r.v));
	while ((b = ref_alloc(&r, 1 + rng() % 4096, 256, 0))) {
		slot = vgpu_vram_slot(r.v, b->handle);
		ASSERT_GT(vgpu_vram_slots(r.v), slot);
		ASSERT_NE(0, slot);
		ASSERT_EQ(0, seen[slot]++);
	}
	EXPECT_EQ(64, r.count);
	ref_drain(&r);
	ref_exit(&r);
}

static void random_op(struct ref *r, u32 bits, bool pins)
{
	static const u64 aligns[] = { 256, 256, 65536, 65536, 4096, 512 };
	struct ref_block *b = ref_pick(r, rng());
	u64 align = aligns[rng() % 6];

	if (align > r->bank)
		align = r->bank;
	switch (rng() % 16) {
	case 0 ... 6:
		ref_alloc(r, rng_size(bits), align, rng() & 255);
		break;
	case 7:
		ref_alloc(r, rng_size(bits), 256ull << rng() % 16, 0);
		break;
	case 8 ... 11:
		if (b)
			ref_free(r, b);
		break;
	case 12:
		if (b && pins)
			ref_pin(r, b);
		break;
	case 13:
		if (b && pins)
			ref_unpin(r, b);
		break;
	case 14:
		ref_move_begin(r);
		break;
	case 15:
		ref_move_done(r, rng() % 8);
		break;
	}
}

static void random_run(u64 size, u32 bank_shift, u32 blocks, u32 bits, bool pins,
		       u32 ops)
{
	struct ref r;
	u32 i;

	ref_init(&r, size, bank_shift, blocks);
	for (i = 0; i < ops; i++) {
		random_op(&r, bits, pins);
		if (i % 16 == 0)
			ref_verify(&r);
	}
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(random_against_model)
{
	u32 i;

	for (i = 0; i < 12 * vgpu_test_scale(); i++) {
		random_run(MIB, 20, 100, 18, i & 1, 4000);
		random_run(2 * MIB + 12 * KIB, 18, 150, 16, i & 1, 4000);
		random_run(64 * KIB, 12, 150, 12, i & 1, 4000);
		random_run(64 * KIB, 14, 7, 14, i & 1, 2000);
	}
}

VGPU_TEST(many_small_blocks)
{
	random_run(2 * MIB, 21, 5000, 10, true, 20000);
}

/* Fill, free every other block, compact; what is left must be one piece. */
static void compact_all(struct ref *r)
{
	int ret;

	memset(&r->cursor, 0, sizeof(r->cursor));
	while ((ret = ref_move_begin(r)))
		if (ret == 1)
			ref_move_done(r, true);
}

VGPU_TEST(compaction_of_one_bank)
{
	struct vgpu_vram_stats s;
	struct ref r;
	u32 i;

	ref_init(&r, MIB, 20, 500);
	while (ref_alloc(&r, 1 + rng() % 8192, 256, 0))
		;
	for (i = 0; i < 500; i += 2)
		if (r.blocks[i].handle)
			ref_free(&r, &r.blocks[i]);
	ref_verify(&r);
	vgpu_vram_stats(r.v, &s);
	EXPECT_LT(500, s.fragmentation);
	compact_all(&r);
	ref_verify(&r);
	vgpu_vram_stats(r.v, &s);
	/* With no alignment to keep, nothing is lost. */
	EXPECT_EQ(s.free, s.largest_free);
	EXPECT_EQ(0, s.fragmentation);
	/* What is compact stays where it is. */
	EXPECT_EQ(0, ref_move_begin(&r));
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(compaction_across_banks)
{
	struct vgpu_vram_stats s;
	struct ref_block *b;
	struct ref r;
	u32 i;

	/* One small block in each of sixteen banks. */
	ref_init(&r, 16 * 64 * KIB, 16, 64);
	for (i = 0; i < 16; i++)
		ASSERT_NE(NULL, ref_alloc(&r, 60 * KIB, 64 * KIB, 0));
	for (i = 0; i < 16; i++)
		ASSERT_NE(NULL, ref_alloc(&r, 4 * KIB, 256, 0));
	for (i = 0; i < 64; i++) {
		b = &r.blocks[i];
		if (b->handle && b->size == 60 * KIB)
			ref_free(&r, b);
	}
	compact_all(&r);
	ref_verify(&r);
	for (i = 0; i < 64; i++)
		if (r.blocks[i].handle)
			EXPECT_GT(64 * KIB, r.blocks[i].offset);
	vgpu_vram_stats(r.v, &s);
	EXPECT_EQ(64 * KIB, s.largest_free);
	EXPECT_EQ(15 * 64 * KIB, s.free);
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(compaction_leaves_pinned_blocks)
{
	u64 offsets[500];
	struct ref r;
	u32 i;

	ref_init(&r, MIB, 18, 500);
	while (ref_alloc(&r, 1 + rng() % 8192, 256, 0))
		;
	for (i = 0; i < 500; i++) {
		struct ref_block *b = &r.blocks[i];

		if (b->handle && i % 3 == 0)
			ref_free(&r, b);
		else if (b->handle && i % 3 == 1)
			ref_pin(&r, b);
		offsets[i] = b->offset;
	}
	compact_all(&r);
	ref_verify(&r);
	for (i = 1; i < 500; i += 3)
		if (r.blocks[i].handle)
			EXPECT_EQ(offsets[i], r.blocks[i].offset);
	ref_drain(&r);
	ref_exit(&r);
}

/* A mover that always fails must see an end, and every block as it was. */
VGPU_TEST(compaction_that_fails)
{
	u32 moves = 0;
	struct ref r;
	u32 i;
	int ret;

	ref_init(&r, MIB, 18, 500);
	while (ref_alloc(&r, 1 + rng() % 8192, 256, 0))
		;
	for (i = 0; i < 500; i += 2)
		if (r.blocks[i].handle)
			ref_free(&r, &r.blocks[i]);
	while ((ret = ref_move_begin(&r))) {
		if (ret != 1)
			continue;
		ASSERT_EQ(-EBUSY, ref_move_begin(&r));
		ASSERT_EQ(-EINVAL, vgpu_vram_move_done(r.v, r.last_stale, true));
		ref_move_done(&r, false);
		ref_verify(&r);
		ASSERT_GT(5000, ++moves);
	}
	EXPECT_LT(0, moves);
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(cursor_survives_anything)
{
	struct vgpu_vram_cursor c;
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_move m;
	struct ref r;
	u32 i, n;

	ref_init(&r, MIB, 18, 500);
	while (ref_alloc(&r, 1 + rng() % 8192, 256, 0))
		;
	for (i = 0; i < 2000; i++) {
		c.pos = (u64)rng() << rng() % 40;
		c.hint = rng() >> rng() % 32;
		c.pad = rng();
		for (n = 0; n < 3000 && vgpu_vram_walk(r.v, &c, &x); n++)
			ASSERT_NE(0, x.size);
		ASSERT_GT(3000, n);
		c.pos = rng() % (2 * MIB);
		c.hint = rng() >> rng() % 32;
		if (vgpu_vram_compact_next(r.v, &c, &m) == 1)
			ASSERT_EQ(0, vgpu_vram_move_done(r.v, m.handle, i & 1));
		ASSERT_EQ(0, vgpu_vram_validate(r.v, r.bytes));
	}
	ref_exit(&r);
}

/* Do things with a state that validation accepted; it must stay valid. */
static void exercise(struct vgpu_vram *v, u64 bytes)
{
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_move m;
	struct vgpu_vram_stats s;
	u32 handles[64];
	u32 handle;
	u32 n = 0;
	u32 i;

	while (vgpu_vram_walk(v, &c, &x)) {
		if (x.state == VGPU_VRAM_MOVING)
			REF_CHECK(!vgpu_vram_move_done(v, x.handle, true));
		if (x.handle && n < 64)
			handles[n++] = x.handle;
	}
	for (i = 0; i < n; i += 2)
		(void)vgpu_vram_free(v, handles[i]);
	for (i = 0; i < 20; i++)
		(void)vgpu_vram_alloc(v, 256ull << i % 6, 256ull << i % 9, 0,
				      &handle);
	memset(&c, 0, sizeof(c));
	for (i = 0; i < 100 && vgpu_vram_compact_next(v, &c, &m) == 1; i++)
		REF_CHECK(!vgpu_vram_move_done(v, m.handle, i & 1));
	vgpu_vram_stats(v, &s);
	REF_CHECK(s.allocated + s.free == s.total);
	REF_CHECK(!vgpu_vram_validate(v, bytes));
}

/* Blocks and holes; moving: a move in progress that overlaps, or does not. */
static void prepare(struct ref *r, bool moving, bool overlapping)
{
	u32 i;

	for (;;) {
		ref_init(r, 64 * KIB + 8 * KIB, 15, 20);
		for (i = 0; i < 20; i++)
			ref_alloc(r, 1 + rng() % 6000, i & 1 ? 256 : 4096, i);
		for (i = 0; i < 20; i += 3)
			if (r->blocks[i].handle)
				ref_free(r, &r->blocks[i]);
		ref_pin(r, ref_pick(r, 19));
		if (!moving)
			return;
		while (ref_move_begin(r) == 1) {
			if (overlapping ==
			    (r->move.to + r->move.size > r->move.from))
				return;
			ref_move_done(r, true);
		}
		ref_exit(r);
	}
}

VGPU_TEST(serialise_by_copying)
{
	struct ref r;
	void *copy;
	u32 i;

	ref_init(&r, MIB, 18, 100);
	for (i = 0; i < 5000; i++) {
		random_op(&r, 14, true);
		if (i % 50)
			continue;
		copy = malloc(r.bytes);
		ASSERT_NE(NULL, copy);
		memcpy(copy, r.v, r.bytes);
		memset(r.v, 0xa5, r.bytes);
		free(r.v);
		r.v = copy;
		ref_verify(&r);
	}
	ref_drain(&r);
	ref_exit(&r);
}

VGPU_TEST(every_bit_flipped)
{
	u32 accepted, refused;
	struct ref r;
	u8 *copy;
	int kind;
	u64 bit;

	for (kind = 0; kind < 3; kind++) {
		prepare(&r, kind > 0, kind > 1);
		ASSERT_EQ(kind > 0, r.moving);
		copy = malloc(r.bytes);
		ASSERT_NE(NULL, copy);
		accepted = 0;
		refused = 0;
		for (bit = 0; bit < r.bytes * 8; bit++) {
			memcpy(copy, r.v, r.bytes);
			copy[bit / 8] ^= 1 << bit % 8;
			if (vgpu_vram_validate(copy, r.bytes)) {
				refused++;
				continue;
			}
			accepted++;
			exercise((void *)copy, r.bytes);
		}
		/*
		 * What may differ: peak, generations, pins and flags of
		 * blocks, links of extents that are in no bin, and all but
		 * generation and link of unused extents.
		 */
		EXPECT_LT(accepted / 2, refused);
		EXPECT_LT(0, refused);
		free(copy);
		ref_drain(&r);
		ref_exit(&r);
	}
}

VGPU_TEST(random_corruption)
{
	struct ref r;
	u32 i, k;
	u8 *copy;

	prepare(&r, true, true);
	copy = malloc(r.bytes);
	ASSERT_NE(NULL, copy);
	for (i = 0; i < 100000 * vgpu_test_scale(); i++) {
		memcpy(copy, r.v, r.bytes);
		for (k = 0; k <= i % 4; k++) {
			u64 at = rng() % (r.bytes / 4) * 4;
			u32 value = rng() >> rng() % 32;

			/* Header and extents more often than empty bins. */
			if (i & 1)
				at = rng() % 128 / 4 * 4;
			else if (i & 2)
				at = r.bytes - 4 - rng() % 1600 / 4 * 4;
			memcpy(copy + at, &value, 4);
		}
		if (!vgpu_vram_validate(copy, r.bytes))
			exercise((void *)copy, r.bytes);
	}
	for (i = 0; i < r.bytes; i += 8)
		ASSERT_EQ(-EINVAL, vgpu_vram_validate(r.v, i));
	ASSERT_EQ(-EINVAL, vgpu_vram_validate(r.v, UINT64_MAX));
	ASSERT_EQ(0, vgpu_vram_validate(r.v, r.bytes));
	free(copy);
	ref_drain(&r);
	ref_exit(&r);
}

TEST_HARNESS_MAIN
