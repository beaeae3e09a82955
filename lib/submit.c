// SPDX-License-Identifier: MIT
/*
 * Submission: commands as callers write them become commands as the device
 * reads them, with staging where that is needed, and go into ring memory.
 *
 * Nothing here takes a lock unless a command needs something looked up or
 * staged.
 */
#include "device.h"

#define VGPU_SUBMIT_CHUNK	32u

/* A command on its way. */
struct vgpu_prepared {
	struct vgpu_cmd cmd;
	struct vgpu_stage stage;
	uint64_t bytes;
	bool direct;	/* reads the caller's memory: wait for it */
};

_Static_assert(sizeof(struct vgpu_launch_args) == sizeof(struct vgpu_args),
	       "arguments are passed on as they are");
_Static_assert(offsetof(struct vgpu_launch_args, consts) ==
	       offsetof(struct vgpu_args, consts),
	       "arguments are passed on as they are");
_Static_assert((VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE << 8) ==
	       (VGPU_RANGE_READ | VGPU_RANGE_WRITE << 8), "likewise");

/* Let the device get on.  Whether anything came of it. */
static bool progress(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;
	uint64_t ended = vgpu_results_reap(ring);

	return dev->ops->run(dev->backend, VGPU_SUBMIT_CHUNK) || ended;
}

/* A source or target in CPU memory that nobody has registered. */
static int stage_take(struct vgpu_device_ring *ring, struct vgpu_stage *stage,
		      uint64_t bytes)
{
	int ret;

	do {
		ret = vgpu_stage_take(ring->dev, stage, bytes);
	} while (ret == -EAGAIN && progress(ring));
	return ret;
}

/*
 * Large memory that nobody has registered, of the caller itself if the device
 * can see it, else a copy.
 */
static int stage_large(struct vgpu_device_ring *ring, struct vgpu_stage *stage,
		       void *ptr, uint64_t bytes, bool source)
{
	int ret;

	/* What is pinned is pages: where it begins in one decides. */
	if (ring->dev->ops->pins && !vgpu_address_fits((uintptr_t)ptr))
		ret = -EFAULT;
	else
		ret = vgpu_stage_map(ring->dev, stage, ptr, bytes, source);
	if (ret == -EFAULT || ret == -EAGAIN || ret == -EOPNOTSUPP)
		ret = vgpu_stage_bounce(ring->dev, stage, ptr, bytes, source);
	return ret;
}

static int prepare_upload(struct vgpu_device_ring *ring,
			  const struct vgpu_command *cmd, bool first,
			  struct vgpu_prepared *p)
{
	void *source = (void *)(uintptr_t)cmd->param[0];
	uint64_t bytes = cmd->param[2];
	int ret;

	p->bytes = bytes;
	p->cmd.opcode = VGPU_CMD_UPLOAD;
	p->cmd.op[0] = cmd->param[1];
	p->cmd.op[2] = bytes;
	if (vgpu_find_registered(ring->dev, cmd->param[0], bytes,
				 &p->cmd.op[1]))
		return 0;
	if (bytes <= VGPU_STAGE_BYTES) {
		ret = stage_take(ring, &p->stage, bytes);
		if (!ret)
			memcpy(p->stage.cpu, source, bytes);
	} else {
		/* Only what nothing can hold up is waited for. */
		while (first && !vgpu_results_idle(ring) && progress(ring))
			;
		if (first && vgpu_results_idle(ring))
			ret = stage_large(ring, &p->stage, source, bytes, true);
		else
			ret = vgpu_stage_bounce(ring->dev, &p->stage, source,
						bytes, true);
		p->direct = !ret && p->stage.cpu == source;
	}
	p->cmd.op[1] = p->stage.address;
	return ret;
}

static int prepare_download(struct vgpu_device_ring *ring,
			    const struct vgpu_command *cmd,
			    struct vgpu_prepared *p)
{
	void *target = (void *)(uintptr_t)cmd->param[1];
	uint64_t bytes = cmd->param[2];
	int ret;

