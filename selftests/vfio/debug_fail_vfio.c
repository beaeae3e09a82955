// SPDX-License-Identifier: MIT
/*
 * Every allocation, and every copy from or to the VMM, that a call of the VFIO
 * device makes fails once, and so does what the device's own thread allocates for
 * the guest: pinning, rings, VRAM.  Each time there is an errno for it, and after
 * a reset nothing is left.  Needs a kernel with fault injection.
 *
 * vm: fresh gpus=1 vram=3G
 */
/* BAR2 has a sparse-mmap capability. */
#define VMM_TYPE	"vgpu-768m"
#define VMM_VRAM	(768 * MIB)
#include <dirent.h>
#include <sys/syscall.h>

#include "../drm/fail_nth.h"
#include "vfio_util.h"

#define MOST	2000

static int act_open(struct vmm *v)
{
	int ret;

	vmm_close_device(v);
	ret = vmm_open_device(v);
	if (ret && v->device >= 0)
		vmm_close_device(v);
	return ret;
}

static int act_region_info(struct vmm *v)
{
	struct {
		struct vfio_region_info info;
		char caps[64];
	} r = { .info = { .argsz = sizeof(r),
			  .index = VFIO_PCI_BAR2_REGION_INDEX } };

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r))
		return -errno;
	return r.info.cap_offset ? 0 : -EPROTO;
}

static int act_irqs(struct vmm *v)
{
	int ret = vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, v->events, 2);

	if (!ret)
		ret = vmm_irqs(v, VFIO_PCI_REQ_IRQ_INDEX, 0, v->events, 1);
	return ret;
}

static int act_doorbell(struct vmm *v)
{
	struct vfio_device_ioeventfd args = {
		.argsz = sizeof(args),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = v->at[VFIO_PCI_BAR0_REGION_INDEX] +
			  VGPU_BAR0_DOORBELLS,
		.data = 1,
		.fd = v->events[0],
	};

	if (ioctl(v->device, VFIO_DEVICE_IOEVENTFD, &args))
		return -errno;
	args.fd = -1;
	/* It may be this one that fails. */
	if (ioctl(v->device, VFIO_DEVICE_IOEVENTFD, &args) &&
	    ioctl(v->device, VFIO_DEVICE_IOEVENTFD, &args))
		return -errno;
	return 0;
}

/*
 * VRAM by pwrite, where nothing was, each time: what has been written stays.
 * The page is there already, so that it is not a fault of ours that fails.
 */
static int act_vram(struct vmm *v)
{
	static char page[4096] = { 1 };
	static uint32_t times;
	uint64_t at = 64 * MIB + times++ * 4 * MIB;
	ssize_t n = pwrite(v->device, page, sizeof(page),
			   v->at[VFIO_PCI_BAR2_REGION_INDEX] + at);

	return n == (ssize_t)sizeof(page) ? 0 : -errno;
}

static int act_map(struct vmm *v)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED,
		       v->device, v->at[VFIO_PCI_BAR2_REGION_INDEX]);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, 65536);
	return 0;
}

/* What is done by the device's thread. */

static int act_enable(struct vmm *v)
{
	int ret = vmm_enable(v);

	return ret ? -(int)vmm_reg(v, VGPU_REG_ERR_STATUS) : 0;
}

static int act_pin(struct vmm *v)
{
	uint64_t object;

	/* A call for each page, because they are in reverse. */
	return vmm_system(v, VMM_BUFFER, 65536, 0, true, &object);
}

static int act_ring(struct vmm *v)
{
	return vmm_ring(v, VMM_RING);
}

static int act_copy(struct vmm *v)
{
	uint64_t in, at_in, offset, at;
	int ret;

	ret = vmm_ring(v, VMM_RING);
	if (!ret)
		ret = vmm_system(v, VMM_BUFFER, 65536, 0, false, &in);
	if (!ret)
		ret = vmm_map(v, in, 65536, &at_in);
	if (!ret)
		ret = vmm_block(v, 65536, &offset, &at);
	return ret ? ret : vmm_do(v, VGPU_CMD_UPLOAD, at, at_in, 65536);
}

