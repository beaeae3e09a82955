/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A shell for the model: its memory by vmalloc, work items executed by the test.
 * Each call of the model is under a spinlock, where nothing may sleep.
 */
#ifndef VGPU_KUNIT_RIG_H
#define VGPU_KUNIT_RIG_H

#include <linux/spinlock.h>
#include "account.h"
#include "model.h"
#include "vgpu_ring.h"
#include "vgpu_kunit.h"

#define RIG_OBJECTS	64u
#define RIG_BATCH	16u
#define RIG_BYTES	(64u << 10)	/* of a client's memories */

struct rig_object {
	u32 id;
	u8 *mem;
	u64 bytes;
};

struct rig {
	struct kunit *test;
	spinlock_t lock;		/* the instance's */
	struct vgpu_model *m;
	struct vgpu_model_config config;
	struct vgpu_account gpu;
	u8 *vram;
	struct rig_object objects[RIG_OBJECTS + 1];
	struct vgpu_work work[RIG_BATCH];
	u64 now_ns;
	u32 interrupts[VGPU_MSIX_VECTORS];
	const char *wrong;		/* a rule of model.h that was broken */
};

/* A context with a ring, a counter, a system object and a block. */
struct rig_client {
	struct rig *r;
	u32 context;
	u32 counter;
	u32 ring;
	u32 ring_object;
	u32 system;
	u64 system_address;
	u8 *system_memory;
	u32 block;
	u64 vram_address;
	u64 vram_offset;
	u8 *ring_memory;
	struct vgpu_ring view;
	struct vgpu_ring_reaper reaper;
};

/* A call of the model that returns something. */
#define RIG_CALL(r, call)						\
({									\
	struct rig *r_ = (r);						\
	typeof(call) ret_;						\
									\
	spin_lock(&r_->lock);						\
	ret_ = (call);							\
	spin_unlock(&r_->lock);						\
	ret_;								\
})

/* Every invariant of the model holds. */
#define RIG_CHECK(r)	VGPU_SOUND((r)->test, rig_check(r))

struct rig *rig_open(struct kunit *test);
const char *rig_check(struct rig *r);
/* One call of run: up to @max items, in @work. */
u32 rig_take(struct rig *r, u32 max);
void rig_execute(struct rig *r, u32 n);
/* Until there is nothing to do. */
void rig_run(struct rig *r);
int rig_admin(struct rig *r, u16 opcode, u64 result[2], const u64 op[6]);
void rig_stats(struct rig *r, struct vgpu_model_stats *stats);
void rig_reset(struct rig *r);
/* Nothing is left, and no account has anything. */
void rig_empty(struct rig *r);

#define RIG_ADMIN(r, opcode, result, ...)	\
	rig_admin(r, opcode, result, (const u64[6]) { __VA_ARGS__ })

struct rig_client *rig_client_open(struct rig *r, u32 sq, u32 cq);
void rig_client_close(struct rig_client *c);
int rig_control(struct rig_client *c, u64 what);
/* False: there is no room. */
bool rig_send(struct rig_client *c, u16 opcode, u16 flags, u64 data,
	      u64 a, u64 b, u64 d);
bool rig_reap(struct rig_client *c, struct vgpu_completion *done);
/* One command, alone; its status. */
s32 rig_do(struct rig_client *c, u16 opcode, u16 flags, u64 a, u64 b, u64 d);

#endif /* VGPU_KUNIT_RIG_H */