	p->bytes = bytes;
	p->cmd.opcode = VGPU_CMD_DOWNLOAD;
	p->cmd.op[1] = cmd->param[0];
	p->cmd.op[2] = bytes;
	if (vgpu_find_registered(ring->dev, cmd->param[1], bytes,
				 &p->cmd.op[0]))
		return 0;
	if (bytes <= VGPU_STAGE_BYTES) {
		ret = stage_take(ring, &p->stage, bytes);
		p->stage.target = target;
	} else {
		ret = stage_large(ring, &p->stage, target, bytes, false);
	}
	p->cmd.op[0] = p->stage.address;
	return ret;
}

static int prepare_launch(struct vgpu_device_ring *ring,
			  const struct vgpu_command *cmd,
			  struct vgpu_prepared *p)
{
	const void *args = (const void *)(uintptr_t)cmd->param[4];
	int ret;

	p->cmd.opcode = VGPU_CMD_LAUNCH;
	p->cmd.op[1] = cmd->param[1] | cmd->param[2] << 32;
	p->cmd.op[2] = cmd->param[3];
	p->cmd.op[4] = ring->dev->launch_timeout_ns;
	ret = vgpu_kernel_check_launch(ring->dev, cmd);
	if (ret)
		return ret;
	ret = vgpu_kernel_find(ring->dev, cmd->param[0], &p->cmd.op[0]);
	if (ret || !args)
		return ret;
	ret = stage_take(ring, &p->stage, sizeof(struct vgpu_args));
	if (ret)
		return ret;
	memcpy(p->stage.cpu, args, sizeof(struct vgpu_args));
	p->cmd.op[3] = p->stage.address;
	return 0;
}

/* @first: of its batch. */
static int prepare(struct vgpu_device_ring *ring,
		   const struct vgpu_command *cmd, bool first,
		   struct vgpu_prepared *p)
{
	char text[VGPU_MESSAGE_BYTES];
	int ret;

	ret = vgpu_command_check(cmd, text, sizeof(text));
	if (ret)
		return vgpu_message_set(&ring->dev->msg, ret, "%s", text);
	memset(&p->cmd, 0, sizeof(p->cmd));
	p->stage.cpu = NULL;
	p->stage.target = NULL;
	p->stage.address = 0;
	p->bytes = 0;
	p->direct = false;
	if (!(cmd->flags & VGPU_COMMAND_RELAXED))
		p->cmd.flags |= VGPU_CMD_F_BARRIER;
	if (cmd->flags & VGPU_COMMAND_INTERRUPT)
		p->cmd.flags |= VGPU_CMD_F_INTERRUPT;
	if (cmd->flags & VGPU_COMMAND_IDEMPOTENT)
		p->cmd.flags |= VGPU_CMD_F_IDEMPOTENT;
	switch (cmd->type) {
	case VGPU_COMMAND_TRANSFER_TO:
		ret = prepare_upload(ring, cmd, first, p);
		break;
	case VGPU_COMMAND_TRANSFER_FROM:
		ret = prepare_download(ring, cmd, p);
		break;
	case VGPU_COMMAND_LAUNCH:
		return prepare_launch(ring, cmd, p);
	case VGPU_COMMAND_SYNCHRONIZE:
		p->cmd.opcode = VGPU_CMD_SYNC;
		return 0;
	case VGPU_COMMAND_COPY:
		p->bytes = cmd->param[2];
		p->cmd.opcode = VGPU_CMD_COPY;
		p->cmd.op[0] = cmd->param[1];
		p->cmd.op[1] = cmd->param[0];
		p->cmd.op[2] = cmd->param[2];
		return 0;
	case VGPU_COMMAND_CLEAR:
		p->bytes = cmd->param[1];
		p->cmd.opcode = VGPU_CMD_CLEAR;
		memcpy(p->cmd.op, cmd->param, 3 * sizeof(p->cmd.op[0]));
		return 0;
	default:
		p->cmd.opcode = cmd->type == VGPU_COMMAND_WAIT ?
					VGPU_CMD_WAIT : VGPU_CMD_SIGNAL;
		memcpy(p->cmd.op, cmd->param, 2 * sizeof(p->cmd.op[0]));
		return 0;
	}
	if (ret && ret != -EAGAIN)
		vgpu_message_set(&ring->dev->msg, ret,
				 "%s: no staging for %llu bytes: %s",
				 vgpu_command_name(cmd->type),
				 (unsigned long long)p->bytes, strerror(-ret));
	return ret;
}

