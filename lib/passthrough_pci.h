/* SPDX-License-Identifier: MIT */
/*
 * PCI functions on their way into a virtual machine, as the files share it:
 * passthrough_pci.c reads sysfs, passthrough_bind.c changes it,
 * passthrough_look.c looks at a function by VFIO.
 */
#ifndef LIBVGPU_INTERNAL_PASSTHROUGH_PCI_H
#define LIBVGPU_INTERNAL_PASSTHROUGH_PCI_H

#include <vgpu/passthrough.h>

#include "passthrough.h"

/**
 * struct vgpu_bind_state - what a function was before it was prepared
 * @driver: that it was bound to; empty: none
 * @override: its driver_override; empty: none
 */
struct vgpu_bind_state {
	char driver[VGPU_PASSTHROUGH_NAME_BYTES];
	char override[VGPU_PASSTHROUGH_NAME_BYTES];
};

/* passthrough_pci.c */
bool vgpu_pci_address_valid(const char *address);
bool vgpu_pci_is_bridge(const struct vgpu_passthrough_info *info);
/* passthrough_bind.c: -ENOENT: it was not prepared */
int vgpu_bind_state_read(const char *address, struct vgpu_bind_state *state);

#endif /* LIBVGPU_INTERNAL_PASSTHROUGH_PCI_H */
