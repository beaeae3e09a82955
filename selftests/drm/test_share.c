// SPDX-License-Identifier: MIT
/*
 * Buffers that go from one to another: as dma-bufs between clients and GPUs,
 * from other drivers, and moved by compaction.
 *
 * vm: fresh gpus=2 vram=64M
 */
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

#include "drm_util.h"

#define VGEM_CREATE	DRM_IOWR(0xb2, struct drm_mode_create_dumb)

FIXTURE(share) {
	int a;
	int b;
};

FIXTURE_SETUP(share)
{
	self->a = node_open(0);
	self->b = node_open(0);
	ASSERT_LE(0, self->a);
	ASSERT_LE(0, self->b);
	ASSERT_TRUE(gpu_is_empty(self->a));
}

FIXTURE_TEARDOWN(share)
{
	int fd = node_open(0);

	close(self->a);
	close(self->b);
	EXPECT_TRUE(gpu_is_empty(fd));
	close(fd);
}

static int export(int fd, uint32_t handle)
{
	int dmabuf = -1;
	int ret = drmPrimeHandleToFD(fd, handle, DRM_CLOEXEC | DRM_RDWR,
				     &dmabuf);

	return ret ? -errno : dmabuf;
}

/* Copy a word out of an imported buffer, and another one into it. */
static int use_import(int fd, uint32_t handle, uint64_t bytes, uint32_t *word)
{
	uint32_t context, local;
	uint64_t at, at_local;
	struct ring ring;
	uint32_t *p;
	int ret;

	ret = context_create(fd, &context) ?:
	      ring_create(fd, context, 8, NULL, &ring) ?:
	      bo_create(fd, DRM_VGPU_DOMAIN_VRAM, 4096, 4096, &local) ?:
	      map(fd, context, handle, bytes, 0, &at) ?:
	      map(fd, context, local, 4096, 0, &at_local);
	if (ret)
		return ret;
	p = bo_mmap(fd, local);
	if (p == MAP_FAILED)
		return -errno;
	ret = ring_op(&ring, VGPU_CMD_UPLOAD, at_local, at, 4);
	*word = *p;
	*p = 0xdeadbeef;
	if (!ret)
		ret = ring_op(&ring, VGPU_CMD_DOWNLOAD, at + bytes - 4,
			      at_local, 4);
	munmap(p, 4096);
	return ring_destroy(&ring) ?: ret ?: bo_close(fd, local) ?:
	       context_destroy(fd, context);
}

/* To another client, and to another GPU. */
TEST_F(share, exported)
{
	static const uint32_t domains[] = {
		DRM_VGPU_DOMAIN_VRAM, DRM_VGPU_DOMAIN_SYSTEM,
	};
	int to[] = { self->b, node_open(1) };
	uint32_t i, k, handle, import, again, word;
	struct drm_vgpu_bo_info info;
	uint32_t *p;
	int dmabuf;

	if (is_shared(self->a))
		SKIP(return, "one GPU, where a buffer of VRAM is one for all");
	ASSERT_LE(0, to[1]);
	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++) {
			ASSERT_EQ(0, bo_create(self->a, domains[i], 16 << 10,
					       i ? 0 : 4096, &handle));
			p = bo_mmap(self->a, handle);
			ASSERT_NE(MAP_FAILED, p);
			p[0] = 77;
			dmabuf = export(self->a, handle);
			ASSERT_LE(0, dmabuf);
			ASSERT_EQ(0, drmPrimeFDToHandle(to[k], dmabuf,
							&import));
			ASSERT_EQ(0, drmPrimeFDToHandle(to[k], dmabuf, &again));
			EXPECT_EQ(import, again);
			/* And back home. */
			ASSERT_EQ(0, drmPrimeFDToHandle(self->a, dmabuf,
							&again));
			EXPECT_EQ(handle, again);
			ASSERT_EQ(0, bo_info(to[k], import, &info));
			EXPECT_EQ(16 << 10, info.bytes);
			EXPECT_EQ(k ? DRM_VGPU_DOMAIN_IMPORTED : domains[i],
				  info.domain);
			word = 0;
			ASSERT_EQ(0, use_import(to[k], import, 16 << 10,
						&word));
			EXPECT_EQ(77, word);
			EXPECT_EQ(0xdeadbeef, p[4095]);
			munmap(p, 16 << 10);
			/* The dma-buf alone keeps it. */
			ASSERT_EQ(0, bo_close(self->a, handle));
			ASSERT_EQ(0, bo_close(to[k], import));
			if (!i)
				EXPECT_EQ(16 << 10, gpu_used(self->a));
			p = mmap(NULL, 8 << 10, PROT_READ, MAP_SHARED, dmabuf,
				 8 << 10);
			ASSERT_NE(MAP_FAILED, p);
			close(dmabuf);
			EXPECT_EQ(0xdeadbeef, p[2047]);
			munmap(p, 8 << 10);
			EXPECT_TRUE(gpu_is_empty(self->a));
		}
	close(to[1]);
}

