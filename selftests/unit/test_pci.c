// SPDX-License-Identifier: MIT
/*
 * Configuration space as lspci and Linux walk it, BAR sizing, power states,
 * function-level reset, and MSI-X with its masks and pending bits.
 */
#include "vgpu_test.h"
#include "model_guest.h"

#define CAP_PM		0x01
#define CAP_MSIX	0x11
#define CAP_EXP		0x10

static u32 rd(struct shell *s, u32 offset, u32 size)
{
	return vgpu_model_config_read(s->m, offset, size);
}

static void wr(struct shell *s, u32 offset, u32 size, u32 value)
{
	vgpu_model_config_write(s->m, offset, size, value);
}

/* As the kernel's pci_find_capability(); 0 if there is none. */
static u32 find_cap(struct shell *s, u32 id)
{
	u32 n, at = rd(s, 0x34, 1);

	if (!(rd(s, 0x06, 2) & 0x10))
		return 0;
	for (n = 0; n < 48 && at >= 0x40; n++) {
		if (rd(s, at, 1) == id)
			return at;
		at = rd(s, at + 1, 1) & ~3u;
	}
	return 0;
}

static u64 bar_size(struct shell *s, u32 offset, bool wide)
{
	u32 low = rd(s, offset, 4), high = wide ? rd(s, offset + 4, 4) : 0;
	u64 mask;

	wr(s, offset, 4, ~0u);
	mask = rd(s, offset, 4) & ~0xfu;
	wr(s, offset, 4, low);
	if (!wide)
		return -(u32)mask;
	wr(s, offset + 4, 4, ~0u);
	mask |= (u64)rd(s, offset + 4, 4) << 32;
	wr(s, offset + 4, 4, high);
	return -mask;
}

static int open_as(struct shell *s, u32 subdevice, u64 vram)
{
	struct vgpu_model_config c;

	shell_config(&c);
	c.subdevice = subdevice;
	c.vram_bytes = vram;
	c.bank_shift = 22;
	return shell_open(s, &c);
}

VGPU_TEST(identity)
{
	static const u32 sub[] = { VGPU_PCI_SUBDEVICE_GPU,
				   VGPU_PCI_SUBDEVICE_VGPU };
	struct shell s;
	u32 i, n, at, before;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, open_as(&s, sub[i], 16u << 20));
		EXPECT_EQ(0x10f51af4, rd(&s, 0, 4));
		EXPECT_EQ(0x1af4, rd(&s, 0, 2));
		EXPECT_EQ(0x10, rd(&s, 3, 1));
		EXPECT_EQ(0x0302, rd(&s, 0x0a, 2));
		EXPECT_EQ(0, rd(&s, 0x0e, 1));		/* type 0 */
		EXPECT_EQ(0x1af4, rd(&s, 0x2c, 2));
		EXPECT_EQ(sub[i], rd(&s, 0x2e, 2));
		EXPECT_EQ(0, rd(&s, 0x3d, 1));		/* no INTx */
		for (n = 0, at = rd(&s, 0x34, 1); at; n++) {
			ASSERT_LT(n, 48);
			ASSERT_GE(at, 0x40);
			at = rd(&s, at + 1, 1);
		}
		EXPECT_EQ(i ? 3 : 2, n);
		EXPECT_NE(0, find_cap(&s, CAP_PM));
		EXPECT_NE(0, find_cap(&s, CAP_EXP));
		EXPECT_EQ(!i, !find_cap(&s, CAP_MSIX));
		EXPECT_NE(0, rd(&s, find_cap(&s, CAP_EXP) + 4, 4) & 1u << 28);
		/* No extended capabilities; all ones beyond the end. */
		EXPECT_EQ(0, rd(&s, 0x100, 4));
		EXPECT_EQ(0, rd(&s, 4092, 4));
		EXPECT_EQ(~0u, rd(&s, 4096, 4));
		EXPECT_EQ(~0u, rd(&s, 1, 2));
		EXPECT_EQ(~0u, rd(&s, 2, 4));
		EXPECT_EQ(~0u, rd(&s, 0, 0));
		EXPECT_EQ(~0u, rd(&s, 0, 3));
		EXPECT_EQ(~0u, rd(&s, 0, 8));
		EXPECT_EQ(~0u, rd(&s, ~0u, 1));
		EXPECT_EQ(~0u, rd(&s, ~3u, 4));
		/* What is read-only stays, byte by byte and at once. */
		for (at = 0; at < 0x100; at++) {
			if ((at >= 4 && at < 6) || at == 0x0c || at == 0x3c ||
			    (at >= 0x10 && at < 0x24) || at >= 0x40)
				continue;
			before = rd(&s, at, 1);
			wr(&s, at, 1, ~before);
			ASSERT_EQ(before, rd(&s, at, 1)) TH_LOG("%#x", at);
			if (at % 4 || at == 4 || at == 0x0c || at == 0x3c)
				continue;
			before = rd(&s, at, 4);
			wr(&s, at, 4, ~before);
			ASSERT_EQ(before, rd(&s, at, 4));
		}
		wr(&s, 4, 2, 0xffff);
		EXPECT_EQ(0x0506, rd(&s, 4, 2));
		wr(&s, 4, 2, 0);
		wr(&s, 0x3c, 1, 11);
		EXPECT_EQ(11, rd(&s, 0x3c, 1));
		/* Writes that have no meaning. */
		wr(&s, 0x3c, 3, 5);
		wr(&s, 4096 + 0x3c, 1, 5);
		wr(&s, 0x13c, 1, 5);
		EXPECT_EQ(11, rd(&s, 0x3c, 1));
		shell_close(&s);
	}
}

