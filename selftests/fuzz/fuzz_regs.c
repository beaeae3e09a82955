// SPDX-License-Identifier: MIT
/*
 * Fuzzes BAR0: every register at every time, doorbells, the enable, with an
 * admin queue and rings behind them.
 */
#include "fuzz_model.h"

static const operation ops[] = {
	do_bar0, do_bar0, do_bar0, do_bar0, do_bar0, do_bar4, do_kick,
	do_enable, do_admin_queue, do_admin_queue, do_run, do_run, do_reap,
	do_keep, do_report, do_lie, do_command, do_tick, do_engine,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;

	fuzz_begin(&w, data, size);
	if (get8(&w) & 1)
		fuzz_furnish(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	fuzz_end(&w);
	return 0;
}
