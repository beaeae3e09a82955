// SPDX-License-Identifier: MIT
/*
 * Configuration space and BARs as VFIO shows them: capabilities, what can be
 * written, sizes, accesses of any length at any place, and power states.
 *
 * vm: fresh gpus=1 vram=3G
 */
/* BAR2 is larger than VRAM. */
#define VMM_TYPE	"vgpu-768m"
#define VMM_VRAM	(768 * MIB)
#include "vfio_util.h"

#define CONFIG		VFIO_PCI_CONFIG_REGION_INDEX
#define BAR0		VFIO_PCI_BAR0_REGION_INDEX
#define BAR2		VFIO_PCI_BAR2_REGION_INDEX
#define BAR4		VFIO_PCI_BAR4_REGION_INDEX
#define CONFIG_BYTES	4096
#define BAR2_BYTES	(1024 * MIB)

#define CAP_PM		0x01u
#define CAP_EXP		0x10u
#define CAP_MSIX	0x11u

FIXTURE(config) {
	struct vmm v;
};

FIXTURE_SETUP(config)
{
	ASSERT_EQ(0, vmm_open(&self->v, 3));
}

FIXTURE_TEARDOWN(config)
{
	EXPECT_EQ(0, vmm_close(&self->v));
}

static uint32_t cfg(struct vmm *v, uint32_t at, uint32_t bytes)
{
	return vmm_read(v, CONFIG, at, bytes);
}

static void cfg_set(struct vmm *v, uint32_t at, uint32_t value, uint32_t bytes)
{
	vmm_write(v, CONFIG, at, value, bytes);
}

/* As the kernel's pci_find_capability(); 0 if there is none. */
static uint32_t find_cap(struct vmm *v, uint32_t id)
{
	uint32_t n, at = cfg(v, 0x34, 1);

	for (n = 0; n < 48 && at >= 0x40; n++) {
		if (cfg(v, at, 1) == id)
			return at;
		at = cfg(v, at + 1, 1);
	}
	return 0;
}

TEST_F(config, header)
{
	struct vmm *v = &self->v;

	EXPECT_EQ(VGPU_PCI_VENDOR, cfg(v, 0x00, 2));
	EXPECT_EQ(VGPU_PCI_DEVICE, cfg(v, 0x02, 2));
	EXPECT_EQ(0x0010, cfg(v, 0x06, 2));		/* capabilities, no more */
	EXPECT_EQ(VGPU_PCI_CLASS, cfg(v, 0x08, 4) >> 8);
	EXPECT_EQ(0, cfg(v, 0x0e, 1));			/* type 0, one function */
	EXPECT_EQ(VGPU_PCI_SUBVENDOR, cfg(v, 0x2c, 2));
	EXPECT_EQ(VGPU_PCI_SUBDEVICE_VGPU, cfg(v, 0x2e, 2));
	EXPECT_EQ(0, cfg(v, 0x30, 4));			/* no ROM */
	EXPECT_EQ(0, cfg(v, 0x3d, 1));			/* no INTx */
}

/* The list has an end, no two overlap, and each says what the others say. */
TEST_F_TIMEOUT(config, capabilities, 120)
{
	static const struct {
		uint32_t id;
		uint32_t bytes;
	} known[] = { { CAP_PM, 8 }, { CAP_MSIX, 12 }, { CAP_EXP, 0x3c } };
	struct vfio_irq_info irq = {
		.argsz = sizeof(irq), .index = VFIO_PCI_MSIX_IRQ_INDEX,
	};
	bool used[256] = { false };
	struct vmm *v = &self->v;
	uint32_t at, i, k, n = 0;

	for (at = cfg(v, 0x34, 1); at; at = cfg(v, at + 1, 1)) {
		ASSERT_LE(0x40, at);
		ASSERT_EQ(0, at % 4);
		ASSERT_GT(3, n++);
		for (i = 0; i < 3 && known[i].id != cfg(v, at, 1); i++)
			;
		ASSERT_GT(3, i);
		for (k = at; k < at + known[i].bytes; k++) {
			ASSERT_GT(256, k);
			ASSERT_FALSE(used[k]);
			used[k] = true;
		}
	}
	EXPECT_EQ(3, n);
	for (i = 0x100; i < CONFIG_BYTES; i += 4)
		ASSERT_EQ(0, cfg(v, i, 4));

	at = find_cap(v, CAP_PM);
	EXPECT_EQ(0x0003, cfg(v, at + 2, 2));	/* version 3: no D1, D2, PME# */
	EXPECT_EQ(0x0000, cfg(v, at + 4, 2));	/* D0; D3hot loses the state */

	at = find_cap(v, CAP_MSIX);
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_GET_IRQ_INFO, &irq));
	EXPECT_EQ(irq.count, (cfg(v, at + 2, 2) & 0x7ff) + 1);
	EXPECT_EQ(4, cfg(v, at + 4, 4));
	EXPECT_EQ(VGPU_BAR4_PBA | 4, cfg(v, at + 8, 4));
	EXPECT_GE(VGPU_BAR4_PBA, irq.count * 16);
	EXPECT_GE(VGPU_BAR4_BYTES, VGPU_BAR4_PBA + irq.count / 8);

	at = find_cap(v, CAP_EXP);
	EXPECT_EQ(0x0002, cfg(v, at + 2, 2));	/* version 2, endpoint */
	EXPECT_EQ(1u << 28, cfg(v, at + 4, 4) & 1u << 28);	/* FLR */
	EXPECT_EQ(0x2810, cfg(v, at + 8, 2));	/* what the specification starts with */
	EXPECT_EQ(0, cfg(v, at + 10, 2));
	/* The link is as fast and as wide as it can be. */
	EXPECT_EQ(cfg(v, at + 12, 2) & 0x3ff, cfg(v, at + 18, 2) & 0x3ff);
}

