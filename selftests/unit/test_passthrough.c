// SPDX-License-Identifier: MIT
/*
 * The backend passthrough, as far as it needs no kernel: addresses for memory,
 * which functions there are, and binding them, in a sysfs that is made up.
 */
#include "vgpu_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vgpu/vgpu.h>

#include "../fake/vfio.h"
#include "device_util.h"
#include "passthrough.h"

#define PAGE	4096ull

/* Addresses. */

VGPU_TEST(addresses)
{
	struct vgpu_iova v;
	uint64_t at[8], more;
	int i;

	vgpu_iova_init(&v, 16 * PAGE, 24 * PAGE);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, vgpu_iova_take(&v, PAGE, &at[i]));
		EXPECT_EQ((16 + i) * PAGE, at[i]);
	}
	EXPECT_EQ(-ENOSPC, vgpu_iova_take(&v, PAGE, &more));
	vgpu_iova_give(&v, at[1]);
	vgpu_iova_give(&v, at[3]);
	EXPECT_EQ(-ENOSPC, vgpu_iova_take(&v, 2 * PAGE, &more));
	vgpu_iova_give(&v, at[2]);
	ASSERT_EQ(0, vgpu_iova_take(&v, 3 * PAGE, &more));
	EXPECT_EQ(at[1], more);
	vgpu_iova_give(&v, more);
	for (i = 0; i < 8; i++)
		if (i < 1 || i > 3)
			vgpu_iova_give(&v, at[i]);
	EXPECT_EQ(0, v.n);
	ASSERT_EQ(0, vgpu_iova_take(&v, PAGE, &at[0]));
	/* Whoever gives one back does not get it again at once. */
	vgpu_iova_give(&v, at[0]);
	ASSERT_EQ(0, vgpu_iova_take(&v, PAGE, &at[1]));
	EXPECT_NE(at[0], at[1]);
	vgpu_iova_fini(&v);
}

/* Against a map of the pages, at random. */
VGPU_TEST(addresses_at_random)
{
	static uint8_t used[256];
	uint64_t at[64] = { 0 }, bytes[64] = { 0 };
	struct vgpu_iova v;
	uint32_t i, k, n, seed = 1;

	vgpu_iova_init(&v, PAGE, 257 * PAGE);
	for (i = 0; i < 20000; i++) {
		seed = seed * 1664525 + 1013904223;
		k = seed >> 8 & 63;
		if (bytes[k]) {
			vgpu_iova_give(&v, at[k]);
			memset(&used[at[k] / PAGE - 1], 0, bytes[k] / PAGE);
			bytes[k] = 0;
			continue;
		}
		n = 1 + (seed >> 16 & 15);
		if (vgpu_iova_take(&v, n * PAGE, &at[k]))
			continue;
		bytes[k] = n * PAGE;
		ASSERT_LE(PAGE, at[k]);
		ASSERT_GE(257 * PAGE, at[k] + bytes[k]);
		for (n = at[k] / PAGE - 1; n < (at[k] + bytes[k]) / PAGE - 1;
		     n++) {
			ASSERT_EQ(0, used[n]);
			used[n] = 1;
		}
	}
	vgpu_iova_fini(&v);
}

/* A host that is made up. */

static char root[32];
static const char *refuses;	/* a driver that binds nothing */

static char *in_root(const char *path)
{
	static char all[512];

	snprintf(all, sizeof(all), "%s/%s", root, path);
	return all;
}

/* A file with its directories. */
static void put(const char *path, const char *text)
{
	char *all = in_root(path), *c;
	FILE *f;

	for (c = all + strlen(root) + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		mkdir(all, 0755);
		*c = '/';
	}
	f = fopen(all, "w");
	fputs(text, f);
	fclose(f);
}

static void put_of(const char *dir, const char *name, const char *file,
		   const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	put(path, text);
}

#define PCI	"sys/bus/pci/devices"

static void link_to(const char *dir, const char *name, const char *file,
		    const char *to)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	unlink(in_root(path));
	if (to && symlink(to, in_root(path)))
		abort();
}

