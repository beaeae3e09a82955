// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BAR0: the register file and the doorbells.
 */
#include "internal.h"

/**
 * struct vgpu_reg - a register of 32 bits
 * @name: for traces
 * @field: offset of what it reads in struct vgpu_model, if @bytes is not 0
 * @bytes: 4, or 8 and @shift says which half
 * @shift: 0 or 32
 * @write: what a write does, NULL: nothing
 */
struct vgpu_reg {
	const char *name;
	u16 field;
	u8 bytes;
	u8 shift;
	void (*write)(struct vgpu_model *m, u32 value);
};

static void vgpu_write_half(u64 *field, u32 value, u32 shift)
{
	*field = (*field & ~((u64)U32_MAX << shift)) | (u64)value << shift;
}

static bool vgpu_frozen(const struct vgpu_model *m)
{
	return m->status & (VGPU_STATUS_ENABLED | VGPU_STATUS_BUSY);
}

static void vgpu_write_accepted(struct vgpu_model *m, u32 value, u32 shift)
{
	if (vgpu_frozen(m))
		return;
	vgpu_write_half(&m->accepted, value, shift);
	m->accepted &= m->config.features;
}

static void vgpu_write_accepted_lo(struct vgpu_model *m, u32 value)
{
	vgpu_write_accepted(m, value, 0);
}

static void vgpu_write_accepted_hi(struct vgpu_model *m, u32 value)
{
	vgpu_write_accepted(m, value, 32);
}

static void vgpu_write_control(struct vgpu_model *m, u32 value)
{
	u64 accepted = m->accepted, address = m->admin_address;
	u32 entries = m->admin_entries;

	if (value & VGPU_CONTROL_RESET)
		vgpu_model_reset(m);
	if (!(value & VGPU_CONTROL_ENABLE))
		return;
	if (value & VGPU_CONTROL_RESET) {
		/* A reset clears what the enable after it needs. */
		m->accepted = accepted;
		m->admin_address = address;
		m->admin_entries = entries;
	}
	vgpu_admin_enable(m);
}

static void vgpu_write_irq_ack(struct vgpu_model *m, u32 value)
{
	m->irq_status &= ~value;
}

static void vgpu_write_admin_lo(struct vgpu_model *m, u32 value)
{
	if (!vgpu_frozen(m))
		vgpu_write_half(&m->admin_address, value, 0);
}

static void vgpu_write_admin_hi(struct vgpu_model *m, u32 value)
{
	if (!vgpu_frozen(m))
		vgpu_write_half(&m->admin_address, value, 32);
}

static void vgpu_write_admin_entries(struct vgpu_model *m, u32 value)
{
	if (!vgpu_frozen(m))
		m->admin_entries = value;
}

static void vgpu_write_admin_doorbell(struct vgpu_model *m, u32 value)
{
	m->admin.rung = true;
}

static void vgpu_write_err_clear(struct vgpu_model *m, u32 value)
{
	memset(&m->error, 0, sizeof(m->error));
}

static void vgpu_write_scratch(struct vgpu_model *m, u32 value)
{
	m->scratch = value;
}

#define FIELD32(n, f, w)						\
	{ n, offsetof(struct vgpu_model, f), 4, 0, w }
#define FIELD64(n, f, s, w)						\
	{ n, offsetof(struct vgpu_model, f), 8, s, w }
#define ACTION(n, w)	{ n, 0, 0, 0, w }

