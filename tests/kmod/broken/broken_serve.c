// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.1.0, for tests: ways to fail while serving.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "broken.h"

#define BROKEN_LOOK_MS	20

static unsigned int nth = 1;
module_param(nth, uint, 0644);
MODULE_PARM_DESC(nth, "eio: every nth request fails");

static atomic_t broken_served = ATOMIC_INIT(0);
static DEFINE_SPINLOCK(broken_lock);
static LIST_HEAD(broken_kept);		/* by request->queuelist, which is ours; broken_lock */
static void *broken_data;		/* of the instance that keeps; broken_lock */

static bool broken_keeping(void)
{
	return broken_is("stall") || broken_is("leak");
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

static void broken_keep(void *data, struct request *rq)
{
	unsigned long flags;

	spin_lock_irqsave(&broken_lock, flags);
	broken_data = data;
	list_add_tail(&rq->queuelist, &broken_kept);
	spin_unlock_irqrestore(&broken_lock, flags);
	broken_look_later();
}

blk_status_t broken_queue_rq(void *data, struct request *rq)
{
	if (broken_is("eio") && atomic_inc_return(&broken_served) % max(nth, 1U) == 0) {
		twostep_end_request(data, rq, BLK_STS_IOERR);
		return BLK_STS_OK;
	}
	if (broken_keeping()) {
		broken_keep(data, rq);
		return BLK_STS_OK;
	}
	if (broken_is("double_end") && req_op(rq) == REQ_OP_DISCARD) {
		twostep_end_request(data, rq, BLK_STS_OK);
		twostep_end_request(data, rq, BLK_STS_OK);
		return BLK_STS_OK;
	}
	return remap_queue_rq(data, rq);
}

bool broken_cancel(void *data, struct request *rq)
{
	struct request *kept;
	unsigned long flags;
	bool found = false;

	if (!broken_is("stall"))
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

void broken_release(void *data)
{
	cancel_delayed_work_sync(&broken_work);
	remap_release(data);
}
