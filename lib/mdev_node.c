// SPDX-License-Identifier: MIT
/*
 * Which render nodes are vgpu.ko's, and opening one of them.
 *
 * Nodes of other drivers are told by sysfs and not opened: that would wake
 * their hardware.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include "mdev.h"

/* The largest argument of a call. */
#define VGPU_MDEV_ARG_BYTES	128

/* Whether sysfs says that a driver of another name has that node. */
static bool is_another_driver(const char *path)
{
	char link[128], target[PATH_MAX], *name;
	ssize_t len;

	name = strrchr(path, '/');
	snprintf(link, sizeof(link), "/sys/class/drm/%.64s/device/driver",
		 name ? name + 1 : path);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = 0;
	name = strrchr(target, '/');
	return strncmp(name ? name + 1 : target, "vgpu", 4);
}

static int by_path(const void *a, const void *b)
{
	const struct vgpu_mdev_node *x = a, *y = b;

	return strverscmp(x->path, y->path);
}

static uint32_t real_nodes(struct vgpu_mdev_node *nodes, uint32_t max)
{
	drmDevicePtr devices[VGPU_MDEV_NODES];
	uint32_t found = 0;
	int i, n;

	n = drmGetDevices2(0, devices, VGPU_MDEV_NODES);
	for (i = 0; i < n; i++) {
		const drmDevice *dev = devices[i];
		struct vgpu_mdev_node *node = &nodes[found];

		if (found == max ||
		    !(dev->available_nodes & 1 << DRM_NODE_RENDER) ||
		    is_another_driver(dev->nodes[DRM_NODE_RENDER]))
			continue;
		memset(node, 0, sizeof(*node));
		snprintf(node->path, sizeof(node->path), "%s",
			 dev->nodes[DRM_NODE_RENDER]);
		if (dev->bustype == DRM_BUS_PCI)
			snprintf(node->pci, sizeof(node->pci),
				 "%04x:%02x:%02x.%x", dev->businfo.pci->domain,
				 dev->businfo.pci->bus, dev->businfo.pci->dev,
				 dev->businfo.pci->func & 7u);
		found++;
	}
	if (n > 0)
		drmFreeDevices(devices, n);
	qsort(nodes, found, sizeof(nodes[0]), by_path);
	return found;
}

static int real_open(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC);
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static void *real_mmap(void *at, size_t bytes, int prot, int fd, off_t offset)
{
	return mmap(at, bytes, prot, MAP_SHARED | (at ? MAP_FIXED : 0), fd,
		    offset);
}

static const struct vgpu_mdev_calls real_calls = {
	.nodes = real_nodes,
	.open = real_open,
	.close = close,
	.ioctl = real_ioctl,
	.mmap = real_mmap,
	.munmap = munmap,
};

const struct vgpu_mdev_calls *vgpu_mdev_calls = &real_calls;

/*
 * As drmIoctl(), but that a call which a signal has interrupted is made again
 * with what it was made with, whatever it has written there.
 */
int vgpu_mdev_call_fd(int fd, unsigned long request, void *arg)
{
	char kept[VGPU_MDEV_ARG_BYTES];
	size_t bytes = _IOC_SIZE(request);

	vgpu_assert(bytes <= sizeof(kept));
	memcpy(kept, arg, bytes);
	while (vgpu_mdev_calls->ioctl(fd, request, arg)) {
		if (errno != EINTR)
			return -errno;
		memcpy(arg, kept, bytes);
	}
	return 0;
}

int vgpu_mdev_query_fd(int fd, uint32_t what, void *to, size_t bytes)
{
	struct drm_vgpu_query query = {
		.what = what,
		.size = (uint32_t)bytes,
		.pointer = (uintptr_t)to,
	};

	return vgpu_mdev_call_fd(fd, DRM_IOCTL_VGPU_QUERY, &query);
}

/* What a node is.  -ENOENT: another driver's, whose @name is given. */
static int identify(int fd, struct vgpu_device_info *info, char name[16])
{
	char desc[64] = "";
	struct drm_version v = {
		.name_len = 15, .name = name,
		.desc_len = sizeof(desc) - 1, .desc = desc,
	};
	struct drm_vgpu_info gpu;
	int ret;

	memset(name, 0, 16);
	ret = vgpu_mdev_call_fd(fd, DRM_IOCTL_VERSION, &v);
	if (ret)
		return ret;
	if (strcmp(name, "vgpu"))
		return -ENOENT;
	ret = vgpu_mdev_query_fd(fd, DRM_VGPU_QUERY_INFO, &gpu, sizeof(gpu));
	if (ret)
		return ret;
	if (gpu.version >> 16 != VGPU_VERSION_MAJOR)
		return -EPROTO;
	vgpu_device_info_init(info);
	snprintf(info->id, sizeof(info->id), "gpu%u", gpu.gpu);
	snprintf(info->name, sizeof(info->name), "%s",
		 desc[0] ? desc : "vgpu GPU");
	snprintf(info->driver, sizeof(info->driver), "vgpu.ko %d.%d.%d",
		 v.version_major, v.version_minor, v.version_patchlevel);
	info->type = VGPU_DEVICE_TYPE_SOFTWARE;
	info->vendor_id = VGPU_PCI_VENDOR;
	info->device_id = VGPU_PCI_DEVICE;
	return 0;
}

/* What became of looking for a node. */
struct search {
	const char *device;
	struct vgpu_message *msg;
	int error;	/* of the first node that could not be used */
	uint32_t seen;	/* nodes of vgpu.ko */
};

