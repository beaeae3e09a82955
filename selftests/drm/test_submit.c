// SPDX-License-Identifier: MIT
/*
 * Submissions with fences: order, dependencies, errors, and what happens to a
 * fence when its commands go.
 */
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>

#include "drm_util.h"

#define BYTES	(2 * MIB)

/* vgem's interface, whose header libdrm does not have. */
struct drm_vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct drm_vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_FENCE_WRITE	1u
#define DRM_IOCTL_VGEM_FENCE_ATTACH	\
	DRM_IOWR(DRM_COMMAND_BASE + 1, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL	\
	DRM_IOW(DRM_COMMAND_BASE + 2, struct drm_vgem_fence_signal)

FIXTURE(submit) {
	int fd;
	uint32_t context;
	uint32_t a, b, system;
	uint64_t at_a, at_b, at_system;
	uint32_t *mem;
	uint32_t timeline;
};

FIXTURE_SETUP(submit)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, context_create(self->fd, &self->context));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0,
			       &self->a));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, BYTES, 0,
			       &self->b));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM, BYTES, 0,
			       &self->system));
	ASSERT_EQ(0, map(self->fd, self->context, self->a, BYTES, 0,
			 &self->at_a));
	ASSERT_EQ(0, map(self->fd, self->context, self->b, BYTES, 0,
			 &self->at_b));
	ASSERT_EQ(0, map(self->fd, self->context, self->system, BYTES, 0,
			 &self->at_system));
	self->mem = bo_mmap(self->fd, self->system);
	ASSERT_NE(MAP_FAILED, (void *)self->mem);
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &self->timeline));
}

FIXTURE_TEARDOWN(submit)
{
	munmap(self->mem, BYTES);
	drmSyncobjDestroy(self->fd, self->timeline);
	close(self->fd);
	self->fd = node_open(0);
	EXPECT_TRUE(gpu_is_empty(self->fd));
	close(self->fd);
}

static int submit(struct _test_data_submit *self, const struct vgpu_cmd *cmds,
		  uint32_t n, uint32_t in, uint64_t in_point, uint32_t out,
		  uint64_t out_point)
{
	struct drm_vgpu_sync sync_in = { .handle = in, .point = in_point };
	struct drm_vgpu_sync sync_out = { .handle = out, .point = out_point };
	struct drm_vgpu_submit args = {
		.context = self->context,
		.n_commands = n,
		.stride = sizeof(*cmds),
		.commands = (uintptr_t)cmds,
		.n_in = !!in,
		.n_out = !!out,
		.in = (uintptr_t)&sync_in,
		.out = (uintptr_t)&sync_out,
	};

	return call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &args);
}

static int clear(struct _test_data_submit *self, uint32_t pattern, uint64_t point)
{
	struct vgpu_cmd cmds[2] = {
		{ .opcode = VGPU_CMD_CLEAR,
		  .op = { self->at_a, BYTES, pattern } },
		{ .opcode = VGPU_CMD_DOWNLOAD, .flags = VGPU_CMD_F_BARRIER,
		  .op = { self->at_system, self->at_a, BYTES } },
	};

	return submit(self, cmds, 2, 0, 0, self->timeline, point);
}

static int wait_point(struct _test_data_submit *self, uint64_t point, int64_t ms)
{
	return drmSyncobjTimelineWait(self->fd, &self->timeline, &point, 1,
				      after_ms(ms), 0, NULL);
}

/* The errno of the fence of a point, 0: it ended well; 1: it has not ended. */
static int point_status(struct _test_data_submit *self, uint64_t point)
{
	struct sync_fence_info fence = { 0 };
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};
	uint32_t binary;
	int fd, ret;

	if (drmSyncobjCreate(self->fd, 0, &binary))
		return -1000;
	ret = drmSyncobjTransfer(self->fd, binary, 0, self->timeline, point, 0);
	if (!ret)
		ret = drmSyncobjExportSyncFile(self->fd, binary, &fd);
	drmSyncobjDestroy(self->fd, binary);
	if (ret)
		return -1001;
	ret = ioctl(fd, SYNC_IOC_FILE_INFO, &info);
	close(fd);
	if (ret)
		return -1002;
	return info.status < 0 ? info.status : !info.status;
}

TEST_F(submit, in_order)
{
	uint32_t i;

	for (i = 1; i <= 200; i++)
		ASSERT_EQ(0, clear(self, i, i));
	ASSERT_EQ(0, wait_point(self, 200, 60000));
	EXPECT_EQ(200, self->mem[0]);
	EXPECT_EQ(200, self->mem[BYTES / 4 - 1]);
	EXPECT_EQ(0, point_status(self, 200));
}

