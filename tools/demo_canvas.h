/* SPDX-License-Identifier: MIT */
/*
 * A picture in memory, and as a PNG file: rectangles, hatching, and text in a
 * font of capitals.
 */
#ifndef DEMO_CANVAS_H
#define DEMO_CANVAS_H

#include <stdint.h>

/* 0xRRGGBB. */
struct canvas {
	int width;
	int height;
	uint32_t *pixels;
};

/* A glyph is 5 by 7 pixels, times the scale, and one more to the next. */
#define FONT_WIDTH	6
#define FONT_HEIGHT	7

/* Rows of a glyph, the leftmost pixel in bit 4; blank for what has none. */
const uint8_t *font_glyph(char c);

int canvas_init(struct canvas *c, int width, int height, uint32_t colour);
void canvas_fini(struct canvas *c);
void canvas_rect(struct canvas *c, int x, int y, int width, int height,
		 uint32_t colour);
/* Diagonal lines, @distance pixels apart. */
void canvas_hatch(struct canvas *c, int x, int y, int width, int height,
		  int distance, uint32_t colour);
/* Letters come out as capitals.  Returns where the text ends. */
int canvas_text(struct canvas *c, int x, int y, int scale, uint32_t colour,
		const char *text);
/* @amount of 256 of the way from @a to @b. */
uint32_t colour_mix(uint32_t a, uint32_t b, unsigned int amount);
/* 0 or a negative errno. */
int canvas_write_png(const struct canvas *c, const char *path);

#endif /* DEMO_CANVAS_H */