static void bind_to(const char *address, const char *driver)
{
	char to[256];

	snprintf(to, sizeof(to), "../../drivers/%s", driver);
	link_to(PCI, address, "driver", driver[0] ? to : NULL);
}

/* A function in a group; @group "": in none. */
static void add_function(const char *address, const char *id,
			 const char *class_code, const char *driver,
			 const char *group)
{
	char line[64], to[256];

	snprintf(line, sizeof(line), "0x%.4s\n", id);
	put_of(PCI, address, "vendor", line);
	snprintf(line, sizeof(line), "0x%.4s\n", id + 5);
	put_of(PCI, address, "device", line);
	snprintf(line, sizeof(line), "0x%s\n", class_code);
	put_of(PCI, address, "class", line);
	put_of(PCI, address, "subsystem_device", "0x0002\n");
	put_of(PCI, address, "driver_override", "(null)\n");
	put_of(PCI, address, "resource",
	       "0x00000000c0000000 0x00000000cfffffff 0x000000000014220c\n"
	       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
	       "0x00000000d0000000 0x00000000d0000fff 0x0000000000040200\n");
	bind_to(address, driver);
	if (!group[0])
		return;
	snprintf(to, sizeof(to), "../../../../kernel/iommu_groups/%s", group);
	link_to(PCI, address, "iommu_group", to);
	snprintf(to, sizeof(to), "sys/kernel/iommu_groups/%s/devices", group);
	put_of(to, ".", address, "");
}

/* What the kernel does when that is written. */
static int fake_write(const char *path, const char *text)
{
	const char *file = path + strlen(root) + 1;
	char address[32], driver[32];

	if (sscanf(file, PCI "/%31[^/]/driver_override", address) == 1 &&
	    strstr(file, "driver_override")) {
		put_of(PCI, address, "driver_override",
		       text[0] == '\n' ? "(null)\n" : text);
		return 0;
	}
	if (strstr(file, "/driver/unbind")) {
		bind_to(text, "");
		return 0;
	}
	if (sscanf(file, "sys/bus/pci/drivers/%31[^/]/bind", driver) != 1)
		return -ENOENT;
	if (refuses && !strcmp(refuses, driver))
		return -EINVAL;
	bind_to(text, driver);
	return 0;
}

static struct vgpu_vfio_calls fake_calls = {
	.root = root,
	.find = vgpu_functions_find,
	.write_file = fake_write,
};

static int remove_it(const char *path, const struct stat *st, int flag,
		     struct FTW *ftw)
{
	return remove(path);
}

/* Two GPUs, of which one has a companion, and a bridge. */
static bool make_host(void)
{
	snprintf(root, sizeof(root), "/tmp/vgpu-test.XXXXXX");
	if (!mkdtemp(root))
		return false;
	vgpu_vfio_calls = &fake_calls;
	mkdir(in_root("run"), 0755);
	put("sys/bus/pci/drivers/vfio-pci/new_id", "");
	put("sys/bus/pci/drivers/amdgpu/new_id", "");
	put("sys/bus/pci/drivers/snd_hda_intel/new_id", "");
	add_function("0000:00:01.0", "8086:1901", "060400", "pcieport", "7");
	add_function("0000:01:00.0", "1002:73bf", "030000", "amdgpu", "7");
	add_function("0000:01:00.1", "1002:ab28", "040300", "snd_hda_intel",
		     "7");
	add_function("0000:02:00.0", "10de:2330", "030200", "", "8");
	add_function("0000:03:00.0", "1002:7300", "030000", "amdgpu", "");
	put(PCI "/0000:01:00.0/drm/card0/x", "");
	put(PCI "/0000:01:00.0/drm/renderD128/x", "");
	return true;
}

static void end_host(void)
{
	nftw(root, remove_it, 16, FTW_DEPTH | FTW_PHYS);
}

#define GET(info, address)						\
	ASSERT_EQ(0, vgpu_passthrough_get(address, info))

