/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the device model needs from where it is compiled: fixed-width types, a
 * few primitives, assertions.  Resolved at compile time: the kernel's own in
 * vgpu.ko, compiler builtins (so that TSan sees them) in user space.
 *
 * The model calls nothing else: no allocation, no lock, no sleep, no I/O.
 */
#ifndef VGPU_MODEL_OS_H
#define VGPU_MODEL_OS_H

#ifdef __KERNEL__

#include <linux/types.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/stddef.h>
#include <linux/string.h>

/* Each use of these names its partner. */
#define vgpu_load_acquire(p)	smp_load_acquire(p)
/* Likewise. */
#define vgpu_store_release(p, v)	smp_store_release(p, v)
#define vgpu_xchg(p, v)		xchg(p, v)
#define vgpu_cmpxchg(p, o, n)	cmpxchg(p, o, n)

#define vgpu_noinline		noinline

/* A broken invariant of the model: say so once, go on defensively. */
static inline bool vgpu_holds(bool holds)
{
	return holds;
}
#define vgpu_assert(cond)	vgpu_holds(!WARN_ON_ONCE(!(cond)))

#else /* user space */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

#define U32_MAX			((u32)~0u)
#define U64_MAX			((u64)~0ull)

#define vgpu_noinline		__attribute_noinline__
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define vgpu_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define vgpu_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define vgpu_xchg(p, v)		__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define vgpu_cmpxchg(p, o, n)						\
({									\
	__typeof__(*(p)) expected_ = (o);				\
									\
	__atomic_compare_exchange_n((p), &expected_, (n), false,	\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);	\
	expected_;							\
})

/* A broken invariant of the model is a bug in the model: stop. */
#define vgpu_assert(cond)						\
({									\
	bool ok_ = (cond);						\
									\
	if (unlikely(!ok_)) {						\
		fprintf(stderr, "vgpu: %s:%d: assertion failed: %s\n",	\
			__FILE__, __LINE__, #cond);			\
		abort();						\
	}								\
	ok_;								\
})

#define min_t(t, a, b)							\
({									\
	t a_ = (a), b_ = (b);						\
									\
	a_ < b_ ? a_ : b_;						\
})
#define max_t(t, a, b)							\
({									\
	t a_ = (a), b_ = (b);						\
									\
	a_ > b_ ? a_ : b_;						\
})

/* No speculation barrier in user space: attacker and victim are one process. */
#define array_index_nospec(i, n)	((void)(n), (i))

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

#endif /* __KERNEL__ */

#endif /* VGPU_MODEL_OS_H */
