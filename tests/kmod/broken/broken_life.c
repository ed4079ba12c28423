// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: ways to fail between prepare and release.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/delay.h>
#include <linux/ktime.h>

#include "broken.h"

#define BROKEN_SPIN_MS	2000	/* longer than a deadline, shorter than a lockup */

static void broken_hang(const char *while_mode)
{
	while (broken_is(while_mode))
		msleep(BROKEN_LOOK_MS);
}

static void broken_spin(void)
{
	u64 end = ktime_get_ns() + BROKEN_SPIN_MS * (u64)NSEC_PER_MSEC;

	preempt_disable();
	while (ktime_get_ns() < end)
		cpu_relax();
	preempt_enable();
}

static void broken_limits(struct twostep_limits *limits)
{
	if (broken_is("capacity_smaller"))
		limits->capacity_sectors /= 2;
	else if (broken_is("capacity_larger"))
		limits->capacity_sectors *= 2;
	else if (broken_is("block_larger"))
		limits->logical_block_bytes *= 2;
	else if (broken_is("requests_smaller"))
		limits->max_sectors /= 2;
	else if (broken_is("discards_smaller"))
		limits->max_discard_sectors /= 2;
	else if (broken_is("read_only"))
		limits->read_only = true;
}

int broken_prepare(const struct twostep_site *site, struct twostep_limits *limits, void **data)
{
	int err;

	if (broken_is("prepare_err"))
		return -ENOMEM;
	broken_hang("prepare_hang");
	err = remap_prepare(site, limits, data);
	if (!err)
		broken_limits(limits);
	return err;
}

int broken_adopt(void *data, const struct twostep_state *state)
{
	int err;

	broken_scribble(data, state);
	if (broken_is("adopt_err"))
		return -EIO;
	if (broken_is("adopt_late"))
		broken_wait();
	if (broken_is("adopt_spin"))
		broken_spin();
	broken_hang("adopt_hang");
	broken_scribble(data, state);
	err = remap_adopt(data, state);
	if (!err && broken_is("adopt_err_last"))
		err = -EIO;
	return err;
}

static unsigned int health_hangs;
module_param(health_hangs, uint, 0444);
MODULE_PARM_DESC(health_hangs, "calls that hang, or did");

int broken_health(void *data)
{
	if (broken_is("health_hang")) {
		health_hangs++;
		while (!broken_is("none"))
			msleep(BROKEN_LOOK_MS);
	}
	return broken_is("health_bad") || broken_is("release_slow") ? -EIO : 0;
}

/* Fires when its instance is gone: a debug kernel sees what it touches. */
static void broken_fire(struct work_struct *work);
static DECLARE_DELAYED_WORK(broken_timer, broken_fire);
static struct remap *broken_gone;

static void broken_fire(struct work_struct *work)
{
	pr_info("fired, of %p\n", READ_ONCE(broken_gone->stats));
}

void broken_release(void *data)
{
	if (broken_is("release_slow"))
		broken_wait();
	broken_keep_stop();
	remap_release(data);
	if (broken_is("late_timer")) {
		broken_gone = data;
		schedule_delayed_work(&broken_timer, HZ / 10);
	}
}
