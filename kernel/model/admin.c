// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The admin queue: a ring whose commands make and destroy what the device has.
 * A shell that is its own driver comes in by vgpu_model_admin().
 *
 * One command is executed at a time.  Those that need the shell (SYSTEM_PAGES,
 * RING_CREATE, COMPACT, and what makes a table longer) hold the queue until it
 * has answered; KERNEL_CREATE does not, because compiling takes long, nor does
 * OBJECT_DESTROY, which waits for commands.
 */
#include "internal.h"

/* Commands of the admin queue in one call of vgpu_model_run(). */
#define VGPU_ADMIN_QUANTUM	16u

/*
 * A handler gets a command whose unused operands are zero.  @direct: it comes
 * from the shell.  Returns 0, a negative errno, or VGPU_ADMIN_LATER.
 */
#define VGPU_ADMIN_LATER	1	/* the queue is held until an answer */
#define VGPU_ADMIN_ASIDE	2	/* the answer comes by itself */

struct vgpu_admin_op {
	const char *name;
	u8 operands;		/* a bit for each op[] that it has */
	int (*run)(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		   bool direct, u64 *r);
	u32 takes;		/* enum vgpu_grow: a slot of that table */
};

static int vgpu_do_nop(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		       bool direct, u64 *r)
{
	return 0;
}

static int vgpu_do_context_create(struct vgpu_model *m,
				  const struct vgpu_cmd *cmd, bool direct,
				  u64 *r)
{
	u32 ctx = 0;
	int ret = vgpu_context_create(m, cmd->op[0], &ctx);

	r[0] = ret ? 0 : vgpu_table_id(&m->contexts_table, ctx);
	return ret;
}

static int vgpu_do_context_destroy(struct vgpu_model *m,
				   const struct vgpu_cmd *cmd, bool direct,
				   u64 *r)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]);

	if (!ctx)
		return -ENOENT;
	vgpu_context_destroy(m, ctx);
	return 0;
}

/* The owner of an object: a context, or 0 for the device. */
static int vgpu_owner(const struct vgpu_model *m, u64 id, u32 *owner)
{
	*owner = id ? vgpu_find_context(m, id) : 0;
	return id && !*owner ? -ENOENT : 0;
}

static int vgpu_do_block_create(struct vgpu_model *m,
				const struct vgpu_cmd *cmd, bool direct, u64 *r)
{
	u32 owner, object = 0;
	int ret = vgpu_owner(m, cmd->op[2], &owner);

	if (!ret)
		ret = vgpu_block_create(m, cmd->op[0], cmd->op[1], owner,
					cmd->op[3], &object);
	if (ret)
		return ret;
	r[0] = vgpu_table_id(&m->objects_table, object);
	r[1] = vgpu_object_offset(m, object);
	return 0;
}

static int vgpu_do_system_create(struct vgpu_model *m,
				 const struct vgpu_cmd *cmd, bool direct,
				 u64 *r)
{
	u32 owner, object = 0;
	int ret = vgpu_owner(m, cmd->op[2], &owner);

	if (!ret)
		ret = vgpu_system_create(m, cmd->op[0], owner, &object);
	if (ret)
		return ret;
	if (direct)
		m->objects[object].pages = cmd->op[0] / VGPU_PAGE_BYTES;
	r[0] = vgpu_table_id(&m->objects_table, object);
	return 0;
}

static int vgpu_do_system_pages(struct vgpu_model *m,
				const struct vgpu_cmd *cmd, bool direct, u64 *r)
{
	u32 object = vgpu_find_object(m, cmd->op[0]);
	u64 first = cmd->op[1], pages = cmd->op[2], list = cmd->op[3];
	struct vgpu_object *o = &m->objects[object];

	if (direct)
		return -EOPNOTSUPP;
	if (!object)
		return -ENOENT;
	if (o->kind != VGPU_OBJECT_SYSTEM || !pages || pages > 512 ||
	    list & 7 || (list & (VGPU_PAGE_BYTES - 1)) + pages * 8 >
			VGPU_PAGE_BYTES ||
	    first != o->pages || o->gone ||
	    pages > o->bytes / VGPU_PAGE_BYTES - first)
		return -EINVAL;
	vgpu_object_hold(m, object);
	m->admin.index = object;
	m->admin.wait = VGPU_ADMIN_WAIT_PIN;
	m->admin.pin_todo = true;
	return VGPU_ADMIN_LATER;
}

