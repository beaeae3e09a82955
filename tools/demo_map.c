// SPDX-License-Identifier: MIT
/*
 * A picture of the device's memory before and after compaction.  Memory runs
 * through the rows as text does; a block has the colour of the client that owns
 * it, two shades in turn so that neighbours can be told apart.
 */
#include <stdio.h>
#include <string.h>

#include "demo.h"
#include "demo_canvas.h"

#define ROWS		8
#define ROW_HEIGHT	26
#define ROW_GAP		7
#define WIDTH		1200	/* of a row */
#define LEFT		116
#define RIGHT		40
#define PANEL_HEIGHT	(ROWS * (ROW_HEIGHT + ROW_GAP) + 52)
#define TOP		84
#define PANEL_GAP	26
#define LEGEND_HEIGHT	56

#define INK		0x24292f
#define INK_SOFT	0x6e7781
#define PAPER		0xffffff
#define FREE_FILL	0xf1f3f5
#define FREE_HATCH	0xd0d5db
#define ACCENT		0xd1242f

static const uint32_t colours[] = {
	0x2f6fbf, 0xe08a1e, 0x2f9e6e, 0x8a5cc2, 0x57606a,
};

static uint32_t owner(const struct demo *d, uint64_t address)
{
	uint32_t i, k;

	for (i = 0; address && i < DEMO_CLIENTS; i++) {
		for (k = 0; k < d->clients[i].n_blocks; k++) {
			if (d->clients[i].blocks[k].address == address)
				return i;
		}
	}
	return DEMO_OWNER_LIBRARY;
}

static void add_hole(struct demo_map *map, uint64_t from, uint64_t to)
{
	if (to <= from)
		return;
	map->holes++;
	if (to - from > map->largest_free) {
		map->largest_free = to - from;
		map->largest_offset = from;
	}
}

void demo_map_read(struct demo *d, struct demo_map *map)
{
	struct vgpu_device_block block;
	struct vgpu_device_info info;
	uint64_t at = 0;

	vgpu_device_get_info(d->dev, &info);
	*map = (struct demo_map){ .total = info.total_memory };
	while (map->n < DEMO_MAP_PIECES &&
	       !vgpu_device_next_block(d->dev, at, &block)) {
		add_hole(map, at, block.offset);
		map->pieces[map->n].offset = block.offset;
		map->pieces[map->n].bytes = block.bytes;
		map->pieces[map->n].owner = owner(d, block.address);
		map->n++;
		map->used += block.bytes;
		at = block.offset + block.bytes;
	}
	add_hole(map, at, map->total);
}

/* How a stretch of memory is filled; @arg is the filler's own. */
typedef void (*fill_fn)(struct canvas *c, int x, int y, int width,
			uint32_t arg);

static void fill_free(struct canvas *c, int x, int y, int width, uint32_t arg)
{
	canvas_rect(c, x, y, width, ROW_HEIGHT, FREE_FILL);
	canvas_hatch(c, x, y, width, ROW_HEIGHT, 6, FREE_HATCH);
}

static void fill_block(struct canvas *c, int x, int y, int width,
		       uint32_t colour)
{
	canvas_rect(c, x, y, width, ROW_HEIGHT, colour);
	/* A light from above, and an end that shows where the next begins. */
	canvas_rect(c, x, y, width, 2, colour_mix(colour, PAPER, 70));
	if (width > 2)
		canvas_rect(c, x + width - 1, y, 1, ROW_HEIGHT,
			    colour_mix(colour, PAPER, 160));
}

static void fill_mark(struct canvas *c, int x, int y, int width, uint32_t arg)
{
	canvas_rect(c, x, y, width, 2, ACCENT);
	canvas_rect(c, x, y + ROW_HEIGHT - 2, width, 2, ACCENT);
}

