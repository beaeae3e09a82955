// SPDX-License-Identifier: MIT
/*
 * The shader suite: kernels of every kind on every backend, each against a
 * reference computed here.
 *
 * Each backend is a test, see suite.h; the last test prints a table of what
 * ran where.  A kernel has to run, or to be refused with the error that follows
 * from what the device says it has; anything else fails.
 */
#include "vgpu_test.h"

#include <sys/mman.h>

#include "suite.h"
#include "suite_groups.h"
#include "suite_launch.h"
#include "suite_memory.h"
#include "suite_numbers.h"
#include "suite_types.h"

/*
 * What a kernel needs that VGPU_CAN_* does not tell of: which device lacks it
 * is known, see facts[].
 */
#define NEEDS_STORE16	(1ull << 32)
#define NEEDS_STORE8	(1ull << 33)
#define NEEDS_INT8	(1ull << 34)
/* The same memory twice in a launch. */
#define NEEDS_ALIAS	(1ull << 35)
#define NEEDS_STORE16_FLOAT (1ull << 36)
/* That many bindings in a kernel. */
#define NEEDS_16	(1ull << 37)
#define NEEDS_ALL	(0xffull << 32)

#define ROW(name, needs, tolerance)	{ #name, run_##name, needs, tolerance }

static const struct row {
	const char *name;
	int (*run)(struct suite *s);
	uint64_t needs;
	const char *tolerance;	/* NULL: bit-exact */
} rows[] = {
	ROW(int, 0, NULL),
	ROW(divmod, 0, NULL),
	ROW(float, 0, "quotient and root 4e-7, sum and product exact"),
	ROW(math, 0, "2^-11"),
	ROW(bits, 0, NULL),
	ROW(carry, 0, NULL),
	ROW(pack, 0, NULL),
	ROW(branch, 0, NULL),
	ROW(fallthrough, 0, NULL),
	ROW(loops, 0, NULL),
	ROW(mandel, 0, "1 point of 200"),
	ROW(double, VGPU_CAN_FLOAT64,
	    "quotient and root 1e-15, sum and product exact"),
	ROW(int64, VGPU_CAN_INT64, NULL),
	ROW(int16, VGPU_CAN_INT16 | NEEDS_STORE16, NULL),
	ROW(half, VGPU_CAN_FLOAT16 | NEEDS_STORE16_FLOAT, "2^-10"),
	ROW(store16, NEEDS_STORE16, NULL),
	ROW(store8, NEEDS_STORE8, NULL),
	ROW(int8, NEEDS_INT8, NULL),
	ROW(spec64, VGPU_CAN_INT64 | VGPU_CAN_FLOAT64, NULL),
	ROW(reduce, 0, NULL),
	ROW(scan, 0, NULL),
	ROW(sort, 0, NULL),
	ROW(atomic, 0, NULL),
	ROW(cas, 0, NULL),
	ROW(histogram, 0, NULL),
	ROW(matmul, 0, NULL),
	ROW(nbody, 0, "1e-5 of the forces added"),
	ROW(access, 0, NULL),
	ROW(coherent, 0, NULL),
	ROW(alias, NEEDS_ALIAS, NULL),
	ROW(bounds, 0, "reads: 0 or of the range"),
	ROW(odd, 0, NULL),
	ROW(stencil, 0, NULL),
	ROW(struct, 0, NULL),
	ROW(many, NEEDS_16, NULL),
	ROW(push, 0, NULL),
	ROW(push_part, 0, NULL),
	ROW(spec, 0, NULL),
	ROW(entries, 0, NULL),
	ROW(grid, 0, NULL),
	ROW(cube, 0, NULL),
	ROW(wgsl_add, VGPU_CAN_WGSL, NULL),
	ROW(wgsl_reduce, VGPU_CAN_WGSL, NULL),
	ROW(wgsl_spec, VGPU_CAN_WGSL, NULL),
};

