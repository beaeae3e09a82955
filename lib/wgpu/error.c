// SPDX-License-Identifier: MIT
/*
 * Errors of a provider: scopes, and its messages in one line.
 */
#include <errno.h>
#include <string.h>

#include "os.h"
#include "wgpu/wgpu.h"

/* A scope catches errors of one kind.  wgpu-native aborts on the last one. */
static const WGPUErrorFilter filters[] = {
	WGPUErrorFilter_Validation,
	WGPUErrorFilter_OutOfMemory,
	WGPUErrorFilter_Internal,
};

static size_t vgpu_wgpu_filters(const struct vgpu_wgpu *e)
{
	return ARRAY_SIZE(filters) - !!e->api.DevicePoll;
}

/**
 * struct vgpu_wgpu_scope - what a scope caught
 * @called: the provider has answered
 * @type: of the error
 * @line: where its message goes
 * @bytes: size of @line
 */
struct vgpu_wgpu_scope {
	bool called;
	WGPUErrorType type;
	char *line;
	size_t bytes;
};

void vgpu_wgpu_line(WGPUStringView from, char *line, size_t bytes)
{
	size_t i, n = 0, length = from.length;

	if (!bytes)
		return;
	if (!from.data)
		length = 0;
	else if (length == WGPU_STRLEN)
		length = strlen(from.data);
	/* Compilers draw: blanks and what is not ASCII become one blank. */
	for (i = 0; i < length && n + 1 < bytes; i++) {
		char c = from.data[i];

		if (c > ' ' && c < 0x7f)
			line[n++] = c;
		else if (n && line[n - 1] != ' ')
			line[n++] = ' ';
	}
	while (n && line[n - 1] == ' ')
		n--;
	line[n] = 0;
}

/* wgpu-native says first in which of its functions the error is. */
static void vgpu_wgpu_shorten(char *line, size_t bytes)
{
	static const char start[] = "Validation Error Caused by: In ";
	char *cause;

	if (!bytes || strncmp(line, start, sizeof(start) - 1))
		return;
	cause = strchr(line + sizeof(start) - 1, ' ');
	if (cause)
		memmove(line, cause + 1, strlen(cause));
}

void vgpu_wgpu_push(struct vgpu_wgpu *e)
{
	size_t i;

	for (i = 0; i < vgpu_wgpu_filters(e); i++)
		e->api.DevicePushErrorScope(e->device, filters[i]);
}

static void vgpu_wgpu_popped(WGPUPopErrorScopeStatus status,
			     WGPUErrorType type, WGPUStringView message,
			     void *a, void *b)
{
	struct vgpu_wgpu_scope *scope = a;

	scope->called = true;
	if (status != WGPUPopErrorScopeStatus_Success)
		type = WGPUErrorType_Unknown;
	/* The innermost error is the cause of others. */
	if (type == WGPUErrorType_NoError ||
	    scope->type != WGPUErrorType_NoError)
		return;
	scope->type = type;
	vgpu_wgpu_line(message, scope->line, scope->bytes);
	vgpu_wgpu_shorten(scope->line, scope->bytes);
}

int vgpu_wgpu_pop(struct vgpu_wgpu *e, char *line, size_t bytes)
{
	struct vgpu_wgpu_scope scope = {
		.type = WGPUErrorType_NoError, .line = line, .bytes = bytes,
	};
	WGPUPopErrorScopeCallbackInfo info = {
		.mode = WGPUCallbackMode_AllowSpontaneous,
		.callback = vgpu_wgpu_popped,
		.userdata1 = &scope,
	};
	size_t i;

	for (i = 0; i < vgpu_wgpu_filters(e); i++) {
		scope.called = false;
		e->api.DevicePopErrorScope(e->device, info);
		/*
		 * Both providers answer at once.  One that does not would
		 * answer into a dead frame later: it must not get the chance.
		 */
		while (!scope.called)
			e->api.InstanceProcessEvents(e->instance);
	}
	switch (scope.type) {
	case WGPUErrorType_NoError:
		return 0;
	case WGPUErrorType_Validation:
		return -EINVAL;
	case WGPUErrorType_OutOfMemory:
		return -ENOMEM;
	default:
		return -EIO;
	}
}