/* Its client goes; the others have it, and all that they need of it. */
TEST_F(share, outlives)
{
	uint32_t handle, other, import, word = 0;
	int dmabuf;
	uint32_t *p;

	if (is_shared(self->a))
		SKIP(return, "a buffer of VRAM is one for all clients");
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM, 16 << 10, 4096,
			       &handle));
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM, MIB, 0, &other));
	p = bo_mmap(self->a, handle);
	ASSERT_NE(MAP_FAILED, p);
	p[0] = 99;
	dmabuf = export(self->a, handle);
	ASSERT_LE(0, dmabuf);
	close(self->a);
	self->a = -1;
	munmap(p, 16 << 10);
	ASSERT_EQ(0, drmPrimeFDToHandle(self->b, dmabuf, &import));
	close(dmabuf);
	ASSERT_EQ(0, use_import(self->b, import, 16 << 10, &word));
	EXPECT_EQ(99, word);
	p = bo_mmap(self->b, import);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0xdeadbeef, p[4095]);
	/* It is on the account of who made it. */
	EXPECT_EQ(16 << 10, gpu_used(self->b));
	EXPECT_EQ(0, state_of(self->b).used);
	munmap(p, 16 << 10);
	ASSERT_EQ(0, bo_close(self->b, import));
	EXPECT_TRUE(gpu_is_empty(self->b));
}

/* A part of a page would show what lies beside it. */
TEST_F(share, not_exported)
{
	struct drm_vgpu_bo_info info;
	uint32_t handle, small;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, p);
	if (is_shared(self->a))
		SKIP(return, "buffers take whole pages");
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM, 256, 0, &small));
	EXPECT_EQ(-EINVAL, export(self->a, small));
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM, 4096 + 256, 4096,
			       &handle));
	EXPECT_EQ(-EINVAL, export(self->a, handle));
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM, 4096, 256,
			       &handle));
	ASSERT_EQ(0, bo_info(self->a, handle, &info));
	if (info.offset & 4095)
		EXPECT_EQ(-EINVAL, export(self->a, handle));
	ASSERT_EQ(0, bo_register(self->a, p, 4096, 0, &handle));
	EXPECT_EQ(-EINVAL, export(self->a, handle));
	EXPECT_EQ(-ENOENT, export(self->a, 4711));
	munmap(p, 4096);
}

/* Memory that a driver of Linux exports. */
static void use_foreign(struct __test_metadata *_metadata, int fd, int dmabuf,
			uint32_t *mapped)
{
	struct drm_vgpu_bo_info info;
	uint32_t handle, again, word = 0;

	mapped[0] = 4242;
	ASSERT_EQ(0, drmPrimeFDToHandle(fd, dmabuf, &handle));
	ASSERT_EQ(0, drmPrimeFDToHandle(fd, dmabuf, &again));
	EXPECT_EQ(handle, again);
	ASSERT_EQ(0, bo_info(fd, handle, &info));
	EXPECT_EQ(DRM_VGPU_DOMAIN_IMPORTED, info.domain);
	EXPECT_EQ(8192, info.bytes);
	EXPECT_EQ(0, info.mmap_offset);
	close(dmabuf);
	ASSERT_EQ(0, use_import(fd, handle, 8192, &word));
	EXPECT_EQ(4242, word);
	EXPECT_EQ(0xdeadbeef, mapped[2047]);
	EXPECT_EQ(0, bo_close(fd, handle));
}

