// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Commands of user rings: each is validated whole before anything of it starts.
 */
#include "internal.h"

/**
 * struct vgpu_op - an opcode
 * @name: for traces and messages
 * @operands: how many it has, in op[0] and those that follow
 * @after: waits for all earlier commands by itself
 * @flags: VGPU_CMD_F_* that it may have
 */
struct vgpu_op {
	const char *name;
	u8 operands;
	bool after;
	u16 flags;
};

#define VGPU_PLAIN_FLAGS	\
	(VGPU_CMD_F_SIGNAL | VGPU_CMD_F_INTERRUPT | VGPU_CMD_F_BARRIER)

static const struct vgpu_op vgpu_ops[VGPU_CMD_OPCODES] = {
	[VGPU_CMD_NOP] = { "nop", 0, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_SYNC] = { "sync", 0, true, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_UPLOAD] = { "upload", 3, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_DOWNLOAD] = { "download", 3, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_COPY] = { "copy", 3, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_CLEAR] = { "clear", 3, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_LAUNCH] = { "launch", 5, false, VGPU_CMD_F_ALL },
	[VGPU_CMD_WAIT] = { "wait", 2, false, VGPU_PLAIN_FLAGS },
	[VGPU_CMD_SIGNAL] = { "signal", 2, true, VGPU_PLAIN_FLAGS },
};

static bool vgpu_command_is_memory(u16 opcode)
{
	return opcode >= VGPU_CMD_UPLOAD && opcode <= VGPU_CMD_CLEAR;
}

/* What every opcode has in common; the opcode has been checked. */
static int vgpu_command_form(const struct vgpu_model *m,
			     const struct vgpu_uring *r, u64 *fault)
{
	const struct vgpu_cmd *cmd = &r->cmd;
	const struct vgpu_op *op = &vgpu_ops[cmd->opcode];
	bool signal = cmd->flags & VGPU_CMD_F_SIGNAL;
	u64 excess = 0;
	u32 i;

	/* The last one is the value that is signalled. */
	for (i = ARRAY_SIZE(cmd->op) - signal; i > op->operands; i--)
		excess |= cmd->op[i - 1];
	if (excess) {
		for (i = op->operands; !cmd->op[i]; i++)
			;
		*fault = cmd->op[i];
		return -EINVAL;
	}
	if (!cmd->flags)
		return 0;
	*fault = cmd->flags;
	if (cmd->flags & ~op->flags || (signal && !r->counter))
		return -EINVAL;
	if (cmd->flags & VGPU_CMD_F_IDEMPOTENT &&
	    !(vgpu_features(m) & VGPU_FEATURE_IDEMPOTENT))
		return -EOPNOTSUPP;
	*fault = cmd->opcode;
	return 0;
}

/* Whether all of @e is of that kind. */
static bool vgpu_extents_are(const struct vgpu_model *m,
			     const struct vgpu_extent *e, u32 n,
			     enum vgpu_object_kind kind)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (m->objects[e[i].object].kind != kind)
			return false;
	return true;
}

/* Two mappings may back different addresses with the same bytes. */
static bool vgpu_extents_meet(const struct vgpu_extent *a, u32 n_a,
			      const struct vgpu_extent *b, u32 n_b)
{
	u32 i, k;

	for (i = 0; i < n_a; i++)
		for (k = 0; k < n_b; k++)
			if (a[i].object == b[k].object &&
			    a[i].offset < b[k].offset + b[k].bytes &&
			    b[k].offset < a[i].offset + a[i].bytes)
				return true;
	return false;
}

static int vgpu_hold_extents(struct vgpu_model *m, u32 job,
			     const struct vgpu_extent *e, u32 n)
{
	u32 i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = vgpu_job_hold(m, job, e[i].object);
		if (ret)
			return ret;
	}
	return 0;
}