static const struct vgpu_reg vgpu_regs[VGPU_REG_END / 4] = {
	[VGPU_REG_ID / 4] = FIELD32("id", id, NULL),
	[VGPU_REG_VERSION / 4] = FIELD32("version", version, NULL),
	[VGPU_REG_FEATURES_LO / 4] = FIELD64("features", config.features, 0,
					     NULL),
	[VGPU_REG_FEATURES_HI / 4] = FIELD64("features", config.features, 32,
					     NULL),
	[VGPU_REG_ACCEPTED_LO / 4] = FIELD64("accepted", accepted, 0,
					     vgpu_write_accepted_lo),
	[VGPU_REG_ACCEPTED_HI / 4] = FIELD64("accepted", accepted, 32,
					     vgpu_write_accepted_hi),
	[VGPU_REG_STATUS / 4] = FIELD32("status", status_seen, NULL),
	[VGPU_REG_CONTROL / 4] = ACTION("control", vgpu_write_control),
	[VGPU_REG_VRAM_LO / 4] = FIELD64("vram", config.vram_bytes, 0, NULL),
	[VGPU_REG_VRAM_HI / 4] = FIELD64("vram", config.vram_bytes, 32, NULL),
	[VGPU_REG_BANK_SHIFT / 4] = FIELD32("bank_shift", config.bank_shift,
					    NULL),
	[VGPU_REG_MAX_CONTEXTS / 4] = FIELD32("max_contexts",
					      config.max_contexts, NULL),
	[VGPU_REG_MAX_OBJECTS / 4] = FIELD32("max_objects", config.max_objects,
					     NULL),
	[VGPU_REG_MAX_MAPPINGS / 4] = FIELD32("max_mappings",
					      config.max_mappings, NULL),
	[VGPU_REG_MAX_RINGS / 4] = FIELD32("max_rings", config.max_rings, NULL),
	[VGPU_REG_MAX_COUNTERS / 4] = FIELD32("max_counters",
					      config.max_counters, NULL),
	[VGPU_REG_MAX_KERNELS / 4] = FIELD32("max_kernels", config.max_kernels,
					     NULL),
	[VGPU_REG_MAX_ENTRIES / 4] = FIELD32("max_entries", config.max_entries,
					     NULL),
	[VGPU_REG_IRQ_STATUS / 4] = FIELD32("irq_status", irq_status, NULL),
	[VGPU_REG_IRQ_MASK / 4] = FIELD32("irq_mask", irq_mask,
					  vgpu_irq_set_mask),
	[VGPU_REG_IRQ_ACK / 4] = ACTION("irq_ack", vgpu_write_irq_ack),
	[VGPU_REG_ADMIN_LO / 4] = FIELD64("admin", admin_address, 0,
					  vgpu_write_admin_lo),
	[VGPU_REG_ADMIN_HI / 4] = FIELD64("admin", admin_address, 32,
					  vgpu_write_admin_hi),
	[VGPU_REG_ADMIN_ENTRIES / 4] = FIELD32("admin_entries", admin_entries,
					       vgpu_write_admin_entries),
	[VGPU_REG_ADMIN_DOORBELL / 4] = ACTION("admin_doorbell",
					       vgpu_write_admin_doorbell),
	[VGPU_REG_CLOCK_LO / 4] = FIELD64("clock", now_ns, 0, NULL),
	[VGPU_REG_CLOCK_HI / 4] = FIELD32("clock", clock_hi, NULL),
	[VGPU_REG_BUSY_LO / 4] = FIELD64("busy", stats.busy_ns, 0, NULL),
	[VGPU_REG_BUSY_HI / 4] = FIELD64("busy", stats.busy_ns, 32, NULL),
	[VGPU_REG_TEMPERATURE / 4] = FIELD32("temperature", temperature, NULL),
	[VGPU_REG_POWER / 4] = FIELD32("power", power, NULL),
	[VGPU_REG_POWER_LIMIT / 4] = FIELD32("power_limit", power_limit, NULL),
	[VGPU_REG_ERR_STATUS / 4] = FIELD32("err_status", error.status, NULL),
	[VGPU_REG_ERR_SOURCE / 4] = FIELD32("err_source", error.source, NULL),
	[VGPU_REG_ERR_OPCODE / 4] = FIELD32("err_opcode", error.opcode, NULL),
	[VGPU_REG_ERR_CONTEXT / 4] = FIELD32("err_context", error.context,
					     NULL),
	[VGPU_REG_ERR_ADDRESS_LO / 4] = FIELD64("err_address", error.address, 0,
						NULL),
	[VGPU_REG_ERR_ADDRESS_HI / 4] = FIELD64("err_address", error.address,
						32, NULL),
	[VGPU_REG_ERR_DATA_LO / 4] = FIELD64("err_data", error.user_data, 0,
					     NULL),
	[VGPU_REG_ERR_DATA_HI / 4] = FIELD64("err_data", error.user_data, 32,
					     NULL),
	[VGPU_REG_ERR_COUNT / 4] = FIELD32("err_count", error.count, NULL),
	[VGPU_REG_ERR_CLEAR / 4] = ACTION("err_clear", vgpu_write_err_clear),
	[VGPU_REG_USED_LO / 4] = FIELD64("used", stats.vram_used, 0, NULL),
	[VGPU_REG_USED_HI / 4] = FIELD64("used", stats.vram_used, 32, NULL),
	[VGPU_REG_PEAK_LO / 4] = FIELD64("peak", stats.vram_peak, 0, NULL),
	[VGPU_REG_PEAK_HI / 4] = FIELD64("peak", stats.vram_peak, 32, NULL),
	[VGPU_REG_LIMIT_LO / 4] = FIELD64("limit", stats.vram_limit, 0, NULL),
	[VGPU_REG_LIMIT_HI / 4] = FIELD64("limit", stats.vram_limit, 32, NULL),
	[VGPU_REG_TIMEOUT / 4] = FIELD32("timeout", timeout_ms, NULL),
	[VGPU_REG_SCRATCH / 4] = FIELD32("scratch", scratch,
					 vgpu_write_scratch),
};

