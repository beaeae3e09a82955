// SPDX-License-Identifier: MIT
/*
 * vgpuctl's output: the same calls write lines for people or one JSON object.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "vgpuctl.h"

int ctl_out_open(struct ctl_out *out, bool json, const char *command)
{
	memset(out, 0, sizeof(*out));
	out->json = json;
	out->file = open_memstream(&out->text, &out->bytes);
	if (!out->file)
		return ctl_fail(CTL_FAILED, "memory is short");
	if (json) {
		fputc('{', out->file);
		out->closer[0] = '}';
		ctl_out_string(out, "command", "", command);
		ctl_out_string(out, "version", "", vgpu_version_string());
	}
	return CTL_OK;
}

void ctl_out_discard(struct ctl_out *out)
{
	fclose(out->file);
	free(out->text);
}

bool ctl_out_write(struct ctl_out *out, FILE *to)
{
	bool good;

	if (out->json)
		fputs("\n}\n", out->file);
	good = !fclose(out->file) &&
	       fwrite(out->text, 1, out->bytes, to) == out->bytes &&
	       !fflush(to);
	free(out->text);
	return good;
}

int ctl_out_finish(struct ctl_out *out)
{
	if (!ctl_out_write(out, stdout))
		return ctl_fail(CTL_FAILED, "cannot write the output: %m");
	return CTL_OK;
}

/* Length of the UTF-8 sequence at @s, 0 if it is none. */
static unsigned int utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int i, n;
	uint32_t c;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

static void write_json_string(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned int n;

	fputc('"', f);
	while (*s) {
		n = utf8_length(s);
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\u%04x", *s);
		else if (n)
			fwrite(s, 1, n, f);
		else
			fputs("\\ufffd", f);
		s += n ? n : 1;
	}
	fputc('"', f);
}

/* What a device calls itself must not drive the terminal. */
static void write_plain_string(FILE *f, const char *s)
{
	for (; *s; s++)
		fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, f);
}

/* Begin the next element: comma, line, indentation, key. */
static void next(struct ctl_out *out, const char *key)
{
	if (out->filled[out->depth])
		fputc(',', out->file);
	out->filled[out->depth] = true;
	fprintf(out->file, "\n%*s", 2 * (int)(out->depth + 1), "");
	if (key) {
		write_json_string(out->file, key);
		fputs(": ", out->file);
	}
}

static void open_level(struct ctl_out *out, const char *key, char opener,
		       char closer)
{
	next(out, key);
	fputc(opener, out->file);
	if (out->depth + 1 >= CTL_OUT_DEPTH)
		abort();
	out->depth++;
	out->filled[out->depth] = false;
	out->closer[out->depth] = closer;
}

void ctl_out_section(struct ctl_out *out, const char *key, const char *label)
{
	if (out->json)
		open_level(out, key, '{', '}');
	else if (label)
		fprintf(out->file, "%s%s\n", ftell(out->file) ? "\n" : "",
			label);
}

void ctl_out_list(struct ctl_out *out, const char *key)
{
	if (out->json)
		open_level(out, key, '[', ']');
}

void ctl_out_end(struct ctl_out *out)
{
	char closer;

	if (!out->json)
		return;
	closer = out->closer[out->depth];
	if (out->filled[out->depth])
		fprintf(out->file, "\n%*s", 2 * (int)out->depth, "");
	fputc(closer, out->file);
	out->depth--;
}

static void write_label(struct ctl_out *out, const char *label)
{
	fprintf(out->file, "  %-22s ", label);
}

void ctl_out_string(struct ctl_out *out, const char *key, const char *label,
		    const char *value)
{
	if (!out->json) {
		write_label(out, label);
		write_plain_string(out->file, value[0] ? value : "unknown");
		fputc('\n', out->file);
		return;
	}
	next(out, key);
	if (value[0])
		write_json_string(out->file, value);
	else
		fputs("null", out->file);
}

void ctl_out_number(struct ctl_out *out, const char *key, const char *label,
		    uint64_t value, const char *unit)
{
	if (out->json) {
		next(out, key);
		fprintf(out->file, "%llu", (unsigned long long)value);
		return;
	}
	write_label(out, label);
	fprintf(out->file, "%llu%s%s\n", (unsigned long long)value,
		unit[0] ? " " : "", unit);
}

const char *ctl_size_text(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB" };
	double value = (double)bytes;
	unsigned int i = 0;
	bool whole;

	while (value >= 1024 && i < 4) {
		value /= 1024;
		i++;
	}
	whole = value == (double)(uint64_t)value;
	snprintf(buf, 32, whole ? "%.0f %s" : "%.1f %s", value, units[i]);
	return buf;
}

void ctl_out_bytes(struct ctl_out *out, const char *key, const char *label,
		   uint64_t value)
{
	char text[32];

	if (out->json) {
		ctl_out_number(out, key, label, value, "");
		return;
	}
	write_label(out, label);
	fputs(ctl_size_text(value, text), out->file);
	if (value >= 1024)
		fprintf(out->file, " (%llu)", (unsigned long long)value);
	fputc('\n', out->file);
}

void ctl_out_milli(struct ctl_out *out, const char *key, const char *label,
		   int64_t value, const char *unit)
{
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (!vgpu_info_known(value)) {
		ctl_out_string(out, key, label, "");
		return;
	}
	if (out->json)
		next(out, key);
	else
		write_label(out, label);
	fprintf(out->file, "%s%llu", value < 0 ? "-" : "",
		(unsigned long long)(n / 1000));
	if (n % 1000)
		fprintf(out->file, ".%03llu", (unsigned long long)(n % 1000));
	if (!out->json)
		fprintf(out->file, " %s\n", unit);
}

void ctl_out_real(struct ctl_out *out, const char *key, double value)
{
	if (!out->json)
		return;
	next(out, key);
	if (isfinite(value))
		fprintf(out->file, "%.6g", value);
	else
		fputs("null", out->file);
}

void ctl_out_us(struct ctl_out *out, const char *key, uint64_t ns)
{
	if (!out->json)
		return;
	next(out, key);
	fprintf(out->file, "%llu.%03u", (unsigned long long)(ns / 1000),
		(unsigned int)(ns % 1000));
}

void ctl_out_bool(struct ctl_out *out, const char *key, bool value)
{
	if (!out->json)
		return;
	next(out, key);
	fputs(value ? "true" : "false", out->file);
}

void ctl_out_text(struct ctl_out *out, const char *format, ...)
{
	va_list args;

	if (out->json)
		return;
	va_start(args, format);
	vfprintf(out->file, format, args);
	va_end(args);
}
