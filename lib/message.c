// SPDX-License-Identifier: MIT
/*
 * The one line about the last failure that a handle keeps.
 */
#include <stdarg.h>
#include <stdio.h>

#include "message.h"

void vgpu_message_init(struct vgpu_message *msg)
{
	pthread_mutex_init(&msg->lock, NULL);
	msg->text[0] = 0;
}

void vgpu_message_fini(struct vgpu_message *msg)
{
	pthread_mutex_destroy(&msg->lock);
}

/* Names that a message quotes may be anybody's: it stays one line. */
static void message_flatten(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

int vgpu_message_set(struct vgpu_message *msg, int error, const char *format,
		     ...)
{
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&msg->lock);
	vsnprintf(msg->text, sizeof(msg->text), format, args);
	message_flatten(msg->text);
	pthread_mutex_unlock(&msg->lock);
	va_end(args);
	return error;
}

int vgpu_message_get(struct vgpu_message *msg, char *buf, size_t bytes)
{
	int n;

	pthread_mutex_lock(&msg->lock);
	n = snprintf(buf, bytes, "%s", msg->text);
	pthread_mutex_unlock(&msg->lock);
	return n;
}
