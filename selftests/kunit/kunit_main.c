// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KUnit tests of the device model as it is compiled for the kernel, and of who is
 * next on a GPU.  They run when the module is loaded.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <kunit/resource.h>
#include "vgpu_kunit.h"

static atomic_t expected = ATOMIC_INIT(0);

bool vgpu_kunit_holds(bool holds, const char *what)
{
	if (likely(holds))
		return true;
	if (atomic_dec_if_positive(&expected) < 0)
		WARN(1, "vgpu_kunit: assertion failed: %s\n", what);
	return false;
}

void vgpu_kunit_expect_asserts(u32 n)
{
	atomic_set(&expected, n);
}

u32 vgpu_kunit_missed_asserts(void)
{
	return atomic_xchg(&expected, 0);
}

void vgpu_kunit_equal(struct kunit *test, const struct vgpu_kunit_at *at,
		      s64 want, s64 got)
{
	KUNIT_ASSERT_TRUE_MSG(test, want == got, "%s:%d: %s is %lld, not %lld",
			      kbasename(at->file), at->line, at->what, got,
			      want);
}

void vgpu_kunit_sound(struct kunit *test, const struct vgpu_kunit_at *at,
		      const char *bad)
{
	KUNIT_ASSERT_TRUE_MSG(test, !bad, "%s:%d: %s: %s", kbasename(at->file),
			      at->line, at->what, bad);
}

KUNIT_DEFINE_ACTION_WRAPPER(vfree_action, vfree, void *);

void *vgpu_kunit_vzalloc(struct kunit *test, size_t bytes)
{
	void *p = vzalloc(bytes);

	VGPU_OK(test, p);
	VGPU_EQ(test, 0, kunit_add_action_or_reset(test, vfree_action, p));
	return p;
}

static int thread_main(void *arg)
{
	struct vgpu_kunit_thread *t = arg;
	int ret = t->run(t->arg);

	complete(&t->ended);
	/* kthread_stop() wants to find us. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return ret;
}

int vgpu_kunit_join(struct vgpu_kunit_thread *t)
{
	int ret;

	if (!t->task)
		return 0;
	/* One that is stopped before it began never runs. */
	wait_for_completion_interruptible(&t->ended);
	ret = kthread_stop(t->task);
	t->task = NULL;
	return ret;
}

static void join_action(void *arg)
{
	struct vgpu_kunit_thread *t = arg;

	WRITE_ONCE(t->stop, true);
	vgpu_kunit_join(t);
}

void vgpu_kunit_start(struct kunit *test, struct vgpu_kunit_thread *t,
		      int (*run)(void *arg), void *arg)
{
	struct task_struct *task;

	t->run = run;
	t->arg = arg;
	t->stop = false;
	init_completion(&t->ended);
	t->task = NULL;
	task = kthread_run(thread_main, t, "vgpu-kunit");
	VGPU_OK(test, !IS_ERR(task));
	t->task = task;
	VGPU_EQ(test, 0, kunit_add_action_or_reset(test, join_action, t));
}

kunit_test_suites(&vgpu_account_suite, &vgpu_vram_suite, &vgpu_ring_suite,
		  &vgpu_model_suite, &vgpu_hostile_suite, &vgpu_turn_suite);

MODULE_DESCRIPTION("KUnit tests of vgpu's device model");
MODULE_LICENSE("Dual MIT/GPL");
