// SPDX-License-Identifier: MIT
/*
 * Instances as a VMM sees them: types, regions, interrupts, a ring with its
 * doorbell, VRAM that is mapped, reset, and being closed and opened again.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "vfio_util.h"

FIXTURE(instance) {
	struct vmm v;
	int drm;
};

FIXTURE_SETUP(instance)
{
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 1));
	ASSERT_EQ(VMM_VRAM, gpu_used(self->drm));
}

FIXTURE_TEARDOWN(instance)
{
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

TEST(types)
{
	static const char * const types[] = {
		"vgpu-4g", "vgpu-2g", "vgpu-1g", "vgpu-512m", "vgpu-256m" };
	char path[256], text[256], uuid[40];
	int i, before[5];

	for (i = 0; i < 5; i++) {
		before[i] = instances_available(types[i]);
		EXPECT_EQ(1 << i, before[i]);
		snprintf(path, sizeof(path), VMM_PARENT "%s/description",
			 types[i]);
		ASSERT_EQ(0, read_file(path, text, sizeof(text)));
		snprintf(path, sizeof(path), "framebuffer=%dM", 4096 >> i);
		EXPECT_NE(NULL, strstr(text, path));
		snprintf(path, sizeof(path), VMM_PARENT "%s/device_api",
			 types[i]);
		ASSERT_EQ(0, read_file(path, text, sizeof(text)));
		EXPECT_EQ(0, strcmp(text, "vfio-pci\n"));
	}
	/* Mixed: 1 GiB and 256 MiB are gone. */
	ASSERT_EQ(0, snprintf(uuid, sizeof(uuid), VMM_UUID, 2) < 0);
	ASSERT_EQ(0, instance_create("vgpu-1g", uuid));
	EXPECT_EQ(3, instances_available("vgpu-1g"));
	EXPECT_EQ(0, instances_available("vgpu-4g"));
	EXPECT_EQ(-ENOSPC, instance_create("vgpu-4g",
					   "7e57ab1e-0000-4000-8000-0000000000ff"));
	ASSERT_EQ(0, instance_create("vgpu-256m",
				     "7e57ab1e-0000-4000-8000-000000000003"));
	EXPECT_EQ(11, instances_available("vgpu-256m"));
	EXPECT_EQ(1, instances_available("vgpu-2g"));
	ASSERT_EQ(0, instance_remove(uuid));
	ASSERT_EQ(0, instance_remove("7e57ab1e-0000-4000-8000-000000000003"));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(before[i], instances_available(types[i]));
}

TEST_F(instance, regions)
{
	struct vmm *v = &self->v;
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, info.flags);
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	EXPECT_EQ(VGPU_BAR0_BYTES, v->size[VFIO_PCI_BAR0_REGION_INDEX]);
	EXPECT_EQ(VMM_VRAM, v->size[VFIO_PCI_BAR2_REGION_INDEX]);
	EXPECT_EQ(VGPU_BAR4_BYTES, v->size[VFIO_PCI_BAR4_REGION_INDEX]);
	EXPECT_EQ(0, v->size[VFIO_PCI_ROM_REGION_INDEX]);
	EXPECT_EQ(VGPU_PCI_VENDOR | VGPU_PCI_DEVICE << 16,
		  vmm_read(v, VFIO_PCI_CONFIG_REGION_INDEX, 0, 4));
	EXPECT_EQ(VGPU_PCI_SUBDEVICE_VGPU,
		  vmm_read(v, VFIO_PCI_CONFIG_REGION_INDEX, 0x2e, 2));
	EXPECT_EQ(VGPU_ID, vmm_reg(v, VGPU_REG_ID));
	EXPECT_EQ(VGPU_VERSION, vmm_reg(v, VGPU_REG_VERSION));
	EXPECT_EQ(VMM_VRAM, vmm_read(v, VFIO_PCI_BAR0_REGION_INDEX,
				     VGPU_REG_VRAM_LO, 8));
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_STATUS));
	/* BAR0 does not say anything to a byte. */
	EXPECT_EQ(0xff, vmm_read(v, VFIO_PCI_BAR0_REGION_INDEX, 1, 1));
	/* A doorbell that could be mapped would not trap. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_WRITE, MAP_SHARED,
				   v->device,
				   v->at[VFIO_PCI_BAR0_REGION_INDEX]));
}

/* Any size at any place, to read and to write: nothing of it does harm. */
TEST_F(instance, accesses)
{
	static const uint32_t at[] = { 0, 1, 3, 4, 7, 8, 60, 253, 255, 510,
				       2047, 4090, 4095 };
	char buf[64];
	uint32_t region, i, n;

	memset(buf, 0xa5, sizeof(buf));
	for (region = 0; region < VFIO_PCI_NUM_REGIONS; region++) {
		uint64_t size = self->v.size[region];

		for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
			for (n = 1; n <= 33; n++) {
				uint64_t pos = self->v.at[region] + at[i];
				ssize_t want = at[i] >= size ? -1 :
					at[i] + n > size ?
					(ssize_t)(size - at[i]) : (ssize_t)n;

				ASSERT_EQ(want, pread(self->v.device, buf, n,
						      pos));
				ASSERT_EQ(want, pwrite(self->v.device, buf, n,
						       pos));
			}
	}
	ASSERT_EQ(-1, pread(self->v.device, buf, 4, 1ull << 55));
	/* It still works after that. */
	ASSERT_EQ(0, ioctl(self->v.device, VFIO_DEVICE_RESET));
	ASSERT_EQ(0, vmm_enable(&self->v));
}

