// SPDX-License-Identifier: MIT
/*
 * A worker process and its host: that commands run, that every way of lying,
 * hanging and dying ends in an error and nothing else, and that neither side
 * outlives the other or leaves anything behind.
 */
#define _GNU_SOURCE
#include "worker_util.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

VGPU_TEST(runs)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;
	uint32_t i;

	ASSERT_EQ(0, util_open(&w, ""));
	ASSERT_EQ(0, util_build(&w, 7, FAKE_ADD, &built));
	EXPECT_EQ(1, built.info.used);
	EXPECT_EQ(4, built.info.const_bytes);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, util_launch(&w, 100 + i, 7, 4096, i));
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(100 + i, done.tag);
		EXPECT_EQ(0, done.status);
	}
	EXPECT_EQ(999 * 1000 / 2, w.vram[1024]);
	w.ops->drop(w.e, 7);
	ASSERT_EQ(0, util_launch(&w, 1, 7, 0, 1));
	ASSERT_EQ(1, util_wait(&w, &done));
	EXPECT_EQ(-EINVAL, done.status);
	EXPECT_EQ(0, vgpu_worker_dropped(w.e));
	util_close(&w);
}

/* What an engine says of itself is cut to what the interface knows. */
VGPU_TEST(info)
{
	const struct vgpu_engine_info *info;
	struct util_worker w;

	ASSERT_EQ(0, util_open(&w, ""));
	info = w.ops->info(w.e);
	EXPECT_STREQ("test?[31m", info->name);
	EXPECT_EQ(VGPU_FEATURE_SPIRV, info->features);
	EXPECT_EQ(VGPU_ENGINE_CAP_ALL, info->capabilities);
	util_close(&w);
}

VGPU_TEST(depth)
{
	struct vgpu_engine_completion done[VGPU_EXECUTOR_DEPTH];
	uint32_t i, n = 0, seen[VGPU_EXECUTOR_DEPTH] = { 0 };
	struct vgpu_engine_built built;
	struct util_worker w;
	int ret;

	ASSERT_EQ(0, util_open(&w, ""));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	for (i = 0; i < VGPU_EXECUTOR_DEPTH; i++)
		ASSERT_EQ(0, util_launch(&w, i, 1, 0, 1));
	EXPECT_EQ(-EAGAIN, util_launch(&w, i, 1, 0, 1));
	/* There is room for these nevertheless, and nobody waits. */
	ASSERT_EQ(0, util_build(&w, 2, FAKE_ADD, &built));
	for (i = 0; i < 200; i++)
		w.ops->drop(w.e, 3);
	while (n < VGPU_EXECUTOR_DEPTH) {
		ret = w.ops->wait(w.e, done, VGPU_EXECUTOR_DEPTH, VGPU_FOREVER);
		ASSERT_LT(0, ret);
		for (i = 0; i < (uint32_t)ret; i++) {
			ASSERT_GT(VGPU_EXECUTOR_DEPTH, done[i].tag);
			EXPECT_EQ(0, done[i].status);
			EXPECT_EQ(1, ++seen[done[i].tag]);
		}
		n += (uint32_t)ret;
	}
	EXPECT_EQ(VGPU_EXECUTOR_DEPTH, w.vram[0]);
	EXPECT_EQ(0, util_launch(&w, 0, 1, 0, 1));
	util_close(&w);
}

VGPU_TEST(wake)
{
	struct vgpu_engine_completion done;
	struct util_worker w;

	ASSERT_EQ(0, util_open(&w, ""));
	w.ops->wake(w.e);
	EXPECT_EQ(0, util_wait(&w, &done));
	EXPECT_EQ(0, w.ops->wait(w.e, &done, 1, 0));
	EXPECT_EQ(0, w.ops->wait(w.e, &done, 1, vgpu_now_ns() + 1000000));
	util_close(&w);
}

VGPU_TEST(build_errors)
{
	struct vgpu_engine_built built;
	struct util_worker w;
	static char big[VGPU_MAX_CODE_BYTES + 4096];

	ASSERT_EQ(0, util_open(&w, ""));
	EXPECT_EQ(-EOPNOTSUPP, util_build(&w, 1, FAKE_REFUSED, &built));
	EXPECT_STREQ("no such?kernel", built.message);
	EXPECT_EQ(-EIO, util_build(&w, 2, FAKE_LIES, &built));
	EXPECT_EQ(0, built.info.written);
	EXPECT_EQ(-EINVAL, w.ops->build(w.e, 3, big, sizeof(big), &built));
	EXPECT_EQ(-EINVAL, w.ops->build(w.e, 3, big, sizeof(big) - 4096,
					&built));
	EXPECT_EQ(0, util_build(&w, 3, FAKE_ADD, &built));
	util_close(&w);
}