TEST_F(share, udmabuf)
{
	struct udmabuf_create create = { .size = 8192 };
	int dmabuf, node = open("/dev/udmabuf", O_RDWR);
	uint32_t *p;

	if (node < 0)
		SKIP(return, "no udmabuf");
	create.memfd = memfd_create("test", MFD_ALLOW_SEALING);
	ASSERT_LE(0, (int)create.memfd);
	ASSERT_EQ(0, ftruncate(create.memfd, 8192));
	ASSERT_EQ(0, fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd,
		 0);
	ASSERT_NE(MAP_FAILED, p);
	dmabuf = ioctl(node, UDMABUF_CREATE, &create);
	ASSERT_LE(0, dmabuf);
	use_foreign(_metadata, self->a, dmabuf, p);
	munmap(p, 8192);
	close(create.memfd);
	close(node);
}

static int vgem_open(void)
{
	drmVersionPtr version;
	char path[64];
	int i, fd;

	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR);
		version = fd < 0 ? NULL : drmGetVersion(fd);
		if (version && !strcmp(version->name, "vgem")) {
			drmFreeVersion(version);
			return fd;
		}
		drmFreeVersion(version);
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

TEST_F(share, vgem)
{
	struct drm_mode_create_dumb create = { .height = 2, .width = 1024,
					       .bpp = 32 };
	struct drm_mode_map_dumb where = { 0 };
	int vgem, dmabuf;
	uint32_t *p;

	/* It may be built in. */
	vgem = vgem_open();
	if (vgem < 0) {
		if (system("modprobe vgem >/dev/null 2>&1"))
			SKIP(return, "no vgem");
		vgem = vgem_open();
	}
	ASSERT_LE(0, vgem);
	ASSERT_EQ(0, drmIoctl(vgem, VGEM_CREATE, &create));
	ASSERT_EQ(8192, create.size);
	where.handle = create.handle;
	ASSERT_EQ(0, drmIoctl(vgem, DRM_IOCTL_MODE_MAP_DUMB, &where));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, vgem,
		 where.offset);
	ASSERT_NE(MAP_FAILED, p);
	dmabuf = export(vgem, create.handle);
	ASSERT_LE(0, dmabuf);
	use_foreign(_metadata, self->a, dmabuf, p);
	munmap(p, 8192);
	close(vgem);
}

#define BLOCKS		64
#define BLOCK_BYTES	(64u << 10)

