// SPDX-License-Identifier: MIT
/* The library's allocator of device memory. */
#include "vgpu_test.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <vgpu/memory.h>

#include "memory_move.h"

#define KIB	1024ull
#define MIB	(1024 * KIB)
#define GIB	(1024 * MIB)

static const struct vgpu_memory_device two[] = {
	{ .id = "gpu0", .total_bytes = 4 * GIB, .available_bytes = 3 * GIB },
	{ .id = "gpu1", .total_bytes = 64 * MIB, .available_bytes = 64 * MIB },
};

static struct vgpu_allocator *make(uint64_t bank_bytes)
{
	struct vgpu_allocator_options opts = {
		.size = sizeof(opts),
		.bank_bytes = bank_bytes,
		.max_blocks = 1000,
	};
	struct vgpu_allocator *a = NULL;

	if (vgpu_allocator_create(&opts, &a) || vgpu_allocator_init(a, two, 2))
		abort();
	return a;
}

static struct vgpu_memory_stats stats(struct vgpu_allocator *a, const char *id)
{
	struct vgpu_memory_stats s = { .size = sizeof(s) };

	if (vgpu_allocator_get_stats(a, id, &s))
		abort();
	return s;
}

static const char *error(struct vgpu_allocator *a)
{
	static char line[256];

	vgpu_allocator_error(a, line, sizeof(line));
	return line;
}

static bool is_zero(const void *p, size_t n)
{
	const char *c = p;

	while (n && !*c++)
		n--;
	return !n;
}

/* Fill a mapped block so that each byte depends on block and place. */
static void fill(const struct vgpu_memory_block *b)
{
	uint32_t *p = b->cpu_address;
	size_t i;

	for (i = 0; i < b->size / 4; i++)
		p[i] = (uint32_t)(b->id * 2654435761u + i);
}

static bool is_filled(const struct vgpu_memory_block *b)
{
	const uint32_t *p = b->cpu_address;
	size_t i;

	for (i = 0; i < b->size / 4; i++)
		if (p[i] != (uint32_t)(b->id * 2654435761u + i))
			return false;
	return true;
}

VGPU_TEST(allocate_and_free)
{
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b, c, d;
	struct vgpu_memory_stats s;

	ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu0", 64 * MIB, NULL, &b));
	EXPECT_NE(0, b.id);
	EXPECT_NE(0, b.gpu_address);
	EXPECT_EQ(64 * MIB, b.size);
	EXPECT_EQ(NULL, b.cpu_address);
	EXPECT_STREQ("gpu0", b.device_id);
	ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu1", 5, NULL, &c));
	EXPECT_EQ(5, c.size);
	EXPECT_NE(b.id, c.id);
	EXPECT_NE(b.gpu_address, c.gpu_address);
	ASSERT_EQ(0, vgpu_allocator_block(a, c.id, &d));
	EXPECT_EQ(0, memcmp(&c, &d, sizeof(c)));

	s = stats(a, "gpu0");
	EXPECT_EQ(1, s.devices);
	EXPECT_EQ(1, s.count);
	EXPECT_EQ(4 * GIB, s.total);
	EXPECT_EQ(3 * GIB, s.limit);
	EXPECT_EQ(64 * MIB, s.allocated);
	EXPECT_EQ(3 * GIB - 64 * MIB, s.available);
	EXPECT_EQ(GIB, s.largest_free);
	s = stats(a, NULL);
	EXPECT_EQ(2, s.devices);
	EXPECT_EQ(2, s.count);
	EXPECT_EQ(4 * GIB + 64 * MIB, s.total);
	EXPECT_EQ(64 * MIB + 4096, s.allocated);
	EXPECT_EQ(3 * GIB - 4096, s.available);

	EXPECT_EQ(0, vgpu_allocator_free(a, b.id));
	EXPECT_EQ(-ENOENT, vgpu_allocator_free(a, b.id));
	EXPECT_EQ(0, vgpu_allocator_free(a, c.id));
	s = stats(a, NULL);
	EXPECT_EQ(0, s.allocated);
	EXPECT_EQ(0, s.count);
	EXPECT_EQ(64 * MIB + 4096, s.peak);
	EXPECT_EQ(3 * GIB + 64 * MIB, s.available);
	vgpu_allocator_destroy(a);
}

