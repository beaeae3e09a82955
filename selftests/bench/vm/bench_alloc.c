// SPDX-License-Identifier: MIT
/*
 * Buffers in VRAM: made and closed, and what each takes of the kernel's memory,
 * against objects of vgem of the same size.
 */
#include "bench_memory.h"

#define BUFFERS		1000u

static const uint32_t sizes[] = { 4096, 65536, 1 << 20 };

static int vgpu, vgem;

static int vgem_open(void)
{
	drmVersionPtr version;
	char path[64];
	int i, fd;

	for (i = 0; i < NODES; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		if (version && !strcmp(version->name, "vgem")) {
			drmFreeVersion(version);
			return fd;
		}
		drmFreeVersion(version);
		close(fd);
	}
	return -1;
}

static uint32_t ours(uint32_t bytes)
{
	uint32_t handle;

	bench_ok("BO_CREATE", bo_create(vgpu, DRM_VGPU_DOMAIN_VRAM, bytes, 0,
					&handle));
	return handle;
}

static uint32_t theirs(uint32_t bytes)
{
	struct drm_mode_create_dumb args = {
		.width = 1024, .height = bytes / 4096, .bpp = 32,
	};

	bench_ok("CREATE_DUMB", call(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &args));
	return args.handle;
}

static double pairs(int fd, uint32_t (*make)(uint32_t), uint32_t bytes)
{
	uint32_t i, n = bench_count ? 100 : 500;
	uint64_t t = bench_now();

	for (i = 0; i < n; i++)
		bench_ok("close", bo_close(fd, make(bytes)));
	return (double)(bench_now() - t) / n;
}

static void measure(void)
{
	uint32_t i;
	int row;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		row = bench_figure(-1, "time", pairs(vgem, theirs, sizes[i]),
				   "vgem, %u KiB", sizes[i] >> 10);
		bench_figure(row, "time", pairs(vgpu, ours, sizes[i]),
			     "BO_CREATE and GEM_CLOSE, %u KiB", sizes[i] >> 10);
	}
}

static void memory(int fd, uint32_t (*make)(uint32_t), const char *what)
{
	static uint32_t handles[BUFFERS];
	struct memory before;
	uint32_t i;

	/* What is taken once is taken now. */
	for (i = 0; i < BUFFERS; i++)
		handles[i] = make(4096);
	for (i = 0; i < BUFFERS; i++)
		bench_ok("close", bo_close(fd, handles[i]));
	before = memory_now();
	for (i = 0; i < BUFFERS; i++)
		handles[i] = make(4096);
	memory_report(&before, BUFFERS, what);
	for (i = 0; i < BUFFERS; i++)
		bench_ok("close", bo_close(fd, handles[i]));
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, "alloc", 21, 3);
	bench_pin(0);
	memory_begin("bench_alloc");
	vgpu = node_open(0);
	vgem = vgem_open();
	if (vgpu < 0 || vgem < 0)
		bench_die("no node of vgpu or vgem", ENODEV);
	bench_repeat(measure);
	memory(vgem, theirs, "an object of vgem, 4 KiB");
	memory(vgpu, ours, "a buffer in VRAM, 4 KiB");
	return bench_end();
}
