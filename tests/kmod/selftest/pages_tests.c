// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep selftest: pages.c, and state.c with records by pages.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "selftest.h"

#define PAGES_BYTES	(3 * PAGE_SIZE + 1)
#define PAGES_TYPE	9

static char old_instance, new_instance;

static int pages_have_one_writer(void)
{
	struct twostep_pages *pages = twostep_pages_alloc(&old_instance, PAGES_BYTES);
	const char *seen;
	char *written;

	CHECK(!IS_ERR(pages));
	seen = twostep_pages_read(pages);
	written = twostep_pages_write(pages, &old_instance);
	CHECK_OR(seen && written && seen != written, twostep_pages_put(pages));
	CHECK_OR(!twostep_pages_write(pages, &new_instance), twostep_pages_put(pages));
	CHECK_OR(!memchr_inv(seen, 0, PAGES_BYTES), twostep_pages_put(pages));
	written[PAGES_BYTES - 1] = 1;
	CHECK_OR(seen[PAGES_BYTES - 1] == 1, twostep_pages_put(pages));
	twostep_pages_give(pages, &new_instance);
	CHECK_OR(!twostep_pages_write(pages, &old_instance) &&
		 twostep_pages_write(pages, &new_instance) == written, twostep_pages_put(pages));
	twostep_pages_put(pages);
	return 0;
}

static int pages_have_a_size(void)
{
	CHECK(twostep_pages_alloc(&old_instance, 0) == ERR_PTR(-EINVAL));
	CHECK(twostep_pages_alloc(&old_instance, U64_MAX) == ERR_PTR(-EINVAL));
	return 0;
}

/* The state has a reference of its own, and who gets pages out of it has one more. */
static int pages_outlive_their_state(void)
{
	struct twostep_pages *pages = twostep_pages_alloc(&old_instance, PAGES_BYTES);
	struct twostep_state *state = twostep_state_alloc(1);
	struct twostep_pages *got;
	u64 bytes = 0;
	u32 length;

	CHECK(!IS_ERR(pages) && state);
	CHECK(twostep_state_put_pages(state, PAGES_TYPE, NULL) == -EINVAL);
	CHECK(!twostep_state_put_pages(state, PAGES_TYPE, pages));
	CHECK(twostep_state_put_pages(state, PAGES_TYPE, pages) == -EEXIST);
	twostep_pages_put(pages);
	got = twostep_state_get_pages(state, PAGES_TYPE, &bytes);
	CHECK(got == pages && bytes == PAGES_BYTES);
	CHECK(!twostep_state_get_pages(state, PAGES_TYPE + 1, &bytes));
	CHECK(!twostep_state_get(state, PAGES_TYPE, &length));
	twostep_state_give(state, &new_instance);
	CHECK(!twostep_state_check(state));
	twostep_state_free(state);
	CHECK(twostep_pages_write(got, &new_instance));
	twostep_pages_put(got);
	return 0;
}

const struct selftest pages_tests[] = {
	{ "pages: one instance writes, all read", pages_have_one_writer },
	{ "pages: their size is checked", pages_have_a_size },
	{ "pages: who holds them keeps them", pages_outlive_their_state },
	{ }
};