/* Everything refused: what is said, and that nothing stays allocated. */
VGPU_TEST(refusals_are_clear)
{
	struct vgpu_allocate_options opts = { .size = sizeof(opts) };
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b;
	char long_id[1000];
	void *taken;

	EXPECT_STREQ("", error(a));
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 0, NULL, &b));
	EXPECT_STREQ("0 bytes asked for, must be at least 1", error(a));
	EXPECT_EQ(-ENOENT, vgpu_allocator_allocate(a, "gpu7", 1, NULL, &b));
	EXPECT_STREQ("device gpu7: there is none of this id", error(a));
	EXPECT_EQ(-ENOENT, vgpu_allocator_allocate(a, NULL, 1, NULL, &b));
	/* Whatever was asked for, the line says what is wrong with it. */
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = 0;
	EXPECT_EQ(-ENOENT, vgpu_allocator_allocate(a, long_id, 1, NULL, &b));
	EXPECT_NE(NULL, strstr(error(a), "x: there is none of this id"));
	EXPECT_EQ(-ENOSPC, vgpu_allocator_allocate(a, "gpu1", 64 * MIB + 1,
						   NULL, &b));
	EXPECT_STREQ("device gpu1: 67108865 bytes asked for, its memory has 67108864",
		     error(a));
	EXPECT_EQ(-ENOSPC, vgpu_allocator_allocate(a, "gpu0", UINT64_MAX, NULL,
						   &b));
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", GIB + 1, NULL,
						   &b));
	EXPECT_STREQ("device gpu0: 1073741825 bytes asked for, a block has at most 1073741824",
		     error(a));
	opts.alignment = 3;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &opts, &b));
	opts.alignment = 12288;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &opts, &b));
	EXPECT_STREQ("device gpu0: alignment 12288, must be a power of two up to 1073741824",
		     error(a));
	opts.alignment = 2 * GIB;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &opts, &b));
	opts.size = 0;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &opts, &b));
	opts.size = SIZE_MAX;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &opts, &b));

	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate_mapped(a, "gpu0", 4096,
							  (void *)0x1000800,
							  NULL, &b));
	EXPECT_STREQ("CPU address 0x1000800: must be a multiple of 4096",
		     error(a));
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate_mapped(a, "gpu0", 4096,
							  (void *)-4096L, NULL,
							  &b));
	EXPECT_NE(0, vgpu_allocator_allocate_mapped(a, "gpu0", 4096,
						    (void *)(1l << 62), NULL,
						    &b));
	taken = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, taken);
	EXPECT_EQ(-EEXIST, vgpu_allocator_allocate_mapped(a, "gpu0", 4096,
							  taken, NULL, &b));
	EXPECT_NE(NULL, strstr(error(a), "something is mapped"));
	munmap(taken, 8192);

	EXPECT_EQ(-ENOENT, vgpu_allocator_free(a, 0));
	EXPECT_EQ(-ENOENT, vgpu_allocator_free(a, 1));
	EXPECT_EQ(-ENOENT, vgpu_allocator_free(a, UINT64_MAX));
	EXPECT_STREQ("block 0xffffffffffffffff: there is none of this id",
		     error(a));
	EXPECT_EQ(-ENOENT, vgpu_allocator_map(a, 5, NULL, NULL));
	EXPECT_EQ(-ENOENT, vgpu_allocator_unmap(a, 5));
	EXPECT_EQ(-ENOENT, vgpu_allocator_pin(a, 5));
	EXPECT_EQ(-ENOENT, vgpu_allocator_unpin(a, 5));
	EXPECT_EQ(-ENOENT, vgpu_allocator_block(a, 5, &b));
	EXPECT_EQ(-ENOENT, vgpu_allocator_compact(a, "no", 0, NULL));
	EXPECT_EQ(-ENOENT, vgpu_allocator_set_limit(a, "no", 0));
	EXPECT_EQ(-EINVAL, vgpu_allocator_set_limit(a, "gpu1", 64 * MIB + 1));
	EXPECT_EQ(0, stats(a, NULL).allocated);
	EXPECT_EQ(0, stats(a, NULL).count);
	vgpu_allocator_destroy(a);
}

