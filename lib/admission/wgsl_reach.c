// SPDX-License-Identifier: MIT
/*
 * WGSL: what a function reaches, and how large types are.
 *
 * A name in a function's body stands for the module's declaration of that name
 * unless a local of that name is in scope: from the end of the statement that
 * declares it to the end of its block, a loop's header counting to its block.
 * After a dot it is a member.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wgsl.h"

#define MAX_TYPE	32u
#define MAX_TYPES	4096u

struct local {
	uint32_t decl;	/* that it hides */
	uint32_t depth;	/* brackets around it */
};

struct scan {
	const struct vgpu_wgsl *w;
	uint8_t *reached;
	uint32_t *queue;	/* functions and constants to look at */
	uint32_t n_queue;
	uint32_t *hidden;	/* by declaration: locals that hide it */
	struct local *locals;
	uint32_t n_locals;
	uint32_t n_live;	/* of them, those in scope */
};

static void reach(struct scan *s, const struct vgpu_wgsl_decl *d)
{
	uint32_t i = (uint32_t)(d - s->w->decls);

	if (s->reached[i])
		return;
	s->reached[i] = 1;
	s->queue[s->n_queue++] = i;
}

static void end_statement(struct scan *s)
{
	for (; s->n_live < s->n_locals; s->n_live++)
		s->hidden[s->locals[s->n_live].decl]++;
}

static void leave(struct scan *s, uint32_t depth)
{
	end_statement(s);
	while (s->n_locals && s->locals[s->n_locals - 1].depth > depth)
		s->hidden[s->locals[--s->n_locals].decl]--;
	s->n_live = s->n_locals;
}

static void declare(struct scan *s, uint32_t token, uint32_t depth)
{
	const struct vgpu_wgsl_decl *d = vgpu_wgsl_find(s->w, token);

	if (!d)
		return;
	s->locals[s->n_locals].decl = (uint32_t)(d - s->w->decls);
	s->locals[s->n_locals++].depth = depth;
}

/* The name that let, const or var at @t declares. */
static uint32_t local_name(const struct vgpu_wgsl *w, uint32_t t)
{
	if (vgpu_wgsl_is(w, ++t, "<")) {
		while (t < w->n_tokens && !vgpu_wgsl_is(w, t, ">"))
			t++;
		t++;
	}
	return t;
}

/* Returns the last token that is done with. */
static uint32_t scan_name(struct scan *s, uint32_t t, uint32_t depth,
			  bool header)
{
	const struct vgpu_wgsl *w = s->w;
	const struct vgpu_wgsl_decl *d;

	if (vgpu_wgsl_is(w, t, "let") || vgpu_wgsl_is(w, t, "const") ||
	    vgpu_wgsl_is(w, t, "var")) {
		t = local_name(w, t);
		declare(s, t, depth);
		return t;
	}
	/* A parameter: a name and a colon between the first brackets. */
	if (header && depth == 1 && vgpu_wgsl_is(w, t + 1, ":")) {
		declare(s, t, depth);
		return t;
	}
	if (t && (vgpu_wgsl_is(w, t - 1, ".") || vgpu_wgsl_is(w, t - 1, "@")))
		return t;
	d = vgpu_wgsl_find(w, t);
	if (d && !s->hidden[d - w->decls])
		reach(s, d);
	return t;
}

/*
 * From the parameters to the end of the body.  Parameters have depth 1, as what
 * is outermost in the body.  A variable of a for loop is declared between
 * brackets, one deeper than the loop: it stays until the loop's block ends.
 */
