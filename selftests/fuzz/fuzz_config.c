// SPDX-License-Identifier: MIT
/*
 * Fuzzes configuration space and the MSI-X table, with interrupts on their
 * way and resets by power management and FLR.
 */
#include "fuzz_model.h"

static const operation ops[] = {
	do_config, do_config, do_config, do_config, do_bar4, do_bar4, do_bar4,
	do_bar0, do_enable, do_admin_queue, do_command, do_run, do_run,
	do_keep, do_report, do_reap,
};

#define CAP_POWER	1u

/* What reads must say whatever was written. */
static void constant(struct world *w)
{
	struct vgpu_model *m = w->s.m;
	u32 i, power = 0, at = vgpu_model_config_read(m, 0x34, 1);

	if (vgpu_model_config_read(m, 0, 4) !=
	    (VGPU_PCI_VENDOR | (u32)VGPU_PCI_DEVICE << 16))
		fuzz_stop("the ids have changed");
	for (i = 0; at && i < 48; i++) {
		if (vgpu_model_config_read(m, at, 1) == CAP_POWER)
			power = at;
		at = vgpu_model_config_read(m, at + 1, 1);
	}
	if (at || !power)
		fuzz_stop("the list of capabilities has no end, or no power management");
	/* Nothing else answers in D3hot. */
	vgpu_model_config_write(m, power + 4, 2, 0);
	if (vgpu_model_bar4_read(m, VGPU_BAR4_PBA, 8) >> VGPU_MSIX_VECTORS)
		fuzz_stop("a vector that does not exist is pending");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;

	fuzz_begin(&w, data, size);
	if (get8(&w) & 1)
		fuzz_furnish(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	constant(&w);
	fuzz_end(&w);
	return 0;
}