#define ROWS_MAX	48

/* By what a need is named in the message about it. */
static const struct {
	uint64_t need;
	const char *name;
} names[] = {
	{ VGPU_CAN_WGSL, "WGSL" },
	{ VGPU_CAN_INT16, "Int16" },
	{ VGPU_CAN_INT64, "Int64" },
	{ VGPU_CAN_FLOAT16, "Float16" },
	{ VGPU_CAN_FLOAT64, "Float64" },
	{ NEEDS_STORE16, "StorageBuffer16BitAccess" },
	{ NEEDS_STORE16_FLOAT, "StorageBuffer16BitAccess" },
	{ NEEDS_STORE8, "StorageBuffer8BitAccess" },
	{ NEEDS_INT8, "Int8" },
	{ NEEDS_16, "16 storage buffers" },
};

/*
 * Facts: a device that lacks this lacks that, too.  Those that lack 16-bit
 * integers are SwiftShader and everything below WebGPU, of which none has 8
 * bits; of 16 bits WebGPU has floats, in storage and in arithmetic.
 */
static const struct {
	uint64_t without, lacks;
} facts[] = {
	{ VGPU_CAN_INT16, NEEDS_STORE16 | NEEDS_STORE8 | NEEDS_INT8 },
	{ VGPU_CAN_FLOAT16, NEEDS_STORE16_FLOAT },
};

/*
 * What WebGPU does not have, and what its providers refuse, whatever the device
 * has: the error, and what the message says.
 */
static const struct {
	const char *row, *column;
	int error;
	const char *says;
} refusals[] = {
	{ "carry", "wgpu-native", -EINVAL, "IAddCarry" },
	{ "carry", "wgpu-dawn", -EINVAL, "extended arithmetic" },
	{ "fallthrough", "wgpu-native", -EOPNOTSUPP, "runs into the next one" },
	{ "fallthrough", "wgpu-dawn", -EOPNOTSUPP, "runs into the next one" },
	{ "cas", "wgpu-native", -EINVAL, "before it was introduced" },
	{ "coherent", "wgpu-dawn", -EINVAL, "invalid SPIRV" },
};

/* What came of a row on a column; shared by the processes of all tests. */
struct cell {
	int error;
	bool expected;
	char said[160];
};

struct results {
	bool ran[SUITE_COLUMNS];
	char device[SUITE_COLUMNS][160];
	struct cell cells[SUITE_COLUMNS][ROWS_MAX];
};

static struct results *results;

/* What the kernel needs and the device does not have. */
static uint64_t missing(const struct suite *s, const struct row *row)
{
	uint64_t has = s->info.features | NEEDS_ALL;
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(facts); i++)
		if (~s->info.features & facts[i].without)
			has &= ~facts[i].lacks;
	if (!(s->info.features & VGPU_CAN_ALIAS))
		has &= ~NEEDS_ALIAS;
	if (s->limits.max_ranges < 16)
		has &= ~NEEDS_16;
	return row->needs & ~has;
}

/* Did it end as it has to on this device? */
static bool as_expected(const struct suite *s, const struct row *row, int ret)
{
	uint64_t lacks = missing(s, row);
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		if (!strcmp(refusals[i].row, row->name) &&
		    !strcmp(refusals[i].column, s->column->name))
			return ret == refusals[i].error &&
			       strstr(s->said, refusals[i].says);
	if (!lacks)
		return !ret;
	if (lacks & NEEDS_ALIAS)
		return ret == -EINVAL;
	if (ret != -EOPNOTSUPP)
		return false;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (lacks & names[i].need && strstr(s->said, names[i].name))
			return true;
	return false;
}