TEST_F(submit, binary)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_CLEAR,
		.op = { self->at_system, BYTES, 7 },
	};
	uint32_t binary;

	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &binary));
	ASSERT_EQ(0, submit(self, &cmd, 1, 0, 0, binary, 0));
	ASSERT_EQ(0, drmSyncobjWait(self->fd, &binary, 1, after_ms(60000), 0,
				    NULL));
	EXPECT_EQ(7, self->mem[0]);
	EXPECT_EQ(7, self->mem[BYTES / 4 - 1]);
	drmSyncobjDestroy(self->fd, binary);
}

/* Two contexts, each waits for the other's point before. */
TEST_F(submit, chain)
{
	struct vgpu_cmd up = {
		.opcode = VGPU_CMD_CLEAR, .op = { 0, 4096, 0 },
	};
	struct vgpu_cmd down = {
		.opcode = VGPU_CMD_DOWNLOAD, .op = { 0, 0, 4096 },
	};
	uint32_t contexts[2] = { self->context };
	uint64_t at_a[2] = { self->at_a }, at_system[2] = { self->at_system };
	uint64_t point = 0;
	uint32_t i;

	ASSERT_EQ(0, context_create(self->fd, &contexts[1]));
	ASSERT_EQ(0, map(self->fd, contexts[1], self->a, BYTES, 0, &at_a[1]));
	ASSERT_EQ(0, map(self->fd, contexts[1], self->system, BYTES, 0,
			 &at_system[1]));
	for (i = 0; i < 200; i++) {
		self->context = contexts[i & 1];
		up.op[0] = at_a[i & 1];
		up.op[2] = i;
		ASSERT_EQ(0, submit(self, &up, 1, point ? self->timeline : 0,
				    point, self->timeline, point + 1));
		point++;
		self->context = contexts[!(i & 1)];
		down.op[0] = at_system[!(i & 1)] + i * 4096;
		down.op[1] = at_a[!(i & 1)];
		ASSERT_EQ(0, submit(self, &down, 1, self->timeline, point,
				    self->timeline, point + 1));
		point++;
	}
	ASSERT_EQ(0, wait_point(self, point, 60000));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(i, self->mem[i * 1024]);
}

TEST_F(submit, bad)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_CLEAR,
		.op = { self->at_a, BYTES, 7 },
	};
	static const uint16_t others[] = {
		VGPU_CMD_NOP, VGPU_CMD_SYNC, VGPU_CMD_LAUNCH, VGPU_CMD_WAIT,
		VGPU_CMD_SIGNAL, VGPU_CMD_OPCODES, 0xffff,
	};
	uint32_t i, tl = self->timeline;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cmd.opcode = others[i];
		EXPECT_EQ(-EOPNOTSUPP, submit(self, &cmd, 1, 0, 0, tl, 1));
	}
	cmd.opcode = VGPU_CMD_CLEAR;
	cmd.flags = VGPU_CMD_F_SIGNAL;
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 1, 0, 0, tl, 1));
	cmd.flags = 0;
	cmd.seq = 1;
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 1, 0, 0, tl, 1));
	cmd.seq = 0;
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 0, 0, 0, tl, 1));
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 257, 0, 0, tl, 1));
	/* A point that nobody has submitted, and syncobjs that are not there. */
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 1, tl, 1, tl, 1));
	EXPECT_EQ(-ENOENT, submit(self, &cmd, 1, tl + 1, 1, tl, 1));
	EXPECT_EQ(-ENOENT, submit(self, &cmd, 1, 0, 0, tl + 1, 1));
	cmd.op[0] = 0x7000000000;
	EXPECT_EQ(-EFAULT, submit(self, &cmd, 1, 0, 0, tl, 1));
	cmd.op[0] = self->at_a;
	cmd.op[1] = 2 * BYTES;
	EXPECT_EQ(-EFAULT, submit(self, &cmd, 1, 0, 0, tl, 1));
	cmd.op[1] = 0;
	EXPECT_EQ(-EINVAL, submit(self, &cmd, 1, 0, 0, tl, 1));
	cmd.op[1] = BYTES;
	self->context++;
	EXPECT_EQ(-ENOENT, submit(self, &cmd, 1, 0, 0, tl, 1));
	self->context--;
	EXPECT_EQ(-EFAULT, submit(self, NULL, 1, 0, 0, tl, 1));
	/* None of that left a point behind. */
	EXPECT_NE(0, wait_point(self, 1, 0));
	EXPECT_EQ(0, submit(self, &cmd, 1, 0, 0, tl, 1));
	EXPECT_EQ(0, wait_point(self, 1, 60000));
}

