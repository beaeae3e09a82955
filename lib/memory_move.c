// SPDX-License-Identifier: MIT
/*
 * Moving bytes within a memfd, for compaction.
 *
 * Pieces are copied in the order in which no piece is written before it was
 * read: ascending when moving down, descending when moving up.  Pieces that
 * were never touched stay so.  No page is given back on the way, so that a
 * write into the source's pages needs no new one: if a write fails in the
 * middle (memory is short), what was done is undone by such writes only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory_move.h"
#include "os.h"

/* Whether any page of the range exists. */
static bool has_data(int fd, uint64_t offset, uint64_t size)
{
	off_t data = lseek(fd, (off_t)offset, SEEK_DATA);

	/* ENXIO: a hole up to the end; another error: do not guess. */
	if (data < 0)
		return errno != ENXIO;
	return (uint64_t)data < offset + size;
}

static int write_all(int fd, const char *buf, uint64_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pwrite(fd, buf, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		size -= (uint64_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int read_all(int fd, char *buf, uint64_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pread(fd, buf, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		size -= (uint64_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int move_piece(int fd, uint64_t from, uint64_t to, uint64_t size,
		      char *buf)
{
	bool data = has_data(fd, from, size);
	int err;

	if (data) {
		err = read_all(fd, buf, size, from);
		if (err)
			return err;
	} else if (has_data(fd, to, size)) {
		memset(buf, 0, size);
	} else {
		return 0;
	}
	err = write_all(fd, buf, size, to);
	/* What was written of it may have hit the piece itself. */
	if (err && data)
		vgpu_assert(!write_all(fd, buf, size, from));
	return err;
}

/* Returns how many bytes from the range's first (or last) end were moved. */
static uint64_t move_range(int fd, uint64_t from, uint64_t to, uint64_t size,
			   char *buf, int *err)
{
	uint64_t done = 0;

	*err = 0;
	while (done < size) {
		uint64_t n = size - done;
		uint64_t at;

		if (n > MEMORY_MOVE_PIECE)
			n = MEMORY_MOVE_PIECE;
		at = to < from ? done : size - done - n;
		*err = move_piece(fd, from + at, to + at, n, buf);
		if (*err)
			break;
		done += n;
	}
	return done;
}

int memory_move(int fd, uint64_t from, uint64_t to, uint64_t size)
{
	uint64_t gap = from > to ? from - to : to - from;
	uint64_t done;
	char *buf;
	int undo;
	int err;

	buf = malloc(MEMORY_MOVE_PIECE);
	if (!buf)
		return -ENOMEM;
	done = move_range(fd, from, to, size, buf, &err);
	if (err && gap < size) {
		if (to < from)
			move_range(fd, to, from, done, buf, &undo);
		else
			move_range(fd, to + size - done, from + size - done,
				   done, buf, &undo);
		/* Pages that exist can be written. */
		vgpu_assert(!undo);
	}
	free(buf);
	return err;
}

int memory_clear(int fd, uint64_t offset, uint64_t size)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)offset, (off_t)size))
		return -errno;
	return 0;
}