static int vgpu_do_object_destroy(struct vgpu_model *m,
				  const struct vgpu_cmd *cmd, bool direct,
				  u64 *r)
{
	u32 object = vgpu_find_object(m, cmd->op[0]);
	struct vgpu_object *o = &m->objects[object];
	int ret;

	if (!object)
		return -ENOENT;
	ret = vgpu_object_destroy(m, object);
	if (ret || direct || o->kind == VGPU_OBJECT_VRAM)
		return ret;
	o->answer = true;
	o->user_data = cmd->user_data;
	return VGPU_ADMIN_ASIDE;
}

static int vgpu_do_object_info(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			       bool direct, u64 *r)
{
	u32 object = vgpu_find_object(m, cmd->op[0]);

	if (!object)
		return -ENOENT;
	r[0] = vgpu_object_offset(m, object);
	r[1] = m->objects[object].bytes;
	return 0;
}

static int vgpu_do_object_pin(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			      bool direct, u64 *r)
{
	u32 object = vgpu_find_object(m, cmd->op[0]);

	if (!object)
		return -ENOENT;
	if (cmd->op[1] > 1)
		return -EINVAL;
	return vgpu_object_pin(m, object, cmd->op[1]);
}

static int vgpu_do_map(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		       bool direct, u64 *r)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]);
	u32 object = vgpu_find_object(m, cmd->op[1]);

	if (!ctx || !object)
		return -ENOENT;
	r[0] = cmd->op[2];
	return vgpu_map(m, ctx, object, &r[0], cmd->op[3], cmd->op[4],
			cmd->op[5]);
}

static int vgpu_do_unmap(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			 bool direct, u64 *r)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]);

	return ctx ? vgpu_unmap(m, ctx, cmd->op[1]) : -ENOENT;
}

static int vgpu_do_ring_create(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			       bool direct, u64 *r)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]);
	u32 object = vgpu_find_object(m, cmd->op[1]);
	u32 counter = cmd->op[4] ? vgpu_find_counter(m, cmd->op[4]) : 0;
	u32 ring = 0;
	int ret;

	if (!ctx || !object || (cmd->op[4] && !counter))
		return -ENOENT;
	ret = vgpu_uring_create(m, ctx, object, cmd->op[2], cmd->op[3], counter,
				cmd->op[5], &ring);
	if (ret)
		return ret;
	r[0] = vgpu_table_id(&m->rings_table, ring);
	if (direct)
		return 0;
	m->rings[ring].answer = true;
	m->rings[ring].attaching = true;
	m->admin.index = ring;
	m->admin.wait = VGPU_ADMIN_WAIT_RING;
	vgpu_todo_add(m, VGPU_TODO_ATTACH, ring);
	return VGPU_ADMIN_LATER;
}

static int vgpu_do_ring_destroy(struct vgpu_model *m,
				const struct vgpu_cmd *cmd, bool direct, u64 *r)
{
	u32 ring = vgpu_find_ring(m, cmd->op[0]);

	if (!ring)
		return -ENOENT;
	vgpu_uring_destroy(m, ring);
	return 0;
}

static int vgpu_do_ring_control(struct vgpu_model *m,
				const struct vgpu_cmd *cmd, bool direct, u64 *r)
{
	u32 ring = vgpu_find_ring(m, cmd->op[0]);

	return ring ? vgpu_uring_control(m, ring, cmd->op[1]) : -ENOENT;
}

static int vgpu_do_ring_info(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			     bool direct, u64 *r)
{
	u32 ring = vgpu_find_ring(m, cmd->op[0]);

	if (!ring)
		return -ENOENT;
	r[0] = m->rings[ring].taken;
	r[1] = m->rings[ring].completed;
	return 0;
}

static int vgpu_do_counter_create(struct vgpu_model *m,
				  const struct vgpu_cmd *cmd, bool direct,
				  u64 *r)
{
	u32 ctx = vgpu_find_context(m, cmd->op[0]), counter = 0;
	int ret;

	if (!ctx)
		return -ENOENT;
	ret = vgpu_counter_create(m, ctx, cmd->op[1], &counter);
	r[0] = ret ? 0 : vgpu_table_id(&m->counters_table, counter);
	return ret;
}

static int vgpu_do_counter_destroy(struct vgpu_model *m,
				   const struct vgpu_cmd *cmd, bool direct,
				   u64 *r)
{
	u32 counter = vgpu_find_counter(m, cmd->op[0]);

	return counter ? vgpu_counter_destroy(m, counter) : -ENOENT;
}

