// SPDX-License-Identifier: MIT
/*
 * The demo: a shader computes the Mandelbrot set on the best device of this
 * host.  Then several threads drive a simulator through a queue, every byte that
 * comes back is checked, and memory is compacted, with a picture of it before
 * and after.  Exits with 0 if all was as it should be.
 *
 *	demo [PICTURE.png [MAP.png]]
 *	demo -b BACKEND [MAP.png]
 *
 * With a backend only the second part is done, on its first device; on one that
 * runs no functions of this program without launches.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define ENTRIES		256u
#define VRAM_BYTES	(256 * DEMO_MIB)

void demo_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("demo: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

int64_t demo_must(struct demo *d, int64_t ret, const char *what)
{
	char text[256] = "";

	if (ret >= 0)
		return ret;
	if (d->dev)
		vgpu_device_error(d->dev, text, sizeof(text));
	demo_die("%s: %s%s%s", what, vgpu_strerror((int)ret),
		 text[0] ? "; the device says: " : "", text);
}

static void open_all(struct demo *d, const char *backend)
{
	struct vgpu_device_info info;
	char text[256] = "";
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend_name = backend,
		.vram_bytes = VRAM_BYTES,
		.message = text,
		.message_bytes = sizeof(text),
	};
	struct vgpu_queue_options queue = {
		.size = sizeof(queue),
		.entries = ENTRIES,
		.name = "demo",
	};

	if (vgpu_device_open(&options, &d->dev))
		demo_die("no device: %s", text);
	demo_must(d, vgpu_device_initialize(d->dev), "initialize the device");
	demo_must(d, vgpu_device_start(d->dev), "start the device");
	demo_must(d, vgpu_device_get_info(d->dev, &info), "info");
	d->launches = info.features & VGPU_CAN_NATIVE;
	snprintf(d->name, sizeof(d->name), "%s (%s)", info.name, info.driver);
	demo_must(d, vgpu_queue_create(&queue, &d->queue), "a queue");
}

static double gib(uint64_t bytes)
{
	return (double)bytes / (double)(1 << 30);
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (double)DEMO_MIB;
}

static uint64_t count(struct demo *d, uint32_t type)
{
	return atomic_load(&d->by_type[type]);
}

static void print_work(struct demo *d, double seconds, uint64_t moved)
{
	printf("\n%u clients, %u workers, a queue of %u, %s with %.0f MiB\n"
	       "  %.1f s: %llu transfers to and %llu from the device, %llu launches, %llu copies, %llu clears\n"
	       "  %.0f MiB moved by compaction while they ran\n",
	       DEMO_CLIENTS, DEMO_WORKERS, ENTRIES, d->name, mib(VRAM_BYTES),
	       seconds,
	       (unsigned long long)count(d, VGPU_COMMAND_TRANSFER_TO),
	       (unsigned long long)count(d, VGPU_COMMAND_TRANSFER_FROM),
	       (unsigned long long)count(d, VGPU_COMMAND_LAUNCH),
	       (unsigned long long)count(d, VGPU_COMMAND_COPY),
	       (unsigned long long)count(d, VGPU_COMMAND_CLEAR), mib(moved));
}

/* Compact, and see that a block fits which did not. */
static void compact(struct demo *d, struct demo_map *before,
		    struct demo_map *after)
{
	uint64_t address, bytes, moved, start;
	double ms;
	int ret;

	demo_map_read(d, before);
	bytes = (before->total - before->used) * 9 / 10;
	ret = vgpu_device_alloc(d->dev, bytes, 0, &address);
	if (ret != -ENOMEM)
		demo_die("memory is not in pieces: a block of %.1f MiB gives %d",
			 mib(bytes), ret);
	start = vgpu_now_ns();
	demo_must(d, vgpu_device_compact(d->dev, 0, &moved), "compact");
	ms = (double)(vgpu_now_ns() - start) / 1e6;
	demo_map_read(d, after);
	demo_must(d, vgpu_device_alloc(d->dev, bytes, 0, &address),
		  "a block after compaction");
	demo_must(d, vgpu_device_free(d->dev, address), "free it");
	printf("compaction\n"
	       "  %.1f MiB moved in %.1f ms; %u free pieces became %u, the largest went from %.1f to %.1f MiB\n"
	       "  a block of %.1f MiB did not fit before, and fits now\n",
	       mib(moved), ms, before->holes, after->holes,
	       mib(before->largest_free), mib(after->largest_free),
	       mib(bytes));
}