/* UPLOAD, DOWNLOAD, COPY and CLEAR. */
static int vgpu_command_memory(struct vgpu_model *m, u32 job,
			       const struct vgpu_cmd *cmd, u64 *fault)
{
	struct vgpu_job *j = vgpu_job(m, job);
	bool clear = cmd->opcode == VGPU_CMD_CLEAR;
	u64 to = cmd->op[0], from = clear ? 0 : cmd->op[1];
	u64 bytes = clear ? cmd->op[1] : cmd->op[2];
	int n, ret;

	*fault = bytes;
	if (!bytes || bytes & 3 || bytes > 1ull << VGPU_ADDRESS_BITS)
		return -EINVAL;
	*fault = to & 3 ? to : from;
	if ((to | from) & 3)
		return -EINVAL;
	if (clear) {
		*fault = cmd->op[2];
		if (cmd->op[2] > U32_MAX)
			return -EINVAL;
		j->pattern = (u32)cmd->op[2];
	} else {
		*fault = to;
		if (to < from ? from - to < bytes : to - from < bytes)
			return -EINVAL;
	}

	n = vgpu_resolve(m, j->context, to, bytes, true, j->to,
			 VGPU_MAX_EXTENTS, fault);
	if (n < 0)
		return n;
	j->n_to = n;
	*fault = to;
	if ((cmd->opcode == VGPU_CMD_UPLOAD &&
	     !vgpu_extents_are(m, j->to, n, VGPU_OBJECT_VRAM)) ||
	    (cmd->opcode == VGPU_CMD_DOWNLOAD &&
	     !vgpu_extents_are(m, j->to, n, VGPU_OBJECT_SYSTEM)))
		return -EINVAL;
	if (!clear) {
		n = vgpu_resolve(m, j->context, from, bytes, false, j->from,
				 VGPU_MAX_EXTENTS, fault);
		if (n < 0)
			return n;
		j->n_from = n;
		*fault = from;
		if (vgpu_extents_meet(j->to, j->n_to, j->from, j->n_from))
			return -EINVAL;
		if ((cmd->opcode == VGPU_CMD_UPLOAD &&
		     !vgpu_extents_are(m, j->from, n, VGPU_OBJECT_SYSTEM)) ||
		    (cmd->opcode == VGPU_CMD_DOWNLOAD &&
		     !vgpu_extents_are(m, j->from, n, VGPU_OBJECT_VRAM)))
			return -EINVAL;
	}
	ret = vgpu_hold_extents(m, job, j->to, j->n_to);
	if (!ret)
		ret = vgpu_hold_extents(m, job, j->from, j->n_from);
	return ret;
}

/* The ring has to wait until somebody's command has ended. */
static int vgpu_command_starves(struct vgpu_model *m, u32 ring)
{
	m->rings[ring].blocked = VGPU_BLOCK_POOL;
	vgpu_sched_starve(m, ring);
	return -EBUSY;
}

/*
 * The ring's command has failed, or is to signal: that waits for those before
 * it, and there may be no job left to remember it with.
 */
static vgpu_noinline int vgpu_command_says(struct vgpu_model *m, u32 ring,
					   s32 status, u64 fault)
{
	struct vgpu_uring *r = &m->rings[ring];
	const struct vgpu_cmd *cmd = &r->cmd;
	bool signal = cmd->flags & VGPU_CMD_F_SIGNAL && r->counter;
	u32 job;

	if (signal && r->first) {
		job = vgpu_job_take(m, ring, cmd);
		if (!job)
			return vgpu_command_starves(m, ring);
		vgpu_job(m, job)->state = VGPU_JOB_DONE;
		vgpu_job_link(m, job);
		signal = false;
	}
	if (status)
		vgpu_error_note(m, vgpu_table_id(&m->rings_table, ring), status,
				cmd->opcode,
				vgpu_table_id(&m->contexts_table, r->context),
				fault, cmd->user_data);
	vgpu_uring_complete(m, r, cmd->user_data, status, cmd->flags,
			    r->parked_ns, m->now_ns);
	if (signal)
		vgpu_counter_signal(m, r->counter, cmd->op[5]);
	return 0;
}