static int vgpu_do_counter_signal(struct vgpu_model *m,
				  const struct vgpu_cmd *cmd, bool direct,
				  u64 *r)
{
	u32 counter = vgpu_find_counter(m, cmd->op[0]);

	return counter ? vgpu_counter_signal(m, counter, cmd->op[1]) : -ENOENT;
}

static int vgpu_do_counter_read(struct vgpu_model *m,
				const struct vgpu_cmd *cmd, bool direct, u64 *r)
{
	u32 counter = vgpu_find_counter(m, cmd->op[0]);

	if (!counter)
		return -ENOENT;
	if (cmd->op[1] > VGPU_MSIX_VECTORS)
		return -EINVAL;
	if (cmd->op[1])
		m->counters[counter].watch = cmd->op[1];
	r[0] = m->counters[counter].value;
	return 0;
}

static int vgpu_do_kernel_create(struct vgpu_model *m,
				 const struct vgpu_cmd *cmd, bool direct,
				 u64 *r)
{
	u32 kernel = 0;
	int ret;

	if (direct)
		return -EOPNOTSUPP;
	ret = vgpu_kernel_make(m, cmd, &kernel);
	if (ret)
		return ret;
	m->admin.builds++;
	return VGPU_ADMIN_ASIDE;
}

static int vgpu_do_kernel_destroy(struct vgpu_model *m,
				  const struct vgpu_cmd *cmd, bool direct,
				  u64 *r)
{
	u32 kernel = vgpu_find_kernel(m, cmd->op[0]);

	if (!kernel)
		return -ENOENT;
	vgpu_kernel_kill(m, kernel);
	return 0;
}

static int vgpu_do_kernel_info(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			       bool direct, u64 *r)
{
	u32 kernel = vgpu_find_kernel(m, cmd->op[0]);
	const struct vgpu_kernel_info *info = &m->kernels[kernel].info;

	if (!kernel)
		return -ENOENT;
	r[0] = info->used | (u64)info->written << 32;
	r[1] = info->const_bytes;
	return 0;
}

static int vgpu_do_compact(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			   bool direct, u64 *r)
{
	int ret;

	if (direct)
		return -EOPNOTSUPP;
	ret = vgpu_model_compact(m, cmd->op[0]);
	if (ret)
		return ret;
	m->admin.index = 0;
	m->admin.wait = VGPU_ADMIN_WAIT_COMPACT;
	return VGPU_ADMIN_LATER;
}

#define VGPU_ADMIN_FIRST	VGPU_ADMIN_NOP

