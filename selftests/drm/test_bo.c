// SPDX-License-Identifier: MIT
/*
 * Buffers: sizes and content, and what a process does with their memory.
 *
 * vm: fresh gpus=2 vram=64M
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include "drm_util.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

FIXTURE(buffer) {
	int fd;
};

FIXTURE_SETUP(buffer)
{
	self->fd = node_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(gpu_is_empty(self->fd));
}

FIXTURE_TEARDOWN(buffer)
{
	int fd = node_open(0);

	close(self->fd);
	EXPECT_TRUE(gpu_is_empty(fd));
	EXPECT_EQ(0, state_of(fd).registered);
	close(fd);
}

/* A whole page around @p; buffers in VRAM may begin anywhere in theirs. */
static void *page_of(const void *p)
{
	return (void *)((uintptr_t)p & ~4095ul);
}

static bool is_all(const void *p, size_t bytes, unsigned char c)
{
	const unsigned char *b = p;

	return !bytes || (b[0] == c && !memcmp(b, b + 1, bytes - 1));
}

TEST_F(buffer, sizes)
{
	static const struct {
		uint64_t bytes;
		uint64_t align;
	} vram[] = {
		{ 1, 0 }, { 255, 256 }, { 256, 512 }, { 257, 4096 },
		{ 4095, 0 }, { 4096, 4096 }, { 4097, 1 << 16 }, { MIB + 3, 256 },
		{ 32 * MIB, 32 * MIB }, { 64 * MIB, 0 }, { 64 * MIB, 64 * MIB },
		{ 4096, 64 * MIB }, { 256, 1 << 30 },
	};
	const uint64_t granule = is_shared(self->fd) ? 4096 : 256;
	struct drm_vgpu_bo_info info;
	uint32_t i, handle;
	char *p;

	for (i = 0; i < COUNT(vram); i++) {
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
				       vram[i].bytes, vram[i].align, &handle));
		ASSERT_EQ(0, bo_info(self->fd, handle, &info));
		EXPECT_EQ(DRM_VGPU_DOMAIN_VRAM, info.domain);
		EXPECT_EQ(vram[i].bytes, info.bytes);
		EXPECT_EQ(0, info.flags);
		EXPECT_EQ(0, info.offset & 255);
		if (vram[i].align)
			EXPECT_EQ(0, info.offset & (vram[i].align - 1));
		EXPECT_EQ(info.offset & 4095, info.mmap_skip);
		EXPECT_EQ((info.mmap_skip + info.bytes + 4095) & ~4095ull,
			  info.mmap_bytes);
		EXPECT_EQ((vram[i].bytes + granule - 1) & ~(granule - 1),
			  gpu_used(self->fd));
		p = bo_mmap(self->fd, handle);
		ASSERT_NE(MAP_FAILED, p);
		p[vram[i].bytes - 1] = 5;
		ASSERT_EQ(0, bo_info(self->fd, handle, &info));
		EXPECT_EQ(DRM_VGPU_BO_PINNED, info.flags);
		munmap(page_of(p), info.mmap_bytes);
		EXPECT_EQ(0, bo_close(self->fd, handle));
		ASSERT_TRUE(gpu_is_empty(self->fd));
	}
	/* More than there is, and more than a bank. */
	EXPECT_EQ(-ENOSPC, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
				     gpu_bytes(self->fd) + 1, 0, &handle));
	EXPECT_EQ(-EINVAL, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM,
				     (1 << 30) + 1, 0, &handle));
	for (i = 1; i <= 1024; i *= 4) {
		ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_SYSTEM,
				       i * 4096, 0, &handle));
		ASSERT_EQ(0, bo_info(self->fd, handle, &info));
		EXPECT_EQ(DRM_VGPU_DOMAIN_SYSTEM, info.domain);
		EXPECT_EQ(i * 4096, info.bytes);
		EXPECT_EQ(i * 4096, info.mmap_bytes);
		EXPECT_EQ(0, info.flags | info.offset | info.mmap_skip);
		EXPECT_EQ(0, gpu_used(self->fd));
		EXPECT_EQ(0, bo_close(self->fd, handle));
		EXPECT_EQ(-ENOENT, bo_info(self->fd, handle, &info));
	}
}