/* A host that is wrong is told so; the driver never sees it. */
VGPU_TEST(bad_commands)
{
	const struct vgpu_engine_slot good = {
		.kernel = 1,
		.grid = { 1, 1, 1 },
		.n_ranges = 1,
		.const_bytes = 4,
		.ranges = { { 0, 4, VGPU_RANGE_READ | VGPU_RANGE_WRITE } },
	};
	struct vgpu_engine_slot bad[16];
	struct vgpu_engine_cmd cmds[] = {
		{ .opcode = 99 },
		{ .opcode = VGPU_ENGINE_CANCEL },
		{ .opcode = VGPU_ENGINE_NOP, .flags = 1 },
		{ .opcode = VGPU_ENGINE_CLEAR, .op = { 0, 0 } },
		{ .opcode = VGPU_ENGINE_CLEAR, .op = { 2, 4 } },
		{ .opcode = VGPU_ENGINE_CLEAR, .op = { UTIL_VRAM_BYTES, 4 } },
		{ .opcode = VGPU_ENGINE_CLEAR, .op = { 4, -4ull } },
		{ .opcode = VGPU_ENGINE_COPY, .op = { 0, 4, 8 } },
		{ .opcode = VGPU_ENGINE_COPY, .op = { 0, -8ull, 8 } },
		{ .opcode = VGPU_ENGINE_FLUSH, .op = { 0, 4, 3 } },
		{ .opcode = VGPU_ENGINE_BUILD, .op = { 5, 4, 80, 0 } },
		{ .opcode = VGPU_ENGINE_BUILD, .op = { 5, 8, 80, 1ull << 30 } },
		{ .opcode = VGPU_ENGINE_BUILD, .op = { 1ull << 32, 8, 80, 0 } },
		{ .opcode = VGPU_ENGINE_BUILD, .op = { 1 + 65536, 256, 80 } },
	};
	struct vgpu_engine_cmd launch = { .opcode = VGPU_ENGINE_LAUNCH };
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;
	uint32_t i;

	ASSERT_EQ(0, util_open(&w, ""));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].kernel = 2;
	bad[1].kernel = 1 + 65536;
	bad[2].flags = 1;
	bad[3].grid[1] = 0;
	bad[4].grid[2] = 1001;
	bad[5].n_ranges = 17;
	bad[6].n_ranges = 0;
	bad[7].const_bytes = 0;
	bad[8].const_bytes = 132;
	bad[9].const_bytes = 6;
	bad[10].ranges[0].address = 4;
	bad[11].ranges[0].address = UTIL_VRAM_BYTES;
	bad[12].ranges[0].bytes = 6;
	bad[13].ranges[0].flags = VGPU_RANGE_READ;
	bad[14].ranges[0].flags = 7;
	/* Over the end of a bank. */
	bad[15].ranges[0].address = (1 << 18) - 256;
	bad[15].ranges[0].bytes = 260;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, w.ops->submit(w.e, &launch, &bad[i]));
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(-EINVAL, done.status)
			TH_LOG("launch %u", i);
	}
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (cmds[i].opcode == VGPU_ENGINE_BUILD)
			continue;
		ASSERT_EQ(0, w.ops->submit(w.e, &cmds[i], NULL));
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(i < 2 ? -EOPNOTSUPP : -EINVAL, done.status)
			TH_LOG("command %u", i);
	}
	ASSERT_EQ(0, w.ops->submit(w.e, &launch, &good));
	ASSERT_EQ(1, util_wait(&w, &done));
	EXPECT_EQ(0, done.status);
	EXPECT_EQ(0, w.vram[1]);
	util_close(&w);
}