static void scan_function(struct scan *s, const struct vgpu_wgsl_decl *fn)
{
	const struct vgpu_wgsl *w = s->w;
	uint32_t t, depth = 0;
	bool header = true;

	s->n_locals = 0;
	s->n_live = 0;
	for (t = fn->value; t < fn->end && t < w->n_tokens; t++) {
		switch (w->text[w->tokens[t].at]) {
		case '{':
			if (header)
				end_statement(s);
			header = false;
			depth++;
			break;
		case '(':
		case '[':
			depth++;
			break;
		case ')':
		case ']':
			depth -= depth > 0;
			break;
		case '}':
			depth -= depth > 0;
			leave(s, depth);
			break;
		case ';':
			end_statement(s);
			break;
		default:
			if (vgpu_wgsl_is_name(w, t))
				t = scan_name(s, t, depth, header);
		}
	}
	leave(s, 0);
}

static void scan_all(struct scan *s)
{
	const struct vgpu_wgsl *w = s->w;
	const struct vgpu_wgsl_decl *d;
	uint32_t i, t;

	for (i = 0; i < s->n_queue; i++) {
		d = &w->decls[s->queue[i]];
		if (d->kind == VGPU_WGSL_FN) {
			scan_function(s, d);
			continue;
		}
		for (t = d->name + 1; t < d->end && t < w->n_tokens; t++)
			if (vgpu_wgsl_is_name(w, t) &&
			    !vgpu_wgsl_is(w, t + 1, ":") &&
			    vgpu_wgsl_find(w, t))
				reach(s, vgpu_wgsl_find(w, t));
	}
}

int vgpu_wgsl_reach(const struct vgpu_wgsl *w, const struct vgpu_wgsl_decl *fn,
		    uint8_t *reached, struct vgpu_message *msg)
{
	struct scan s = { .w = w, .reached = reached };
	int rc = 0;

	s.queue = malloc(w->n_decls * sizeof(*s.queue));
	s.hidden = calloc(w->n_decls, sizeof(*s.hidden));
	s.locals = malloc(w->n_tokens * sizeof(*s.locals));
	if (s.queue && s.hidden && s.locals) {
		reach(&s, fn);
		scan_all(&s);
	} else {
		rc = vgpu_message_set(msg, -ENOMEM,
			"no memory to look at the kernel's WGSL");
	}
	free(s.locals);
	free(s.hidden);
	free(s.queue);
	return rc;
}

struct layout {
	uint64_t bytes;	/* 0: not known */
	uint64_t align;
};

static const struct layout unknown = { 0, 1 };

static uint64_t round_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) / align * align;
}

static struct layout layout_of(const struct vgpu_wgsl *w, uint32_t t,
			       uint32_t level, uint32_t *budget);

static struct layout vector(struct layout e, uint32_t n)
{
	return (struct layout){ e.bytes * n, e.bytes * (n == 3 ? 4 : n) };
}

/* vec3<f32>, vec3f, mat4x3<f32>, mat4x3f, atomic<u32>, array<u32, 4>. */
static struct layout layout_built(const struct vgpu_wgsl *w, uint32_t t,
				  uint32_t level, uint32_t *budget)
{
	const char *s = w->text + w->tokens[t].at;
	uint32_t len = w->tokens[t].len, n, rows = 0;
	struct layout e = unknown;
	bool mat = len >= 6 && !memcmp(s, "mat", 3) && s[4] == 'x';
	bool vec = len >= 4 && !memcmp(s, "vec", 3);
	const struct vgpu_wgsl_decl *d;

	if (vgpu_wgsl_is(w, t + 1, "<"))
		e = layout_of(w, t + 2, level, budget);
	else if ((vec && len == 5) || (mat && len == 7))
		e = s[len - 1] == 'h' ? (struct layout){ 2, 2 } :
					(struct layout){ 4, 4 };
	if (!e.bytes)
		return unknown;
	if (vgpu_wgsl_is(w, t, "atomic"))
		return e;
	if (vec)
		return s[3] >= '2' && s[3] <= '4' ?
		       vector(e, (uint32_t)(s[3] - '0')) : unknown;
	if (mat) {
		rows = (uint32_t)(s[5] - '0');
		if (rows < 2 || rows > 4 || s[3] < '2' || s[3] > '4')
			return unknown;
		e = vector(e, rows);
		e.bytes = round_up(e.bytes, e.align) * (uint32_t)(s[3] - '0');
		return e;
	}
	if (!vgpu_wgsl_is(w, t, "array"))
		return unknown;
	for (t += 2; t < w->n_tokens && !vgpu_wgsl_is(w, t, ",");) {
		/* Commas only follow what has no arguments of its own here. */
		if (vgpu_wgsl_is(w, t, ">") || vgpu_wgsl_is(w, t, ";"))
			return unknown;
		if (vgpu_wgsl_is(w, t + 1, "<"))
			while (t < w->n_tokens && !vgpu_wgsl_is(w, t, ">"))
				t++;
		t++;
	}
	t++;
	d = vgpu_wgsl_find(w, t);
	if (!vgpu_wgsl_is(w, t + 1, ">") && !vgpu_wgsl_is(w, t + 1, ","))
		return unknown;
	if (d && d->kind == VGPU_WGSL_CONST && d->value + 2 == d->end)
		t = d->value;
	if (!vgpu_wgsl_number(w, t, &n))
		return unknown;
	e.bytes = round_up(e.bytes, e.align) * n;
	return e;
}

