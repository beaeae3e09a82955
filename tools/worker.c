// SPDX-License-Identifier: MIT
/*
 * vgpu-worker: a process that runs kernels for a program with libvgpu, so that
 * a driver which hangs or crashes takes nothing else along.
 */
#include "worker.h"

int main(int argc, char **argv)
{
	static const struct vgpu_worker_kind kinds[] = {
		{ "vulkan", &vgpu_vulkan_executor },
		{ "wgpu", &vgpu_wgpu_executor },
	};

	return vgpu_worker_main(argc, argv, kinds, ARRAY_SIZE(kinds));
}
