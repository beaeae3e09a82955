// SPDX-License-Identifier: MIT
/*
 * Looking at a PCI function that is bound to vfio-pci: regions, interrupts,
 * reset.
 */
#include <stdio.h>

#include "passthrough_pci.h"

/**
 * struct vgpu_passthrough - a function that is open
 * @vfio: how it is reached
 * @regions: by VGPU_PASSTHROUGH_*
 */
struct vgpu_passthrough {
	struct vgpu_vfio vfio;
	struct vgpu_vfio_region regions[VGPU_PASSTHROUGH_REGIONS];
};

_Static_assert(!(VFIO_PCI_CONFIG_REGION_INDEX - VGPU_PASSTHROUGH_CONFIG) &&
	       !(VFIO_PCI_ROM_REGION_INDEX - VGPU_PASSTHROUGH_ROM) &&
	       !(VFIO_PCI_MSIX_IRQ_INDEX - VGPU_PASSTHROUGH_MSIX),
	       "numbers are VFIO's");

static void read_regions(struct vgpu_passthrough *dev)
{
	struct vfio_region_info info;
	uint32_t i;

	for (i = 0; i < VGPU_PASSTHROUGH_REGIONS; i++) {
		memset(&info, 0, sizeof(info));
		info.argsz = sizeof(info);
		info.index = i;
		if (vgpu_vfio_call(dev->vfio.device,
				   VFIO_DEVICE_GET_REGION_INFO, &info))
			continue;
		dev->regions[i].at = info.offset;
		dev->regions[i].bytes = info.size;
	}
}

static int open_message(struct vgpu_passthrough *dev, const char *address,
			struct vgpu_message *msg)
{
	struct vgpu_passthrough_info info = { .size = sizeof(info) };
	struct vgpu_function f = { .instance = false };
	int ret;

	ret = vgpu_passthrough_get(address, &info);
	if (ret)
		return vgpu_message_set(msg, -ENODEV,
					"there is no PCI function %.32s",
					address);
	if (strcmp(info.driver, "vfio-pci"))
		return vgpu_message_set(msg, -ENODEV,
					"%s is bound to %s, not to vfio-pci: vgpuctl passthrough prepare %s",
					address, info.driver[0] ? info.driver :
								  "no driver",
					address);
	memcpy(f.name, info.address, sizeof(info.address));
	memcpy(f.group, info.group, sizeof(f.group) - 1);
	return vgpu_vfio_attach(&dev->vfio, &f, msg);
}

int vgpu_passthrough_open(const char *address, char *message, size_t bytes,
			  struct vgpu_passthrough **dev)
{
	struct vgpu_passthrough *d = calloc(1, sizeof(*d));
	struct vgpu_message msg;
	int ret;

	if (!d)
		return -ENOMEM;
	vgpu_message_init(&msg);
	ret = open_message(d, address, &msg);
	if (ret) {
		free(d);
		if (message && bytes)
			snprintf(message, bytes, "%s", msg.text);
	} else {
		read_regions(d);
		*dev = d;
	}
	vgpu_message_fini(&msg);
	return ret;
}

void vgpu_passthrough_close(struct vgpu_passthrough *dev)
{
	if (!dev)
		return;
	vgpu_vfio_close(&dev->vfio);
	free(dev);
}

uint64_t vgpu_passthrough_region_bytes(struct vgpu_passthrough *dev,
				       uint32_t region)
{
	return region < VGPU_PASSTHROUGH_REGIONS ? dev->regions[region].bytes : 0;
}

/* Where in the device's file; -EINVAL. */
static int64_t place(struct vgpu_passthrough *dev, uint32_t region,
		     uint64_t offset, uint32_t bytes)
{
	uint64_t all = vgpu_passthrough_region_bytes(dev, region);

	if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) ||
	    offset % bytes || offset >= all || bytes > all - offset)
		return -EINVAL;
	return (int64_t)(dev->regions[region].at + offset);
}

int vgpu_passthrough_read(struct vgpu_passthrough *dev, uint32_t region,
			  uint64_t offset, uint32_t bytes, uint64_t *value)
{
	int64_t at = place(dev, region, offset, bytes);

	if (at < 0)
		return (int)at;
	*value = 0;
	return vgpu_vfio_calls->pread(dev->vfio.device, value, bytes, at) ==
	       bytes ? 0 : -EIO;
}

int vgpu_passthrough_write(struct vgpu_passthrough *dev, uint32_t region,
			   uint64_t offset, uint32_t bytes, uint64_t value)
{
	int64_t at = place(dev, region, offset, bytes);

	if (at < 0)
		return (int)at;
	return vgpu_vfio_calls->pwrite(dev->vfio.device, &value, bytes, at) ==
	       bytes ? 0 : -EIO;
}

uint32_t vgpu_passthrough_interrupts(struct vgpu_passthrough *dev,
				     uint32_t kind)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = kind };

	if (kind > VGPU_PASSTHROUGH_MSIX ||
	    vgpu_vfio_call(dev->vfio.device, VFIO_DEVICE_GET_IRQ_INFO, &info))
		return 0;
	return info.count;
}

int vgpu_passthrough_interrupt_fd(struct vgpu_passthrough *dev, uint32_t kind,
				  int fd)
{
	uint32_t i, n = vgpu_passthrough_interrupts(dev, kind);
	struct vfio_irq_set *set;
	int ret;

	if (!n)
		return -EINVAL;
	set = calloc(1, sizeof(*set) + n * sizeof(int32_t));
	if (!set)
		return -ENOMEM;
	set->argsz = sizeof(*set);
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE;
	set->index = kind;
	/* No interrupts and no data: that kind is off. */
	if (fd >= 0) {
		set->argsz += n * sizeof(int32_t);
		set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			     VFIO_IRQ_SET_DATA_EVENTFD;
		set->count = n;
		for (i = 0; i < n; i++)
			memcpy(set->data + i * sizeof(int32_t), &fd,
			       sizeof(int32_t));
	}
	ret = vgpu_vfio_call(dev->vfio.device, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	/* VFIO's word for a kind beside which another one is on. */
	return ret == -EINVAL ? -EBUSY : ret;
}

int vgpu_passthrough_reset(struct vgpu_passthrough *dev)
{
	int ret = vgpu_vfio_call(dev->vfio.device, VFIO_DEVICE_RESET, NULL);

	return ret == -EINVAL || ret == -ENOTTY ? -EOPNOTSUPP : ret;
}
