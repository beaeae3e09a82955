// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The PCI side: configuration space with its capabilities, and BAR4, where the
 * MSI-X table lies.
 *
 * A byte of configuration space is what is read; a mask of the same layout says
 * which bits a write may change.  What writes do besides stands in
 * vgpu_pci_written().
 *
 * Sources: PCI Local Bus Specification 3.0, 6.1, 6.2.5 (sizing a BAR) and 6.8.2
 * (MSI-X); PCI Express Base Specification 3.0, 7.8; PCI Bus Power Management
 * Interface Specification 1.2, 3.2.
 */
#include "internal.h"

#define PCI_COMMAND_REG		0x04
#define PCI_BAR0		0x10
#define PCI_BAR2		0x18
#define PCI_BAR4		0x20
#define PCI_CAP_PM		0x40
#define PCI_CAP_MSIX		0x50
#define PCI_CAP_EXP		0x60
#define PCI_PM_CONTROL		(PCI_CAP_PM + 4)
#define PCI_MSIX_CONTROL	(PCI_CAP_MSIX + 2)
#define PCI_EXP_CONTROL		(PCI_CAP_EXP + 8)

#define PCI_MSIX_ENABLE		0x8000u
#define PCI_MSIX_MASK_ALL	0x4000u
#define PCI_EXP_FLR		0x8000u
#define PCI_D3HOT		3u
/* Bit 0 of a vector's fourth word in the MSI-X table. */
#define PCI_MSIX_MASKED		1u

static void vgpu_put16(u8 *p, u32 offset, u32 value)
{
	p[offset] = value & 0xff;
	p[offset + 1] = value >> 8 & 0xff;
}

static void vgpu_put32(u8 *p, u32 offset, u32 value)
{
	vgpu_put16(p, offset, value & 0xffff);
	vgpu_put16(p, offset + 2, value >> 16);
}

static u32 vgpu_get16(const u8 *p, u32 offset)
{
	return p[offset] | (u32)p[offset + 1] << 8;
}

/* The bytes of BAR2: a power of two, and at least a page. */
static u64 vgpu_pci_bar2_bytes(const struct vgpu_model *m)
{
	u64 bytes = VGPU_PAGE_BYTES;

	while (bytes < m->config.vram_bytes)
		bytes <<= 1;
	return bytes;
}

static bool vgpu_pci_is_vgpu(const struct vgpu_model *m)
{
	return m->config.subdevice == VGPU_PCI_SUBDEVICE_VGPU;
}

/*
 * The bits of byte @offset that a write changes.  Writable bits of a BAR are
 * those above its size: that is how software finds the size.
 */
static u8 vgpu_pci_mask(const struct vgpu_model *m, u32 offset)
{
	bool vgpu = vgpu_pci_is_vgpu(m);
	u64 bar;

	switch (offset) {
	case PCI_COMMAND_REG:
		return 0x06;	/* memory space, bus master */
	case PCI_COMMAND_REG + 1:
		return 0x05;	/* SERR#, INTx disable */
	case 0x0c:
	case 0x3c:
		return 0xff;	/* cache line size, interrupt line */
	case PCI_PM_CONTROL:
		return 0x03;
	case PCI_MSIX_CONTROL + 1:
		return vgpu ? 0xc0 : 0;
	case PCI_EXP_CONTROL:
		return 0x1f;	/* error reporting, relaxed ordering */
	case PCI_EXP_CONTROL + 1:
		return 0x78;	/* no snoop, size of reads; FLR reads 0 */
	default:
		break;
	}
	if (!vgpu || offset < PCI_BAR0 || offset >= PCI_BAR4 + 4)
		return 0;
	if (offset < PCI_BAR2)
		bar = ~(u64)(VGPU_BAR0_BYTES - 1) >> (offset - PCI_BAR0) * 8;
	else if (offset < PCI_BAR4)
		bar = ~(vgpu_pci_bar2_bytes(m) - 1) >> (offset - PCI_BAR2) * 8;
	else
		bar = ~(u64)(VGPU_BAR4_BYTES - 1) >> (offset - PCI_BAR4) * 8;
	return bar & 0xff;
}

