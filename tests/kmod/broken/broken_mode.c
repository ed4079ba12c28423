// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: the parameters that say how a broken child fails.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/delay.h>
#include <linux/string.h>

#include "broken.h"

static char mode[24] = "none";
module_param_string(mode, mode, sizeof(mode), 0644);
MODULE_PARM_DESC(mode, "how to fail: tests/kmod/broken/README.md");

static unsigned int delay_ms = 1000;
module_param(delay_ms, uint, 0644);
MODULE_PARM_DESC(delay_ms, "of the modes that are late or slow");

unsigned int broken_nth = 1;
module_param_named(nth, broken_nth, uint, 0644);
MODULE_PARM_DESC(nth, "every nth request fails, or the ones after the nth");

ulong broken_above;
module_param_named(above, broken_above, ulong, 0644);
MODULE_PARM_DESC(above, "corrupt_hi: from this sector on");

static atomic_t broken_calls = ATOMIC_INIT(0);

bool broken_is(const char *wanted)
{
	return sysfs_streq(mode, wanted);
}

bool broken_turn(void)
{
	return atomic_inc_return(&broken_calls) % max(broken_nth, 1U) == 0;
}

void broken_wait(void)
{
	msleep(delay_ms);
}
