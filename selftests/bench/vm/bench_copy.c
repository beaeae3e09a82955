// SPDX-License-Identifier: MIT
/*
 * Copies in VRAM whose pages are resident, against the kernel's memcpy() over
 * pages of the same kind in the same machine (memcpy/); the first touch apart;
 * and what a small copy is made of.
 */
#include "bench_vm.h"

#define MEMCPY		"/sys/kernel/debug/vgpu_bench_memcpy"

static const uint64_t sizes[] = { 4096, 65536, 1 << 20, 16 << 20 };

static struct ring ring;

static uint32_t copies(uint64_t bytes)
{
	uint64_t total = bench_count ? 1 << 20 : 16 << 20;
	uint64_t n = total / bytes;

	return n < 1 ? 1 : n > 256 ? 256 : n;
}

static void kernel_memcpy(uint64_t bytes, uint64_t figures[3])
{
	char text[96];
	int fd = open(MEMCPY, O_RDWR);
	ssize_t n;

	if (fd < 0)
		bench_die(MEMCPY, errno);
	n = snprintf(text, sizeof(text), "%llu %u", (unsigned long long)bytes,
		     copies(bytes));
	if (write(fd, text, n) != n)
		bench_die(MEMCPY, errno);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	if (sscanf(text, "%lu %lu %lu", &figures[0], &figures[1],
		   &figures[2]) != 3)
		bench_die(MEMCPY, EIO);
	close(fd);
}

/* Submit, kick and wait, take the completion: @n times. */
static double commands(const struct vgpu_cmd *cmd, uint32_t n)
{
	uint64_t t = bench_now();
	bool doorbell;
	uint32_t i;

	for (i = 0; i < n; i++) {
		vgpu_ring_submit(&ring.r, cmd, 1, 1, &doorbell);
		ring.submitted++;
		bench_ok("kick", ring_finish(&ring));
		bench_reap(&ring, 1);
	}
	return (double)(bench_now() - t) / n;
}

static uint64_t buffer(uint64_t bytes, uint32_t *handle)
{
	uint64_t at;

	bench_ok("buffer", bo_create(ring.fd, DRM_VGPU_DOMAIN_VRAM, bytes, 4096,
				     handle));
	bench_ok("map", map(ring.fd, ring.context, *handle, bytes, 0, &at));
	return at;
}

static void release(uint64_t at, uint32_t handle)
{
	bench_ok("unmap", unmap(ring.fd, ring.context, at));
	bench_ok("close", bo_close(ring.fd, handle));
}

static void measure_size(uint64_t bytes)
{
	uint32_t a, b;
	struct vgpu_cmd clear = {
		.opcode = VGPU_CMD_CLEAR, .op = { 0, bytes, 1 },
	};
	struct vgpu_cmd copy = {
		.opcode = VGPU_CMD_COPY, .op = { 0, 0, bytes },
	};
	uint64_t peer[3];
	double first, ours;
	int row;

	copy.op[0] = buffer(bytes, &a);
	copy.op[1] = buffer(bytes, &b);
	clear.op[0] = copy.op[1];
	commands(&clear, 1);
	first = commands(&copy, 1);
	kernel_memcpy(bytes, peer);
	ours = commands(&copy, copies(bytes));
	release(copy.op[0], a);
	release(copy.op[1], b);

	bytes >>= 10;
	row = bench_figure(-1, "time", (double)peer[0], "memcpy, %lu KiB",
			   bytes);
	bench_figure(row, "time", (double)peer[1], "memcpy of mappings, %lu KiB",
		     bytes);
	bench_figure(row, "time", ours, "COPY, %lu KiB", bytes);
	row = bench_figure(-1, "time", (double)peer[2],
			   "take pages and memcpy, %lu KiB", bytes);
	bench_figure(row, "time", first, "COPY, first touch, %lu KiB", bytes);
}

/*
 * From pages that are neighbours, if the system has such, to pages that are not:
 * they were touched in reverse order.
 */
static void measure_scattered(uint64_t bytes)
{
	struct vgpu_cmd clear = { .opcode = VGPU_CMD_CLEAR };
	struct vgpu_cmd copy = {
		.opcode = VGPU_CMD_COPY, .op = { 0, 0, bytes },
	};
	uint64_t at, to, from;
	uint32_t a, b;

	to = buffer(bytes, &a);
	from = buffer(bytes, &b);
	clear.op[2] = 1;
	clear.op[0] = from;
	clear.op[1] = bytes;
	commands(&clear, 1);
	clear.op[1] = 4096;
	for (at = to + bytes; at != to; at -= 4096) {
		clear.op[0] = at - 4096;
		commands(&clear, 1);
	}
	copy.op[0] = to;
	copy.op[1] = from;
	bench_figure(bench_row("memcpy, 1024 KiB", "time", -1), "time",
		     commands(&copy, copies(bytes)),
		     "COPY to pages in reverse order, %lu KiB", bytes >> 10);
	release(to, a);
	release(from, b);
}

/* What there is beside the copy itself. */
static void measure_parts(void)
{
	struct vgpu_cmd nop = { .opcode = VGPU_CMD_NOP };
	struct vgpu_cmd copy = { .opcode = VGPU_CMD_COPY, .op = { 0, 0, 4 } };
	struct drm_vgpu_kick args = { .ring = ring.id, .flags = ~0u };
	uint32_t a, b, i, n = bench_count ? 100 : 500;
	uint64_t t;

	t = bench_now();
	for (i = 0; i < n; i++)
		ioctl(ring.fd, DRM_IOCTL_VGPU_KICK, &args);
	bench_figure(-1, "time", (double)(bench_now() - t) / n,
		     "parts: a call that fails at once");
	t = bench_now();
	for (i = 0; i < n; i++)
		bench_ok("kick", ring_kick(&ring, 0, 0, 0));
	bench_figure(-1, "time", (double)(bench_now() - t) / n,
		     "parts: KICK of an empty ring");
	t = bench_now();
	for (i = 0; i < n; i++)
		bench_ok("kick", ring_finish(&ring));
	bench_figure(-1, "time", (double)(bench_now() - t) / n,
		     "parts: KICK of an empty ring, with WAIT");
	bench_figure(-1, "time", commands(&nop, n),
		     "parts: NOP, with WAIT");
	copy.op[0] = buffer(4096, &a);
	copy.op[1] = buffer(4096, &b);
	commands(&copy, 1);
	bench_figure(-1, "time", commands(&copy, n),
		     "parts: COPY of 4 bytes, with WAIT");
	release(copy.op[0], a);
	release(copy.op[1], b);
}

static void measure(void)
{
	uint32_t i;

	/* What was freed is being zeroed. */
	if (!gpu_is_empty(ring.fd))
		bench_die("VRAM", EBUSY);
	measure_parts();
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		measure_size(sizes[i]);
	measure_scattered(1 << 20);
}

int main(int argc, char **argv)
{
	bench_begin(argc, argv, "copy", 15, 2);
	bench_client(64, 0, &ring);
	bench_repeat(measure);
	return bench_end();
}
