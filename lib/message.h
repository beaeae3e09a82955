/* SPDX-License-Identifier: MIT */
/*
 * The one line about the last failure that a handle keeps.
 */
#ifndef LIBVGPU_INTERNAL_MESSAGE_H
#define LIBVGPU_INTERNAL_MESSAGE_H

#include <pthread.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VGPU_MESSAGE_BYTES	256

/**
 * struct vgpu_message - a line and who may touch it
 * @lock: protects @text
 * @text: zero-terminated
 */
struct vgpu_message {
	pthread_mutex_t lock;
	char text[VGPU_MESSAGE_BYTES];
};

void vgpu_message_init(struct vgpu_message *msg);
void vgpu_message_fini(struct vgpu_message *msg);

/* Keep a line; returns @error, so that a caller can return that. */
int vgpu_message_set(struct vgpu_message *msg, int error, const char *format,
		     ...) __attribute__((format(printf, 3, 4)));

/* Copy the line out, as snprintf(). */
int vgpu_message_get(struct vgpu_message *msg, char *buf, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_INTERNAL_MESSAGE_H */
