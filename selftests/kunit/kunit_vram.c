// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The VRAM allocator, by a random trace that is the same every time.  Each
 * granule has a stamp of whose it is, which moves as its content would.
 */
#include "vram.h"
#include "vgpu_kunit.h"

#define TRACE_SIZE	((4u << 20) + 20480)	/* the last bank is partial */
#define TRACE_BANK	20
#define TRACE_BLOCKS	512u
#define TRACE_STEPS	20000u
#define GRANULES	(TRACE_SIZE >> VGPU_VRAM_GRANULE_SHIFT)

struct trace {
	struct kunit *test;
	struct vgpu_vram *v;
	u64 bytes;
	u64 seed;
	u32 *stamps;
	u32 count;
	u32 moves;
	u32 refused;
	struct {
		u32 handle;
		u32 pins;
	} blocks[TRACE_BLOCKS];
};

/* Whose the granules of [offset, offset + bytes) are: @old's before. */
static void stamp(struct trace *t, u64 offset, u64 bytes, u32 old, u32 new)
{
	u64 i;

	VGPU_OK(t->test, offset + bytes <= TRACE_SIZE);
	for (i = 0; i < bytes >> VGPU_VRAM_GRANULE_SHIFT; i++) {
		u32 *s = &t->stamps[(offset >> VGPU_VRAM_GRANULE_SHIFT) + i];

		if (*s != old)
			VGPU_EQ(t->test, old, *s);
		*s = new;
	}
}

static void trace_alloc(struct trace *t)
{
	u64 align = 256ull << vgpu_kunit_rnd(&t->seed) % 9;
	u64 size = 1 + (vgpu_kunit_rnd(&t->seed) &
			((2u << vgpu_kunit_rnd(&t->seed) % 17) - 1));
	struct vgpu_vram_block b;
	u32 handle;
	int ret;

	ret = vgpu_vram_alloc(t->v, size, align, 5, &handle);
	if (ret) {
		VGPU_EQ(t->test, -ENOMEM, ret);
		t->refused++;
		return;
	}
	VGPU_EQ(t->test, 0, vgpu_vram_info(t->v, handle, &b));
	VGPU_EQ(t->test, size, b.size);
	VGPU_EQ(t->test, 5, b.flags);
	VGPU_EQ(t->test, 0, b.offset & (align - 1));
	VGPU_EQ(t->test, b.offset >> TRACE_BANK,
		(b.offset + b.reserved - 1) >> TRACE_BANK);
	stamp(t, b.offset, b.reserved, 0, handle);
	VGPU_OK(t->test, t->count < TRACE_BLOCKS);
	t->blocks[t->count].handle = handle;
	t->blocks[t->count++].pins = 0;
}

static void trace_free(struct trace *t, u32 i)
{
	u32 handle = t->blocks[i].handle;
	struct vgpu_vram_block b;

	VGPU_EQ(t->test, 0, vgpu_vram_info(t->v, handle, &b));
	VGPU_EQ(t->test, t->blocks[i].pins, b.pins);
	if (b.pins) {
		VGPU_EQ(t->test, -EBUSY, vgpu_vram_free(t->v, handle));
		return;
	}
	stamp(t, b.offset, b.reserved, handle, 0);
	VGPU_EQ(t->test, 0, vgpu_vram_free(t->v, handle));
	VGPU_EQ(t->test, -ENOENT, vgpu_vram_free(t->v, handle));
	t->blocks[i] = t->blocks[--t->count];
}

static void trace_pin(struct trace *t, u32 i)
{
	if (t->blocks[i].pins && vgpu_kunit_rnd(&t->seed) % 4) {
		VGPU_EQ(t->test, 0, vgpu_vram_unpin(t->v, t->blocks[i].handle));
		t->blocks[i].pins--;
	} else {
		VGPU_EQ(t->test, 0, vgpu_vram_pin(t->v, t->blocks[i].handle));
		t->blocks[i].pins++;
	}
}

static void trace_move(struct trace *t, const struct vgpu_vram_move *m)
{
	bool ok = vgpu_kunit_rnd(&t->seed) % 8;
	struct vgpu_vram_block b;
	u64 done;

	VGPU_OK(t->test, m->to < m->from);
	VGPU_EQ(t->test, 0, vgpu_vram_validate(t->v, t->bytes));
	VGPU_EQ(t->test, -EBUSY, vgpu_vram_free(t->v, m->handle));
	VGPU_EQ(t->test, -EBUSY, vgpu_vram_pin(t->v, m->handle));
	for (done = 0; ok && done < m->size; done += VGPU_VRAM_GRANULE) {
		stamp(t, m->to + done, VGPU_VRAM_GRANULE, 0, m->handle);
		stamp(t, m->from + done, VGPU_VRAM_GRANULE, m->handle, 0);
	}
	VGPU_EQ(t->test, 0, vgpu_vram_move_done(t->v, m->handle, ok));
	VGPU_EQ(t->test, 0, vgpu_vram_info(t->v, m->handle, &b));
	VGPU_EQ(t->test, ok ? m->to : m->from, b.offset);
	t->moves++;
}

