/* SPDX-License-Identifier: MIT */
/*
 * What bench_kernel measures, and where the figures lie until they are printed.
 */
#ifndef VGPU_BENCH_KERNEL_MEASURE_H
#define VGPU_BENCH_KERNEL_MEASURE_H

#include <stdio.h>

#include "bench_kernel.h"

#define BENCH_MAX_REPS		101u
#define BENCH_MAX_SIDES		5u
#define BENCH_MIN_REPS		3u
#define BENCH_CASES		13u

/**
 * struct bench_case - launches to be measured
 * @name: of them
 * @kernel: which
 * @us: how long one shall take; 0: no iterations
 * @batch: how many are submitted before a wait
 * @rounds: of that in a repetition
 * @relaxed: they may overlap
 * @stub: with a driver stub, too
 */
struct bench_case {
	const char *name;
	enum bench_kernel kernel;
	uint32_t us;
	uint32_t batch;
	uint32_t rounds;
	bool relaxed;
	bool stub;
};

extern const struct bench_case bench_cases[BENCH_CASES];

struct bench_side {
	const char *name;
	const struct bench_side_ops *ops;
	uint32_t flags;
};

/**
 * struct bench_group - sides to compare
 * @key: for --only and in JSON
 * @name: for people
 * @stub: over the driver stub
 * @sides: the first is the peer
 */
struct bench_group {
	const char *key;
	const char *name;
	bool stub;
	uint32_t n_sides;
	struct bench_side sides[BENCH_MAX_SIDES];
};

/* Of one launch: nanoseconds, but instructions of the submitting thread. */
enum bench_figure {
	BENCH_WALL,
	BENCH_THREAD,	/* CPU time of the submitting thread */
	BENCH_PROCESS,	/* of the process, and of its worker */
	BENCH_INSTRUCTIONS,
	BENCH_FIGURES,
};

/* Steps of the work on data. */
enum bench_step {
	BENCH_UPLOAD,
	BENCH_FIRST,	/* the launch after the upload */
	BENCH_NEXT,	/* another one */
	BENCH_DOWNLOAD,
	BENCH_STEPS,
};

/**
 * struct bench_results - of a group
 * @measured: there are any
 * @failed: a side failed on the way
 * @why: if there are none
 * @what: each side's device and driver; why it was left out
 * @out: side was left out
 * @counted: there are instructions
 * @count: iterations by case
 * @reps: repetitions by case
 * @data_reps: repetitions of @step_ns
 * @step_ns: by side, step, repetition
 * @in: bytes copied for the kernel in a step, by side; @counts: known
 * @out_bytes: and back
 */
struct bench_results {
	bool measured;
	bool failed;
	bool counted;
	char why[256];
	char what[BENCH_MAX_SIDES][256];
	bool out[BENCH_MAX_SIDES];
	bool counts[BENCH_MAX_SIDES];
	uint32_t count[BENCH_CASES];
	uint32_t reps[BENCH_CASES];
	uint32_t data_reps;
	uint64_t in[BENCH_MAX_SIDES][BENCH_STEPS];
	uint64_t out_bytes[BENCH_MAX_SIDES][BENCH_STEPS];
	double step_ns[BENCH_MAX_SIDES][BENCH_STEPS][BENCH_MAX_REPS];
	double figure[BENCH_CASES][BENCH_MAX_SIDES][BENCH_FIGURES]
		     [BENCH_MAX_REPS];
};

/*
 * In a process of its own.  @case_ms: after so long no repetition of a case is
 * begun.  @stub: path of the driver stub, if it is that group.
 */
void bench_measure(const struct bench_group *g, struct bench_results *r,
		   uint32_t case_ms, const char *device, const char *stub);

void bench_report_begin(FILE *json);
void bench_report_group(FILE *json, const struct bench_group *g,
			const struct bench_results *r);
void bench_report_end(FILE *json);

#endif /* VGPU_BENCH_KERNEL_MEASURE_H */
