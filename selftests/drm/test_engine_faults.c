// SPDX-License-Identifier: MIT
/*
 * Workers, supervisors and clients that lie, hang, and die.
 */
#include "engine_client.h"

static void on_alarm(int sig)
{
}

TEST_F(engine, create_interrupted)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct client *c = &self->c;
	struct fake_code code;
	uint32_t kernel;

	sigaction(SIGALRM, &action, NULL);
	code_init(&code);
	code.hang = 1;
	ualarm(200000, 0);
	EXPECT_EQ(-EINTR, kernel_create(c, &code, &kernel));
	EXPECT_EQ(1, statistics(c).kernels);
	/* The worker is at it still; others take their turn when it is killed. */
	kill(self->shared->worker, SIGKILL);
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
	EXPECT_EQ(2, self->shared->workers);
}

TEST_F(engine, dies_building)
{
	struct client *c = &self->c;
	struct fake_code code;
	uint32_t kernel;
	pid_t killer;

	code_init(&code);
	code.hang = 1;
	killer = fork();
	if (!killer) {
		reaches(&self->shared->builds, 2);
		kill(self->shared->worker, SIGKILL);
		_exit(0);
	}
	EXPECT_EQ(-EIO, kernel_create(c, &code, &kernel));
	waitpid(killer, NULL, 0);
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
}

TEST_F(engine, twice_and_ghosts)
{
	struct client *c = &self->c;
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, launch(c, ACT_TWICE, 0, 0, 0));
		ASSERT_EQ(-EFAULT, launch(c, ACT_TWICE, -EFAULT, 0, 0));
		ASSERT_EQ(0, launch(c, ACT_GHOST, 0, 0, 0));
	}
	EXPECT_EQ(0, launch(c, ACT_FILL, 0, 7, 0));
	EXPECT_EQ(7, c->vram[3]);
	EXPECT_LE(50 * 101, statistics(c).engine_dropped);
	EXPECT_EQ(1, self->shared->workers);
}

TEST_F(engine, garbage)
{
	struct client *c = &self->c, other;
	int i;

	ASSERT_EQ(0, client_ready(&other));
	ASSERT_EQ(0, launch_only(c, ACT_GARBAGE, 300));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, launch(&other, ACT_FILL, 0, i, 0));
	ASSERT_EQ(0, ring_finish(&c->ring));
	EXPECT_LT(0, statistics(c).engine_dropped + statistics(c).failed);
	client_close(&other);
}

/* Launches that a dead worker had not started, or that may run again. */
TEST_F(engine, again)
{
	struct client *c = &self->c;
	struct vgpu_completion done[3];
	struct vgpu_cmd cmd;
	uint32_t kernel;

	/* Started: it fails; what was behind it runs. */
	act_set(c, ACT_DIE_ONCE, 0, 0);
	cmd = launch_cmd(c, 0);
	ASSERT_EQ(0, ring_submit(&c->ring, &cmd, 1));
	ASSERT_EQ(0, ring_submit(&c->ring, &cmd, 1));
	ASSERT_EQ(0, ring_submit(&c->ring, &cmd, 1));
	ASSERT_EQ(0, ring_finish(&c->ring));
	ASSERT_EQ(3, vgpu_ring_reap(&c->ring.reaper, done, 3));
	EXPECT_EQ(-EIO, done[0].status);
	EXPECT_EQ(0, done[1].status);
	EXPECT_EQ(0, done[2].status);
	EXPECT_EQ(2, self->shared->workers);
	EXPECT_EQ(1, statistics(c).workers_lost);
	if (vgpu_ring_reap_release(&c->ring.reaper))
		ring_kick(&c->ring, 0, 0, 0);

	/* Started, and may run again. */
	self->shared->died = 0;
	cmd.flags = VGPU_CMD_F_IDEMPOTENT;
	EXPECT_EQ(0, ring_do(&c->ring, &cmd));
	EXPECT_EQ(3, self->shared->workers);

	/* The death of every worker. */
	EXPECT_EQ(-EIO, launch(c, ACT_DIE_EARLY, 0, 0, 0));
	EXPECT_EQ(6, statistics(c).workers_lost - 2 + 3);
	EXPECT_EQ(-EIO, launch(c, ACT_DIE, 0, 0, 0));
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
	/* No longer known to the worker that is gone: just forgotten. */
	kernel = c->kernel;
	EXPECT_EQ(0, kernel_destroy(c, kernel));
}

TEST_F(engine, hang)
{
	struct client *c = &self->c, other;
	struct vgpu_completion done;
	int64_t start;
	int i;

	ASSERT_EQ(0, client_ready(&other));
	start = now_ns();
	ASSERT_EQ(0, launch_only(c, ACT_HANG, 300));
	for (i = 0; now_ns() - start < 250 * 1000000; i++)
		ASSERT_EQ(0, launch(&other, ACT_FILL, 0, i, 0));
	EXPECT_LT(10, i);
	ASSERT_EQ(0, ring_finish(&c->ring));
	EXPECT_LT(now_ns() - start, 1500 * 1000000ll);
	EXPECT_LT(290 * 1000000, now_ns() - start);
	ASSERT_EQ(1, vgpu_ring_reap(&c->ring.reaper, &done, 1));
	EXPECT_EQ(-ETIMEDOUT, done.status);
	/* It gets another worker, when that one has been given up. */
	EXPECT_EQ(0, launch(c, ACT_FILL, 0, 9, 0));
	EXPECT_EQ(9, c->vram[0]);
	EXPECT_EQ(1, statistics(c).workers_lost);
	EXPECT_EQ(0, statistics(&other).workers_lost);
	client_close(&other);
}

