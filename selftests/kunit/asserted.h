/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The model's assertions, for every file of this module: one that a test asked
 * for is counted, any other is a warning as in vgpu.ko.
 */
#ifndef VGPU_KUNIT_ASSERTED_H
#define VGPU_KUNIT_ASSERTED_H

#include "../../kernel/model/os.h"

bool vgpu_kunit_holds(bool holds, const char *what);

#undef vgpu_assert
#define vgpu_assert(cond)	vgpu_kunit_holds(cond, #cond)

#endif /* VGPU_KUNIT_ASSERTED_H */
