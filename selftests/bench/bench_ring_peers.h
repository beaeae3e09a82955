/* SPDX-License-Identifier: MIT */
/*
 * The rings that ours are compared with, each wrapped to push and pop 64-byte
 * elements: DPDK's rte_ring, Concurrency Kit's ck_ring, liburcu's wfcqueue, a
 * mutex with two condition variables, and Vyukov's bounded queue of cells.
 */
#ifndef BENCH_RING_PEERS_H
#define BENCH_RING_PEERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ck_ring.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <urcu/wfcqueue.h>

#include "bench_ring.h"

static void *bench_alloc(size_t size)
{
	void *p = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);

	if (!p)
		abort();
	memset(p, 0, size);
	return p;
}

/* rte_ring: usable without the EAL when the memory is one's own. */

static void *rte_make(unsigned int flags)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct bench_elem),
						 BENCH_ENTRIES);
	struct rte_ring *r = bench_alloc(size);

	if (rte_ring_init(r, "bench", BENCH_ENTRIES, flags))
		abort();
	return r;
}

static void *rte_sp_create(void)
{
	return rte_make(RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void *rte_mp_create(void)
{
	return rte_make(0);
}

BENCH_INLINE uint32_t rte_sp_push(void *q, const struct bench_elem *e,
				  uint32_t n)
{
	return rte_ring_sp_enqueue_burst_elem(q, e, sizeof(*e), n, NULL);
}

BENCH_INLINE uint32_t rte_sc_pop(void *q, struct bench_elem *e, uint32_t n)
{
	return rte_ring_sc_dequeue_burst_elem(q, e, sizeof(*e), n, NULL);
}

BENCH_INLINE uint32_t rte_mp_push(void *q, const struct bench_elem *e,
				  uint32_t n)
{
	return rte_ring_mp_enqueue_burst_elem(q, e, sizeof(*e), n, NULL);
}

BENCH_INLINE uint32_t rte_mc_pop(void *q, struct bench_elem *e, uint32_t n)
{
	return rte_ring_mc_dequeue_burst_elem(q, e, sizeof(*e), n, NULL);
}

BENCH_LOOPS(rte_sp, struct bench_elem, rte_sp_push, rte_sc_pop)
BENCH_LOOPS(rte_mp, struct bench_elem, rte_mp_push, rte_mc_pop)

/* ck_ring: one element a call. */

CK_RING_PROTOTYPE(bench, bench_elem)

struct bench_ck {
	ck_ring_t ring;
	struct bench_elem slot[BENCH_ENTRIES];
};

static void *ck_create(void)
{
	struct bench_ck *q = bench_alloc(sizeof(*q));

	ck_ring_init(&q->ring, BENCH_ENTRIES);
	return q;
}

#define BENCH_CK(kind)							\
BENCH_INLINE uint32_t ck_##kind##_push(void *p, const struct bench_elem *e, \
				       uint32_t n)			\
{									\
	struct bench_ck *q = p;						\
	uint32_t i;							\
									\
	for (i = 0; i < n; i++)						\
		if (!ck_ring_enqueue_##kind##_bench(&q->ring, q->slot,	\
					(struct bench_elem *)&e[i]))	\
			break;						\
	return i;							\
}									\
BENCH_INLINE uint32_t ck_##kind##_pop(void *p, struct bench_elem *e,	\
				      uint32_t n)			\
{									\
	struct bench_ck *q = p;						\
	uint32_t i;							\
									\
	for (i = 0; i < n; i++)						\
		if (!ck_ring_dequeue_##kind##_bench(&q->ring, q->slot, &e[i])) \
			break;						\
	return i;							\
}									\
BENCH_LOOPS(ck_##kind, struct bench_elem, ck_##kind##_push, ck_##kind##_pop)

BENCH_CK(spsc)
BENCH_CK(mpmc)

/*
 * wfcqueue: a list of nodes.  The queue is unbounded and allocates nothing, so
 * that nodes come from a pool, bounded by the count of those given back.
 */

struct wfc_node {
	struct cds_wfcq_node node;
	uint64_t word[7];
} __attribute__((aligned(64)));

struct bench_wfc {
	struct cds_wfcq_tail tail __attribute__((aligned(128)));
	struct cds_wfcq_head head __attribute__((aligned(128)));
	uint64_t taken __attribute__((aligned(128)));
	uint64_t seen;
	uint64_t given __attribute__((aligned(128)));
	struct cds_wfcq_tail local_tail __attribute__((aligned(128)));
	struct cds_wfcq_head local_head;
	struct wfc_node node[BENCH_ENTRIES] __attribute__((aligned(128)));
};

static void *wfc_create(void)
{
	struct bench_wfc *q = bench_alloc(sizeof(*q));

	cds_wfcq_init(&q->head, &q->tail);
	cds_wfcq_init(&q->local_head, &q->local_tail);
	return q;
}

static void wfc_destroy(void *p)
{
	struct bench_wfc *q = p;

	cds_wfcq_destroy(&q->head, &q->tail);
	cds_wfcq_destroy(&q->local_head, &q->local_tail);
	free(q);
}

/* One to one: nodes come back in the order in which they went. */
BENCH_INLINE uint32_t wfc_push(void *p, const struct bench_elem *e, uint32_t n)
{
	struct bench_wfc *q = p;
	struct wfc_node *node;
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (q->taken - q->seen == BENCH_ENTRIES) {
			q->seen = __atomic_load_n(&q->given, __ATOMIC_ACQUIRE);
			if (q->taken - q->seen == BENCH_ENTRIES)
				break;
		}
		node = &q->node[q->taken++ % BENCH_ENTRIES];
		cds_wfcq_node_init(&node->node);
		memcpy(node->word, &e[i].word[1], 56);
		cds_wfcq_enqueue(&q->head, &q->tail, &node->node);
	}
	return i;
}

BENCH_INLINE uint32_t wfc_pop(void *p, struct bench_elem *e, uint32_t n)
{
	struct bench_wfc *q = p;
	struct cds_wfcq_node *node;
	uint32_t i;

	if (n > 1 && cds_wfcq_empty(&q->local_head, &q->local_tail))
		__cds_wfcq_splice_nonblocking(&q->local_head, &q->local_tail,
					      &q->head, &q->tail);
	for (i = 0; i < n; i++) {
		if (n > 1)
			node = __cds_wfcq_dequeue_nonblocking(&q->local_head,
							      &q->local_tail);
		else
			node = __cds_wfcq_dequeue_nonblocking(&q->head,
							      &q->tail);
		if (!node || node == CDS_WFCQ_WOULDBLOCK)
			break;
		memcpy(&e[i].word[1], ((struct wfc_node *)node)->word, 56);
	}
	if (i)
		__atomic_store_n(&q->given, q->given + i, __ATOMIC_RELEASE);
	return i;
}

BENCH_LOOPS(wfc, struct bench_elem, wfc_push, wfc_pop)

/* Mutex and condition variables: what one writes without thinking of rings. */

struct bench_mutex {
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	uint64_t head, tail;
	unsigned int waiting;
	bool done;
	struct bench_elem slot[BENCH_ENTRIES];
};

static void *mutex_create(void)
{
	struct bench_mutex *q = bench_alloc(sizeof(*q));

	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->not_empty, NULL);
	return q;
}