/* Workers that never come up: what open() says, and the line. */
VGPU_TEST(start_errors)
{
	static const struct {
		const char *mode;
		int ret;
		const char *line;
	} cases[] = {
		{ "exit", -EIO, "exit status 3" },
		{ "garbage", -EPROTO, "protocol" },
		{ "short", -EPROTO, "protocol" },
		{ "version", -EPROTO, "protocol" },
		{ "lies", -EPROTO, "cannot be" },
		{ "mute", -ETIMEDOUT, "not ready" },
		{ "openhang", -ETIMEDOUT, "not ready" },
		{ "nodevice", -ENODEV, "there is no device" },
	};
	struct vgpu_executor_options options = { .kind = "test" };
	int fds = vgpu_test_fds();
	struct util_worker w;
	uint64_t limit;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		limit = VGPU_WORKER_ANSWER_NS;
		if (cases[i].ret == -ETIMEDOUT)
			limit = UTIL_S / 10;
		EXPECT_EQ(cases[i].ret,
			  util_open_within(&w, cases[i].mode, limit))
			TH_LOG("%s", cases[i].mode);
		EXPECT_NE(NULL, strstr(w.line, cases[i].line))
			TH_LOG("%s: %s", cases[i].mode, w.line);
	}
	EXPECT_EQ(0, util_open(&w, "unterminated"));
	EXPECT_EQ(sizeof(w.line) / 2 - 1, strlen(w.ops->info(w.e)->name));
	util_close(&w);

	options.kind = "none";
	options.bank_shift = 16;
	setenv("VGPU_FAKE", "", 1);
	vgpu_message_init(&w.msg);
	EXPECT_EQ(-EINVAL, vgpu_worker_executor.open(&options, &w.msg, &w.e));
	options.kind = "a name that is too long";
	EXPECT_EQ(-EINVAL, vgpu_worker_executor.open(&options, &w.msg, &w.e));
	options.kind = "test";
	options.bank_shift = 31;
	EXPECT_EQ(-EINVAL, vgpu_worker_executor.open(&options, &w.msg, &w.e));
	/* Without memory, to look at its info. */
	options.bank_shift = 16;
	options.vram_fd = -1;
	EXPECT_EQ(0, vgpu_worker_executor.open(&options, &w.msg, &w.e));
	EXPECT_EQ(0, vgpu_worker_executor.close(w.e, 0));
	EXPECT_EQ(fds, vgpu_test_fds());
	EXPECT_EQ(-1, waitpid(-1, NULL, WNOHANG));
	EXPECT_EQ(ECHILD, errno);
}

VGPU_TEST(no_program)
{
	struct vgpu_executor_options options = {
		.kind = "test",
		.bank_shift = 16,
	};
	struct vgpu_message msg;
	char line[VGPU_MESSAGE_BYTES];
	void *e;

	vgpu_message_init(&msg);
	setenv("VGPU_WORKER", "/nonexistent/worker", 1);
	EXPECT_EQ(-ENOENT, vgpu_worker_executor.open(&options, &msg, &e));
	vgpu_message_get(&msg, line, sizeof(line));
	EXPECT_NE(NULL, strstr(line, "/nonexistent/worker"));
	/* Not a program: found, and refused by exec. */
	setenv("VGPU_WORKER", "/", 1);
	EXPECT_EQ(-EACCES, vgpu_worker_executor.open(&options, &msg, &e));
}

/* Answers that belong to nothing are dropped, and counted. */
VGPU_TEST(false_answers)
{
	struct vgpu_engine_completion done;
	struct util_worker w;
	uint32_t i;

	ASSERT_EQ(0, util_open(&w, "twice"));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, util_nop(&w, i));
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(i, done.tag);
		EXPECT_EQ(0, done.status);
	}
	EXPECT_LE(999, vgpu_worker_dropped(w.e));
	util_close(&w);

	ASSERT_EQ(0, util_open(&w, "unknown"));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, util_nop(&w, i));
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(i, done.tag);
	}
	EXPECT_EQ(40, vgpu_worker_dropped(w.e));
	util_close(&w);

	ASSERT_EQ(0, util_open(&w, "status"));
	ASSERT_EQ(0, util_nop(&w, 1));
	ASSERT_EQ(1, util_wait(&w, &done));
	EXPECT_EQ(-EIO, done.status);
	ASSERT_EQ(0, util_launch(&w, 2, 0, 0, 0));
	ASSERT_EQ(0, util_launch(&w, 3, 0, 0, 0));
	ASSERT_EQ(1, util_wait(&w, &done));
	ASSERT_EQ(1, util_wait(&w, &done));
	EXPECT_EQ(-EIO, done.status);
	util_close(&w);
}