VGPU_TEST(bars)
{
	static const u64 vram[] = { 4096, 1u << 20, (1u << 20) + 4096,
				    16u << 20, 3ull << 30, 1ull << 32,
				    (1ull << 32) + 4096 };
	static const u64 size[] = { 4096, 1u << 20, 2u << 20, 16u << 20,
				    4ull << 30, 1ull << 32, 1ull << 33 };
	struct shell s;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vram); i++) {
		ASSERT_EQ(0, open_as(&s, VGPU_PCI_SUBDEVICE_VGPU, vram[i]));
		EXPECT_EQ(0x4, rd(&s, 0x10, 4));
		EXPECT_EQ(0xc, rd(&s, 0x18, 4));
		EXPECT_EQ(0x0, rd(&s, 0x20, 4));
		EXPECT_EQ(VGPU_BAR0_BYTES, bar_size(&s, 0x10, true));
		EXPECT_EQ(size[i], bar_size(&s, 0x18, true));
		EXPECT_EQ(VGPU_BAR4_BYTES, bar_size(&s, 0x20, false));
		EXPECT_EQ(0, rd(&s, 0x24, 4));
		EXPECT_EQ(0, rd(&s, 0x30, 4));
		wr(&s, 0x10, 4, 0xfe800000);
		wr(&s, 0x14, 4, 0x12);
		EXPECT_EQ(0xfe800004, rd(&s, 0x10, 4));
		EXPECT_EQ(0x12, rd(&s, 0x14, 4));
		shell_close(&s);
	}
	/* A host's GPU has none. */
	ASSERT_EQ(0, open_as(&s, VGPU_PCI_SUBDEVICE_GPU, 1u << 20));
	for (i = 0x10; i < 0x34; i += 4) {
		if (i == 0x2c)
			continue;
		wr(&s, i, 4, ~0u);
		EXPECT_EQ(0, rd(&s, i, 4));
	}
	shell_close(&s);
}

static bool used(struct shell *s)
{
	struct vgpu_model_stats st;

	vgpu_model_stats(s->m, &st);
	return st.contexts;
}

VGPU_TEST(power)
{
	struct client c;
	struct shell s;
	u32 pm;

	ASSERT_EQ(0, open_as(&s, VGPU_PCI_SUBDEVICE_VGPU, 16u << 20));
	ASSERT_EQ(0, client_open(&c, &s));
	pm = find_cap(&s, CAP_PM);
	EXPECT_EQ(3, rd(&s, pm + 2, 2) & 7);
	EXPECT_EQ(0, rd(&s, pm + 2, 2) & 0x600);	/* no D1, no D2 */
	EXPECT_EQ(0x0, rd(&s, pm + 4, 2));
	/* A state that it does not have is not entered. */
	wr(&s, pm + 4, 2, 1);
	EXPECT_EQ(0x0, rd(&s, pm + 4, 2));
	wr(&s, pm + 4, 1, 2);
	EXPECT_EQ(0x0, rd(&s, pm + 4, 2));
	EXPECT_TRUE(used(&s));
	wr(&s, pm + 4, 2, 3);
	EXPECT_EQ(0x3, rd(&s, pm + 4, 2));
	ASSERT_EQ(NULL, model_gone(&s));
	wr(&s, pm + 4, 2, 1);
	EXPECT_EQ(0x3, rd(&s, pm + 4, 2));
	/* Nobody answers there, and nothing can be started. */
	EXPECT_EQ(U64_MAX, vgpu_model_bar0_read(s.m, VGPU_REG_ID, 4, 0));
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(s.m, 12, 4));
	vgpu_model_bar0_write(s.m, VGPU_REG_SCRATCH, 4, 7);
	vgpu_model_bar4_write(s.m, 0, 4, 7);
	wr(&s, pm + 4, 2, 0);
	EXPECT_EQ(VGPU_ID, vgpu_model_bar0_read(s.m, VGPU_REG_ID, 4, 0));
	EXPECT_EQ(0, vgpu_model_bar0_read(s.m, VGPU_REG_SCRATCH, 4, 0));
	EXPECT_EQ(0, vgpu_model_bar4_read(s.m, 0, 4));
	wr(&s, pm + 4, 2, 3);
	/* Back in D0, configuration space is as it was. */
	wr(&s, pm + 4, 2, 0);
	EXPECT_EQ(0x0, rd(&s, pm + 4, 2));
	ASSERT_EQ(0, client_open(&c, &s));
	wr(&s, pm + 4, 4, 0x8003);
	EXPECT_EQ(0x3, rd(&s, pm + 4, 4));
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

