/* SPDX-License-Identifier: MIT */
/*
 * A driver in a guest: registers, the admin queue in guest memory, objects made
 * of guest pages.  For tests of the whole way that a virtual machine goes.
 */
#ifndef VGPU_MODEL_GUEST_H
#define VGPU_MODEL_GUEST_H

#include "model_client.h"

#define GUEST_ADMIN_PAGE	0u
#define GUEST_LIST_PAGE		8u	/* where lists of pages are written */
#define GUEST_FIRST_PAGE	16u	/* pages given to objects */

/* What holds at any time; @s is a struct shell *. */
#define MODEL_HOLDS(s)							\
do {									\
	const char *bad_ = vgpu_model_check((s)->m);			\
									\
	ASSERT_EQ(bad_, NULL) TH_LOG("broken: %s", bad_);		\
	ASSERT_EQ((s)->wrong, NULL) TH_LOG("shell: %s", (s)->wrong);	\
} while (0)

/* Everything that was made has gone: NULL, or what is left. */
static inline const char *model_gone(struct shell *s)
{
	struct vgpu_model_stats st;

	if (!shell_run(s))
		return "it does not come to rest";
	vgpu_model_stats(s->m, &st);
	if (st.vram_used || st.contexts || st.objects || st.mappings ||
	    st.rings || st.counters || st.kernels || st.in_flight)
		return "something is left";
	if (vgpu_account_current(&s->gpu))
		return "the GPU's account is not zero";
	return s->wrong ? s->wrong : vgpu_model_check(s->m);
}

struct guest {
	struct shell *s;
	struct vgpu_ring admin;
	struct vgpu_ring_reaper reaper;
	u32 next_page;
};

static inline u64 guest_address(u32 page)
{
	return SHELL_GUEST_BASE + (u64)page * 4096;
}

static inline u8 *guest_page(struct guest *g, u32 page)
{
	return g->s->guest + (size_t)page * 4096;
}

static inline u32 guest_reg(struct guest *g, u32 offset)
{
	return (u32)vgpu_model_bar0_read(g->s->m, offset, 4, g->s->now_ns);
}

static inline void guest_set(struct guest *g, u32 offset, u32 value)
{
	vgpu_model_bar0_write(g->s->m, offset, 4, value);
}

/* The registers, and ENABLE; the shell has not run yet. */
static inline void guest_ask(struct guest *g, struct shell *s, u32 sq, u32 cq)
{
	memset(g, 0, sizeof(*g));
	g->s = s;
	g->next_page = GUEST_FIRST_PAGE;
	guest_set(g, VGPU_REG_ACCEPTED_LO, 0xffffffff);
	guest_set(g, VGPU_REG_ACCEPTED_HI, 0xffffffff);
	vgpu_model_bar0_write(s->m, VGPU_REG_ADMIN_LO, 8,
			      guest_address(GUEST_ADMIN_PAGE));
	guest_set(g, VGPU_REG_ADMIN_ENTRIES, sq | cq << 16);
	guest_set(g, VGPU_REG_CONTROL, VGPU_CONTROL_ENABLE);
}

static inline void guest_look(struct guest *g, u32 sq, u32 cq)
{
	vgpu_ring_attach(&g->admin, guest_page(g, GUEST_ADMIN_PAGE), sq, cq);
	vgpu_ring_reaper_init(&g->reaper, &g->admin);
}

/* 0 if the device is enabled. */
static inline int guest_enable(struct guest *g, struct shell *s)
{
	guest_ask(g, s, 64, 64);
	shell_run(s);
	guest_look(g, 64, 64);
	return guest_reg(g, VGPU_REG_STATUS) & VGPU_STATUS_ENABLED ? 0 : -EIO;
}

static inline bool guest_push(struct guest *g, const struct vgpu_cmd *cmd)
{
	bool doorbell = false;

	if (!vgpu_ring_submit(&g->admin, cmd, 1, 1, &doorbell))
		return false;
	if (doorbell)
		guest_set(g, VGPU_REG_ADMIN_DOORBELL, 1);
	return true;
}

static inline bool guest_take(struct guest *g,
			      struct vgpu_admin_completion *done)
{
	bool got = vgpu_ring_reap(&g->reaper, (struct vgpu_completion *)done,
				  1);