TEST_F(instance, ring)
{
	const uint64_t bytes = 3 * MIB + 4096;
	struct vgpu_cmd cmds[16] = { 0 };
	struct vgpu_completion done;
	struct vmm *v = &self->v;
	uint64_t in, out, at_in, at_out, offset, at_a, at_b, i, k;
	char *a = v->ram + VMM_BUFFER, *b = a + 4 * MIB;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_system(v, VMM_BUFFER, bytes, 0, false, &in));
	ASSERT_EQ(0, vmm_system(v, VMM_BUFFER + 4 * MIB, bytes, 0, true, &out));
	ASSERT_EQ(0, vmm_map(v, in, bytes, &at_in));
	ASSERT_EQ(0, vmm_map(v, out, bytes, &at_out));
	ASSERT_EQ(0, vmm_block(v, bytes, &offset, &at_a));
	ASSERT_EQ(0, vmm_block(v, bytes, &offset, &at_b));
	EXPECT_EQ(2 * bytes, vmm_read(v, VFIO_PCI_BAR0_REGION_INDEX,
				      VGPU_REG_USED_LO, 8));
	/* All of it is reserved from the start. */
	EXPECT_EQ(VMM_VRAM, gpu_used(self->drm));

	fill_pattern(a, bytes, 7);
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_UPLOAD, at_a, at_in, bytes));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_COPY, at_b, at_a, bytes));
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_DOWNLOAD, at_out, at_b, bytes));
	/* The pages of it are in reverse. */
	for (i = 0; i < bytes; i += 4096)
		ASSERT_EQ(0, memcmp(a + i, b + bytes - 4096 - i, 4096));
	ASSERT_EQ(-EFAULT, vmm_do(v, VGPU_CMD_UPLOAD, at_a, 1ull << 46, bytes));

	/* A doorbell for a batch at most; fewer, when it is not asked for. */
	v->doorbells = 0;
	v->submitted = 0;
	for (k = 0; k < 200; k++) {
		for (i = 0; i < 16; i++)
			cmds[i].user_data = k * 16 + i;
		ASSERT_EQ(0, vmm_submit(v, cmds, 16));
		for (i = 0; i < 16; i++) {
			ASSERT_EQ(0, vmm_reap(v, &done));
			ASSERT_EQ(k * 16 + i, done.user_data);
			ASSERT_EQ(0, done.status);
		}
	}
	EXPECT_EQ(3200, v->submitted);
	EXPECT_GE(200, v->doorbells);
	TH_LOG("%llu doorbells for %llu commands",
	       (unsigned long long)v->doorbells,
	       (unsigned long long)v->submitted);
}

/* An interrupt comes when it is asked for, and once. */
TEST_F(instance, interrupt)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_NOP,
				.flags = VGPU_CMD_F_INTERRUPT };
	struct vgpu_completion done;
	struct vmm *v = &self->v;
	int off = -1;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	event_wait(v->events[1], 0);
	ASSERT_EQ(0, vmm_submit(v, &cmd, 1));
	EXPECT_EQ(1, event_wait(v->events[1], 5000));
	EXPECT_EQ(0, event_wait(v->events[1], 50));
	ASSERT_EQ(0, vmm_reap(v, &done));
	/* Kept back while nobody is connected. */
	ASSERT_EQ(0, vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 1, &off, 1));
	ASSERT_EQ(0, vmm_submit(v, &cmd, 1));
	EXPECT_EQ(0, event_wait(v->events[1], 50));
	EXPECT_EQ(2, vmm_read(v, VFIO_PCI_BAR4_REGION_INDEX, VGPU_BAR4_PBA, 4));
	ASSERT_EQ(0, vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 1, &v->events[1], 1));
	EXPECT_EQ(1, event_wait(v->events[1], 5000));
	EXPECT_EQ(0, vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL, 0));
	EXPECT_EQ(-EINVAL, vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 31, v->events, 2));
	EXPECT_EQ(-EINVAL, vmm_irqs(v, VFIO_PCI_INTX_IRQ_INDEX, 0, v->events, 1));
}

