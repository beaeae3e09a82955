// SPDX-License-Identifier: MIT
/*
 * Statistics of a queue and of memory, one by one and as text.
 */
#include <vgpu/device.h>
#include <vgpu/memory.h>
#include <vgpu/queue.h>

#include "example.h"

static int nothing(const struct vgpu_command *command, void *ctx)
{
	return 0;
}

static void queue_stats(void)
{
	struct vgpu_queue_options opts = {
		.size = sizeof(opts),
		.entries = 100,
	};
	struct vgpu_queue_stats stats = { .size = sizeof(stats) };
	struct vgpu_command command = vgpu_command_synchronize();
	struct vgpu_queue *queue;
	char text[4096];
	int i;

	MUST(vgpu_queue_create(&opts, &queue));
	MUST(vgpu_queue_start(queue));
	for (i = 0; i < 100; i++)
		MUST(vgpu_queue_submit(queue, &command));
	EXPECT(vgpu_queue_submit(queue, &command) < 0); /* an overflow */
	MUST(vgpu_queue_process(queue, nothing, NULL, UINT32_MAX));

	MUST(vgpu_queue_get_stats(queue, &stats));
	printf("total submitted: %" PRIu64 "\n", stats.submitted);
	printf("total completed: %" PRIu64 "\n", stats.completed);
	printf("average wait time: %" PRIu64 " us\n", stats.avg_wait_us);
	printf("max queue depth: %" PRIu64 "\n", stats.max_depth);
	printf("overflow count: %" PRIu64 "\n", stats.overflows);
	EXPECT(stats.submitted == 100 && stats.completed == 100);
	EXPECT(stats.max_depth == 100 && stats.overflows == 1);

	/* All of it, with a histogram of the times that commands waited. */
	vgpu_queue_stats_text(queue, text, sizeof(text));
	printf("\n%s", text);
	vgpu_queue_unref(queue);
}

static void memory_stats(void)
{
	static const struct vgpu_memory_device devices[] = {
		{ "gpu0", 64 << 20, 64 << 20 },
		{ "gpu1", 32 << 20, 32 << 20 },
	};
	struct vgpu_memory_stats stats = { .size = sizeof(stats) };
	struct vgpu_memory_block block;
	struct vgpu_allocator *allocator;
	char text[1024];

	MUST(vgpu_allocator_create(NULL, &allocator));
	MUST(vgpu_allocator_init(allocator, devices, 2));
	MUST(vgpu_allocator_allocate(allocator, "gpu1", 8 << 20, NULL,
				     &block));
	MUST(vgpu_allocator_get_stats(allocator, NULL, &stats));
	printf("\ntotal memory: %" PRIu64 " bytes\n", stats.total);
	printf("allocated: %" PRIu64 " bytes\n", stats.allocated);
	printf("available: %" PRIu64 " bytes\n", stats.available);
	printf("allocation count: %" PRIu32 "\n", stats.count);
	EXPECT(stats.total == 96 << 20 && stats.allocated == 8 << 20);
	EXPECT(stats.available == 88 << 20 && stats.count == 1);

	MUST(vgpu_allocator_get_stats(allocator, "gpu1", &stats));
	vgpu_memory_stats_text(&stats, text, sizeof(text));
	printf("\ngpu1\n%s", text);
	vgpu_allocator_destroy(allocator);
}

int main(void)
{
	queue_stats();
	memory_stats();
	return 0;
}
