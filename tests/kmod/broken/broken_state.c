// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: ways to fail with the state.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/delay.h>
#include <linux/slab.h>

#include "broken.h"

#define BROKEN_RECORD_UNKNOWN	0x7fffffff

static unsigned int pages_seen, pages_writable;
module_param(pages_seen, uint, 0444);
MODULE_PARM_DESC(pages_seen, "pages of a predecessor that adopt has seen");
module_param(pages_writable, uint, 0444);
MODULE_PARM_DESC(pages_writable, "pages of a predecessor that adopt could have written: 0");

/* Destroys the pages that the predecessor still writes, if it gets the chance. */
void broken_scribble(void *data, const struct twostep_state *state)
{
	struct twostep_pages *pages;
	void *writable;
	u64 bytes;

	pages = state ? twostep_state_get_pages(state, REMAP_RECORD_MAP, &bytes) : NULL;
	if (!pages)
		return;
	pages_seen++;
	writable = twostep_pages_write(pages, data);
	if (writable) {
		pages_writable++;
		memset(writable, 0, bytes);
	}
	twostep_pages_put(pages);
}

static int broken_put(struct twostep_state *state, u32 type, u32 length)
{
	void *value = kvzalloc(length, GFP_KERNEL);
	int err;

	if (!value)
		return -ENOMEM;
	err = twostep_state_put(state, type, value, length);
	kvfree(value);
	return err;
}

static int broken_put_many(struct twostep_state *state)
{
	u32 type = BROKEN_RECORD_UNKNOWN;
	int err;

	do
		err = broken_put(state, type--, 1);
	while (!err);
	return err;
}

int broken_abandon(void *data, struct twostep_state *state)
{
	int err;

	if (broken_is("abandon_err"))
		return -EUCLEAN;
	while (broken_is("abandon_hang"))
		msleep(BROKEN_LOOK_MS);
	if (broken_is("blob_missing"))
		return 0;
	if (broken_is("blob_length"))
		return broken_put(state, REMAP_RECORD_LOWER, 3);
	if (broken_is("blob_foreign"))
		return broken_put(state, REMAP_RECORD_LOWER, 16);
	err = remap_abandon(data, state);
	if (err)
		return err;
	if (broken_is("blob_doubled"))
		return broken_put(state, REMAP_RECORD_LOWER, 16);
	if (broken_is("blob_oversized"))
		return broken_put(state, BROKEN_RECORD_UNKNOWN, SZ_16M + 1);
	if (broken_is("blob_empty"))
		return twostep_state_put(state, BROKEN_RECORD_UNKNOWN, "", 0);
	if (broken_is("blob_many"))
		return broken_put_many(state);
	if (broken_is("blob_unknown"))
		return broken_put(state, BROKEN_RECORD_UNKNOWN, 100);
	return 0;
}