VGPU_TEST(bad_options_and_devices)
{
	struct vgpu_memory_device d = two[1];
	struct vgpu_allocator_options o = { .size = sizeof(o) };
	struct vgpu_memory_device list[2] = { two[1], two[1] };
	struct vgpu_allocator *a;
	char line[80] = "";
	char id[65];

	o.message = line;
	o.message_bytes = sizeof(line);
	o.bank_bytes = 2 * GIB;
	EXPECT_EQ(-EINVAL, vgpu_allocator_create(&o, &a));
	EXPECT_STREQ("bank_bytes must be a power of two from 4096 to 1 GiB",
		     line);
	EXPECT_EQ(NULL, a);
	o.bank_bytes = 2048;
	EXPECT_EQ(-EINVAL, vgpu_allocator_create(&o, &a));
	o.bank_bytes = 4097;
	EXPECT_EQ(-EINVAL, vgpu_allocator_create(&o, &a));
	o.bank_bytes = 4096;
	o.max_blocks = (1 << 18) + 1;
	EXPECT_EQ(-EINVAL, vgpu_allocator_create(&o, &a));
	o.max_blocks = 10;
	o.size = 3;
	EXPECT_EQ(-EINVAL, vgpu_allocator_create(&o, &a));
	o.size = sizeof(o);
	ASSERT_EQ(0, vgpu_allocator_create(&o, &a));

	EXPECT_EQ(-EINVAL, vgpu_allocator_init(a, &d, 0));
	EXPECT_EQ(-EINVAL, vgpu_allocator_init(a, NULL, 1));
	EXPECT_EQ(-ENOSPC, vgpu_allocator_init(a, &d, SIZE_MAX));
	d.id = NULL;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d.id = "";
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	memset(id, 'x', 64);
	id[64] = 0;
	d.id = id;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d = two[1];
	d.total_bytes = 0;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d.total_bytes = 4097;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d.total_bytes = 2048 * GIB;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d.total_bytes = UINT64_MAX;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	d.total_bytes = GIB;
	d.available_bytes = 1;
	/* Too many banks of 4 KiB. */
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	EXPECT_NE(NULL, strstr(error(a), "at most 65536 banks"));
	d = two[1];
	d.available_bytes++;
	EXPECT_EQ(-EINVAL, vgpu_allocator_add_device(a, &d));
	EXPECT_STREQ("device gpu1: 67108865 bytes available of only 67108864",
		     error(a));
	/* All or none. */
	EXPECT_EQ(-EEXIST, vgpu_allocator_init(a, list, 2));
	EXPECT_EQ(0, stats(a, NULL).devices);
	EXPECT_EQ(0, vgpu_allocator_init(a, list, 1));
	EXPECT_EQ(-EEXIST, vgpu_allocator_init(a, list, 1));
	EXPECT_STREQ("device gpu1: is there already", error(a));
	EXPECT_EQ(1, stats(a, NULL).devices);
	vgpu_allocator_destroy(a);
	vgpu_allocator_destroy(NULL);
}