/* One that can be cancelled costs nobody a worker. */
TEST_F(engine, cancelled)
{
	struct client *c = &self->c;
	uint32_t context = c->context;

	EXPECT_EQ(-ETIMEDOUT, launch(c, ACT_HOLD, 0, 0, 200));
	EXPECT_EQ(0, launch(c, ACT_FILL, 0, 9, 0));
	ASSERT_EQ(0, launch_only(c, ACT_HOLD, 0));
	ASSERT_TRUE(reaches(&self->shared->launches, 3));
	ASSERT_EQ(0, ring_control(&c->ring, VGPU_RING_RESET));
	while (ring_control(&c->ring, VGPU_RING_START) == -EBUSY)
		usleep(1000);
	EXPECT_EQ(0, launch_only(c, ACT_END, 0));
	ASSERT_EQ(0, launch_only(c, ACT_HOLD, 0));
	ASSERT_EQ(0, context_destroy(c->fd, context));
	EXPECT_EQ(1, self->shared->workers);
	EXPECT_EQ(0, statistics(c).workers_lost);
}

/* Nobody comes. */
TEST_F(engine, deaf)
{
	struct client *c = &self->c;
	struct fake_code code;
	uint32_t kernel;
	int64_t start = now_ns();

	code_init(&code);
	self->shared->deaf = 1;
	kill(self->shared->worker, SIGKILL);
	while (!statistics(c).workers_lost)
		usleep(1000);
	EXPECT_EQ(-EIO, launch(c, ACT_END, 0, 0, 0));
	EXPECT_LT(now_ns() - start, 15000 * 1000000ll);
	self->shared->deaf = 0;
	EXPECT_EQ(0, launch(c, ACT_END, 0, 0, 0));
	EXPECT_EQ(0, kernel_create(c, &code, &kernel));
}

TEST_F_TIMEOUT(engine, workers_killed, 300)
{
	struct vgpu_cmd cmds[32], cmd;
	struct vgpu_completion done[64];
	struct client *c = &self->c;
	uint32_t i, n, ok = 0, lost = 0, kills = 0, seen = 0;
	int64_t end = after_ms(240000);

	act_set(c, ACT_FILL, 0, 3);
	cmd = launch_cmd(c, 0);
	for (i = 0; i < 32; i++)
		cmds[i] = cmd;
	while ((kills < 100 || ok + lost < c->ring.submitted) &&
	       now_ns() < end) {
		if (kills < 100)
			ring_submit(&c->ring, cmds, 32);
		if (kills < 100 && self->shared->launches > seen + 10) {
			seen = self->shared->launches;
			if (!kill(self->shared->worker, SIGKILL))
				kills++;
		}
		n = vgpu_ring_reap(&c->ring.reaper, done, 64);
		for (i = 0; i < n; i++) {
			ASSERT_TRUE(!done[i].status || done[i].status == -EIO);
			if (done[i].status)
				lost++;
			else
				ok++;
		}
		if (vgpu_ring_reap_release(&c->ring.reaper))
			ring_kick(&c->ring, 0, 0, 0);
		if (!n)
			usleep(1000);
	}
	EXPECT_EQ(100, kills);
	EXPECT_EQ(c->ring.submitted, ok + lost);
	/* At most one was being run by each of them. */
	EXPECT_LE(lost, 100);
	EXPECT_EQ(0, launch(c, ACT_FILL, 0, 5, 0));
	EXPECT_EQ(0, statistics(c).in_flight);
}

/* A client that is killed, and what it had out. */
TEST_F(engine, client_killed)
{
	static const uint32_t acts[] = { ACT_HANG, ACT_HOLD, ACT_FILL };
	struct client *c = &self->c, other;
	uint64_t used = gpu_used(c->fd);
	int64_t start;
	int i, k, status;
	pid_t pid;

	for (i = 0; i < 9; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			if (client_ready(&other))
				_exit(1);
			for (k = 0; k < 20; k++)
				launch_only(&other, acts[i % 3], 0);
			raise(SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		start = now_ns();
		while (gpu_used(c->fd) != used) {
			ASSERT_LT(now_ns() - start, 5000 * 1000000ll);
			usleep(1000);
		}
		ASSERT_EQ(0, launch(c, ACT_FILL, 0, i, 0));
	}
}

TEST_F(engine, supervisor_killed)
{
	struct client *c = &self->c;
	struct vgpu_completion done[2];
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, launch_only(c, i & 1 ? ACT_HANG : ACT_HOLD, 0));
		ASSERT_EQ(0, launch_only(c, ACT_END, 0));
		usleep(20000);
		fake_stop(self->shared);
		ASSERT_EQ(0, ring_finish(&c->ring));
		ASSERT_EQ(2, vgpu_ring_reap(&c->ring.reaper, done, 2));
		/* The second one may have ended before. */
		EXPECT_TRUE(done[0].status == -EIO || done[1].status == -EIO);
		if (vgpu_ring_reap_release(&c->ring.reaper))
			ring_kick(&c->ring, 0, 0, 0);
		EXPECT_EQ(0, info(c->fd).status & VGPU_STATUS_ENGINE);
		EXPECT_EQ(-EOPNOTSUPP, launch(c, ACT_END, 0, 0, 0));
		/* Kernels are there still, for the next one. */
		ASSERT_EQ(0, fake_start(self->shared));
		EXPECT_NE(0, info(c->fd).status & VGPU_STATUS_ENGINE);
		EXPECT_EQ(0, launch(c, ACT_FILL, 0, i, 0));
	}
}

TEST_HARNESS_MAIN
