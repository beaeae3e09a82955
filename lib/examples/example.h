/* SPDX-License-Identifier: MIT */
/*
 * What the examples share: an example that is surprised says by what, and exits
 * with 1.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <vgpu/error.h>

/* A call that has to give 0, or a count. */
#define MUST(call) example_must((call), #call)

static inline int64_t example_must(int64_t ret, const char *call)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", call, vgpu_strerror((int)ret));
	exit(1);
}

/* Something that has to be true. */
#define EXPECT(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: not so: %s\n",		\
				__FILE__, __LINE__, #condition);	\
			exit(1);					\
		}							\
	} while (0)

#endif /* EXAMPLE_H */
