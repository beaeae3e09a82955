// SPDX-License-Identifier: MIT
/*
 * Every ioctl of the device with what it must refuse: short structures, flags
 * that do not exist, indices beyond the end, pointers to nowhere.
 */
#include "vfio_util.h"

FIXTURE(ioctls) {
	struct vmm v;
};

FIXTURE_SETUP(ioctls)
{
	ASSERT_EQ(0, vmm_open(&self->v, 4));
}

FIXTURE_TEARDOWN(ioctls)
{
	EXPECT_EQ(0, vmm_close(&self->v));
}

static int do_ioctl(struct vmm *v, unsigned long nr, void *arg)
{
	return ioctl(v->device, nr, arg) ? -errno : 0;
}

TEST_F(ioctls, info)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const uint32_t least = 16;
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < least; i++) {
		info.argsz = i;
		EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_INFO, &info));
	}
	info.argsz = least;
	memset((char *)&info + least, 0x5a, sizeof(info) - least);
	EXPECT_EQ(0, do_ioctl(v, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, info.flags);
	/* No more than that is written. */
	for (i = least; i < sizeof(info); i++)
		EXPECT_EQ(0x5a, ((char *)&info)[i]);
	info.argsz = 4096;
	EXPECT_EQ(0, do_ioctl(v, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(-EFAULT, do_ioctl(v, VFIO_DEVICE_GET_INFO, NULL));
}

TEST_F(ioctls, region_info)
{
	struct vfio_region_info info = { 0 };
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < sizeof(info); i++) {
		info.argsz = i;
		EXPECT_EQ(-EINVAL,
			  do_ioctl(v, VFIO_DEVICE_GET_REGION_INFO, &info));
	}
	info.argsz = sizeof(info);
	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		info.index = i;
		EXPECT_EQ(0, do_ioctl(v, VFIO_DEVICE_GET_REGION_INFO, &info));
	}
	info.index = VFIO_PCI_NUM_REGIONS;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_REGION_INFO, &info));
	info.index = ~0u;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT_EQ(-EFAULT, do_ioctl(v, VFIO_DEVICE_GET_REGION_INFO, NULL));
}

TEST_F(ioctls, irq_info)
{
	static const uint32_t counts[] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = 0,
		[VFIO_PCI_MSI_IRQ_INDEX] = 0,
		[VFIO_PCI_MSIX_IRQ_INDEX] = VGPU_MSIX_VECTORS,
		[VFIO_PCI_REQ_IRQ_INDEX] = 1,
	};
	struct vfio_irq_info info = { 0 };
	struct vmm *v = &self->v;
	uint32_t i;

	for (i = 0; i < sizeof(info); i++) {
		info.argsz = i;
		EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO, &info));
	}
	info.argsz = sizeof(info);
	for (i = 0; i < VFIO_PCI_NUM_IRQS; i++) {
		info.index = i;
		/* There is no error reporting, which VMMs take that for. */
		if (i == VFIO_PCI_ERR_IRQ_INDEX) {
			EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO,
						    &info));
			continue;
		}
		ASSERT_EQ(0, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO, &info));
		EXPECT_EQ(counts[i], info.count);
		EXPECT_EQ(counts[i] ? VFIO_IRQ_INFO_EVENTFD |
				      VFIO_IRQ_INFO_NORESIZE : 0, info.flags);
	}
	info.index = VFIO_PCI_NUM_IRQS;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO, &info));
	info.index = ~0u;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO, &info));
	EXPECT_EQ(-EFAULT, do_ioctl(v, VFIO_DEVICE_GET_IRQ_INFO, NULL));
}

/* No feature is there, to get, to set or to probe. */
TEST_F(ioctls, feature)
{
	static const uint32_t how[] = {
		VFIO_DEVICE_FEATURE_GET, VFIO_DEVICE_FEATURE_SET,
		VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET,
		VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET,
		VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
		VFIO_DEVICE_FEATURE_SET,
	};
	struct {
		struct vfio_device_feature head;
		uint64_t data[8];
	} f = { .head = { .argsz = sizeof(f) } };
	struct vmm *v = &self->v;
	uint32_t i, k;

	for (k = 0; k < 16; k++)
		for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
			f.head.flags = how[i] | k;
			EXPECT_EQ(-ENOTTY,
				  do_ioctl(v, VFIO_DEVICE_FEATURE, &f)) {
				TH_LOG("feature %u, %#x", k, how[i]);
			}
		}
	f.head.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_FEATURE, &f));
	f.head.flags = VFIO_DEVICE_FEATURE_GET | 1u << 20;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_FEATURE, &f));
	f.head.flags = VFIO_DEVICE_FEATURE_PROBE;
	f.head.argsz = 7;
	EXPECT_EQ(-EINVAL, do_ioctl(v, VFIO_DEVICE_FEATURE, &f));
	EXPECT_EQ(-EFAULT, do_ioctl(v, VFIO_DEVICE_FEATURE, NULL));
}

/* What VFIO knows and this device does not have, and what is nobody's. */
TEST_F(ioctls, unknown)
{
	static const unsigned long none[] = {
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET,
		VFIO_DEVICE_QUERY_GFX_PLANE, VFIO_DEVICE_GET_GFX_DMABUF,
		_IO(VFIO_TYPE, VFIO_BASE + 63), _IO('x', 0), 0,
	};
	struct vmm *v = &self->v;
	char buf[256] = { 0 };
	uint32_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		EXPECT_EQ(-ENOTTY, do_ioctl(v, none[i], buf)) {
			TH_LOG("ioctl %u", i);
		}
		EXPECT_EQ(-ENOTTY, do_ioctl(v, none[i], NULL));
	}
	EXPECT_EQ(0, do_ioctl(v, VFIO_DEVICE_RESET, NULL));
}

TEST_HARNESS_MAIN
