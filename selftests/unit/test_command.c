// SPDX-License-Identifier: MIT
/*
 * Commands as values: what the helpers build, and what is said against a bad
 * one without a device.
 */
#include "vgpu_test.h"

#include <vgpu/command.h>

#include "vgpu_device.h"

VGPU_TEST(layout)
{
	EXPECT_EQ(64, sizeof(struct vgpu_command));
	EXPECT_EQ(8, offsetof(struct vgpu_command, user_data));
	EXPECT_EQ(16, offsetof(struct vgpu_command, param));
	EXPECT_EQ(56, offsetof(struct vgpu_command, submit_ns));
	EXPECT_EQ(VGPU_MAX_RANGES, VGPU_LAUNCH_RANGES);
	EXPECT_EQ(VGPU_MAX_CONST_BYTES, VGPU_LAUNCH_CONST_BYTES);
}

VGPU_TEST(helpers)
{
	struct vgpu_launch_args args;
	char memory[8];
	const struct {
		struct vgpu_command cmd;
		uint32_t type;
		uint64_t param[5];
	} rows[] = {
		{ vgpu_command_transfer_to(0x20000, memory, 8),
		  VGPU_COMMAND_TRANSFER_TO,
		  { (uintptr_t)memory, 0x20000, 8 } },
		{ vgpu_command_transfer_from(memory, 0x20000, 8),
		  VGPU_COMMAND_TRANSFER_FROM,
		  { 0x20000, (uintptr_t)memory, 8 } },
		{ vgpu_command_launch(7, 1, 2, 3), VGPU_COMMAND_LAUNCH,
		  { 7, 1, 2, 3 } },
		{ vgpu_command_launch_args(7, 1, 2, 3, &args),
		  VGPU_COMMAND_LAUNCH, { 7, 1, 2, 3, (uintptr_t)&args } },
		{ vgpu_command_synchronize(), VGPU_COMMAND_SYNCHRONIZE, { 0 } },
		{ vgpu_command_copy(0x30000, 0x20000, 4), VGPU_COMMAND_COPY,
		  { 0x20000, 0x30000, 4 } },
		{ vgpu_command_clear(0x30000, 4, 9), VGPU_COMMAND_CLEAR,
		  { 0x30000, 4, 9 } },
		{ vgpu_command_wait(5, 6), VGPU_COMMAND_WAIT, { 5, 6 } },
		{ vgpu_command_signal(5, 6), VGPU_COMMAND_SIGNAL, { 5, 6 } },
	};
	size_t i;

	vgpu_launch_args_init(&args);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].type, rows[i].cmd.type);
		EXPECT_EQ(0, memcmp(rows[i].param, rows[i].cmd.param,
				    sizeof(rows[i].param)));
		EXPECT_EQ(0, rows[i].cmd.flags);
		EXPECT_EQ(0, rows[i].cmd.user_data);
		EXPECT_EQ(0, rows[i].cmd.submit_ns);
		EXPECT_EQ(0, vgpu_command_check(&rows[i].cmd, NULL, 0));
	}
}

VGPU_TEST(names)
{
	EXPECT_STREQ("transfer-to", vgpu_command_name(1));
	EXPECT_STREQ("transfer-from", vgpu_command_name(2));
	EXPECT_STREQ("launch", vgpu_command_name(3));
	EXPECT_STREQ("synchronize", vgpu_command_name(4));
	EXPECT_STREQ("copy", vgpu_command_name(5));
	EXPECT_STREQ("clear", vgpu_command_name(6));
	EXPECT_STREQ("wait", vgpu_command_name(7));
	EXPECT_STREQ("signal", vgpu_command_name(8));
	EXPECT_STREQ("unknown", vgpu_command_name(0));
	EXPECT_STREQ("unknown", vgpu_command_name(9));
	EXPECT_STREQ("unknown", vgpu_command_name(UINT32_MAX));
}

/* Each parameter that a type does not have, set, one by one. */
VGPU_TEST(unused_parameters)
{
	static const struct {
		uint32_t type, first;
	} rows[] = {
		{ VGPU_COMMAND_TRANSFER_TO, 3 },
		{ VGPU_COMMAND_TRANSFER_FROM, 3 },
		{ VGPU_COMMAND_SYNCHRONIZE, 0 },
		{ VGPU_COMMAND_COPY, 3 },
		{ VGPU_COMMAND_CLEAR, 3 },
		{ VGPU_COMMAND_WAIT, 2 },
		{ VGPU_COMMAND_SIGNAL, 2 },
	};
	char text[128], want[32];
	size_t i;
	uint32_t k;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vgpu_command good = vgpu_command_make(
			rows[i].type, 0x10000, 0x20000, 4, 0, 0), cmd;

		for (k = rows[i].first; k < 5; k++)
			good.param[k] = 0;
		if (rows[i].type == VGPU_COMMAND_CLEAR)
			good.param[2] = 0;
		ASSERT_EQ(0, vgpu_command_check(&good, text, sizeof(text)));
		for (k = rows[i].first; k < 5; k++) {
			cmd = good;
			cmd.param[k] = 1;
			EXPECT_EQ(-EINVAL,
				  vgpu_command_check(&cmd, text, sizeof(text)));
			snprintf(want, sizeof(want), "parameter %u", k);
			EXPECT_NE(NULL, strstr(text, want));
		}
	}
}

/* Each flag that does not exist, one by one. */
VGPU_TEST(unknown_flags)
{
	struct vgpu_command cmd = vgpu_command_launch(1, 1, 1, 1);
	uint32_t i;

	for (i = 0; i < 32; i++) {
		cmd.flags = 1u << i;
		EXPECT_EQ(i < 3 ? 0 : -EINVAL,
			  vgpu_command_check(&cmd, NULL, 0));
	}
}

VGPU_TEST(launch_arguments)
{
	struct vgpu_launch_args args;
	struct vgpu_command cmd =
		vgpu_command_launch_args(1, 1, 1, 1, &args);
	uint8_t consts[129] = { 1 };
	int i;

	vgpu_launch_args_init(&args);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(i, vgpu_launch_args_range(&args, 0x10000 + 256 * i,
						    256, VGPU_LAUNCH_READ));
	EXPECT_EQ(-1, vgpu_launch_args_range(&args, 0x10000, 256, 1));
	EXPECT_EQ(16, args.n_ranges);
	EXPECT_EQ(-1, vgpu_launch_args_consts(&args, consts, 129));
	EXPECT_EQ(-1, vgpu_launch_args_consts(&args, consts, 132));
	EXPECT_EQ(-1, vgpu_launch_args_consts(&args, consts, 2));
	EXPECT_EQ(0, args.const_bytes);
	EXPECT_EQ(0, vgpu_launch_args_consts(&args, consts, 128));
	EXPECT_EQ(128, args.const_bytes);
	EXPECT_EQ(0, vgpu_command_check(&cmd, NULL, 0));
	/* Left out. */
	args.ranges[3].bytes = 0;
	args.ranges[3].flags = 0;
	EXPECT_EQ(0, vgpu_command_check(&cmd, NULL, 0));
	args.ranges[3].flags = VGPU_LAUNCH_WRITE;
	EXPECT_EQ(-EINVAL, vgpu_command_check(&cmd, NULL, 0));
}

TEST_HARNESS_MAIN
