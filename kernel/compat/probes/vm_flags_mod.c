// SPDX-License-Identifier: GPL-2.0 OR MIT
/* 6.3: vm_flags is read-only. */
#include <linux/mm.h>

void vgpu_probe(struct vm_area_struct *vma);
void vgpu_probe(struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYWRITE);
}