/* Why a ring takes nothing. */
static int refuse(struct vgpu_device_ring *ring)
{
	struct vgpu_device *dev = ring->dev;

	if (vgpu_load_acquire(&ring->lost))
		return vgpu_message_set(&dev->msg, -ENODEV,
					"the ring was lost when its device was reset: destroy it");
	if (READ_ONCE(ring->ring.hdr->state) == VGPU_RING_ERROR)
		return vgpu_message_set(&dev->msg, -EIO,
					"the ring is in error: reset it");
	return vgpu_message_set(&dev->msg, -ECANCELED,
				"the %s does not run: start it",
				READ_ONCE(dev->state) == VGPU_DEVICE_RUNNING ?
					"ring" : "device");
}

/* Room for @min to @n commands, positions and results. */
static uint32_t reserve(struct vgpu_device_ring *ring, uint32_t min, uint32_t n,
			u64 *pos)
{
	uint64_t room = ring->mask + 1 - ring->ring.sq_entries;
	uint64_t used;
	uint32_t got;

	do {
		used = READ_ONCE(ring->ring.hdr->sq_tail) -
		       vgpu_load_acquire(&ring->low);
		/* A tail that is older than @low is negative, that is huge. */
		if (used <= room || (int64_t)used < 0) {
			got = vgpu_ring_reserve(&ring->ring, min, n, pos);
			if (got)
				return got;
		}
	} while (progress(ring));
	__atomic_fetch_add(&ring->overflows, 1, __ATOMIC_RELAXED);
	return 0;
}

static void commit(struct vgpu_device_ring *ring, uint64_t pos, uint32_t n,
		   const struct vgpu_command *cmds, struct vgpu_prepared *p)
{
	struct vgpu_device *dev = ring->dev;
	uint64_t now_ns = 0, bytes = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t submit_ns = cmds[i].submit_ns;

		if (!submit_ns && ring->times) {
			if (!now_ns)
				now_ns = vgpu_now_ns();
			submit_ns = now_ns;
		}
		p[i].cmd.user_data = pos + i;
		bytes += p[i].bytes;
		vgpu_result_begin(ring, pos + i, &cmds[i], submit_ns,
				  p[i].bytes, &p[i].stage);
		vgpu_ring_fill(vgpu_ring_slot(&ring->ring, pos + i), &p[i].cmd);
	}
	if (bytes)
		__atomic_fetch_add(&dev->outstanding_bytes, bytes,
				   __ATOMIC_RELAXED);
	if (vgpu_ring_commit(&ring->ring, pos, n) &&
	    !vgpu_load_acquire(&ring->lost))
		dev->ops->doorbell(dev->backend, ring->id);
}

static uint64_t ticket_of(const struct vgpu_device_ring *ring, uint64_t pos)
{
	return (uint64_t)ring->number << VGPU_TICKET_SHIFT | pos;
}

/*
 * Submits at least @min and at most @n.  Returns how many, or an error that
 * kept the first of them (or, if all have to fit, any) from being submitted.
 */