/* A caller compiled with a longer struct, and one with a shorter. */
VGPU_TEST(structs_may_grow)
{
	struct {
		struct vgpu_allocate_options now;
		uint64_t later;
	} longer = { .now = { .size = sizeof(longer) } };
	struct vgpu_memory_stats s = { .size = offsetof(typeof(s), total) };
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b;

	EXPECT_EQ(0, vgpu_allocator_allocate(a, "gpu0", 1, &longer.now, &b));
	longer.later = 1;
	EXPECT_EQ(-EINVAL, vgpu_allocator_allocate(a, "gpu0", 1, &longer.now,
						   &b));
	s.total = 77;
	EXPECT_EQ(0, vgpu_allocator_get_stats(a, NULL, &s));
	EXPECT_EQ(1, s.count);
	EXPECT_EQ(77, s.total);
	s.size = 0;
	EXPECT_EQ(-EINVAL, vgpu_allocator_get_stats(a, NULL, &s));
	vgpu_allocator_destroy(a);
}

VGPU_TEST(limits)
{
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b, c;

	ASSERT_EQ(0, vgpu_allocator_set_limit(a, "gpu1", MIB));
	EXPECT_EQ(MIB, stats(a, "gpu1").available);
	ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu1", MIB, NULL, &b));
	EXPECT_EQ(-ENOSPC, vgpu_allocator_allocate(a, "gpu1", 1, NULL, &c));
	EXPECT_STREQ("device gpu1: 4096 bytes asked for, 1048576 of its limit of 1048576 are allocated, 1048576 of 18446744073709551615 on all devices",
		     error(a));
	ASSERT_EQ(0, vgpu_allocator_set_limit(a, "gpu1", 4096));
	EXPECT_EQ(0, stats(a, "gpu1").available);
	ASSERT_EQ(0, vgpu_allocator_free(a, b.id));
	EXPECT_EQ(0, vgpu_allocator_allocate(a, "gpu1", 1, NULL, &b));
	ASSERT_EQ(0, vgpu_allocator_set_limit(a, NULL, 8192));
	EXPECT_EQ(4096, stats(a, NULL).available);
	EXPECT_EQ(8192, stats(a, NULL).limit);
	EXPECT_EQ(0, vgpu_allocator_allocate(a, "gpu0", 1, NULL, &c));
	EXPECT_EQ(-ENOSPC, vgpu_allocator_allocate(a, "gpu0", 1, NULL, &c));
	vgpu_allocator_destroy(a);
}

VGPU_TEST(full)
{
	struct vgpu_allocator *a = make(64 * MIB);
	struct vgpu_memory_block b;
	uint64_t ids[64];
	int i;

	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu1", MIB, NULL, &b));
		ids[i] = b.id;
	}
	for (i = 0; i < 64; i += 2)
		ASSERT_EQ(0, vgpu_allocator_free(a, ids[i]));
	EXPECT_EQ(1000 - 1000 / 32, stats(a, "gpu1").fragmentation);
	EXPECT_EQ(-ENOMEM, vgpu_allocator_allocate(a, "gpu1", 2 * MIB, NULL,
						   &b));
	EXPECT_STREQ("device gpu1: 2097152 bytes asked for, the largest free piece has 1048576 of 33554432 that are free",
		     error(a));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu0", 1, NULL, &b));
	EXPECT_EQ(-ENOMEM, vgpu_allocator_allocate(a, "gpu0", 1, NULL, &b));
	EXPECT_STREQ("device gpu0: there are 1000 blocks, no more are possible",
		     error(a));
	vgpu_allocator_destroy(a);
}

