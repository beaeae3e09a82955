/* SPDX-License-Identifier: MIT */
/*
 * The demo's parts: demo_mandelbrot.c computes a picture, demo_work.c drives a
 * simulator and checks what it did, demo_map.c draws its memory.
 */
#ifndef DEMO_H
#define DEMO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vgpu/vgpu.h>

#define DEMO_CLIENTS	4u
#define DEMO_WORKERS	3u
#define DEMO_TASKS	8u	/* of a client, at a time */
#define DEMO_ROUNDS	20u
#define DEMO_MAX_BYTES	(2u << 20)	/* of a block */
#define DEMO_BLOCKS	512u	/* that a client keeps, at most */
#define DEMO_KEEP_BYTES	(44ull << 20)

#define DEMO_MIB	((uint64_t)1 << 20)

/* A block of device memory whose content follows from its seed. */
struct demo_block {
	uint64_t address;
	uint32_t bytes;
	uint32_t seed;
};

struct demo_client {
	struct demo *demo;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint32_t number;
	uint32_t pending;	/* tasks under way; under @lock */
	int error;		/* of one of them; under @lock */
	uint32_t random;
	uint32_t n_blocks;
	uint64_t kept_bytes;
	struct demo_block blocks[DEMO_BLOCKS];
};

/**
 * struct demo - all of it
 * @name: of the device, for people
 * @launches: it runs functions of this program
 * @checked: bytes that were compared
 * @wrong: of those, not as they should be
 * @by_type: commands that ended well, by type
 */
struct demo {
	struct vgpu_device *dev;
	struct vgpu_queue *queue;
	char name[224];
	bool launches;
	uint64_t kernel;
	atomic_uint_fast64_t checked;
	atomic_uint_fast64_t wrong;
	atomic_uint_fast64_t by_type[VGPU_COMMAND_SIGNAL + 1];
	struct demo_client clients[DEMO_CLIENTS];
};

/* One line on stderr, and exit(1). */
void __attribute__((format(printf, 1, 2), noreturn))
demo_die(const char *format, ...);
/* Dies if @ret is negative. */
int64_t demo_must(struct demo *d, int64_t ret, const char *what);

/* Compute the Mandelbrot set on the best device, and write it to @path. */
void demo_mandelbrot(const char *path);

/*
 * Clients submit to the queue, workers carry out, and memory is compacted
 * meanwhile; returns the bytes that moved.
 */
uint64_t demo_work(struct demo *d);
/* Compare every byte of every block that the clients have kept. */
void demo_check_blocks(struct demo *d);

/* The pieces of the device's memory, and whose they are. */
#define DEMO_MAP_PIECES	(DEMO_CLIENTS * DEMO_BLOCKS + 64)
#define DEMO_OWNER_LIBRARY	DEMO_CLIENTS

struct demo_map {
	uint64_t total;
	uint64_t used;
	uint64_t largest_free;
	uint64_t largest_offset;
	uint32_t holes;
	uint32_t n;
	struct {
		uint64_t offset;
		uint64_t bytes;
		uint32_t owner;
	} pieces[DEMO_MAP_PIECES];
};

void demo_map_read(struct demo *d, struct demo_map *map);
/* 0 or a negative errno. */
int demo_map_draw(const struct demo_map *before, const struct demo_map *after,
		  const char *path);

#endif /* DEMO_H */
