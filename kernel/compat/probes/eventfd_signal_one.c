// SPDX-License-Identifier: GPL-2.0 OR MIT
/* 6.8: eventfd_signal() adds 1 and nothing else. */
#include <linux/eventfd.h>

void vgpu_probe(struct eventfd_ctx *ctx);
void vgpu_probe(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx);
}