static void mutex_finish(void *p)
{
	struct bench_mutex *q = p;

	pthread_mutex_lock(&q->lock);
	q->done = true;
	pthread_cond_broadcast(&q->not_empty);
	pthread_mutex_unlock(&q->lock);
}

BENCH_INLINE uint32_t mutex_push(void *p, const struct bench_elem *e,
				 uint32_t n)
{
	struct bench_mutex *q = p;
	uint64_t room;
	uint32_t i;

	pthread_mutex_lock(&q->lock);
	room = BENCH_ENTRIES - (q->tail - q->head);
	if (n > room)
		n = room;
	for (i = 0; i < n; i++)
		q->slot[q->tail++ % BENCH_ENTRIES] = e[i];
	if (q->waiting && n)
		pthread_cond_signal(&q->not_empty);
	pthread_mutex_unlock(&q->lock);
	return n;
}

BENCH_INLINE uint32_t mutex_pop(void *p, struct bench_elem *e, uint32_t n)
{
	struct bench_mutex *q = p;
	uint32_t i;

	pthread_mutex_lock(&q->lock);
	while (q->head == q->tail && !q->done) {
		q->waiting++;
		pthread_cond_wait(&q->not_empty, &q->lock);
		q->waiting--;
	}
	if (n > q->tail - q->head)
		n = q->tail - q->head;
	for (i = 0; i < n; i++)
		e[i] = q->slot[q->head++ % BENCH_ENTRIES];
	pthread_mutex_unlock(&q->lock);
	return n;
}