#undef FIELD32
#undef FIELD64
#undef ACTION

static u32 vgpu_reg_read(struct vgpu_model *m, u32 offset)
{
	const struct vgpu_reg *reg;
	u64 wide;
	u32 value, i = offset / 4;

	if (i >= ARRAY_SIZE(vgpu_regs))
		return 0;
	reg = &vgpu_regs[array_index_nospec(i, ARRAY_SIZE(vgpu_regs))];
	if (offset == VGPU_REG_CLOCK_LO)
		m->clock_hi = m->now_ns >> 32;
	switch (reg->bytes) {
	case 4:
		memcpy(&value, (u8 *)m + reg->field, sizeof(value));
		return value;
	case 8:
		memcpy(&wide, (u8 *)m + reg->field, sizeof(wide));
		return (u32)(wide >> reg->shift);
	default:
		return 0;
	}
}

static void vgpu_reg_write(struct vgpu_model *m, u32 offset, u32 value)
{
	u32 i = offset / 4;

	if (i >= ARRAY_SIZE(vgpu_regs))
		return;
	i = array_index_nospec(i, ARRAY_SIZE(vgpu_regs));
	if (vgpu_regs[i].write)
		vgpu_regs[i].write(m, value);
}

/* An access that has a meaning: of 4 or 8 bytes, aligned, inside the BAR. */
bool vgpu_bar_access(const struct vgpu_model *m, u64 offset, u32 size,
		     u64 bytes)
{
	return !vgpu_pci_asleep(m) && (size == 4 || size == 8) &&
	       !(offset & (size - 1)) && offset < bytes;
}

u64 vgpu_model_bar0_read(struct vgpu_model *m, u64 offset, u32 size, u64 now_ns)
{
	u64 value;

	if (!vgpu_bar_access(m, offset, size, VGPU_BAR0_BYTES))
		return U64_MAX;
	if (offset >= VGPU_REG_END)
		return 0;
	m->now_ns = max_t(u64, m->now_ns, now_ns);
	vgpu_model_refresh(m);
	value = vgpu_reg_read(m, (u32)offset);
	if (size == 8)
		value |= (u64)vgpu_reg_read(m, (u32)offset + 4) << 32;
	return value;
}

/* The id of the ring that was rung, or 0. */
static u32 vgpu_doorbell(struct vgpu_model *m, u64 offset, u32 value)
{
	u32 page = (u32)((offset - VGPU_BAR0_DOORBELLS) / VGPU_DOORBELL_PAGE);
	u32 ring = vgpu_find_ring(m, value);

	if (offset % VGPU_DOORBELL_PAGE || !ring ||
	    m->rings[ring].context != page)
		return 0;
	if (m->rings[ring].blocked == VGPU_BLOCK_NONE)
		vgpu_sched_add(m, ring);
	return value;
}

u32 vgpu_model_bar0_write(struct vgpu_model *m, u64 offset, u32 size,
			  u64 value)
{
	if (!vgpu_bar_access(m, offset, size, VGPU_BAR0_BYTES))
		return 0;
	if (offset >= VGPU_BAR0_DOORBELLS)
		return vgpu_doorbell(m, offset, (u32)value);
	if (offset >= VGPU_REG_END)
		return 0;
	vgpu_reg_write(m, (u32)offset, (u32)value);
	if (size == 8)
		vgpu_reg_write(m, (u32)offset + 4, (u32)(value >> 32));
	return 0;
}

int vgpu_model_kick(struct vgpu_model *m, u32 id)
{
	u32 ring = vgpu_find_ring(m, id);

	if (!ring)
		return -ENOENT;
	if (m->rings[ring].blocked == VGPU_BLOCK_NONE)
		vgpu_sched_add(m, ring);
	return 0;
}
