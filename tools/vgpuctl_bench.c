// SPDX-License-Identifier: MIT
/*
 * vgpuctl bench: runs the measurements in turn, several times over, so that a
 * disturbance meets all of them, and reports medians.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgpuctl_bench.h"

/* values[m][r]: of measurement m in repetition r. */
struct samples {
	double *values;
	bool *missing;
	uint64_t repeat;
};

static double *sample(const struct samples *s, unsigned int m, uint64_t r)
{
	return &s->values[m * s->repeat + r];
}

/* For whoever watches; a pipe or a file gets nothing. */
static void progress(uint64_t done, uint64_t all)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (done < all)
		fprintf(stderr, "\rrepetition %llu of %llu ",
			(unsigned long long)(done + 1),
			(unsigned long long)all);
	else
		fputs("\r\033[K", stderr);
}

static int measure(struct bench *b, struct samples *s)
{
	const struct measurement *m;
	unsigned int i;
	uint64_t r;
	int ret;

	for (r = 0; r < s->repeat; r++) {
		progress(r, s->repeat);
		for (i = 0; i < bench_n_measurements; i++) {
			m = &bench_measurements[i];
			ret = s->missing[i] ? 0 : m->run(b, sample(s, i, r));
			if (ret == -EOPNOTSUPP)
				s->missing[i] = true;
			else if (ret)
				break;
		}
		if (i < bench_n_measurements) {
			progress(s->repeat, s->repeat);
			return ctl_device_failed(b->dev, m->label, ret);
		}
	}
	progress(s->repeat, s->repeat);
	return CTL_OK;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, uint64_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] :
		       (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* The median of the ratios to @base within a repetition; 0 without one. */
static double ratio(const struct samples *s, unsigned int m, double *scratch)
{
	const char *base = bench_measurements[m].base;
	unsigned int i;
	uint64_t r;

	if (!base)
		return 0;
	for (i = 0; strcmp(bench_measurements[i].key, base); i++)
		;
	for (r = 0; r < s->repeat; r++)
		scratch[r] = *sample(s, m, r) / *sample(s, i, r);
	return median(scratch, s->repeat);
}

static void out_result(struct ctl_out *out, const struct samples *s,
		       unsigned int i, double *scratch)
{
	const struct measurement *m = &bench_measurements[i];
	double mid, to_base = ratio(s, i, scratch);

	memcpy(scratch, sample(s, i, 0), s->repeat * sizeof(*scratch));
	mid = median(scratch, s->repeat);
	if (out->json) {
		ctl_out_section(out, NULL, NULL);
		ctl_out_string(out, "name", "", m->key);
		ctl_out_string(out, "unit", "", m->unit);
		ctl_out_real(out, "median", mid);
		ctl_out_real(out, "min", scratch[0]);
		ctl_out_real(out, "max", scratch[s->repeat - 1]);
		if (m->base) {
			ctl_out_string(out, "base", "", m->base);
			ctl_out_real(out, "ratio", to_base);
		}
		ctl_out_end(out);
		return;
	}
	ctl_out_text(out, "%-32s %9.1f %9.1f %9.1f  %s", m->label, mid,
		     scratch[0], scratch[s->repeat - 1], m->unit);
	if (m->base)
		ctl_out_text(out, ", %.2f of %s", to_base, m->base);
	ctl_out_text(out, "\n");
}

static int report(const struct bench *b, uint32_t backend,
		  const struct samples *s, double *scratch)
{
	const struct ctl_options *o = b->o;
	char size[32];
	unsigned int i;
	struct ctl_out out;
	int ret;

	ret = ctl_out_open(&out, o->json, "bench");
	if (ret)
		return ret;
	ctl_out_device(&out, b->dev, backend);
	if (out.json) {
		ctl_out_section(&out, "parameters", NULL);
		ctl_out_number(&out, "entries", "", o->entries, "");
		ctl_out_number(&out, "ring_entries", "", b->ring_entries, "");
		ctl_out_number(&out, "batch", "", o->batch, "");
		ctl_out_number(&out, "threads", "", o->threads, "");
		ctl_out_bytes(&out, "bytes", "", o->bytes);
		ctl_out_number(&out, "repeat", "", o->repeat, "");
		ctl_out_end(&out);
	}
	ctl_out_text(&out,
		     "queue of %llu, ring of %u, batches of %llu, %llu + %llu threads, commands of %s\n\n",
		     (unsigned long long)o->entries, b->ring_entries,
		     (unsigned long long)o->batch,
		     (unsigned long long)o->threads,
		     (unsigned long long)o->threads,
		     ctl_size_text(o->bytes, size));
	ctl_out_list(&out, "results");
	ctl_out_text(&out, "%-32s %9s %9s %9s  of %llu repetitions\n", "",
		     "median", "min", "max", (unsigned long long)o->repeat);
	for (i = 0; i < bench_n_measurements; i++) {
		if (!s->missing[i])
			out_result(&out, s, i, scratch);
	}
	ctl_out_end(&out);
	return ctl_out_finish(&out);
}

int ctl_bench(const struct ctl_options *o)
{
	struct samples s = { .repeat = o->repeat };
	double *scratch = calloc(o->repeat, sizeof(*scratch));
	struct bench b;
	uint32_t backend;
	int ret;

	s.values = calloc(o->repeat * bench_n_measurements,
			  sizeof(*s.values));
	s.missing = calloc(bench_n_measurements, sizeof(*s.missing));
	ret = bench_open(&b, o, &backend);
	if (!ret && !(s.values && s.missing && scratch))
		ret = ctl_fail(CTL_FAILED, "memory is short");
	if (!ret)
		ret = measure(&b, &s);
	if (!ret)
		ret = report(&b, backend, &s, scratch);
	bench_close(&b);
	free(s.values);
	free(s.missing);
	free(scratch);
	return ret;
}
