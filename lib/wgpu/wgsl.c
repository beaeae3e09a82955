// SPDX-License-Identifier: MIT
/*
 * What has to be known of WGSL code, and changed in it, beside its compiler.
 *
 * All storage buffers are made read_write.
 * WebGPU forbids to bind one buffer both for reading only and for reading and
 * writing in one dispatch, even at ranges that do not touch.  The ranges of a
 * launch are mostly in one bank, which is one buffer, so the declared access
 * would forbid most launches, or cost a copy of each range.  What a kernel does
 * not write is known before this, from the text as it came.  Changed are
 * <storage> and <storage, read> after "var", and the same at the end of
 * ptr<storage, TYPE>, without touching lines, so that a compiler's message has
 * the line of the user's text.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "os.h"
#include "wgpu/wgpu.h"

/**
 * struct vgpu_wgsl - a text being read
 * @at: what comes next
 * @end: of the text
 * @out: of the new text
 */
struct vgpu_wgsl {
	const char *at;
	const char *end;
	char *out;
};

static bool vgpu_wgsl_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* The end of the comment at @p, which nests; @p if there is none. */
static const char *vgpu_wgsl_comment(const char *p, const char *end)
{
	unsigned int depth = 1;

	if (end - p < 2 || p[0] != '/' || (p[1] != '/' && p[1] != '*'))
		return p;
	if (p[1] == '/') {
		while (p < end && *p != '\n')
			p++;
		return p;
	}
	for (p += 2; p < end && depth; p++) {
		if (end - p < 2)
			continue;
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p++;
		} else if (p[0] == '*' && p[1] == '/') {
			depth--;
			p++;
		}
	}
	return p;
}

/* The next token at or after @p, and its length; 0: none. */
static const char *vgpu_wgsl_token(const char *p, const char *end, size_t *n)
{
	const char *next;

	for (; p < end; p = next) {
		next = vgpu_wgsl_comment(p, end);
		if (next == p && (unsigned char)*p > ' ')
			break;
		if (next == p)
			next++;
	}
	*n = p < end;
	if (*n && vgpu_wgsl_word(*p))
		while (p + *n < end && vgpu_wgsl_word(p[*n]))
			++*n;
	return p;
}

static bool vgpu_wgsl_is(const char *p, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(p, word, n);
}

static void vgpu_wgsl_copy(struct vgpu_wgsl *w, const char *to)
{
	memcpy(w->out, w->at, to - w->at);
	w->out += to - w->at;
	w->at = to;
}

static void vgpu_wgsl_put(struct vgpu_wgsl *w, const char *text)
{
	w->out = stpcpy(w->out, text);
}

/*
 * After "storage" at @p: at the end of the list, "read" is replaced and nothing
 * is completed.  @fields: commas before the access.
 */
static void vgpu_wgsl_access(struct vgpu_wgsl *w, const char *p, int fields)
{
	int depth = 0, commas = 0;
	const char *access = NULL;
	size_t n, access_n = 0;

	/* Types nest in <>, (), []; a list without an end is left alone. */
	for (;; p += n) {
		p = vgpu_wgsl_token(p, w->end, &n);
		if (!n || *p == ';' || *p == '{')
			return;
		if (*p == '<' || *p == '(' || *p == '[')
			depth++;
		else if (!depth && *p == '>')
			break;
		else if (*p == '>' || *p == ')' || *p == ']')
			depth--;
		else if (!depth && *p == ',')
			commas++;
		else if (!depth && commas > fields && !access) {
			access = p;
			access_n = n;
		}
	}
	if (!access) {
		vgpu_wgsl_copy(w, p);
		vgpu_wgsl_put(w, commas > fields ? "read_write" :
						   ",read_write");
	} else if (vgpu_wgsl_is(access, access_n, "read")) {
		vgpu_wgsl_copy(w, access + access_n);
		vgpu_wgsl_put(w, "_write");
	}
}

char *vgpu_wgpu_wgsl(const char *code, size_t bytes)
{
	struct vgpu_wgsl w = { .at = code, .end = code + bytes };
	const char *p = code, *q;
	bool var, ptr;
	char *text;
	size_t n;

	/* The shortest that is changed, "var<storage>", grows by 11. */
	text = malloc(bytes * 2 + 16);
	if (!text)
		return NULL;
	w.out = text;
	for (;; p += n) {
		p = vgpu_wgsl_token(p, w.end, &n);
		if (!n)
			break;
		var = vgpu_wgsl_is(p, n, "var");
		ptr = vgpu_wgsl_is(p, n, "ptr");
		if (!var && !ptr)
			continue;
		q = vgpu_wgsl_token(p + n, w.end, &n);
		if (!n || *q != '<') {
			p = q;
			n = 0;
			continue;
		}
		p = vgpu_wgsl_token(q + 1, w.end, &n);
		if (vgpu_wgsl_is(p, n, "storage"))
			vgpu_wgsl_access(&w, p + n, ptr ? 1 : 0);
		if (p + n < w.at) {
			p = w.at;
			n = 0;
		}
	}
	vgpu_wgsl_copy(&w, w.end);
	*w.out = 0;
	return text;
}

/* After "@id(N)" at @p: what type the override that follows has, by a letter. */
static char vgpu_wgsl_override_type(const char *p, const char *end)
{
	bool typed = false;
	size_t n;

	for (;; p += n) {
		p = vgpu_wgsl_token(p, end, &n);
		if (!n || *p == ';')
			return 0;
		if (*p == ':')
			typed = true;
		else if (typed)
			return *p == 'h' ? 'f' : *p;
		if (*p == '=')
			break;
	}
	/* No type: that of the literal it is set to. */
	p = vgpu_wgsl_token(p + 1, end, &n);
	if (vgpu_wgsl_is(p, n, "true") || vgpu_wgsl_is(p, n, "false"))
		return 'b';
	while (p < end && *p != ';' && !strchr(".eufh", *p))
		p++;
	return p == end || *p == ';' ? 'i' : *p == 'u' ? 'u' : 'f';
}

static char vgpu_wgsl_override(const char *p, const char *end, uint32_t id)
{
	static const char * const before[] = { "@", "id", "(" };
	size_t n, i = 0;

	for (;; p += n) {
		p = vgpu_wgsl_token(p, end, &n);
		if (!n)
			return 0;
		if (i == ARRAY_SIZE(before)) {
			if (*p >= '0' && *p <= '9' &&
			    strtoul(p, NULL, 0) == id)
				return vgpu_wgsl_override_type(p + n, end);
			i = 0;
		} else {
			i = vgpu_wgsl_is(p, n, before[i]) ? i + 1 : 0;
		}
	}
}

double vgpu_wgpu_override(const char *code, size_t bytes,
			  const struct vgpu_kernel_spec *spec)
{
	uint32_t bits = spec->value;
	float f;

	switch (vgpu_wgsl_override(code, code + bytes, spec->id)) {
	case 'f':
		memcpy(&f, &bits, sizeof(f));
		return f;
	case 'i':
		return (int32_t)bits;
	case 'b':
		return !!bits;
	default:
		return bits;
	}
}
