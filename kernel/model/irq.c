// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Interrupts and the error record: what a device tells its driver unasked.
 */
#include "internal.h"

void vgpu_irq_raise(struct vgpu_model *m, u32 vector)
{
	u32 bit = 1u << vector;

	m->irq_status |= bit;
	if (!(m->irq_mask & bit))
		m->irq_out |= bit;
}

/*
 * What was raised while a vector was masked is sent when it no longer is, and
 * so is what had not gone out when it was masked.
 */
void vgpu_irq_set_mask(struct vgpu_model *m, u32 mask)
{
	m->irq_out |= m->irq_status & m->irq_mask & ~mask;
	m->irq_out &= ~mask;
	m->irq_mask = mask;
}

/*
 * The record keeps the first error since it was cleared, because that is the
 * one that explains the others, and counts all.
 */
void vgpu_error_note(struct vgpu_model *m, u32 source, s32 status, u32 opcode,
		     u32 context, u64 address, u64 user_data)
{
	struct vgpu_error_record *e = &m->error;

	if (e->count != U32_MAX)
		e->count++;
	if (e->count > 1)
		return;
	e->status = -status;
	e->source = source;
	e->opcode = opcode;
	e->context = context;
	e->address = address;
	e->user_data = user_data;
	vgpu_irq_raise(m, 0);
}

void vgpu_model_error(const struct vgpu_model *m,
		      struct vgpu_model_error *error)
{
	const struct vgpu_error_record *e = &m->error;

	memset(error, 0, sizeof(*error));
	error->address = e->address;
	error->user_data = e->user_data;
	error->status = -(s32)e->status;
	error->source = e->source;
	error->opcode = e->opcode;
	error->context = e->context;
	error->count = e->count;
}
