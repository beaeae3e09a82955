/* SPDX-License-Identifier: MIT */
/*
 * Memory ordering in the library, by the compiler's builtins, which sanitizers
 * see.  Accesses without an order are READ_ONCE() and WRITE_ONCE() of os.h.
 */
#ifndef LIBVGPU_INTERNAL_ATOMIC_H
#define LIBVGPU_INTERNAL_ATOMIC_H

#define vgpu_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define vgpu_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define vgpu_xchg(p, v)		__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#endif /* LIBVGPU_INTERNAL_ATOMIC_H */
