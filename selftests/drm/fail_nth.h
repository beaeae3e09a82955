/* SPDX-License-Identifier: MIT */
/*
 * Fault injection by fail-nth: the n-th allocation, or copy from or to user
 * space, of one thread fails.  Needs a kernel that has that.
 */
#ifndef VGPU_FAIL_NTH_H
#define VGPU_FAIL_NTH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Allocations that may sleep fail, too, and all tasks that ask for it. */
static inline bool fail_arm(void)
{
	static const char *const files[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
		{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
	};
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		fd = open(files[i][0], O_WRONLY);
		if (fd < 0 || write(fd, files[i][1], 1) != 1)
			return false;
		close(fd);
	}
	return true;
}

/* The file of a thread, which may be one of the kernel's; or -1. */
static inline int fail_open(long tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/fail-nth", tid);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Its @n-th one from now on fails; 0: none does. */
static inline void fail_set(int fd, int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	/* What was set before may make this fail, once. */
	if (pwrite(fd, text, len, 0) != len && pwrite(fd, text, len, 0) != len)
		abort();
}

/*
 * Whether what was to fail was reached; nothing fails any more.  If it was not,
 * it may be the reading that fails.
 */
static inline bool fail_reached(int fd)
{
	char text[16] = { 0 };
	bool reached = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	fail_set(fd, 0);
	return reached;
}

#endif /* VGPU_FAIL_NTH_H */
