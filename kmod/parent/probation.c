// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: probation, from a handover to its commit.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * The old child is parked and ready. Requests that the new one fails are kept
 * and tried again; too many of them, one that is never ended, or a bad answer
 * about its health bring the old one back, without user space.
 *
 * Whoever ends a probation has the slot (slot->swap) and cancels the work, which
 * needs the slot to bring the old child back.
 */
#include "parent.h"

#define TWOSTEP_WATCH_MS	500	/* between looks; less where stalls are shorter */
#define TWOSTEP_CLAIM_MS	10	/* somebody has the slot, not for long */
#define TWOSTEP_RETURNS_MAX	3	/* tries */

/* The alarm's cause is the first one. Returns whether the work is to look at once. */
static bool twostep_alarm(struct twostep_slot *slot, const char *fmt, ...) __printf(2, 3);
static bool twostep_alarm(struct twostep_slot *slot, const char *fmt, ...)
{
	struct twostep_probation *probation = &slot->probation;
	unsigned long flags;
	bool first;
	va_list args;

	spin_lock_irqsave(&slot->lock, flags);
	first = probation->watch == TWOSTEP_WATCHING;
	if (first) {
		WRITE_ONCE(probation->watch, TWOSTEP_ALARMED);
		va_start(args, fmt);
		vscnprintf(probation->cause, sizeof(probation->cause), fmt, args);
		va_end(args);
		mod_delayed_work(twostep_workqueue, &probation->work, 0);
	}
	spin_unlock_irqrestore(&slot->lock, flags);
	return first;
}

/*
 * A request has failed and left the child. True if it is kept: it goes to the
 * child again, or after an alarm to whoever serves then. Any context.
 */
bool twostep_probation_keeps(struct twostep_slot *slot, struct request *rq, blk_status_t status)
{
	struct twostep_probation *probation = &slot->probation;
	enum twostep_watch watch = READ_ONCE(probation->watch);
	unsigned long flags;
	int failures;

	if ((watch != TWOSTEP_WATCHING && watch != TWOSTEP_ALARMED) || status == BLK_STS_NOTSUPP)
		return false;
	/* The driver's own flag, cleared with each new request: this one has had its second try. */
	if (rq->rq_flags & RQF_DONTPREP && watch == TWOSTEP_WATCHING)
		return false;
	rq->rq_flags |= RQF_DONTPREP;
	failures = atomic_inc_return(&probation->failures);
	if (failures > READ_ONCE(probation->failures_max))
		twostep_alarm(slot, "%d requests failed, the last one with %d", failures,
			      blk_status_to_errno(status));
	/*
	 * After an alarm it waits aside until the return has ended, one way or
	 * the other: whoever ends the alarm, under this lock, kicks the list then.
	 */
	spin_lock_irqsave(&slot->lock, flags);
	blk_mq_requeue_request(rq, probation->watch != TWOSTEP_ALARMED);
	spin_unlock_irqrestore(&slot->lock, flags);
	return true;
}

static void twostep_look(struct twostep_slot *slot)
{
	struct twostep_probation *probation = &slot->probation;
	unsigned int stall_ms = READ_ONCE(probation->stall_ms);
	struct twostep_oldest oldest;

	if (READ_ONCE(probation->watch) != TWOSTEP_WATCHING)
		return;
	twostep_find_oldest(slot, &oldest);
	if (stall_ms && oldest.count && oldest.age_ms > stall_ms)
		twostep_alarm(slot, "request stalled: tag %d %s for %u ms", oldest.tag,
			      blk_op_str(oldest.op), oldest.age_ms);
	queue_work(twostep_workqueue, &probation->health);
}

static void twostep_health_work(struct work_struct *work)
{
	struct twostep_slot *slot = container_of(work, struct twostep_slot, probation.health);
	int answer;

	if (twostep_ask_health(slot, &answer) && answer)
		twostep_alarm(slot, "health: %d", answer);
}

