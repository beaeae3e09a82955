// SPDX-License-Identifier: MIT
/*
 * Launches: the library against Vulkan and webgpu.h driven directly, on the same
 * device, with the same kernels and the same kind of memory.
 *
 * A group is a peer and what is compared with it.  In every repetition each
 * side runs each case once, beginning with another side each time; what is
 * printed are medians over the repetitions, of ratios and differences too,
 * which are taken inside a repetition.  Each group runs in a process of its
 * own, so that a driver that fails costs its figures only.
 *
 * One group has a driver stub under it that returns at once: what remains there
 * is what the library itself costs.
 *
 *	bench_kernel [--json FILE] [--quick] [--device NAME] [--only GROUP]
 *
 * Without VK_DRIVER_FILES or VK_ICD_FILENAMES, a CPU driver that the tests use
 * is added to those of the system, if it is there; without VGPU_WGPU_LIB, their
 * WebGPU provider is taken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_kernel_measure.h"

static const uint32_t empty_code[] =
#include "bk_empty.inc"
;
static const uint32_t loop_code[] =
#include "bk_loop.inc"
;
static const uint32_t touch_code[] =
#include "bk_touch.inc"
;

const struct bench_code bench_codes[BENCH_KERNELS] = {
	[BENCH_EMPTY] = { empty_code, sizeof(empty_code) },
	[BENCH_LOOP] = { loop_code, sizeof(loop_code) },
	[BENCH_TOUCH] = { touch_code, sizeof(touch_code) },
};

static struct bench_group groups[] = {
	{
		.key = "stub", .name = "vulkan over a driver stub",
		.stub = true, .n_sides = 5,
		.sides = {
			{ "direct Vulkan", &bench_direct_vulkan, 0 },
			{ "library", &bench_ours, 0 },
			{ "executor alone", &bench_executor, 0 },
			{ "library, no import", &bench_ours, BENCH_OWN_MEMORY },
			{ "library, worker", &bench_ours, BENCH_WORKER },
		},
	}, {
		.key = "vulkan", .name = "vulkan, memory as the driver likes it",
		.n_sides = 4,
		.sides = {
			{ "direct Vulkan", &bench_direct_vulkan, 0 },
			{ "library", &bench_ours, 0 },
			{ "executor alone", &bench_executor, 0 },
			{ "library, worker", &bench_ours, BENCH_WORKER },
		},
	}, {
		.key = "discrete", .name = "vulkan, the device's own memory",
		.n_sides = 3,
		.sides = {
			{ "direct Vulkan", &bench_direct_vulkan,
			  BENCH_OWN_MEMORY },
			{ "library", &bench_ours, BENCH_OWN_MEMORY },
			{ "executor alone", &bench_executor, BENCH_OWN_MEMORY },
		},
	}, {
		.key = "wgpu", .name = "wgpu",
		.n_sides = 3,
		.sides = {
			{ "direct webgpu.h", &bench_direct_wgpu, BENCH_WGPU },
			{ "library, worker", &bench_ours, BENCH_WGPU },
			{ "executor alone", &bench_executor, BENCH_WGPU },
		},
	},
};

#define N_GROUPS	(sizeof(groups) / sizeof(groups[0]))

void bench_die(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "bench_kernel: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	_exit(1);
}

/* Beside the build of which this program is a part. */
static bool beside(const char *rest, char *path, size_t bytes)
{
	char self[4096], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return false;
	self[n] = 0;
	slash = strrchr(self, '/');
	*slash = 0;
	snprintf(path, bytes, "%s/../../%s", self, rest);
	return !access(path, R_OK);
}

static void find_drivers(void)
{
	char path[8192];

	if (!getenv("VK_DRIVER_FILES") && !getenv("VK_ICD_FILENAMES") &&
	    beside("deps/vulkan/lavapipe25_icd.json", path, sizeof(path)))
		setenv("VK_ADD_DRIVER_FILES", path, 0);
	if (beside("deps/wgpu/libwgpu_native.so", path, sizeof(path)))
		setenv("VGPU_WGPU_LIB", path, 0);
}

static void run_group(struct bench_group *g, struct bench_results *r,
		      uint32_t case_ms, const char *device)
{
	char stub[8192] = "";
	int status;
	pid_t pid;

	if (g->stub && !beside("fake/vulkan_stub.so", stub, sizeof(stub))) {
		snprintf(r->why, sizeof(r->why), "no driver stub beside the program");
		return;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (!pid) {
		bench_measure(g, r, case_ms, g->stub ? NULL : device, stub);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		bench_die("waitpid: %s", strerror(errno));
	if (!status)
		return;
	r->measured = false;
	r->failed = true;
	if (!*r->why)
		snprintf(r->why, sizeof(r->why), WIFSIGNALED(status) ?
			 "ended by signal %d" : "exit status %d",
			 WIFSIGNALED(status) ? WTERMSIG(status) :
					       WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", required_argument, NULL, 'j' },
		{ "quick", no_argument, NULL, 'q' },
		{ "device", required_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	const char *device = NULL, *only = NULL;
	struct bench_results *results;
	uint32_t case_ms = 3000, i;
	bool failed = false;
	FILE *json = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = fopen(optarg, "w");
			if (!json)
				bench_die("%s: %s", optarg, strerror(errno));
			break;
		case 'q':
			case_ms = 300;
			break;
		case 'd':
			device = optarg;
			break;
		case 'o':
			only = optarg;
			break;
		default:
			return 2;
		}
	}
	find_drivers();
	/* What the processes of the groups leave behind. */
	results = mmap(NULL, N_GROUPS * sizeof(*results),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	if (results == MAP_FAILED)
		bench_die("no memory");
	bench_report_begin(json);
	for (i = 0; i < N_GROUPS; i++) {
		if (only && strcmp(only, groups[i].key))
			continue;
		run_group(&groups[i], &results[i], case_ms, device);
		bench_report_group(json, &groups[i], &results[i]);
		failed |= results[i].failed;
	}
	bench_report_end(json);
	if (json && fclose(json))
		bench_die("--json: %s", strerror(errno));
	return failed;
}
