// SPDX-License-Identifier: MIT
/*
 * vgpuctl's command line.  Whatever is wrong with it is said in one line:
 * what it is, what was expected, what to do.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vgpuctl.h"

int ctl_fail(enum ctl_exit status, const char *format, ...)
{
	char line[512];
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (c = line; *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '?';
	}
	fprintf(stderr, "vgpuctl: %s\n", line);
	return status;
}

/**
 * struct option_rule - an option with a number
 * @name: without the dashes
 * @letter: its short form, or a number beyond the letters
 * @bit: CTL_OPT_*
 * @min: least value
 * @max: greatest value
 * @multiple: what it is a multiple of
 * @size: its value is a size with a suffix
 * @offset: of a uint64_t in struct ctl_options
 */
struct option_rule {
	const char *name;
	int letter;
	uint32_t bit;
	uint64_t min;
	uint64_t max;
	uint64_t multiple;
	bool size;
	size_t offset;
};

#define VALUE(field)	offsetof(struct ctl_options, field)

/* Numbers and sizes. */
static const struct option_rule rules[] = {
	{ "vram", 256, CTL_OPT_VRAM, 4096, 1ull << 40, 4096, true,
	  VALUE(vram) },
	{ "run", 257, CTL_OPT_RUN, 1, 1000000000, 1, false, VALUE(run) },
	{ "entries", 258, CTL_OPT_ENTRIES, 1, VGPU_QUEUE_MAX_ENTRIES, 1, false,
	  VALUE(entries) },
	{ "batch", 259, CTL_OPT_BATCH, 1, 4096, 1, false, VALUE(batch) },
	{ "threads", 260, CTL_OPT_THREADS, 1, 64, 1, false, VALUE(threads) },
	{ "bytes", 261, CTL_OPT_BYTES, 4, 1ull << 30, 4, true, VALUE(bytes) },
	{ "repeat", 262, CTL_OPT_REPEAT, 1, 1001, 1, false, VALUE(repeat) },
	{ "timeout", 263, CTL_OPT_TIMEOUT, 1, 86400000, 1, false,
	  VALUE(timeout) },
};

/* All others; parse_option() has a case for each. */
enum {
	OPT_GROUPS = 300,
	OPT_ENTRY,
	OPT_BUFFER,
	OPT_PUSH,
	OPT_SPEC,
	OPT_TRACE,
	OPT_WORKER,
	OPT_DISCRETE,
	OPT_SHARED,
	OPT_GPU,
	OPT_UUID,
	OPT_ATTR,
	OPT_FORCE,
	OPT_JSON,
};

static const struct {
	const char *name;
	int letter;
	int has_value;
	uint32_t bit;
} words[] = {
	{ "backend", 'b', required_argument, CTL_OPT_BACKEND },
	{ "device", 'd', required_argument, CTL_OPT_DEVICE },
	{ "groups", OPT_GROUPS, required_argument, CTL_OPT_GROUPS },
	{ "entry", OPT_ENTRY, required_argument, CTL_OPT_ENTRY },
	{ "buffer", OPT_BUFFER, required_argument, CTL_OPT_BUFFER },
	{ "push", OPT_PUSH, required_argument, CTL_OPT_PUSH },
	{ "spec", OPT_SPEC, required_argument, CTL_OPT_SPEC },
	{ "trace", OPT_TRACE, required_argument, CTL_OPT_TRACE },
	{ "worker", OPT_WORKER, no_argument, CTL_OPT_WORKER },
	{ "discrete", OPT_DISCRETE, no_argument, CTL_OPT_DISCRETE },
	{ "shared", OPT_SHARED, no_argument, CTL_OPT_DISCRETE },
	{ "gpu", OPT_GPU, required_argument, CTL_OPT_GPU },
	{ "uuid", OPT_UUID, required_argument, CTL_OPT_UUID },
	{ "attr", OPT_ATTR, required_argument, CTL_OPT_ATTR },
	{ "force", OPT_FORCE, no_argument, CTL_OPT_FORCE },
	{ "json", OPT_JSON, no_argument, 0 },
	{ "help", 'h', no_argument, 0 },
	{ "version", 'V', no_argument, 0 },
};

/* Digits, nothing before them; @end gets what follows. */
static int parse_number(const char *text, const char **end, uint64_t *value)
{
	char *after;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &after, 10);
	*end = after;
	return errno ? -ERANGE : 0;
}

int ctl_parse_size(const char *text, uint64_t *value)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	int ret, shift;

	ret = parse_number(text, &end, value);
	if (ret || !end[0])
		return ret;
	unit = strchr(units, toupper((unsigned char)end[0]));
	if (!unit || end[1])
		return -EINVAL;
	shift = 10 * (int)(unit - units + 1);
	if (*value > UINT64_MAX >> shift)
		return -ERANGE;
	*value <<= shift;
	return 0;
}

static int parse_count(const char *text, uint64_t *value)
{
	const char *end;
	int ret = parse_number(text, &end, value);

	return !ret && end[0] ? -EINVAL : ret;
}

static int parse_value(const struct option_rule *r, const char *text,
		       struct ctl_options *o)
{
	char min[32], max[32];
	uint64_t value;
	int ret;