/* A submission that is right, and what is to be bad about it. */
struct trial {
	struct vgpu_cmd cmd;
	struct drm_vgpu_sync in[65];
	struct drm_vgpu_sync out[65];
	struct drm_vgpu_submit args;
};

/* It waits for points of the timeline up to 1, and signals 2 to 3. */
static void trial_init(struct _test_data_submit *self, struct trial *t)
{
	uint32_t i;

	memset(t, 0, sizeof(*t));
	t->cmd.opcode = VGPU_CMD_CLEAR;
	t->cmd.op[0] = self->at_system;
	t->cmd.op[1] = 4096;
	t->cmd.op[2] = 7;
	for (i = 0; i < 65; i++) {
		t->in[i].handle = self->timeline;
		t->in[i].point = 1;
		t->out[i].handle = self->timeline;
		t->out[i].point = i + 2;
	}
	t->args.context = self->context;
	t->args.n_commands = 1;
	t->args.stride = sizeof(t->cmd);
	t->args.commands = (uintptr_t)&t->cmd;
	t->args.n_in = 2;
	t->args.n_out = 2;
	t->args.in = (uintptr_t)t->in;
	t->args.out = (uintptr_t)t->out;
}

#define TRY(field, value, ret) do {					\
	struct trial bad;						\
									\
	trial_init(self, &bad);						\
	bad.field = value;						\
	EXPECT_EQ(ret, call(self->fd, DRM_IOCTL_VGPU_SUBMIT,		\
			    &bad.args)) TH_LOG("%s " #field, #value);	\
	EXPECT_TRUE(state_is(self->fd, &state));			\
	EXPECT_NE(0, wait_point(self, 2, 0));				\
} while (0)

/* Each of these alone, and nothing has changed. */
TEST_F(submit, bad_form)
{
	const uint64_t top = 1ull << 63;
	struct state state;
	struct trial t;
	uint64_t edge;
	char *hole;

	hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)hole);
	ASSERT_EQ(0, munmap(hole + 4096, 4096));
	edge = (uintptr_t)hole + 4096;
	/* The context's queue is there from the first one on. */
	ASSERT_EQ(0, clear(self, 1, 1));
	ASSERT_EQ(0, wait_point(self, 1, 60000));
	self->mem[0] = 0;
	state = state_of(self->fd);
	memcpy(hole + 4096 - sizeof(t.cmd), &(struct vgpu_cmd){
		.opcode = VGPU_CMD_CLEAR, .op = { self->at_system, 4096, 7 },
	}, sizeof(t.cmd));

	TRY(args.flags, 1, -EINVAL);
	TRY(args.flags, 1u << 31, -EINVAL);
	TRY(args.n_commands, 0, -EINVAL);
	TRY(args.n_commands, ~0u, -EINVAL);
	TRY(args.stride, 0, -EINVAL);
	TRY(args.stride, 56, -EINVAL);
	TRY(args.stride, 65, -EINVAL);
	TRY(args.stride, 68, -EINVAL);
	TRY(args.stride, 4104, -EINVAL);
	TRY(args.stride, 1u << 31, -EINVAL);
	TRY(args.n_in, 65, -EINVAL);
	TRY(args.n_in, ~0u, -EINVAL);
	TRY(args.n_out, 65, -EINVAL);
	TRY(args.n_out, ~0u, -EINVAL);
	TRY(in[1].flags, 1, -EINVAL);
	TRY(in[1].flags, 1u << 31, -EINVAL);
	TRY(out[1].flags, 1, -EINVAL);
	TRY(out[1].flags, 1u << 31, -EINVAL);

	/* All of it there, or not the end, or nothing. */
	TRY(args.commands, 0, -EFAULT);
	TRY(args.commands, edge, -EFAULT);
	TRY(args.commands, edge - sizeof(t.cmd) + 8, -EFAULT);
	TRY(args.commands, top, -EFAULT);
	TRY(args.commands, -64ull, -EFAULT);
	TRY(args.in, 0, -EFAULT);
	TRY(args.in, edge, -EFAULT);
	TRY(args.in, edge - 8, -EFAULT);
	TRY(args.in, top, -EFAULT);
	TRY(args.out, 0, -EFAULT);
	TRY(args.out, edge, -EFAULT);
	TRY(args.out, edge - 8, -EFAULT);
	TRY(args.out, top, -EFAULT);
	/* The second one. */
	trial_init(self, &t);
	t.args.n_commands = 2;
	t.args.stride = 4096;
	t.args.commands = edge - sizeof(t.cmd);
	EXPECT_EQ(-EFAULT, call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &t.args));
	EXPECT_TRUE(state_is(self->fd, &state));
	EXPECT_NE(0, wait_point(self, 2, 0));
	EXPECT_EQ(0, self->mem[0]);

	/* As many as there may be, and nothing to look at where there are none. */
	t.args.n_commands = 1;
	t.args.n_in = 64;
	t.args.n_out = 64;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &t.args));
	EXPECT_EQ(0, wait_point(self, 65, 60000));
	EXPECT_EQ(7, self->mem[0]);
	t.args.n_in = 0;
	t.args.n_out = 0;
	t.args.in = edge;
	t.args.out = top;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &t.args));
	munmap(hole, 4096);
}

