// SPDX-License-Identifier: MIT
/*
 * Multiply two matrices, with a shader that uses shared memory and barriers:
 * matrix_multiply.comp.  Their elements are small whole numbers, so that every
 * sum is exact in whatever order a device adds.
 */
#include "example_kernel.h"

#define N	250u
#define TILE	16u

static const uint32_t code[] =
#include "matrix_multiply.inc"
;

static float a[N][N], b[N][N], c[N][N];

static float expected(uint32_t row, uint32_t column)
{
	float sum = 0;
	uint32_t k;

	for (k = 0; k < N; k++)
		sum += a[row][k] * b[k][column];
	return sum;
}

int main(void)
{
	struct vgpu_device *device = example_open();
	uint64_t kernel = example_kernel(device, code, sizeof(code));
	uint64_t in_a = example_memory(device, sizeof(a));
	uint64_t in_b = example_memory(device, sizeof(b));
	uint64_t out = example_memory(device, sizeof(c));
	uint32_t tiles = (N + TILE - 1) / TILE;
	struct vgpu_completion_info launched;
	struct vgpu_launch_args args;
	struct vgpu_command cmds[3];
	uint32_t i, j, n = N;

	for (i = 0; i < N; i++) {
		for (j = 0; j < N; j++) {
			a[i][j] = (float)((i + 3 * j) % 17);
			b[i][j] = (float)((5 * i + j) % 13) - 6;
		}
	}

	vgpu_launch_args_init(&args);
	vgpu_launch_args_range(&args, in_a, sizeof(a), VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, in_b, sizeof(b), VGPU_LAUNCH_READ);
	vgpu_launch_args_range(&args, out, sizeof(c), VGPU_LAUNCH_WRITE);
	vgpu_launch_args_consts(&args, &n, sizeof(n));
	cmds[0] = vgpu_command_transfer_to(in_a, a, sizeof(a));
	cmds[1] = vgpu_command_transfer_to(in_b, b, sizeof(b));
	cmds[2] = vgpu_command_launch_args(kernel, tiles, tiles, 1, &args);
	example_run(device, cmds, 3, &launched);
	cmds[0] = vgpu_command_transfer_from(c, out, sizeof(c));
	example_run(device, cmds, 1, NULL);

	for (i = 0; i < N; i++) {
		for (j = 0; j < N; j++)
			EXPECT(c[i][j] == expected(i, j));
	}
	example_say(device, "250 x 250 matrices multiplied", &launched);
	vgpu_device_close(device);
	return 0;
}
