// SPDX-License-Identifier: MIT
/*
 * Who is served when: priorities share by weight, nobody starves, rings of one
 * priority take turns, and what waits costs nothing.  Counted in commands and
 * calls, never in time.
 */
#include "vgpu_test.h"
#include "model_guest.h"

static int open_all(struct shell *s, struct client *c, u32 n, u32 max_jobs,
		    const u32 *priority)
{
	struct vgpu_model_config config;
	u32 i;
	int ret;

	shell_config(&config);
	config.max_jobs = max_jobs;
	ret = shell_open(s, &config);
	for (i = 0; !ret && i < n; i++) {
		ret = client_open_ring(&c[i], s, 64, 64, priority[i], 1);
		if (!ret)
			ret = client_control(&c[i], VGPU_RING_START);
	}
	return ret;
}

/* Keep a ring full of commands; count those that have ended. */
static u32 top_up(struct client *c, u16 opcode, u16 flags)
{
	struct vgpu_completion done;
	u32 n = 0;

	while (client_take(c, &done))
		n += !done.status;
	while (client_send(c, opcode, flags, 0,
			   opcode == VGPU_CMD_NOP ? 0 : c->vram_address,
			   opcode == VGPU_CMD_NOP ? 0 : 4, 0))
		;
	return n;
}

static void close_all(struct __test_metadata *_metadata, struct shell *s,
		      struct client *c, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		client_close(&c[i]);
	ASSERT_EQ(NULL, model_gone(s));
	shell_close(s);
}

/* Time goes by weight, 1 : 4 : 16 : 64. */
VGPU_TEST(weights)
{
	static const u32 priority[] = { 0, 1, 2, 3 };
	struct client c[4];
	struct shell s;
	u32 i, round, n[4] = { 0 };

	ASSERT_EQ(0, open_all(&s, c, 4, 4000, priority));
	for (round = 0; round < 3000; round++) {
		for (i = 0; i < 4; i++)
			n[i] += top_up(&c[i], VGPU_CMD_CLEAR, 0);
		shell_run_for(&s, 1);
	}
	TH_LOG("served: %u %u %u %u", n[0], n[1], n[2], n[3]);
	for (i = 0; i < 3; i++) {
		EXPECT_GT(n[i + 1], 3 * n[i]);
		EXPECT_LT(n[i + 1], 5 * n[i]);
	}
	MODEL_HOLDS(&s);
	close_all(_metadata, &s, c, 4);
}

/* Turns within a priority. */
VGPU_TEST(turns)
{
	static const u32 priority[] = { 1, 1, 1, 1, 1 };
	struct client c[5];
	struct shell s;
	u32 i, round, n[5] = { 0 };

	ASSERT_EQ(0, open_all(&s, c, 5, 32, priority));
	for (round = 0; round < 2000; round++) {
		for (i = 0; i < 5; i++)
			n[i] += top_up(&c[i], i & 1 ? VGPU_CMD_NOP :
						      VGPU_CMD_CLEAR, 0);
		shell_run_for(&s, 1);
	}
	TH_LOG("served: %u %u %u %u %u", n[0], n[1], n[2], n[3], n[4]);
	for (i = 1; i < 5; i++) {
		EXPECT_GT(n[i] + 64, n[0] * 9 / 10);
		EXPECT_LT(n[i], n[0] * 11 / 10 + 64);
	}
	close_all(_metadata, &s, c, 5);
}

/* Few jobs, and urgent rings that take each that is free: low is served. */
VGPU_TEST(few_jobs)
{
	static const u32 priority[] = { 3, 3, 3, 0 };
	struct client c[4];
	struct shell s;
	u32 i, jobs, round, n[4];

	for (jobs = 1; jobs <= 4; jobs++) {
		memset(n, 0, sizeof(n));
		ASSERT_EQ(0, open_all(&s, c, 4, jobs, priority));
		s.keep = 1u << VGPU_WORK_CLEAR;
		for (round = 0; round < 20000; round++) {
			/* SYNC between commands: one job at a time. */
			for (i = 0; i < 4; i++) {
				if (round % 8 == 0)
					n[i] += top_up(&c[i], VGPU_CMD_CLEAR,
						       0);
			}
			shell_run_for(&s, 2);
			if (s.n_kept)
				shell_release_one(&s, 0);
		}
		TH_LOG("%u jobs, served: %u %u %u, low %u", jobs, n[0], n[1],
		       n[2], n[3]);
		EXPECT_GT(n[3], n[0] / 64);
		EXPECT_LT(n[3], n[0] / 8);
		EXPECT_GT(n[1], n[0] / 2);
		EXPECT_GT(n[2], n[0] / 2);
		MODEL_HOLDS(&s);
		s.keep = 0;
		shell_release(&s);
		close_all(_metadata, &s, c, 4);
	}
}

