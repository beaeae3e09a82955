// SPDX-License-Identifier: MIT
/*
 * A GPU that is no vGPU, by the library's calls for such ones: VGPU_TEST_GPU is the
 * address of QEMU's bochs-display, bound to vfio-pci.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vgpu/passthrough.h>

#include "kselftest_harness.h"

/* QEMU, docs/specs/standard-vga.rst */
#define BOCHS_MEMORY		0
#define BOCHS_REGISTERS		2
#define BOCHS_ID		0x500
#define BOCHS_XRES		0x502
#define BOCHS_ID_VALUE		0xb0c5

FIXTURE(foreign) {
	struct vgpu_passthrough *dev;
};

FIXTURE_SETUP(foreign)
{
	char text[256];

	ASSERT_EQ(0, vgpu_passthrough_open(getenv("VGPU_TEST_GPU"), text,
					   sizeof(text), &self->dev)) {
		TH_LOG("%s", text);
	}
}

FIXTURE_TEARDOWN(foreign)
{
	vgpu_passthrough_close(self->dev);
}

TEST_F(foreign, config)
{
	const uint32_t config = VGPU_PASSTHROUGH_CONFIG;
	uint64_t bytes = vgpu_passthrough_region_bytes(self->dev, config);
	uint64_t value, status;

	EXPECT_LE(256, bytes);
	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, config, 0, 4, &value));
	EXPECT_EQ(0x11111234, value);
	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, config, 0xb, 1, &value));
	EXPECT_EQ(3, value);
	/* The interrupt line is a byte for the system's use. */
	ASSERT_EQ(0, vgpu_passthrough_write(self->dev, config, 0x3c, 1, 0x5a));
	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, config, 0x3c, 1, &value));
	EXPECT_EQ(0x5a, value);
	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, config, 6, 2, &status));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(self->dev, config, 1, 2, &value));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(self->dev, config, bytes, 4,
						 &value));
}

TEST_F(foreign, regions)
{
	uint64_t bytes = vgpu_passthrough_region_bytes(self->dev, BOCHS_MEMORY);
	uint64_t value, i;

	ASSERT_LE(1 << 20, bytes);
	for (i = 0; i < bytes; i += bytes / 16)
		ASSERT_EQ(0, vgpu_passthrough_write(self->dev, BOCHS_MEMORY, i,
						    8, ~i));
	for (i = 0; i < bytes; i += bytes / 16) {
		ASSERT_EQ(0, vgpu_passthrough_read(self->dev, BOCHS_MEMORY, i, 8,
						   &value));
		EXPECT_EQ(~i, value);
	}
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(self->dev, BOCHS_MEMORY, bytes,
						 8, &value));
	EXPECT_EQ(0, vgpu_passthrough_region_bytes(self->dev, 1));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(self->dev, 1, 0, 4, &value));
}

TEST_F(foreign, registers)
{
	const uint32_t bar = BOCHS_REGISTERS;
	uint64_t value;

	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, bar, BOCHS_ID, 2, &value));
	EXPECT_EQ(BOCHS_ID_VALUE, value);
	ASSERT_EQ(0, vgpu_passthrough_write(self->dev, bar, BOCHS_XRES, 2, 640));
	ASSERT_EQ(0, vgpu_passthrough_read(self->dev, bar, BOCHS_XRES, 2, &value));
	EXPECT_EQ(640, value);
}

/* It has none but, by QEMU's board, perhaps a pin. */
TEST_F(foreign, interrupts)
{
	static const uint32_t kinds[] = { VGPU_PASSTHROUGH_INTX,
					  VGPU_PASSTHROUGH_MSI,
					  VGPU_PASSTHROUGH_MSIX };
	int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t n = vgpu_passthrough_interrupts(self->dev, kinds[i]);

		EXPECT_EQ(n ? 0 : -EINVAL,
			  vgpu_passthrough_interrupt_fd(self->dev, kinds[i], fd));
		if (n)
			EXPECT_EQ(0, vgpu_passthrough_interrupt_fd(self->dev,
							kinds[i], -1));
	}
	close(fd);
}

/* On the root bus, without a reset of its own. */
TEST_F(foreign, reset)
{
	EXPECT_EQ(-EOPNOTSUPP, vgpu_passthrough_reset(self->dev));
}

TEST_HARNESS_MAIN
