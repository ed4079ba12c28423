// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the hold, and its end at the deadline whatever happens.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Three may want to end a hold: the worker with a successor, the worker with
 * an error, and the deadline's timer. slot->lock decides: whoever finds
 * slot->held set and clears it also lets the queue run.
 */
#include <linux/smp.h>

#include "../compat/disk.h"
#include "parent.h"

/* The queue runs again with slot->owner. Returns whether the caller must let it run. */
static bool twostep_resume_locked(struct twostep_slot *slot)
{
	lockdep_assert_held(&slot->lock);
	WRITE_ONCE(slot->failing, false);
	WRITE_ONCE(slot->resumed_ns, ktime_get_ns());
	/* What adopt has written is there before a request is. */
	smp_store_release(&slot->serving, slot->owner);
	if (!slot->held)
		return false;
	slot->held = false;
	twostep_set_hold(slot, slot->resumed_ns - slot->held_ns);
	return true;
}

static void twostep_run_queue(struct twostep_slot *slot)
{
	blk_mq_unquiesce_queue(slot->disk->queue);
	/* Requests that were taken back or kept wait aside. */
	blk_mq_kick_requeue_list(slot->disk->queue);
	wake_up_all(&slot->wait);
}

/*
 * two_step, no child serves. At the first deadline the worker asks for the old
 * one, but may itself be stuck in a successor; so what the second deadline
 * brings does not depend on it. Returns whether the caller must let the queue run.
 */
static bool twostep_overdue_locked(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;
	bool run;

	lockdep_assert_held(&slot->lock);
	WRITE_ONCE(swap->overdue, swap->overdue + 1);
	if (swap->overdue < TWOSTEP_DEADLINES || !READ_ONCE(slot->fail_on_expiry))
		return false;
	WRITE_ONCE(slot->failing, true);
	run = slot->held;
	slot->held = false;
	return run;
}

/*
 * In the timer's interrupt, not in a softirq: a child that keeps a processor
 * with preemption off also keeps the thread that softirqs may be left to.
 */
static enum hrtimer_restart twostep_hold_expire(struct hrtimer *timer)
{
	struct twostep_swap *swap = container_of(timer, struct twostep_swap, deadline);
	struct twostep_slot *slot = swap->slot;
	unsigned long flags;
	bool run = false, again = false;

	spin_lock_irqsave(&slot->lock, flags);
	swap->expired = true;
	if (!slot->owner) {
		run = twostep_overdue_locked(swap);
		again = swap->overdue < TWOSTEP_DEADLINES;
	} else if (slot->held) {
		run = twostep_resume_locked(slot);
	}
	spin_unlock_irqrestore(&slot->lock, flags);

	if (run)
		twostep_run_queue(slot);
	wake_up_all(&slot->wait);
	if (!again)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ms_to_ktime(swap->line.deadline_ms));
	return HRTIMER_RESTART;
}

void twostep_hold_init(struct twostep_swap *swap)
{
	twostep_hrtimer_setup(&swap->deadline, twostep_hold_expire);
}

static void twostep_barrier(void *unused)
{
	smp_mb(); /* orders this CPU's counts with its view of slot->serving, see traffic.c */
}

/* Returns when every CPU sees what the caller has written to slot->serving. */
void twostep_fence(void)
{
	on_each_cpu(twostep_barrier, NULL, 1);
}

/* From here new requests wait in the queue; ends by itself at the deadline. */
void twostep_hold_begin(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;
	unsigned long flags;

	swap->begun = ktime_get();
	swap->expired = false;
	atomic64_set(&slot->held_requests, 0);
	blk_mq_quiesce_queue_nowait(slot->disk->queue);
	spin_lock_irqsave(&slot->lock, flags);
	slot->held = true;
	WRITE_ONCE(slot->held_ns, ktime_to_ns(swap->begun));
	WRITE_ONCE(slot->serving, NULL);
	spin_unlock_irqrestore(&slot->lock, flags);
	hrtimer_start(&swap->deadline, ms_to_ktime(swap->line.deadline_ms),
		      HRTIMER_MODE_REL);
	twostep_fence();
}

/*
 * Waits until no request and no call is in the old child; -ETIMEDOUT at the
 * deadline. Unless the policy is to drain, the child is asked to give back what
 * it has not ended after a while.
 */
int twostep_hold_drain(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;
	unsigned int patience_ms = swap->line.drain_ms ?: swap->line.deadline_ms / 2;

	if (swap->policy != TWOSTEP_DRAIN &&
	    !wait_event_idle_timeout(slot->wait,
				     twostep_idle(slot) || READ_ONCE(swap->expired),
				     msecs_to_jiffies(patience_ms)))
		twostep_take_back(swap, slot->owner);
	wait_event_idle(slot->wait, twostep_idle(slot) || READ_ONCE(swap->expired));
	return READ_ONCE(swap->expired) ? -ETIMEDOUT : 0;
}

/*
 * Ends the hold with @successor, which then writes the pages of @state, or with
 * the old child if it is NULL. False if the deadline came first: then the old
 * child serves and nothing has changed.
 */
bool twostep_hold_end(struct twostep_swap *swap, struct twostep_instance *successor,
		      const struct twostep_state *state)
{
	struct twostep_slot *slot = swap->slot;
	unsigned long flags;
	bool run = false;
	bool mine;

	spin_lock_irqsave(&slot->lock, flags);
	WRITE_ONCE(slot->ending, true);
	/* Without an owner nobody else can have ended it. */
	mine = !slot->owner || !swap->expired;
	if (mine) {
		if (successor) {
			if (state)
				twostep_state_give(state, successor->data);
			if (slot->owner)
				strscpy(slot->previous, slot->owner->child->version,
					sizeof(slot->previous));
			slot->owner = successor;
			slot->generation++;
			/* From its first request on. */
			WRITE_ONCE(slot->probation.watch, swap->watch);
		}
		run = twostep_resume_locked(slot);
	}
	spin_unlock_irqrestore(&slot->lock, flags);

	if (run)
		twostep_run_queue(slot);
	hrtimer_cancel(&swap->deadline);
	return mine;
}

/* two_step: takes the slot from its old child, drained. False if the deadline came first. */
bool twostep_hold_detach(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&slot->lock, flags);
	mine = !swap->expired;
	if (mine) {
		strscpy(slot->previous, slot->owner->child->version, sizeof(slot->previous));
		slot->owner = NULL;
	}
	spin_unlock_irqrestore(&slot->lock, flags);
	return mine;
}