/* Fill what lies from @from to @to, row by row. */
static void fill(struct canvas *c, int top, uint64_t total, uint64_t from,
		 uint64_t to, fill_fn fn, uint32_t arg)
{
	uint64_t scale = (uint64_t)ROWS * WIDTH;
	uint64_t a = from * scale / total;
	uint64_t b = (to * scale + total - 1) / total;
	uint64_t end;

	while (a < b) {
		end = (a / WIDTH + 1) * WIDTH;
		if (end > b)
			end = b;
		fn(c, LEFT + (int)(a % WIDTH),
		   top + (int)(a / WIDTH) * (ROW_HEIGHT + ROW_GAP),
		   (int)(end - a), arg);
		a = end;
	}
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (double)DEMO_MIB;
}

static void draw_panel(struct canvas *c, int top, const char *title,
		       const struct demo_map *map)
{
	char text[128];
	uint32_t colour, i;
	int row, x;

	x = canvas_text(c, LEFT, top, 3, INK, title);
	snprintf(text, sizeof(text),
		 "%u blocks, %.1f MiB used, %.1f MiB free in %u %s",
		 map->n, mib(map->used), mib(map->total - map->used),
		 map->holes, map->holes == 1 ? "piece" : "pieces");
	canvas_text(c, x + 12, top + 7, 2, INK_SOFT, text);
	snprintf(text, sizeof(text), "largest %.1f MiB",
		 mib(map->largest_free));
	canvas_text(c, LEFT + WIDTH - (int)strlen(text) * FONT_WIDTH * 2 + 2,
		    top + 7, 2, ACCENT, text);

	top += 38;
	fill(c, top, map->total, 0, map->total, fill_free, 0);
	for (i = 0; i < map->n; i++) {
		colour = colours[map->pieces[i].owner];
		if (i % 2)
			colour = colour_mix(colour, PAPER, 50);
		fill(c, top, map->total, map->pieces[i].offset,
		     map->pieces[i].offset + map->pieces[i].bytes, fill_block,
		     colour);
	}
	fill(c, top, map->total, map->largest_offset,
	     map->largest_offset + map->largest_free, fill_mark, 0);
	for (row = 0; row < ROWS; row++) {
		snprintf(text, sizeof(text), "%3.0f MiB",
			 mib(map->total) * row / ROWS);
		canvas_text(c, LEFT - 10 - 7 * FONT_WIDTH * 2 + 2,
			    top + row * (ROW_HEIGHT + ROW_GAP) + 6, 2,
			    INK_SOFT, text);
	}
}

static void draw_legend(struct canvas *c, int y)
{
	char text[32];
	uint32_t i;
	int x = LEFT;

	for (i = 0; i < DEMO_CLIENTS; i++) {
		canvas_rect(c, x, y, 20, 14, colours[i]);
		canvas_rect(c, x + 20, y, 14, 14,
			    colour_mix(colours[i], PAPER, 50));
		snprintf(text, sizeof(text), "client %u", i);
		x = canvas_text(c, x + 44, y, 2, INK, text) + 28;
	}
	canvas_rect(c, x, y, 34, 14, FREE_FILL);
	canvas_hatch(c, x, y, 34, 14, 6, FREE_HATCH);
	x = canvas_text(c, x + 44, y, 2, INK, "free") + 28;
	canvas_rect(c, x, y, 34, 14, FREE_FILL);
	canvas_hatch(c, x, y, 34, 14, 6, FREE_HATCH);
	canvas_rect(c, x, y, 34, 2, ACCENT);
	canvas_rect(c, x, y + 12, 34, 2, ACCENT);
	canvas_text(c, x + 44, y, 2, INK, "largest free piece");
}

int demo_map_draw(const struct demo_map *before, const struct demo_map *after,
		  const char *path)
{
	struct canvas c;
	int ret;

	ret = canvas_init(&c, LEFT + WIDTH + RIGHT,
			  TOP + 2 * PANEL_HEIGHT + PANEL_GAP + LEGEND_HEIGHT,
			  PAPER);
	if (ret)
		return ret;
	canvas_text(&c, LEFT, 28, 4, INK, "vgpu: device memory");
	draw_panel(&c, TOP, "before compaction", before);
	draw_panel(&c, TOP + PANEL_HEIGHT + PANEL_GAP, "after compaction",
		   after);
	draw_legend(&c, TOP + 2 * PANEL_HEIGHT + PANEL_GAP + 14);
	ret = canvas_write_png(&c, path);
	canvas_fini(&c);
	return ret;
}
