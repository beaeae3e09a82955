// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Commands to a worker, and its answers.  What is out is in &vgpu_channel.sent,
 * which no worker sees: an answer that names nothing of that is dropped.  The
 * position of the next command is ours too, and that there is room for it
 * follows from how few are out.
 */
#include <linux/ktime.h>
#include <linux/nospec.h>

#include "engine.h"
#include "tenant.h"

/* Answers that are taken at once, and in one call. */
#define VGPU_REAP_BATCH		8u
#define VGPU_REAP_MAX		(2 * VGPU_CHANNEL_ENTRIES)

void vgpu_channel_setup(struct vgpu_channel *c)
{
	u32 i;

	vgpu_ring_attach(&c->ring, c->mem, VGPU_CHANNEL_ENTRIES,
			 VGPU_CHANNEL_ENTRIES);
	vgpu_ring_format(&c->ring);
	vgpu_ring_reaper_init(&c->reaper, &c->ring);
	c->sq_tail = VGPU_CHANNEL_ENTRIES;
	for (i = 0; i < VGPU_CHANNEL_OUT; i++)
		c->free[c->n_free++] = i;
}

bool vgpu_channel_room(const struct vgpu_channel *c)
{
	return c->n_free;
}

struct vgpu_sent *vgpu_channel_send(struct vgpu_channel *c,
				    struct vgpu_engine_cmd *cmd,
				    struct vgpu_engine_slot *slot)
{
	u32 i = c->free[--c->n_free];
	struct vgpu_sent *sent = &c->sent[i];

	if (c->n_free == VGPU_CHANNEL_OUT - 1)
		c->answer_ns = ktime_get_ns();
	sent->tag = ++c->tenant->engine.serial << 16 | i;
	sent->opcode = cmd->opcode;
	cmd->tag = sent->tag;
	if (slot) {
		slot->tag = sent->tag;
		cmd->op[0] = i;
		c->slots[i] = *slot;
	} else {
		c->others++;
	}
	/* A hint for whoever looks at the ring; one producer. */
	WRITE_ONCE(c->ring.hdr->sq_tail, c->sq_tail + 1);
	vgpu_ring_fill(vgpu_ring_slot(&c->ring, c->sq_tail),
		       (struct vgpu_cmd *)cmd);
	if (vgpu_ring_commit(&c->ring, c->sq_tail++, 1))
		vgpu_channel_ring(c);
	return sent;
}

/* Take an answer as true, or drop it. */
static void vgpu_channel_answer(struct vgpu_channel *c,
				const struct vgpu_engine_completion *done)
{
	struct vgpu_tenant *t = c->tenant;
	u32 i = array_index_nospec(done->tag & (VGPU_CHANNEL_ENTRIES - 1),
				   VGPU_CHANNEL_ENTRIES);
	struct vgpu_sent sent = c->sent[i];

	if (!done->tag || sent.tag != done->tag) {
		t->engine.dropped++;
		return;
	}
	c->sent[i].tag = 0;
	c->free[c->n_free++] = i;
	c->answer_ns = ktime_get_ns();
	if (sent.opcode != VGPU_ENGINE_LAUNCH)
		c->others--;
	vgpu_engine_ended(t, &sent, done->status);
}

bool vgpu_channel_reap(struct vgpu_channel *c)
{
	struct vgpu_engine_completion done[VGPU_REAP_BATCH];
	u32 i, n, total = 0;

	do {
		n = vgpu_ring_reap(&c->reaper, (struct vgpu_completion *)done,
				   VGPU_REAP_BATCH);
		for (i = 0; i < n; i++)
			vgpu_channel_answer(c, &done[i]);
		if (vgpu_ring_reap_release(&c->reaper))
			vgpu_channel_ring(c);
		if (!n && vgpu_ring_prepare_wait(&c->reaper))
			return false;
		/* A worker that keeps us here does not keep others. */
		total += max(n, 1u);
	} while (total < VGPU_REAP_MAX);
	return true;
}

bool vgpu_channel_started(const struct vgpu_channel *c,
			  const struct vgpu_started *s)
{
	/* Pairs with the release by which a worker writes a mark. */
	return smp_load_acquire(&c->marks[s->slot].tag) == s->tag;
}