static int64_t submit_chunk(struct vgpu_device_ring *ring,
			    const struct vgpu_command *cmds,
			    struct vgpu_prepared *p, uint32_t min, uint32_t n,
			    u64 *pos)
{
	uint32_t i, ready, got = 0;
	int ret = 0;

	for (ready = 0; ready < n; ready++) {
		ret = prepare(ring, &cmds[ready], !ready, &p[ready]);
		if (ret)
			break;
	}
	if (ready >= min) {
		if (vgpu_load_acquire(&ring->accepting))
			got = reserve(ring, min, ready, pos);
		else
			ret = refuse(ring);
		if (got)
			commit(ring, *pos, got, cmds, p);
		else if (!ret)
			ret = -EAGAIN;
	}
	for (i = got; i < ready; i++)
		vgpu_stage_end(ring->dev, &p[i].stage, -ECANCELED);
	for (i = 0; i < got; i++) {
		if (p[i].direct)
			vgpu_device_wait(ring->dev, ticket_of(ring, *pos + i),
					 VGPU_FOREVER, NULL);
	}
	return got ? (int64_t)got : ret;
}

/* The ring that @ring means. */
static struct vgpu_device_ring *resolve(struct vgpu_device *dev,
					struct vgpu_device_ring *ring)
{
	if (!ring)
		ring = vgpu_load_acquire(&dev->own);
	if (!ring)
		vgpu_message_set(&dev->msg, -ECANCELED,
				 "the device is not initialized: initialize and start it");
	else if (ring->dev != dev)
		vgpu_message_set(&dev->msg, -EINVAL,
				 "the ring belongs to another device");
	return ring;
}

int vgpu_device_submit(struct vgpu_device *dev, struct vgpu_device_ring *ring,
		       const struct vgpu_command *cmd, uint64_t *ticket)
{
	struct vgpu_prepared p;
	u64 pos;
	int64_t ret;

	ring = resolve(dev, ring);
	if (!ring)
		return -ECANCELED;
	if (ring->dev != dev)
		return -EINVAL;
	ret = submit_chunk(ring, cmd, &p, 1, 1, &pos);
	if (ret < 0)
		return (int)ret;
	if (ticket)
		*ticket = ticket_of(ring, pos);
	return 0;
}

/* About how many commands there is room for, at least 1. */
static uint32_t estimate(struct vgpu_device_ring *ring)
{
	uint64_t used = READ_ONCE(ring->ring.hdr->sq_tail) -
			READ_ONCE(ring->ring.hdr->sq_head);

	if (used >= ring->ring.sq_entries)
		return 1;
	return ring->ring.sq_entries - (uint32_t)used;
}

int64_t vgpu_device_submit_batch(struct vgpu_device *dev,
				 struct vgpu_device_ring *ring,
				 const struct vgpu_command *cmds, size_t count,
				 uint32_t flags, uint64_t *ticket)
{
	struct vgpu_prepared some[VGPU_SUBMIT_CHUNK], *p = some;
	uint32_t n, min = 1;
	u64 pos = 0;
	int64_t ret;

	ring = resolve(dev, ring);
	if (!ring)
		return -ECANCELED;
	if (ring->dev != dev)
		return -EINVAL;
	if (flags & ~VGPU_SUBMIT_ALL)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"unknown submission flags 0x%x",
					flags & ~VGPU_SUBMIT_ALL);
	if (!count)
		return vgpu_message_set(&dev->msg, -EINVAL,
					"a batch of 0 commands: submit 1 at least");
	if (flags & VGPU_SUBMIT_ALL) {
		if (count > ring->ring.sq_entries)
			return vgpu_message_set(&dev->msg, -EINVAL,
						"a batch of %zu commands at once into a ring of %u entries",
						count, ring->ring.sq_entries);
		n = min = (uint32_t)count;
	} else {
		n = min_t(size_t, count, estimate(ring));
	}
	if (n > VGPU_SUBMIT_CHUNK) {
		p = malloc(n * sizeof(*p));
		if (!p)
			return -ENOMEM;
	}
	ret = submit_chunk(ring, cmds, p, min, n, &pos);
	if (p != some)
		free(p);
	if (ret > 0 && ticket)
		*ticket = ticket_of(ring, pos);
	return ret;
}