	if (vgpu_ring_reap_release(&g->reaper))
		guest_set(g, VGPU_REG_ADMIN_DOORBELL, 1);
	return got;
}

static inline bool guest_send(struct guest *g, u16 opcode, u64 data, u64 a,
			      u64 b, u64 c, u64 d, u64 e, u64 f)
{
	struct vgpu_cmd cmd = {
		.opcode = opcode, .user_data = data,
		.op = { a, b, c, d, e, f },
	};

	return guest_push(g, &cmd);
}

/* One admin command: its status, or a positive number if there was none. */
static inline s32 guest_do(struct guest *g, u16 opcode, u64 r[2], u64 a, u64 b,
			   u64 c, u64 d, u64 e, u64 f)
{
	struct vgpu_admin_completion done;

	if (!guest_send(g, opcode, 0xad314, a, b, c, d, e, f))
		return 2;
	shell_run(g->s);
	if (!guest_take(g, &done) || done.user_data != 0xad314)
		return 3;
	if (r) {
		r[0] = done.result[0];
		r[1] = done.result[1];
	}
	return done.status;
}

/* Write the addresses of @n pages from @first on to the list page. */
static inline u64 guest_list(struct guest *g, u32 first, u32 n)
{
	u64 address;
	u32 i;

	for (i = 0; i < n; i++) {
		address = guest_address(first + i);
		memcpy(guest_page(g, GUEST_LIST_PAGE) + i * 8, &address, 8);
	}
	return guest_address(GUEST_LIST_PAGE);
}

/* System memory of @pages new guest pages; its id, or 0. */
static inline u64 guest_system(struct guest *g, u32 pages, u64 owner,
			       u8 **memory)
{
	u64 r[2], list;

	if (guest_do(g, VGPU_ADMIN_SYSTEM_CREATE, r, pages * 4096ull, 0, owner,
		     0, 0, 0))
		return 0;
	list = guest_list(g, g->next_page, pages);
	*memory = guest_page(g, g->next_page);
	g->next_page += pages;
	if (guest_do(g, VGPU_ADMIN_SYSTEM_PAGES, NULL, r[0], 0, pages, list, 0,
		     0))
		return 0;
	return r[0];
}

/* What client_open() makes, the guest's way; 0 or what went wrong. */
static inline int guest_client(struct guest *g, struct client *c)
{
	u64 r[2], id;
	u8 *mem;

	memset(c, 0, sizeof(*c));
	c->s = g->s;
	if (guest_do(g, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0, 0))
		return -1;
	c->context = (u32)r[0];
	if (guest_do(g, VGPU_ADMIN_COUNTER_CREATE, r, c->context, 0, 0, 0, 0,
		     0))
		return -2;
	c->counter = (u32)r[0];
	id = guest_system(g, 3, c->context, &mem);
	c->ring_object = (u32)id;
	if (!id || guest_do(g, VGPU_ADMIN_RING_CREATE, r, c->context, id,
			    64 | 64ull << 32, VGPU_RING_F_TIMES | 1ull << 32 |
			    1ull << 40, c->counter, 0))
		return -3;
	c->ring = (u32)r[0];
	vgpu_ring_attach(&c->view, mem, 64, 64);
	vgpu_ring_reaper_init(&c->reaper, &c->view);
	id = guest_system(g, CLIENT_SYSTEM_BYTES / 4096, c->context,
			  &c->system_memory);
	c->system = (u32)id;
	if (!id || guest_do(g, VGPU_ADMIN_MAP, r, c->context, id, 0, 0,
			    CLIENT_SYSTEM_BYTES, VGPU_MAP_F_ANYWHERE))
		return -4;
	c->system_address = r[0];
	if (guest_do(g, VGPU_ADMIN_BLOCK_CREATE, r, CLIENT_VRAM_BYTES, 0,
		     c->context, 0, 0, 0))
		return -5;
	c->block = (u32)r[0];
	c->vram_offset = r[1];
	if (guest_do(g, VGPU_ADMIN_MAP, r, c->context, c->block, 0, 0,
		     CLIENT_VRAM_BYTES, VGPU_MAP_F_ANYWHERE))
		return -6;
	c->vram_address = r[0];
	return guest_do(g, VGPU_ADMIN_RING_CONTROL, NULL, c->ring,
			VGPU_RING_START, 0, 0, 0, 0);
}

#endif /* VGPU_MODEL_GUEST_H */