/* Holes between blocks, one of which is pinned; each has its own pattern. */
TEST_F_TIMEOUT(share, compact, 120)
{
	struct drm_vgpu_compact c = { .bytes = 2 * BLOCK_BYTES };
	uint32_t i, context, check, handles[BLOCKS];
	uint64_t at[BLOCKS], at_check, offset[BLOCKS], moved = 0;
	struct drm_vgpu_bo_info info;
	struct ring ring;
	char *p, *pin, *want = malloc(BLOCK_BYTES);
	bool some = false;

	ASSERT_NE(NULL, want);
	ASSERT_EQ(0, context_create(self->a, &context));
	ASSERT_EQ(0, ring_create(self->a, context, 8, NULL, &ring));
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_SYSTEM, BLOCK_BYTES, 0,
			       &check));
	ASSERT_EQ(0, map(self->a, context, check, BLOCK_BYTES, 0, &at_check));
	p = bo_mmap(self->a, check);
	ASSERT_NE(MAP_FAILED, p);
	for (i = 0; i < BLOCKS; i++) {
		ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM,
				       BLOCK_BYTES, 0, &handles[i]));
		ASSERT_EQ(0, map(self->a, context, handles[i], BLOCK_BYTES, 0,
				 &at[i]));
		fill_pattern(p, BLOCK_BYTES, i);
		/* Every fourth stays as it came: zero, and with no pages. */
		if (i % 4 != 3)
			ASSERT_EQ(0, ring_op(&ring, VGPU_CMD_UPLOAD, at[i],
					     at_check, BLOCK_BYTES));
	}
	pin = bo_mmap(self->a, handles[33]);
	ASSERT_NE(MAP_FAILED, pin);
	for (i = 0; i < BLOCKS; i += 2) {
		ASSERT_EQ(0, unmap(self->a, context, at[i]));
		ASSERT_EQ(0, bo_close(self->a, handles[i]));
	}
	while (state_of(self->a).used != BLOCKS / 2 * BLOCK_BYTES)
		usleep(1000);
	for (i = 1; i < BLOCKS; i += 2) {
		ASSERT_EQ(0, bo_info(self->a, handles[i], &info));
		offset[i] = info.offset;
	}
	/* No more than asked for, but for the rest of a block. */
	ASSERT_EQ(0, call(self->a, DRM_IOCTL_VGPU_COMPACT, &c));
	EXPECT_EQ(2 * BLOCK_BYTES, c.bytes);
	EXPECT_EQ(1, c.more);
	c = (struct drm_vgpu_compact){ .bytes = 1 };
	ASSERT_EQ(0, call(self->a, DRM_IOCTL_VGPU_COMPACT, &c));
	EXPECT_EQ(BLOCK_BYTES, c.bytes);
	EXPECT_EQ(1, c.more);
	c = (struct drm_vgpu_compact){ 0 };
	ASSERT_EQ(0, call(self->a, DRM_IOCTL_VGPU_COMPACT, &c));
	EXPECT_EQ(0, c.bytes);
	EXPECT_EQ(1, c.more);
	do {
		c = (struct drm_vgpu_compact){ .bytes = ~0ull };
		ASSERT_EQ(0, call(self->a, DRM_IOCTL_VGPU_COMPACT, &c));
		moved += c.bytes;
	} while (c.more);
	EXPECT_LT(0, moved);
	c = (struct drm_vgpu_compact){ .bytes = ~0ull };
	ASSERT_EQ(0, call(self->a, DRM_IOCTL_VGPU_COMPACT, &c));
	EXPECT_EQ(0, c.bytes);
	EXPECT_EQ(0, c.more);

	for (i = 1; i < BLOCKS; i += 2) {
		ASSERT_EQ(0, bo_info(self->a, handles[i], &info));
		if (i == 33)
			EXPECT_EQ(offset[i], info.offset);
		/* All that is left lies where the first half was. */
		EXPECT_LE(info.offset, (BLOCKS / 2 + 1) * BLOCK_BYTES);
		some |= info.offset != offset[i];
		memset(p, 0x11, BLOCK_BYTES);
		ASSERT_EQ(0, ring_op(&ring, VGPU_CMD_DOWNLOAD, at_check, at[i],
				     BLOCK_BYTES));
		memset(want, 0, BLOCK_BYTES);
		if (i % 4 != 3)
			fill_pattern(want, BLOCK_BYTES, i);
		EXPECT_EQ(0, memcmp(want, p, BLOCK_BYTES)) TH_LOG("%u", i);
	}
	EXPECT_TRUE(some);
	/* One hole, in which the rest of the memory can be had at once. */
	ASSERT_EQ(0, bo_create(self->a, DRM_VGPU_DOMAIN_VRAM,
			       gpu_bytes(self->a) -
			       (BLOCKS / 2 + 2) * BLOCK_BYTES, 0,
			       &handles[0]));
	munmap(pin, BLOCK_BYTES);
	munmap(p, BLOCK_BYTES);
	EXPECT_EQ(0, ring_destroy(&ring));
	free(want);
}

TEST_HARNESS_MAIN