FIXTURE(fail) {
	struct vmm v;
	int drm;
};

/* @thread: it is the device's thread that fails; @enabled: with a queue. */
FIXTURE_VARIANT(fail) {
	int (*act)(struct vmm *v);
	bool thread;
	bool enabled;
	int least;
};

#define ACT(name, t, e, n)						\
	FIXTURE_VARIANT_ADD(fail, name) {				\
		.act = act_##name, .thread = t, .enabled = e, .least = n }

ACT(open, false, false, 10);
ACT(region_info, false, false, 3);
ACT(irqs, false, false, 4);
ACT(doorbell, false, false, 3);
ACT(vram, false, false, 2);
ACT(map, false, false, 1);
ACT(enable, true, false, 3);
ACT(pin, true, true, 4);
ACT(ring, true, true, 4);
ACT(copy, true, true, 6);

FIXTURE_SETUP(fail)
{
	ASSERT_TRUE(fail_arm());
	self->drm = node_open(0);
	ASSERT_LE(0, self->drm);
	ASSERT_EQ(0, vmm_open(&self->v, 10));
}

FIXTURE_TEARDOWN(fail)
{
	if (self->v.device >= 0)
		vmm_close_device(&self->v);
	EXPECT_EQ(0, locked_kib());
	EXPECT_EQ(0, vmm_close(&self->v));
	EXPECT_EQ(0, gpu_used(self->drm));
	close(self->drm);
}

/* The thread of the device that this process has opened, or -1. */
static long device_thread(void)
{
	char path[300], want[32], name[32];
	struct dirent *d;
	DIR *dir = opendir("/proc");
	long tid = -1;

	snprintf(want, sizeof(want), "-%d\n", getpid());
	while (dir && tid < 0 && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		if (d->d_name[0] < '0' || d->d_name[0] > '9' ||
		    read_file(path, name, sizeof(name)))
			continue;
		if (!strncmp(name, "vgpu", 4) && strstr(name, want))
			tid = atol(d->d_name);
	}
	if (dir)
		closedir(dir);
	return tid;
}

/* The errnos of VFIO and of the device that a shortage may have. */
static bool is_shortage(int ret)
{
	return !ret || ret == -ENOMEM || ret == -ENOSPC || ret == -EFAULT;
}

/* As it was: nothing of the guest, no eventfds. */
static int renew(struct vmm *v, bool enabled)
{
	int ret = 0;

	if (v->device < 0)
		ret = vmm_open_device(v);
	if (!ret && ioctl(v->device, VFIO_DEVICE_RESET))
		ret = -errno;
	if (!ret && locked_kib())
		ret = -EBUSY;
	if (!ret && vmm_reg(v, VGPU_REG_USED_LO))
		ret = -EUCLEAN;
	if (!ret)
		ret = vmm_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, 0, v->events, 2);
	event_wait(v->events[0], 0);
	event_wait(v->events[1], 0);
	return ret || !enabled ? ret : vmm_enable(v);
}

TEST_F_TIMEOUT(fail, each, 600)
{
	struct vmm *v = &self->v;
	int n, ret = 0, fd;
	bool reached;

	fd = fail_open(variant->thread ? device_thread() :
					 syscall(SYS_gettid));
	ASSERT_LE(0, fd);
	for (n = 1; n < MOST; n++) {
		ASSERT_EQ(0, renew(v, variant->enabled)) {
			TH_LOG("after allocation %d", n - 1);
		}
		fail_set(fd, n);
		ret = variant->act(v);
		reached = fail_reached(fd);
		if (!reached)
			break;
		EXPECT_TRUE(is_shortage(ret)) {
			TH_LOG("allocation %d: %s", n, strerror(-ret));
		}
	}
	/* Nothing fails any more: it works. */
	EXPECT_EQ(0, ret);
	TH_LOG("%d allocations failed", n - 1);
	/* If it makes none, this has tested nothing. */
	EXPECT_LE(variant->least, n - 1);
	close(fd);
}

TEST_HARNESS_MAIN