/* Of every byte, what can be written: nothing else changes. */
TEST_F_TIMEOUT(config, writable, 120)
{
	struct vmm *v = &self->v;
	uint8_t mask[CONFIG_BYTES] = { 0 };
	uint32_t pm = find_cap(v, CAP_PM), msix = find_cap(v, CAP_MSIX);
	uint32_t exp = find_cap(v, CAP_EXP), i, before, flipped;

	mask[0x04] = 0x06;	/* memory space, bus master */
	mask[0x05] = 0x05;	/* SERR#, INTx disable */
	mask[0x0c] = 0xff;	/* cache line size */
	mask[0x3c] = 0xff;	/* interrupt line */
	mask[msix + 3] = 0xc0;
	mask[exp + 8] = 0x1f;	/* error reporting, relaxed ordering */
	mask[exp + 9] = 0x78;	/* no snoop, size of reads */
	memset(mask + 0x10, 0xff, 0x14);	/* BARs; see below */

	for (i = 0; i < CONFIG_BYTES; i++) {
		/* Power states and FLR have tests of their own. */
		if (i == pm + 4 || (i >= 0x10 && i < 0x24))
			continue;
		before = cfg(v, i, 1);
		flipped = i == exp + 9 ? before ^ 0x7f : before ^ 0xff;
		cfg_set(v, i, flipped, 1);
		ASSERT_EQ((before & ~mask[i]) | (flipped & mask[i]),
			  cfg(v, i, 1)) {
			TH_LOG("at %#x", i);
		}
		cfg_set(v, i, before, 1);
		ASSERT_EQ(before, cfg(v, i, 1));
	}
}

static uint64_t bar_size(struct vmm *v, uint32_t at, bool wide)
{
	uint32_t low = cfg(v, at, 4), high = wide ? cfg(v, at + 4, 4) : 0;
	uint64_t mask = wide ? 0 : 0xffffffffull << 32;

	cfg_set(v, at, ~0u, 4);
	mask |= cfg(v, at, 4) & ~0xfu;
	cfg_set(v, at, low, 4);
	if (wide) {
		cfg_set(v, at + 4, ~0u, 4);
		mask |= (uint64_t)cfg(v, at + 4, 4) << 32;
		cfg_set(v, at + 4, high, 4);
	}
	return -mask;
}

/* Software finds the size of a BAR by writing ones to it. */
TEST_F(config, bar_sizes)
{
	struct vmm *v = &self->v;

	EXPECT_EQ(0x4, cfg(v, 0x10, 4));	/* 64-bit */
	EXPECT_EQ(0xc, cfg(v, 0x18, 4));	/* 64-bit, prefetchable */
	EXPECT_EQ(0x0, cfg(v, 0x20, 4));
	EXPECT_EQ(v->size[BAR0], bar_size(v, 0x10, true));
	EXPECT_EQ(v->size[BAR2], bar_size(v, 0x18, true));
	EXPECT_EQ(v->size[BAR4], bar_size(v, 0x20, false));
	EXPECT_EQ(VGPU_BAR0_BYTES, v->size[BAR0]);
	EXPECT_EQ(BAR2_BYTES, v->size[BAR2]);
	EXPECT_EQ(VGPU_BAR4_BYTES, v->size[BAR4]);
	cfg_set(v, 0x24, ~0u, 4);
	EXPECT_EQ(0, cfg(v, 0x24, 4));
	cfg_set(v, 0x30, ~0u, 4);
	EXPECT_EQ(0, cfg(v, 0x30, 4));
}