/* Syncobjs that are not there, or another client's, or have no such point. */
TEST_F(submit, bad_syncs)
{
	uint32_t foreign, binary, gone, i;
	struct state state;
	struct trial t;
	int other;

	ASSERT_EQ(0, clear(self, 1, 1));
	ASSERT_EQ(0, wait_point(self, 1, 60000));
	self->mem[0] = 0;
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &binary));
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &gone));
	ASSERT_EQ(0, drmSyncobjDestroy(self->fd, gone));
	other = node_open(0);
	ASSERT_LE(0, other);
	/* So that ours are not the same by chance. */
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, drmSyncobjCreate(other,
					      DRM_SYNCOBJ_CREATE_SIGNALED,
					      &foreign));
	state = state_of(self->fd);

	TRY(in[0].handle, 0, -ENOENT);
	TRY(in[1].handle, foreign, -ENOENT);
	TRY(in[1].handle, gone, -ENOENT);
	TRY(in[1].handle, ~0u, -ENOENT);
	TRY(out[0].handle, 0, -ENOENT);
	TRY(out[1].handle, foreign, -ENOENT);
	TRY(out[1].handle, gone, -ENOENT);
	TRY(out[1].handle, ~0u, -ENOENT);
	TRY(in[1].handle, binary, -EINVAL);
	TRY(in[1].point, 2, -EINVAL);
	TRY(in[1].point, ~0ull, -EINVAL);
	/* The first one goes nowhere when the second one is bad. */
	trial_init(self, &t);
	t.out[0].handle = binary;
	t.out[0].point = 0;
	t.out[1].handle = foreign;
	EXPECT_EQ(-ENOENT, call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &t.args));
	EXPECT_NE(0, drmSyncobjWait(self->fd, &binary, 1, 0, 0, NULL));
	EXPECT_EQ(0, self->mem[0]);
	/* And it is right without. */
	t.args.n_out = 1;
	EXPECT_EQ(0, call(self->fd, DRM_IOCTL_VGPU_SUBMIT, &t.args));
	EXPECT_EQ(0, drmSyncobjWait(self->fd, &binary, 1, after_ms(60000), 0,
				    NULL));
	EXPECT_EQ(7, self->mem[0]);
	close(other);
}

#undef TRY

/* The others of the submission run; the fence has the error. */
TEST_F(submit, failing_command)
{
	struct vgpu_cmd cmds[2] = {
		{ .opcode = VGPU_CMD_UPLOAD,
		  .op = { self->at_a, 0x7000000000, 4096 } },
		{ .opcode = VGPU_CMD_CLEAR,
		  .op = { self->at_system, 4096, 9 } },
	};

	ASSERT_EQ(0, submit(self, cmds, 2, 0, 0, self->timeline, 1));
	ASSERT_EQ(0, wait_point(self, 1, 60000));
	EXPECT_EQ(-EFAULT, point_status(self, 1));
	EXPECT_EQ(9, self->mem[0]);
}

/* The kernel's own ring is nobody's to stop or take away. */
TEST_F(submit, kernels_ring)
{
	struct drm_vgpu_ring_control control = { .what = VGPU_RING_PAUSE };
	struct drm_vgpu_ring_destroy destroy = { 0 };
	uint32_t ring;

	ASSERT_EQ(0, clear(self, 1, 1));
	ASSERT_EQ(0, wait_point(self, 1, 60000));
	for (ring = 1; ring < 64; ring++) {
		control.ring = ring;
		EXPECT_EQ(-ENOENT, call(self->fd, DRM_IOCTL_VGPU_RING_CONTROL,
					&control));
		destroy.ring = ring;
		EXPECT_EQ(-ENOENT, call(self->fd, DRM_IOCTL_VGPU_RING_DESTROY,
					&destroy));
	}
	ASSERT_EQ(0, clear(self, 2, 2));
	ASSERT_EQ(0, wait_point(self, 2, 60000));
}