VGPU_TEST(truncates)
{
	struct vgpu_engine_completion done;
	struct util_worker w;

	ASSERT_EQ(0, util_open(&w, "truncate"));
	ASSERT_EQ(0, util_nop(&w, 1));
	ASSERT_EQ(1, util_wait(&w, &done));
	EXPECT_EQ(0, done.status);
	util_close(&w);
}

/* Whatever it writes into the ring: no crash, no hang, at most one answer. */
VGPU_TEST(scribbles)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	uint32_t seen[VGPU_EXECUTOR_DEPTH] = { 0 };
	struct util_worker w;
	uint64_t end;
	uint32_t i;
	int ret;

	ASSERT_EQ(0, util_open(&w, "scribble"));
	for (i = 0; i < VGPU_EXECUTOR_DEPTH; i++)
		ASSERT_EQ(0, util_nop(&w, i));
	end = vgpu_now_ns() + UTIL_S / 2;
	while (vgpu_now_ns() < end) {
		ret = w.ops->wait(w.e, &done, 1, end);
		ASSERT_LE(0, ret);
		if (!ret)
			continue;
		ASSERT_GT(VGPU_EXECUTOR_DEPTH, done.tag);
		EXPECT_EQ(1, ++seen[done.tag]);
	}
	kill(vgpu_worker_pid(w.e), SIGKILL);
	EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
	util_close(&w);
}

/* What it completed before it died counts; the rest is lost, for ever. */
VGPU_TEST(dies)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;
	uint32_t i;

	ASSERT_EQ(0, util_open(&w, "dies:100"));
	for (i = 0; i < 200; i++) {
		if (util_nop(&w, i))
			break;
	}
	EXPECT_LE(100, i);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(i, done.tag);
		EXPECT_EQ(0, done.status);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EIO, util_wait(&w, &done));
		EXPECT_EQ(-EIO, util_nop(&w, 1000));
		EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
		w.ops->drop(w.e, 1);
	}
	util_close(&w);
}

/* A hang-up without an end is no end: it must be gone before EIO. */
VGPU_TEST(hangs_up)
{
	struct vgpu_engine_completion done;
	struct util_worker w;

	ASSERT_EQ(0, util_open(&w, "hangup"));
	ASSERT_EQ(0, util_nop(&w, 1));
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	EXPECT_EQ(0, waitid(P_PID, (id_t)vgpu_worker_pid(w.e), NULL,
			    WEXITED | WNOHANG | WNOWAIT));
	util_close(&w);
}

VGPU_TEST(aborts)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;
	uint32_t i;

	ASSERT_EQ(0, util_open(&w, "abort:10"));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	for (i = 1; i <= 9; i++) {
		ASSERT_EQ(0, util_launch(&w, i, 1, 0, 1));
		ASSERT_EQ(1, util_wait(&w, &done));
	}
	ASSERT_EQ(0, util_launch(&w, 10, 1, 0, 1));
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	EXPECT_TRUE(vgpu_worker_started(w.e, 10));
	EXPECT_EQ(9, w.vram[0]);
	util_close(&w);

	ASSERT_EQ(0, util_open(&w, "buildabort"));
	EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
	EXPECT_NE(NULL, strstr(built.message, "died"));
	util_close(&w);

	ASSERT_EQ(0, util_open(&w, "deviceloss"));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	ASSERT_EQ(0, util_launch(&w, 1, 1, 0, 1));
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	util_close(&w);
}

/* A compiler that does not come back costs its worker. */
VGPU_TEST(compiles_for_ever)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;

	ASSERT_EQ(0, util_open_within(&w, "buildhang", UTIL_S / 4));
	EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
	EXPECT_NE(NULL, strstr(built.message, "too long to compile"));
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
	util_close(&w);

	/* Nobody is in wait() when it is ended from elsewhere. */
	ASSERT_EQ(0, util_open(&w, "hang:1"));
	w.ops->abort(w.e);
	EXPECT_EQ(-EIO, util_build(&w, 1, FAKE_ADD, &built));
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	util_close(&w);
}