/* Any piece of it reads as the same piece of the whole. */
TEST_F_TIMEOUT(config, pieces, 120)
{
	struct vmm *v = &self->v;
	uint8_t whole[CONFIG_BYTES], piece[CONFIG_BYTES];
	uint32_t i, at, n, want;

	ASSERT_EQ(CONFIG_BYTES, pread(v->device, whole, CONFIG_BYTES,
				      v->at[CONFIG]));
	srand(1);
	for (i = 0; i < 4000; i++) {
		at = i < 2000 ? rand() % 256 : rand() % CONFIG_BYTES;
		n = 1 + rand() % (i % 100 ? 17 : CONFIG_BYTES);
		want = at + n > CONFIG_BYTES ? CONFIG_BYTES - at : n;
		ASSERT_EQ(want, pread(v->device, piece, n,
				      v->at[CONFIG] + at));
		ASSERT_EQ(0, memcmp(piece, whole + at, want)) {
			TH_LOG("%u bytes at %#x", n, at);
		}
	}
	/* Written in any pieces, it is the same, too. */
	memset(piece, 0x5a, 16);
	ASSERT_EQ(7, pwrite(v->device, piece, 7, v->at[CONFIG] + 0x11));
	EXPECT_EQ(0x5a000004, cfg(v, 0x10, 4));	/* 8 MiB */
	EXPECT_EQ(0x5a5a5a5a, cfg(v, 0x14, 4));
}

/* Where nothing is, and what is no buffer. */
TEST_F(config, nowhere)
{
	static const uint32_t none[] = {
		VFIO_PCI_BAR1_REGION_INDEX, VFIO_PCI_BAR3_REGION_INDEX,
		VFIO_PCI_BAR5_REGION_INDEX, VFIO_PCI_ROM_REGION_INDEX,
		VFIO_PCI_VGA_REGION_INDEX,
	};
	static const uint32_t some[] = { CONFIG, BAR0, BAR2, BAR4 };
	struct vmm *v = &self->v;
	char *bad = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t beyond, word = 0;
	uint32_t i;

#define FAILS(error, act) do {						\
		errno = 0;						\
		EXPECT_EQ(-1, act);					\
		EXPECT_EQ(error, errno);				\
	} while (0)
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		EXPECT_EQ(0, v->size[none[i]]);
		FAILS(EINVAL, pread(v->device, &word, 4, v->at[none[i]]));
		FAILS(EINVAL, pwrite(v->device, &word, 4, v->at[none[i]]));
	}
	ASSERT_NE(MAP_FAILED, bad);
	bad += 4096;
	ASSERT_EQ(0, mprotect(bad, 4096, PROT_NONE));
	beyond = (v->at[1] - v->at[0]) * VFIO_PCI_NUM_REGIONS;
	FAILS(EINVAL, pread(v->device, &word, 4, beyond));
	FAILS(EINVAL, pwrite(v->device, &word, 4, beyond));
	FAILS(EINVAL, pread(v->device, &word, 4, INT64_MAX));
	FAILS(EINVAL, pread(v->device, &word, 4, -4096));
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		uint64_t at = v->at[some[i]], end = at + v->size[some[i]];

		FAILS(EINVAL, pread(v->device, &word, 1, end));
		FAILS(EINVAL, pwrite(v->device, &word, 1, end));
		EXPECT_EQ(1, pread(v->device, &word, 8, end - 1));
		EXPECT_EQ(3, pwrite(v->device, &word, 8, end - 3));
		EXPECT_EQ(0, pread(v->device, &word, 0, at));
		FAILS(EFAULT, pread(v->device, bad, 4, at));
		FAILS(EFAULT, pwrite(v->device, bad, 4, at));
	}
	/* Half of it: what was done counts. */
	EXPECT_EQ(4, pread(v->device, bad - 4, 8, v->at[CONFIG]));
	EXPECT_EQ(4, pwrite(v->device, bad - 4, 12, v->at[BAR4] + 4));
	munmap(bad - 4096, 8192);
}