VGPU_TEST(functions)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };

	ASSERT_TRUE(make_host());
	ASSERT_EQ(0, vgpu_passthrough_next(NULL, &info));
	EXPECT_STREQ("0000:01:00.0", info.address);
	EXPECT_EQ(0x1002, info.vendor_id);
	EXPECT_EQ(0x73bf, info.device_id);
	EXPECT_EQ(0x030000, info.class_code);
	EXPECT_STREQ("amdgpu", info.driver);
	EXPECT_STREQ("renderD128", info.node);
	EXPECT_STREQ("7", info.group);
	EXPECT_EQ(256 << 20, info.bar_bytes[0]);
	EXPECT_EQ(0, info.bar_bytes[1]);
	EXPECT_EQ(4096, info.bar_bytes[2]);
	ASSERT_EQ(3, info.n_members);
	EXPECT_STREQ("0000:01:00.0", info.members[0].address);
	EXPECT_STREQ("0000:00:01.0", info.members[1].address);
	EXPECT_EQ(1, info.members[1].bridge);
	EXPECT_EQ(0, info.viable);
	EXPECT_NE(NULL, strstr(info.reason,
			       "0000:01:00.1 of the same group is bound to snd_hda_intel"));
	ASSERT_EQ(0, vgpu_passthrough_next("0000:01:00.0", &info));
	EXPECT_STREQ("0000:02:00.0", info.address);
	EXPECT_EQ(1, info.viable);
	EXPECT_STREQ("", info.driver);
	ASSERT_EQ(0, vgpu_passthrough_next("0000:02:00.0", &info));
	EXPECT_EQ(0, info.viable);
	EXPECT_NE(NULL, strstr(info.reason, "no IOMMU group"));
	EXPECT_EQ(-ENOENT, vgpu_passthrough_next("0000:03:00.0", &info));
	EXPECT_EQ(-ENODEV, vgpu_passthrough_get("0000:09:00.0", &info));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_get("../../etc", &info));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_get("0000:01:00.8", &info));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_get("0000:01:00.0x", &info));
	info.size = 1;
	EXPECT_EQ(-EINVAL, vgpu_passthrough_get("0000:01:00.0", &info));
	end_host();
}

VGPU_TEST(prepared_and_restored)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };
	char text[256], state[VGPU_SYSFS_PATH];
	int i;

	ASSERT_TRUE(make_host());
	/* Not prepared: there is nothing to restore. */
	EXPECT_EQ(0, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vgpu_passthrough_prepare("0000:01:00.0", 0, text,
						      256)) {
			TH_LOG("%s", text);
		}
		GET(&info, "0000:01:00.0");
		EXPECT_STREQ("vfio-pci", info.driver);
		EXPECT_STREQ("amdgpu", info.previous);
		EXPECT_EQ(1, info.prepared);
	}
	ASSERT_EQ(0, vgpu_passthrough_prepare("0000:01:00.1", 0, text, 256));
	GET(&info, "0000:01:00.0");
	EXPECT_EQ(1, info.viable);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vgpu_passthrough_restore("0000:01:00.0", text,
						      256)) {
			TH_LOG("%s", text);
		}
		GET(&info, "0000:01:00.0");
		EXPECT_STREQ("amdgpu", info.driver);
		EXPECT_EQ(0, info.prepared);
		vgpu_sysfs_path(state, "pci", "0000:01:00.0",
				"driver_override");
		vgpu_sysfs_read(state, text, sizeof(text));
		EXPECT_STREQ("(null)", text);
	}
	/* It had no driver, but was meant for one. */
	put_of(PCI, "0000:02:00.0", "driver_override", "nvidia\n");
	ASSERT_EQ(0, vgpu_passthrough_prepare("0000:02:00.0", 0, text, 256));
	ASSERT_EQ(0, vgpu_passthrough_restore("0000:02:00.0", text, 256));
	GET(&info, "0000:02:00.0");
	EXPECT_STREQ("", info.driver);
	vgpu_sysfs_path(state, "pci", "0000:02:00.0", "driver_override");
	vgpu_sysfs_read(state, text, sizeof(text));
	EXPECT_STREQ("nvidia", text);
	end_host();
}

/* One line that says why, and all is as it was. */
#define REFUSES(error, flags, address, says)				\
do {									\
	char text_[256] = "";						\
									\
	EXPECT_EQ(error, vgpu_passthrough_prepare(address, flags, text_,	\
						  256));		\
	EXPECT_NE(NULL, strstr(text_, says)) {				\
		TH_LOG("\"%s\" does not say \"%s\"", text_, says);	\
	}								\
} while (0)

