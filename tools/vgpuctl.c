// SPDX-License-Identifier: MIT
/*
 * vgpuctl: look at the vgpu devices of this host, measure them, and run kernels
 * on them.
 */
#include <string.h>

#include "vgpuctl.h"

#define OPEN_OPTIONS	(CTL_OPT_BACKEND | CTL_OPT_DEVICE | CTL_OPT_VRAM)
#define BENCH_OPTIONS	(OPEN_OPTIONS | CTL_OPT_ENTRIES | CTL_OPT_BATCH |	\
			 CTL_OPT_THREADS | CTL_OPT_BYTES | CTL_OPT_REPEAT)
#define RUN_OPTIONS	(OPEN_OPTIONS | CTL_OPT_GROUPS | CTL_OPT_ENTRY |	\
			 CTL_OPT_BUFFER | CTL_OPT_PUSH | CTL_OPT_SPEC |		\
			 CTL_OPT_REPEAT | CTL_OPT_TRACE | CTL_OPT_WORKER |	\
			 CTL_OPT_DISCRETE | CTL_OPT_TIMEOUT)

#define DEVICE_HELP							\
	"  -b, --backend NAME  passthrough, mdev, wgpu, vulkan, simulator or auto,\n" \
	"                      the best that is available, which is the default\n" \
	"  -d, --device ID     which device of the backend; default: the first\n" \
	"      --vram SIZE     memory of the device, such as 64M or 2G, where this\n" \
	"                      program makes it or asks the kernel for it; default:\n" \
	"                      256M, of mdev what the GPU has\n"

static const struct command {
	const char *name;
	const char *what;
	uint32_t takes;
	int words;	/* after the command, at most */
	int (*run)(const struct ctl_options *o);
	const char *help;
} commands[] = {
	{
		"list", "the backends and devices of this host", 0, 0, ctl_list,
		"Usage: vgpuctl list [--json]\n"
		"\n"
		"Shows each backend, whether it is available and why, and the devices\n"
		"of those that are.\n",
	}, {
		"info", "what a device is and can do", OPEN_OPTIONS, 0, ctl_info,
		"Usage: vgpuctl info [OPTION...]\n"
		"\n"
		"Shows everything that is known about a device, its features and its\n"
		"limits.  What is not known says so: \"unknown\", or null in JSON.\n"
		"\n" DEVICE_HELP,
	}, {
		"stats", "what a device has done",
		OPEN_OPTIONS | CTL_OPT_RUN, 0, ctl_stats,
		"Usage: vgpuctl stats [--run N] [OPTION...]\n"
		"\n"
		"Shows the counters, the memory and the error record of a device.  A\n"
		"simulator begins with the command, and so do its counters.\n"
		"\n"
		"      --run N         first run N commands (transfers, copies, clears of\n"
		"                      64 KiB) through a queue, and show its counters too\n"
		DEVICE_HELP,
	}, {
		"bench", "measure a device", BENCH_OPTIONS, 0, ctl_bench,
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
	}, {
		"run", "run a kernel on data", RUN_OPTIONS, 1, ctl_run,
		"Usage: vgpuctl run KERNEL.spv|KERNEL.wgsl --groups X[,Y[,Z]] [OPTION...]\n"
		"\n"
		"Runs a compute shader.  Buffers are bound to set 0, in the order given.\n"
		"Outputs take the place of their files when everything is done.\n"
		"\n"
		"      --groups X,Y,Z  workgroups; Y and Z are 1 if they are left out\n"
		"      --entry NAME    entry point; default: main\n"
		"      --buffer file=PATH[,out=PATH]\n"
		"                      a buffer with what is in the file, and, with out=,\n"
		"                      written to a file afterwards\n"
		"      --buffer size=N[,fill=BYTE][,out=PATH]\n"
		"                      a buffer of that size, such as 4096 or 64M\n"
		"      --push HEX      push constants, in the order of memory\n"
		"      --spec ID=VALUE a specialization constant: true, 5, -5 or 1.5 (u32,\n"
		"                      i32, f32), or with a suffix 5u64, 5i64, 1.5f64\n"
		"      --repeat N      launches, one after the other; default 1\n"
		"      --trace FILE    write when what ran, for Perfetto\n"
		"      --worker        run it in a process of its own\n"
		"      --discrete      give kernels memory of their own\n"
		"      --shared        let kernels work on this process's memory\n"
		"      --timeout MS    longest run of a launch; default: no limit\n"
		DEVICE_HELP,
	}, {
		"instance", "parts of a GPU for virtual machines",
		CTL_OPT_GPU | CTL_OPT_UUID | CTL_OPT_ATTR, 2, ctl_instance,
		"Usage: vgpuctl instance types|list [--gpu ADDRESS]\n"
		"       vgpuctl instance create TYPE [--gpu ADDRESS] [--uuid UUID]\n"
		"                        [--attr NAME=VALUE...]\n"
		"       vgpuctl instance show|destroy UUID\n"
		"\n"
		"Instances are mediated devices of the GPUs of vgpu.ko, for virtual\n"
		"machines.  They are gone after a restart; mdevctl(8) keeps them.\n"
		"\n"
		"      --gpu ADDRESS   of this GPU, such as 7670:00:00.0; for create by\n"
		"                      default the first that has room\n"
		"      --uuid UUID     name of the instance; default: a new one\n"
		"      --attr NAME=VALUE\n"
		"                      vram_limit (bytes), weight (1 to 10000), priority\n"
		"                      (0 to 10) or cap (1 to 100 percent)\n",
	}, {
		"passthrough", "hand a GPU to a virtual machine", CTL_OPT_FORCE,
		2, ctl_passthrough,
		"Usage: vgpuctl passthrough [show [ADDRESS]] [--json]\n"
		"       vgpuctl passthrough prepare ADDRESS [--force] [--json]\n"
		"       vgpuctl passthrough restore ADDRESS [--json]\n"
		"\n"
		"Shows GPUs, or any PCI function by its address: its driver, its IOMMU group\n"
		"and what keeps that from being handed over, and the lines with which QEMU\n"
		"and libvirt take it.  prepare binds it to vfio-pci, restore gives it back to\n"
		"the driver that it had.\n"
		"\n"
		"      --force         also if the boot console or a process uses it\n",
	},
};

static int usage(void)
{
	size_t i;

	printf("Usage: vgpuctl COMMAND [OPTION...]\n"
	       "\n"
	       "Looks at the vgpu devices of this host, measures them, and runs kernels.\n"
	       "\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].what);
	printf("  %-12s how to use a command, and its options\n"
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
			"unknown command \"%.40s\": must be list, info, stats, bench, run, instance, passthrough or help; see vgpuctl --help",
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
				"no command: must be list, info, stats, bench, run, instance, passthrough or help; see vgpuctl --help");
	if (!strcmp(o.args[0], "help") && o.n_args <= 2)
		return o.n_args == 2 ? help(o.args[1]) : usage();
	c = find(o.args[0]);
	if (!c && strcmp(o.args[0], "help"))
		return unknown_command(o.args[0]);
	if (o.help)
		return help(o.args[0]);
	if (!c || o.n_args > 1 + c->words)
		return ctl_fail(CTL_USAGE,
				"unexpected argument \"%.40s\" after %s; see vgpuctl help %s",
				o.args[c ? 1 + c->words : 2], o.args[0],
				o.args[0]);
	ret = ctl_check_given(&o, c->name, c->takes);
	if (ret)
		return ret;
	return c->run(&o);
}
