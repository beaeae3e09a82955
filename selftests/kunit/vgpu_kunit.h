/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the suites have in common.  KUnit's own expectations take a hundred bytes
 * of the stack each with KASAN; these are a call, and end the test.
 */
#ifndef VGPU_KUNIT_H
#define VGPU_KUNIT_H

#include <linux/completion.h>
#include <kunit/test.h>

struct vgpu_kunit_at {
	const char *file;
	int line;
	const char *what;
};

void vgpu_kunit_equal(struct kunit *test, const struct vgpu_kunit_at *at,
		      s64 want, s64 got);
/* @bad: NULL, or what does not hold. */
void vgpu_kunit_sound(struct kunit *test, const struct vgpu_kunit_at *at,
		      const char *bad);

#define VGPU_AT(text)							\
({									\
	static const struct vgpu_kunit_at at_ = {			\
		.file = __FILE__, .line = __LINE__, .what = text,	\
	};								\
									\
	&at_;								\
})

#define VGPU_EQ(test, want, got)	\
	vgpu_kunit_equal(test, VGPU_AT(#got), want, got)
#define VGPU_OK(test, cond)	\
	vgpu_kunit_equal(test, VGPU_AT(#cond), 1, !!(cond))
#define VGPU_SOUND(test, bad)	\
	vgpu_kunit_sound(test, VGPU_AT(#bad), bad)

/* The model may assert something @n times from now on. */
void vgpu_kunit_expect_asserts(u32 n);
/* How many of these were not seen; none is expected any longer. */
u32 vgpu_kunit_missed_asserts(void);

/* Memory from vzalloc(), which has its own pages; it goes with the test. */
void *vgpu_kunit_vzalloc(struct kunit *test, size_t bytes);

/* A sequence of numbers that is the same every time. */
static inline u32 vgpu_kunit_rnd(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (u32)((z ^ (z >> 31)) >> 16);
}

/* A thread that runs until it returns; it is joined, or with the test. */
struct vgpu_kunit_thread {
	struct task_struct *task;
	int (*run)(void *arg);
	void *arg;
	struct completion ended;
	bool stop;		/* to be looked at by @run */
};

void vgpu_kunit_start(struct kunit *test, struct vgpu_kunit_thread *t,
		      int (*run)(void *arg), void *arg);
int vgpu_kunit_join(struct vgpu_kunit_thread *t);

extern struct kunit_suite vgpu_account_suite;
extern struct kunit_suite vgpu_vram_suite;
extern struct kunit_suite vgpu_ring_suite;
extern struct kunit_suite vgpu_model_suite;
extern struct kunit_suite vgpu_hostile_suite;
extern struct kunit_suite vgpu_turn_suite;

#endif /* VGPU_KUNIT_H */
