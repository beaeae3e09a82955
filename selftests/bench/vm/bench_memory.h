/* SPDX-License-Identifier: MIT */
/*
 * How much memory the kernel uses: the whole machine's figures, and those of a
 * fresh cgroup that the program puts itself into.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <sys/stat.h>

#include "bench_vm.h"

enum {
	MEMORY_TAKEN,		/* that is less in MemAvailable */
	MEMORY_SLAB,
	MEMORY_VMALLOC,
	MEMORY_PERCPU,
	MEMORY_STACKS,
	MEMORY_CGROUP,
	MEMORY_FIGURES,
};

static const char *const memory_names[MEMORY_FIGURES] = {
	"less available", "slab", "vmalloc", "per processor", "kernel stacks",
	"charged to its cgroup",
};

struct memory {
	double bytes[MEMORY_FIGURES];
};

static char memory_cgroup[64];

static inline void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bench_die(path, errno);
	close(fd);
}

/* From now on what is charged to this program is charged to a cgroup of it. */
static inline void memory_begin(const char *name)
{
	char path[128], pid[16];

	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	snprintf(memory_cgroup, sizeof(memory_cgroup), "/sys/fs/cgroup/%s",
		 name);
	if (mkdir(memory_cgroup, 0755) && errno != EEXIST)
		bench_die(memory_cgroup, errno);
	snprintf(path, sizeof(path), "%s/cgroup.procs", memory_cgroup);
	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file(path, pid);
}

static inline struct memory memory_now(void)
{
	static const char *const keys[MEMORY_CGROUP] = {
		"MemAvailable:", "Slab:", "VmallocUsed:", "Percpu:",
		"KernelStack:",
	};
	struct memory m = { 0 };
	char line[128];
	FILE *f;
	int i;

	/* What processors keep to themselves is given back. */
	write_file("/proc/sys/vm/drop_caches", "3");
	usleep(50000);
	f = fopen("/proc/meminfo", "r");
	if (!f)
		bench_die("/proc/meminfo", errno);
	while (fgets(line, sizeof(line), f))
		for (i = 0; i < MEMORY_CGROUP; i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				m.bytes[i] = atof(line + strlen(keys[i])) * 1024;
	fclose(f);
	m.bytes[MEMORY_TAKEN] = -m.bytes[MEMORY_TAKEN];
	snprintf(line, sizeof(line), "%s/memory.current", memory_cgroup);
	f = fopen(line, "r");
	if (!f || !fgets(line, sizeof(line), f))
		bench_die("memory.current", EIO);
	m.bytes[MEMORY_CGROUP] = atof(line);
	fclose(f);
	return m;
}

/* What came on top since, for each of @n. */
static inline void memory_report(const struct memory *before, uint32_t n,
				 const char *what)
{
	struct memory now = memory_now();
	int i;

	for (i = 0; i < MEMORY_FIGURES; i++)
		bench_figure(-1, "bytes", (now.bytes[i] - before->bytes[i]) / n,
			     "%s: %s", what, memory_names[i]);
}

#endif /* BENCH_MEMORY_H */
