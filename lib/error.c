// SPDX-License-Identifier: MIT
/*
 * What error numbers mean in this library; see vgpu/error.h.
 */
#include <errno.h>
#include <stdlib.h>

#include <vgpu/error.h>

#include "os.h"

static const struct {
	int error;
	const char *text;
} vgpu_errors[] = {
	{ 0, "success" },
	{ EINVAL, "malformed: an argument is out of range or not aligned" },
	{ ENOENT, "there is no such thing" },
	{ EFAULT, "the address is not mapped" },
	{ EACCES, "the memory is read-only" },
	{ EEXIST, "the address is taken" },
	{ EBUSY, "in use" },
	{ ENODEV, "the device was reset, or is lost" },
	{ ENOSPC, "a quota or a table is full" },
	{ ENOMEM, "memory is short" },
	{ EMFILE, "too many files are open" },
	{ ENFILE, "too many files are open on this system" },
	{ EAGAIN, "full: try again" },
	{ ECANCELED, "not running, or thrown away by a reset" },
	{ EIO, "the engine was lost, or the queue is in error" },
	{ EPIPE, "closed" },
	{ ETIMEDOUT, "the time is up" },
	{ ESTALE, "the command has ended, but nobody remembers how" },
	{ ENODATA, "there is nothing to report yet" },
	{ EOPNOTSUPP, "this device cannot do that" },
};

const char *vgpu_strerror(int error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vgpu_errors); i++) {
		if (vgpu_errors[i].error == error ||
		    vgpu_errors[i].error == -error)
			return vgpu_errors[i].text;
	}
	return "unknown error";
}