VGPU_TEST(refused)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };
	char text[256];

	ASSERT_TRUE(make_host());
	REFUSES(-EOPNOTSUPP, 0, "0000:00:01.0", "is a bridge");
	REFUSES(-ENODEV, 0, "0000:03:00.0", "no IOMMU group");
	REFUSES(-ENODEV, 0, "0000:09:00.0", "no PCI function 0000:09:00.0");
	REFUSES(-EINVAL, 0, "gpu0", "no PCI address");
	REFUSES(-EINVAL, 2, "0000:01:00.0", "flags");
	/* The console, and a process that has a node open. */
	put_of(PCI, "0000:01:00.0", "boot_vga", "1\n");
	REFUSES(-EBUSY, 0, "0000:01:00.0", "boot console");
	put_of(PCI, "0000:01:00.0", "boot_vga", "0\n");
	put("proc/4711/fd/x", "");
	link_to("proc", "4711", "fd/5", "/dev/dri/card0");
	REFUSES(-EBUSY, 0, "0000:01:00.0",
		"process 4711 has /dev/dri/card0 of 0000:01:00.0 open");
	GET(&info, "0000:01:00.0");
	EXPECT_STREQ("amdgpu", info.driver);
	EXPECT_EQ(0, info.prepared);
	EXPECT_EQ(0, vgpu_passthrough_prepare("0000:01:00.0",
					      VGPU_PASSTHROUGH_FORCE, text,
					      256));
	EXPECT_EQ(0, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	link_to("proc", "4711", "fd/5", NULL);
	/* The driver does not take it: back to the one before. */
	refuses = "vfio-pci";
	REFUSES(-EIO, 0, "0000:01:00.0", "cannot be bound to vfio-pci");
	GET(&info, "0000:01:00.0");
	EXPECT_STREQ("amdgpu", info.driver);
	EXPECT_EQ(0, info.prepared);
	/* That one does not either: it can be tried again. */
	refuses = NULL;
	ASSERT_EQ(0, vgpu_passthrough_prepare("0000:01:00.0", 0, text, 256));
	/* Not while a virtual machine has it. */
	link_to("proc", "4711", "fd/6", "/dev/vfio/7");
	EXPECT_EQ(-EBUSY, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	EXPECT_NE(NULL, strstr(text, "process 4711 has /dev/vfio/7"));
	link_to("proc", "4711", "fd/6", NULL);
	refuses = "amdgpu";
	EXPECT_EQ(-EIO, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	GET(&info, "0000:01:00.0");
	EXPECT_STREQ("", info.driver);
	EXPECT_EQ(1, info.prepared);
	refuses = NULL;
	/* Somebody has bound it meanwhile. */
	bind_to("0000:01:00.0", "snd_hda_intel");
	EXPECT_EQ(-EBUSY, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	EXPECT_NE(NULL, strstr(text, "snd_hda_intel"));
	bind_to("0000:01:00.0", "");
	EXPECT_EQ(0, vgpu_passthrough_restore("0000:01:00.0", text, 256));
	GET(&info, "0000:01:00.0");
	EXPECT_STREQ("amdgpu", info.driver);
	nftw(in_root("sys/bus/pci/drivers/vfio-pci"), remove_it, 16,
	     FTW_DEPTH | FTW_PHYS);
	REFUSES(-ENODEV, 0, "0000:01:00.0", "modprobe vfio-pci");
	end_host();
}

/* Why the backend has no device, or which. */
#define PROBES(devices_, says)						\
do {									\
	struct vgpu_probe p_;						\
									\
	EXPECT_EQ(!!(devices_),						\
		  vgpu_backend_probe(VGPU_BACKEND_PASSTHROUGH, &p_));	\
	EXPECT_EQ(devices_, p_.devices);				\
	EXPECT_NE(NULL, strstr(p_.reason, says)) {			\
		TH_LOG("\"%s\" does not say \"%s\"", p_.reason, says);	\
	}								\
} while (0)

VGPU_TEST(probed)
{
	struct vgpu_device_options o = {
		.size = sizeof(o), .backend = VGPU_BACKEND_PASSTHROUGH,
	};
	struct vgpu_device *dev;
	char text[256];

	ASSERT_TRUE(make_host());
	o.message = text;
	o.message_bytes = sizeof(text);
	PROBES(0, "this host has none");
	EXPECT_EQ(-ENODEV, vgpu_device_open(&o, &dev));
	EXPECT_NE(NULL, strstr(text, "no vGPU function is bound to vfio-pci"));
	/* Of a foreign GPU only its own driver knows the commands. */
	o.device = "0000:01:00.0";
	EXPECT_EQ(-EOPNOTSUPP, vgpu_device_open(&o, &dev));
	EXPECT_NE(NULL, strstr(text, "is not the function of a vGPU"));
	add_function("0000:05:00.0", "1af4:10f5", "030200", "vgpu", "9");
	PROBES(0, "0000:05:00.0 is bound to vgpu: vgpuctl passthrough prepare 0000:05:00.0");
	o.device = "/sys/bus/pci/devices/0000:05:00.0";
	EXPECT_EQ(-ENODEV, vgpu_device_open(&o, &dev));
	EXPECT_NE(NULL, strstr(text, "0000:05:00.0 is bound to vgpu"));
	bind_to("0000:05:00.0", "vfio-pci");
	PROBES(1, "vGPU function at 0000:05:00.0, by vfio-pci");
	end_host();
}

/* On the stand-in for VFIO. */

static struct vgpu_vfio_calls stand_in;

static int there_and_back(struct vgpu_device *dev, uint64_t at, uint8_t *bytes,
			  uint64_t n)
{
	int ret = device_do(dev, vgpu_command_transfer_to(at, bytes, n));

	if (!ret)
		ret = device_do(dev, vgpu_command_transfer_from(bytes, at, n));
	return ret;
}

/* A bit of everything.  0, or the first error. */
static int everything(void)
{
	struct vgpu_device_options o = {
		.size = sizeof(o), .backend = VGPU_BACKEND_PASSTHROUGH,
		.device = "fake-16",
	};
	static uint8_t bytes[256 << 10];
	struct vgpu_device_ring *ring;
	struct vgpu_device *dev;
	char text[256] = "";
	uint64_t at, moved;
	void *p;
	int ret;

	o.message = text;
	o.message_bytes = sizeof(text);
	ret = vgpu_device_open(&o, &dev);
	if (ret)
		return text[0] ? ret : 1;
	ret = vgpu_device_initialize(dev);
	if (!ret)
		ret = vgpu_device_start(dev);
	if (!ret)
		ret = vgpu_device_alloc(dev, 1 << 20, 0, &at);
	if (!ret)
		ret = there_and_back(dev, at, bytes, sizeof(bytes));
	if (!ret)
		ret = vgpu_device_register(dev, bytes, sizeof(bytes), NULL);
	if (!ret)
		ret = there_and_back(dev, at, bytes, sizeof(bytes));
	if (!ret)
		ret = vgpu_device_unregister(dev, bytes);
	if (!ret)
		ret = vgpu_device_map(dev, at, 1 << 20, &p);
	if (!ret)
		ret = vgpu_device_unmap(dev, at);
	if (!ret)
		ret = vgpu_device_compact(dev, 0, &moved);
	if (!ret)
		ret = vgpu_device_ring_create(dev, NULL, &ring);
	if (!ret)
		ret = vgpu_device_reset(dev);
	vgpu_device_close(dev);
	return ret;
}

VGPU_TEST(driven)
{
	int before = vgpu_test_fds();

	fake_vfio_install();
	EXPECT_EQ(0, everything());
	EXPECT_EQ(0, everything());
	EXPECT_EQ(before, vgpu_test_fds());
}

/* A function that is bound to vfio-pci, in both worlds. */
static int open_in_root(const char *path, int flags)
{
	return stand_in.open(path + strlen(root), flags);
}

VGPU_TEST(looked_at)
{
	struct vgpu_passthrough *dev, *other;
	struct vgpu_vfio_calls both;
	char text[256] = "";
	uint64_t value;
	int fd;

	ASSERT_TRUE(make_host());
	fake_vfio_install();
	stand_in = *vgpu_vfio_calls;
	both = stand_in;
	both.root = root;
	both.open = open_in_root;
	vgpu_vfio_calls = &both;
	add_function("0000:05:00.0", "1af4:10f5", "030200", "vfio-pci", "16");
	EXPECT_EQ(-ENODEV, vgpu_passthrough_open("0000:01:00.0", text, 256,
						 &dev));
	EXPECT_NE(NULL, strstr(text, "is bound to amdgpu, not to vfio-pci"));
	ASSERT_EQ(0, vgpu_passthrough_open("0000:05:00.0", text, 256, &dev)) {
		TH_LOG("%s", text);
	}
	EXPECT_EQ(-EBUSY, vgpu_passthrough_open("0000:05:00.0", text, 256,
						&other));
	EXPECT_NE(NULL, strstr(text, "is in use"));
	EXPECT_EQ(4096, vgpu_passthrough_region_bytes(dev,
						      VGPU_PASSTHROUGH_CONFIG));
	EXPECT_EQ(VGPU_BAR0_BYTES, vgpu_passthrough_region_bytes(dev, 0));
	EXPECT_EQ(0, vgpu_passthrough_region_bytes(dev, 1));
	EXPECT_EQ(0, vgpu_passthrough_region_bytes(dev, 99));
	ASSERT_EQ(0, vgpu_passthrough_read(dev, VGPU_PASSTHROUGH_CONFIG, 0, 4,
					   &value));
	EXPECT_EQ(0x10f51af4, value);
	ASSERT_EQ(0, vgpu_passthrough_write(dev, 0, VGPU_REG_SCRATCH, 4, 77));
	ASSERT_EQ(0, vgpu_passthrough_read(dev, 0, VGPU_REG_SCRATCH, 4,
					   &value));
	EXPECT_EQ(77, value);
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(dev, 0, 2, 4, &value));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(dev, 0, 0, 3, &value));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(dev, 0, VGPU_BAR0_BYTES, 4,
						 &value));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_read(dev, 99, 0, 4, &value));
	ASSERT_EQ(0, vgpu_passthrough_reset(dev));
	ASSERT_EQ(0, vgpu_passthrough_read(dev, 0, VGPU_REG_SCRATCH, 4,
					   &value));
	EXPECT_EQ(0, value);
	fd = eventfd(0, EFD_CLOEXEC);
	EXPECT_EQ(32, vgpu_passthrough_interrupts(dev, VGPU_PASSTHROUGH_MSIX));
	EXPECT_EQ(0, vgpu_passthrough_interrupts(dev, VGPU_PASSTHROUGH_INTX));
	EXPECT_EQ(0, vgpu_passthrough_interrupt_fd(dev, VGPU_PASSTHROUGH_MSIX,
						   fd));
	EXPECT_EQ(-EINVAL, vgpu_passthrough_interrupt_fd(dev,
						VGPU_PASSTHROUGH_INTX, fd));
	vgpu_passthrough_close(dev);
	vgpu_passthrough_close(NULL);
	close(fd);
	end_host();
}

/* Each call fails once: nothing hangs, nothing is left. */
VGPU_TEST(failing)
{
	static const int errors[] = { ENOMEM, EBUSY, EFAULT };
	int before = vgpu_test_fds();
	unsigned int i, n, all;

	fake_vfio_install();
	ASSERT_EQ(0, everything());
	all = fake_vfio.calls;
	EXPECT_LT(10, all);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		for (n = 1; n <= all; n++) {
			fake_vfio.calls = 0;
			fake_vfio.fail = n;
			fake_vfio.error = errors[i];
			/* Memory that cannot be mapped is copied. */
			EXPECT_GE(0, everything()) {
				TH_LOG("call %u, error %d", n, errors[i]);
			}
			EXPECT_EQ(before, vgpu_test_fds()) {
				TH_LOG("call %u, error %d", n, errors[i]);
			}
		}
	}
	fake_vfio.fail = 0;
	EXPECT_EQ(0, everything());
}

TEST_HARNESS_MAIN