BENCH_LOOPS(mutex, struct bench_elem, mutex_push, mutex_pop)

/* Vyukov: a sequence number beside each element, freed one by one. */

struct vyukov_cell {
	uint64_t seq;
	struct bench_elem elem;
} __attribute__((aligned(64)));

struct bench_vyukov {
	uint64_t tail __attribute__((aligned(128)));
	uint64_t head __attribute__((aligned(128)));
	struct vyukov_cell cell[BENCH_ENTRIES] __attribute__((aligned(128)));
};

static void *vyukov_create(void)
{
	struct bench_vyukov *q = bench_alloc(sizeof(*q));
	uint64_t i;

	for (i = 0; i < BENCH_ENTRIES; i++)
		q->cell[i].seq = i;
	return q;
}

BENCH_INLINE uint32_t vyukov_push(void *p, const struct bench_elem *e,
				  uint32_t n)
{
	struct bench_vyukov *q = p;
	struct vyukov_cell *c;
	uint64_t pos, seq;
	uint32_t i;

	for (i = 0; i < n; i++) {
		pos = __atomic_load_n(&q->tail, __ATOMIC_RELAXED);
		for (;;) {
			c = &q->cell[pos % BENCH_ENTRIES];
			seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
			if (seq == pos) {
				if (__atomic_compare_exchange_n(
					    &q->tail, &pos, pos + 1, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
					break;
			} else if ((int64_t)(seq - pos) < 0) {
				return i;
			} else {
				pos = __atomic_load_n(&q->tail,
						      __ATOMIC_RELAXED);
			}
		}
		c->elem = e[i];
		__atomic_store_n(&c->seq, pos + 1, __ATOMIC_RELEASE);
	}
	return i;
}

BENCH_INLINE uint32_t vyukov_pop(void *p, struct bench_elem *e, uint32_t n)
{
	struct bench_vyukov *q = p;
	struct vyukov_cell *c;
	uint64_t pos, seq;
	uint32_t i;

	for (i = 0; i < n; i++) {
		pos = __atomic_load_n(&q->head, __ATOMIC_RELAXED);
		for (;;) {
			c = &q->cell[pos % BENCH_ENTRIES];
			seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
			if (seq == pos + 1) {
				if (__atomic_compare_exchange_n(
					    &q->head, &pos, pos + 1, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
					break;
			} else if ((int64_t)(seq - pos - 1) < 0) {
				return i;
			} else {
				pos = __atomic_load_n(&q->head,
						      __ATOMIC_RELAXED);
			}
		}
		e[i] = c->elem;
		__atomic_store_n(&c->seq, pos + BENCH_ENTRIES,
				 __ATOMIC_RELEASE);
	}
	return i;
}

BENCH_LOOPS(vyukov, struct bench_elem, vyukov_push, vyukov_pop)

#endif /* BENCH_RING_PEERS_H */
