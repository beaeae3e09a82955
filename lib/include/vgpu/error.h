/* SPDX-License-Identifier: MIT */
/*
 * Errors of libvgpu: every function that can fail returns 0 (or a count) or a
 * negative errno; these are their meanings, the same everywhere.  The handle
 * that a call was made on keeps one line about its last failure: what was
 * wrong, what was expected, what to do (vgpu_device_error() and the like).
 *
 *  EINVAL      malformed: an argument out of range, not aligned, of the wrong
 *              kind, or a flag that is not known
 *  ENOENT      there is no such device, ring, counter, kernel or block; but as
 *              the status of a command that names one, EINVAL
 *  EFAULT      an address that is not mapped, or whose memory has gone
 *  EACCES      a write to memory that is read-only
 *  EEXIST      the address is taken
 *  EBUSY       in use
 *  ENOSPC      a quota or a table of fixed size is full
 *  ENOMEM      memory is short, or no hole is large enough
 *  EMFILE      the process has too many open files; ENFILE: the system has
 *  EAGAIN      full, or being moved: try again after waiting or processing
 *  ECANCELED   not running (idle, paused or stopped); or a command that a reset
 *              threw away before it started
 *  ENODEV      the device or its ring was reset while a command ran, or is lost
 *  EIO         the engine was lost while it ran the command; a queue in error
 *  EPIPE       closed
 *  ETIMEDOUT   the deadline has passed; or a launch that ran longer than it may
 *  ESTALE      the command has ended, but nobody remembers how
 *  ENODATA     nothing to report yet
 *  EOPNOTSUPP  this backend or device cannot do it
 */
#ifndef LIBVGPU_ERROR_H
#define LIBVGPU_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * vgpu_strerror() - what an error number means in this library
 * @error: an errno, negative or positive, or 0
 *
 * Return: a constant string, never NULL; "unknown error" for a number that the
 * library does not use.  May be called from any thread.
 */
const char *vgpu_strerror(int error);

/*
 * DOC: Time
 *
 * Deadlines are absolute, on CLOCK_MONOTONIC, in nanoseconds.  0, or anything
 * that has passed, means "do not wait".
 */
#define VGPU_NO_WAIT		((uint64_t)0)
#define VGPU_FOREVER		UINT64_MAX

/* CLOCK_MONOTONIC, ns. */
uint64_t vgpu_now_ns(void);
/* Deadlines from now on; saturating. */
uint64_t vgpu_deadline_after_ns(uint64_t ns);
uint64_t vgpu_deadline_after_ms(uint64_t ms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_ERROR_H */
