/* SPDX-License-Identifier: MIT */
/*
 * A shell for the device model in tests and fuzzers: memory by malloc, a guest
 * memory that PIN and ATTACH find by address, and work items executed on the
 * spot or kept back, as the test wants it.  It follows the rules of model.h to
 * the letter and checks what comes out against them.
 */
#ifndef VGPU_MODEL_SHELL_H
#define VGPU_MODEL_SHELL_H

#include "model.h"
#include "account.h"

#ifndef SHELL_GUEST_BYTES
#define SHELL_GUEST_BYTES	(4u << 20)
#endif
#ifndef SHELL_KEPT
#define SHELL_KEPT		4096u
#endif
#define SHELL_GUEST_BASE	0x100000ull

struct shell_object {
	u64 pages;
	u8 **page;		/* where each page lies */
	u8 *own;		/* memory of the shell's own, or NULL */
};

struct shell {
	struct vgpu_model *m;
	size_t bytes;			/* of memory that it began with */
	struct vgpu_model_config config;
	struct vgpu_account gpu;
	u8 *vram;
	u8 *guest;
	struct shell_object *objects;	/* by the index in an object's id */
	struct vgpu_work kept[SHELL_KEPT];
	u32 n_kept;
	u32 keep;			/* bit set of kinds to keep back */
	s32 fail;			/* status for what is executed */
	bool poor;			/* there is no memory to grow */
	u32 grown;			/* how often it has grown */
	s32 build_status;		/* of a BUILD */
	u32 batch;			/* items asked for at once, 0: 16 */
	u64 now_ns;
	u64 step_ns;			/* each call of run takes this long */
	u32 interrupts[VGPU_MSIX_VECTORS];
	u32 executed[VGPU_WORK_INTERRUPT + 1];
	u64 bytes_executed;
	const char *wrong;		/* a rule of model.h that was broken */
	struct vgpu_kernel_info info;	/* what every BUILD says */
	u32 detached;			/* ring of the last RING_DETACH */
	u64 dropped;			/* token of the last DROP */
	void (*on_launch)(struct shell *s, const struct vgpu_launch *l);
};

static inline void shell_config(struct vgpu_model_config *c)
{
	memset(c, 0, sizeof(*c));
	c->vram_bytes = 16u << 20;
	c->bank_shift = 22;
	c->features = VGPU_FEATURE_TIMES | VGPU_FEATURE_SPIRV |
		      VGPU_FEATURE_COMPACT | VGPU_FEATURE_IDEMPOTENT |
		      VGPU_FEATURE_POLL;
	c->subdevice = VGPU_PCI_SUBDEVICE_VGPU;
	c->max_contexts = 16;
	c->max_objects = 256;
	c->max_mappings = 256;
	c->max_rings = 16;
	c->max_counters = 32;
	c->max_kernels = 16;
	c->max_jobs = 32;
	c->max_entries = 256;
}

static inline void *shell_zalloc(size_t bytes)
{
	size_t whole = (bytes + VGPU_MODEL_ALIGN - 1) & -VGPU_MODEL_ALIGN;
	void *mem = aligned_alloc(VGPU_MODEL_ALIGN, whole);

	if (mem)
		memset(mem, 0, whole);
	return mem;
}

/* The device begins with as little memory as can be, so that all grow. */
static inline int shell_open(struct shell *s,
			     const struct vgpu_model_config *config)
{
	int i;

	memset(s, 0, offsetof(struct shell, kept));
	memset(&s->n_kept, 0, sizeof(*s) - offsetof(struct shell, n_kept));
	if (config)
		s->config = *config;
	else
		shell_config(&s->config);
	vgpu_account_init(&s->gpu, U64_MAX, NULL);
	s->config.account = &s->gpu;
	s->bytes = vgpu_model_least_bytes(&s->config);
	if (!s->bytes)
		return -EINVAL;
	s->m = shell_zalloc(s->bytes);
	s->vram = calloc(1, s->config.vram_bytes);
	s->guest = aligned_alloc(4096, SHELL_GUEST_BYTES);
	memset(s->guest, 0, SHELL_GUEST_BYTES);
	s->objects = calloc(s->config.max_objects + 1, sizeof(*s->objects));
	s->step_ns = 1000;
	s->now_ns = 1;
	for (i = 0; i < 3; i++)
		s->info.workgroup[i] = 1;
	return vgpu_model_init(s->m, s->bytes, &s->config);
}

