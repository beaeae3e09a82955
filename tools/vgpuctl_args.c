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
 * struct option_rule - an option with a value
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

/* Numbers and sizes; strings have cases of their own. */
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

static int parse_size(const char *text, uint64_t *value)
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

	ret = r->size ? parse_size(text, &value) : parse_count(text, &value);
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
				"unknown backend \"%.40s\": must be passthrough, mdev, wgpu, vulkan or simulator; `vgpuctl list` says which this host has",
				text);
	o->given |= CTL_OPT_BACKEND;
	return CTL_OK;
}

static int parse_option(int letter, struct ctl_options *o)
{
	size_t i;

	switch (letter) {
	case 'b':
		return parse_backend(optarg, o);
	case 'd':
		o->device = optarg;
		o->given |= CTL_OPT_DEVICE;
		return CTL_OK;
	case 'j':
		o->json = true;
		return CTL_OK;
	case 'h':
		o->help = true;
		return CTL_OK;
	case 'V':
		o->version = true;
		return CTL_OK;
	}
	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].letter == letter)
			return parse_value(&rules[i], optarg, o);
	}
	return CTL_USAGE;
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
	struct option longs[ARRAY_SIZE(rules) + 6] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "device", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
	};
	int letter, ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		longs[5 + i].name = rules[i].name;
		longs[5 + i].has_arg = required_argument;
		longs[5 + i].val = rules[i].letter;
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
	if (odd & CTL_OPT_BACKEND)
		name = "backend";
	else if (odd & CTL_OPT_DEVICE)
		name = "device";
	for (i = 0; !name && i < ARRAY_SIZE(rules); i++) {
		if (odd & rules[i].bit)
			name = rules[i].name;
	}
	return ctl_fail(CTL_USAGE,
			"%s takes no --%s; see vgpuctl help %s", command, name,
			command);
}
