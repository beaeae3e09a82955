// SPDX-License-Identifier: MIT
/*
 * Fuzzes launches: kernels with any needs, argument blocks that are nearly
 * right, compaction and engines that come and go while launches are out.
 */
#include "fuzz_model.h"

/* Write an argument block into one of the system objects. */
static void do_args(struct world *w)
{
	u32 i, n = min_t(u32, w->n_pool[POOL_OBJECT], POOL);
	struct vgpu_args *a = NULL;
	u8 how = get8(w);

	for (i = 0; i < n && !a; i++)
		a = (void *)w->s.objects[w->pool[POOL_OBJECT][(i + how) % n] &
					 0xffff].own;
	if (!a)
		return;
	memset(a, 0, sizeof(*a));
	a->n_ranges = get8(w) % 6;
	a->const_bytes = (get8(w) % 34) * 4;
	for (i = 0; i < a->n_ranges; i++) {
		a->ranges[i].address = pool_get(w, POOL_ADDRESS) +
				       (get8(w) % 18) * 256u;
		a->ranges[i].bytes = (get8(w) % 65) * 64u;
		a->ranges[i].flags = get8(w) % 4;
	}
	if (how >= 192)
		((u8 *)a)[get16(w) % sizeof(*a)] ^= get8(w);
}

static void do_kernel(struct world *w)
{
	struct vgpu_kernel_info info = {
		.used = get8(w) % 8, .const_bytes = get8(w) % 10 * 4,
		.workgroup = { 1, 1, get8(w) % 8 != 0 },
	};
	u32 kernel;

	info.written = get8(w) % 8;
	if (get8(w) & 3)
		info.written &= info.used;
	if (!shell_kernel(&w->s, (u32)pool_get(w, POOL_CONTEXT),
				   &info, 1, &kernel))
		pool_add(w, POOL_KERNEL, kernel);
}

/* A launch that is right but for what the block says. */
static void do_launch(struct world *w)
{
	struct vgpu_cmd cmd = { .opcode = VGPU_CMD_LAUNCH };
	u32 id = 0;
	struct vgpu_ring *r = some_ring(w, &id);
	u8 how = get8(w);
	bool doorbell = false;

	cmd.flags = how & VGPU_CMD_F_ALL;
	cmd.op[0] = pool_get(w, POOL_KERNEL);
	cmd.op[1] = 1 | 1ull << 32;
	cmd.op[2] = 1;
	cmd.op[3] = how & 16 ? 0 : pool_get(w, POOL_ADDRESS);
	cmd.op[4] = how & 32 ? wild(w) : 0;
	if (cmd.flags & VGPU_CMD_F_SIGNAL)
		cmd.op[5] = how;
	if (r)
		vgpu_ring_submit(r, &cmd, 1, 1, &doorbell);
	if (doorbell)
		vgpu_model_kick(w->s.m, id);
}

static void do_compact(struct world *w)
{
	vgpu_model_compact(w->s.m, (u64)get8(w) << 10);
}

static const operation ops[] = {
	do_args, do_args, do_launch, do_launch, do_launch, do_launch,
	do_kernel, do_run, do_run, do_report, do_report, do_report, do_keep,
	do_tick, do_engine, do_compact, do_admin_direct, do_command, do_reap,
	do_lie, do_gone, do_reset,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;

	fuzz_begin(&w, data, size);
	fuzz_furnish(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	fuzz_end(&w);
	return 0;
}
