// SPDX-License-Identifier: MIT
/*
 * An instance: from the write of its UUID to the first successful open, against
 * the kernel's sample of a mediated device (samples/vfio-mdev/mtty.c), and the
 * memory that one takes while nobody has it open, and while somebody has.
 */
#include <linux/vfio.h>

#include "bench_memory.h"

#define PARENTS		"/sys/class/mdev_bus/"
#define OURS		PARENTS "7670:00:00.0/mdev_supported_types/vgpu-256m"
#define SAMPLE		PARENTS "mtty/mdev_supported_types/mtty-1"
#define MANY		16u

struct instance {
	char uuid[40];
	int container;
	int group;
	int device;
};

static void instance_create(struct instance *in, const char *type, uint32_t i)
{
	char path[256];

	snprintf(in->uuid, sizeof(in->uuid),
		 "7e57ab1e-0000-4000-8000-00000000be%02x", i);
	snprintf(path, sizeof(path), "%s/create", type);
	write_file(path, in->uuid);
}

static void instance_remove(const struct instance *in)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%.40s/remove",
		 in->uuid);
	write_file(path, "1");
}

static void instance_open(struct instance *in)
{
	char path[256], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%.40s/iommu_group",
		 in->uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		bench_die(path, errno);
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%.32s", strrchr(link, '/') + 1);
	in->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	in->group = open(path, O_RDWR | O_CLOEXEC);
	if (in->container < 0 || in->group < 0)
		bench_die(path, errno);
	if (ioctl(in->group, VFIO_GROUP_SET_CONTAINER, &in->container) ||
	    ioctl(in->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		bench_die("container", errno);
	in->device = ioctl(in->group, VFIO_GROUP_GET_DEVICE_FD, in->uuid);
	if (in->device < 0)
		bench_die("device", errno);
}

static void instance_close(const struct instance *in)
{
	close(in->device);
	close(in->group);
	close(in->container);
}

static double create_and_open(const char *type, double *remove)
{
	uint64_t t[3], start = bench_now();
	struct instance in;

	instance_create(&in, type, 0xff);
	instance_open(&in);
	t[0] = bench_now();
	instance_close(&in);
	t[1] = bench_now();
	instance_remove(&in);
	t[2] = bench_now();
	*remove = (double)(t[2] - t[1]);
	return (double)(t[0] - start);
}

static void measure(void)
{
	double sample, ours, removed[2];
	int peer;

	sample = create_and_open(SAMPLE, &removed[0]);
	ours = create_and_open(OURS, &removed[1]);
	peer = bench_figure(-1, "time", sample, "mtty, create to open");
	bench_figure(peer, "time", ours, "instance, create to open");
	peer = bench_figure(-1, "time", removed[0], "mtty, remove");
	bench_figure(peer, "time", removed[1], "instance, remove");
}

static void measure_memory(void)
{
	static struct instance all[MANY];
	struct memory before = memory_now();
	uint32_t i;

	for (i = 0; i < MANY; i++)
		instance_create(&all[i], OURS, i);
	memory_report(&before, MANY, "instance, idle");
	before = memory_now();
	for (i = 0; i < MANY; i++)
		instance_open(&all[i]);
	memory_report(&before, MANY, "instance, open");
	for (i = 0; i < MANY; i++) {
		instance_close(&all[i]);
		instance_remove(&all[i]);
	}
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, "instance", 21, 5);
	memory_begin("bench_instance");
	bench_pin(0);
	bench_repeat(measure);
	if (!bench_count)
		measure_memory();
	return bench_end();
}
