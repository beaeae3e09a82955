// SPDX-License-Identifier: MIT
/*
 * vgpuctl run: what the options say about a launch: groups, buffers, push
 * constants and specialization constants.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vgpuctl_run.h"

/* One allocation, and so one buffer. */
#define MAX_BUFFER_BYTES	(1ull << 30)

static int parse_groups(struct run *r)
{
	const char *at = r->o->groups;
	unsigned long long value;
	unsigned int i;
	char *end;

	if (!at)
		return ctl_fail(CTL_USAGE,
				"--groups is missing: how many workgroups, as X or X,Y or X,Y,Z");
	r->groups[1] = 1;
	r->groups[2] = 1;
	for (i = 0; i < 3; i++) {
		errno = 0;
		value = isdigit((unsigned char)*at) ? strtoull(at, &end, 10) : 0;
		if (!value || errno || value > UINT32_MAX)
			break;
		r->groups[i] = (uint32_t)value;
		if (!*end)
			return CTL_OK;
		if (*end != ',')
			break;
		at = end + 1;
	}
	return ctl_fail(CTL_USAGE,
			"--groups \"%.40s\": must be one to three numbers from 1 to %u, as 64 or 64,64 or 8,8,8",
			r->o->groups, UINT32_MAX);
}

/* The end of a part: a comma before "name=", so that paths may have commas. */
static const char *part_end(const char *at)
{
	const char *c;

	for (;; at++) {
		at = strchrnul(at, ',');
		if (!*at)
			return at;
		for (c = at + 1; islower((unsigned char)*c); c++)
			;
		if (c > at + 1 && *c == '=')
			return at;
	}
}

static int parse_fill(const char *text, uint8_t *fill)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 0);
	if (*end || errno || value > 255)
		return -EINVAL;
	*fill = (uint8_t)value;
	return 0;
}

static int parse_buffer(struct run_buffer *b, char *text)
{
	bool has_size = false, has_fill = false;
	char *part = text, *value;
	const char *end;
	bool last;

	do {
		end = part_end(part);
		last = !*end;
		part[end - part] = 0;
		value = strchr(part, '=');
		if (!value)
			return ctl_fail(CTL_USAGE,
					"--buffer \"%.80s\": must be file=PATH[,out=PATH] or size=N[,fill=BYTE][,out=PATH]",
					part);
		*value++ = 0;
		if (!strcmp(part, "file") && !b->in && *value) {
			b->in = value;
		} else if (!strcmp(part, "out") && !b->out && *value) {
			b->out = value;
		} else if (!strcmp(part, "size") && !has_size) {
			has_size = true;
			if (ctl_parse_size(value, &b->bytes) || !b->bytes ||
			    b->bytes > MAX_BUFFER_BYTES)
				return ctl_fail(CTL_USAGE,
						"--buffer size=%.40s: must be a size such as 4096 or 64M (K, M, G), from 1 byte to 1 GiB",
						value);
		} else if (!strcmp(part, "fill") && !has_fill) {
			has_fill = true;
			if (parse_fill(value, &b->fill))
				return ctl_fail(CTL_USAGE,
						"--buffer fill=%.40s: must be a byte, 0 to 255 or 0x00 to 0xff",
						value);
		} else {
			return ctl_fail(CTL_USAGE,
					"--buffer %.40s=%.80s: must be file=PATH[,out=PATH] or size=N[,fill=BYTE][,out=PATH], each once and none empty",
					part, value);
		}
		part = text + (end - text) + 1;
	} while (!last);
	if (!!b->in == has_size || (b->in && has_fill))
		return ctl_fail(CTL_USAGE,
				"--buffer: must have either file=PATH or size=N, and fill=BYTE only with a size");
	return CTL_OK;
}

