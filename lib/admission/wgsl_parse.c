// SPDX-License-Identifier: MIT
/*
 * WGSL: tokens, and declarations at the module's level.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wgsl.h"

static bool is_word(unsigned char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/*
 * Bytes of a blank at @s, or 0; @line: one that ends a line.  Unicode's count
 * too, or code could hide behind what looks like a comment.
 */
static size_t blank(const char *s, const char *end, bool *line)
{
	unsigned char c = *s;

	*line = c >= '\n' && c <= '\r';
	if (c == ' ' || c == '\t' || *line)
		return 1;
	if (end - s >= 2 && !memcmp(s, "\xc2\x85", 2)) {
		*line = true;
		return 2;
	}
	if (end - s < 3 || memcmp(s, "\xe2\x80", 2))
		return 0;
	c = s[2];
	*line = c == 0xa8 || c == 0xa9;
	return *line || c == 0x8e || c == 0x8f ? 3 : 0;
}

static const char *skip_line(const char *s, const char *end)
{
	bool line = false;

	for (; s < end && !line; s++)
		blank(s, end, &line);
	return s;
}

/* NULL: the comment has no end. */
static const char *skip_comment(const char *s, const char *end)
{
	uint32_t level = 0;

	for (; end - s >= 2; s++) {
		if (s[0] == '/' && s[1] == '*') {
			level++;
			s++;
		} else if (s[0] == '*' && s[1] == '/') {
			s++;
			if (!--level)
				return s + 1;
		}
	}
	return NULL;
}

/* The next token, or NULL and *@s: the end, or NULL for an open comment. */
static const char *next_token(const char **s, const char *end)
{
	const char *at = *s, *start;
	bool line;
	size_t n;

	while (at && at < end) {
		n = blank(at, end, &line);
		if (n)
			at += n;
		else if (end - at >= 2 && at[0] == '/' && at[1] == '/')
			at = skip_line(at, end);
		else if (end - at >= 2 && at[0] == '/' && at[1] == '*')
			at = skip_comment(at, end);
		else
			break;
	}
	*s = at;
	if (!at || at >= end)
		return NULL;
	start = at;
	while (at < end && is_word(*at) && !blank(at, end, &line))
		at++;
	*s = at > start ? at : at + 1;
	return start;
}

static int add_token(struct vgpu_wgsl *w, const char *start, const char *end,
		     struct vgpu_message *msg)
{
	uint32_t n = w->n_tokens;
	void *more;

	if (n >= VGPU_WGSL_MAX_TOKENS)
		return vgpu_message_set(msg, -EOPNOTSUPP,
			"the kernel's WGSL has more than %u words and signs",
			VGPU_WGSL_MAX_TOKENS);
	if (n >= 64 ? !(n & (n - 1)) : !n) {
		more = realloc(w->tokens,
			       (n ? 2 * (size_t)n : 64) * sizeof(*w->tokens));
		if (!more)
			return vgpu_message_set(msg, -ENOMEM,
				"no memory to look at the kernel's WGSL");
		w->tokens = more;
	}
	w->tokens[n].at = (uint32_t)(start - w->text);
	w->tokens[n].len = (uint32_t)(end - start);
	w->n_tokens++;
	return 0;
}

static int tokenise(struct vgpu_wgsl *w, size_t bytes, struct vgpu_message *msg)
{
	const char *s = w->text, *end = s + bytes, *start;
	int rc;

	if (memchr(s, 0, bytes))
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's WGSL has a zero byte in it");
	while ((start = next_token(&s, end))) {
		rc = add_token(w, start, s, msg);
		if (rc)
			return rc;
	}
	if (!s)
		return vgpu_message_set(msg, -EINVAL,
			"the kernel's WGSL has a comment without an end");
	return 0;
}

bool vgpu_wgsl_is(const struct vgpu_wgsl *w, uint32_t token, const char *word)
{
	return token < w->n_tokens && w->tokens[token].len == strlen(word) &&
	       !memcmp(w->text + w->tokens[token].at, word,
		       w->tokens[token].len);
}

bool vgpu_wgsl_is_name(const struct vgpu_wgsl *w, uint32_t token)
{
	char c;

	if (token >= w->n_tokens)
		return false;
	c = w->text[w->tokens[token].at];
	return is_word(c) && (c < '0' || c > '9');
}