static void print_stats(struct demo *d)
{
	struct vgpu_queue_stats q = { .size = sizeof(q) };
	struct vgpu_device_stats s;

	demo_must(d, vgpu_queue_get_stats(d->queue, &q), "statistics");
	demo_must(d, vgpu_device_get_stats(d->dev, &s), "statistics");
	printf("queue\n"
	       "  submitted %llu, completed %llu, failed %llu\n"
	       "  at most %llu of %llu entries in use, %llu times full\n"
	       "  average wait %llu us\n",
	       (unsigned long long)q.submitted,
	       (unsigned long long)q.completed, (unsigned long long)q.failed,
	       (unsigned long long)q.max_depth, (unsigned long long)q.entries,
	       (unsigned long long)q.overflows,
	       (unsigned long long)q.avg_wait_us);
	printf("device\n"
	       "  submitted %llu, completed %llu, failed %llu, launches %llu\n"
	       "  %.2f GiB copied, %.2f GiB cleared, busy for %.2f s\n",
	       (unsigned long long)s.submitted,
	       (unsigned long long)s.completed, (unsigned long long)s.failed,
	       (unsigned long long)s.launches, gib(s.bytes_copied),
	       gib(s.bytes_cleared), (double)s.busy_ns / 1e9);
	printf("memory\n"
	       "  total %.1f MiB, used %.1f MiB in %u blocks, peak %.1f MiB, largest free %.1f MiB\n",
	       mib(s.memory_total), mib(s.memory_used), s.allocations,
	       mib(s.memory_peak), mib(s.memory_largest));
	if (q.failed || s.failed || q.submitted != q.completed)
		demo_die("commands failed or were lost");
}

/* What is freed is used until it is zero, which the device sees to. */
static void wait_for_zeroes(struct demo *d)
{
	uint64_t deadline = vgpu_deadline_after_ms(10000);
	struct vgpu_device_stats s;

	do {
		demo_must(d, vgpu_device_process(d->dev, 0), "process");
		demo_must(d, vgpu_device_get_stats(d->dev, &s), "statistics");
		if (!s.memory_used && !s.allocations)
			return;
		sched_yield();
	} while (vgpu_now_ns() < deadline);
	demo_die("%llu bytes of memory are still used at the end",
		 (unsigned long long)s.memory_used);
}

static void free_blocks(struct demo *d)
{
	uint32_t i, k;

	for (i = 0; i < DEMO_CLIENTS; i++) {
		for (k = 0; k < d->clients[i].n_blocks; k++)
			demo_must(d, vgpu_device_free(d->dev,
				  d->clients[i].blocks[k].address), "free");
	}
	wait_for_zeroes(d);
}

static void print_path(const char *what, const char *path)
{
	char *full = realpath(path, NULL);

	printf("picture of the %s: %s\n", what, full ? full : path);
	free(full);
}

int main(int argc, char **argv)
{
	const char *backend = NULL, *picture = "demo.png";
	static struct demo_map before, after;
	const char *path = "memory-map.png";
	static struct demo demo;
	uint64_t start, moved;
	int ret;

	if (argc > 1 && !strcmp(argv[1], "-b")) {
		if (argc < 3)
			demo_die("-b wants the name of a backend: mdev, simulator, ...");
		backend = argv[2];
		argv += 2;
		argc -= 2;
	} else if (argc > 1) {
		picture = argv[1];
		argv++;
		argc--;
	}
	if (argc > 1)
		path = argv[1];
	if (argc > 2)
		demo_die("too many arguments: give two, the files for the pictures, or -b BACKEND and one");
	if (!backend)
		demo_mandelbrot(picture);
	open_all(&demo, backend);
	start = vgpu_now_ns();
	moved = demo_work(&demo);
	print_work(&demo, (double)(vgpu_now_ns() - start) / 1e9, moved);
	compact(&demo, &before, &after);
	demo_check_blocks(&demo);
	print_stats(&demo);
	ret = demo_map_draw(&before, &after, path);
	if (ret)
		demo_die("cannot write %s: %s", path, strerror(-ret));
	free_blocks(&demo);
	vgpu_device_close(demo.dev);
	vgpu_queue_unref(demo.queue);

	printf("checked %llu bytes, %llu wrong\n",
	       (unsigned long long)atomic_load(&demo.checked),
	       (unsigned long long)atomic_load(&demo.wrong));
	if (!backend)
		print_path("Mandelbrot set", picture);
	print_path("memory", path);
	return atomic_load(&demo.wrong) ? 1 : 0;
}
