/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Tracepoints: what tenants submit, and what is done for them.
 *
 *	vgpu_submit	a doorbell, or commands of SUBMIT that begin
 *	vgpu_start	a work item begins: a copy, a clear, ...
 *	vgpu_end	it has ended
 *	vgpu_alloc	a client allocated memory of VRAM; a guest's driver does
 *			that in the device, and is not seen
 *	vgpu_free	it was freed; it is zeroed, and then free
 *	vgpu_error	commands have failed; the record of the first since it was
 *			cleared
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vgpu

#if !defined(VGPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VGPU_TRACE_H

#include <linux/tracepoint.h>

#include "gpu.h"
#include "tenant.h"

#define vgpu_trace_kind(kind)					\
	__print_symbolic(kind,						\
		{ VGPU_WORK_COPY, "copy" },				\
		{ VGPU_WORK_CLEAR, "clear" },				\
		{ VGPU_WORK_FETCH, "fetch" },				\
		{ VGPU_WORK_SCRUB, "scrub" },				\
		{ VGPU_WORK_MOVE, "move" },				\
		{ VGPU_WORK_LAUNCH, "launch" },				\
		{ VGPU_WORK_CANCEL, "cancel" },				\
		{ VGPU_WORK_ADMIN_ATTACH, "admin_attach" },		\
		{ VGPU_WORK_ADMIN_DETACH, "admin_detach" },		\
		{ VGPU_WORK_RING_ATTACH, "ring_attach" },		\
		{ VGPU_WORK_RING_DETACH, "ring_detach" },		\
		{ VGPU_WORK_PIN, "pin" },				\
		{ VGPU_WORK_UNPIN, "unpin" },				\
		{ VGPU_WORK_BUILD, "build" },				\
		{ VGPU_WORK_DROP, "drop" },				\
		{ VGPU_WORK_GROW, "grow" },				\
		{ VGPU_WORK_INTERRUPT, "interrupt" })

TRACE_EVENT(vgpu_submit,
	TP_PROTO(const struct vgpu_tenant *t, u32 ring),
	TP_ARGS(t, ring),
	TP_STRUCT__entry(
		__field(u32, gpu)
		__field(u32, tenant)
		__field(u32, ring)
	),
	TP_fast_assign(
		__entry->gpu = t->gpu->number;
		__entry->tenant = t->number;
		__entry->ring = ring;
	),
	TP_printk("gpu=%u tenant=%u ring=0x%x", __entry->gpu, __entry->tenant,
		  __entry->ring)
);

TRACE_EVENT(vgpu_start,
	TP_PROTO(const struct vgpu_tenant *t, const struct vgpu_work *w),
	TP_ARGS(t, w),
	TP_STRUCT__entry(
		__field(u32, gpu)
		__field(u32, tenant)
		__field(u32, kind)
		__field(u32, id)
		__field(u32, ring)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->gpu = t->gpu->number;
		__entry->tenant = t->number;
		__entry->kind = w->kind;
		__entry->id = w->id;
		__entry->ring = w->ring;
		__entry->bytes = w->bytes;
	),
	TP_printk("gpu=%u tenant=%u %s id=0x%x ring=0x%x bytes=%llu",
		  __entry->gpu, __entry->tenant,
		  vgpu_trace_kind(__entry->kind),
		  __entry->id, __entry->ring, __entry->bytes)
);

TRACE_EVENT(vgpu_end,
	TP_PROTO(const struct vgpu_tenant *t, const struct vgpu_work *w,
		 s32 status, u64 run_ns),
	TP_ARGS(t, w, status, run_ns),
	TP_STRUCT__entry(
		__field(u32, gpu)
		__field(u32, tenant)
		__field(u32, kind)
		__field(u32, id)
		__field(s32, status)
		__field(u64, run_ns)
	),
	TP_fast_assign(
		__entry->gpu = t->gpu->number;
		__entry->tenant = t->number;
		__entry->kind = w->kind;
		__entry->id = w->id;
		__entry->status = status;
		__entry->run_ns = run_ns;
	),
	TP_printk("gpu=%u tenant=%u %s id=0x%x status=%d run_ns=%llu",
		  __entry->gpu, __entry->tenant,
		  vgpu_trace_kind(__entry->kind),
		  __entry->id, __entry->status, __entry->run_ns)
);

DECLARE_EVENT_CLASS(vgpu_memory,
	TP_PROTO(const struct vgpu_tenant *t, u32 object, u64 bytes),
	TP_ARGS(t, object, bytes),
	TP_STRUCT__entry(
		__field(u32, gpu)
		__field(u32, tenant)
		__field(u32, object)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->gpu = t->gpu->number;
		__entry->tenant = t->number;
		__entry->object = object;
		__entry->bytes = bytes;
	),
	TP_printk("gpu=%u tenant=%u object=0x%x bytes=%llu", __entry->gpu,
		  __entry->tenant, __entry->object, __entry->bytes)
);

DEFINE_EVENT(vgpu_memory, vgpu_alloc,
	TP_PROTO(const struct vgpu_tenant *t, u32 object, u64 bytes),
	TP_ARGS(t, object, bytes));

DEFINE_EVENT(vgpu_memory, vgpu_free,
	TP_PROTO(const struct vgpu_tenant *t, u32 object, u64 bytes),
	TP_ARGS(t, object, bytes));

TRACE_EVENT(vgpu_error,
	TP_PROTO(const struct vgpu_tenant *t,
		 const struct vgpu_model_error *error),
	TP_ARGS(t, error),
	TP_STRUCT__entry(
		__field(u32, gpu)
		__field(u32, tenant)
		__field(s32, status)
		__field(u32, source)
		__field(u32, opcode)
		__field(u32, context)
		__field(u64, address)
		__field(u64, user_data)
		__field(u32, count)
	),
	TP_fast_assign(
		__entry->gpu = t->gpu->number;
		__entry->tenant = t->number;
		__entry->status = error->status;
		__entry->source = error->source;
		__entry->opcode = error->opcode;
		__entry->context = error->context;
		__entry->address = error->address;
		__entry->user_data = error->user_data;
		__entry->count = error->count;
	),
	TP_printk("gpu=%u tenant=%u status=%d source=0x%x opcode=%u context=0x%x address=0x%llx user_data=0x%llx count=%u",
		  __entry->gpu, __entry->tenant, __entry->status,
		  __entry->source, __entry->opcode, __entry->context,
		  __entry->address, __entry->user_data, __entry->count)
);

#endif /* VGPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kernel
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