/* A launch that hangs holds the later ones, which it has not come to. */
VGPU_TEST(hangs)
{
	struct vgpu_engine_completion done;
	struct vgpu_engine_built built;
	struct util_worker w;
	uint32_t i;
	pid_t pid;

	ASSERT_EQ(0, util_open(&w, "hang:3"));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	for (i = 1; i <= 50; i++)
		ASSERT_EQ(0, util_launch(&w, i, 1, 0, 1));
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(1, util_wait(&w, &done));
		EXPECT_EQ(i, done.tag);
	}
	EXPECT_EQ(0, w.ops->wait(w.e, &done, 1, vgpu_now_ns() + UTIL_S / 10));
	/* The compiler goes on. */
	EXPECT_EQ(0, util_build(&w, 2, FAKE_ADD, &built));
	for (i = 51; i <= 200; i++)
		ASSERT_EQ(0, util_launch(&w, i, 1, 0, 1));
	pid = vgpu_worker_pid(w.e);
	kill(pid, SIGKILL);
	EXPECT_EQ(-EIO, util_wait(&w, &done));
	EXPECT_TRUE(vgpu_worker_started(w.e, 3));
	/* The executor takes no more than 100, and one waits at its door. */
	EXPECT_FALSE(vgpu_worker_started(w.e, 200));
	util_close(&w);

	/* close() ends it all the same. */
	ASSERT_EQ(0, util_open(&w, "hang:1"));
	ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
	ASSERT_EQ(0, util_launch(&w, 1, 1, 0, 1));
	pid = vgpu_worker_pid(w.e);
	EXPECT_EQ(0, w.ops->close(w.e, vgpu_now_ns() + UTIL_S / 10));
	EXPECT_EQ(-1, kill(pid, 0));
	EXPECT_EQ(ESRCH, errno);
	util_no_vram(&w);
}

/* Killed at random moments: every command is completed once, or lost. */
VGPU_TEST(killed)
{
	uint32_t round, i, n, sent, completed, rounds = 200;
	struct vgpu_engine_completion done[32];
	struct vgpu_engine_built built;
	unsigned int seed = 1;
	struct util_worker w;
	int fds = 0, ret;
	bool seen[4096];
	uint64_t when;

	for (round = 0; round < rounds * vgpu_test_scale(); round++) {
		ASSERT_EQ(0, util_open(&w, round & 1 ? "slow" : ""));
		ASSERT_EQ(0, util_build(&w, 1, FAKE_ADD, &built));
		memset(seen, 0, sizeof(seen));
		sent = 0;
		completed = 0;
		when = vgpu_now_ns() + (uint64_t)rand_r(&seed) % 3000000;
		do {
			while (sent < ARRAY_SIZE(seen) &&
			       !util_launch(&w, sent, 1, 0, 1))
				sent++;
			if (when && vgpu_now_ns() >= when) {
				kill(vgpu_worker_pid(w.e), SIGKILL);
				when = 0;
			}
			ret = w.ops->wait(w.e, done, 32, when ? when :
					  VGPU_FOREVER);
			for (i = 0; ret > 0 && i < (uint32_t)ret; i++) {
				ASSERT_GT(sent, done[i].tag);
				ASSERT_FALSE(seen[done[i].tag]);
				EXPECT_EQ(0, done[i].status);
				seen[done[i].tag] = true;
				completed++;
			}
		} while (ret >= 0);
		ASSERT_EQ(-EIO, ret);
		/* They run in order: what was done is what was not lost. */
		EXPECT_LE(completed, w.vram[0]);
		EXPECT_GE(completed + 1, w.vram[0]);
		for (i = completed + 1, n = 0; i < sent; i++)
			n += !vgpu_worker_started(w.e, i) || !seen[i];
		EXPECT_EQ(sent > completed ? sent - completed - 1 : 0, n);
		util_close(&w);
		if (!round)
			fds = vgpu_test_fds();
	}
	EXPECT_EQ(fds, vgpu_test_fds());
	EXPECT_EQ(-1, waitpid(-1, NULL, WNOHANG));
	EXPECT_EQ(ECHILD, errno);
}

/* A host that ignores SIGCHLD has its children reaped by the kernel. */
VGPU_TEST(sigchld_ignored)
{
	struct util_worker w;
	uint32_t i;

	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, util_open(&w, ""));
		util_close(&w);
		EXPECT_NE(0, util_open(&w, "exit"));
	}
}