/* BAR0 says something to 4 and 8 aligned bytes, and ones to all else. */
TEST_F(config, registers)
{
	struct vmm *v = &self->v;
	uint32_t word[4];
	uint8_t b[16];

	EXPECT_EQ(VGPU_ID, vmm_read(v, BAR0, VGPU_REG_ID, 4));
	EXPECT_EQ(VGPU_ID | (uint64_t)VGPU_VERSION << 32,
		  vmm_read(v, BAR0, VGPU_REG_ID, 8));
	EXPECT_EQ(0xffff, vmm_read(v, BAR0, VGPU_REG_ID, 2));
	EXPECT_EQ(0xff, vmm_read(v, BAR0, VGPU_REG_ID + 3, 1));
	/* 1 + 2 + 4 bytes, of which only the last are an access. */
	ASSERT_EQ(7, pread(v->device, b, 7, v->at[BAR0] + 1));
	memcpy(word, b + 3, 4);
	EXPECT_EQ(VGPU_VERSION, word[0]);
	EXPECT_EQ(0xff, b[0] & b[1] & b[2]);
	/* 4 + 8 + 4 */
	ASSERT_EQ(16, pread(v->device, word, 16, v->at[BAR0] + 0x1c));
	EXPECT_EQ(0, word[0]);
	EXPECT_EQ(VMM_VRAM, word[1] | (uint64_t)word[2] << 32);
	/* Writes likewise. */
	ASSERT_EQ(0, vmm_set(v, VGPU_REG_SCRATCH, 0x12345678));
	ASSERT_EQ(0, vmm_write(v, BAR0, VGPU_REG_SCRATCH, 0xffff, 2));
	ASSERT_EQ(0, vmm_write(v, BAR0, VGPU_REG_SCRATCH + 3, 0xff, 1));
	ASSERT_EQ(0, vmm_write(v, BAR0, VGPU_REG_SCRATCH - 1, 0xffff, 2));
	EXPECT_EQ(0x12345678, vmm_reg(v, VGPU_REG_SCRATCH));
	/* Nothing at all: the doorbells, and behind the registers. */
	EXPECT_EQ(0, vmm_read(v, BAR0, VGPU_REG_END, 8));
	EXPECT_EQ(0, vmm_read(v, BAR0, VGPU_BAR0_DOORBELLS, 4));
	EXPECT_EQ(0, vmm_read(v, BAR0, VGPU_BAR0_BYTES - 8, 8));
	/* The table has a bit to mask each vector, the pending bits none. */
	EXPECT_EQ(1, vmm_read(v, BAR4, 12, 4));
	ASSERT_EQ(0, vmm_write(v, BAR4, 8, ~0ull, 8));
	EXPECT_EQ(0x1ffffffffull, vmm_read(v, BAR4, 8, 8));
	ASSERT_EQ(0, vmm_write(v, BAR4, VGPU_BAR4_PBA, ~0ull, 8));
	EXPECT_EQ(0, vmm_read(v, BAR4, VGPU_BAR4_PBA, 8));
}