static inline void shell_model_end(struct shell *s)
{
	void *mem;

	vgpu_model_fini(s->m);
	while ((mem = vgpu_model_reclaim(s->m)))
		free(mem);
}

/* A new device in the place of the old one. */
static inline int shell_again(struct shell *s)
{
	shell_model_end(s);
	memset(s->m, 0, s->bytes);
	return vgpu_model_init(s->m, s->bytes, &s->config);
}

/* Give the device what it lacks for one more of @what. */
static inline int shell_grow(struct shell *s, u32 what)
{
	size_t bytes = vgpu_model_short(s->m, what);

	if (!bytes)
		return 0;
	if (s->poor)
		return -ENOMEM;
	free(vgpu_model_grow(s->m, what, shell_zalloc(bytes), bytes));
	s->grown++;
	if (vgpu_model_short(s->m, what))
		s->wrong = "it is short of what it just got";
	return 0;
}

static inline void shell_drop_object(struct shell *s, u32 index)
{
	free(s->objects[index].page);
	free(s->objects[index].own);
	memset(&s->objects[index], 0, sizeof(s->objects[index]));
}

static inline void shell_close(struct shell *s)
{
	u32 i;

	shell_model_end(s);
	for (i = 0; i <= s->config.max_objects; i++)
		shell_drop_object(s, i);
	free(s->objects);
	free(s->guest);
	free(s->vram);
	free(s->m);
}

static inline u8 *shell_guest(struct shell *s, u64 address, u64 bytes)
{
	u64 offset = address - SHELL_GUEST_BASE;

	if (address < SHELL_GUEST_BASE || bytes > SHELL_GUEST_BYTES ||
	    offset > SHELL_GUEST_BYTES - bytes)
		return NULL;
	return s->guest + offset;
}

/* Where @mem lies, and how many bytes from there on are contiguous. */
static inline u8 *shell_at(struct shell *s, const struct vgpu_mem *mem,
			   u64 skip, u64 *run)
{
	u64 offset = mem->offset + skip;
	struct shell_object *o;

	if (!mem->object) {
		if (offset >= s->config.vram_bytes) {
			s->wrong = "a work item beyond VRAM";
			return NULL;
		}
		*run = s->config.vram_bytes - offset;
		return s->vram + offset;
	}
	o = &s->objects[mem->object & 0xffff];
	if (offset / 4096 >= o->pages || !o->page[offset / 4096]) {
		s->wrong = "a work item on a page that was never given";
		return NULL;
	}
	*run = 4096 - offset % 4096;
	return o->page[offset / 4096] + offset % 4096;
}

static inline void shell_copy(struct shell *s, const struct vgpu_work *w)
{
	u64 done, n, to_run, from_run = 0;
	u8 *to, *from = NULL;
	u64 i;

	for (done = 0; done < w->bytes && !s->wrong; done += n) {
		to_run = w->bytes;
		if (w->kind == VGPU_WORK_FETCH)
			to = (u8 *)w->buffer + done;
		else
			to = shell_at(s, &w->to, done, &to_run);
		if (w->kind == VGPU_WORK_COPY || w->kind == VGPU_WORK_FETCH ||
		    w->kind == VGPU_WORK_MOVE)
			from = shell_at(s, &w->from, done, &from_run);
		else
			from_run = w->bytes;
		if (s->wrong)
			return;
		n = min_t(u64, to_run, from_run);
		n = min_t(u64, w->bytes - done, n);
		if (w->kind == VGPU_WORK_CLEAR)
			for (i = 0; i < n; i += 4)
				memcpy(to + i, &w->pattern, 4);
		else if (w->kind == VGPU_WORK_SCRUB)
			memset(to, 0, n);
		else if (w->kind == VGPU_WORK_MOVE)
			memmove(to, from, n);
		else
			memcpy(to, from, n);
	}
	s->bytes_executed += w->bytes;
}