VGPU_TEST(flr)
{
	static const u32 sub[] = { VGPU_PCI_SUBDEVICE_GPU,
				   VGPU_PCI_SUBDEVICE_VGPU };
	u32 i, exp, msix;
	struct client c;
	struct shell s;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, open_as(&s, sub[i], 16u << 20));
		ASSERT_EQ(0, client_open(&c, &s));
		exp = find_cap(&s, CAP_EXP);
		msix = find_cap(&s, CAP_MSIX);
		wr(&s, 4, 2, 6);
		wr(&s, 0x10, 4, 0xfe800000);
		if (msix) {
			wr(&s, msix + 2, 2, 0x8000);
			vgpu_model_bar4_write(s.m, 0, 4, 0x1234);
		}
		vgpu_model_bar0_write(s.m, VGPU_REG_SCRATCH, 4, 7);
		/* Bits beside it do not start one. */
		EXPECT_EQ(0x2810, rd(&s, exp + 8, 2));
		wr(&s, exp + 8, 2, 0x7fff);
		EXPECT_EQ(0x781f, rd(&s, exp + 8, 2));
		EXPECT_TRUE(used(&s));
		wr(&s, exp + 8, 2, 0x8000);
		EXPECT_EQ(0x2810, rd(&s, exp + 8, 2));
		EXPECT_EQ(0, rd(&s, 4, 2));
		EXPECT_EQ(i ? 4 : 0, rd(&s, 0x10, 4));
		EXPECT_EQ(0, vgpu_model_bar0_read(s.m, VGPU_REG_SCRATCH, 4, 0));
		if (msix) {
			EXPECT_EQ(31, rd(&s, msix + 2, 2));
			EXPECT_EQ(0, vgpu_model_bar4_read(s.m, 0, 4));
			EXPECT_EQ(1, vgpu_model_bar4_read(s.m, 12, 4));
		}
		ASSERT_EQ(NULL, model_gone(&s));
		/* The byte alone does it, too. */
		ASSERT_EQ(0, client_open(&c, &s));
		wr(&s, exp + 9, 1, 0x80);
		ASSERT_EQ(NULL, model_gone(&s));
		shell_close(&s);
	}
}

VGPU_TEST(msix)
{
	struct vgpu_model *m;
	struct client c;
	struct shell s;
	u32 cap, i;

	ASSERT_EQ(0, open_as(&s, VGPU_PCI_SUBDEVICE_VGPU, 16u << 20));
	m = s.m;
	cap = find_cap(&s, CAP_MSIX);
	EXPECT_EQ(VGPU_MSIX_VECTORS - 1, rd(&s, cap + 2, 2));
	EXPECT_EQ(4, rd(&s, cap + 4, 4));
	EXPECT_EQ(VGPU_BAR4_PBA | 4, rd(&s, cap + 8, 4));
	/* Masked at first; only bit 0 of the control word can be written. */
	for (i = 0; i < VGPU_MSIX_VECTORS; i++) {
		EXPECT_EQ(1, vgpu_model_bar4_read(m, i * 16 + 12, 4));
		vgpu_model_bar4_write(m, i * 16, 8, 0x1111222233334444ull + i);
		vgpu_model_bar4_write(m, i * 16 + 8, 8, ~0ull);
		EXPECT_EQ(0x1111222233334444ull + i,
			  vgpu_model_bar4_read(m, i * 16, 8));
		EXPECT_EQ(0x1ffffffffull,
			  vgpu_model_bar4_read(m, i * 16 + 8, 8));
	}
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(m, 2, 4));
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(m, 4, 8));
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(m, 0, 2));
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(m, 4096, 4));
	EXPECT_EQ(U64_MAX, vgpu_model_bar4_read(m, U64_MAX - 3, 4));
	EXPECT_EQ(0, vgpu_model_bar4_read(m, 512, 4));
	EXPECT_EQ(0, vgpu_model_bar4_read(m, 4092, 4));
	vgpu_model_bar4_write(m, VGPU_BAR4_PBA, 8, ~0ull);
	EXPECT_EQ(0, vgpu_model_bar4_read(m, VGPU_BAR4_PBA, 8));

	ASSERT_EQ(0, client_open_ring(&c, &s, 64, 64, 1, 5));
	ASSERT_EQ(0, client_control(&c, VGPU_RING_START));