/* Memory that had been another's is zero, whatever the size and the place. */
TEST_F_TIMEOUT(buffer, zeroed, 120)
{
	static const uint64_t sizes[] = { 300, 5000, MIB + 700, 10 * MIB };
	uint32_t round, i, handles[24];
	int fd = -1;
	char *p;

	for (round = 0; round < 4; round++) {
		fd = node_open(0);
		ASSERT_LE(0, fd);
		for (i = 0; i < COUNT(handles); i++) {
			uint64_t bytes = sizes[(i + round) % 4] >> (i / 8);
			uint32_t domain = i % 6 ? DRM_VGPU_DOMAIN_VRAM :
					  DRM_VGPU_DOMAIN_SYSTEM;

			if (domain == DRM_VGPU_DOMAIN_SYSTEM)
				bytes = (bytes + 4095) & ~4095ull;
			ASSERT_EQ(0, bo_create(fd, domain, bytes, 0,
					       &handles[i]));
			p = bo_mmap(fd, handles[i]);
			ASSERT_NE(MAP_FAILED, p);
			ASSERT_TRUE(is_all(p, bytes, 0)) TH_LOG("%u", i);
			memset(p, 0xa5, bytes);
			munmap(page_of(p), bytes + (p - (char *)page_of(p)));
			/* Some are closed at once, with a neighbour left. */
			if (i % 3 == 1)
				ASSERT_EQ(0, bo_close(fd, handles[i]));
		}
		close(fd);
	}
}

TEST_F(buffer, mmap)
{
	static const uint32_t domains[] = {
		DRM_VGPU_DOMAIN_VRAM, DRM_VGPU_DOMAIN_SYSTEM,
	};
	const int rw = PROT_READ | PROT_WRITE;
	struct drm_vgpu_bo_info info;
	uint32_t i, handle;
	char *p, *q, *rest;
	int fd;

	for (i = 0; i < 2; i++) {
		fd = node_open(0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, bo_create(fd, domains[i], 64 << 10, 4096 * !i,
				       &handle));
		ASSERT_EQ(0, bo_info(fd, handle, &info));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_PRIVATE, fd,
					   info.mmap_offset));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE,
					   fd, info.mmap_offset));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 17 << 12, rw, MAP_SHARED, fd,
					   info.mmap_offset));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_SHARED, fd,
					   info.mmap_offset + (64 << 10)));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, rw, MAP_SHARED, fd,
					   info.mmap_offset + (1ull << 40)));
		/* A part, read only. */
		p = mmap(NULL, 2 << 12, PROT_READ, MAP_SHARED, fd,
			 info.mmap_offset);
		ASSERT_NE(MAP_FAILED, p);
		q = mmap(NULL, 64 << 10, rw, MAP_SHARED, fd, info.mmap_offset);
		ASSERT_NE(MAP_FAILED, q);
		fill_pattern(q, 64 << 10, 11);
		EXPECT_EQ(0, memcmp(p, q, 2 << 12));
		/* One that is cut before it was touched. */
		rest = mmap(NULL, 64 << 10, rw, MAP_SHARED, fd,
			    info.mmap_offset);
		ASSERT_NE(MAP_FAILED, rest);
		ASSERT_EQ(0, munmap(rest, 4 << 12));
		EXPECT_EQ(0, memcmp(q + (4 << 12), rest + (4 << 12), 12 << 12));
		munmap(rest + (4 << 12), 12 << 12);
		/* It does not grow; it moves, and is cut. */
		EXPECT_EQ(MAP_FAILED, mremap(p, 2 << 12, 4 << 12,
					     MREMAP_MAYMOVE));
		ASSERT_EQ(0, munmap(q + 4096, 4096));
		rest = q;
		q = mremap(q + (8 << 12), 8 << 12, 8 << 12,
			   MREMAP_MAYMOVE | MREMAP_FIXED,
			   mmap(NULL, 8 << 12, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		ASSERT_NE(MAP_FAILED, q);
		/* It lives longer than its handle, and than its client. */
		ASSERT_EQ(0, bo_close(fd, handle));
		close(fd);
		q[0] = ~q[0];
		EXPECT_EQ(domains[i] == DRM_VGPU_DOMAIN_VRAM ? 64 << 10 : 0,
			  gpu_used(self->fd));
		munmap(q, 8 << 12);
		munmap(p, 2 << 12);
		/* What is left of the second. */
		munmap(rest + (2 << 12), 6 << 12);
		EXPECT_NE(0, rest[0] | rest[1] | rest[2]);
		munmap(rest, 4096);
		EXPECT_TRUE(gpu_is_empty(self->fd));
	}
}