/*
 * The only job goes to an urgent ring that waits for its own end each time,
 * not for a free one.  Looking in vain must not push the low ring back.
 */
VGPU_TEST(one_job)
{
	static const u32 priority[] = { 3, 0 };
	struct client c[2];
	struct shell s;
	u32 i, round, n = 0, low = 0;

	ASSERT_EQ(0, open_all(&s, c, 2, 1, priority));
	s.keep = 1u << VGPU_WORK_CLEAR;
	for (round = 0; round < 20000; round++) {
		struct vgpu_completion done;

		while (client_take(&c[0], &done))
			n++;
		for (i = 0; i < 8; i++)
			if (client_send(&c[0], VGPU_CMD_CLEAR, 0, 0,
					c[0].vram_address, 4, 0))
				client_send(&c[0], VGPU_CMD_SYNC, 0, 0, 0, 0,
					    0);
		low += top_up(&c[1], VGPU_CMD_CLEAR, 0);
		shell_run_for(&s, 1);
		if (s.n_kept)
			shell_release_one(&s, 0);
	}
	TH_LOG("urgent %u, low %u", n, low);
	EXPECT_GT(low, n / 256);
	s.keep = 0;
	shell_release(&s);
	close_all(_metadata, &s, c, 2);
}

/* Waiting for a counter takes no calls, whatever else goes on. */
VGPU_TEST(waiting_is_free)
{
	static const u32 priority[] = { 3, 3, 0 };
	struct vgpu_model_stats st;
	struct vgpu_work work[16];
	struct client c[3];
	struct shell s;
	u32 i;

	ASSERT_EQ(0, open_all(&s, c, 3, 8, priority));
	for (i = 0; i < 2; i++)
		ASSERT_TRUE(client_send(&c[i], VGPU_CMD_WAIT, 0, 0,
					c[i].counter, 1, 0));
	ASSERT_TRUE(shell_run(&s));
	EXPECT_FALSE(vgpu_model_pending(s.m));
	/* Doorbells do not wake what waits for something else. */
	for (i = 0; i < 100; i++)
		vgpu_model_kick(s.m, c[i & 1].ring);
	EXPECT_FALSE(vgpu_model_pending(s.m));
	/* The third has the whole of each call. */
	for (i = 0; i < 64; i++)
		ASSERT_TRUE(client_send(&c[2], VGPU_CMD_NOP, 0, 0, 0, 0, 0));
	EXPECT_EQ(0, vgpu_model_run(s.m, 1, work, 4));
	vgpu_model_stats(s.m, &st);
	EXPECT_EQ(18, st.queued);
	EXPECT_TRUE(vgpu_model_pending(s.m));
	EXPECT_EQ(0, vgpu_model_run(s.m, 1, work, 1));
	vgpu_model_stats(s.m, &st);
	EXPECT_EQ(22, st.queued);
	ASSERT_TRUE(shell_run(&s));
	close_all(_metadata, &s, c, 3);
}

/* A level that was idle has saved nothing up. */
VGPU_TEST(no_credit)
{
	static const u32 priority[] = { 1, 1, 2 };
	struct client c[3];
	struct shell s;
	u32 round, n = 0, late = 0;

	ASSERT_EQ(0, open_all(&s, c, 3, 400, priority));
	for (round = 0; round < 1000; round++) {
		top_up(&c[0], VGPU_CMD_CLEAR, 0);
		shell_run_for(&s, 1);
	}
	for (round = 0; round < 400; round++) {
		n += top_up(&c[0], VGPU_CMD_CLEAR, 0);
		late += top_up(&c[2], VGPU_CMD_CLEAR, 0);
		shell_run_for(&s, 1);
	}
	TH_LOG("normal %u, high %u", n, late);
	EXPECT_GT(late, 3 * n);
	EXPECT_LT(late, 6 * n);
	close_all(_metadata, &s, c, 3);
}

TEST_HARNESS_MAIN
