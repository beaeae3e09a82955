/* SPDX-License-Identifier: MIT */
/*
 * PCI functions, GPUs mostly, on their way into a virtual machine: what one is,
 * whether it can be handed over, binding it to vfio-pci and back, and looking at
 * one that is bound there.
 *
 * A vGPU is driven by the backend passthrough of <vgpu/device.h>; of any other
 * GPU only its own driver knows the commands.
 *
 * Threads: everything here may be called from any thread; calls that bind wait
 * for each other, also those of other processes.
 */
#ifndef LIBVGPU_PASSTHROUGH_H
#define LIBVGPU_PASSTHROUGH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VGPU_PASSTHROUGH_ADDRESS_BYTES	16
#define VGPU_PASSTHROUGH_NAME_BYTES	32
#define VGPU_PASSTHROUGH_MEMBERS	32
#define VGPU_PASSTHROUGH_BARS		6

/**
 * struct vgpu_passthrough_member - a function of the same IOMMU group
 * @address: of PCI
 * @driver: that it is bound to; empty: none
 * @bridge: 1: a bridge, which is not handed over and may keep its driver
 */
struct vgpu_passthrough_member {
	char address[VGPU_PASSTHROUGH_ADDRESS_BYTES];
	char driver[VGPU_PASSTHROUGH_NAME_BYTES];
	uint32_t bridge;
};

/**
 * struct vgpu_passthrough_info - a PCI function
 * @size: sizeof(struct vgpu_passthrough_info), set by the caller
 * @address: of PCI, such as "0000:01:00.0"
 * @driver: that it is bound to; empty: none
 * @previous: what vgpu_passthrough_restore() will bind it to, if @prepared;
 *	empty: none
 * @node: its node in /dev/dri; empty: none
 * @group: number of its IOMMU group; empty: it has none
 * @reason: why the group is not viable, one line
 * @vendor_id: of PCI
 * @device_id: of PCI
 * @class_code: of PCI, 24 bits
 * @console: 1: the boot console is on it
 * @viable: 1: VFIO takes the group, or would once this one is prepared
 * @prepared: 1: vgpu_passthrough_prepare() has bound it
 * @n_members: functions of the group, this one first
 * @members: them, as far as there is room
 * @bar_bytes: 0: it has no such BAR
 */
struct vgpu_passthrough_info {
	size_t size;
	char address[VGPU_PASSTHROUGH_ADDRESS_BYTES];
	char driver[VGPU_PASSTHROUGH_NAME_BYTES];
	char previous[VGPU_PASSTHROUGH_NAME_BYTES];
	char node[VGPU_PASSTHROUGH_NAME_BYTES];
	char group[VGPU_PASSTHROUGH_NAME_BYTES];
	char reason[160];
	uint32_t vendor_id;
	uint32_t device_id;
	uint32_t class_code;
	uint32_t console;
	uint32_t viable;
	uint32_t prepared;
	uint32_t n_members;
	struct vgpu_passthrough_member members[VGPU_PASSTHROUGH_MEMBERS];
	uint64_t bar_bytes[VGPU_PASSTHROUGH_BARS];
};

/**
 * vgpu_passthrough_next() - the GPUs of this host, one after the other
 * @after: the last one, or NULL: from the first on
 * @info: gets the next one, in the order of their addresses
 *
 * Return: 0; -ENOENT, there is no other; -EINVAL, @info->size.
 */
int vgpu_passthrough_next(const char *after,
			  struct vgpu_passthrough_info *info);

/* Any function, by its address.  0; -ENODEV, there is none; -EINVAL. */
int vgpu_passthrough_get(const char *address,
			 struct vgpu_passthrough_info *info);

/* vgpu_passthrough_prepare(): also if the boot console or a program uses it. */
#define VGPU_PASSTHROUGH_FORCE		(1u << 0)

/**
 * vgpu_passthrough_prepare() - bind a function to vfio-pci
 * @address: of PCI
 * @flags: VGPU_PASSTHROUGH_FORCE or 0
 * @message: gets a line on a failure, or NULL
 * @bytes: room there
 *
 * It is taken from its driver, which is kept in /run/vgpu/passthrough, for
 * vgpu_passthrough_restore() of whatever process.  Done already: nothing
 * happens.
 * Return: 0; -EBUSY, it is in use; -ENODEV, no such function, no IOMMU, or no
 * vfio-pci; -EOPNOTSUPP, a bridge; -EACCES; -EIO, the driver did not take it, and
 * it is bound as before; -EINVAL.
 */
int vgpu_passthrough_prepare(const char *address, uint32_t flags, char *message,
			     size_t bytes);

/*
 * Give it back to the driver that it had before.  Not prepared, or restored
 * already: nothing happens.  Return: as vgpu_passthrough_prepare(); -EBUSY also
 * if a virtual machine has it.  After an error it can be tried again.
 */
int vgpu_passthrough_restore(const char *address, char *message, size_t bytes);

/*
 * DOC: Looking at a function that is bound to vfio-pci
 */
struct vgpu_passthrough;

#define VGPU_PASSTHROUGH_ROM		6	/* after the BARs */
#define VGPU_PASSTHROUGH_CONFIG		7
#define VGPU_PASSTHROUGH_REGIONS	8

/* Kinds of interrupts. */
#define VGPU_PASSTHROUGH_INTX		0
#define VGPU_PASSTHROUGH_MSI		1
#define VGPU_PASSTHROUGH_MSIX		2

/**
 * vgpu_passthrough_open() - open a function that is bound to vfio-pci
 * @address: of PCI
 * @message: gets a line on a failure, or NULL
 * @bytes: room there
 * @dev: gets the handle, for vgpu_passthrough_close()
 *
 * Return: 0; -ENODEV, it is not bound there, or its group has no IOMMU; -EBUSY,
 * somebody has it, or its group is not viable; -EACCES; -ENOMEM.
 */
int vgpu_passthrough_open(const char *address, char *message, size_t bytes,
			  struct vgpu_passthrough **dev);
void vgpu_passthrough_close(struct vgpu_passthrough *dev);

/*
 * The bytes of a region: 0 to 5 are BARs, then there are VGPU_PASSTHROUGH_ROM and
 * VGPU_PASSTHROUGH_CONFIG.  0: there is none.
 */
uint64_t vgpu_passthrough_region_bytes(struct vgpu_passthrough *dev,
				       uint32_t region);

/*
 * Access 1, 2, 4 or 8 bytes at a multiple of that.  0; -EINVAL, not within the
 * region; -EIO, the function does not answer.
 */
int vgpu_passthrough_read(struct vgpu_passthrough *dev, uint32_t region,
			  uint64_t offset, uint32_t bytes, uint64_t *value);
int vgpu_passthrough_write(struct vgpu_passthrough *dev, uint32_t region,
			   uint64_t offset, uint32_t bytes, uint64_t value);

/* How many interrupts of a kind (VGPU_PASSTHROUGH_INTX and so on) it has. */
uint32_t vgpu_passthrough_interrupts(struct vgpu_passthrough *dev,
				     uint32_t kind);

/*
 * Connect all interrupts of a kind to an eventfd; -1: to nothing.  INTx is masked
 * each time that it fires, until it is connected again.  0; -EINVAL, it has none
 * of that kind; -EBUSY, another kind is connected.
 */
int vgpu_passthrough_interrupt_fd(struct vgpu_passthrough *dev, uint32_t kind,
				  int fd);

/* Reset it.  0; -EOPNOTSUPP, it cannot be reset alone. */
int vgpu_passthrough_reset(struct vgpu_passthrough *dev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* LIBVGPU_PASSTHROUGH_H */
