/* SPDX-License-Identifier: MIT */
/*
 * What the kernel's drm_mm.c and drm_buddy.c need in order to be compiled as
 * peers of our allocator in user space.  Written for that; included in place
 * of each kernel header that they name (bench_alloc_deps.sh makes those).
 */
#ifndef VGPU_DRM_SHIM_H
#define VGPU_DRM_SHIM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/types.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define gfp_t			unsigned int
#define __maybe_unused		__attribute__((__unused__))
#define __init
#define __exit
#define MODULE_DESCRIPTION(x)	_Static_assert(sizeof(x), "")
#define MODULE_LICENSE(x)	_Static_assert(sizeof(x), "")
#define module_init(f)		\
	static void __attribute__((__constructor__)) drm_shim_##f(void)	\
	{ if (f()) abort(); } struct drm_shim_module
#define module_exit(f)		\
	static void __attribute__((__destructor__)) drm_shim_##f(void)	\
	{ f(); } struct drm_shim_module

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define rcu_assign_pointer(p, v) WRITE_ONCE(p, v)

#define smp_load_acquire(p)	READ_ONCE(*(p))	/* no partner: one thread */
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)	/* no partner */

#define BUG_ON(c)		do { if (c) abort(); } while (0)
#define WARN_ON(c)		({ bool c_ = !!(c); if (c_) abort(); c_; })
#define WARN(c, ...)		WARN_ON(c)
#define BUILD_BUG_ON_INVALID(e)	((void)sizeof((long)(e)))
#define BIT(n)			(1ul << (n))
#define GENMASK_ULL(h, l)	((~0ull << (l)) & (~0ull >> (63 - (h))))
#define U64_MAX			(~0ull)
#define PAGE_SHIFT		12
#define PAGE_SIZE		4096ul
#define SZ_1M			0x100000
#define LIST_POISON1		((void *)0x100)
#define LIST_POISON2		((void *)0x122)

#define min(a, b)		({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); \
				   a_ < b_ ? a_ : b_; })
#define max(a, b)		({ __typeof__(a) a_ = (a); __typeof__(b) b_ = (b); \
				   a_ > b_ ? a_ : b_; })
#define round_up(x, y)		((((x) - 1) | ((__typeof__(x))((y) - 1))) + 1)
#define round_down(x, y)	((x) & ~((__typeof__(x))((y) - 1)))
#define IS_ALIGNED(x, a)	(!((x) & ((__typeof__(x))(a) - 1)))
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= -4095ul;
}

static inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

#define ilog2(x)		(63 - __builtin_clzll(x))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))

static inline u64 div64_u64_rem(u64 a, u64 b, u64 *rem)
{
	*rem = a % b;
	return a / b;
}

static inline void __set_bit(int n, unsigned long *p)
{
	*p |= 1ul << n;
}

static inline void __clear_bit(int n, unsigned long *p)
{
	*p &= ~(1ul << n);
}

static inline bool test_bit(int n, const unsigned long *p)
{
	return READ_ONCE(*p) >> n & 1;
}

static inline void clear_bit_unlock(int n, unsigned long *p)
{
	__atomic_fetch_and(p, ~(1ul << n), __ATOMIC_RELEASE);
}

/* A slab, as far as the time goes: a list of objects of one size. */
struct kmem_cache {
	size_t size;
	void *free;
};

#define GFP_KERNEL		0
#define KMEM_CACHE(type, f)						\
({									\
	struct kmem_cache *cache_ = calloc(1, sizeof(*cache_));		\
									\
	(void)(f);							\
	if (cache_)							\
		cache_->size = sizeof(struct type);			\
	cache_;								\
})

static inline void *kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp)
{
	void **p = c->free;

	(void)gfp;
	if (!p)
		return calloc(1, c->size);
	c->free = *p;
	__builtin_memset(p, 0, c->size);
	return p;
}

static inline void kmem_cache_free(struct kmem_cache *c, void *p)
{
	*(void **)p = c->free;
	c->free = p;
}

static inline void kmem_cache_destroy(struct kmem_cache *c)
{
	void **p;

	while ((p = c->free)) {
		c->free = *p;
		free(p);
	}
	free(c);
}

#define kmalloc_array(n, s, g)	((void)(g), calloc(n, s))
#define kfree(p)		free(p)
#define kmemleak_update_trace(p) ((void)(p))
#define cond_resched()		((void)0)

struct drm_printer {
	FILE *f;
};

#define drm_printf(p, ...)	fprintf((p)->f, __VA_ARGS__)

#endif /* VGPU_DRM_SHIM_H */
