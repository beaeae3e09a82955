// SPDX-License-Identifier: MIT
/*
 * Saving and loading: the second device goes on where the first one was, and a
 * stream that is damaged is refused, or leads to a device that is sound.
 */
#include "vgpu_test.h"
#include "model_guest.h"

#define SECOND_PAGES	(SHELL_GUEST_BYTES / 4096)

static void small(struct vgpu_model_config *c)
{
	shell_config(c);
	c->vram_bytes = 1u << 20;
	c->bank_shift = 18;
	c->max_contexts = 3;
	c->max_objects = 12;
	c->max_mappings = 10;
	c->max_rings = 3;
	c->max_counters = 4;
	c->max_kernels = 3;
	c->max_jobs = 8;
	c->max_entries = 64;
}

/* A device with one of everything, a command parked, and ids of 2nd use. */
static int furnish(struct guest *g, struct client *c, struct shell *s)
{
	struct vgpu_model_config config;
	u64 r[2] = { 0 };
	int ret;

	small(&config);
	ret = shell_open(s, &config);
	if (!ret)
		ret = guest_enable(g, s);
	if (ret)
		return ret;
	if (guest_do(g, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0, 0, 0, 0) ||
	    guest_do(g, VGPU_ADMIN_COUNTER_CREATE, NULL, r[0], 0, 0, 0, 0, 0) ||
	    guest_do(g, VGPU_ADMIN_CONTEXT_DESTROY, NULL, r[0], 0, 0, 0, 0, 0))
		return -1;
	ret = guest_client(g, c);
	if (ret)
		return ret;
	if (guest_do(g, VGPU_ADMIN_KERNEL_CREATE, r, c->context, c->system, 0,
		     128, 0, 0) ||
	    guest_do(g, VGPU_ADMIN_OBJECT_PIN, r, c->block, 1, 0, 0, 0, 0) ||
	    guest_do(g, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0, 0, 0, 0, 0) ||
	    guest_do(g, VGPU_ADMIN_MAP, r, c->context, r[0], 0, 0, 4096, 3))
		return -1;
	/* Something done, something refused, something waiting. */
	memset(c->system_memory, 0x3c, 256);
	if (client_do(c, VGPU_CMD_UPLOAD, 0, c->vram_address,
		      c->system_address, 256) ||
	    client_do(c, VGPU_CMD_CLEAR, 0, 1, 4, 0) != -EINVAL)
		return -2;
	client_send(c, VGPU_CMD_WAIT, 0, 0x1a7e, c->counter, 9, 0);
	client_send(c, VGPU_CMD_DOWNLOAD, 0, 0x1a7f, c->system_address + 4096,
		    c->vram_address, 256);
	vgpu_model_bar0_write(s->m, VGPU_REG_SCRATCH, 4, 0xabcd);
	shell_run(s);
	return 0;
}

static u8 *save(struct shell *s, s64 *bytes)
{
	u8 *buf;

	*bytes = shell_save(s, NULL, 0);
	if (*bytes < 0)
		return NULL;
	buf = malloc(*bytes);
	if (shell_save(s, buf, *bytes) != *bytes) {
		free(buf);
		return NULL;
	}
	return buf;
}

/* Which pages objects have: the shell carries that. */
static void carry_pages(struct shell *to, const struct shell *from)
{
	u32 i, k;

	to->now_ns = from->now_ns;
	for (i = 0; i <= from->config.max_objects; i++) {
		const struct shell_object *o = &from->objects[i];

		free(to->objects[i].page);
		to->objects[i].page = NULL;
		to->objects[i].pages = o->pages;
		if (!o->pages)
			continue;
		to->objects[i].page = calloc(o->pages, sizeof(u8 *));
		for (k = 0; k < o->pages; k++)
			to->objects[i].page[k] = o->page[k] - from->guest +
						 to->guest;
	}
}

/* And what is in them, and in VRAM. */
static void carry(struct shell *to, const struct shell *from)
{
	memcpy(to->vram, from->vram, from->config.vram_bytes);
	memcpy(to->guest, from->guest, SHELL_GUEST_BYTES);
	carry_pages(to, from);
}

