// SPDX-License-Identifier: MIT
/*
 * Fuzzes vgpu_model_load(): a state saved from a device that is in use, damaged
 * in some places, or the input itself; and then the device is used.
 */
#include "fuzz_model.h"

static const operation ops[] = {
	do_command, do_command, do_run, do_run, do_admin_direct,
	do_admin_direct, do_report, do_keep, do_reap, do_kick, do_bar0,
	do_engine, do_tick, do_garbage, do_admin_queue,
};

/* Damage as the input says; fields of 8 bytes get numbers that mean much. */
static void damage(struct world *w, u8 *buf, size_t bytes)
{
	u32 n = get8(w) % 8;
	size_t at;
	u64 value;

	while (n--) {
		/* Records lie behind the allocator's state: look there more. */
		at = get16(w) % bytes;
		if (get8(w) & 1)
			at = bytes - 1 - at % (bytes / 2);
		value = wild(w);
		if (get8(w) & 1)
			buf[at] ^= (u8)value;
		else
			memcpy(buf + (at & ~7ul), &value,
			       at + 8 <= bytes ? 8 : 1);
	}
}

/* The shell's half of a load: each system object gets pages. */
static void pages(struct world *w)
{
	u32 i;

	for (i = 0; i <= w->s.config.max_objects; i++) {
		shell_drop_object(&w->s, i);
		shell_system_memory(&w->s, i, 16 << 10);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct world w;
	s64 bytes;
	u8 *buf;
	u8 how;

	fuzz_begin(&w, data, size);
	how = get8(&w);
	if (how & 1)
		do_enable(&w);
	else
		fuzz_furnish(&w);
	if (how & 2)
		fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	w.p = data + (size ? 1 : 0);
	w.s.keep = 0;
	w.s.poor = false;
	shell_release(&w.s);
	shell_run_for(&w.s, 100);
	bytes = shell_save(&w.s, NULL, 0);
	if (bytes < 0) {
		fuzz_end(&w);
		return 0;
	}
	buf = malloc(bytes);
	if (shell_save(&w.s, buf, bytes) != bytes)
		fuzz_stop("two lengths of one state");
	shell_again(&w.s);
	shell_grow(&w.s, VGPU_GROW_ALL);
	pages(&w);
	damage(&w, buf, bytes);
	if (vgpu_model_load(w.s.m, buf, bytes) &&
	    vgpu_account_current(&w.s.gpu))
		fuzz_stop("refused, and something is accounted");
	free(buf);
	memset(w.ring, 0, sizeof(w.ring));
	w.admin.hdr = NULL;
	w.garbled = true;
	fuzz_check(&w);
	fuzz_operations(&w, ops, ARRAY_SIZE(ops));
	fuzz_end(&w);
	return 0;
}
