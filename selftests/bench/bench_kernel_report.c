// SPDX-License-Identifier: MIT
/*
 * bench_kernel: medians of what was measured, as tables and as JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "bench_kernel_measure.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS	"not known"
#endif

static const char * const step_names[BENCH_STEPS] = {
	"upload", "first launch", "next launch", "download",
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *v, uint32_t n)
{
	double sorted[BENCH_MAX_REPS];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*sorted), compare);
	return sorted[n / 2];
}

static double ratio(const double *ours, const double *peer, uint32_t n)
{
	double r[BENCH_MAX_REPS];
	uint32_t i;

	for (i = 0; i < n; i++)
		r[i] = ours[i] / peer[i];
	return median(r, n);
}

static double more(const double *ours, const double *peer, uint32_t n)
{
	double d[BENCH_MAX_REPS];
	uint32_t i;

	for (i = 0; i < n; i++)
		d[i] = ours[i] - peer[i];
	return median(d, n);
}

/* Strings in JSON; drivers' names have no control characters. */
static void put(FILE *json, const char *key, const char *text)
{
	fprintf(json, "\"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', json);
		fputc(*text, json);
	}
	fputc('"', json);
}

void bench_report_begin(FILE *json)
{
	printf("bench_kernel: flags: %s\n", BENCH_FLAGS);
	if (!json)
		return;
	fprintf(json, "{\"bench\": \"kernel\", ");
	put(json, "flags", BENCH_FLAGS);
	fprintf(json, ", \"groups\": [");
}

static void report_case(FILE *json, const struct bench_group *g,
			const struct bench_results *r, uint32_t c,
			uint32_t side)
{
	uint32_t reps = r->reps[c];
	const double (*f)[BENCH_MAX_REPS] = r->figure[c][side];
	const double (*peer)[BENCH_MAX_REPS] = r->figure[c][0];
	double wall = median(f[BENCH_WALL], reps);
	double to = ratio(f[BENCH_WALL], peer[BENCH_WALL], reps);
	double cpu = median(f[BENCH_THREAD], reps);
	double above = more(f[BENCH_THREAD], peer[BENCH_THREAD], reps);
	double all = median(f[BENCH_PROCESS], reps);
	double all_to = ratio(f[BENCH_PROCESS], peer[BENCH_PROCESS], reps);
	double count = median(f[BENCH_INSTRUCTIONS], reps);

	printf("%-23s  %-18s %9.1f %7.3f %9.2f %9.2f %9.1f %7.3f %4u",
	       side ? "" : bench_cases[c].name, g->sides[side].name,
	       wall / 1000, to, cpu / 1000, above / 1000, all / 1000, all_to,
	       reps);
	if (r->counted)
		printf(" %8.0f", count);
	printf("\n");
	if (!json)
		return;
	fprintf(json, "%s\n  {\"case\": \"%s\", \"side\": \"%s\", \"iterations\": %u, \"wall_us\": %.3f, \"ratio\": %.4f, \"thread_cpu_us\": %.3f, \"thread_cpu_more_us\": %.3f, \"all_cpu_us\": %.3f, \"all_cpu_ratio\": %.4f, \"repetitions\": %u",
		c || side ? "," : "", bench_cases[c].name,
		g->sides[side].name, r->count[c], wall / 1000, to, cpu / 1000,
		above / 1000, all / 1000, all_to, reps);
	if (r->counted)
		fprintf(json, ", \"instructions\": %.0f", count);
	fprintf(json, "}");
}

static void report_cases(FILE *json, const struct bench_group *g,
			 const struct bench_results *r)
{
	uint32_t c, i;

	printf("%-23s  %-18s %9s %7s %9s %9s %9s %7s %4s%s\n",
	       "one launch, of", "by", "wall us", "ratio", "cpu us", "more us",
	       "all cpu", "ratio", "reps",
	       r->counted ? "   instr." : "");
	for (c = 0; c < BENCH_CASES; c++)
		for (i = 0; i < g->n_sides; i++)
			if (!r->out[i] && (!g->stub || bench_cases[c].stub))
				report_case(json, g, r, c, i);
}