/* Members with attributes (@size, @align) make a structure unknown. */
static struct layout layout_struct(const struct vgpu_wgsl *w,
				   const struct vgpu_wgsl_decl *d,
				   uint32_t level, uint32_t *budget)
{
	struct layout all = { 0, 1 }, e;
	uint32_t t = d->type, angles;

	while (t < d->end && !vgpu_wgsl_is(w, t, "}")) {
		if (!vgpu_wgsl_is_name(w, t) || !vgpu_wgsl_is(w, t + 1, ":"))
			return unknown;
		t += 2;
		e = layout_of(w, t, level, budget);
		if (!e.bytes)
			return unknown;
		if (e.align > all.align)
			all.align = e.align;
		all.bytes = round_up(all.bytes, e.align) + e.bytes;
		for (angles = 0; t < d->end; t++) {
			angles += vgpu_wgsl_is(w, t, "<");
			angles -= vgpu_wgsl_is(w, t, ">");
			if (!angles && (vgpu_wgsl_is(w, t, ",") ||
					vgpu_wgsl_is(w, t, "}")))
				break;
		}
		t += vgpu_wgsl_is(w, t, ",");
	}
	all.bytes = round_up(all.bytes, all.align);
	return all;
}

static struct layout layout_of(const struct vgpu_wgsl *w, uint32_t t,
			       uint32_t level, uint32_t *budget)
{
	const struct vgpu_wgsl_decl *d;
	struct layout l;

	if (t >= w->n_tokens || level >= MAX_TYPE || !*budget)
		return unknown;
	--*budget;
	d = vgpu_wgsl_find(w, t);
	if (d && d->kind == VGPU_WGSL_ALIAS)
		l = layout_of(w, d->type, level + 1, budget);
	else if (d && d->kind == VGPU_WGSL_STRUCT)
		l = layout_struct(w, d, level + 1, budget);
	else if (d)
		l = unknown;
	else if (vgpu_wgsl_is(w, t, "f32") || vgpu_wgsl_is(w, t, "u32") ||
		 vgpu_wgsl_is(w, t, "i32"))
		l = (struct layout){ 4, 4 };
	else if (vgpu_wgsl_is(w, t, "f16"))
		l = (struct layout){ 2, 2 };
	else
		l = layout_built(w, t, level + 1, budget);
	if (l.bytes > UINT32_MAX)
		l.bytes = UINT32_MAX;
	return l;
}

uint32_t vgpu_wgsl_size(const struct vgpu_wgsl *w, uint32_t type)
{
	uint32_t budget = MAX_TYPES;

	return (uint32_t)layout_of(w, type, 0, &budget).bytes;
}