/* The old child comes back; the caller has the slot. 0, or why it did not. */
int twostep_probation_return(struct twostep_slot *slot, const char *cause)
{
	struct twostep_probation *probation = &slot->probation;
	struct twostep_instance *failed = slot->owner;
	struct twostep_instance *parked = slot->parked;
	char reason[TWOSTEP_REASON_MAX];
	char why[TWOSTEP_REASON_MAX];
	int err;

	err = twostep_exchange(&probation->swap, failed, parked, true, why, sizeof(why));
	if (err) {
		scnprintf(reason, sizeof(reason), "probation: %.60s; no return: %s", cause, why);
		pr_err("%s: %s\n", slot->name, reason);
		twostep_report_result(slot, TWOSTEP_OK, reason);
		twostep_slot_announce(slot);
		return err;
	}
	scnprintf(reason, sizeof(reason), "probation: %s", cause);
	pr_warn("%s: %s is back instead of %s: %s\n", slot->name, parked->child->version,
		failed->child->version, reason);
	twostep_set_parked(slot, NULL);
	twostep_instance_hide(failed);
	twostep_instance_show(slot, parked);
	twostep_report_result(slot, TWOSTEP_RETURNED, reason);
	twostep_slot_announce(slot);
	twostep_last_instructions();
	twostep_instance_release(failed);
	return 0;
}

static void twostep_set_watch(struct twostep_slot *slot, enum twostep_watch watch)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	WRITE_ONCE(slot->probation.watch, watch);
	spin_unlock_irqrestore(&slot->lock, flags);
}

static void twostep_watch_work(struct work_struct *work)
{
	struct twostep_slot *slot = container_of(to_delayed_work(work), struct twostep_slot,
						 probation.work);
	struct twostep_probation *probation = &slot->probation;
	unsigned int stall_ms = READ_ONCE(probation->stall_ms);
	unsigned int pause_ms = TWOSTEP_WATCH_MS;

	if (stall_ms)
		pause_ms = clamp(stall_ms / 4, 10U, pause_ms);
	twostep_look(slot);
	if (READ_ONCE(probation->watch) == TWOSTEP_ALARMED && !twostep_claim(slot)) {
		int err = twostep_probation_return(slot, probation->cause);
		bool again = err && ++probation->returns < TWOSTEP_RETURNS_MAX;

		/* If not, the next failure or look is a new alarm. Else the watch is over. */
		if (err)
			twostep_set_watch(slot, again ? TWOSTEP_WATCHING : TWOSTEP_UNWATCHED);
		/* What was kept meanwhile has its answer now. */
		blk_mq_kick_requeue_list(slot->disk->queue);
		twostep_swap_done(slot);
	}
	if (READ_ONCE(probation->watch) == TWOSTEP_ALARMED)
		pause_ms = TWOSTEP_CLAIM_MS;
	if (READ_ONCE(probation->watch) != TWOSTEP_UNWATCHED)
		mod_delayed_work(twostep_workqueue, &probation->work, msecs_to_jiffies(pause_ms));
}

void twostep_probation_init(struct twostep_slot *slot)
{
	struct twostep_probation *probation = &slot->probation;

	probation->stall_ms = TWOSTEP_STALL_MS;
	probation->swap.slot = slot;
	probation->swap.policy = TWOSTEP_REISSUE;
	twostep_hold_init(&probation->swap);
	INIT_DELAYED_WORK(&probation->work, twostep_watch_work);
	INIT_WORK(&probation->health, twostep_health_work);
}

/* Before the hold of @swap: if the candidate wins it, the watch begins. The caller has the slot. */
void twostep_probation_prepare(struct twostep_slot *slot, struct twostep_swap *swap)
{
	struct twostep_probation *probation = &slot->probation;
	bool back = twostep_common_schema(swap->candidate->child, slot->owner->child) >= 0;

	atomic_set(&probation->failures, 0);
	probation->returns = 0;
	probation->swap.line = swap->line;
	swap->watch = back ? TWOSTEP_WATCHING : TWOSTEP_ONE_WAY;
}

/* The swap has succeeded: its old child is parked. The caller has the slot. */
void twostep_probation_begin(struct twostep_slot *slot)
{
	if (READ_ONCE(slot->probation.watch) != TWOSTEP_ONE_WAY)
		mod_delayed_work(twostep_workqueue, &slot->probation.work, 0);
}

/* Nobody comes back any more. The caller has the slot. */
void twostep_probation_end(struct twostep_slot *slot)
{
	twostep_set_watch(slot, TWOSTEP_UNWATCHED);
	cancel_delayed_work_sync(&slot->probation.work);
	/* An alarm that came too late keeps nothing. */
	if (slot->disk)
		blk_mq_kick_requeue_list(slot->disk->queue);
}