VGPU_TEST(goes_on)
{
	struct vgpu_completion done;
	struct vgpu_model_stats x, y;
	struct guest g;
	struct client c;
	struct shell a, b;
	s64 bytes, again;
	u64 r[2];
	u8 *buf, *buf2;
	u32 reg, i;

	ASSERT_EQ(0, furnish(&g, &c, &a));
	/* Vector 6 is raised by the next change. */
	EXPECT_EQ(0, guest_do(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter, 7, 0,
			      0, 0, 0));
	buf = save(&a, &bytes);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, shell_open(&b, &a.config));
	shell_grow(&b, VGPU_GROW_ALL);
	carry(&b, &a);
	ASSERT_EQ(0, vgpu_model_load(b.m, buf, bytes));
	EXPECT_EQ(NULL, vgpu_model_check(b.m));
	/* It is not there yet: what it has must be attached first. */
	EXPECT_EQ(-EBUSY, shell_save(&b, NULL, 0));
	ASSERT_TRUE(shell_run(&b));
	MODEL_HOLDS(&b);
	for (reg = 0; reg < VGPU_REG_END; reg += 4)
		if (reg != VGPU_REG_CLOCK_LO && reg != VGPU_REG_IRQ_STATUS)
			EXPECT_EQ(vgpu_model_bar0_read(a.m, reg, 4, 0),
				  vgpu_model_bar0_read(b.m, reg, 4, 0))
				TH_LOG("register %#x", reg);
	for (reg = 0; reg < 256; reg++)
		ASSERT_EQ(vgpu_model_config_read(a.m, reg, 1),
			  vgpu_model_config_read(b.m, reg, 1));
	vgpu_model_stats(a.m, &x);
	vgpu_model_stats(b.m, &y);
	EXPECT_EQ(0, memcmp(&x, &y, sizeof(x)));

	/* The very same programs go on. */
	c.s = &b;
	c.view.hdr = (void *)((u8 *)c.view.hdr - a.guest + b.guest);
	vgpu_ring_attach(&c.view, c.view.hdr, 64, 64);
	c.reaper.ring = c.view;
	c.system_memory += b.guest - a.guest;
	g.s = &b;
	vgpu_ring_attach(&g.admin, b.guest, 64, 64);
	g.reaper.ring = g.admin;
	EXPECT_FALSE(client_take(&c, &done));
	EXPECT_EQ(0, guest_do(&g, VGPU_ADMIN_COUNTER_READ, r, c.counter, 0, 0,
			      0, 0, 0));
	EXPECT_EQ(0, r[0]);
	EXPECT_EQ(0, guest_reg(&g, VGPU_REG_IRQ_STATUS) & 1u << 6);
	EXPECT_EQ(0, guest_do(&g, VGPU_ADMIN_COUNTER_SIGNAL, r, c.counter, 9, 0,
			      0, 0, 0));
	EXPECT_NE(0, guest_reg(&g, VGPU_REG_IRQ_STATUS) & 1u << 6);
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(0x1a7e, done.user_data);
	ASSERT_TRUE(client_take(&c, &done));
	EXPECT_EQ(0x1a7f, done.user_data);
	EXPECT_EQ(0, done.status);
	EXPECT_EQ(0x3c, c.system_memory[4096]);
	/* Ids that were destroyed before stay destroyed. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, guest_do(&g, VGPU_ADMIN_CONTEXT_CREATE, r, 0, 0, 0,
				      0, 0, 0));
		EXPECT_NE(1, r[0]);
	}
	/* What is saved from the second device can be loaded again. */
	buf2 = save(&b, &again);
	ASSERT_NE(NULL, buf2);
	EXPECT_EQ(-ENOSPC, shell_save(&b, buf, again - 1));
	MODEL_HOLDS(&b);
	guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
	ASSERT_EQ(NULL, model_gone(&b));
	free(buf);
	free(buf2);
	shell_close(&b);
	vgpu_model_reset(a.m);
	ASSERT_EQ(NULL, model_gone(&a));
	shell_close(&a);
}