VGPU_TEST(mapping)
{
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b, c;
	void *p = NULL, *q = NULL;
	void *wanted;

	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu0", 3 * MIB + 1,
						    NULL, NULL, &b));
	ASSERT_NE(NULL, b.cpu_address);
	EXPECT_TRUE(is_zero(b.cpu_address, b.size));
	fill(&b);
	EXPECT_EQ(-EBUSY, vgpu_allocator_map(a, b.id, NULL, &p));
	ASSERT_EQ(0, vgpu_allocator_unmap(a, b.id));
	EXPECT_EQ(-EINVAL, vgpu_allocator_unmap(a, b.id));
	ASSERT_EQ(0, vgpu_allocator_map(a, b.id, NULL, &p));
	b.cpu_address = p;
	EXPECT_TRUE(is_filled(&b));

	/* Where the caller wants it. */
	wanted = mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	ASSERT_NE(MAP_FAILED, wanted);
	munmap(wanted, 8 * MIB);
	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu1", MIB, wanted,
						    NULL, &c));
	EXPECT_EQ(wanted, c.cpu_address);
	fill(&c);
	EXPECT_TRUE(is_filled(&c));
	EXPECT_EQ(0, vgpu_allocator_unmap(a, b.id));
	EXPECT_EQ(-EEXIST, vgpu_allocator_map(a, b.id, wanted, &q));
	EXPECT_EQ(NULL, q);
	EXPECT_EQ(0, vgpu_allocator_map(a, b.id, (char *)wanted + MIB, &q));
	EXPECT_EQ((char *)wanted + MIB, q);

	/* A block that was used is zero when it is handed out again. */
	EXPECT_EQ(0, vgpu_allocator_free(a, c.id));
	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu1", 64 * MIB, NULL,
						    NULL, &c));
	EXPECT_TRUE(is_zero(c.cpu_address, c.size));
	vgpu_allocator_destroy(a);
}

VGPU_TEST(pins)
{
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b;

	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu0", 1, NULL, NULL,
						    &b));
	EXPECT_EQ(-EINVAL, vgpu_allocator_unpin(a, b.id));
	EXPECT_EQ(0, vgpu_allocator_pin(a, b.id));
	EXPECT_EQ(-EBUSY, vgpu_allocator_free(a, b.id));
	*(char *)b.cpu_address = 1;
	EXPECT_EQ(0, vgpu_allocator_unpin(a, b.id));
	EXPECT_EQ(0, vgpu_allocator_free(a, b.id));
	vgpu_allocator_destroy(a);
}

#define BLOCKS	200

/* Fill gpu1, free every other block, compact, and look at everything. */
static void compaction(struct __test_metadata *_metadata, uint64_t bank,
		       uint64_t budget, bool pin)
{
	struct vgpu_compact_result r = { .size = sizeof(r) };
	struct vgpu_allocator *a = make(bank);
	struct vgpu_memory_block b[BLOCKS], now;
	struct vgpu_memory_stats before, after;
	uint32_t seed = 1;
	int rounds = 0;
	int i, n;

	for (n = 0; n < BLOCKS; n++) {
		seed = seed * 1664525 + 1013904223;
		if (vgpu_allocator_allocate_mapped(a, "gpu1",
						   1 + (seed >> 12) % (600 * KIB),
						   NULL, NULL, &b[n]))
			break;
		fill(&b[n]);
		if (n % 5 == 0) {
			ASSERT_EQ(0, vgpu_allocator_unmap(a, b[n].id));
			b[n].cpu_address = NULL;
		}
	}
	for (i = 0; i < n; i += 2)
		ASSERT_EQ(0, vgpu_allocator_free(a, b[i].id));
	for (i = 1; pin && i < n; i += 20)
		ASSERT_EQ(0, vgpu_allocator_pin(a, b[i].id));
	before = stats(a, "gpu1");
	do {
		ASSERT_EQ(0, vgpu_allocator_compact(a, NULL, budget, &r));
		ASSERT_GT(1000, rounds++);
	} while (!r.finished);
	after = stats(a, "gpu1");
	EXPECT_EQ(before.allocated, after.allocated);
	EXPECT_EQ(before.count, after.count);
	if (bank >= 64 * MIB)
		EXPECT_LT(before.largest_free, after.largest_free);
	if (!pin && bank >= 64 * MIB)
		EXPECT_EQ(0, after.fragmentation);
	for (i = 1; i < n; i += 2) {
		ASSERT_EQ(0, vgpu_allocator_block(a, b[i].id, &now));
		EXPECT_EQ(0, memcmp(&now, &b[i], sizeof(now)));
		if (!b[i].cpu_address)
			ASSERT_EQ(0, vgpu_allocator_map(a, b[i].id, NULL,
							&b[i].cpu_address));
		EXPECT_TRUE(is_filled(&b[i]));
	}
	/* Free memory is zero, wherever blocks have been. */
	while (stats(a, "gpu1").largest_free) {
		ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu1",
							    stats(a, "gpu1").largest_free,
							    NULL, NULL, &now));
		EXPECT_TRUE(is_zero(now.cpu_address, now.size));
	}
	vgpu_allocator_destroy(a);
}

