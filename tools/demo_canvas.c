// SPDX-License-Identifier: MIT
/*
 * Drawing for the demo, and libpng.
 */
#include <ctype.h>
#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "demo_canvas.h"

int canvas_init(struct canvas *c, int width, int height, uint32_t colour)
{
	c->pixels = calloc((size_t)width * height, sizeof(*c->pixels));
	if (!c->pixels)
		return -ENOMEM;
	c->width = width;
	c->height = height;
	canvas_rect(c, 0, 0, width, height, colour);
	return 0;
}

void canvas_fini(struct canvas *c)
{
	free(c->pixels);
}

static void set(struct canvas *c, int x, int y, uint32_t colour)
{
	if (x >= 0 && y >= 0 && x < c->width && y < c->height)
		c->pixels[(size_t)y * c->width + x] = colour;
}

void canvas_rect(struct canvas *c, int x, int y, int width, int height,
		 uint32_t colour)
{
	int i, j;

	for (j = y; j < y + height; j++) {
		for (i = x; i < x + width; i++)
			set(c, i, j, colour);
	}
}

void canvas_hatch(struct canvas *c, int x, int y, int width, int height,
		  int distance, uint32_t colour)
{
	int i, j;

	for (j = y; j < y + height; j++) {
		for (i = x; i < x + width; i++) {
			if ((i + j) % distance == 0)
				set(c, i, j, colour);
		}
	}
}

int canvas_text(struct canvas *c, int x, int y, int scale, uint32_t colour,
		const char *text)
{
	const uint8_t *glyph;
	int row, column;

	for (; *text; text++) {
		glyph = font_glyph((char)toupper((unsigned char)*text));
		for (row = 0; row < FONT_HEIGHT; row++) {
			for (column = 0; column < 5; column++) {
				if (glyph[row] & 0x10 >> column)
					canvas_rect(c, x + column * scale,
						    y + row * scale, scale,
						    scale, colour);
			}
		}
		x += FONT_WIDTH * scale;
	}
	return x;
}

uint32_t colour_mix(uint32_t a, uint32_t b, unsigned int amount)
{
	uint32_t out = 0, from, to;
	int shift;

	for (shift = 0; shift < 24; shift += 8) {
		from = a >> shift & 0xff;
		to = b >> shift & 0xff;
		out |= ((from * (256 - amount) + to * amount) >> 8) << shift;
	}
	return out;
}

static uint8_t *to_bytes(const struct canvas *c)
{
	size_t i, n = (size_t)c->width * c->height;
	uint8_t *rgb = malloc(n * 3);

	for (i = 0; rgb && i < n; i++) {
		rgb[3 * i] = c->pixels[i] >> 16 & 0xff;
		rgb[3 * i + 1] = c->pixels[i] >> 8 & 0xff;
		rgb[3 * i + 2] = c->pixels[i] & 0xff;
	}
	return rgb;
}

int canvas_write_png(const struct canvas *c, const char *path)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = (png_uint_32)c->width,
		.height = (png_uint_32)c->height,
		.format = PNG_FORMAT_RGB,
	};
	uint8_t *rgb = to_bytes(c);
	int ok;

	if (!rgb)
		return -ENOMEM;
	errno = 0;
	ok = png_image_write_to_file(&image, path, 0, rgb, 0, NULL);
	free(rgb);
	if (ok)
		return 0;
	return errno ? -errno : -EIO;
}