/**
 * struct foreign - a fence of another driver, that is signalled when we say so
 */
struct foreign {
	int fd;
	uint32_t fence;
	uint32_t syncobj;
};

/* vgem: a buffer with a fence on it, and that fence as a syncobj of ours. */
static int foreign_fence(int fd, struct foreign *f)
{
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_RW };
	struct drm_mode_create_dumb dumb = {
		.width = 64, .height = 16, .bpp = 32,
	};
	struct drm_vgem_fence_attach attach = { .flags = VGEM_FENCE_WRITE };
	int prime;

	f->fd = drmOpen("vgem", NULL);
	if (f->fd < 0 || drmIoctl(f->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) ||
	    drmPrimeHandleToFD(f->fd, dumb.handle, O_RDWR, &prime))
		return -errno;
	attach.handle = dumb.handle;
	if (drmIoctl(f->fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach))
		return -errno;
	f->fence = attach.out_fence;
	if (ioctl(prime, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export))
		return -errno;
	close(prime);
	if (drmSyncobjCreate(fd, 0, &f->syncobj) ||
	    drmSyncobjImportSyncFile(fd, f->syncobj, export.fd))
		return -errno;
	close(export.fd);
	return 0;
}

static int foreign_signal(struct foreign *f)
{
	struct drm_vgem_fence_signal args = { .fence = f->fence };

	return drmIoctl(f->fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &args) ? -errno : 0;
}

TEST_F(submit, waits_for_others)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_CLEAR,
		.op = { self->at_system, BYTES, 5 },
	};
	struct foreign f;
	int ret;

	ret = system("modprobe vgem 2>/dev/null");
	(void)ret;
	ASSERT_EQ(0, foreign_fence(self->fd, &f));
	ASSERT_EQ(0, submit(self, &cmd, 1, f.syncobj, 0, self->timeline, 1));
	/* One behind it, which waits for nothing else. */
	ASSERT_EQ(0, clear(self, 6, 2));
	EXPECT_NE(0, wait_point(self, 1, 50));
	EXPECT_EQ(0, self->mem[0]);
	ASSERT_EQ(0, foreign_signal(&f));
	ASSERT_EQ(0, wait_point(self, 2, 60000));
	EXPECT_EQ(6, self->mem[0]);
	EXPECT_EQ(0, point_status(self, 1));
	drmSyncobjDestroy(self->fd, f.syncobj);
	close(f.fd);
}

/* A context goes while its submissions wait: fences end, with an error. */
TEST_F(submit, cancelled)
{
	struct vgpu_cmd cmd = {
		.opcode = VGPU_CMD_CLEAR,
		.op = { self->at_system, BYTES, 5 },
	};
	struct foreign f;
	int i, ret;

	ret = system("modprobe vgem 2>/dev/null");
	(void)ret;
	ASSERT_EQ(0, foreign_fence(self->fd, &f));
	for (i = 1; i <= 10; i++)
		ASSERT_EQ(0, submit(self, &cmd, 1, f.syncobj, 0,
				    self->timeline, i));
	ASSERT_EQ(0, context_destroy(self->fd, self->context));
	ASSERT_EQ(0, wait_point(self, 10, 60000));
	EXPECT_EQ(-ECANCELED, point_status(self, 10));
	EXPECT_EQ(0, self->mem[0]);
	/* What it waited for comes to nobody. */
	EXPECT_EQ(0, foreign_signal(&f));
	EXPECT_EQ(0, self->mem[0]);
	drmSyncobjDestroy(self->fd, f.syncobj);
	close(f.fd);
}

/* A client goes while others wait for its fences. */
TEST_F(submit, outlives)
{
	struct pollfd p = { .events = POLLIN };
	uint32_t binary, i;

	for (i = 1; i <= 20; i++)
		ASSERT_EQ(0, clear(self, i, i));
	ASSERT_EQ(0, drmSyncobjCreate(self->fd, 0, &binary));
	ASSERT_EQ(0, drmSyncobjTransfer(self->fd, binary, 0, self->timeline,
					20, 0));
	ASSERT_EQ(0, drmSyncobjExportSyncFile(self->fd, binary, &p.fd));
	close(self->fd);
	EXPECT_EQ(1, poll(&p, 1, 60000));
	close(p.fd);
	self->fd = node_open(0);
}

TEST_HARNESS_MAIN
