// SPDX-License-Identifier: MIT
/*
 * The Mandelbrot set as a picture: mandelbrot.comp counts, the processor
 * counts too and compares, and libpng writes what there is to see.
 *
 *	mandelbrot [FILE.png]
 */
#include <png.h>

#include "example_kernel.h"

#define WIDTH	768u
#define HEIGHT	512u
#define GROUP	16u

static const uint32_t code[] =
#include "mandelbrot.inc"
;

/* As the shader has them. */
struct arguments {
	float corner[2];
	float step;
	uint32_t width, height;
	uint32_t limit;
};

static uint32_t image[HEIGHT][WIDTH];

static uint32_t count(const struct arguments *a, uint32_t x, uint32_t y)
{
	float cx = a->corner[0] + (float)x * a->step;
	float cy = a->corner[1] + (float)y * a->step;
	float zx = 0, zy = 0, xx, yy, xy;
	uint32_t n;

	for (n = 0; n < a->limit; n++) {
		xx = zx * zx;
		yy = zy * zy;
		xy = zx * zy;
		if (xx + yy > 4)
			break;
		zx = (xx - yy) + cx;
		zy = (xy + xy) + cy;
	}
	return n;
}

static void write_png(const char *path, uint32_t limit)
{
	static uint8_t grey[HEIGHT][WIDTH];
	png_image png = {
		.version = PNG_IMAGE_VERSION,
		.width = WIDTH,
		.height = HEIGHT,
		.format = PNG_FORMAT_GRAY,
	};
	uint32_t x, y, n;

	for (y = 0; y < HEIGHT; y++) {
		for (x = 0; x < WIDTH; x++) {
			n = image[y][x];
			grey[y][x] = n == limit ? 0 :
					(uint8_t)(255 - 255 / (1 + n / 6.0));
		}
	}
	if (!png_image_write_to_file(&png, path, 0, grey, 0, NULL)) {
		fprintf(stderr, "cannot write %s: %s\n", path, png.message);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "mandelbrot.png";
	struct arguments a = {
		.corner = { -2.25f, -1.0f },
		.step = 1 / 256.0f,
		.width = WIDTH,
		.height = HEIGHT,
		.limit = 200,
	};
	struct vgpu_device *device = example_open();
	uint64_t kernel = example_kernel(device, code, sizeof(code));
	uint64_t out = example_memory(device, sizeof(image));
	struct vgpu_completion_info launched;
	struct vgpu_launch_args args;
	struct vgpu_command cmd;
	uint32_t x, y, wrong = 0;

	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, out, sizeof(image), VGPU_LAUNCH_WRITE);
	vgpu_launch_args_consts(&args, &a, sizeof(a));
	cmd = vgpu_command_launch_args(kernel, WIDTH / GROUP, HEIGHT / GROUP, 1,
				       &args);
	example_run(device, &cmd, 1, &launched);
	cmd = vgpu_command_transfer_from(image, out, sizeof(image));
	example_run(device, &cmd, 1, NULL);

	/* A device may round in its own way: then a few pixels differ. */
	for (y = 0; y < HEIGHT; y++) {
		for (x = 0; x < WIDTH; x++)
			wrong += image[y][x] != count(&a, x, y);
	}
	EXPECT(wrong <= WIDTH * HEIGHT / 1000);
	write_png(path, a.limit);
	example_say(device, "768 x 512 pixels computed", &launched);
	printf("picture: %s\n", path);
	vgpu_device_close(device);
	return 0;
}