void vgpu_pci_reset(struct vgpu_model *m)
{
	u8 *p = m->pci;
	u32 i;

	memset(p, 0, sizeof(m->pci));
	vgpu_put16(p, 0x00, VGPU_PCI_VENDOR);
	vgpu_put16(p, 0x02, VGPU_PCI_DEVICE);
	vgpu_put16(p, 0x06, 0x0010);			/* capabilities */
	vgpu_put32(p, 0x08, VGPU_PCI_CLASS << 8 | VGPU_VERSION_MAJOR);
	vgpu_put16(p, 0x2c, VGPU_PCI_SUBVENDOR);
	vgpu_put16(p, 0x2e, m->config.subdevice);
	p[0x34] = PCI_CAP_PM;

	/* Power management, version 3; D3hot loses the state. */
	vgpu_put16(p, PCI_CAP_PM, 0x01);
	vgpu_put16(p, PCI_CAP_PM + 2, 0x0003);
	p[PCI_CAP_PM + 1] = vgpu_pci_is_vgpu(m) ? PCI_CAP_MSIX : PCI_CAP_EXP;

	if (vgpu_pci_is_vgpu(m)) {
		vgpu_put32(p, PCI_BAR0, 0x4);		/* 64-bit */
		vgpu_put32(p, PCI_BAR2, 0xc);		/* 64-bit, prefetchable */
		vgpu_put32(p, PCI_BAR4, 0x0);
		vgpu_put16(p, PCI_CAP_MSIX, 0x11 | PCI_CAP_EXP << 8);
		vgpu_put16(p, PCI_MSIX_CONTROL, VGPU_MSIX_VECTORS - 1);
		vgpu_put32(p, PCI_CAP_MSIX + 4, 4);	/* table: BAR4 + 0 */
		vgpu_put32(p, PCI_CAP_MSIX + 8, VGPU_BAR4_PBA | 4);
	}

	/* PCI Express 2, endpoint, with function-level reset. */
	vgpu_put16(p, PCI_CAP_EXP, 0x10);
	vgpu_put16(p, PCI_CAP_EXP + 2, 0x0002);
	vgpu_put32(p, PCI_CAP_EXP + 4, 1u << 28 | 1u << 15);
	vgpu_put16(p, PCI_EXP_CONTROL, 0x2810);
	vgpu_put32(p, PCI_CAP_EXP + 12, 0x11);		/* 2.5 GT/s, one lane */
	vgpu_put16(p, PCI_CAP_EXP + 18, 0x11);

	memset(m->msix, 0, sizeof(m->msix));
	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		m->msix[i * 4 + 3] = PCI_MSIX_MASKED;
	m->msix_pending = 0;
}

/* What a driver had set, and only that. */
void vgpu_pci_load(struct vgpu_model *m, const u8 *pci, const u8 *msix)
{
	u32 i;

	for (i = 0; i < sizeof(m->pci); i++) {
		u8 mask = vgpu_pci_mask(m, i);

		m->pci[i] = (m->pci[i] & ~mask) | (pci[i] & mask);
	}
	memcpy(m->msix, msix, sizeof(m->msix));
	for (i = 3; i < ARRAY_SIZE(m->msix); i += 4)
		m->msix[i] &= PCI_MSIX_MASKED;
}

/* In D3hot nothing answers but configuration space. */
bool vgpu_pci_asleep(const struct vgpu_model *m)
{
	return (m->pci[PCI_PM_CONTROL] & PCI_D3HOT) == PCI_D3HOT;
}

static bool vgpu_pci_access(u32 offset, u32 size)
{
	return (size == 1 || size == 2 || size == 4) && !(offset & (size - 1)) &&
	       offset < 4096 && offset + size <= 4096;
}

u32 vgpu_model_config_read(struct vgpu_model *m, u32 offset, u32 size)
{
	u32 i, value = 0;

	if (!vgpu_pci_access(offset, size))
		return U32_MAX;
	/* Nothing lies in the extended space: no extended capabilities. */
	if (offset >= sizeof(m->pci))
		return 0;
	for (i = 0; i < size; i++)
		value |= (u32)m->pci[offset + i] << i * 8;
	return value;
}

