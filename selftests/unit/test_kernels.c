// SPDX-License-Identifier: MIT
/*
 * Kernels on every backend, see suite.h, as a careless or a hostile caller
 * makes and launches them; what happens when they hang or their engine dies;
 * and which memory they see.  test_shaders holds what they compute against
 * references.
 */
#include "vgpu_test.h"

#include "kernels_bad.h"
#include "kernels_life.h"
#include "kernels_memory.h"
#include "suite.h"

static const struct {
	const char *name;
	void (*body)(struct __test_metadata *_metadata,
		     const struct column *column);
	bool worker;	/* only where there is one */
} cases[] = {
	{ "no_code", no_code, false },
	{ "mutants", mutants, false },
	{ "bad_kernels", bad_kernels, false },
	{ "bad_launches", bad_launches, false },
	{ "destroyed", destroyed, false },
	{ "thousand", thousand, false },
	{ "copies", copies, false },
	{ "mapped", mapped, false },
	{ "compacted", compacted, false },
	{ "rings", rings, false },
	{ "timeouts", timeouts, false },
	{ "killed", killed, true },
};

static void __attribute__((constructor)) kernels_register(void)
{
	bool often = false;
	unsigned int c, i;

	suite_setup();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (c = 0; c < suite_n_columns; c++) {
			const struct column *column = &suite_columns[c];

			if (cases[i].worker && !kernels_in_worker(column))
				continue;
			suite_add(cases[i].name, column, cases[i].body);
			/* Two hundred times is enough on one of them. */
			if (cases[i].worker && !often) {
				often = true;
				suite_add("killed_often", column,
					  killed_often);
			}
		}
}

TEST_HARNESS_MAIN