/* A child has its parent's mapping, and the parent sees what it writes. */
TEST_F(buffer, forked)
{
	uint32_t handle;
	int status;
	pid_t child;
	char *p;

	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, MIB, 4096,
			       &handle));
	p = bo_mmap(self->fd, handle);
	ASSERT_NE(MAP_FAILED, p);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		memset(p, 3, MIB / 2);
		munmap(p, MIB / 4);
		memset(p + MIB / 2, 4, MIB / 2);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(is_all(p, MIB / 2, 3));
	EXPECT_TRUE(is_all(p + MIB / 2, MIB / 2, 4));
	munmap(p, MIB);
}

/* Advice about memory does no harm to it. */
TEST_F(buffer, advice)
{
	static const int advices[] = {
		0, 1, 2, 3, MADV_DONTNEED, 8, MADV_REMOVE, MADV_DONTFORK,
		MADV_DOFORK, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
		24, 25,
	};
	const uint32_t domains[] = {
		DRM_VGPU_DOMAIN_VRAM, DRM_VGPU_DOMAIN_SYSTEM,
	};
	uint32_t i, k, handle;
	char *p, *copy = malloc(4 * MIB);

	ASSERT_NE(NULL, copy);
	for (k = 0; k < 2; k++) {
		ASSERT_EQ(0, bo_create(self->fd, domains[k], 4 * MIB, 0,
				       &handle));
		p = bo_mmap(self->fd, handle);
		ASSERT_NE(MAP_FAILED, p);
		p = page_of(p);
		fill_pattern(p, 4 * MIB, 3);
		memcpy(copy, p, 4 * MIB);
		for (i = 0; i < COUNT(advices); i++) {
			madvise(p, 4 * MIB, advices[i]);
			ASSERT_EQ(0, memcmp(p, copy, 4 * MIB))
				TH_LOG("advice %d", advices[i]);
		}
		mlock(p, 4 * MIB);
		munlock(p, 4 * MIB);
		msync(p, 4 * MIB, MS_SYNC);
		EXPECT_EQ(0, memcmp(p, copy, 4 * MIB));
		munmap(p, 4 * MIB);
		ASSERT_EQ(0, bo_close(self->fd, handle));
	}
	free(copy);
}

/* The client page: to be looked at, not to be written. */
TEST_F(buffer, client_page)
{
	struct drm_vgpu_client_page *page;
	uint32_t context;
	uint64_t old;
	int fd = node_open(0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, DRM_VGPU_MMAP_CLIENT));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd,
				   DRM_VGPU_MMAP_CLIENT));
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd,
		    DRM_VGPU_MMAP_CLIENT);
	ASSERT_NE(MAP_FAILED, page);
	EXPECT_EQ(-1, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	old = page->events;
	ASSERT_EQ(0, context_create(fd, &context));
	ASSERT_EQ(0, context_destroy(fd, context));
	EXPECT_LE(old, page->events);
	close(fd);
	EXPECT_LE(old, page->events);
	munmap(page, 4096);
}

