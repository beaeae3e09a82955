// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * PCI functions for the host's software GPUs.
 *
 * Management software (libvirt, Nova, Proxmox) takes a parent of mediated
 * devices only if it is a PCI device.  So each GPU is function 00.0 on an
 * emulated root bus in a PCI domain of its own, whose configuration space is
 * answered here.  Domains have 16 bits, because that is what user space has
 * room for, and count from a number that no platform uses, so that a GPU has
 * the same name after every boot.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/numa.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "gpu.h"
#include "uapi/vgpu_device.h"

#define VGPU_HOST_DOMAIN	0x7670	/* "vp" */

/**
 * struct vgpu_host - a root bus with one function
 * @sysdata: what x86 wants to know of a root bus
 * @bus: the bus
 * @number: of the GPU
 * @vram_bytes: its memory
 * @config: configuration space as it is read
 */
struct vgpu_host {
	struct pci_sysdata sysdata;
	struct pci_bus *bus;
	u32 number;
	u64 vram_bytes;
	u8 config[PCI_CFG_SPACE_SIZE];
};

static struct vgpu_host *vgpu_hosts;
static u32 vgpu_n_hosts;

static struct resource vgpu_host_busn = {
	.name = "vgpu bus",
	.flags = IORESOURCE_BUS,
};

static int vgpu_host_read(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 *value)
{
	struct vgpu_host *h = container_of(bus->sysdata, struct vgpu_host,
					   sysdata);

	*value = ~0u;
	if (devfn || where < 0 || where + size > PCI_CFG_SPACE_SIZE)
		return PCIBIOS_DEVICE_NOT_FOUND;
	*value = 0;
	memcpy(value, &h->config[where], size);
	return PCIBIOS_SUCCESSFUL;
}

/* The command register keeps what is written; the rest is fixed. */
static int vgpu_host_write(struct pci_bus *bus, unsigned int devfn, int where,
			   int size, u32 value)
{
	struct vgpu_host *h = container_of(bus->sysdata, struct vgpu_host,
					   sysdata);

	if (devfn || where < 0 || where + size > PCI_CFG_SPACE_SIZE)
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (where == PCI_COMMAND)
		memcpy(&h->config[where], &value, min(size, 2));
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops vgpu_host_ops = {
	.read = vgpu_host_read,
	.write = vgpu_host_write,
};

static void vgpu_host_put16(struct vgpu_host *h, u32 where, u16 value)
{
	__le16 le = cpu_to_le16(value);

	memcpy(&h->config[where], &le, sizeof(le));
}

static void vgpu_host_config(struct vgpu_host *h)
{
	vgpu_host_put16(h, PCI_VENDOR_ID, VGPU_PCI_VENDOR);
	vgpu_host_put16(h, PCI_DEVICE_ID, VGPU_PCI_DEVICE);
	vgpu_host_put16(h, PCI_CLASS_DEVICE, VGPU_PCI_CLASS >> 8);
	vgpu_host_put16(h, PCI_SUBSYSTEM_VENDOR_ID, VGPU_PCI_SUBVENDOR);
	vgpu_host_put16(h, PCI_SUBSYSTEM_ID, VGPU_PCI_SUBDEVICE_GPU);
}

/* Of 16 bits, and no bus has it. */
static int vgpu_host_domain(u32 number)
{
	u32 i, domain;

	for (i = 0; i < 0x10000; i++) {
		domain = (VGPU_HOST_DOMAIN + number + i) & 0xffff;
		if (!pci_find_bus(domain, 0))
			return domain;
	}
	return -ENOSPC;
}

static int vgpu_host_add(struct vgpu_host *h, u32 number, u64 vram_bytes)
{
	int domain = vgpu_host_domain(number);
	LIST_HEAD(resources);

	if (domain < 0)
		return domain;
	h->number = number;
	h->vram_bytes = vram_bytes;
	h->sysdata.domain = domain;
	h->sysdata.node = NUMA_NO_NODE;
	vgpu_host_config(h);
	pci_add_resource(&resources, &vgpu_host_busn);

	pci_lock_rescan_remove();
	h->bus = pci_create_root_bus(NULL, 0, &vgpu_host_ops, &h->sysdata,
				     &resources);
	if (h->bus) {
		pci_scan_child_bus(h->bus);
		pci_bus_add_devices(h->bus);
	}
	pci_unlock_rescan_remove();
	if (h->bus)
		return 0;
	pci_free_resource_list(&resources);
	return -ENOMEM;
}

static void vgpu_host_remove(struct vgpu_host *h)
{
	struct pci_host_bridge *bridge = to_pci_host_bridge(h->bus->bridge);

	pci_lock_rescan_remove();
	pci_stop_root_bus(h->bus);
	pci_remove_root_bus(h->bus);
	pci_unlock_rescan_remove();
	/* That took it away, but left us the reference of its creation. */
	pci_free_host_bridge(bridge);
}

void vgpu_host_destroy(void)
{
	while (vgpu_n_hosts)
		vgpu_host_remove(&vgpu_hosts[--vgpu_n_hosts]);
	kfree(vgpu_hosts);
	vgpu_hosts = NULL;
}

int vgpu_host_create(u32 count, u64 vram_bytes)
{
	int ret;
	u32 i;

	vgpu_hosts = kcalloc(count, sizeof(*vgpu_hosts), GFP_KERNEL);
	if (!vgpu_hosts)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		ret = vgpu_host_add(&vgpu_hosts[i], i, vram_bytes);
		if (ret) {
			pr_err("no PCI function for GPU %u: %d\n", i, ret);
			vgpu_host_destroy();
			return ret;
		}
		vgpu_n_hosts++;
	}
	return 0;
}

u32 vgpu_host_count(void)
{
	return vgpu_n_hosts;
}

int vgpu_host_find(struct pci_dev *pdev, u32 *number, u64 *vram_bytes)
{
	struct vgpu_host *h;

	/* Somebody else's function may say that it is one of ours. */
	if (pdev->bus->ops != &vgpu_host_ops)
		return -ENODEV;
	h = container_of(pdev->bus->sysdata, struct vgpu_host, sysdata);
	*number = h->number;
	*vram_bytes = h->vram_bytes;
	return 0;
}
