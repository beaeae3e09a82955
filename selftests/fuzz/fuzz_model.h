/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers of the device model have in common: a small device, the
 * shell of the unit tests, and operations decoded from bytes.  Operands are
 * mostly ids and addresses that exist, so that sequences get deep; one in some
 * is wild.  The model's invariants are checked after each group of operations,
 * and in the end everything must be gone.
 *
 * A fuzzer says by a table of operations what it does, and how often.
 */
#ifndef VGPU_FUZZ_MODEL_H
#define VGPU_FUZZ_MODEL_H

#define SHELL_GUEST_BYTES	(128u << 10)
#define SHELL_KEPT		64u
#include "../unit/model_shell.h"

#define POOL			8u
#define ENTRIES			16u
#define OPERATIONS		400u	/* in one input */

/* What has been made lately, by kind. */
enum pool {
	POOL_CONTEXT, POOL_OBJECT, POOL_RING, POOL_COUNTER, POOL_KERNEL,
	POOL_ADDRESS, POOLS
};

struct world {
	struct shell s;
	const u8 *p;
	const u8 *end;
	u64 pool[POOLS][POOL];
	u32 n_pool[POOLS];
	struct vgpu_ring admin;		/* the driver's view; hdr NULL: none */
	struct vgpu_ring_reaper admin_reaper;
	struct vgpu_ring ring[POOL];	/* beside pool[POOL_RING] */
	struct vgpu_ring_reaper reaper[POOL];
	bool garbled;			/* the admin queue's memory */
};

typedef void (*operation)(struct world *w);