#define RING()	ASSERT_EQ(0, client_do(&c, VGPU_CMD_NOP, VGPU_CMD_F_INTERRUPT, 0, 0, 0))
#define PBA()	vgpu_model_bar4_read(m, VGPU_BAR4_PBA, 4)
	/* Enabled, the function masked: pending, and sent when it opens. */
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 0);
	wr(&s, cap + 2, 2, 0xc000);
	EXPECT_EQ(0xc01f, rd(&s, cap + 2, 2));
	RING();
	EXPECT_EQ(0, s.interrupts[5]);
	EXPECT_EQ(1u << 5, PBA());
	wr(&s, cap + 3, 1, 0x80);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[5]);
	EXPECT_EQ(0, PBA());
	/* The vector masked. */
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 1);
	RING();
	RING();
	EXPECT_EQ(1, s.interrupts[5]);
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_bar4_write(m, 4 * 16 + 12, 4, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 0);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(2, s.interrupts[5]);
	EXPECT_EQ(0, PBA());
	RING();
	EXPECT_EQ(3, s.interrupts[5]);
	/* What is pending goes with a reset. */
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 1);
	RING();
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_bar0_write(m, VGPU_REG_CONTROL, 4, VGPU_CONTROL_RESET);
	EXPECT_EQ(0, PBA());
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 0);
	ASSERT_EQ(NULL, model_gone(&s));
	EXPECT_EQ(3, s.interrupts[5]);
	shell_close(&s);
}

/* A VMM has a table of its own: what the shell delivers is what counts. */
VGPU_TEST(vectors)
{
	struct vgpu_model *m;
	struct client c;
	struct shell s;
	u32 exp;

	ASSERT_EQ(0, open_as(&s, VGPU_PCI_SUBDEVICE_VGPU, 16u << 20));
	m = s.m;
	exp = find_cap(&s, CAP_EXP);
	vgpu_model_vectors(m, 0);
	ASSERT_EQ(0, client_open_ring(&c, &s, 64, 64, 1, 5));
	ASSERT_EQ(0, client_control(&c, VGPU_RING_START));
	RING();
	EXPECT_EQ(0, s.interrupts[5]);
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_vectors(m, 1u << 4);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_vectors(m, 1u << 5);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[5]);
	EXPECT_EQ(0, PBA());
	/* Given up before it was delivered; and there again by then. */
	vgpu_model_vectors(m, 0);
	vgpu_model_undelivered(m, 5);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(1, s.interrupts[5]);
	EXPECT_EQ(1u << 5, PBA());
	vgpu_model_vectors(m, 1u << 5);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(2, s.interrupts[5]);
	vgpu_model_undelivered(m, 5);
	ASSERT_TRUE(shell_run(&s));
	EXPECT_EQ(3, s.interrupts[5]);
	EXPECT_EQ(0, PBA());
	/* Neither the table nor the capability has a say. */
	wr(&s, find_cap(&s, CAP_MSIX) + 2, 2, 0x4000);
	vgpu_model_bar4_write(m, 5 * 16 + 12, 4, 1);
	RING();
	EXPECT_EQ(4, s.interrupts[5]);
	/* A function-level reset leaves it as it is. */
	wr(&s, exp + 8, 2, 0x8000);
	ASSERT_EQ(NULL, model_gone(&s));
	ASSERT_EQ(0, client_open_ring(&c, &s, 64, 64, 1, 5));
	ASSERT_EQ(0, client_control(&c, VGPU_RING_START));
	RING();
	EXPECT_EQ(5, s.interrupts[5]);
	shell_close(&s);
}

TEST_HARNESS_MAIN
