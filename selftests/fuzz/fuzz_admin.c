// SPDX-License-Identifier: MIT
/*
 * Fuzzes the admin queue as a driver in a guest has it: from registers to
 * rings and their commands, all by shared memory.
 */
#include "fuzz_model.h"

static const operation ops[] = {
	do_admin_queue, do_admin_queue, do_admin_queue, do_admin_queue,
	do_admin_queue, do_admin_queue, do_enable, do_run, do_run, do_run,
	do_reap, do_reap, do_keep, do_report, do_report, do_lie, do_reset,
	do_gone, do_kick, do_command, do_command, do_garbage, do_engine,
	do_tick,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;

	fuzz_begin(&w, data, size);
	do_enable(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	fuzz_end(&w);
	return 0;
}
