// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: suspend and hibernation wait for holds, and keep new ones away.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Tasks that wait for I/O cannot be frozen. A hold ends by itself, except one
 * whose child is gone (two_step): then the machine stays awake.
 */
#include <linux/suspend.h>

#include "parent.h"

static bool twostep_pm_suspending;	/* written by the notifier, which is serialised */

bool twostep_suspending(void)
{
	return READ_ONCE(twostep_pm_suspending);
}

static bool twostep_slot_held(struct twostep_slot *slot, void *unused)
{
	return READ_ONCE(slot->held);
}

/* -EBUSY if a slot has no child to go on with. */
static int twostep_await_holds(void)
{
	struct twostep_slot *slot;
	bool stuck;

	while ((slot = twostep_slot_next(twostep_slot_held, NULL))) {
		wait_event_idle(slot->wait, !READ_ONCE(slot->held) || !READ_ONCE(slot->owner));
		stuck = READ_ONCE(slot->held) && !READ_ONCE(slot->owner);
		if (stuck)
			pr_err("%s: no suspend while I/O waits for a child\n", slot->name);
		kobject_put(&slot->kobj);
		if (stuck)
			return -EBUSY;
	}
	return 0;
}

static int twostep_pm_notify(struct notifier_block *block, unsigned long event, void *unused)
{
	int err;

	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		WRITE_ONCE(twostep_pm_suspending, true);
		smp_mb(); /* a two_step begins its hold, fences, and looks at the above */
		err = twostep_await_holds();
		if (err)
			WRITE_ONCE(twostep_pm_suspending, false);
		return notifier_from_errno(err);
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		WRITE_ONCE(twostep_pm_suspending, false);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block twostep_pm_block = { .notifier_call = twostep_pm_notify };

int twostep_pm_init(void)
{
	return register_pm_notifier(&twostep_pm_block);
}

void twostep_pm_exit(void)
{
	unregister_pm_notifier(&twostep_pm_block);
}
