// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.1.0, for tests: a child that fails in the way its parameter says.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * mode, at a swap:	prepare_err, adopt_err, adopt_late (by delay_ms),
 *			adopt_hang (until the mode changes), abandon_err
 * mode, while serving:	eio (every nth request fails), stall (requests are kept,
 *			and given back when asked), leak (kept, not given back),
 *			double_end (discards end twice), health_bad
 * Anything else works. Kept requests go on when the mode changes.
 */
#include <linux/delay.h>
#include <linux/string.h>

#include "broken.h"

static char mode[16] = "none";
module_param_string(mode, mode, sizeof(mode), 0644);
MODULE_PARM_DESC(mode, "how to fail");

static unsigned int delay_ms = 1000;
module_param(delay_ms, uint, 0644);
MODULE_PARM_DESC(delay_ms, "lateness of adopt_late");

bool broken_is(const char *wanted)
{
	return sysfs_streq(mode, wanted);
}

static int broken_prepare(const struct twostep_site *site, struct twostep_limits *limits,
			  void **data)
{
	return broken_is("prepare_err") ? -ENOMEM : remap_prepare(site, limits, data);
}

static int broken_adopt(void *data, const struct twostep_state *state)
{
	if (broken_is("adopt_err"))
		return -EIO;
	if (broken_is("adopt_late"))
		msleep(delay_ms);
	while (broken_is("adopt_hang"))
		msleep(20);
	return remap_adopt(data, state);
}

static int broken_abandon(void *data, struct twostep_state *state)
{
	return broken_is("abandon_err") ? -EUCLEAN : remap_abandon(data, state);
}

static int broken_health(void *data)
{
	return broken_is("health_bad") ? -EIO : 0;
}

#define BROKEN_METHODS				\
	.prepare = broken_prepare,		\
	.adopt = broken_adopt,			\
	.abandon = broken_abandon,		\
	.queue_rq = broken_queue_rq,		\
	.cancel = broken_cancel,		\
	.health = broken_health,		\
	.release = broken_release,		\
	.attributes = remap_stats_attributes

TWOSTEP_CHILD("remap", "9.1.0", 1, 1, 1, 1, 64, BROKEN_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests: fails on request");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