/* The ring's command has ended without a job. */
static inline int vgpu_command_ends(struct vgpu_model *m, u32 ring, s32 status,
				    u64 fault)
{
	struct vgpu_uring *r = &m->rings[ring];
	const struct vgpu_cmd *cmd = &r->cmd;

	if (status || cmd->flags & VGPU_CMD_F_SIGNAL)
		return vgpu_command_says(m, ring, status, fault);
	vgpu_uring_complete(m, r, cmd->user_data, 0, cmd->flags,
			    r->parked_ns, m->now_ns);
	return 0;
}

/* WAIT and SIGNAL; 1: the ring waits. */
static int vgpu_command_counter(struct vgpu_model *m, u32 ring, u64 *fault)
{
	struct vgpu_uring *r = &m->rings[ring];
	u32 counter = vgpu_find_counter(m, r->cmd.op[0]);

	*fault = r->cmd.op[0];
	if (!counter || m->counters[counter].context != r->context)
		return -EINVAL;
	*fault = r->cmd.op[1];
	if (r->cmd.opcode == VGPU_CMD_SIGNAL)
		return vgpu_counter_signal(m, counter, r->cmd.op[1]);
	if (m->counters[counter].value >= r->cmd.op[1])
		return 0;
	vgpu_counter_wait(m, counter, ring, r->cmd.op[1]);
	return 1;
}

/* Whether commands before this one keep it from starting. */
static bool vgpu_command_must_wait(const struct vgpu_uring *r)
{
	if (!r->running)
		return false;
	if (vgpu_ops[r->cmd.opcode].after)
		return true;
	if (!(r->cmd.flags & VGPU_CMD_F_BARRIER))
		return false;
	/* Memory items are executed in order: only launches are waited for. */
	return !vgpu_command_is_memory(r->cmd.opcode) || r->launches;
}

/* A command that takes time. */
static vgpu_noinline int vgpu_command_job(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	const struct vgpu_cmd *cmd = &r->cmd;
	u32 job = vgpu_job_take(m, ring, cmd);
	u64 fault = cmd->opcode;
	int ret;

	if (!job)
		return vgpu_command_starves(m, ring);
	if (cmd->opcode == VGPU_CMD_LAUNCH)
		ret = vgpu_launch_prepare(m, job, cmd, &fault);
	else
		ret = vgpu_command_memory(m, job, cmd, &fault);
	if (!ret) {
		vgpu_job_link(m, job);
		vgpu_job_ready(m, job);
		return 0;
	}
	vgpu_job_free(m, job);
	if (ret != -EAGAIN)
		return vgpu_command_ends(m, ring, ret, fault);
	r->blocked = VGPU_BLOCK_MOVE;
	return -EBUSY;
}

/**
 * vgpu_command_start() - start the command that a ring has parked
 * @m: device
 * @ring: ring
 *
 * Return: 0 if the command has started or ended; -EBUSY if the ring has to
 * wait, and @blocked says what for.
 */
int vgpu_command_start(struct vgpu_model *m, u32 ring)
{
	struct vgpu_uring *r = &m->rings[ring];
	u16 opcode = r->cmd.opcode;
	u64 fault = opcode;
	int ret;

	ret = opcode < VGPU_CMD_OPCODES ? vgpu_command_form(m, r, &fault) :
					  -EOPNOTSUPP;
	if (ret)
		return vgpu_command_ends(m, ring, ret, fault);
	if (vgpu_command_must_wait(r)) {
		r->blocked = VGPU_BLOCK_JOBS;
		return -EBUSY;
	}
	switch (opcode) {
	case VGPU_CMD_NOP:
	case VGPU_CMD_SYNC:
		return vgpu_command_ends(m, ring, 0, 0);
	case VGPU_CMD_WAIT:
	case VGPU_CMD_SIGNAL:
		ret = vgpu_command_counter(m, ring, &fault);
		return ret > 0 ? -EBUSY :
				 vgpu_command_ends(m, ring, ret, fault);
	default:
		return vgpu_command_job(m, ring);
	}
}
