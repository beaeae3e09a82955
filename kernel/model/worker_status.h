/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What an engine's worker says of how a command ended, for the module and for
 * the library alike: a worker is not trusted.
 */
#ifndef VGPU_WORKER_STATUS_H
#define VGPU_WORKER_STATUS_H

#include "os.h"

/* @status if that is 0 or an errno of uapi/vgpu_engine.h, else -EIO. */
static inline s32 vgpu_worker_status(s32 status)
{
	switch (status) {
	case 0:
	case -EINVAL:
	case -ENOENT:
	case -EFAULT:
	case -EACCES:
	case -EEXIST:
	case -EBUSY:
	case -ENOSPC:
	case -ENOMEM:
	case -ETIMEDOUT:
	case -EIO:
	case -ENODEV:
	case -ECANCELED:
	case -EOPNOTSUPP:
	case -EAGAIN:
		return status;
	default:
		return -EIO;
	}
}

#endif /* VGPU_WORKER_STATUS_H */
