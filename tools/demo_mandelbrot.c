// SPDX-License-Identifier: MIT
/*
 * The demo's picture: the Mandelbrot set, computed by a shader on the best
 * device of this host, in stripes, so that no launch takes long.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"
#include "demo_canvas.h"

#define WIDTH		1280u
#define HEIGHT		800u
#define STRIPE		80u	/* rows, a multiple of a workgroup's 16 */
#define SMALL_WIDTH	320u	/* the whole set, in a corner */
#define SMALL_HEIGHT	208u
#define CAPTION		44

static const uint32_t code[] =
#include "demo_mandelbrot.inc"
;

/* As the shader has them. */
struct view {
	float centre[2];
	float step;
	uint32_t width;
	uint32_t height;
	uint32_t first;
	uint32_t limit;
};

struct image {
	struct demo d;		/* its device, for demo_must() */
	uint64_t kernel;
	uint32_t launches;
	uint64_t run_ns;	/* of all launches */
	uint64_t fetch_ns;
};

static void open_best(struct image *im)
{
	char why[256] = "";
	struct vgpu_device_options options = {
		.size = sizeof(options),
		.backend = VGPU_BACKEND_AUTO,
		.message = why,
		.message_bytes = sizeof(why),
	};
	struct vgpu_kernel_options kernel = {
		.size = sizeof(kernel),
		.format = VGPU_KERNEL_FORMAT_SPIRV,
		.code = code,
		.code_bytes = sizeof(code),
	};

	if (vgpu_device_open(&options, &im->d.dev))
		demo_die("no device: %s", why);
	demo_must(&im->d, vgpu_device_initialize(im->d.dev), "initialize");
	demo_must(&im->d, vgpu_device_start(im->d.dev), "start");
	demo_must(&im->d, vgpu_kernel_create(im->d.dev, &kernel, &im->kernel),
		  "the Mandelbrot kernel");
}

/* One view into @pixels: stripes and the transfer as one batch. */
static void compute(struct image *im, struct view v, uint32_t *pixels)
{
	uint32_t i, n = (v.height + STRIPE - 1) / STRIPE;
	uint64_t address, ticket, bytes = (uint64_t)v.width * v.height * 4;
	struct vgpu_command cmds[HEIGHT / STRIPE + 2];
	struct vgpu_launch_args args[HEIGHT / STRIPE + 1];
	struct vgpu_completion_info info;

	demo_must(&im->d, vgpu_device_alloc(im->d.dev, bytes, 0, &address),
		  "memory for the picture");
	for (i = 0; i < n; i++) {
		v.first = i * STRIPE;
		vgpu_launch_args_init(&args[i]);
		vgpu_launch_args_range(&args[i], address, (uint32_t)bytes,
				       VGPU_LAUNCH_READ | VGPU_LAUNCH_WRITE);
		vgpu_launch_args_consts(&args[i], &v, sizeof(v));
		cmds[i] = vgpu_command_launch_args(im->kernel, v.width / 16,
						   STRIPE / 16, 1, &args[i]);
	}
	cmds[n] = vgpu_command_transfer_from(pixels, address, bytes);
	demo_must(&im->d, vgpu_device_submit_batch(im->d.dev, NULL, cmds, n + 1,
						   VGPU_SUBMIT_ALL, &ticket),
		  "submit");
	for (i = 0; i <= n; i++) {
		demo_must(&im->d, vgpu_device_wait(im->d.dev, ticket + i,
						   VGPU_FOREVER, &info),
			  i < n ? "a launch" : "a transfer");
		if (i < n)
			im->run_ns += info.end_ns - info.start_ns;
		else
			im->fetch_ns += info.end_ns - info.start_ns;
	}
	im->launches += n;
	demo_must(&im->d, vgpu_device_free(im->d.dev, address), "free");
}