/* VRAM is not a power of two: what rounding added is nothing. */
TEST_F(config, beyond_vram)
{
	char buf[4096 + 64], ones[64];
	struct vmm *v = &self->v;
	const uint64_t end = v->at[BAR2] + VMM_VRAM;
	char *p;

	memset(ones, 0xff, sizeof(ones));
	memset(buf, 0x5a, sizeof(buf));
	ASSERT_EQ(128, pwrite(v->device, buf, 128, end - 64));
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(128, pread(v->device, buf, 128, end - 64));
	EXPECT_EQ(0x5a, buf[0]);
	EXPECT_EQ(0x5a, buf[63]);
	EXPECT_EQ(0, memcmp(buf + 64, ones, 64));
	ASSERT_EQ(63, pread(v->device, buf, 64, v->at[BAR2] + BAR2_BYTES - 63));
	EXPECT_EQ(0, memcmp(buf, ones, 63));

#define MAPS(bytes, flags, at)						\
	(p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, v->device, at), \
	 p == MAP_FAILED ? -errno : munmap(p, bytes))
	EXPECT_EQ(0, MAPS(VMM_VRAM, MAP_SHARED, v->at[BAR2]));
	EXPECT_EQ(0, MAPS(4096, MAP_SHARED, end - 4096));
	EXPECT_EQ(-EINVAL, MAPS(8192, MAP_SHARED, end - 4096));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_SHARED, end));
	EXPECT_EQ(-EINVAL, MAPS(VMM_VRAM + 4096, MAP_SHARED, v->at[BAR2]));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_PRIVATE, v->at[BAR2]));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_SHARED, v->at[BAR0]));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_SHARED, v->at[BAR4]));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_SHARED, v->at[CONFIG]));
	EXPECT_EQ(-EINVAL, MAPS(4096, MAP_SHARED, v->at[BAR2] + BAR2_BYTES));
	/* A mapping does not grow beyond it. */
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, v->device, end - 4096);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(MAP_FAILED, mremap(p, 4096, 8192, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	munmap(p, 4096);
}

/* A region says by a capability which part of it can be mapped. */
TEST_F(config, sparse)
{
	struct {
		struct vfio_region_info info;
		struct vfio_region_info_cap_sparse_mmap sparse;
		struct vfio_region_sparse_mmap_area area;
		uint32_t guard;
	} r = { .guard = 0x5a5a5a5a };
	struct vmm *v = &self->v;
	uint32_t i;

	r.info.argsz = sizeof(r.info);
	r.info.index = BAR2;
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r.info));
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS,
		  r.info.flags);
	EXPECT_EQ(0, r.info.cap_offset);
	EXPECT_EQ(sizeof(r.info) + sizeof(r.sparse) + sizeof(r.area),
		  r.info.argsz);
	EXPECT_EQ(0, r.sparse.nr_areas);
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r.info));
	ASSERT_EQ(sizeof(r.info), r.info.cap_offset);
	EXPECT_EQ(VFIO_REGION_INFO_CAP_SPARSE_MMAP, r.sparse.header.id);
	EXPECT_EQ(1, r.sparse.header.version);
	EXPECT_EQ(0, r.sparse.header.next);
	EXPECT_EQ(1, r.sparse.nr_areas);
	EXPECT_EQ(0, r.area.offset);
	EXPECT_EQ(VMM_VRAM, r.area.size);
	EXPECT_EQ(0x5a5a5a5a, r.guard);
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		r.info.argsz = sizeof(r.info);
		r.info.index = i;
		if (i == BAR2)
			continue;
		ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO,
				   &r.info));
		EXPECT_EQ(r.info.size ? VFIO_REGION_INFO_FLAG_READ |
				       VFIO_REGION_INFO_FLAG_WRITE : 0,
			  r.info.flags);
		EXPECT_EQ(sizeof(r.info), r.info.argsz);
	}
}

/*
 * The bits that enable memory and bus mastering are kept and not looked at: the
 * VMM decides what a guest reaches.
 */
TEST_F(config, command)
{
	struct vmm *v = &self->v;
	uint32_t command;

	for (command = 0; command <= 6; command += 2) {
		cfg_set(v, 0x04, command, 2);
		EXPECT_EQ(command, cfg(v, 0x04, 2));
		EXPECT_EQ(VGPU_ID, vmm_reg(v, VGPU_REG_ID));
		ASSERT_EQ(0, vmm_enable(v));
		ASSERT_EQ(0, vmm_ring(v, VMM_RING));
		ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
		ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	}
	/* VFIO's reset leaves configuration space to whoever asks for it. */
	EXPECT_EQ(6, cfg(v, 0x04, 2));
}

/* In D3hot nothing answers but configuration space, and the state is lost. */
TEST_F(config, power)
{
	struct vmm *v = &self->v;
	uint32_t pm = find_cap(v, CAP_PM), state;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	for (state = 1; state < 3; state++) {
		cfg_set(v, pm + 4, state, 2);
		EXPECT_EQ(0, cfg(v, pm + 4, 2));
	}
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
	cfg_set(v, pm + 4, 3, 2);
	EXPECT_EQ(3, cfg(v, pm + 4, 2));
	EXPECT_EQ(0xffffffff, vmm_reg(v, VGPU_REG_ID));
	EXPECT_EQ(~0ull, vmm_read(v, BAR0, VGPU_REG_ID, 8));
	EXPECT_EQ(0xffffffff, vmm_read(v, BAR4, 12, 4));
	/* It cannot be enabled there. */
	EXPECT_EQ(-EIO, vmm_enable(v));
	cfg_set(v, pm + 4, 0, 2);
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_STATUS));
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_ERR_COUNT));
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_USED_LO));
	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_NOP, 0, 0, 0));
}

TEST_HARNESS_MAIN
