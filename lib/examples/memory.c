// SPDX-License-Identifier: MIT
/*
 * Memory of devices: allocate it, map it for the CPU, free it, and see how much
 * there is.
 */
#include <errno.h>
#include <string.h>

#include <vgpu/memory.h>

#include "example.h"

#define MIB	((uint64_t)1 << 20)

int main(void)
{
	/* A list of devices; here of one, "gpu0", as vgpu_device_get_info() says. */
	static const struct vgpu_memory_device devices[] = {
		{ "gpu0", 4096 * MIB, 3072 * MIB },
	};
	/* Any address that is a multiple of a page and where nothing is. */
	void *cpu_address = (void *)0x40000000;
	struct vgpu_memory_stats stats = { .size = sizeof(stats) };
	struct vgpu_memory_block block, with_cpu, other;
	struct vgpu_allocator *allocator;
	char message[256];
	void *mapped;
	int ret;

	MUST(vgpu_allocator_create(NULL, &allocator));
	MUST(vgpu_allocator_init(allocator, devices, 1));

	MUST(vgpu_allocator_allocate(allocator, "gpu0", 64 * MIB, NULL,
				     &block));
	printf("allocated GPU memory at 0x%" PRIx64 "\n", block.gpu_address);
	EXPECT(block.size == 64 * MIB && !block.cpu_address);

	MUST(vgpu_allocator_allocate_mapped(allocator, "gpu0", 64 * MIB,
					    cpu_address, NULL, &with_cpu));
	EXPECT(with_cpu.cpu_address == cpu_address);
	memset(with_cpu.cpu_address, 0x5a, with_cpu.size);

	/* Taken is taken: nothing is ever mapped over something else. */
	ret = vgpu_allocator_allocate_mapped(allocator, "gpu0", 64 * MIB,
					     cpu_address, NULL, &other);
	EXPECT(ret == -EEXIST);
	vgpu_allocator_error(allocator, message, sizeof(message));
	printf("refused: %s\n", message);

	/* A block can be mapped and unmapped at any time, and keeps its bytes. */
	MUST(vgpu_allocator_unmap(allocator, with_cpu.id));
	MUST(vgpu_allocator_map(allocator, with_cpu.id, NULL, &mapped));
	EXPECT(((unsigned char *)mapped)[64 * MIB - 1] == 0x5a);

	MUST(vgpu_allocator_free(allocator, block.id));
	EXPECT(vgpu_allocator_free(allocator, block.id) == -ENOENT);

	/* Of one device, or (with NULL) of all together. */
	MUST(vgpu_allocator_get_stats(allocator, NULL, &stats));
	printf("total memory: %" PRIu64 " MiB\n", stats.total / MIB);
	printf("allocated: %" PRIu64 " MiB\n", stats.allocated / MIB);
	EXPECT(stats.total == 4096 * MIB && stats.allocated == 64 * MIB);
	EXPECT(stats.available == 3008 * MIB && stats.count == 1);

	MUST(vgpu_allocator_free(allocator, with_cpu.id));
	vgpu_allocator_destroy(allocator);
	return 0;
}
