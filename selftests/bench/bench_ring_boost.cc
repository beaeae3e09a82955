// SPDX-License-Identifier: MIT
/* boost's spsc_queue for bench_ring, in C++ because it is a template. */
#include <boost/lockfree/spsc_queue.hpp>

#include "bench_ring.h"

namespace {

using queue = boost::lockfree::spsc_queue<
	bench_elem, boost::lockfree::capacity<BENCH_ENTRIES - 1>>;

void *boost_create()
{
	return new queue;
}

void boost_destroy(void *q)
{
	delete static_cast<queue *>(q);
}

BENCH_INLINE uint32_t boost_push(void *q, const bench_elem *e, uint32_t n)
{
	if (n == 1)
		return static_cast<queue *>(q)->push(*e);
	return static_cast<queue *>(q)->push(e, n);
}

BENCH_INLINE uint32_t boost_pop(void *q, bench_elem *e, uint32_t n)
{
	if (n == 1)
		return static_cast<queue *>(q)->pop(*e);
	return static_cast<queue *>(q)->pop(e, n);
}

BENCH_LOOPS(boost, bench_elem, boost_push, boost_pop)

} // namespace

extern "C" const struct bench_impl bench_boost_spsc = {
	"boost spsc_queue", 0, boost_create, boost_destroy, nullptr,
	boost_one, boost_produce, boost_consume, boost_ping, boost_pong,
};