static sigjmp_buf bus_jump;

static void on_bus(int sig)
{
	siglongjmp(bus_jump, 1);
}

static bool is_bus(char *p)
{
	bool bus = true;

	signal(SIGBUS, on_bus);
	if (!sigsetjmp(bus_jump, 1)) {
		__atomic_store_n(p, 1, __ATOMIC_SEQ_CST);
		bus = false;
	}
	signal(SIGBUS, SIG_DFL);
	return bus;
}

/* VRAM by commands, by a mapping and by pread, before and after the end. */
TEST_F(instance, vram)
{
	struct vmm *v = &self->v;
	const uint64_t bar = v->at[VFIO_PCI_BAR2_REGION_INDEX];
	uint64_t in, at_in, offset, at;
	char word[8] = { 0 };
	char *p;

	ASSERT_EQ(0, vmm_enable(v));
	ASSERT_EQ(0, vmm_ring(v, VMM_RING));
	ASSERT_EQ(0, vmm_system(v, VMM_BUFFER, MIB, 0, false, &in));
	ASSERT_EQ(0, vmm_map(v, in, MIB, &at_in));
	ASSERT_EQ(0, vmm_block(v, 4096, &offset, &at));	/* not at 0 */
	ASSERT_EQ(0, vmm_block(v, MIB, &offset, &at));
	p = mmap(NULL, VMM_VRAM, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
		 bar);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, VMM_VRAM + 4096, PROT_READ, MAP_SHARED,
				   v->device, bar));
	fill_pattern(v->ram + VMM_BUFFER, MIB, 3);
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_UPLOAD, at, at_in, MIB));
	EXPECT_EQ(0, memcmp(p + offset, v->ram + VMM_BUFFER, MIB));
	fill_pattern(p + offset, MIB, 4);
	ASSERT_EQ(0, vmm_do(v, VGPU_CMD_DOWNLOAD, at_in, at, MIB));
	EXPECT_EQ(0, memcmp(p + offset, v->ram + VMM_BUFFER, MIB));
	ASSERT_EQ(8, pwrite(v->device, "written", 8, bar + offset + 4093));
	EXPECT_EQ(0, memcmp(p + offset + 4093, "written", 8));
	ASSERT_EQ(8, pread(v->device, word, 8, bar + offset + 4093));
	EXPECT_EQ(0, memcmp(word, "written", 8));

	/* Freed memory is zero, mapped or not. */
	ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
	EXPECT_EQ(0, vmm_reg(v, VGPU_REG_USED_LO));
	EXPECT_EQ(0, p[offset + 4093]);
	p[offset] = 42;

	vmm_close_device(v);
	EXPECT_TRUE(is_bus(p + offset));
	EXPECT_TRUE(is_bus(p));
	ASSERT_EQ(0, vmm_open_device(v));
	ASSERT_EQ(8, pread(v->device, word, 8, bar + offset));
	EXPECT_EQ(0, word[0]);
	EXPECT_TRUE(is_bus(p + offset));
	munmap(p, VMM_VRAM);
}

/* A mapping keeps neither an instance nor its memory, and sees no other's. */
TEST_F(instance, removed)
{
	struct vmm *v = &self->v;
	char *p;

	p = mmap(NULL, VMM_VRAM, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
		 v->at[VFIO_PCI_BAR2_REGION_INDEX]);
	ASSERT_NE(MAP_FAILED, p);
	p[0] = 1;
	vmm_let_go(v);
	ASSERT_EQ(0, instance_remove(v->uuid));
	EXPECT_EQ(0, gpu_used(self->drm));
	EXPECT_TRUE(is_bus(p));
	EXPECT_TRUE(is_bus(p + MIB));
	/* Another one of the same name. */
	ASSERT_EQ(0, instance_create(VMM_TYPE, v->uuid));
	EXPECT_TRUE(is_bus(p));
	munmap(p, VMM_VRAM);
}

