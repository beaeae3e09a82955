/* SPDX-License-Identifier: MIT */
/*
 * What the parts of bench_kernel share: a side is one way of running the same
 * kernels on the same memory, ours or the peer's.
 */
#ifndef VGPU_BENCH_KERNEL_H
#define VGPU_BENCH_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kernels: selftests/shaders/bk_*.comp. */
enum bench_kernel {
	BENCH_EMPTY,	/* one invocation, no buffers */
	BENCH_LOOP,	/* BENCH_LOOP_WORDS words of the data, PARAMS */
	BENCH_TOUCH,	/* all of the data */
	BENCH_KERNELS,
};

struct bench_code {
	const uint32_t *words;
	size_t bytes;
};

extern const struct bench_code bench_codes[BENCH_KERNELS];

/* Memory of each side: the data, and behind it the loop's count. */
#define BENCH_DATA_BYTES	(64u << 20)
#define BENCH_PARAMS_BYTES	256u
#define BENCH_BYTES		(128u << 20)

#define BENCH_LOOP_GROUPS	256u
#define BENCH_LOOP_WORDS	(BENCH_LOOP_GROUPS * 64u)
#define BENCH_TOUCH_GROUPS	(BENCH_DATA_BYTES / 16u / 256u)

/* Launches that may be out at once. */
#define BENCH_MAX_BATCH		64u

static inline uint32_t bench_groups(enum bench_kernel k)
{
	switch (k) {
	case BENCH_LOOP:
		return BENCH_LOOP_GROUPS;
	case BENCH_TOUCH:
		return BENCH_TOUCH_GROUPS;
	default:
		return 1;
	}
}

/* Bytes of the data that a kernel is given; PARAMS too if it is LOOP. */
static inline uint32_t bench_data_bytes(enum bench_kernel k)
{
	switch (k) {
	case BENCH_LOOP:
		return BENCH_LOOP_WORDS * 4u;
	case BENCH_TOUCH:
		return BENCH_DATA_BYTES;
	default:
		return 0;
	}
}

/* How a side is opened. */
#define BENCH_OWN_MEMORY	(1u << 0)	/* no import: staging */
#define BENCH_WORKER		(1u << 1)
#define BENCH_WGPU		(1u << 2)

/**
 * struct bench_options - how to open a side
 * @device: a part of its name, or NULL
 * @flags: BENCH_*
 * @like: how the library describes the device that it has chosen, or ""
 * @own: an executor was opened, and has memory of its own: the peer does alike
 */
struct bench_options {
	const char *device;
	uint32_t flags;
	const char *like;
	bool own;
};

/**
 * struct bench_side_ops - a side
 * @open: 0 and @what gets a description, or -1 and the reason
 * @launch: submit @n, 1 to BENCH_MAX_BATCH, and wait for all.  @relaxed: they
 *	may overlap; else each sees what the earlier ones wrote
 * @upload: @bytes at offset @to of the memory; returns when @from is free
 * @download: @bytes at 0
 * @moved: bytes copied for kernels so far, or NULL: nobody counts
 *
 * All but @open end the program if anything fails.
 */
struct bench_side_ops {
	void *(*open)(struct bench_options *options, char *what,
		      size_t bytes);
	void (*close)(void *s);
	void (*launch)(void *s, enum bench_kernel kernel, uint32_t n,
		       bool relaxed);
	void (*upload)(void *s, uint32_t to, const void *from, uint32_t bytes);
	void (*download)(void *s, void *to, uint32_t bytes);
	void (*moved)(void *s, uint64_t *in, uint64_t *out);
};

extern const struct bench_side_ops bench_direct_vulkan;
extern const struct bench_side_ops bench_direct_wgpu;
/* The public interface: BENCH_WGPU, else vulkan. */
extern const struct bench_side_ops bench_ours;
/* An executor alone, in this process: BENCH_WGPU, else vulkan. */
extern const struct bench_side_ops bench_executor;

void bench_die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif /* VGPU_BENCH_KERNEL_H */