#define VGPU_ADMIN_OP(opcode, what, bits, grow)				\
	[VGPU_ADMIN_##opcode - VGPU_ADMIN_FIRST] = {			\
		.name = #what, .operands = bits, .run = vgpu_do_##what,	\
		.takes = VGPU_GROW_##grow }

static const struct vgpu_admin_op vgpu_admin_ops[] = {
	VGPU_ADMIN_OP(NOP, nop, 0x00, NONE),
	VGPU_ADMIN_OP(CONTEXT_CREATE, context_create, 0x01, CONTEXTS),
	VGPU_ADMIN_OP(CONTEXT_DESTROY, context_destroy, 0x01, NONE),
	VGPU_ADMIN_OP(BLOCK_CREATE, block_create, 0x0f, OBJECTS),
	VGPU_ADMIN_OP(SYSTEM_CREATE, system_create, 0x05, OBJECTS),
	VGPU_ADMIN_OP(SYSTEM_PAGES, system_pages, 0x0f, NONE),
	VGPU_ADMIN_OP(OBJECT_DESTROY, object_destroy, 0x01, NONE),
	VGPU_ADMIN_OP(OBJECT_INFO, object_info, 0x01, NONE),
	VGPU_ADMIN_OP(OBJECT_PIN, object_pin, 0x03, NONE),
	VGPU_ADMIN_OP(MAP, map, 0x3f, MAPPINGS),
	VGPU_ADMIN_OP(UNMAP, unmap, 0x03, NONE),
	VGPU_ADMIN_OP(RING_CREATE, ring_create, 0x3f, RINGS),
	VGPU_ADMIN_OP(RING_DESTROY, ring_destroy, 0x01, NONE),
	VGPU_ADMIN_OP(RING_CONTROL, ring_control, 0x03, NONE),
	VGPU_ADMIN_OP(RING_INFO, ring_info, 0x01, NONE),
	VGPU_ADMIN_OP(COUNTER_CREATE, counter_create, 0x03, COUNTERS),
	VGPU_ADMIN_OP(COUNTER_DESTROY, counter_destroy, 0x01, NONE),
	VGPU_ADMIN_OP(COUNTER_SIGNAL, counter_signal, 0x03, NONE),
	VGPU_ADMIN_OP(COUNTER_READ, counter_read, 0x03, NONE),
	VGPU_ADMIN_OP(KERNEL_CREATE, kernel_create, 0x0f, KERNELS),
	VGPU_ADMIN_OP(KERNEL_DESTROY, kernel_destroy, 0x01, NONE),
	VGPU_ADMIN_OP(KERNEL_INFO, kernel_info, 0x01, NONE),
	VGPU_ADMIN_OP(COMPACT, compact, 0x01, NONE),
};

#undef VGPU_ADMIN_OP

static const struct vgpu_admin_op *vgpu_admin_op(u16 opcode)
{
	u32 op = (u32)opcode - VGPU_ADMIN_FIRST;

	if (op >= ARRAY_SIZE(vgpu_admin_ops))
		return NULL;
	op = array_index_nospec(op, ARRAY_SIZE(vgpu_admin_ops));
	return vgpu_admin_ops[op].run ? &vgpu_admin_ops[op] : NULL;
}

static int vgpu_admin_exec(struct vgpu_model *m, const struct vgpu_cmd *cmd,
			   bool direct, u64 *r)
{
	const struct vgpu_admin_op *op = vgpu_admin_op(cmd->opcode);
	u32 i;

	r[0] = 0;
	r[1] = 0;
	if (!op)
		return -EOPNOTSUPP;
	if (cmd->flags)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(cmd->op); i++)
		if (cmd->op[i] && !(op->operands & 1u << i))
			return -EINVAL;
	if (vgpu_model_short(m, op->takes))
		return -ENOMEM;
	return op->run(m, cmd, direct, r);
}

u32 vgpu_model_takes(u16 opcode)
{
	const struct vgpu_admin_op *op = vgpu_admin_op(opcode);

	return op ? op->takes : VGPU_GROW_NONE;
}

int vgpu_model_admin(struct vgpu_model *m, const struct vgpu_cmd *cmd,
		     u64 result[2])
{
	return vgpu_admin_exec(m, cmd, true, result);
}

int vgpu_model_ring_memory(struct vgpu_model *m, u32 id, void *mem)
{
	u32 ring = vgpu_find_ring(m, id);

	if (!ring)
		return -ENOENT;
	if (m->rings[ring].dev.ring.hdr || !mem)
		return -EINVAL;
	vgpu_uring_memory(m, ring, mem);
	return 0;
}

void vgpu_admin_answer(struct vgpu_model *m, u64 user_data, s32 status, u64 r0,
		       u64 r1)
{
	struct vgpu_admin_completion done = {
		.user_data = user_data,
		.status = status,
		.result = { status ? 0 : r0, status ? 0 : r1 },
	};

	if (!m->admin.attached || !m->admin.dev.ring.hdr)
		return;
	if (vgpu_ring_complete(&m->admin.dev,
			       (const struct vgpu_completion *)&done))
		vgpu_irq_raise(m, 0);
}

/* What the queue waits for has happened: answer, and go on. */
void vgpu_admin_wake(struct vgpu_model *m, enum vgpu_admin_wait what, u32 index,
		     s32 status, u64 r0, u64 r1)
{
	struct vgpu_admin *a = &m->admin;

	if (a->wait != what || a->index != index)
		return;
	a->wait = VGPU_ADMIN_WAIT_NONE;
	a->rung = true;
	if (status)
		vgpu_error_note(m, VGPU_SOURCE_ADMIN, status, a->cmd.opcode, 0,
				a->cmd.op[0], a->cmd.user_data);
	vgpu_admin_answer(m, a->cmd.user_data, status, r0, r1);
}