static void run_rows(struct __test_metadata *_metadata,
		     const struct column *column)
{
	uint32_t c = column - suite_columns, i;
	struct suite s = { .column = column };
	char text[256];
	int ret;

	ret = suite_open(s.column, 64 * MIB, 0, text, &s.dev);
	ASSERT_EQ(0, ret) {
		TH_LOG("%s: %s", s.column->name, text);
	}
	ASSERT_EQ(0, vgpu_device_get_limits(s.dev, &s.limits)) {
		TH_LOG("%s", device_message(s.dev));
	}
	ASSERT_EQ(0, vgpu_device_get_info(s.dev, &s.info));
	snprintf(results->device[c], sizeof(results->device[c]), "%.90s, %.60s",
		 s.info.name, s.info.driver);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cell *cell = &results->cells[c][i];

		s.said[0] = 0;
		cell->error = rows[i].run(&s);
		cell->expected = as_expected(&s, &rows[i], cell->error);
		snprintf(cell->said, sizeof(cell->said), "%.159s", s.said);
		suite_end(&s);
		EXPECT_TRUE(cell->expected) {
			TH_LOG("%s on %s: %d: %s%s%s", rows[i].name,
			       s.column->name, cell->error, s.said,
			       rows[i].tolerance ? "; tolerance: " : "",
			       rows[i].tolerance ? rows[i].tolerance : "");
		}
	}
	results->ran[c] = true;
	vgpu_device_close(s.dev);
}

static const char *errno_name(int error)
{
	return error == -EOPNOTSUPP ? "EOPNOTSUPP" :
	       error == -EINVAL ? "EINVAL" : vgpu_strerror(error);
}

/* Each different error once, by a number that stands in the table for it. */
static uint32_t note(const struct cell **notes, uint32_t *n,
		     const struct cell *cell)
{
	uint32_t i;

	for (i = 0; i < *n; i++)
		if (notes[i]->error == cell->error &&
		    !strcmp(notes[i]->said, cell->said))
			return i + 1;
	notes[(*n)++] = cell;
	return *n;
}

static void table(struct __test_metadata *_metadata,
		  const struct column *column)
{
	static const struct cell *notes[SUITE_COLUMNS * ROWS_MAX];
	uint32_t c, i, n = 0, ran = 0;

	printf("#\n");
	for (c = 0; c < suite_n_columns; c++) {
		printf("# %c: %-28s %s\n", 'A' + c, suite_columns[c].name,
		       results->ran[c] ? results->device[c] : "did not run");
		if (results->ran[c])
			ran++;
	}
	printf("#\n# %-12s", "shader");
	for (c = 0; c < suite_n_columns; c++)
		printf(" %-4c ", 'A' + c);
	printf("\n");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		printf("# %-12s", rows[i].name);
		for (c = 0; c < suite_n_columns; c++) {
			const struct cell *cell = &results->cells[c][i];
			char text[16] = "runs";

			if (!results->ran[c])
				snprintf(text, sizeof(text), "-");
			else if (cell->error)
				snprintf(text, sizeof(text), "%s[%u]",
					 cell->expected ? "" : "!",
					 note(notes, &n, cell));
			printf(" %-5s", text);
		}
		printf(" %s\n", rows[i].tolerance ? rows[i].tolerance : "exact");
	}
	for (i = 0; i < n; i++)
		printf("# [%u] %s %s\n", i + 1,
		       notes[i]->error == SUITE_WRONG ? "wrong:" :
		       errno_name(notes[i]->error), notes[i]->said);
	fflush(stdout);
	EXPECT_NE(0, ran);
	EXPECT_EQ(suite_n_columns, ran);
}

/* A test for each column, and one for the table. */
static void __attribute__((constructor)) suite_register(void)
{
	unsigned int c;

	_Static_assert(ARRAY_SIZE(rows) <= ROWS_MAX, "rows");
	results = mmap(NULL, sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		abort();
	suite_setup();
	for (c = 0; c < suite_n_columns; c++)
		suite_add("", &suite_columns[c], run_rows);
	suite_add("table", NULL, table);
}

TEST_HARNESS_MAIN