VGPU_TEST(compaction_keeps_everything)
{
	compaction(_metadata, 64 * MIB, 0, false);
}

VGPU_TEST(compaction_in_banks)
{
	compaction(_metadata, 4 * MIB, 0, false);
}

VGPU_TEST(compaction_with_budget)
{
	compaction(_metadata, 64 * MIB, MIB, false);
}

VGPU_TEST(compaction_with_pins)
{
	compaction(_metadata, 64 * MIB, 0, true);
}

/* A block that nobody touched costs nothing, also after it moved. */
VGPU_TEST(compaction_keeps_holes)
{
	struct vgpu_allocator *a = make(0);
	struct vgpu_memory_block b, c;

	ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu0", 4 * MIB, NULL, &b));
	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu0", 512 * MIB, NULL,
						    NULL, &c));
	((char *)c.cpu_address)[300 * MIB] = 7;
	ASSERT_EQ(0, vgpu_allocator_free(a, b.id));
	ASSERT_EQ(0, vgpu_allocator_compact(a, "gpu0", 0, NULL));
	EXPECT_EQ(GIB, stats(a, "gpu0").largest_free);
	EXPECT_EQ(7, ((char *)c.cpu_address)[300 * MIB]);
	EXPECT_EQ(0, ((char *)c.cpu_address)[296 * MIB]);
	vgpu_allocator_destroy(a);
}

#define PIECES	20
#define MOVED	((uint64_t)PIECES * MEMORY_MOVE_PIECE)

/* Every third piece of the source is a hole. */
static int move_setup(uint64_t from)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	char piece[MEMORY_MOVE_PIECE];
	int i;

	if (fd < 0 || ftruncate(fd, 64 * MIB))
		abort();
	for (i = 0; i < PIECES; i++) {
		memset(piece, i + 1, sizeof(piece));
		if (i % 3 &&
		    pwrite(fd, piece, sizeof(piece),
			   (off_t)(from + i * sizeof(piece))) != sizeof(piece))
			abort();
	}
	return fd;
}

static bool move_check(int fd, uint64_t at)
{
	char piece[MEMORY_MOVE_PIECE];
	size_t k;
	int i;

	for (i = 0; i < PIECES; i++) {
		if (pread(fd, piece, sizeof(piece),
			  (off_t)(at + i * sizeof(piece))) != sizeof(piece))
			return false;
		for (k = 0; k < sizeof(piece); k++)
			if (piece[k] != (i % 3 ? i + 1 : 0))
				return false;
	}
	return true;
}

VGPU_TEST(moves_of_any_distance)
{
	static const int64_t distances[] = {
		4096, 8192, 65536, 69632, 1 << 20, MOVED, 8 << 20,
	};
	const uint64_t from = 16 * MIB;
	size_t i;
	int sign;
	int fd;

	for (i = 0; i < 7; i++) {
		for (sign = -1; sign <= 1; sign += 2) {
			uint64_t to = from + sign * distances[i];

			fd = move_setup(from);
			EXPECT_EQ(0, memory_move(fd, from, to, MOVED));
			EXPECT_TRUE(move_check(fd, to));
			EXPECT_EQ(0, memory_move(fd, to, from, MOVED));
			EXPECT_TRUE(move_check(fd, from));
			close(fd);
		}
	}
}