/* VGPU_CONTROL_ENABLE: the registers say where the queue's ring lies. */
void vgpu_admin_enable(struct vgpu_model *m)
{
	struct vgpu_admin *a = &m->admin;
	u32 sq = m->admin_entries & 0xffff, cq = m->admin_entries >> 16;

	if (a->attaching || a->attached)
		return;
	if (!vgpu_ring_entries_valid(sq) || !vgpu_ring_entries_valid(cq) ||
	    sq > m->config.max_entries || cq > m->config.max_entries ||
	    !m->admin_address || m->admin_address & (VGPU_PAGE_BYTES - 1)) {
		vgpu_error_note(m, VGPU_SOURCE_DEVICE, -EINVAL, 0, 0,
				m->admin_address, 0);
		return;
	}
	vgpu_ring_absent(&a->dev.ring, sq, cq);
	a->attaching = true;
	a->attach_todo = true;
	a->attach_id = vgpu_serial_id(m, VGPU_WORK_ENABLE);
	m->status |= VGPU_STATUS_BUSY;
}

int vgpu_model_admin_attach(struct vgpu_model *m, u32 id, s32 status,
			    void *mem)
{
	struct vgpu_admin *a = &m->admin;

	if (!a->attaching || a->attach_todo || a->attach_id != id)
		return -ENOENT;
	a->attaching = false;
	m->status &= ~VGPU_STATUS_BUSY;
	vgpu_irq_raise(m, 0);
	if (status) {
		vgpu_error_note(m, VGPU_SOURCE_DEVICE, status, 0, 0,
				m->admin_address, 0);
		return 0;
	}
	vgpu_ring_attach(&a->dev.ring, mem, a->dev.ring.sq_entries,
			 a->dev.ring.cq_entries);
	if (!a->resume) {
		vgpu_ring_format(&a->dev.ring);
		vgpu_ring_consumer_init(&a->dev, &a->dev.ring);
	}
	a->attached = true;
	a->rung = true;
	m->status |= VGPU_STATUS_ENABLED;
	return 0;
}

/* A reset: the queue's memory is let go, and so is whoever waited. */
void vgpu_admin_disable(struct vgpu_model *m)
{
	struct vgpu_admin *a = &m->admin;
	bool detach = a->attached || a->detach_todo;
	u32 i;

	/* A PIN that is out holds its object until it has been reported. */
	if (a->pin_todo)
		vgpu_object_put(m, a->index);
	for (i = 1; i <= m->kernels_table.max; i++)
		m->kernels[i].answer = false;
	for (i = 1; i <= m->objects_table.max; i++)
		m->objects[i].answer = false;
	memset(a, 0, sizeof(*a));
	a->detach_todo = detach;
	m->status &= ~(u32)(VGPU_STATUS_ENABLED | VGPU_STATUS_BUSY);
}

/* Its memory makes no sense, or is gone: only a reset helps. */
static void vgpu_admin_fail(struct vgpu_model *m, s32 status)
{
	m->admin.broken = true;
	m->status |= VGPU_STATUS_ERROR;
	vgpu_error_note(m, VGPU_SOURCE_ADMIN, status, 0, 0, 0, 0);
	vgpu_irq_raise(m, 0);
}

void vgpu_model_admin_gone(struct vgpu_model *m)
{
	struct vgpu_admin *a = &m->admin;

	if (!a->attached || !a->dev.ring.hdr)
		return;
	vgpu_ring_absent(&a->dev.ring, a->dev.ring.sq_entries,
			 a->dev.ring.cq_entries);
	vgpu_admin_fail(m, -EFAULT);
}

/* Take the next command; false if there is none to be taken now. */
static bool vgpu_admin_take(struct vgpu_model *m)
{
	struct vgpu_admin *a = &m->admin;
	int room = vgpu_ring_cq_room(&a->dev, 1);

	if (!room) {
		room = vgpu_ring_mark_stalled(&a->dev);
		if (room >= 0) {
			a->rung = !room;
			return false;
		}
	}
	if (room < 0) {
		vgpu_admin_fail(m, -EINVAL);
		return false;
	}
	if (vgpu_ring_consume(&a->dev, &a->cmd, 1))
		return true;
	a->rung = !vgpu_ring_prepare_sleep(&a->dev);
	return false;
}

/* Execute the command that was taken, or wait for what it takes. */
static void vgpu_admin_do(struct vgpu_model *m)
{
	struct vgpu_admin *a = &m->admin;
	u32 takes = vgpu_model_takes(a->cmd.opcode);
	u64 r[2];
	int ret;

	if (vgpu_model_short(m, takes)) {
		a->index = takes;
		a->wait = VGPU_ADMIN_WAIT_MEMORY;
		return;
	}
	ret = vgpu_admin_exec(m, &a->cmd, false, r);
	if (ret > 0)
		return;
	if (ret)
		vgpu_error_note(m, VGPU_SOURCE_ADMIN, ret, a->cmd.opcode, 0,
				a->cmd.op[0], a->cmd.user_data);
	vgpu_admin_answer(m, a->cmd.user_data, ret, r[0], r[1]);
}

