/* SPDX-License-Identifier: MIT */
/*
 * A program that uses a device by the direct way: a context, a ring, some
 * memory.  What tests of the model have in common.
 */
#ifndef VGPU_MODEL_CLIENT_H
#define VGPU_MODEL_CLIENT_H

#include "model_shell.h"

#define CLIENT_SYSTEM_BYTES	(64u << 10)
#define CLIENT_VRAM_BYTES	(64u << 10)

struct client {
	struct shell *s;
	u32 context;
	u32 ring;
	u32 counter;
	u32 ring_object;
	u32 system;		/* object, and where it is mapped */
	u64 system_address;
	u8 *system_memory;
	u32 block;
	u64 vram_address;
	u64 vram_offset;
	struct vgpu_ring view;
	struct vgpu_ring_reaper reaper;
	u64 sent;
};

/* 0, or the errno of the first thing that could not be made. */
static inline int client_open_ring(struct client *c, struct shell *s, u32 sq,
				   u32 cq, u32 priority, u32 vector)
{
	u64 bytes = (VGPU_RING_BYTES(sq, cq) + 4095) & ~4095ull;
	u64 r[2];
	void *mem;
	int ret;

	memset(c, 0, sizeof(*c));
	c->s = s;
	ret = shell_admin(s, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0, 0);
	if (ret)
		return ret;
	c->context = (u32)r[0];
	ret = shell_admin(s, VGPU_ADMIN_COUNTER_CREATE, r, c->context, 0, 0, 0,
			  0, 0);
	if (ret)
		return ret;
	c->counter = (u32)r[0];
	ret = shell_admin(s, VGPU_ADMIN_SYSTEM_CREATE, r, bytes, 0, c->context,
			  0, 0, 0);
	if (ret)
		return ret;
	c->ring_object = (u32)r[0];
	mem = shell_system_memory(s, c->ring_object, bytes);
	ret = shell_admin(s, VGPU_ADMIN_RING_CREATE, r, c->context,
			  c->ring_object, sq | (u64)cq << 32,
			  VGPU_RING_F_TIMES | (u64)priority << 32 |
			  (u64)vector << 40, c->counter, 0);
	if (ret)
		return ret;
	c->ring = (u32)r[0];
	ret = vgpu_model_ring_memory(s->m, c->ring, mem);
	if (ret)
		return ret;
	vgpu_ring_attach(&c->view, mem, sq, cq);
	vgpu_ring_reaper_init(&c->reaper, &c->view);

	ret = shell_admin(s, VGPU_ADMIN_SYSTEM_CREATE, r, CLIENT_SYSTEM_BYTES,
			  0, c->context, 0, 0, 0);
	if (ret)
		return ret;
	c->system = (u32)r[0];
	c->system_memory = shell_system_memory(s, c->system,
					       CLIENT_SYSTEM_BYTES);
	ret = shell_admin(s, VGPU_ADMIN_MAP, r, c->context, c->system, 0, 0,
			  CLIENT_SYSTEM_BYTES, VGPU_MAP_F_ANYWHERE);
	if (ret)
		return ret;
	c->system_address = r[0];
	ret = shell_admin(s, VGPU_ADMIN_BLOCK_CREATE, r, CLIENT_VRAM_BYTES, 0,
			  c->context, 0, 0, 0);
	if (ret)
		return ret;
	c->block = (u32)r[0];
	c->vram_offset = r[1];
	ret = shell_admin(s, VGPU_ADMIN_MAP, r, c->context, c->block, 0, 0,
			  CLIENT_VRAM_BYTES, VGPU_MAP_F_ANYWHERE);
	c->vram_address = r[0];
	return ret;
}

static inline int client_control(struct client *c, u64 what)
{
	return shell_admin(c->s, VGPU_ADMIN_RING_CONTROL, NULL, c->ring, what,
			   0, 0, 0, 0);
}

static inline int client_open(struct client *c, struct shell *s)
{
	int ret = client_open_ring(c, s, 64, 64, VGPU_PRIORITY_NORMAL, 1);

	return ret ? ret : client_control(c, VGPU_RING_START);
}

static inline void client_close(struct client *c)
{
	shell_admin(c->s, VGPU_ADMIN_CONTEXT_DESTROY, NULL, c->context, 0, 0,
		    0, 0, 0);
}

/* Put a command into the ring; false if it is full. */
static inline bool client_push(struct client *c, const struct vgpu_cmd *cmd)
{
	bool doorbell = false;

	if (!vgpu_ring_submit(&c->view, cmd, 1, 1, &doorbell))
		return false;
	c->sent++;
	if (doorbell)
		vgpu_model_kick(c->s->m, c->ring);
	return true;
}

static inline bool client_send(struct client *c, u16 opcode, u16 flags,
			       u64 data, u64 a, u64 b, u64 d)
{
	struct vgpu_cmd cmd = {
		.opcode = opcode, .flags = flags, .user_data = data,
		.op = { a, b, d },
	};

	return client_push(c, &cmd);
}

/* The next completion; false if there is none. */
static inline bool client_take(struct client *c, struct vgpu_completion *done)
{
	bool got = vgpu_ring_reap(&c->reaper, done, 1);

	if (vgpu_ring_reap_release(&c->reaper))
		vgpu_model_kick(c->s->m, c->ring);
	return got;
}

/* Send one command, run, and return the status that came back. */
static inline s32 client_do(struct client *c, u16 opcode, u16 flags, u64 a,
			    u64 b, u64 d)
{
	struct vgpu_completion done = { .status = 1 };

	if (!client_send(c, opcode, flags, 0x5eed, a, b, d))
		return 2;
	shell_run(c->s);
	if (!client_take(c, &done) || done.user_data != 0x5eed)
		return 3;
	return done.status;
}

#endif /* VGPU_MODEL_CLIENT_H */