static void put_small(struct canvas *c, const uint32_t *pixels,
		      const struct view *all, const struct view *part)
{
	int x = (int)(WIDTH - SMALL_WIDTH - 24), y = 24, at_x, at_y;
	uint32_t row;

	canvas_rect(c, x - 3, y - 3, SMALL_WIDTH + 6, SMALL_HEIGHT + 6,
		    0xffffff);
	for (row = 0; row < SMALL_HEIGHT; row++)
		memcpy(&c->pixels[(y + (int)row) * c->width + x],
		       pixels + row * SMALL_WIDTH, SMALL_WIDTH * 4);
	/* Cross-hairs where the large picture is. */
	at_x = x + (int)(SMALL_WIDTH / 2 +
			 (part->centre[0] - all->centre[0]) / all->step);
	at_y = y + (int)(SMALL_HEIGHT / 2 +
			 (part->centre[1] - all->centre[1]) / all->step);
	canvas_rect(c, at_x - 12, at_y, 9, 1, 0xff3b30);
	canvas_rect(c, at_x + 4, at_y, 9, 1, 0xff3b30);
	canvas_rect(c, at_x, at_y - 12, 1, 9, 0xff3b30);
	canvas_rect(c, at_x, at_y + 4, 1, 9, 0xff3b30);
}

static void print(struct image *im, const struct vgpu_device_info *info,
		  const struct view *v, double seconds)
{
	struct vgpu_device_stats s;

	demo_must(&im->d, vgpu_device_get_stats(im->d.dev, &s), "statistics");
	printf("Mandelbrot set on %s: %s, driver %s\n", info->id, info->name,
	       info->driver[0] ? info->driver : "unknown");
	if (info->notice[0])
		printf("  note: %s\n", info->notice);
	printf("  %u x %u pixels, 4 samples each, up to %u iterations\n"
	       "  %.2f s in all: %u launches ran for %.1f ms, fetching took %.1f ms\n"
	       "  submitted %llu, completed %llu, failed %llu; %.1f MiB fetched, %.1f MiB copied for kernels, memory at most %.1f MiB\n",
	       v->width, v->height, v->limit, seconds, im->launches,
	       (double)im->run_ns / 1e6, (double)im->fetch_ns / 1e6,
	       (unsigned long long)s.submitted,
	       (unsigned long long)s.completed, (unsigned long long)s.failed,
	       (double)s.bytes_copied / DEMO_MIB,
	       (double)(s.bytes_to_engine + s.bytes_from_engine) / DEMO_MIB,
	       (double)s.memory_peak / DEMO_MIB);
}

void demo_mandelbrot(const char *path)
{
	static uint32_t small[SMALL_WIDTH * SMALL_HEIGHT];
	struct view part = {
		.centre = { -0.7436447f, 0.1318252f },
		.step = 0.0042f / WIDTH,
		.width = WIDTH,
		.height = HEIGHT,
		.limit = 1000,
	};
	struct view all = {
		.centre = { -0.65f, 0 },
		.step = 3.6f / SMALL_WIDTH,
		.width = SMALL_WIDTH,
		.height = SMALL_HEIGHT,
		.limit = 500,
	};
	struct image im = { .launches = 0 };
	struct vgpu_device_info info;
	uint64_t start = vgpu_now_ns();
	struct canvas c;
	char text[256];
	int ret;

	if (canvas_init(&c, WIDTH, HEIGHT + CAPTION, 0x0b0d12))
		demo_die("memory is short");
	open_best(&im);
	compute(&im, part, c.pixels);
	compute(&im, all, small);
	demo_must(&im.d, vgpu_device_get_info(im.d.dev, &info), "info");
	print(&im, &info, &part, (double)(vgpu_now_ns() - start) / 1e9);
	vgpu_device_close(im.d.dev);

	put_small(&c, small, &all, &part);
	snprintf(text, sizeof(text), "vgpu: Mandelbrot set, %u x %u, %.1f ms on %.80s",
		 WIDTH, HEIGHT, (double)im.run_ns / 1e6,
		 info.driver[0] ? info.driver : info.name);
	canvas_text(&c, 24, (int)HEIGHT + 15, 2, 0xe6e9ef, text);
	ret = canvas_write_png(&c, path);
	canvas_fini(&c);
	if (ret)
		demo_die("cannot write %s: %s", path, strerror(-ret));
}