/* The limit is the host's, whatever the stream says. */
VGPU_TEST(limit_is_ours)
{
	struct vgpu_model_config config;
	struct guest g;
	struct client c;
	struct shell a, b;
	s64 bytes;
	u8 *buf;

	ASSERT_EQ(0, furnish(&g, &c, &a));
	buf = save(&a, &bytes);
	ASSERT_NE(NULL, buf);
	config = a.config;
	config.limit_bytes = CLIENT_VRAM_BYTES + 4096;
	ASSERT_EQ(0, shell_open(&b, &config));
	shell_grow(&b, VGPU_GROW_ALL);
	ASSERT_EQ(0, vgpu_model_load(b.m, buf, bytes));
	EXPECT_EQ(config.limit_bytes,
		  vgpu_model_bar0_read(b.m, VGPU_REG_LIMIT_LO, 8, 0));
	EXPECT_EQ(-ENOSPC, shell_admin(&b, VGPU_ADMIN_BLOCK_CREATE, NULL, 256,
				       0, 0, 0, 0, 0));
	shell_close(&b);
	config.limit_bytes--;
	ASSERT_EQ(0, shell_open(&b, &config));
	shell_grow(&b, VGPU_GROW_ALL);
	EXPECT_EQ(-EINVAL, vgpu_model_load(b.m, buf, bytes));
	EXPECT_EQ(0, vgpu_account_current(&b.gpu));
	EXPECT_EQ(config.limit_bytes,
		  vgpu_model_bar0_read(b.m, VGPU_REG_LIMIT_LO, 8, 0));
	shell_close(&b);
	free(buf);
	vgpu_model_reset(a.m);
	shell_run(&a);
	shell_close(&a);
}

static const char *try(struct shell *b, const u8 *buf, s64 bytes)
{
	struct vgpu_model_stats st;
	const char *bad;

	if (vgpu_model_load(b->m, buf, bytes)) {
		vgpu_model_stats(b->m, &st);
		if (st.contexts || st.objects || st.mappings || st.rings ||
		    st.counters || st.kernels || st.vram_used ||
		    vgpu_account_current(&b->gpu))
			return "refused, and something is left";
		if (vgpu_model_pending(b->m))
			return "refused, and there is work";
		return vgpu_model_check(b->m);
	}
	bad = vgpu_model_check(b->m);
	if (bad)
		return bad;
	/* Use it a little. */
	if (!shell_run_for(b, 3000))
		return "it does not come to rest";
	bad = vgpu_model_check(b->m);
	vgpu_model_stats(b->m, &st);
	if (!bad && st.in_flight > 64)
		bad = "more in flight than there can be";
	vgpu_model_reset(b->m);
	if (!bad)
		bad = model_gone(b);
	shell_again(b);
	shell_grow(b, VGPU_GROW_ALL);
	return bad;
}

VGPU_TEST(bit_flips)
{
	struct guest g;
	struct client c;
	struct shell a, b;
	const char *bad;
	s64 bytes, i;
	u32 bit, loaded = 0;
	u8 *buf;

	ASSERT_EQ(0, furnish(&g, &c, &a));
	buf = save(&a, &bytes);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, shell_open(&b, &a.config));
	shell_grow(&b, VGPU_GROW_ALL);
	carry(&b, &a);
	for (i = 0; i < bytes; i++)
		for (bit = 0; bit < 8; bit++) {
			carry_pages(&b, &a);
			buf[i] ^= 1u << bit;
			bad = try(&b, buf, bytes);
			ASSERT_EQ(NULL, bad) TH_LOG("%s: bit %u of byte %lld",
						    bad, bit, (long long)i);
			buf[i] ^= 1u << bit;
			b.wrong = NULL;
			loaded++;
		}
	EXPECT_EQ(bytes * 8, loaded);
	shell_close(&b);
	free(buf);
	vgpu_model_reset(a.m);
	shell_run(&a);
	shell_close(&a);
}

VGPU_TEST(truncated)
{
	struct guest g;
	struct client c;
	struct shell a, b;
	const char *bad;
	s64 bytes, n;
	u8 *buf, *part;

	ASSERT_EQ(0, furnish(&g, &c, &a));
	buf = save(&a, &bytes);
	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, shell_open(&b, &a.config));
	shell_grow(&b, VGPU_GROW_ALL);
	for (n = 0; n < bytes; n++) {
		/* With its length put right, too. */
		part = malloc(n + 1);
		memcpy(part, buf, n);
		ASSERT_EQ(-EINVAL, vgpu_model_load(b.m, part, n));
		if (n >= 16)
			memcpy(part + 8, &n, 8);
		bad = try(&b, part, n);
		ASSERT_EQ(NULL, bad) TH_LOG("%s: %lld bytes", bad,
					    (long long)n);
		free(part);
	}
	shell_close(&b);
	free(buf);
	vgpu_model_reset(a.m);
	shell_run(&a);
	shell_close(&a);
}

