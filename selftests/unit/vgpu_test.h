/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: the kernel's kselftest harness (taken from
 * the kernel's source package when tests are built), and what it lacks for a
 * library: a leak check at the end of each test, and a count of descriptors.
 *
 *	VGPU_TEST(name)
 *	{
 *		ASSERT_EQ(0, ...);
 *	}
 *
 *	TEST_HARNESS_MAIN
 *
 * Each test runs in a process of its own, forked by the harness before any
 * thread exists, so tests may create threads, and a crash or a hang is a
 * failure of that test only.  The environment's VGPU_TEST_SCALE says how many
 * times longer than usual a test that loops may take (vgpu_test_scale()), and
 * VGPU_TEST_PATIENCE how many times slower the machine is.
 */
#ifndef VGPU_TEST_H
#define VGPU_TEST_H

/* The harness shadows and leaves unused, by design. */
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <signal.h>
#include "kselftest_harness.h"
#pragma GCC diagnostic pop

/* The very tokens of os.h's, so that both may be included in either order. */
#undef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

/* Seconds until a test counts as hung; sanitizers slow a test down tenfold. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	60

/* There only in programs linked with LeakSanitizer. */
#pragma weak __lsan_do_recoverable_leak_check
int __lsan_do_recoverable_leak_check(void);

static inline unsigned int vgpu_test_times(const char *name)
{
	const char *s = getenv(name);
	int n = s ? atoi(s) : 1;

	return n > 1 ? n : 1;
}

/**
 * vgpu_test_scale() - how much longer than usual tests shall take
 *
 * Return: VGPU_TEST_SCALE from the environment, or 1.
 */
static inline unsigned int vgpu_test_scale(void)
{
	return vgpu_test_times("VGPU_TEST_SCALE");
}

/**
 * vgpu_test_fds() - count this process's open file descriptors
 *
 * Return: the count, without the one that counting takes; -1 on an error.
 */
static inline int vgpu_test_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			n++;
	closedir(dir);
	return n - 1;
}

/*
 * Tests leave by _exit(), which runs no leak check, so one is asked for here.
 * A test's variables are gone by now: its body is a function of its own, and
 * what only a dead frame pointed to is leaked.
 */
static inline void vgpu_test_leaks(struct __test_metadata *_metadata)
{
	if (!__lsan_do_recoverable_leak_check)
		return;
	if (__lsan_do_recoverable_leak_check()) {
		TH_LOG("memory leaked");
		_metadata->exit_code = KSFT_FAIL;
	}
}

/* A test that also fails when it leaks memory. */
#define VGPU_TEST(name)							\
	static void vgpu_body_##name(struct __test_metadata *_metadata)	\
		__attribute__((noinline));				\
	TEST(name)							\
	{								\
		vgpu_body_##name(_metadata);				\
		vgpu_test_leaks(_metadata);				\
	}								\
	static void vgpu_body_##name(struct __test_metadata *_metadata)

/* Longer tests hang later. */
static void __attribute__((constructor(KSELFTEST_PRIO_XFAIL)))
vgpu_test_scale_timeouts(void)
{
	unsigned int scale = vgpu_test_scale() *
			     vgpu_test_times("VGPU_TEST_PATIENCE");
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			t->timeout *= scale;
}

#endif /* VGPU_TEST_H */
