// SPDX-License-Identifier: MIT
/*
 * Fuzzes a ring in use: commands, garbage in its memory, late and failing
 * reports, from a context that is furnished.
 */
#include "fuzz_model.h"

static const operation ops[] = {
	do_command, do_command, do_command, do_command, do_garbage, do_run,
	do_run, do_keep, do_report, do_report, do_lie, do_tick, do_engine,
	do_reset, do_gone, do_kick, do_reap, do_reap, do_admin_direct,
	do_admin_direct,
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
