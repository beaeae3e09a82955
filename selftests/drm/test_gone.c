// SPDX-License-Identifier: MIT
/*
 * A function of a virtual machine that goes while it is used: its driver is
 * unbound, it is pulled out, the machine sleeps.  Clients find that out, nobody
 * is hurt, and new ones work.
 */
#include <limits.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "drm_util.h"

#define ENTRIES		256
#define BYTES		(8 * MIB)

static int write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* A client that uses everything, and its thread, which waits. */
struct user {
	int fd;
	char device[PATH_MAX];		/* of the function, in sysfs */
	uint32_t context;
	struct ring ring;
	uint64_t at[2];
	uint32_t *vram;
	uint32_t *system;
	uint32_t *doorbell;
	int fence;
	uint64_t *events;
	pthread_t waiter;
	int waited;
};

static void *wait_for_ever(void *arg)
{
	struct drm_vgpu_wait wait = { .deadline_ns = INT64_MAX };
	struct user *u = arg;

	do {
		wait.events = __atomic_load_n(u->events, __ATOMIC_ACQUIRE);
		u->waited = call(u->fd, DRM_IOCTL_VGPU_WAIT, &wait);
	} while (!u->waited);
	return NULL;
}

FIXTURE(gone) {
	struct user u;
};

FIXTURE_SETUP(gone)
{
	struct user *u = &self->u;
	char link[64];
	uint32_t handle;
	struct stat st;
	int i;

	u->fd = node_open(0);
	ASSERT_LE(0, u->fd);
	if (!is_shared(u->fd))
		SKIP(return, "this GPU is made by the host's module");
	ASSERT_EQ(0, fstat(u->fd, &st));
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device",
		 major(st.st_rdev), minor(st.st_rdev));
	ASSERT_NE(NULL, realpath(link, u->device));

	ASSERT_EQ(0, context_create(u->fd, &u->context));
	ASSERT_EQ(0, ring_create(u->fd, u->context, ENTRIES, NULL,
				 &u->ring));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, bo_create(u->fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0,
				       &handle));
		ASSERT_EQ(0, map(u->fd, u->context, handle, BYTES, 0,
				 &u->at[i]));
	}
	u->vram = bo_mmap(u->fd, handle);
	ASSERT_EQ(0, bo_create(u->fd, DRM_VGPU_DOMAIN_SYSTEM, BYTES, 0,
			       &handle));
	ASSERT_EQ(0, map(u->fd, u->context, handle, BYTES, 0,
			 &(uint64_t){ 0 }));
	u->system = bo_mmap(u->fd, handle);
	u->doorbell = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			      u->fd, DRM_VGPU_MMAP_DOORBELLS +
			      (u->context & 0xffff) * VGPU_DOORBELL_PAGE);
	u->events = mmap(NULL, 4096, PROT_READ, MAP_SHARED, u->fd,
			    DRM_VGPU_MMAP_CLIENT);
	ASSERT_NE(MAP_FAILED, u->vram);
	ASSERT_NE(MAP_FAILED, u->system);
	ASSERT_NE(MAP_FAILED, u->doorbell);
	ASSERT_NE(MAP_FAILED, u->events);
	u->vram[0] = 1;
	u->system[0] = 2;
	ASSERT_EQ(0, pthread_create(&u->waiter, NULL, wait_for_ever, u));
}

FIXTURE_TEARDOWN(gone)
{
}

/* Copies that take a while. */
static void keep_busy(struct user *u)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_COPY,
		.op = { u->at[0], u->at[1], BYTES },
	};
	bool doorbell;
	uint32_t i;

	for (i = 0; i < ENTRIES; i++)
		if (vgpu_ring_submit(&u->ring.r, &cmd, 1, 1, &doorbell) &&
		    doorbell)
			__atomic_store_n(u->doorbell, u->ring.id,
					 __ATOMIC_RELEASE);
}

/* And more of them, with a fence at their end. */
static int submit(struct user *u)
{
	struct drm_vgpu_sync out = { 0 };
	struct vgpu_cmd cmds[ENTRIES];
	struct drm_vgpu_submit args = {
		.context = u->context,
		.n_commands = ENTRIES,
		.stride = sizeof(cmds[0]),
		.commands = (uintptr_t)cmds,
		.n_out = 1,
		.out = (uintptr_t)&out,
	};
	int i, ret;

	for (i = 0; i < ENTRIES; i++)
		cmds[i] = (struct vgpu_cmd){
			.opcode = VGPU_CMD_COPY,
			.op = { u->at[0], u->at[1], BYTES },
		};
	ret = drmSyncobjCreate(u->fd, 0, &out.handle);
	/* The third one waits for the first in the driver. */
	for (i = 0; i < 3 && !ret; i++)
		ret = call(u->fd, DRM_IOCTL_VGPU_SUBMIT, &args);
	return ret ? ret : drmSyncobjExportSyncFile(u->fd, out.handle,
						    &u->fence);
}