/* A GROW that the queue may wait for has ended. */
void vgpu_admin_grown(struct vgpu_model *m, u32 what, s32 status)
{
	struct vgpu_admin *a = &m->admin;

	if (a->wait != VGPU_ADMIN_WAIT_MEMORY || a->index != what)
		return;
	if (status) {
		vgpu_admin_wake(m, VGPU_ADMIN_WAIT_MEMORY, what, -ENOMEM, 0, 0);
		return;
	}
	a->wait = VGPU_ADMIN_WAIT_NONE;
	a->rung = true;
	if (!a->broken)
		vgpu_admin_do(m);
}

void vgpu_admin_step(struct vgpu_model *m, struct vgpu_out *out)
{
	struct vgpu_admin *a = &m->admin;
	struct vgpu_work *w;
	u32 n;

	if (a->detach_todo && !vgpu_out_full(out)) {
		vgpu_out_add(out, VGPU_WORK_ADMIN_DETACH);
		a->detach_todo = false;
	}
	if (a->attach_todo && !vgpu_out_full(out)) {
		w = vgpu_out_add(out, VGPU_WORK_ADMIN_ATTACH);
		w->id = a->attach_id;
		w->address = m->admin_address;
		w->bytes = VGPU_RING_BYTES(a->dev.ring.sq_entries,
					   a->dev.ring.cq_entries);
		a->attach_todo = false;
	}
	for (n = 0; n < VGPU_ADMIN_QUANTUM && a->attached && a->rung &&
		    !a->broken && !a->wait; n++) {
		if (vgpu_admin_take(m))
			vgpu_admin_do(m);
	}
	if (a->pin_todo && !vgpu_out_full(out)) {
		w = vgpu_out_add(out, VGPU_WORK_PIN);
		m->objects[a->index].pinning = true;
		w->id = vgpu_work_id(VGPU_WORK_ADMIN,
				     m->objects_table.gen[a->index], a->index);
		w->to.object = vgpu_table_id(&m->objects_table, a->index);
		w->to.offset = a->cmd.op[1] * VGPU_PAGE_BYTES;
		w->arg = a->cmd.op[2];
		w->address = a->cmd.op[3];
		a->pin_todo = false;
	}
}

/* A PIN has been reported. */
int vgpu_admin_done(struct vgpu_model *m, u32 id, s32 status)
{
	struct vgpu_admin *a = &m->admin;
	u32 object = vgpu_work_find(&m->objects_table, id);

	if (!object || !m->objects[object].pinning)
		return -ENOENT;
	m->objects[object].pinning = false;
	if (!status && a->wait == VGPU_ADMIN_WAIT_PIN && a->index == object)
		m->objects[object].pages += a->cmd.op[2];
	vgpu_object_put(m, object);
	vgpu_admin_wake(m, VGPU_ADMIN_WAIT_PIN, object,
			status ? vgpu_believe_status(status) : 0, 0, 0);
	return 0;
}

/* RING_ATTACH has been done, for RING_CREATE or after a load. */
int vgpu_model_ring_attach(struct vgpu_model *m, u32 id, void *mem)
{
	u32 ring = vgpu_work_find(&m->rings_table, id);
	struct vgpu_uring *r = &m->rings[ring];
	bool answer;

	if (!ring || id >> VGPU_WORK_CLASS_SHIFT != VGPU_WORK_RING ||
	    !r->attaching)
		return -ENOENT;
	r->attaching = false;
	if (r->dying) {
		vgpu_todo_add(m, VGPU_TODO_DETACH, ring);
		return 0;
	}
	answer = r->answer;
	r->answer = false;
	/* Its pages may have gone meanwhile. */
	if (m->objects[r->object].gone)
		mem = NULL;
	if (!mem)
		vgpu_uring_destroy(m, ring);
	else if (answer)
		vgpu_uring_memory(m, ring, mem);
	else
		vgpu_uring_resume(m, ring, mem);
	if (answer)
		vgpu_admin_wake(m, VGPU_ADMIN_WAIT_RING, ring,
				mem ? 0 : -ENOMEM,
				vgpu_table_id(&m->rings_table, ring), 0);
	return 0;
}