bool vgpu_wgsl_number(const struct vgpu_wgsl *w, uint32_t token,
		      uint32_t *value)
{
	const char *s, *end;
	uint32_t base = 10, digit;
	uint64_t v = 0;

	if (token >= w->n_tokens)
		return false;
	s = w->text + w->tokens[token].at;
	end = s + w->tokens[token].len;
	if (*s < '0' || *s > '9')
		return false;
	if (end - s > 2 && s[0] == '0' && (s[1] | 32) == 'x') {
		base = 16;
		s += 2;
	}
	if (end[-1] == 'u' || end[-1] == 'i')
		end--;
	if (s == end)
		return false;
	for (; s < end; s++) {
		digit = *s >= '0' && *s <= '9' ? (uint32_t)(*s - '0') :
			(*s | 32) >= 'a' && (*s | 32) <= 'f' ?
			(uint32_t)((*s | 32) - 'a' + 10) : 99;
		if (digit >= base)
			return false;
		v = v * base + digit;
		if (v > UINT32_MAX)
			return false;
	}
	*value = (uint32_t)v;
	return true;
}

static int compare(const struct vgpu_wgsl *w, uint32_t a, uint32_t b)
{
	const struct vgpu_wgsl_token *x = &w->tokens[a], *y = &w->tokens[b];

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(w->text + x->at, w->text + y->at, x->len);
}

static int compare_decls(const void *a, const void *b, void *w)
{
	return compare(w, ((const struct vgpu_wgsl_decl *)a)->name,
		       ((const struct vgpu_wgsl_decl *)b)->name);
}