static void trace_compact(struct trace *t)
{
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_move m;
	u32 n = vgpu_kunit_rnd(&t->seed) % 32;
	int ret;

	while (n--) {
		ret = vgpu_vram_compact_next(t->v, &c, &m);
		if (!ret)
			return;
		if (ret == -EAGAIN)
			continue;
		VGPU_EQ(t->test, 1, ret);
		trace_move(t, &m);
	}
}

/* What the allocator says is what the stamps say. */
static void trace_verify(struct trace *t)
{
	struct vgpu_vram_extent_info x;
	struct vgpu_vram_cursor c = { 0 };
	struct vgpu_vram_stats s;
	u64 end = 0;
	u32 n = 0;

	VGPU_EQ(t->test, 0, vgpu_vram_validate(t->v, t->bytes));
	while (vgpu_vram_walk(t->v, &c, &x)) {
		VGPU_EQ(t->test, end, x.offset);
		end = x.offset + x.size;
		stamp(t, x.offset, x.size, x.handle, x.handle);
		n += x.handle != 0;
	}
	VGPU_EQ(t->test, TRACE_SIZE, end);
	VGPU_EQ(t->test, t->count, n);
	vgpu_vram_stats(t->v, &s);
	VGPU_EQ(t->test, t->count, s.count);
	VGPU_EQ(t->test, TRACE_SIZE, s.allocated + s.free);
}

static void random_trace(struct kunit *test)
{
	struct trace *t = vgpu_kunit_vzalloc(test, sizeof(*t));
	struct vgpu_vram_stats s;
	u32 i, what;

	t->test = test;
	t->seed = 1;
	t->stamps = vgpu_kunit_vzalloc(test, GRANULES * sizeof(u32));
	t->bytes = vgpu_vram_bytes(TRACE_SIZE, TRACE_BANK, TRACE_BLOCKS);
	VGPU_OK(test, t->bytes);
	t->v = vgpu_kunit_vzalloc(test, t->bytes);
	VGPU_EQ(test, 0, vgpu_vram_init(t->v, t->bytes, TRACE_SIZE, TRACE_BANK,
					TRACE_BLOCKS, TRACE_BLOCKS));
	for (i = 0; i < TRACE_STEPS; i++) {
		what = vgpu_kunit_rnd(&t->seed) % 100;
		if (what < 55 || !t->count)
			trace_alloc(t);
		else if (what < 88)
			trace_free(t, vgpu_kunit_rnd(&t->seed) % t->count);
		else if (what < 96)
			trace_pin(t, vgpu_kunit_rnd(&t->seed) % t->count);
		else
			trace_compact(t);
		if (i % 32 == 0) {
			trace_verify(t);
			cond_resched();
		}
	}
	VGPU_OK(test, t->moves > 100);
	VGPU_OK(test, t->refused > 100);
	while (t->count) {
		for (; t->blocks[0].pins; t->blocks[0].pins--)
			VGPU_EQ(test, 0, vgpu_vram_unpin(t->v,
							 t->blocks[0].handle));
		trace_free(t, 0);
	}
	trace_verify(t);
	vgpu_vram_stats(t->v, &s);
	VGPU_EQ(test, 0, s.allocated);
	VGPU_EQ(test, 1 << TRACE_BANK, s.largest_free);
}

/* A state of which a byte is another is refused, or is one that works. */
static void corrupted(struct kunit *test)
{
	u64 bytes = vgpu_vram_bytes(1 << 20, 16, 32);
	u8 *good = vgpu_kunit_vzalloc(test, bytes);
	u8 *bad = vgpu_kunit_vzalloc(test, bytes);
	struct vgpu_vram *v = (struct vgpu_vram *)good;
	u32 i, handle, refused = 0;
	u64 seed = 2;

	VGPU_EQ(test, 0, vgpu_vram_init(v, bytes, 1 << 20, 16, 32,
					32));
	for (i = 0; i < 20; i++) {
		VGPU_EQ(test, 0, vgpu_vram_alloc(v, 1000 * (i + 1), 256, 0,
						 &handle));
		if (i % 3 == 0)
			VGPU_EQ(test, 0, vgpu_vram_free(v, handle));
	}
	VGPU_EQ(test, 0, vgpu_vram_validate(v, bytes));
	VGPU_EQ(test, -EINVAL, vgpu_vram_validate(v, bytes - 8));
	for (i = 0; i < 4000; i++) {
		memcpy(bad, good, bytes);
		bad[vgpu_kunit_rnd(&seed) % bytes] ^=
			1 << vgpu_kunit_rnd(&seed) % 8;
		v = (struct vgpu_vram *)bad;
		if (vgpu_vram_validate(v, bytes)) {
			refused++;
			continue;
		}
		if (!vgpu_vram_alloc(v, 300, 256, 0, &handle))
			VGPU_EQ(test, 0, vgpu_vram_free(v, handle));
		VGPU_EQ(test, 0, vgpu_vram_validate(v, bytes));
	}
	VGPU_OK(test, refused > 400);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(random_trace),
	KUNIT_CASE(corrupted),
	{}
};

struct kunit_suite vgpu_vram_suite = {
	.name = "vgpu_vram",
	.test_cases = cases,
};