/* An object whose pages the shell knows at once, as the direct way has it. */
static inline u8 *shell_system_memory(struct shell *s, u32 id, u64 bytes)
{
	struct shell_object *o = &s->objects[id & 0xffff];
	u64 i;

	o->own = aligned_alloc(4096, bytes);
	memset(o->own, 0, bytes);
	o->pages = bytes / 4096;
	o->page = calloc(o->pages, sizeof(*o->page));
	for (i = 0; i < o->pages; i++)
		o->page[i] = o->own + i * 4096;
	return o->own;
}

static inline s32 shell_pin(struct shell *s, const struct vgpu_work *w)
{
	struct shell_object *o = &s->objects[w->to.object & 0xffff];
	u64 first = w->to.offset / 4096, i, address;
	u8 *list = shell_guest(s, w->address, w->arg * 8ull);
	u8 **more;

	if (!list)
		return -EFAULT;
	more = realloc(o->page, (first + w->arg) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	o->page = more;
	for (i = 0; i < w->arg; i++) {
		memcpy(&address, list + i * 8, 8);
		o->page[first + i] = address & 4095 ? NULL :
				     shell_guest(s, address, 4096);
		if (!o->page[first + i])
			return -EFAULT;
	}
	o->pages = first + w->arg;
	return 0;
}

/* Ring memory must be contiguous: the shell of a test takes only such. */
static inline void *shell_contiguous(struct shell *s, const struct vgpu_work *w)
{
	struct shell_object *o = &s->objects[w->from.object & 0xffff];
	u64 i;

	if (o->pages * 4096 < w->bytes) {
		s->wrong = "ring memory that is too short";
		return NULL;
	}
	for (i = 1; i < (w->bytes + 4095) / 4096; i++)
		if (o->page[i] != o->page[i - 1] + 4096)
			return NULL;
	return o->page[0];
}

static inline void shell_done(struct shell *s, u32 id, s32 status)
{
	if (vgpu_model_done(s->m, id, status, s->now_ns, 500))
		s->wrong = "a report of an item that is out was refused";
}

/* What an item touches: up to two pieces, and a launch's ranges. */
struct shell_piece {
	u32 object;
	u64 offset;
	u64 bytes;
};

static inline u32 shell_pieces(const struct vgpu_work *w, struct shell_piece *p)
{
	u32 i, n = 0;

	switch (w->kind) {
	case VGPU_WORK_COPY:
	case VGPU_WORK_MOVE:
	case VGPU_WORK_CLEAR:
	case VGPU_WORK_SCRUB:
		p[n++] = (struct shell_piece){ w->to.object, w->to.offset,
					       w->bytes };
		if (w->kind == VGPU_WORK_CLEAR || w->kind == VGPU_WORK_SCRUB)
			break;
		p[n++] = (struct shell_piece){ w->from.object, w->from.offset,
					       w->bytes };
		break;
	case VGPU_WORK_FETCH:
	case VGPU_WORK_BUILD:
	case VGPU_WORK_RING_ATTACH:
		p[n++] = (struct shell_piece){ w->from.object, w->from.offset,
					       w->bytes };
		break;
	case VGPU_WORK_PIN:
	case VGPU_WORK_UNPIN:
		p[n++] = (struct shell_piece){ w->to.object, 0, U64_MAX };
		break;
	case VGPU_WORK_LAUNCH:
		for (i = 0; i < w->launch->n_ranges; i++) {
			const struct vgpu_range *r = &w->launch->ranges[i];

			if (r->bytes)
				p[n++] = (struct shell_piece){ 0, r->address,
							       r->bytes };
		}
		break;
	default:
		break;
	}
	return n;
}

/* Whether an item takes memory away from whoever used it. */
static inline bool shell_takes_away(const struct vgpu_work *w)
{
	return w->kind == VGPU_WORK_SCRUB || w->kind == VGPU_WORK_MOVE ||
	       w->kind == VGPU_WORK_UNPIN;
}

static inline bool shell_pieces_meet(const struct shell_piece *a,
				     const struct shell_piece *b)
{
	return a->object == b->object && a->offset < b->offset + b->bytes &&
	       b->offset < a->offset + a->bytes;
}

static inline const char *shell_vram_piece(struct shell *s,
					   const struct vgpu_work *w,
					   const struct shell_piece *p)
{
	u64 start, bytes, end = 0;
	bool pinned;
	u32 object;

	if (p->object || w->kind == VGPU_WORK_MOVE || w->kind == VGPU_WORK_PIN)
		return NULL;
	if (p->offset >= s->config.vram_bytes ||
	    p->bytes > s->config.vram_bytes - p->offset)
		return "an item that reaches beyond VRAM";
	/* It lies in one block, that is still there. */
	for (start = 0; vgpu_model_next_block(s->m, start, &object, &start,
					      &bytes, &pinned); start = end) {
		end = start + bytes;
		if (p->offset < start)
			break;
		if (p->offset < end)
			return p->offset + p->bytes <= end ? NULL :
				"an item that reaches beyond its block";
	}
	return "an item on VRAM that is nobody's";
}

/* Hold an item that comes out against the rules, and against what is out. */
static inline void shell_judge(struct shell *s, const struct vgpu_work *w)
{
	struct shell_piece mine[VGPU_MAX_RANGES], other[VGPU_MAX_RANGES];
	u32 i, k, l, o, n = shell_pieces(w, mine);

	for (i = 0; i < n && !s->wrong; i++)
		s->wrong = shell_vram_piece(s, w, &mine[i]);
	if (w->kind == VGPU_WORK_COPY && shell_pieces_meet(&mine[0], &mine[1]))
		s->wrong = "a copy onto itself";
	if (w->kind == VGPU_WORK_MOVE && w->to.offset >= w->from.offset)
		s->wrong = "a move upwards";
	for (i = 0; i < s->n_kept; i++) {
		const struct vgpu_work *x = &s->kept[i];

		if (x->id && x->id == w->id && x->kind != w->kind)
			s->wrong = "two kinds of items with one id";
		if (!shell_takes_away(w) && !shell_takes_away(x))
			continue;
		o = shell_pieces(x, other);
		for (k = 0; k < n; k++)
			for (l = 0; l < o; l++)
				if (shell_pieces_meet(&mine[k], &other[l]))
					s->wrong = "memory taken that an item uses";
	}
}

static inline void shell_execute(struct shell *s, const struct vgpu_work *w)
{
	s32 status = s->fail;
	void *mem;

	s->executed[w->kind]++;
	switch (w->kind) {
	case VGPU_WORK_COPY:
	case VGPU_WORK_CLEAR:
	case VGPU_WORK_FETCH:
	case VGPU_WORK_SCRUB:
	case VGPU_WORK_MOVE:
		if (!status || w->kind == VGPU_WORK_SCRUB)
			shell_copy(s, w);
		shell_done(s, w->id, w->kind == VGPU_WORK_SCRUB ? 0 : status);
		break;
	case VGPU_WORK_LAUNCH:
		if (s->on_launch)
			s->on_launch(s, w->launch);
		shell_done(s, w->id, status);
		break;
	case VGPU_WORK_CANCEL:
		/* What is kept back must be reported; see shell_report(). */
		break;
	case VGPU_WORK_ADMIN_ATTACH:
		mem = shell_guest(s, w->address, w->bytes);
		vgpu_model_admin_attach(s->m, w->id, mem ? 0 : -EFAULT, mem);
		break;
	case VGPU_WORK_RING_ATTACH:
		vgpu_model_ring_attach(s->m, w->id, shell_contiguous(s, w));
		break;
	case VGPU_WORK_PIN:
		shell_done(s, w->id, shell_pin(s, w));
		break;
	case VGPU_WORK_UNPIN:
		shell_drop_object(s, w->to.object & 0xffff);
		break;
	case VGPU_WORK_BUILD:
		vgpu_model_built(s->m, w->id, s->build_status, &s->info,
				 w->arg);
		break;
	case VGPU_WORK_RING_DETACH:
		s->detached = w->arg;
		break;
	case VGPU_WORK_DROP:
		s->dropped = w->address;
		break;
	case VGPU_WORK_GROW:
		status = s->poor ? -ENOMEM : 0;
		if (!status) {
			free(vgpu_model_grow(s->m, w->arg,
					     shell_zalloc(w->bytes), w->bytes));
			s->grown++;
		}
		shell_done(s, w->id, status);
		break;
	case VGPU_WORK_INTERRUPT:
		if (w->arg >= VGPU_MSIX_VECTORS)
			s->wrong = "an interrupt that does not exist";
		else
			s->interrupts[w->arg]++;
		break;
	default:
		break;
	}
}

/* Run until there is nothing to do, or @rounds calls; false: still busy. */
static inline bool shell_run_for(struct shell *s, u32 rounds)
{
	struct vgpu_work work[16];
	u32 i, n;

	while (rounds--) {
		s->now_ns += s->step_ns;
		n = vgpu_model_run(s->m, s->now_ns, work,
				   s->batch ? s->batch : 16);
		for (i = 0; i < n; i++) {
			shell_judge(s, &work[i]);
			if (s->keep & 1u << work[i].kind &&
			    s->n_kept < SHELL_KEPT)
				s->kept[s->n_kept++] = work[i];
			else
				shell_execute(s, &work[i]);
		}
		if (!n && !vgpu_model_pending(s->m))
			return true;
	}
	return false;
}

static inline bool shell_run(struct shell *s)
{
	return shell_run_for(s, 1000000);
}

/* Execute what was kept back, the oldest first. */
static inline void shell_release(struct shell *s)
{
	u32 i, n = s->n_kept;

	s->n_kept = 0;
	for (i = 0; i < n; i++)
		shell_execute(s, &s->kept[i]);
}

/* Execute one of those that were kept back. */
static inline void shell_release_one(struct shell *s, u32 i)
{
	struct vgpu_work w = s->kept[i];

	memmove(&s->kept[i], &s->kept[i + 1],
		(--s->n_kept - i) * sizeof(s->kept[0]));
	shell_execute(s, &w);
}

/* Forget the launches that are out: the worker is gone. */
static inline void shell_forget_launches(struct shell *s)
{
	u32 i, n = 0;

	for (i = 0; i < s->n_kept; i++)
		if (s->kept[i].kind != VGPU_WORK_LAUNCH)
			s->kept[n++] = s->kept[i];
	s->n_kept = n;
}

/* A state is written by a device that has all its memory. */
static inline s64 shell_save(struct shell *s, void *buf, size_t bytes)
{
	shell_grow(s, VGPU_GROW_ALL);
	return vgpu_model_save(s->m, buf, bytes);
}

static inline int shell_kernel(struct shell *s, u32 context,
			       const struct vgpu_kernel_info *info, u64 token,
			       u32 *kernel)
{
	shell_grow(s, VGPU_GROW_KERNELS);
	return vgpu_model_kernel_add(s->m, context, info, token, kernel);
}

/* An admin command by the direct way. */
static inline int shell_admin(struct shell *s, u16 opcode, u64 r[2], u64 a,
			      u64 b, u64 c, u64 d, u64 e, u64 f)
{
	struct vgpu_cmd cmd = {
		.opcode = opcode, .op = { a, b, c, d, e, f },
	};
	u64 none[2];

	shell_grow(s, vgpu_model_takes(opcode));
	return vgpu_model_admin(s->m, &cmd, r ? r : none);
}

#endif /* VGPU_MODEL_SHELL_H */