/* What the fence has ended with; 1: it has not. */
static int fence_status(struct user *u)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};
	struct pollfd p = { .fd = u->fence, .events = POLLIN };

	if (poll(&p, 1, 10000) != 1 ||
	    ioctl(u->fence, SYNC_IOC_FILE_INFO, &info))
		return 1;
	close(u->fence);
	return info.status < 0 ? info.status : !info.status;
}

/* Whether a process that reads there is killed by SIGBUS. */
static bool is_gone(uint32_t *p)
{
	int status;
	pid_t child = fork();

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		_exit(__atomic_load_n(p, __ATOMIC_RELAXED) & 0);
	}
	return child > 0 && waitpid(child, &status, 0) == child &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

/* What a client has left of a function that has gone. */
static void look_at_remains(struct __test_metadata *_metadata,
			    struct user *u)
{
	struct drm_vgpu_info info;
	uint32_t context;

	ASSERT_EQ(0, pthread_join(u->waiter, NULL));
	EXPECT_EQ(-ENODEV, u->waited);
	EXPECT_EQ(-ENODEV, fence_status(u));
	EXPECT_EQ(-ENODEV, context_create(u->fd, &context));
	EXPECT_EQ(-ENODEV, query(u->fd, DRM_VGPU_QUERY_INFO, &info,
				 sizeof(info)));
	EXPECT_EQ(-ENODEV, ring_kick(&u->ring, 0, 0, 0));
	EXPECT_EQ(-ENODEV, ring_finish(&u->ring));
	/* Nobody dies of a doorbell, or of looking for events. */
	__atomic_store_n(u->doorbell, u->ring.id, __ATOMIC_RELEASE);
	EXPECT_LT(0, __atomic_load_n(u->events, __ATOMIC_ACQUIRE));
	u->system[0]++;
	EXPECT_TRUE(is_gone(u->vram));
	munmap(u->ring.mem, u->ring.bytes);
	munmap(u->vram, BYTES);
	munmap(u->system, BYTES);
	munmap(u->doorbell, 4096);
	munmap(u->events, 4096);
	EXPECT_EQ(0, close(u->fd));
}

/* A new client has all there is. */
static void start_anew(struct __test_metadata *_metadata)
{
	uint32_t context, handle;
	int64_t end = after_ms(10000);
	struct ring ring;
	uint64_t at;
	int fd = -1;

	/* Nodes come a moment later. */
	while (fd < 0 && now_ns() < end) {
		fd = node_open(0);
		usleep(10000);
	}
	ASSERT_LE(0, fd);
	EXPECT_TRUE(gpu_is_empty(fd));
	ASSERT_EQ(0, context_create(fd, &context));
	ASSERT_EQ(0, ring_create(fd, context, 8, NULL, &ring));
	ASSERT_EQ(0, bo_create(fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0, &handle));
	ASSERT_EQ(0, map(fd, context, handle, BYTES, 0, &at));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_CLEAR, at, BYTES, 7));
	munmap(ring.mem, ring.bytes);
	close(fd);
}

TEST_F_TIMEOUT(gone, unbound, 60)
{
	const char *address = strrchr(self->u.device, '/') + 1;
	char path[PATH_MAX + 32];

	ASSERT_EQ(0, submit(&self->u));
	keep_busy(&self->u);
	snprintf(path, sizeof(path), "%s/driver/unbind", self->u.device);
	ASSERT_EQ(0, write_to(path, address));
	look_at_remains(_metadata, &self->u);
	ASSERT_EQ(0, write_to("/sys/bus/pci/drivers_probe", address));
	start_anew(_metadata);
}

/* By whoever may write to sysfs. */
TEST_F_TIMEOUT(gone, reset, 60)
{
	char path[PATH_MAX + 32];

	ASSERT_EQ(0, submit(&self->u));
	keep_busy(&self->u);
	snprintf(path, sizeof(path), "%s/reset", self->u.device);
	ASSERT_EQ(0, write_to(path, "1"));
	look_at_remains(_metadata, &self->u);
	start_anew(_metadata);
}

TEST_F_TIMEOUT(gone, pulled_out, 60)
{
	char path[PATH_MAX + 32];

	ASSERT_EQ(0, submit(&self->u));
	keep_busy(&self->u);
	snprintf(path, sizeof(path), "%s/remove", self->u.device);
	ASSERT_EQ(0, write_to(path, "1"));
	look_at_remains(_metadata, &self->u);
	ASSERT_EQ(0, write_to("/sys/bus/pci/rescan", "1"));
	start_anew(_metadata);
}

/* As far as the devices, and back. */
TEST_F_TIMEOUT(gone, asleep, 60)
{
	if (write_to("/sys/power/pm_test", "platform"))
		SKIP(return, "this kernel does not test suspend");
	write_to("/sys/module/suspend/parameters/pm_test_delay", "0");
	ASSERT_EQ(0, submit(&self->u));
	keep_busy(&self->u);
	ASSERT_EQ(0, write_to("/sys/power/state", "freeze"));
	ASSERT_EQ(0, write_to("/sys/power/pm_test", "none"));
	look_at_remains(_metadata, &self->u);
	start_anew(_metadata);
}

TEST_HARNESS_MAIN