static inline void fuzz_stop(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static inline u8 get8(struct world *w)
{
	return w->p < w->end ? *w->p++ : 0;
}

static inline u32 get16(struct world *w)
{
	u32 low = get8(w);

	return low | (u32)get8(w) << 8;
}

static inline u64 get64(struct world *w)
{
	u64 v = 0;
	u32 i;

	for (i = 0; i < 64; i += 8)
		v |= (u64)get8(w) << i;
	return v;
}

static inline void pool_add(struct world *w, enum pool kind, u64 value)
{
	w->pool[kind][w->n_pool[kind]++ % POOL] = value;
}

static inline u64 pool_get(struct world *w, enum pool kind)
{
	u32 n = min_t(u32, w->n_pool[kind], POOL), i = get8(w);

	return n ? w->pool[kind][i % n] : 0;
}

/* A number of any kind. */
static inline u64 wild(struct world *w)
{
	u8 how = get8(w);

	switch (how % 8) {
	case 0:
		return how / 8;
	case 1:
		return pool_get(w, how / 8 % POOLS);
	case 2:
		return 1ull << (how / 8 + 32 * (get8(w) & 1));
	case 3:
		return U64_MAX - get8(w);
	case 4:
		return (u64)get8(w) << 12;
	case 5:
		return SHELL_GUEST_BASE + ((u64)get16(w) << 3);
	case 6:
		return get16(w);
	default:
		return get64(w);
	}
}

/*
 * Operands by letter: c context, o object, r ring, k counter, n kernel,
 * a address in a context, A address to map at, 4 multiple of 4, b bytes of a
 * block, p pages in bytes, f flags, e entries, R ring flags, g guest's list,
 * G grid, v small value, - none.
 */
static inline u64 operand(struct world *w, char letter)
{
	u8 b;

	switch (letter) {
	case 'c':
		return pool_get(w, POOL_CONTEXT);
	case 'o':
		return pool_get(w, POOL_OBJECT);
	case 'r':
		return pool_get(w, POOL_RING);
	case 'k':
		return pool_get(w, POOL_COUNTER);
	case 'n':
		return pool_get(w, POOL_KERNEL);
	case 'a':
		b = get8(w);
		return pool_get(w, POOL_ADDRESS) + (b & 1 ? b * 4u :
						    (u64)(b / 2) << 8);
	case 'A':
		b = get8(w);
		return b & 1 ? 0 : VGPU_ADDRESS_MIN + (u64)b * 2048;
	case '4':
		return (get8(w) + 1u) * 4;
	case 'b':
		b = get8(w);
		return b & 1 ? (u64)b << 8 : (u64)b << 4;
	case 'p':
		return (get8(w) % 4 + 1u) << 12;
	case 'm':
		return (u64)(get8(w) % 48) << 8;
	case 'f':
		return get8(w) % 4;
	case 'e':
		return ENTRIES | (u64)(get8(w) & 1 ? 8 : ENTRIES) << 32;
	case 'R':
		b = get8(w);
		return (b & 1) | (u64)(b >> 1 & 3) << 32 |
		       (u64)(b >> 3) << 40;
	case 'g':
		return SHELL_GUEST_BASE + 4 * 4096 + (get8(w) & 0x38);
	case 'G':
		b = get8(w);
		return (b & 15) | (u64)(b >> 4) << 32;
	case 'v':
		return get8(w);
	default:
		return 0;
	}
}

/* Fill operands; with a chance of one in four one of them is wild. */
static inline void operands(struct world *w, struct vgpu_cmd *cmd,
			    const char *letters)
{
	u8 twist = get8(w);
	u32 i;

	for (i = 0; i < 6 && letters[i]; i++)
		cmd->op[i] = operand(w, letters[i]);
	if (twist < 64)
		cmd->op[twist % 6] = wild(w);
	if (twist == 64)
		cmd->flags = get16(w);
}

struct admin_form {
	u16 opcode;
	const char *letters;
	enum pool result;
};

static const struct admin_form admin_forms[] = {
	{ VGPU_ADMIN_NOP, "", POOLS },
	{ VGPU_ADMIN_CONTEXT_CREATE, "-", POOL_CONTEXT },
	{ VGPU_ADMIN_CONTEXT_DESTROY, "c", POOLS },
	{ VGPU_ADMIN_BLOCK_CREATE, "b-c", POOL_OBJECT },
	{ VGPU_ADMIN_BLOCK_CREATE, "b", POOL_OBJECT },
	{ VGPU_ADMIN_SYSTEM_CREATE, "p-c", POOL_OBJECT },
	{ VGPU_ADMIN_SYSTEM_PAGES, "ovvg", POOLS },
	{ VGPU_ADMIN_OBJECT_DESTROY, "o", POOLS },
	{ VGPU_ADMIN_OBJECT_INFO, "o", POOLS },
	{ VGPU_ADMIN_OBJECT_PIN, "of", POOLS },
	{ VGPU_ADMIN_MAP, "coAmbf", POOL_ADDRESS },
	{ VGPU_ADMIN_MAP, "co--b-", POOL_ADDRESS },
	{ VGPU_ADMIN_UNMAP, "ca", POOLS },
	{ VGPU_ADMIN_RING_CREATE, "coeRkf", POOL_RING },
	{ VGPU_ADMIN_RING_DESTROY, "r", POOLS },
	{ VGPU_ADMIN_RING_CONTROL, "rv", POOLS },
	{ VGPU_ADMIN_RING_CONTROL, "rf", POOLS },
	{ VGPU_ADMIN_RING_INFO, "r", POOLS },
	{ VGPU_ADMIN_COUNTER_CREATE, "cv", POOL_COUNTER },
	{ VGPU_ADMIN_COUNTER_DESTROY, "k", POOLS },
	{ VGPU_ADMIN_COUNTER_SIGNAL, "kv", POOLS },
	{ VGPU_ADMIN_COUNTER_READ, "k", POOLS },
	{ VGPU_ADMIN_KERNEL_CREATE, "co-p", POOL_KERNEL },
	{ VGPU_ADMIN_KERNEL_DESTROY, "n", POOLS },
	{ VGPU_ADMIN_KERNEL_INFO, "n", POOLS },
	{ VGPU_ADMIN_COMPACT, "p", POOLS },
};

/* The driver's view of a ring whose memory is at @mem. */
static inline void ring_seen(struct world *w, u64 id, void *mem, u64 entries)
{
	u32 i = w->n_pool[POOL_RING] % POOL;

	vgpu_ring_attach(&w->ring[i], mem, (u32)entries, entries >> 32);
	vgpu_ring_reaper_init(&w->reaper[i], &w->ring[i]);
	pool_add(w, POOL_RING, id);
}

/* A ring's memory goes with its object: forget views into it. */
static inline void rings_forget(struct world *w)
{
	u32 i, k;

	for (i = 0; i < POOL; i++) {
		bool there = false;

		for (k = 0; k <= w->s.config.max_objects && !there; k++)
			there = w->s.objects[k].own &&
				(u8 *)w->ring[i].hdr == w->s.objects[k].own;
		if (!there && w->ring[i].hdr &&
		    !((u8 *)w->ring[i].hdr >= w->s.guest &&
		      (u8 *)w->ring[i].hdr < w->s.guest + SHELL_GUEST_BYTES))
			w->ring[i].hdr = NULL;
	}
}

static inline void do_admin_direct(struct world *w)
{
	const struct admin_form *f = &admin_forms[get8(w) %
						  ARRAY_SIZE(admin_forms)];
	struct vgpu_cmd cmd = { .opcode = f->opcode };
	struct shell *s = &w->s;
	u64 r[2];
	void *mem;

	operands(w, &cmd, f->letters);
	if (cmd.opcode == VGPU_ADMIN_SYSTEM_CREATE)
		cmd.op[0] = min_t(u64, cmd.op[0], 64u << 10);
	if (cmd.opcode == VGPU_ADMIN_MAP && f->letters[2] == '-')
		cmd.op[5] |= VGPU_MAP_F_ANYWHERE;
	if (cmd.opcode == VGPU_ADMIN_COMPACT) {
		vgpu_model_compact(s->m, cmd.op[0]);
		return;
	}
	shell_grow(s, vgpu_model_takes(cmd.opcode));
	if (vgpu_model_admin(s->m, &cmd, r))
		return;
	if (cmd.opcode == VGPU_ADMIN_SYSTEM_CREATE) {
		shell_drop_object(s, r[0] & 0xffff);
		shell_system_memory(s, (u32)r[0], cmd.op[0]);
	}
	if (cmd.opcode == VGPU_ADMIN_RING_CREATE) {
		mem = s->objects[cmd.op[1] & 0xffff].own;
		if (!vgpu_model_ring_memory(s->m, (u32)r[0], mem))
			ring_seen(w, r[0], mem, cmd.op[2]);
		return;
	}
	if (f->result != POOLS)
		pool_add(w, f->result, r[0]);
}

/* The same through the admin queue; answers come by do_reap(). */
static inline void do_admin_queue(struct world *w)
{
	u8 which = get8(w) % ARRAY_SIZE(admin_forms);
	struct vgpu_cmd cmd = { .opcode = admin_forms[which].opcode };
	bool doorbell;

	operands(w, &cmd, admin_forms[which].letters);
	if (cmd.opcode == VGPU_ADMIN_MAP &&
	    admin_forms[which].letters[2] == '-')
		cmd.op[5] |= VGPU_MAP_F_ANYWHERE;
	if (cmd.opcode == VGPU_ADMIN_SYSTEM_PAGES && cmd.op[1] > 3) {
		cmd.op[1] = 0;
		cmd.op[2] = cmd.op[2] % 5;
	}
	if (cmd.opcode == VGPU_ADMIN_KERNEL_CREATE)
		cmd.op[3] = cmd.op[3] / 2;
	/* A driver knows what it asked for. */
	cmd.user_data = which | cmd.op[1] << 8 | cmd.op[2] << 32;
	if (!w->admin.hdr)
		return;
	vgpu_ring_submit(&w->admin, &cmd, 1, 1, &doorbell);
	if (doorbell || get8(w) & 1)
		vgpu_model_bar0_write(w->s.m, VGPU_REG_ADMIN_DOORBELL, 4, 1);
}

static inline void admin_answered(struct world *w,
				  const struct vgpu_admin_completion *c)
{
	const struct admin_form *f = &admin_forms[c->user_data %
						  ARRAY_SIZE(admin_forms)];
	struct shell_object *o;
	u32 sq = c->user_data >> 32 & 0xffff;

	if (!w->garbled && (c->status > 0 || c->status < -4095))
		fuzz_stop("a status that is none");
	if (c->status || f->result == POOLS)
		return;
	if (f->result != POOL_RING) {
		pool_add(w, f->result, c->result[0]);
		return;
	}
	/* The object's index was the second operand. */
	o = &w->s.objects[(c->user_data >> 8 & 0xffff) %
			  (w->s.config.max_objects + 1)];
	if (w->garbled || !o->pages || !vgpu_ring_entries_valid(sq) || sq > ENTRIES)
		return;
	ring_seen(w, c->result[0], o->page[0], sq | 8ull << 32);
	w->ring[(w->n_pool[POOL_RING] - 1) % POOL].cq_entries = 8;
}

/* Read completions, of the admin queue and of rings; give room back. */
static inline void do_reap(struct world *w)
{
	union {
		struct vgpu_completion c;
		struct vgpu_admin_completion a;
	} done;
	u32 i, n;

	for (i = 0; w->admin.hdr && i < ENTRIES; i++) {
		if (!vgpu_ring_reap(&w->admin_reaper, &done.c, 1))
			break;
		admin_answered(w, &done.a);
	}
	if (w->admin.hdr && vgpu_ring_reap_release(&w->admin_reaper))
		vgpu_model_bar0_write(w->s.m, VGPU_REG_ADMIN_DOORBELL, 4, 1);
	rings_forget(w);
	for (i = 0; i < POOL; i++) {
		if (!w->ring[i].hdr)
			continue;
		for (n = 0; n < ENTRIES; n++)
			if (!vgpu_ring_reap(&w->reaper[i], &done.c, 1))
				break;
		if (vgpu_ring_reap_release(&w->reaper[i]))
			vgpu_model_kick(w->s.m, (u32)w->pool[POOL_RING][i]);
	}
}

static const char *const command_forms[VGPU_CMD_OPCODES] = {
	[VGPU_CMD_NOP] = "", [VGPU_CMD_SYNC] = "", [VGPU_CMD_UPLOAD] = "aa4",
	[VGPU_CMD_DOWNLOAD] = "aa4", [VGPU_CMD_COPY] = "aa4",
	[VGPU_CMD_CLEAR] = "a4v", [VGPU_CMD_LAUNCH] = "nGva-",
	[VGPU_CMD_WAIT] = "kv", [VGPU_CMD_SIGNAL] = "kv",
};

static inline struct vgpu_ring *some_ring(struct world *w, u32 *id)
{
	u32 n = min_t(u32, w->n_pool[POOL_RING], POOL), i = get8(w);

	rings_forget(w);
	if (!n || !w->ring[i % n].hdr)
		return NULL;
	*id = (u32)w->pool[POOL_RING][i % n];
	return &w->ring[i % n];
}

static inline void do_command(struct world *w)
{
	struct vgpu_cmd cmd = { 0 };
	u32 id = 0, op = get8(w), n = 1 + op / 64;
	struct vgpu_ring *r = some_ring(w, &id);
	bool doorbell = false;
	u8 flags;

	cmd.opcode = op % (VGPU_CMD_OPCODES + 1);
	operands(w, &cmd, cmd.opcode < VGPU_CMD_OPCODES ?
			  command_forms[cmd.opcode] : "vvvvvv");
	if (cmd.opcode == VGPU_CMD_LAUNCH) {
		cmd.op[2] = 1 + (cmd.op[2] & 3);
		cmd.op[3] &= ~15ull;
	}
	flags = get8(w);
	cmd.flags |= flags & VGPU_CMD_F_ALL;
	if (cmd.opcode != VGPU_CMD_LAUNCH)
		cmd.flags &= ~VGPU_CMD_F_IDEMPOTENT;
	if (flags & VGPU_CMD_F_SIGNAL)
		cmd.op[5] = flags >> 4;
	while (r && n--)
		vgpu_ring_submit(r, &cmd, 1, 1, &doorbell);
	if (doorbell || flags & 0x80)
		vgpu_model_kick(w->s.m, id);
}

/* What a program may do to its ring's memory, or a driver to the queue's. */
static inline void do_garbage(struct world *w)
{
	u32 id, how = get8(w), at = get16(w);
	struct vgpu_ring *r = how & 1 && w->admin.hdr ? &w->admin :
							some_ring(w, &id);
	u64 value = wild(w);

	if (!r)
		return;
	w->garbled = true;
	switch (how / 2 % 6) {
	case 0:
		r->hdr->cq_head = value;
		break;
	case 1:
		r->hdr->sq_tail = value;
		break;
	case 2:
		vgpu_ring_slot(r, at)->seq = (u32)value;
		break;
	case 3:
		memcpy((u8 *)r->sq + at % (r->sq_entries * 64 - 8), &value, 8);
		break;
	case 4:
		memcpy((u8 *)r->cq + at % (r->cq_entries * 32 - 8), &value, 8);
		break;
	default:
		memcpy((u8 *)r->hdr + at % 4088, &value, 8);
		break;
	}
}

static inline void do_run(struct world *w)
{
	struct shell *s = &w->s;
	u8 how = get8(w);

	s->batch = 1 + (how & 15);
	/* Positive numbers are what only a worker that lies would say. */
	s->fail = how >> 4 == 15 ? 100 - (s32)get8(w) : 0;
	s->build_status = s->fail;
	shell_run_for(s, 1 + (how >> 4 & 3));
	s->fail = 0;
	s->build_status = 0;
}

static inline void do_keep(struct world *w)
{
	static const u32 keep[] = {
		0, 1u << VGPU_WORK_LAUNCH, 1u << VGPU_WORK_MOVE, U32_MAX,
		1u << VGPU_WORK_COPY | 1u << VGPU_WORK_CLEAR,
		1u << VGPU_WORK_FETCH, 1u << VGPU_WORK_SCRUB,
		1u << VGPU_WORK_BUILD | 1u << VGPU_WORK_PIN,
		1u << VGPU_WORK_RING_ATTACH | 1u << VGPU_WORK_ADMIN_ATTACH,
	};
	u8 how = get8(w);

	w->s.poor = how % 16 == 15;
	w->s.keep = how < 200 ? keep[how % ARRAY_SIZE(keep)] : get16(w);
	/* What is not reported cannot be late. */
	w->s.keep &= ~(1u << VGPU_WORK_UNPIN | 1u << VGPU_WORK_INTERRUPT |
		       1u << VGPU_WORK_RING_DETACH | 1u << VGPU_WORK_DROP |
		       1u << VGPU_WORK_ADMIN_DETACH);
}

/* Report one that was kept back; once more must be refused. */
static inline void do_report(struct world *w)
{
	struct shell *s = &w->s;
	u8 how = get8(w);
	struct vgpu_work x;
	u32 i;

	if (!s->n_kept)
		return;
	i = how % s->n_kept;
	x = s->kept[i];
	s->fail = how & 0x40 ? -EIO : 0;
	s->build_status = how & 0x80 ? -EINVAL : 0;
	shell_release_one(s, i);
	s->fail = 0;
	s->build_status = 0;
	for (i = 0; i < s->n_kept; i++)
		if (s->kept[i].id == x.id)
			return;
	if (x.id && vgpu_model_done(s->m, x.id, 0, s->now_ns, 0) != -ENOENT)
		fuzz_stop("a second report was taken");
}

/* A report of what nobody asked for. */
static inline void do_lie(struct world *w)
{
	struct shell *s = &w->s;
	u32 i, id = (u32)(get8(w) % 8) << 28 | (u32)(get8(w) & 3) << 16 |
		    get8(w) % 32;

	for (i = 0; i < s->n_kept; i++)
		if (s->kept[i].id == id)
			return;
	if (vgpu_model_done(s->m, id, 0, s->now_ns, 0) != -ENOENT ||
	    vgpu_model_built(s->m, id, 0, &s->info, 0) != -ENOENT ||
	    vgpu_model_ring_attach(s->m, id, NULL) != -ENOENT ||
	    vgpu_model_admin_attach(s->m, id, -EIO, NULL) != -ENOENT)
		fuzz_stop("a report of nothing was taken");
}

static inline void do_tick(struct world *w)
{
	w->s.now_ns += (u64)get8(w) << 12;
	vgpu_model_tick(w->s.m, w->s.now_ns);
}

static inline void do_engine(struct world *w)
{
	bool present = get8(w) & 3;

	vgpu_model_engine(w->s.m, present, w->s.now_ns);
	if (!present)
		shell_forget_launches(&w->s);
}

static inline void do_reset(struct world *w)
{
	/* Rare, or nothing gets deep. */
	if (get8(w) > 40)
		return;
	vgpu_model_reset(w->s.m);
	w->admin.hdr = NULL;
}

static inline void do_gone(struct world *w)
{
	vgpu_model_system_gone(w->s.m, (u32)pool_get(w, POOL_OBJECT));
}

static inline void do_kick(struct world *w)
{
	u32 ring = (u32)pool_get(w, POOL_RING), page = get8(w) % 8;

	vgpu_model_bar0_write(w->s.m, VGPU_BAR0_DOORBELLS +
			      page * VGPU_DOORBELL_PAGE, 4, ring);
	vgpu_model_kick(w->s.m, ring);
}

/* The driver sees whether its queue has gone; all ones in D3hot. */
static inline void forget_admin(struct world *w)
{
	u64 status = vgpu_model_bar0_read(w->s.m, VGPU_REG_STATUS, 4, 0);

	if (status == U64_MAX ||
	    !(status & (VGPU_STATUS_ENABLED | VGPU_STATUS_BUSY)))
		w->admin.hdr = NULL;
}

static inline void do_bar0(struct world *w)
{
	u32 how = get8(w), size = how & 3 ? 4 : how & 4 ? 8 : get8(w);
	u64 offset = how & 8 ? wild(w) : (get8(w) & 63) * 4u;

	if (how & 16)
		vgpu_model_bar0_write(w->s.m, offset, size, wild(w));
	else
		vgpu_model_bar0_read(w->s.m, offset, size, w->s.now_ns);
	forget_admin(w);
}

static inline void do_bar4(struct world *w)
{
	u32 how = get8(w), size = how & 3 ? 4 : how & 4 ? 8 : get8(w);
	u64 offset = how & 8 ? wild(w) : (get8(w) & 127) * 4u;

	if (how & 16)
		vgpu_model_bar4_write(w->s.m, offset, size, wild(w));
	else
		vgpu_model_bar4_read(w->s.m, offset, size);
}

static inline void do_config(struct world *w)
{
	/* Command, BARs, power, MSI-X and PCI Express control. */
	static const u8 known[] = { 0x04, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x44,
				    0x50, 0x68, 0x68, 0x44, 0x50 };
	static const u32 values[] = { 0, 3, 0x80000000, 0xc0000000, 0x8000,
				      1, 0xffffffff, 0x40000000 };
	u32 how = get8(w), size = 1u << (how & 3), at = get8(w);
	u32 offset = how & 4 ? get16(w) : at & -size;

	if (how & 16) {
		size = 4;
		offset = known[at % ARRAY_SIZE(known)];
	}
	if (how & 32)
		vgpu_model_config_write(w->s.m, offset, size,
					values[how >> 6 | (at & 0x80) >> 5]);
	else if (how & 8)
		vgpu_model_config_write(w->s.m, offset, size, (u32)wild(w));
	else
		vgpu_model_config_read(w->s.m, offset, size);
	forget_admin(w);
}

/* As a driver does it: registers, enable, and wait for the end of it. */
static inline void do_enable(struct world *w)
{
	struct vgpu_model *m = w->s.m;
	u32 i;
	u64 page;

	vgpu_model_config_write(m, 0x44, 2, 0);		/* D0 */
	if (vgpu_model_bar0_read(m, VGPU_REG_STATUS, 4, 0) &
	    VGPU_STATUS_ENABLED)
		return;
	vgpu_model_bar0_write(m, VGPU_REG_ACCEPTED_LO, 8, ~0ull);
	vgpu_model_bar0_write(m, VGPU_REG_ADMIN_LO, 8, SHELL_GUEST_BASE);
	vgpu_model_bar0_write(m, VGPU_REG_ADMIN_ENTRIES, 4,
			      ENTRIES | ENTRIES << 16);
	vgpu_model_bar0_write(m, VGPU_REG_CONTROL, 4, VGPU_CONTROL_ENABLE);
	w->s.keep &= ~(1u << VGPU_WORK_ADMIN_ATTACH);
	shell_run_for(&w->s, 4);
	if (!(vgpu_model_bar0_read(m, VGPU_REG_STATUS, 4, 0) &
	      VGPU_STATUS_ENABLED))
		return;
	vgpu_ring_attach(&w->admin, w->s.guest, ENTRIES, ENTRIES);
	vgpu_ring_reaper_init(&w->admin_reaper, &w->admin);
	/* Lists of pages for SYSTEM_PAGES. */
	for (i = 0; i < 16; i++) {
		page = SHELL_GUEST_BASE + (8 + i) * 4096ull;
		memcpy(w->s.guest + 4 * 4096 + i * 8, &page, 8);
	}
}

static inline void fuzz_config_of(struct vgpu_model_config *c)
{
	shell_config(c);
	c->vram_bytes = 256u << 10;
	c->bank_shift = 16;
	c->max_contexts = 3;
	c->max_objects = 20;
	c->max_mappings = 24;
	c->max_rings = 5;
	c->max_counters = 5;
	c->max_kernels = 4;
	c->max_jobs = 9;
	c->max_entries = ENTRIES;
	c->launch_timeout_ns = 100000;
}

static inline void fuzz_check(struct world *w)
{
	const char *bad = vgpu_model_check(w->s.m);

	if (bad)
		fuzz_stop(bad);
	if (w->s.wrong)
		fuzz_stop(w->s.wrong);
}

static inline void fuzz_operations(struct world *w, const operation *ops,
				   u32 n)
{
	u32 i;

	for (i = 0; w->p < w->end && i < OPERATIONS; i++) {
		u8 op = get8(w);

		ops[op % n](w);
		if (w->s.wrong || i % 4 == 3)
			fuzz_check(w);
	}
	fuzz_check(w);
}

/* Reset, report everything, and nothing may be left. */
static inline void fuzz_end(struct world *w)
{
	struct vgpu_model_stats st;
	struct shell *s = &w->s;
	u32 i;

	vgpu_model_reset(s->m);
	fuzz_check(w);
	s->keep = 0;
	s->poor = false;
	s->batch = 16;
	for (i = 0; i < 3; i++) {
		shell_release(s);
		if (!shell_run_for(s, 1000))
			fuzz_stop("it never comes to rest");
	}
	fuzz_check(w);
	vgpu_model_stats(s->m, &st);
	if (st.vram_used || st.contexts || st.objects || st.mappings ||
	    st.rings || st.counters || st.kernels || st.in_flight ||
	    vgpu_account_current(&s->gpu))
		fuzz_stop("something is left");
	shell_close(s);
}

static inline void fuzz_begin(struct world *w, const u8 *data, size_t size)
{
	struct vgpu_model_config c;

	fuzz_config_of(&c);
	memset((u8 *)w + sizeof(w->s), 0, sizeof(*w) - sizeof(w->s));
	if (shell_open(&w->s, &c))
		fuzz_stop("the device cannot be made");
	w->s.info.used = w->s.info.written = 1;
	w->p = data;
	w->end = data + size;
}

/* A context, two rings that run, memory mapped, a kernel: to start from. */
static inline void fuzz_furnish(struct world *w)
{
	struct shell *s = &w->s;
	struct vgpu_kernel_info info = s->info;
	u64 r[2], ctx, counter, object;
	u32 i, kernel;
	void *mem;

	shell_admin(s, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0, 0);
	ctx = r[0];
	pool_add(w, POOL_CONTEXT, ctx);
	shell_admin(s, VGPU_ADMIN_COUNTER_CREATE, r, ctx, 0, 0, 0, 0, 0);
	counter = r[0];
	pool_add(w, POOL_COUNTER, counter);
	for (i = 0; i < 2; i++) {
		shell_admin(s, VGPU_ADMIN_SYSTEM_CREATE, r, 8192, 0, ctx, 0, 0,
			    0);
		object = r[0];
		mem = shell_system_memory(s, (u32)object, 8192);
		shell_admin(s, VGPU_ADMIN_RING_CREATE, r, ctx, object,
			    ENTRIES | (u64)ENTRIES << 32,
			    1 | (u64)(i + 1) << 32, counter, 0);
		vgpu_model_ring_memory(s->m, (u32)r[0], mem);
		ring_seen(w, r[0], mem, ENTRIES | (u64)ENTRIES << 32);
		shell_admin(s, VGPU_ADMIN_RING_CONTROL, NULL, r[0],
			    VGPU_RING_START, 0, 0, 0, 0);
	}
	for (i = 0; i < 6; i++) {
		if (i & 1) {
			shell_admin(s, VGPU_ADMIN_SYSTEM_CREATE, r, 4096, 0,
				    ctx, 0, 0, 0);
			shell_system_memory(s, (u32)r[0], 4096);
		} else {
			shell_admin(s, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				    ctx, 0, 0, 0);
		}
		pool_add(w, POOL_OBJECT, r[0]);
		shell_admin(s, VGPU_ADMIN_MAP, r, ctx, r[0], 0, 0, 4096,
			    VGPU_MAP_F_ANYWHERE | (i == 4));
		pool_add(w, POOL_ADDRESS, r[0]);
	}
	vgpu_model_engine(s->m, true, s->now_ns);
	shell_kernel(s, (u32)ctx, &info, 7, &kernel);
	pool_add(w, POOL_KERNEL, kernel);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#endif /* VGPU_FUZZ_MODEL_H */