/* Whether the message of a vector may be sent now. */
bool vgpu_msix_open(const struct vgpu_model *m, u32 vector)
{
	u32 control = vgpu_get16(m->pci, PCI_MSIX_CONTROL);

	if (!vgpu_pci_is_vgpu(m))
		return true;	/* no MSI-X: whoever asks is the shell */
	if (m->vectors_given)
		return m->vectors & 1u << vector;
	return control & PCI_MSIX_ENABLE && !(control & PCI_MSIX_MASK_ALL) &&
	       !(m->msix[vector * 4 + 3] & PCI_MSIX_MASKED);
}

/* What was held back and may be sent now. */
static void vgpu_msix_release(struct vgpu_model *m)
{
	u32 i;

	for (i = 0; i < VGPU_MSIX_VECTORS; i++)
		if (m->msix_pending & 1u << i && vgpu_msix_open(m, i)) {
			m->msix_pending &= ~(1u << i);
			m->irq_out |= 1u << i;
		}
}

void vgpu_model_vectors(struct vgpu_model *m, u32 vectors)
{
	m->vectors = vectors;
	m->vectors_given = true;
	vgpu_msix_release(m);
}

void vgpu_model_undelivered(struct vgpu_model *m, u32 vector)
{
	m->msix_pending |= 1u << vector;
	/* It may be there again. */
	vgpu_msix_release(m);
}

void vgpu_model_config_write(struct vgpu_model *m, u32 offset, u32 size,
			     u32 value)
{
	bool asleep = vgpu_pci_asleep(m), flr = false;
	u32 i;

	if (!vgpu_pci_access(offset, size) || offset >= sizeof(m->pci))
		return;
	for (i = 0; i < size; i++) {
		u8 mask = vgpu_pci_mask(m, offset + i);
		u8 byte = value >> i * 8 & 0xff;

		/* D1 and D2 do not exist: such a write changes no state. */
		if (offset + i == PCI_PM_CONTROL &&
		    (byte & PCI_D3HOT) != 0 && (byte & PCI_D3HOT) != PCI_D3HOT)
			continue;
		if (offset + i == PCI_EXP_CONTROL + 1)
			flr = byte & (PCI_EXP_FLR >> 8);
		m->pci[offset + i] = (m->pci[offset + i] & ~mask) |
				     (byte & mask);
	}
	if (flr) {
		vgpu_model_reset(m);
		vgpu_pci_reset(m);
		return;
	}
	if (!asleep && vgpu_pci_asleep(m))
		vgpu_model_reset(m);
	vgpu_msix_release(m);
}

u64 vgpu_model_bar4_read(struct vgpu_model *m, u64 offset, u32 size)
{
	u64 value = 0;
	u32 i = (u32)(offset / 4);

	if (!vgpu_bar_access(m, offset, size, VGPU_BAR4_BYTES))
		return U64_MAX;
	if (offset < sizeof(m->msix)) {
		i = array_index_nospec(i, ARRAY_SIZE(m->msix));
		value = m->msix[i];
		if (size == 8)
			value |= (u64)m->msix[i + 1] << 32;
	} else if (offset == VGPU_BAR4_PBA) {
		value = m->msix_pending;
	}
	return value;
}

void vgpu_model_bar4_write(struct vgpu_model *m, u64 offset, u32 size,
			   u64 value)
{
	u32 i = (u32)(offset / 4);

	if (!vgpu_bar_access(m, offset, size, sizeof(m->msix)))
		return;
	i = array_index_nospec(i, ARRAY_SIZE(m->msix));
	m->msix[i] = i % 4 == 3 ? (u32)value & PCI_MSIX_MASKED : (u32)value;
	if (size == 8) {
		i++;
		m->msix[i] = i % 4 == 3 ? value >> 32 & PCI_MSIX_MASKED :
					  value >> 32;
	}
	vgpu_msix_release(m);
}