static double total(const struct bench_results *r, uint32_t side, uint32_t rep)
{
	double sum = 0;
	uint32_t i;

	for (i = 0; i < BENCH_STEPS; i++)
		sum += r->step_ns[side][i][rep];
	return sum;
}

static void report_side_data(FILE *json, const struct bench_group *g,
			     const struct bench_results *r, uint32_t side)
{
	double all[2][BENCH_MAX_REPS];
	uint32_t i, n = r->data_reps;
	double ms;

	for (i = 0; i < n; i++) {
		all[0][i] = total(r, 0, i);
		all[1][i] = total(r, side, i);
	}
	printf("%-18s", g->sides[side].name);
	if (json)
		fprintf(json, "%s\n  {\"side\": \"%s\"", side ? "," : "",
			g->sides[side].name);
	for (i = 0; i < BENCH_STEPS; i++) {
		ms = median(r->step_ns[side][i], n) / 1e6;
		printf(" %12.2f", ms);
		if (json)
			fprintf(json, ", \"%s_ms\": %.3f", step_names[i], ms);
	}
	ms = median(all[1], n) / 1e6;
	printf(" %9.2f %7.3f ", ms, ratio(all[1], all[0], n));
	if (json)
		fprintf(json, ", \"total_ms\": %.3f, \"ratio\": %.4f", ms,
			ratio(all[1], all[0], n));
	for (i = 0; i < BENCH_STEPS && r->counts[side]; i++) {
		printf(" %.0f+%.0f", (double)r->in[side][i] / (1 << 20),
		       (double)r->out_bytes[side][i] / (1 << 20));
		if (json)
			fprintf(json, ", \"%s_bytes_to_engine\": %llu, \"%s_bytes_from_engine\": %llu",
				step_names[i],
				(unsigned long long)r->in[side][i],
				step_names[i],
				(unsigned long long)r->out_bytes[side][i]);
	}
	printf("\n");
	if (json)
		fprintf(json, "}");
}

static void report_data(FILE *json, const struct bench_group *g,
			const struct bench_results *r)
{
	uint32_t i;

	printf("%-18s %12s %12s %12s %12s %9s %7s  %s\n", "64 MiB, ms",
	       step_names[0], step_names[1], step_names[2], step_names[3],
	       "all", "ratio", "MiB copied to + from the engine in each");
	for (i = 0; i < g->n_sides; i++)
		if (!r->out[i])
			report_side_data(json, g, r, i);
}

void bench_report_group(FILE *json, const struct bench_group *g,
			const struct bench_results *r)
{
	static bool another;
	uint32_t i;

	printf("\n== %s\n", g->name);
	if (json) {
		fprintf(json, "%s\n {", another ? "," : "");
		put(json, "group", g->key);
		another = true;
	}
	if (!r->measured) {
		printf("%s: %s\n", r->failed ? "FAILED" : "left out", r->why);
		if (json) {
			fprintf(json, ", ");
			put(json, r->failed ? "failed" : "left_out", r->why);
			fprintf(json, "}");
		}
		return;
	}
	for (i = 0; i < g->n_sides; i++)
		printf("%-18s %s%s\n", g->sides[i].name,
		       r->out[i] ? "left out: " : "", r->what[i]);
	if (json) {
		fprintf(json, ", ");
		put(json, "device", r->what[0]);
		fprintf(json, ", \"launches\": [");
	}
	report_cases(json, g, r);
	if (json)
		fprintf(json, "\n ], \"data\": [");
	if (r->data_reps)
		report_data(json, g, r);
	if (json)
		fprintf(json, "\n ]}");
	fflush(stdout);
}

void bench_report_end(FILE *json)
{
	if (json)
		fprintf(json, "\n]}\n");
}
