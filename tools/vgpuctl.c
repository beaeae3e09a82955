// SPDX-License-Identifier: MIT
/*
 * vgpuctl: look at the vgpu devices of this host, and measure them.
 */
#include <string.h>

#include "vgpuctl.h"

#define OPEN_OPTIONS	(CTL_OPT_BACKEND | CTL_OPT_DEVICE | CTL_OPT_VRAM)
#define BENCH_OPTIONS	(OPEN_OPTIONS | CTL_OPT_ENTRIES | CTL_OPT_BATCH |	\
			 CTL_OPT_THREADS | CTL_OPT_BYTES | CTL_OPT_REPEAT)

#define DEVICE_HELP							\
	"  -b, --backend NAME  passthrough, mdev, wgpu, vulkan or simulator;\n" \
	"                      default: the first of these that is available\n" \
	"  -d, --device ID     which device of the backend; default: the first\n" \
	"      --vram SIZE     memory of a simulator, such as 64M or 2G;\n"	\
	"                      default: 256M\n"

static const struct command {
	const char *name;
	const char *what;
	uint32_t takes;
	int (*run)(const struct ctl_options *o);
	const char *help;
} commands[] = {
	{
		"list", "the backends and devices of this host", 0, ctl_list,
		"Usage: vgpuctl list [--json]\n"
		"\n"
		"Shows each backend, whether it is available and why, and the devices\n"
		"of those that are.\n",
	}, {
		"info", "what a device is and can do", OPEN_OPTIONS, ctl_info,
		"Usage: vgpuctl info [OPTION...]\n"
		"\n"
		"Shows everything that is known about a device, its features and its\n"
		"limits.  What is not known says so: \"unknown\", or null in JSON.\n"
		"\n" DEVICE_HELP,
	}, {
		"stats", "what a device has done",
		OPEN_OPTIONS | CTL_OPT_RUN, ctl_stats,
		"Usage: vgpuctl stats [--run N] [OPTION...]\n"
		"\n"
		"Shows the counters, the memory and the error record of a device.  A\n"
		"simulator begins with the command, and so do its counters.\n"
		"\n"
		"      --run N         first run N commands (transfers, copies, clears of\n"
		"                      64 KiB) through a queue, and show its counters too\n"
		DEVICE_HELP,
	}, {
		"bench", "measure a device", BENCH_OPTIONS, ctl_bench,
		"Usage: vgpuctl bench [OPTION...]\n"
		"\n"
		"Measures the queue, the device's ring, and the commands that move\n"
		"memory; medians of several repetitions, and for memory the ratio to\n"
		"memcpy() or memset() in the same repetition.\n"
		"\n"
		"      --entries N     entries of the queue, 1 to 1048576; default 1024;\n"
		"                      the ring has the next power of two from 8 to 65536\n"
		"      --batch N       commands at a time, up to the entries; default 32\n"
		"      --threads N     producers, and as many consumers; default 1\n"
		"      --bytes SIZE    of a memory command, up to 1G; default 16M\n"
		"      --repeat N      repetitions; default 7\n"
		DEVICE_HELP,
	},
};

static int usage(void)
{
	size_t i;

	printf("Usage: vgpuctl COMMAND [OPTION...]\n"
	       "\n"
	       "Looks at the vgpu devices of this host, and measures them.\n"
	       "\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].what);
	printf("  %-8s how to use a command, and its options\n"
	       "\n"
	       "      --json          one JSON object on standard output\n"
	       "  -h, --help          this text, or that of a command\n"
	       "  -V, --version       the versions of vgpuctl and libvgpu\n"
	       "\n"
	       "Exit status: 0 done; 1 failed; 2 the command line makes no sense; 3 this\n"
	       "host has no such backend or device.  A failure prints one line on\n"
	       "standard error, and nothing on standard output.\n", "help");
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

static int unknown_command(const char *name)
{
	return ctl_fail(CTL_USAGE,
			"unknown command \"%.40s\": must be list, info, stats, bench or help; see vgpuctl --help",
			name);
}

static const struct command *find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static int help(const char *name)
{
	const struct command *c = find(name);

	if (!strcmp(name, "help"))
		return usage();
	if (!c)
		return unknown_command(name);
	fputs(c->help, stdout);
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

static int version(void)
{
	printf("vgpuctl %s, libvgpu %s\n", LIBVGPU_VERSION_STRING,
	       vgpu_version_string());
	return fflush(stdout) ? CTL_FAILED : CTL_OK;
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct ctl_options o;
	int ret;

	ret = ctl_parse(argc, argv, &o);
	if (ret)
		return ret;
	if (o.version)
		return version();
	if (!o.n_args)
		return o.help ? usage() :
		       ctl_fail(CTL_USAGE,
				"no command: must be list, info, stats, bench or help; see vgpuctl --help");
	if (!strcmp(o.args[0], "help") && o.n_args <= 2)
		return o.n_args == 2 ? help(o.args[1]) : usage();
	c = find(o.args[0]);
	if (!c && strcmp(o.args[0], "help"))
		return unknown_command(o.args[0]);
	if (o.help)
		return help(o.args[0]);
	if (!c || o.n_args > 1)
		return ctl_fail(CTL_USAGE,
				"unexpected argument \"%.40s\" after %s; see vgpuctl help %s",
				o.args[c ? 1 : 2], o.args[0], o.args[0]);
	ret = ctl_check_given(&o, c->name, c->takes);
	if (ret)
		return ret;
	return c->run(&o);
}