static int parse_buffers(struct run *r)
{
	uint32_t i;
	char *text;
	int ret;

	for (i = 0; i < r->o->n_buffers; i++) {
		/* Cut up in place, and kept as long as the program runs. */
		text = strdup(r->o->buffers[i]);
		if (!text)
			return ctl_fail(CTL_FAILED, "memory is short");
		r->buffers[i].in_fd = -1;
		r->buffers[i].output.fd = -1;
		r->n_buffers++;
		ret = parse_buffer(&r->buffers[i], text);
		if (ret)
			return ret;
	}
	return CTL_OK;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_push(struct run *r)
{
	const char *text = r->o->push;
	size_t i, n;

	if (!text)
		return CTL_OK;
	n = strlen(text);
	for (i = 0; i < n; i++) {
		if (hex_digit(text[i]) < 0)
			return ctl_fail(CTL_USAGE,
					"--push \"%.40s\": \"%.1s\" is no hexadecimal digit; bytes are given in the order of memory, as 00010000 for the number 256",
					text, text + i);
	}
	if (!n || n % 8 || n / 2 > VGPU_LAUNCH_CONST_BYTES)
		return ctl_fail(CTL_USAGE,
				"--push has %zu hexadecimal digits: must be 8 for each 4 bytes, up to %u bytes",
				n, VGPU_LAUNCH_CONST_BYTES);
	for (i = 0; i < n / 2; i++)
		r->args.consts[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 |
					      hex_digit(text[2 * i + 1]));
	r->args.const_bytes = (uint32_t)(n / 2);
	return CTL_OK;
}

/* Suffixes, and what they make of a value. */
static const struct {
	const char *name;
	uint32_t bytes;
	char kind;	/* u, i or f */
} kinds[] = {
	{ "u32", 4, 'u' }, { "i32", 4, 'i' }, { "f32", 4, 'f' },
	{ "u64", 8, 'u' }, { "i64", 8, 'i' }, { "f64", 8, 'f' },
};

static uint64_t float_bits(double value)
{
	float narrow = (float)value;
	uint32_t bits;

	memcpy(&bits, &narrow, sizeof(bits));
	return bits;
}

static uint64_t double_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static int parse_real(const char *text, uint32_t bytes, uint64_t *value)
{
	double real;
	char *end;

	errno = 0;
	real = strtod(text, &end);
	if (*end || end == text)
		return -EINVAL;
	if (errno == ERANGE && real != 0)
		return -ERANGE;
	if (bytes == 4 && (float)real - (float)real != 0)
		return -ERANGE;
	*value = bytes == 4 ? float_bits(real) : double_bits(real);
	return 0;
}

static int parse_integer(const char *text, uint32_t bytes, bool is_signed,
			 uint64_t *value)
{
	bool negative = text[0] == '-';
	uint64_t max = bytes == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t n;
	char *end;

	text += negative;
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, !strncasecmp(text, "0x", 2) ? 16 : 10);
	if (*end)
		return -EINVAL;
	if (is_signed)
		max = negative ? max / 2 + 1 : max / 2;
	if (errno || n > max || (negative && !is_signed))
		return -ERANGE;
	*value = negative ? -n & (bytes == 4 ? UINT32_MAX : UINT64_MAX) : n;
	return 0;
}

/* By its form: true, 5 (as u32), -5 (as i32), 1.5 (as f32), or by a suffix. */
static int parse_constant(char *text, struct vgpu_kernel_constant *c)
{
	bool hex = !strncasecmp(text, "0x", 2);
	size_t i, n = strlen(text);
	char kind;

	c->bytes = 4;
	if (!strcmp(text, "true") || !strcmp(text, "false")) {
		c->value = text[0] == 't';
		return 0;
	}
	/* "0x1f32" is a number. */
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (n <= 3 || strcmp(text + n - 3, kinds[i].name) ||
		    (hex && kinds[i].kind == 'f'))
			continue;
		text[n - 3] = 0;
		c->bytes = kinds[i].bytes;
		if (kinds[i].kind == 'f')
			return parse_real(text, c->bytes, &c->value);
		return parse_integer(text, c->bytes, kinds[i].kind == 'i',
				     &c->value);
	}
	kind = text[0] == '-' ? 'i' : 'u';
	if (!hex && strpbrk(text, ".eE"))
		kind = 'f';
	if (!strcmp(text, "inf") || !strcmp(text, "-inf") ||
	    !strcmp(text, "nan"))
		return -EINVAL;
	if (kind == 'f')
		return parse_real(text, 4, &c->value);
	return parse_integer(text, 4, kind == 'i', &c->value);
}

static int parse_spec(struct run *r, const char *given)
{
	struct vgpu_kernel_constant *c = &r->constants[r->options.n_constants];
	char value[64];
	unsigned long long id = 0;
	char *end = NULL;
	uint32_t i;
	int ret = -EINVAL;

	errno = 0;
	if (isdigit((unsigned char)given[0]))
		id = strtoull(given, &end, 10);
	if (!end || *end != '=' || errno || id > UINT32_MAX)
		return ctl_fail(CTL_USAGE,
				"--spec \"%.40s\": must be ID=VALUE, with the number of a specialization constant",
				given);
	if (snprintf(value, sizeof(value), "%s", end + 1) < (int)sizeof(value))
		ret = parse_constant(value, c);
	if (ret == -ERANGE)
		return ctl_fail(CTL_USAGE,
				"--spec \"%.40s\": does not fit into %u bytes; u64, i64 and f64 are suffixes for 8",
				given, c->bytes);
	if (ret)
		return ctl_fail(CTL_USAGE,
				"--spec \"%.40s\": must be true, false, or a number such as 5, 0x10, -5 or 1.5, with a suffix u64, i64 or f64 if it has 64 bits",
				given);
	c->id = (uint32_t)id;
	for (i = 0; i < r->options.n_constants; i++) {
		if (r->constants[i].id == c->id)
			return ctl_fail(CTL_USAGE,
					"--spec %u is given twice", c->id);
	}
	r->options.n_constants++;
	return CTL_OK;
}

int run_parse(struct run *r)
{
	uint32_t i;
	int ret;

	if (r->o->n_args < 2)
		return ctl_fail(CTL_USAGE,
				"no kernel: give a file, as KERNEL.spv or KERNEL.wgsl; see vgpuctl help run");
	r->path = r->o->args[1];
	r->options.entry = r->o->entry ? r->o->entry : "main";
	ret = parse_groups(r);
	if (!ret)
		ret = parse_buffers(r);
	if (!ret)
		ret = parse_push(r);
	for (i = 0; !ret && i < r->o->n_specs; i++)
		ret = parse_spec(r, r->o->specs[i]);
	return ret;
}
