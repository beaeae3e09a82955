/* SPDX-License-Identifier: MIT */
/*
 * The loops that every ring of bench_ring is driven by.  A ring gives push and
 * pop, and gets loops of its own in which they are inlined, so that no ring
 * pays for a call that a user of it would not make.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

#define BENCH_ENTRIES	1024u
#define BENCH_SOURCE	256u	/* elements that producers take turns with */
#define BENCH_MAX_BULK	32u

struct bench_elem {
	uint64_t word[8];
} __attribute__((aligned(64)));

/* What the threads of one run share. */
struct bench_run {
	void *q;
	void *back;		/* the other direction of a round trip */
	const struct bench_elem *src;
	uint64_t total;		/* elements of all producers */
	uint64_t each;		/* elements of one producer */
	uint32_t bulk;
	uint32_t consumers;
	uint64_t consumed __attribute__((aligned(128)));
	uint64_t sum;
} __attribute__((aligned(128)));

struct bench_impl {
	const char *name;
	int many;		/* has many producers and many consumers */
	void *(*create)(void);
	void (*destroy)(void *q);
	void (*finish)(void *q);	/* wake consumers at the end, or NULL */
	void (*one)(struct bench_run *r);
	void (*produce)(struct bench_run *r);
	void (*consume)(struct bench_run *r);
	void (*ping)(struct bench_run *r);
	void (*pong)(struct bench_run *r);
};

static inline void bench_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* The same for all: 64 pauses, and then the processor to somebody else. */
static inline void bench_back_off(unsigned int *spins)
{
	if (++*spins < 64) {
		bench_pause();
		return;
	}
	*spins = 0;
	sched_yield();
}

#define BENCH_INLINE	static inline __attribute__((always_inline, unused))

/* The word of an element that says which it is, whatever its type. */
BENCH_INLINE uint64_t bench_word(const void *elem)
{
	uint64_t word;

	__builtin_memcpy(&word, (const char *)elem + 8, sizeof(word));
	return word;
}

/*
 * push(q, elems, n) and pop(q, elems, n) move up to n elements and return how
 * many; elem_type is what they call 64 bytes.
 */
#define BENCH_LOOPS(name, elem_type, push, pop)				\
static void name##_one(struct bench_run *r)				\
{									\
	const elem_type *src = (const elem_type *)r->src;		\
	elem_type got[BENCH_MAX_BULK];					\
	uint64_t sum = 0, i;						\
	uint32_t j, n, bulk = r->bulk;					\
									\
	for (i = 0; i < r->total; i += bulk) {				\
		n = push(r->q, &src[i % BENCH_SOURCE], bulk);		\
		n = pop(r->q, got, n);					\
		for (j = 0; j < n; j++)					\
			sum += bench_word(&got[j]);			\
	}								\
	r->sum = sum;							\
}									\
static void name##_produce(struct bench_run *r)				\
{									\
	const elem_type *src = (const elem_type *)r->src;		\
	uint32_t want, done, bulk = r->bulk;				\
	unsigned int spins = 0;						\
	uint64_t i = 0;							\
									\
	while (i < r->each) {						\
		want = bulk - i % bulk;					\
		done = push(r->q, &src[i % BENCH_SOURCE], want);	\
		i += done;						\
		if (done)						\
			spins = 0;					\
		else							\
			bench_back_off(&spins);				\
	}								\
}									\
static void name##_consume(struct bench_run *r)				\
{									\
	elem_type got[BENCH_MAX_BULK];					\
	uint64_t sum = 0, mine = 0, total = r->total;			\
	uint32_t n, j, bulk = r->bulk;					\
	unsigned int spins = 0;						\
									\
	for (;;) {							\
		n = pop(r->q, got, bulk);				\
		for (j = 0; j < n; j++)					\
			sum += bench_word(&got[j]);			\
		mine += n;						\
		if (n) {						\
			spins = 0;					\
			if (r->consumers > 1 || mine < total)		\
				continue;				\
		}							\
		if (r->consumers == 1) {				\
			if (mine == total)				\
				break;					\
		} else {						\
			mine = __atomic_add_fetch(&r->consumed, mine,	\
						  __ATOMIC_RELAXED);	\
			if (mine == total)				\
				break;					\
			mine = 0;					\
		}							\
		bench_back_off(&spins);					\
	}								\
	__atomic_add_fetch(&r->sum, sum, __ATOMIC_RELAXED);		\
}									\
static void name##_ping(struct bench_run *r)				\
{									\
	const elem_type *src = (const elem_type *)r->src;		\
	unsigned int spins = 0;						\
	elem_type got[1];						\
	uint64_t i;							\
									\
	for (i = 0; i < r->total; i++) {				\
		while (!push(r->q, &src[i % BENCH_SOURCE], 1))		\
			bench_back_off(&spins);				\
		while (!pop(r->back, got, 1))				\
			bench_back_off(&spins);				\
		spins = 0;						\
	}								\
}									\
static void name##_pong(struct bench_run *r)				\
{									\
	unsigned int spins = 0;						\
	elem_type got[1];						\
	uint64_t i;							\
									\
	for (i = 0; i < r->total; i++) {				\
		while (!pop(r->q, got, 1))				\
			bench_back_off(&spins);				\
		while (!push(r->back, got, 1))				\
			bench_back_off(&spins);				\
		spins = 0;						\
	}								\
}

#define BENCH_IMPL(ident, title, is_many, make, unmake, end)		\
	{ .name = title, .many = is_many, .create = make,		\
	  .destroy = unmake, .finish = end, .one = ident##_one,		\
	  .produce = ident##_produce, .consume = ident##_consume,	\
	  .ping = ident##_ping, .pong = ident##_pong }

#ifdef __cplusplus
extern "C"
#else
extern
#endif
const struct bench_impl bench_boost_spsc;

#endif /* BENCH_RING_H */
