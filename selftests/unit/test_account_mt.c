// SPDX-License-Identifier: MIT
/* Accounting from several threads: limits hold, and the end is zero. */
#include <pthread.h>

#include "vgpu_test.h"
#include "account.h"

#define THREADS	4
#define LIMIT	1000

static struct vgpu_account gpu;

struct client {
	pthread_t thread;
	struct vgpu_account instance;
	struct vgpu_account account;
	uint32_t seed;
	uint32_t ok;
	uint32_t failed;
	uint32_t wrong;
	unsigned int rounds;
};

static void *client(void *arg)
{
	struct client *c = arg;
	uint64_t held[8] = { 0 };
	unsigned int i;

	for (i = 0; i < c->rounds; i++) {
		uint64_t *h = &held[i % 8];

		if (*h) {
			vgpu_account_refund(&c->account, *h);
			*h = 0;
		}
		c->seed = c->seed * 1664525 + 1013904223;
		*h = 1 + (c->seed >> 16) % 100;
		if (vgpu_account_reserve(&c->account, *h)) {
			*h = 0;
			c->failed++;
		} else {
			c->ok++;
		}
		if (vgpu_account_current(&gpu) > LIMIT ||
		    vgpu_account_current(&c->account) > 400)
			c->wrong++;
	}
	for (i = 0; i < 8; i++)
		vgpu_account_refund(&c->account, held[i]);
	return NULL;
}

VGPU_TEST(shared_level)
{
	struct client c[THREADS];
	int i;

	ASSERT_EQ(0, vgpu_account_init(&gpu, LIMIT, NULL));
	memset(c, 0, sizeof(c));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, vgpu_account_init(&c[i].instance, 350, &gpu));
		ASSERT_EQ(0, vgpu_account_init(&c[i].account, 400,
					       &c[i].instance));
		c[i].seed = i + 1;
		c[i].rounds = 50000 * vgpu_test_scale();
		ASSERT_EQ(0, pthread_create(&c[i].thread, NULL, client, &c[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(c[i].thread, NULL));
		EXPECT_EQ(0, c[i].wrong);
		EXPECT_LT(0, c[i].ok);
		EXPECT_LT(0, c[i].failed);
		EXPECT_EQ(0, vgpu_account_current(&c[i].account));
		EXPECT_EQ(0, vgpu_account_current(&c[i].instance));
		EXPECT_LT(200, vgpu_account_peak(&c[i].instance));
		EXPECT_GE(350, vgpu_account_peak(&c[i].instance));
	}
	EXPECT_EQ(0, vgpu_account_current(&gpu));
	EXPECT_GE(LIMIT, vgpu_account_peak(&gpu));
}

TEST_HARNESS_MAIN
