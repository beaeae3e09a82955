// SPDX-License-Identifier: MIT
/*
 * Whose memory and whose time it is: VRAM is charged to the memory cgroup of the
 * process that opened the node, as it is used, and the client's thread is in its
 * cgroups.  A limit makes commands fail, and kills nobody.
 *
 * vm: fresh gpus=1 vram=256M
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "drm_util.h"

#define ROOT	"/sys/fs/cgroup"
#define GROUP	ROOT "/vgpu-test"
#define BYTES	(32 * MIB)

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) ==
				     (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* The number after @key in a file, or the first one if it is NULL; -1. */
static long long number_in(const char *path, const char *key)
{
	char line[256];
	long long value = -1;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (key && (strncmp(line, key, strlen(key)) ||
			    line[strlen(key)] != ' '))
			continue;
		value = atoll(key ? line + strlen(key) : line);
		break;
	}
	if (f)
		fclose(f);
	return value;
}

FIXTURE(group) {
	int to[2];	/* what the child is told, */
	int from[2];	/* and what it says */
	pid_t child;
};

static void say(int fd, int32_t value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		exit(1);
}

static int32_t hear(int fd)
{
	int32_t value = INT32_MIN;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		return INT32_MIN;
	return value;
}

static sigjmp_buf no_page;

static void on_sigbus(int number)
{
	siglongjmp(no_page, number);
}

/* Write to every so manyth byte of a mapping: 0, or SIGBUS. */
static int32_t touch(char *p, int32_t bytes, int32_t step)
{
	int32_t i, ret = sigsetjmp(no_page, 1);

	if (ret)
		return ret;
	for (i = 0; i < bytes; i += step)
		__atomic_store_n(p + i, 1, __ATOMIC_RELAXED);
	return 0;
}

/*
 * In the group: open, and when it is told to clear so many bytes of VRAM, or with
 * a negative number write to them.
 */
static void child_main(int in, int out)
{
	char *p;
	struct ring ring;
	uint32_t context, handle;
	uint64_t address;
	int32_t bytes;
	int fd;

	if (!write_text(GROUP "/cgroup.procs", "0"))
		exit(2);
	fd = node_open(0);
	if (fd < 0 || context_create(fd, &context) ||
	    ring_create(fd, context, 16, NULL, &ring) ||
	    bo_create(fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 4096, &handle) ||
	    map(fd, context, handle, BYTES, 0, &address))
		exit(3);
	p = bo_mmap(fd, handle);
	if (p == MAP_FAILED)
		exit(4);
	signal(SIGBUS, on_sigbus);
	/* For want of page tables the kernel would kill. */
	touch(p, BYTES, 2 * MIB);
	say(out, 0);
	for (;;) {
		bytes = hear(in);
		if (!bytes || bytes == INT32_MIN)
			exit(0);
		say(out, bytes < 0 ? touch(p, -bytes, 4096) :
			 ring_op(&ring, VGPU_CMD_CLEAR, address, bytes, 1));
	}
}

FIXTURE_SETUP(group)
{
	if (access(ROOT "/cgroup.procs", W_OK))
		mount("cgroup2", ROOT, "cgroup2", 0, NULL);
	ASSERT_TRUE(write_text(ROOT "/cgroup.subtree_control",
			       "+memory +pids"));
	ASSERT_TRUE(!mkdir(GROUP, 0755) || errno == EEXIST);
	ASSERT_EQ(0, pipe(self->to));
	ASSERT_EQ(0, pipe(self->from));
	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child)
		child_main(self->to[0], self->from[1]);
	close(self->from[1]);
	ASSERT_EQ(0, hear(self->from[0]));
}

FIXTURE_TEARDOWN(group)
{
	int64_t end = after_ms(20000);
	int status = -1;

	say(self->to[1], 0);
	waitpid(self->child, &status, 0);
	EXPECT_EQ(0, status);
	/* The thread has gone with the client: the group is empty. */
	while (rmdir(GROUP) && now_ns() < end)
		usleep(10000);
	EXPECT_NE(0, access(GROUP, F_OK));
}

TEST_F(group, charged_as_used)
{
	long long before = number_in(GROUP "/memory.stat", "shmem"), after;

	ASSERT_LE(0, before);
	/* The buffer is there, and nothing of it has been used. */
	EXPECT_GT((long long)MIB, before);
	say(self->to[1], BYTES / 2);
	ASSERT_EQ(0, hear(self->from[0]));
	/* What was charged becomes visible within a few seconds. */
	for (int i = 0; i < 200; i++) {
		after = number_in(GROUP "/memory.stat", "shmem");
		if (after >= (long long)BYTES / 2)
			break;
		usleep(50000);
	}
	EXPECT_LE((long long)BYTES / 2, after);
	EXPECT_GT((long long)BYTES * 3 / 4, after);
}

TEST_F(group, limited)
{
	say(self->to[1], 4 * MIB);
	ASSERT_EQ(0, hear(self->from[0]));
	ASSERT_TRUE(write_text(GROUP "/memory.swap.max", "0") ||
		    access(GROUP "/memory.swap.max", F_OK));
	ASSERT_TRUE(write_text(GROUP "/memory.max", "24M"));
	say(self->to[1], BYTES);
	EXPECT_EQ(-ENOMEM, hear(self->from[0]));
	say(self->to[1], -(int32_t)BYTES);
	EXPECT_EQ(SIGBUS, hear(self->from[0]));
	EXPECT_EQ(0, number_in(GROUP "/memory.events", "oom_kill"));
	/* With more it goes on. */
	ASSERT_TRUE(write_text(GROUP "/memory.max", "128M"));
	say(self->to[1], BYTES);
	EXPECT_EQ(0, hear(self->from[0]));
	say(self->to[1], -(int32_t)BYTES);
	EXPECT_EQ(0, hear(self->from[0]));
}

/* The process and the client's thread. */
TEST_F(group, thread)
{
	EXPECT_EQ(2, number_in(GROUP "/pids.current", NULL));
}

TEST_HARNESS_MAIN