/* The worker ends when its host does, busy or not, even if a child lives on. */
static void kill_host(struct __test_metadata *_metadata, const char *mode,
		      bool busy)
{
	struct vgpu_engine_built built;
	struct util_worker w;
	pid_t pid, pids[2];
	int up[2], status;

	ASSERT_EQ(0, pipe2(up, O_CLOEXEC));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (util_open(&w, mode) ||
		    util_build(&w, 1, FAKE_ADD, &built) ||
		    (busy && util_launch(&w, 1, 1, 0, 1)))
			_exit(1);
		pids[0] = vgpu_worker_pid(w.e);
		/* Holds the host's end of the socket. */
		pids[1] = fork();
		if (!pids[1])
			pause();
		if (write(up[1], pids, sizeof(pids)) != sizeof(pids))
			_exit(1);
		raise(SIGKILL);
	}
	close(up[1]);
	ASSERT_EQ(sizeof(pids), read(up[0], pids, sizeof(pids)));
	status = pidfd_open(pids[0], 0);
	/* Gone already is as good. */
	if (status >= 0) {
		struct pollfd fd = { .fd = status, .events = POLLIN };

		EXPECT_EQ(1, poll(&fd, 1, 30000));
		close(status);
	}
	close(up[0]);
	kill(pids[1], SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

VGPU_TEST(host_dies)
{
	kill_host(_metadata, "", false);
	kill_host(_metadata, "hang:1", true);
}

/* A number in the worker's status; all ones if it is not there. */
static unsigned long long status_of(struct util_worker *w, const char *format)
{
	unsigned long long v = ~0ull;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", vgpu_worker_pid(w->e));
	f = fopen(path, "r");
	if (!f)
		return v;
	while (fgets(line, sizeof(line), f) && sscanf(line, format, &v) != 1)
		;
	fclose(f);
	return v;
}

/* What the worker inherits: the socket, /dev/null, standard error, no more. */
VGPU_TEST(inherits)
{
	char path[64], target[64];
	struct util_worker w;
	const unsigned long long users = 1ull << (SIGUSR1 - 1) |
					 1ull << (SIGUSR2 - 1);
	sigset_t set, old;
	int extra, n, i;

	/* One that exec keeps, a signal blocked, one ignored. */
	extra = dup2(1, 77);
	ASSERT_EQ(77, extra);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	signal(SIGUSR2, SIG_IGN);
	ASSERT_EQ(0, util_open(&w, ""));
	snprintf(path, sizeof(path), "/proc/%d/fd/77", vgpu_worker_pid(w.e));
	EXPECT_NE(0, access(path, F_OK));
	snprintf(path, sizeof(path), "/proc/%d/fd/1", vgpu_worker_pid(w.e));
	n = (int)readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	EXPECT_STREQ("/dev/null", target);
	EXPECT_EQ(vgpu_worker_pid(w.e), getsid(vgpu_worker_pid(w.e)));
	/* glibc blocks all signals while a thread starts: look again then. */
	for (i = 0; i < 200 && status_of(&w, "SigBlk: %llx") & users; i++)
		usleep(10000);
	EXPECT_EQ(0, status_of(&w, "SigBlk: %llx") & users);
	EXPECT_EQ(0, status_of(&w, "SigIgn: %llx") & users);
	EXPECT_EQ(1, status_of(&w, "NoNewPrivs: %llu"));
	close(extra);
	util_close(&w);
}

/* Started by hand it says what it is, and hears --help and --version. */
VGPU_TEST(by_hand)
{
	char cmd[4200], line[256] = "";
	FILE *f;

	util_find_worker("");
	snprintf(cmd, sizeof(cmd), "\"$VGPU_WORKER\" 2>&1 </dev/null");
	f = popen(cmd, "r");
	ASSERT_NE(NULL, f);
	EXPECT_NE(NULL, fgets(line, sizeof(line), f));
	EXPECT_NE(NULL, strstr(line, "usage:"));
	while (fgets(line, sizeof(line), f))
		;
	EXPECT_EQ(2, WEXITSTATUS(pclose(f)));
	EXPECT_EQ(0, system("\"$VGPU_WORKER\" --help >/dev/null"));
	EXPECT_EQ(0, system("\"$VGPU_WORKER\" --version >/dev/null"));
	EXPECT_EQ(2, WEXITSTATUS(system("\"$VGPU_WORKER\" -x 2>/dev/null")));
}

TEST_HARNESS_MAIN
