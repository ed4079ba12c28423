// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: requests that are kept and not ended, or ended late.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * What is kept was not submitted, so it can honestly be given back; the modes
 * with "leak" do not. All of it goes on when the mode changes.
 */
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "broken.h"

static unsigned int timeouts;
module_param(timeouts, uint, 0444);
MODULE_PARM_DESC(timeouts, "requests that were said to have timed out");

static DEFINE_SPINLOCK(broken_lock);
static LIST_HEAD(broken_kept);		/* by request->queuelist, which is ours; broken_lock */
static void *broken_data;		/* of the instance that keeps; broken_lock */
static unsigned int broken_passed;	/* requests of this mode; broken_lock */

static bool broken_keeping(void)
{
	return broken_is("stall") || broken_is("stall_after") || broken_is("leak") ||
	       broken_is("leak_one");
}

static void broken_go_on(struct work_struct *work);
static DECLARE_DELAYED_WORK(broken_work, broken_go_on);

static void broken_look_later(void)
{
	queue_delayed_work(system_wq, &broken_work, msecs_to_jiffies(BROKEN_LOOK_MS));
}

/* The oldest request that is kept, now the caller's, or NULL. */
static struct request *broken_take(void **data)
{
	struct request *rq;
	unsigned long flags;

	spin_lock_irqsave(&broken_lock, flags);
	rq = list_first_entry_or_null(&broken_kept, struct request, queuelist);
	if (rq)
		list_del_init(&rq->queuelist);
	*data = broken_data;
	broken_passed = 0;
	spin_unlock_irqrestore(&broken_lock, flags);
	return rq;
}

static void broken_go_on(struct work_struct *work)
{
	struct request *rq;
	void *data;

	if (broken_keeping()) {
		broken_look_later();
		return;
	}
	while ((rq = broken_take(&data)))
		if (remap_queue_rq(data, rq) != BLK_STS_OK)
			twostep_end_request(data, rq, BLK_STS_IOERR);
}

/* broken_lock */
static bool broken_wants(void)
{
	if (broken_is("stall_after"))
		return ++broken_passed > broken_nth;
	if (broken_is("leak_one"))
		return list_empty(&broken_kept);
	return true;
}

bool broken_keeps(void *data, struct request *rq)
{
	unsigned long flags;
	bool wanted;

	if (!broken_keeping())
		return false;
	spin_lock_irqsave(&broken_lock, flags);
	wanted = broken_wants();
	if (wanted) {
		broken_data = data;
		list_add_tail(&rq->queuelist, &broken_kept);
	}
	spin_unlock_irqrestore(&broken_lock, flags);
	broken_look_later();
	return wanted;
}

bool broken_cancel(void *data, struct request *rq)
{
	struct request *kept;
	unsigned long flags;
	bool found = false;

	if (!broken_is("stall") && !broken_is("stall_after"))
		return false;
	spin_lock_irqsave(&broken_lock, flags);
	list_for_each_entry(kept, &broken_kept, queuelist) {
		if (kept == rq) {
			list_del_init(&rq->queuelist);
			found = true;
			break;
		}
	}
	spin_unlock_irqrestore(&broken_lock, flags);
	return found;
}

enum blk_eh_timer_return broken_timeout(void *data, struct request *rq)
{
	timeouts++;
	return BLK_EH_RESET_TIMER;
}

/* One request that is ended a second time when the mode changes, maybe under another child. */
static struct request *broken_late;
static void *broken_late_data;
static void broken_late_end(struct work_struct *work);
static DECLARE_DELAYED_WORK(broken_late_work, broken_late_end);

static void broken_late_end(struct work_struct *work)
{
	if (broken_is("late_end"))
		queue_delayed_work(system_wq, &broken_late_work, msecs_to_jiffies(BROKEN_LOOK_MS));
	else
		twostep_end_request(broken_late_data, broken_late, BLK_STS_OK);
}

void broken_end_late(void *data, struct request *rq)
{
	broken_late_data = data;
	broken_late = rq;
	queue_delayed_work(system_wq, &broken_late_work, 0);
}

void broken_keep_stop(void)
{
	cancel_delayed_work_sync(&broken_work);
	cancel_delayed_work_sync(&broken_late_work);
}