/* Reset and reopened in the middle of work, time and again. */
TEST_F(instance, reopen)
{
	const uint64_t bytes = 4 * MIB;
	struct vmm *v = &self->v;
	struct vgpu_cmd cmds[32] = { 0 };
	uint64_t in, at_in, offset, at;
	int i, k;

	for (i = 0; i < 12; i++) {
		ASSERT_EQ(0, vmm_enable(v));
		ASSERT_EQ(0, vmm_ring(v, VMM_RING));
		ASSERT_EQ(0, vmm_system(v, VMM_BUFFER, bytes, 0, i & 1, &in));
		ASSERT_EQ(0, vmm_map(v, in, bytes, &at_in));
		ASSERT_EQ(0, vmm_block(v, bytes, &offset, &at));
		for (k = 0; k < 32; k++) {
			cmds[k].opcode = VGPU_CMD_UPLOAD;
			cmds[k].op[0] = at;
			cmds[k].op[1] = at_in;
			cmds[k].op[2] = bytes;
		}
		ASSERT_EQ(0, vmm_submit(v, cmds, 32));
		switch (i % 3) {
		case 0:
			ASSERT_EQ(0, ioctl(v->device, VFIO_DEVICE_RESET));
			break;
		case 1:
			vmm_close_device(v);
			ASSERT_EQ(0, vmm_open_device(v));
			break;
		case 2:	/* function-level reset: the vectors stay */
			ASSERT_EQ(0, vmm_write(v, VFIO_PCI_CONFIG_REGION_INDEX,
					       0x68, 0x8000, 2));
			break;
		}
		/* What was being copied may use its memory for a while. */
		for (k = 0; k < 5000 && vmm_reg(v, VGPU_REG_STATUS) ==
				VGPU_STATUS_BUSY; k++)
			usleep(1000);
		EXPECT_EQ(0, vmm_reg(v, VGPU_REG_STATUS));
		event_wait(v->events[1], 0);
	}
}

/* Who removes an instance that is open asks for it, and waits. */
TEST_F(instance, request)
{
	int event = eventfd(0, EFD_CLOEXEC), status;
	struct vmm *v = &self->v;
	pid_t child;

	ASSERT_EQ(0, vmm_irqs(v, VFIO_PCI_REQ_IRQ_INDEX, 0, &event, 1));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		vmm_let_go(v);
		_exit(instance_remove(v->uuid) ? 1 : 0);
	}
	EXPECT_LT(0, event_wait(event, 20000));
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
	vmm_let_go(v);
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, gpu_used(self->drm));
	close(event);
	/* For the end of the test. */
	ASSERT_EQ(0, instance_create(VMM_TYPE, v->uuid));
}

static int unload(void)
{
	return syscall(SYS_delete_module, "vgpu", O_NONBLOCK) ? -errno : 0;
}

/* What was closed may be let go of a moment later. */
static int unload_soon(void)
{
	int64_t end = after_ms(10000);
	int ret;

	while ((ret = unload()) == -EWOULDBLOCK && now_ns() < end)
		usleep(10000);
	return ret;
}

/* What selftests/vm/run.sh has loaded, as it did. */
static int load(void)
{
	const char *path = getenv("VGPU_MODULE");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, ret;

	if (fd < 0)
		return -ENOENT;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * The module stays while an instance is open or mapped, and takes those with it
 * that nobody uses.
 */
TEST_F(instance, module)
{
	struct vmm *v = &self->v;
	char *p, path[128];

	close(self->drm);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
		 v->at[VFIO_PCI_BAR2_REGION_INDEX]);
	ASSERT_NE(MAP_FAILED, p);
	p[0] = 1;
	vmm_let_go(v);
	EXPECT_EQ(-EWOULDBLOCK, unload());
	EXPECT_TRUE(is_bus(p));
	munmap(p, MIB);
	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s", v->uuid);
	EXPECT_EQ(0, access(path, F_OK));
	ASSERT_EQ(0, unload_soon());
	EXPECT_EQ(-1, access(path, F_OK));

	ASSERT_EQ(0, load());
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	EXPECT_EQ(0, gpu_used(self->drm));
	ASSERT_EQ(0, instance_create(VMM_TYPE, v->uuid));
	ASSERT_EQ(0, vmm_open_iommu(v));
	ASSERT_EQ(0, vmm_dma_map(v, 0, VMM_FIXED));
	ASSERT_EQ(0, vmm_open_device(v));
	ASSERT_EQ(0, vmm_enable(v));
}

TEST_HARNESS_MAIN
