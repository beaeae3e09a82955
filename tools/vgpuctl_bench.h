/* SPDX-License-Identifier: MIT */
/*
 * vgpuctl bench: what the measurements (vgpuctl_measure.c) share with the
 * report about them (vgpuctl_bench.c).
 */
#ifndef VGPUCTL_BENCH_H
#define VGPUCTL_BENCH_H

#include "vgpuctl.h"

/**
 * struct bench - what is measured
 * @o: the command line
 * @dev: device that runs
 * @ring: a ring of it without times
 * @ring_entries: of that
 * @kernel: a native kernel that does nothing, 0 if there are none
 * @a: device memory of @o->bytes
 * @b: the same
 * @host: CPU memory of @o->bytes
 * @pinned: the same, registered with the device
 */
struct bench {
	const struct ctl_options *o;
	struct vgpu_device *dev;
	struct vgpu_device_ring *ring;
	uint32_t ring_entries;
	uint64_t kernel;
	uint64_t a, b;
	void *host;
	void *pinned;
};

/**
 * struct measurement - something that can be measured
 * @key: in JSON
 * @label: for people
 * @unit: of what @run gives
 * @base: key of what the ratio is taken to, in the same repetition, or NULL
 * @run: one repetition; 0 or a negative errno
 */
struct measurement {
	const char *key;
	const char *label;
	const char *unit;
	const char *base;
	int (*run)(struct bench *b, double *value);
};

extern const struct measurement bench_measurements[];
extern const unsigned int bench_n_measurements;

/* CTL_OK, or something else after a line on stderr; close it in any case. */
int bench_open(struct bench *b, const struct ctl_options *o,
	       uint32_t *backend);
void bench_close(struct bench *b);

#endif /* VGPUCTL_BENCH_H */
