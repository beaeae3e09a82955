/* SPDX-License-Identifier: MIT */
/*
 * Text that is put together piece by piece in a caller's buffer.
 */
#ifndef LIBVGPU_INTERNAL_TEXT_H
#define LIBVGPU_INTERNAL_TEXT_H

#include <vgpu/device.h>

/**
 * struct vgpu_text - text so far
 * @buf: where to; may be NULL if @bytes is 0
 * @bytes: room
 * @used: the length that the whole text has, whether it fits or not
 */
struct vgpu_text {
	char *buf;
	size_t bytes;
	size_t used;
};

void vgpu_text_add(struct vgpu_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* LIBVGPU_INTERNAL_TEXT_H */
