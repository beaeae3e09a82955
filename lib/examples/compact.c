// SPDX-License-Identifier: MIT
/*
 * Memory in pieces, moved together: addresses and contents stay.
 */
#include <errno.h>
#include <string.h>

#include <vgpu/memory.h>

#include "example.h"

#define MIB	((uint64_t)1 << 20)
#define N	64

int main(void)
{
	static const struct vgpu_memory_device device = {
		"gpu0", 64 * MIB, 64 * MIB,
	};
	struct vgpu_compact_result result = { .size = sizeof(result) };
	struct vgpu_memory_stats stats = { .size = sizeof(stats) };
	struct vgpu_memory_block blocks[N], large;
	struct vgpu_allocator *allocator;
	int i, ret;

	MUST(vgpu_allocator_create(NULL, &allocator));
	MUST(vgpu_allocator_init(allocator, &device, 1));

	/* Fill the memory, and free every second block. */
	for (i = 0; i < N; i++) {
		MUST(vgpu_allocator_allocate_mapped(allocator, "gpu0", MIB,
						    NULL, NULL, &blocks[i]));
		memset(blocks[i].cpu_address, i, MIB);
	}
	for (i = 0; i < N; i += 2)
		MUST(vgpu_allocator_free(allocator, blocks[i].id));
	MUST(vgpu_allocator_get_stats(allocator, "gpu0", &stats));
	printf("before: %" PRIu64 " MiB free, %" PRIu64 " MiB in one piece\n",
	       stats.available / MIB, stats.largest_free / MIB);

	/* Half of it is free, but not in one piece. */
	ret = vgpu_allocator_allocate(allocator, "gpu0", 32 * MIB, NULL,
				      &large);
	EXPECT(ret == -ENOMEM);
	MUST(vgpu_allocator_compact(allocator, "gpu0", 0, &result));
	EXPECT(result.finished && result.moves);
	MUST(vgpu_allocator_get_stats(allocator, "gpu0", &stats));
	printf("after:  %" PRIu64 " MiB free, %" PRIu64 " MiB in one piece, %"
	       PRIu64 " blocks moved\n", stats.available / MIB,
	       stats.largest_free / MIB, result.moves);
	MUST(vgpu_allocator_allocate(allocator, "gpu0", 32 * MIB, NULL,
				     &large));

	/* The same pointers, the same bytes. */
	for (i = 1; i < N; i += 2) {
		const unsigned char *p = blocks[i].cpu_address;

		EXPECT(p[0] == i && !memcmp(p, p + 1, MIB - 1));
	}
	vgpu_allocator_destroy(allocator);
	return 0;
}
