// SPDX-License-Identifier: MIT
/*
 * One manager and many threads: some send work to whatever device it picks,
 * one adds and removes a device, one scans and reads statistics.
 */
#include <pthread.h>

#include "vgpu_test.h"
#include "device_util.h"

/* No Vulkan: what is tested here does not depend on the host's drivers. */
static void __attribute__((constructor)) no_drivers(void)
{
	setenv("VK_DRIVER_FILES", "/nonexistent", 1);
	setenv("VK_ICD_FILENAMES", "/nonexistent", 1);
	setenv("VGPU_WGPU_LIB", "/nonexistent", 1);
}

#define MIB		(1024u * 1024u)
#define PICKERS		3

struct shared {
	struct vgpu_manager *manager;
	struct vgpu_device *guest;	/* comes and goes */
	uint32_t rounds;
	uint32_t running;		/* pickers; atomic */
	uint32_t bad;			/* atomic */
};

static void wrong(struct shared *s)
{
	__atomic_fetch_add(&s->bad, 1, __ATOMIC_RELAXED);
}

static void *pick(void *arg)
{
	struct vgpu_command cmd = vgpu_command_synchronize();
	struct shared *s = arg;
	struct vgpu_device *dev;
	uint64_t ticket;
	uint32_t i;

	for (i = 0; i < s->rounds; i++) {
		if (vgpu_manager_pick(s->manager, 0, &dev) ||
		    vgpu_device_submit(dev, NULL, &cmd, &ticket) ||
		    vgpu_device_wait(dev, ticket, vgpu_deadline_after_ms(30000),
				     NULL))
			wrong(s);
	}
	__atomic_fetch_sub(&s->running, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *come_and_go(void *arg)
{
	struct shared *s = arg;

	/* A picker may have it still: it stays open until all have ended. */
	while (__atomic_load_n(&s->running, __ATOMIC_ACQUIRE)) {
		if (vgpu_manager_add_device(s->manager, s->guest) ||
		    vgpu_manager_add_device(s->manager, s->guest) != -EEXIST ||
		    vgpu_manager_remove_device(s->manager, s->guest))
			wrong(s);
	}
	return NULL;
}

static void *look(void *arg)
{
	struct vgpu_manager_stats stats;
	struct vgpu_backend_status status;
	struct shared *s = arg;
	struct vgpu_device *dev;
	char text[2048];

	while (__atomic_load_n(&s->running, __ATOMIC_ACQUIRE)) {
		if (vgpu_manager_scan(s->manager) < 1 ||
		    vgpu_manager_backend(s->manager, 0, &status) ||
		    vgpu_manager_reason(s->manager, text, sizeof(text)) <= 0 ||
		    vgpu_manager_get_stats(s->manager, &stats) ||
		    stats.devices < 2 || stats.devices > 3 ||
		    vgpu_manager_stats_text(&stats, text, sizeof(text)) <= 0 ||
		    vgpu_manager_auto_select(s->manager, NULL) != -EBUSY ||
		    vgpu_manager_device(s->manager, 9, &dev) != -ENOENT)
			wrong(s);
		vgpu_manager_error(s->manager, text, sizeof(text));
	}
	return NULL;
}

VGPU_TEST(manager)
{
	struct shared s = { .rounds = 200 * vgpu_test_scale(),
			    .running = PICKERS };
	struct vgpu_manager_stats stats;
	pthread_t thread[PICKERS + 2];
	struct vgpu_device *dev;
	uint64_t ended = 0;
	int i;

	dev = device_start(0, 16 * MIB, 0);
	s.guest = device_start(VGPU_DEVICE_BACKGROUND, 16 * MIB, 0);
	ASSERT_NE(NULL, dev);
	ASSERT_NE(NULL, s.guest);
	ASSERT_EQ(0, vgpu_manager_create(NULL, &s.manager));
	ASSERT_EQ(0, vgpu_manager_auto_select(s.manager, NULL));
	ASSERT_EQ(0, vgpu_manager_initialize_selected(s.manager));
	ASSERT_EQ(0, vgpu_manager_add_device(s.manager, dev));
	for (i = 0; i < PICKERS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, pick, &s));
	ASSERT_EQ(0, pthread_create(&thread[i++], NULL, come_and_go, &s));
	ASSERT_EQ(0, pthread_create(&thread[i++], NULL, look, &s));
	while (i--)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, s.bad);

	/* Every command was counted once, on one of the three. */
	ASSERT_EQ(0, vgpu_manager_add_device(s.manager, s.guest));
	ASSERT_EQ(0, vgpu_manager_get_stats(s.manager, &stats));
	EXPECT_EQ(3, stats.devices);
	ended = stats.total.completed;
	EXPECT_EQ((uint64_t)PICKERS * s.rounds, ended);
	EXPECT_EQ(ended, stats.total.submitted);
	EXPECT_EQ(0, stats.total.outstanding);
	vgpu_manager_destroy(s.manager);
	vgpu_device_close(s.guest);
	vgpu_device_close(dev);
}

TEST_HARNESS_MAIN