/* Nothing is saved while anything is out. */
VGPU_TEST(busy)
{
	static const u32 kinds[] = {
		VGPU_WORK_COPY, VGPU_WORK_CLEAR, VGPU_WORK_SCRUB,
		VGPU_WORK_PIN, VGPU_WORK_RING_ATTACH, VGPU_WORK_BUILD,
		VGPU_WORK_ADMIN_ATTACH,
	};
	struct guest g;
	struct client c;
	struct shell s;
	u64 r[2];
	u32 i;
	u8 *mem;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		ASSERT_EQ(0, shell_open(&s, NULL));
		if (kinds[i] == VGPU_WORK_ADMIN_ATTACH) {
			guest_ask(&g, &s, 64, 64);
			EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
			ASSERT_TRUE(shell_run(&s));
			EXPECT_GT(shell_save(&s, NULL, 0), 0);
			guest_set(&g, VGPU_REG_CONTROL, VGPU_CONTROL_RESET);
			EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
			ASSERT_TRUE(shell_run(&s));
			shell_close(&s);
			continue;
		}
		ASSERT_EQ(0, guest_enable(&g, &s));
		ASSERT_EQ(0, guest_client(&g, &c));
		ASSERT_EQ(0, guest_do(&g, VGPU_ADMIN_BLOCK_CREATE, r, 4096, 0,
				      0, 0, 0, 0));
		EXPECT_GT(shell_save(&s, NULL, 0), 0);
		s.keep = 1u << kinds[i];
		if (kinds[i] == VGPU_WORK_COPY)
			client_send(&c, VGPU_CMD_UPLOAD, 0, 0, c.vram_address,
				    c.system_address, 4);
		if (kinds[i] == VGPU_WORK_CLEAR)
			client_send(&c, VGPU_CMD_CLEAR, 0, 0, c.vram_address,
				    4, 0);
		if (kinds[i] == VGPU_WORK_SCRUB)
			guest_send(&g, VGPU_ADMIN_OBJECT_DESTROY, 0, r[0], 0,
				   0, 0, 0, 0);
		if (kinds[i] == VGPU_WORK_PIN)
			guest_system(&g, 1, 0, &mem);
		if (kinds[i] == VGPU_WORK_BUILD)
			guest_send(&g, VGPU_ADMIN_KERNEL_CREATE, 0, c.context,
				   c.system, 0, 80, 0, 0);
		if (kinds[i] == VGPU_WORK_RING_ATTACH)
			guest_send(&g, VGPU_ADMIN_RING_CREATE, 0, c.context,
				   c.system, 8 | 8ull << 32, 0, 0, 0);
		ASSERT_TRUE(shell_run(&s));
		ASSERT_EQ(1, s.n_kept) TH_LOG("kind %u", kinds[i]);
		EXPECT_EQ(-EBUSY, shell_save(&s, NULL, 0));
		shell_release(&s);
		s.keep = 0;
		ASSERT_TRUE(shell_run(&s));
		EXPECT_GT(shell_save(&s, NULL, 0), 0);
		shell_close(&s);
	}
}

/* A pin count at its end: a reset still ends. */
VGPU_TEST(pins)
{
	struct shell s;
	u64 r[2];
	u32 i;

	ASSERT_EQ(0, shell_open(&s, NULL));
	ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_BLOCK_CREATE, r, 256, 0, 0, 0,
				 0, 0));
	for (i = 0; i < 65535; i++)
		ASSERT_EQ(0, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, r[0],
					 1, 0, 0, 0, 0));
	EXPECT_EQ(-ENOSPC, shell_admin(&s, VGPU_ADMIN_OBJECT_PIN, NULL, r[0], 1,
				       0, 0, 0, 0));
	vgpu_model_reset(s.m);
	ASSERT_EQ(NULL, model_gone(&s));
	shell_close(&s);
}

TEST_HARNESS_MAIN