struct vgpu_wgsl_decl *vgpu_wgsl_find(const struct vgpu_wgsl *w,
				      uint32_t token)
{
	uint32_t low = 0, high = w->n_decls, mid;
	int c;

	if (token >= w->n_tokens)
		return NULL;
	while (low < high) {
		mid = (low + high) / 2;
		c = compare(w, token, w->decls[mid].name);
		if (!c)
			return &w->decls[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* The token after the bracket that closes the one at @t. */
static uint32_t skip_brackets(const struct vgpu_wgsl *w, uint32_t t)
{
	uint32_t level = 0;

	for (; t < w->n_tokens; t++) {
		char c = w->text[w->tokens[t].at];

		if (c == '(' || c == '[' || c == '{')
			level++;
		else if (c == ')' || c == ']' || c == '}')
			if (!level || !--level)
				return t + 1;
	}
	return t;
}

/* The first token from @t on that is @word, outside of brackets, or ';'. */
static uint32_t skip_to(const struct vgpu_wgsl *w, uint32_t t, const char *word)
{
	while (t < w->n_tokens && !vgpu_wgsl_is(w, t, word) &&
	       !vgpu_wgsl_is(w, t, ";")) {
		char c = w->text[w->tokens[t].at];

		t = c == '(' || c == '[' || c == '{' ? skip_brackets(w, t) :
						       t + 1;
	}
	return t;
}

/* The token after an attribute, whose name is at @t. */
static uint32_t parse_attribute(const struct vgpu_wgsl *w, uint32_t t,
				struct vgpu_wgsl_decl *d)
{
	bool args = vgpu_wgsl_is(w, t + 1, "(");

	if (vgpu_wgsl_is(w, t, "compute"))
		d->compute = true;
	if (!args)
		return t + 1;
	if (vgpu_wgsl_is(w, t, "group"))
		d->group = t + 2;
	else if (vgpu_wgsl_is(w, t, "binding"))
		d->binding = t + 2;
	else if (vgpu_wgsl_is(w, t, "id"))
		d->id = t + 2;
	else if (vgpu_wgsl_is(w, t, "workgroup_size"))
		d->size = t + 2;
	return skip_brackets(w, t + 1);
}

/* var, const, override: name, type, value. */
static uint32_t parse_value(const struct vgpu_wgsl *w, uint32_t t,
			    struct vgpu_wgsl_decl *d)
{
	if (vgpu_wgsl_is(w, t, "<")) {
		d->space = t + 1;
		while (t < w->n_tokens && !vgpu_wgsl_is(w, t, ">"))
			t++;
		t++;
	}
	d->name = t++;
	if (vgpu_wgsl_is(w, t, ":")) {
		d->type = t + 1;
		t = skip_to(w, t, "=");
	}
	if (vgpu_wgsl_is(w, t, "=")) {
		d->value = t + 1;
		t = skip_to(w, t, ";");
	}
	return t + 1;
}

static uint32_t parse_decl(struct vgpu_wgsl *w, uint32_t t,
			   struct vgpu_wgsl_decl *d)
{
	static const char *const words[] = {
		[VGPU_WGSL_VAR] = "var",
		[VGPU_WGSL_CONST] = "const",
		[VGPU_WGSL_OVERRIDE] = "override",
		[VGPU_WGSL_ALIAS] = "alias",
		[VGPU_WGSL_STRUCT] = "struct",
		[VGPU_WGSL_FN] = "fn",
	};
	uint32_t kind = 0;

	while (kind <= VGPU_WGSL_FN && !vgpu_wgsl_is(w, t, words[kind]))
		kind++;
	d->kind = kind;
	switch (kind) {
	case VGPU_WGSL_VAR:
	case VGPU_WGSL_CONST:
	case VGPU_WGSL_OVERRIDE:
		return parse_value(w, t + 1, d);
	case VGPU_WGSL_ALIAS:
		d->name = t + 1;
		d->type = t + 3;
		return skip_to(w, t, ";") + 1;
	case VGPU_WGSL_STRUCT:
		d->name = t + 1;
		d->type = t + 3;
		return skip_brackets(w, t + 2);
	case VGPU_WGSL_FN:
		d->name = t + 1;
		d->value = t + 2;
		t = skip_to(w, t, "{");
		return vgpu_wgsl_is(w, t, "{") ? skip_brackets(w, t) : t + 1;
	}
	/* const_assert, requires, diagnostic, a lone ';'. */
	return skip_to(w, t, ";") + 1;
}

/* The token after "enable a, b;", all of whose names are kept. */
static uint32_t parse_enable(struct vgpu_wgsl *w, uint32_t t)
{
	for (; t < w->n_tokens && !vgpu_wgsl_is(w, t, ";"); t++)
		if (vgpu_wgsl_is_name(w, t))
			w->enables[w->n_enables++] = t;
	return t + 1;
}

static int parse_decls(struct vgpu_wgsl *w, struct vgpu_message *msg)
{
	const struct vgpu_wgsl_decl empty = {
		.name = VGPU_WGSL_NONE, .type = VGPU_WGSL_NONE,
		.value = VGPU_WGSL_NONE, .space = VGPU_WGSL_NONE,
		.group = VGPU_WGSL_NONE, .binding = VGPU_WGSL_NONE,
		.id = VGPU_WGSL_NONE, .size = VGPU_WGSL_NONE,
	};
	struct vgpu_wgsl_decl d;
	uint32_t t = 0;
	void *more;

	while (t < w->n_tokens) {
		if (vgpu_wgsl_is(w, t, "enable")) {
			t = parse_enable(w, t + 1);
			continue;
		}
		d = empty;
		while (vgpu_wgsl_is(w, t, "@"))
			t = parse_attribute(w, t + 1, &d);
		t = parse_decl(w, t, &d);
		if (d.name == VGPU_WGSL_NONE)
			continue;
		if (!vgpu_wgsl_is_name(w, d.name) || t > w->n_tokens)
			return vgpu_message_set(msg, -EINVAL,
				"the kernel's WGSL is cut off, or has a declaration without a name");
		d.end = t;
		if (!(w->n_decls & (w->n_decls - 1))) {
			more = realloc(w->decls,
				       (w->n_decls ? 2 * (size_t)w->n_decls : 1) *
				       sizeof(d));
			if (!more)
				return vgpu_message_set(msg, -ENOMEM,
					"no memory to look at the kernel's WGSL");
			w->decls = more;
		}
		w->decls[w->n_decls++] = d;
	}
	return 0;
}

static int sort_decls(struct vgpu_wgsl *w, struct vgpu_message *msg)
{
	uint32_t i;

	if (w->n_decls)
		qsort_r(w->decls, w->n_decls, sizeof(*w->decls), compare_decls,
			w);
	for (i = 1; i < w->n_decls; i++)
		if (!compare(w, w->decls[i - 1].name, w->decls[i].name))
			return vgpu_message_set(msg, -EINVAL,
				"the kernel's WGSL declares '%.*s' twice",
				VGPU_WGSL_TEXT(w, w->decls[i].name));
	return 0;
}

int vgpu_wgsl_parse(struct vgpu_wgsl *w, const char *text, size_t bytes,
		    struct vgpu_message *msg)
{
	int rc;

	*w = (struct vgpu_wgsl){ .text = text };
	rc = tokenise(w, bytes, msg);
	if (!rc) {
		w->enables = malloc(((size_t)w->n_tokens + 1) *
				    sizeof(*w->enables));
		rc = w->enables ? parse_decls(w, msg) :
		     vgpu_message_set(msg, -ENOMEM,
				      "no memory to look at the kernel's WGSL");
	}
	if (!rc)
		rc = sort_decls(w, msg);
	if (rc)
		vgpu_wgsl_fini(w);
	return rc;
}

void vgpu_wgsl_fini(struct vgpu_wgsl *w)
{
	free(w->tokens);
	free(w->decls);
	free(w->enables);
}