/* Make the write at one offset of a file fail, by a filter on system calls. */
static void fail_write_at(uint64_t offset)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_pwrite64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)offset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = 6, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		abort();
}

/* A write that fails in the middle of an overlapping move is undone. */
VGPU_TEST(failed_move_is_undone)
{
	const uint64_t from = 16 * MIB;
	const uint64_t to = from - 3 * MEMORY_MOVE_PIECE - 4096;
	int fd = move_setup(from);

	fail_write_at(to + 13 * MEMORY_MOVE_PIECE);
	EXPECT_EQ(-ENOSPC, memory_move(fd, from, to, MOVED));
	EXPECT_TRUE(move_check(fd, from));
	close(fd);
}

/* The same seen from outside: the block is whole, the rest is zero. */
VGPU_TEST(failed_compaction)
{
	struct vgpu_compact_result r = { .size = sizeof(r) };
	struct vgpu_allocator *a = make(64 * MIB);
	struct vgpu_memory_block b, c;

	/* Undoing writes to other offsets than the one that fails. */
	ASSERT_EQ(0, vgpu_allocator_allocate(a, "gpu1", MIB + 1, NULL, &b));
	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu1", 4 * MIB, NULL,
						    NULL, &c));
	fill(&c);
	ASSERT_EQ(0, vgpu_allocator_free(a, b.id));
	fail_write_at(2 * MIB);
	EXPECT_EQ(-ENOSPC, vgpu_allocator_compact(a, "gpu1", 0, &r));
	EXPECT_EQ(0, r.moves);
	EXPECT_EQ(0, r.finished);
	EXPECT_NE(NULL, strstr(error(a), "cannot move 4194304 bytes"));
	EXPECT_TRUE(is_filled(&c));
	EXPECT_EQ(4 * MIB, stats(a, "gpu1").allocated);
	ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu1", MIB, NULL, NULL,
						    &b));
	EXPECT_TRUE(is_zero(b.cpu_address, b.size));
	vgpu_allocator_destroy(a);
}

VGPU_TEST(text_of_statistics)
{
	struct vgpu_memory_stats s = {
		.size = sizeof(s), .devices = 1, .count = 2, .total = 4 * GIB,
		.limit = 3 * GIB, .allocated = 64 * MIB, .available = 1,
		.peak = 65 * MIB, .largest_free = GIB, .fragmentation = 123,
	};
	char buf[1000], small[10];
	int n;

	n = vgpu_memory_stats_text(&s, buf, sizeof(buf));
	EXPECT_EQ((int)strlen(buf), n);
	EXPECT_NE(NULL, strstr(buf, "total:          4294967296 bytes (4096.00 MiB)\n"));
	EXPECT_NE(NULL, strstr(buf, "fragmentation:  12.3 %\n"));
	EXPECT_NE(NULL, strstr(buf, "blocks:         2\n"));
	EXPECT_EQ(n, vgpu_memory_stats_text(&s, small, sizeof(small)));
	EXPECT_STREQ("devices: ", small);
	EXPECT_EQ(n, vgpu_memory_stats_text(&s, NULL, 0));
}

VGPU_TEST(nothing_is_left_open)
{
	int before = vgpu_test_fds();
	struct vgpu_memory_block b;
	struct vgpu_allocator *a;
	int i;

	for (i = 0; i < 1000; i++) {
		a = make(0);
		ASSERT_EQ(0, vgpu_allocator_allocate_mapped(a, "gpu0", MIB,
							    NULL, NULL, &b));
		*(char *)b.cpu_address = 1;
		vgpu_allocator_destroy(a);
	}
	EXPECT_EQ(before, vgpu_test_fds());
}

TEST_HARNESS_MAIN