	ret = r->size ? ctl_parse_size(text, &value) : parse_count(text, &value);
	if (!ret && value >= r->min && value <= r->max &&
	    !(value % r->multiple)) {
		*(uint64_t *)((char *)o + r->offset) = value;
		o->given |= r->bit;
		return CTL_OK;
	}
	if (!r->size)
		return ctl_fail(CTL_USAGE,
				"--%s \"%.40s\": must be a number from %llu to %llu",
				r->name, text, (unsigned long long)r->min,
				(unsigned long long)r->max);
	return ctl_fail(CTL_USAGE,
			"--%s \"%.40s\": must be a size such as 4096 or 64M (K, M, G, T), a multiple of %llu from %s to %s",
			r->name, text, (unsigned long long)r->multiple,
			ctl_size_text(r->min, min),
			ctl_size_text(r->max, max));
}

static int parse_backend(const char *text, struct ctl_options *o)
{
	if (vgpu_backend_from_name(text, &o->backend))
		return ctl_fail(CTL_USAGE,
				"unknown backend \"%.40s\": must be passthrough, mdev, wgpu, vulkan, simulator or auto; `vgpuctl list` says which this host has",
				text);
	if (o->backend == VGPU_BACKEND_AUTO)
		o->backend = VGPU_BACKEND_DEFAULT;
	return CTL_OK;
}

static int add(const char **list, uint32_t *n, uint32_t max, const char *name)
{
	if (*n == max)
		return ctl_fail(CTL_USAGE, "more than %u --%s", max, name);
	list[(*n)++] = optarg;
	return CTL_OK;
}

static int parse_option(int letter, struct ctl_options *o)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].letter == letter)
			return parse_value(&rules[i], optarg, o);
	}
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].letter == letter)
			o->given |= words[i].bit;
	}
	switch (letter) {
	case 'b':
		return parse_backend(optarg, o);
	case 'd':
		o->device = optarg;
		break;
	case OPT_GROUPS:
		o->groups = optarg;
		break;
	case OPT_ENTRY:
		o->entry = optarg;
		break;
	case OPT_BUFFER:
		return add(o->buffers, &o->n_buffers, CTL_MAX_BUFFERS,
			   "buffer");
	case OPT_PUSH:
		o->push = optarg;
		break;
	case OPT_SPEC:
		return add(o->specs, &o->n_specs, CTL_MAX_SPECS, "spec");
	case OPT_TRACE:
		o->trace = optarg;
		break;
	case OPT_WORKER:
		o->flags |= VGPU_DEVICE_WORKER;
		break;
	case OPT_DISCRETE:
		o->flags |= VGPU_DEVICE_DISCRETE;
		break;
	case OPT_SHARED:
		o->flags |= VGPU_DEVICE_SHARED;
		break;
	case OPT_GPU:
		o->gpu = optarg;
		break;
	case OPT_UUID:
		o->uuid = optarg;
		break;
	case OPT_ATTR:
		return add(o->attrs, &o->n_attrs, CTL_MAX_ATTRS, "attr");
	case OPT_JSON:
		o->json = true;
		break;
	case 'h':
		o->help = true;
		break;
	case 'V':
		o->version = true;
		break;
	}
	return CTL_OK;
}

/* getopt has refused what stands before optind. */
static int refuse(int letter, char **argv)
{
	const char *word = argv[optind - 1];
	char name[3] = { '-', (char)optopt, 0 };

	if (letter == ':')
		return ctl_fail(CTL_USAGE,
				"%.40s: a value is missing; see vgpuctl --help",
				word);
	/* Among several letters in a word, optopt says which. */
	if (!optopt)
		return ctl_fail(CTL_USAGE,
				"unknown option %.40s; see vgpuctl --help",
				word);
	if (!strncmp(word, "--", 2))
		return ctl_fail(CTL_USAGE,
				"%.40s: this option takes no value; see vgpuctl --help",
				word);
	return ctl_fail(CTL_USAGE, "unknown option %s; see vgpuctl --help",
			name);
}

int ctl_parse(int argc, char **argv, struct ctl_options *o)
{
	struct option longs[ARRAY_SIZE(rules) + ARRAY_SIZE(words) + 1] = { 0 };
	struct option *at = longs;
	int letter, ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++, at++) {
		at->name = rules[i].name;
		at->has_arg = required_argument;
		at->val = rules[i].letter;
	}
	for (i = 0; i < ARRAY_SIZE(words); i++, at++) {
		at->name = words[i].name;
		at->has_arg = words[i].has_value;
		at->val = words[i].letter;
	}
	memset(o, 0, sizeof(*o));
	o->entries = 1024;
	o->batch = 32;
	o->threads = 1;
	o->bytes = 16ull << 20;
	o->repeat = 7;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":b:d:hV", longs, NULL)) !=
	       -1) {
		if (letter == '?' || letter == ':')
			return refuse(letter, argv);
		ret = parse_option(letter, o);
		if (ret)
			return ret;
	}
	o->args = argv + optind;
	o->n_args = argc - optind;
	return CTL_OK;
}

int ctl_check_given(const struct ctl_options *o, const char *command,
		    uint32_t takes)
{
	uint32_t odd = o->given & ~takes;
	const char *name = NULL;
	size_t i;

	if (!odd)
		return CTL_OK;
	for (i = 0; !name && i < ARRAY_SIZE(words); i++) {
		if (odd & words[i].bit)
			name = words[i].name;
	}
	for (i = 0; !name && i < ARRAY_SIZE(rules); i++) {
		if (odd & rules[i].bit)
			name = rules[i].name;
	}
	return ctl_fail(CTL_USAGE,
			"%s takes no --%s; see vgpuctl help %.*s", command,
			name, (int)strcspn(command, " "), command);
}