/* Memory of a process: what commands may do to it. */
TEST_F(buffer, registered)
{
	static const uint32_t constant[2048] __attribute__((aligned(4096))) = {
		1, 2, 3, [2047] = 4,
	};
	uint32_t context, ro, rw, vram;
	uint64_t at_ro, at_rw, at_vram;
	struct drm_vgpu_bo_info info;
	struct ring ring;
	char *p;

	ASSERT_EQ(0, context_create(self->fd, &context));
	ASSERT_EQ(0, ring_create(self->fd, context, 8, NULL, &ring));
	ASSERT_EQ(0, bo_create(self->fd, DRM_VGPU_DOMAIN_VRAM, 8192, 0, &vram));
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(0, bo_register(self->fd, p, 8192, 0, &rw));
	/* It is not writable, and has to be said so. */
	EXPECT_EQ(-EFAULT, bo_register(self->fd, constant, 8192, 0, &ro));
	ASSERT_EQ(0, bo_register(self->fd, constant, 8192,
				 DRM_VGPU_BO_READ_ONLY, &ro));
	ASSERT_EQ(0, bo_info(self->fd, ro, &info));
	EXPECT_EQ(DRM_VGPU_DOMAIN_REGISTERED, info.domain);
	EXPECT_EQ(DRM_VGPU_BO_READ_ONLY, info.flags);
	EXPECT_EQ(0, info.mmap_offset | info.mmap_bytes);
	EXPECT_EQ(-EACCES, map(self->fd, context, ro, 8192, 0, &at_ro));
	ASSERT_EQ(0, map(self->fd, context, ro, 8192, VGPU_MAP_F_READ_ONLY,
			 &at_ro));
	ASSERT_EQ(0, map(self->fd, context, rw, 8192, 0, &at_rw));
	ASSERT_EQ(0, map(self->fd, context, vram, 8192, 0, &at_vram));
	EXPECT_EQ(-EACCES, ring_op(&ring, VGPU_CMD_CLEAR, at_ro, 4, 0));
	EXPECT_EQ(-EACCES, ring_op(&ring, VGPU_CMD_DOWNLOAD, at_ro, at_vram, 4));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_UPLOAD, at_vram, at_ro, 8192));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_DOWNLOAD, at_rw, at_vram, 8192));
	EXPECT_EQ(0, memcmp(p, constant, 8192));
	EXPECT_EQ(16384, state_of(self->fd).registered);
	/* The process lets go of it; commands do not mind. */
	ASSERT_EQ(0, munmap(p, 8192));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_CLEAR, at_rw, 8192, 5));
	EXPECT_EQ(0, ring_op(&ring, VGPU_CMD_UPLOAD, at_vram, at_rw, 8192));
	p = bo_mmap(self->fd, vram);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(5, *(uint32_t *)(p + 8188));
	ASSERT_EQ(0, bo_close(self->fd, rw));
	ASSERT_EQ(0, unmap(self->fd, context, at_rw));
	munmap(page_of(p), 8192);
	EXPECT_EQ(0, ring_destroy(&ring));
}

/* RLIMIT_MEMLOCK, for who has no CAP_IPC_LOCK; it is given back. */
TEST_F(buffer, memlock)
{
	struct rlimit limit = { 64 << 10, 64 << 10 };
	uint32_t i, handle, more;
	int status, ret;
	pid_t child;
	char *p;

	child = fork();
	ASSERT_LE(0, child);
	if (child) {
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
		return;
	}
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgid(65534) ||
	    setuid(65534))
		_exit(1);
	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		_exit(2);
	for (i = 0; i < 20; i++) {
		ret = bo_register(self->fd, p, 68 << 10, 0, &handle);
		if (ret != -ENOSPC)
			_exit(3);
		if (bo_register(self->fd, p, 64 << 10, 0, &handle))
			_exit(4);
		ret = bo_register(self->fd, p + (64 << 10), 4096,
				  DRM_VGPU_BO_READ_ONLY, &more);
		if (ret != -ENOSPC)
			_exit(5);
		if (bo_close(self->fd, handle))
			_exit(6);
		/* What fails is given back, too. */
		if (bo_register(self->fd, p + MIB - (32 << 10), 64 << 10, 0,
				&handle) != -EFAULT)
			_exit(7);
	}
	/* The process ends with memory registered. */
	_exit(bo_register(self->fd, p, 64 << 10, 0, &handle) ? 8 : 0);
}

TEST_HARNESS_MAIN