static int failed(struct search *s, const char *path, int error,
		  const char *driver)
{
	if (!s->error)
		s->error = error;
	switch (error) {
	case -EACCES:
	case -EPERM:
		return vgpu_message_set(s->msg, error,
					"backend mdev: no permission to open %s: be in the group that has it (render, mostly)",
					path);
	case -ENOENT:
		if (driver[0])
			return vgpu_message_set(s->msg, error,
						"backend mdev: %s belongs to driver %s, not to vgpu",
						path, driver);
		return vgpu_message_set(s->msg, error,
					"backend mdev: there is no node %s",
					path);
	case -EPROTO:
		return vgpu_message_set(s->msg, -EOPNOTSUPP,
					"backend mdev: the module at %s has another version of the interface than this library, %u: update the older one",
					path, VGPU_VERSION_MAJOR);
	case -ENOTTY:
		return vgpu_message_set(s->msg, error,
					"backend mdev: %s is no node of a GPU",
					path);
	default:
		return vgpu_message_set(s->msg, error,
					"backend mdev: cannot use %s: %s", path,
					strerror(-error));
	}
}

/* Opens a node.  An fd, or an error and a line about it. */
static int node_open(struct search *s, const char *path,
		     struct vgpu_device_info *info)
{
	char driver[16] = "";
	int fd, ret;

	fd = vgpu_mdev_calls->open(path);
	if (fd < 0)
		return failed(s, path, -errno, driver);
	ret = identify(fd, info, driver);
	if (!ret)
		return fd;
	vgpu_mdev_calls->close(fd);
	/* Whatever that is, nobody has asked for it. */
	if (ret == -ENOENT && (!s->device || s->device[0] != '/'))
		return ret;
	return failed(s, path, ret, driver);
}

static bool wanted(const struct search *s, const struct vgpu_mdev_node *node,
		   const struct vgpu_device_info *info)
{
	return !s->device || !strcmp(s->device, info->id) ||
	       !strcmp(s->device, node->pci);
}

/* The PCI address of a node that was opened. */
static void set_pci(struct vgpu_device_info *info, const char *path)
{
	struct vgpu_mdev_node nodes[VGPU_MDEV_NODES];
	uint32_t i, n;

	n = vgpu_mdev_calls->nodes(nodes, VGPU_MDEV_NODES);
	for (i = 0; i < n; i++)
		if (!strcmp(nodes[i].path, path))
			snprintf(info->pci_address, sizeof(info->pci_address),
				 "%s", nodes[i].pci);
}

static int search_nodes(struct search *s, struct vgpu_device_info *info)
{
	struct vgpu_mdev_node nodes[VGPU_MDEV_NODES];
	uint32_t i, n;
	int fd;

	n = vgpu_mdev_calls->nodes(nodes, VGPU_MDEV_NODES);
	for (i = 0; i < n; i++) {
		fd = node_open(s, nodes[i].path, info);
		if (fd < 0)
			continue;
		s->seen++;
		if (wanted(s, &nodes[i], info)) {
			set_pci(info, nodes[i].path);
			return fd;
		}
		vgpu_mdev_calls->close(fd);
	}
	if (s->seen)
		return vgpu_message_set(s->msg, -ENOENT,
					"backend mdev: there is no device \"%.64s\": name it as gpu0, by its PCI address, or by the path of its node",
					s->device);
	/* That of a node that could not be used says more. */
	if (s->error)
		return s->error == -EPROTO ? -EOPNOTSUPP : s->error;
	return vgpu_message_set(s->msg, -ENODEV,
				"backend mdev: no render node of driver vgpu: load the module (modprobe vgpu)");
}

/* The node that @device means: an fd, or an error and a line about it. */
int vgpu_mdev_node_open(const char *device, struct vgpu_device_info *info,
			struct vgpu_message *msg)
{
	struct search s = { .device = device, .msg = msg };
	int fd;

	if (!device || device[0] != '/')
		return search_nodes(&s, info);
	fd = node_open(&s, device, info);
	if (fd >= 0)
		set_pci(info, device);
	return fd;
}

void vgpu_mdev_count(struct vgpu_probe *p)
{
	struct vgpu_mdev_node nodes[VGPU_MDEV_NODES];
	struct vgpu_device_info info;
	struct vgpu_message msg;
	struct search s = { .msg = &msg };
	uint32_t i, n;
	int fd;

	vgpu_message_init(&msg);
	n = vgpu_mdev_calls->nodes(nodes, VGPU_MDEV_NODES);
	for (i = 0; i < n; i++) {
		fd = node_open(&s, nodes[i].path, &info);
		if (fd < 0)
			continue;
		vgpu_mdev_calls->close(fd);
		if (!p->devices++)
			snprintf(p->reason, sizeof(p->reason),
				 "%.60s at %.63s, by %.40s", info.name,
				 nodes[i].pci[0] ? nodes[i].pci :
						   nodes[i].path, info.driver);
	}
	if (p->devices)
		goto out;
	if (s.error)
		snprintf(p->reason, sizeof(p->reason), "%.*s",
			 (int)sizeof(p->reason) - 1,
			 msg.text + strlen("backend mdev: "));
	else
		snprintf(p->reason, sizeof(p->reason),
			 "no render node of driver vgpu: load the module (modprobe vgpu)");
out:
	vgpu_message_fini(&msg);
}
