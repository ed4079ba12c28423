// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: a swap, from the request to its answer, and its commit.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * The swap runs in a worker and belongs to the kernel: a requester that is
 * killed changes nothing about its outcome.
 */
#include <linux/rcupdate.h>

#include "parent.h"

#define TWOSTEP_END_WAIT	(10 * HZ)	/* grace periods, and a child's release */

static void twostep_swap_free(struct kref *ref)
{
	kfree(container_of(ref, struct twostep_swap, ref));
}

static void twostep_set_ending(struct twostep_slot *slot, bool ending)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	WRITE_ONCE(slot->ending, ending);
	spin_unlock_irqrestore(&slot->lock, flags);
}

/* Gives the requester its answer and the reports their result. Once, or again after detach. */
void twostep_swap_answer(struct twostep_swap *swap, enum twostep_result result, int error,
			 const char *fmt, ...)
{
	struct twostep_slot *slot = swap->slot;
	char reason[TWOSTEP_REASON_MAX];
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	vscnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	if (result != TWOSTEP_DETACHED)
		twostep_set_ending(slot, true);
	twostep_report_result(slot, result, reason);
	if (error)
		pr_warn("%s: swap %s -> %s: %s (%d)\n", slot->name, slot->report.from,
			slot->report.to, reason, error);
	spin_lock_irqsave(&slot->lock, flags);
	swap->error = error;
	swap->answered = true;
	spin_unlock_irqrestore(&slot->lock, flags);
	wake_up_all(&slot->wait);
	twostep_slot_announce(slot);
}

/*
 * Whoever has seen how something ended may ask for the next thing at once: what
 * is left of the former is waited for. Before a request, without the mutex.
 */
void twostep_await_end(struct twostep_slot *slot)
{
	wait_event_killable_timeout(slot->wait,
				    !READ_ONCE(slot->swap) || !READ_ONCE(slot->ending),
				    TWOSTEP_END_WAIT);
}

/* slot->mutex, and nobody has the slot. */
static void twostep_take(struct twostep_slot *slot, struct twostep_swap *swap)
{
	twostep_set_ending(slot, false);
	WRITE_ONCE(slot->swap, swap);
}

/* Takes the slot for something else than a swap that was asked for. -EBUSY */
int twostep_claim(struct twostep_slot *slot)
{
	int err = -EBUSY;

	mutex_lock(&slot->mutex);
	if (!slot->swap) {
		twostep_take(slot, &slot->probation.swap);
		err = 0;
	}
	mutex_unlock(&slot->mutex);
	return err;
}

/* Who has the slot gives it free. */
void twostep_swap_done(struct twostep_slot *slot)
{
	mutex_lock(&slot->mutex);
	WRITE_ONCE(slot->swap, NULL);
	mutex_unlock(&slot->mutex);
	wake_up_all(&slot->wait);
}

/*
 * After a drain every request has ended, but the CPU that ended one may still
 * be in the child's last instructions. Returns when none is.
 */
void twostep_last_instructions(void)
{
	synchronize_rcu_tasks();
	synchronize_rcu();
}

static void twostep_quiet(struct rcu_head *head)
{
	struct twostep_swap *swap = container_of(head, struct twostep_swap, quiet_head);
	struct twostep_slot *slot = swap->slot;

	WRITE_ONCE(swap->quiet, true);
	wake_up_all(&slot->wait);
	kref_put(&swap->ref, twostep_swap_free);
	kobject_put(&slot->kobj);
}

/*
 * The same within a hold, whose deadline may come first: -ETIMEDOUT. A task that
 * never sleeps, such as a busy SQPOLL thread, can keep it that long.
 */
int twostep_await_last_instructions(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;

	kobject_get(&slot->kobj);
	kref_get(&swap->ref);
	call_rcu_tasks(&swap->quiet_head, twostep_quiet);
	wait_event_idle(slot->wait, READ_ONCE(swap->quiet) || READ_ONCE(swap->expired));
	if (!READ_ONCE(swap->quiet))
		return -ETIMEDOUT;
	synchronize_rcu_expedited();
	return 0;
}

/* The caller has the slot. */
void twostep_set_parked(struct twostep_slot *slot, struct twostep_instance *parked)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	slot->parked = parked;
	spin_unlock_irqrestore(&slot->lock, flags);
}

static void twostep_handover(struct twostep_swap *swap, struct twostep_instance *old,
			     struct twostep_instance *successor)
{
	struct twostep_slot *slot = swap->slot;
	char why[TWOSTEP_REASON_MAX];
	int err;

	twostep_probation_prepare(slot, swap);
	err = twostep_exchange(swap, old, successor, false, why, sizeof(why));
	if (err) {
		twostep_instance_release(successor);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, err, "%s", why);
		return;
	}
	twostep_set_parked(slot, old);
	twostep_instance_hide(old);
	twostep_instance_show(slot, successor);
	twostep_probation_begin(slot);
	twostep_swap_answer(swap, TWOSTEP_OK, 0, "adopted");
}

/* A slot without a child: its disk is made, or given back its life after a forced unload. */
static void twostep_first_adoption(struct twostep_swap *swap, struct twostep_instance *first)
{
	struct twostep_slot *slot = swap->slot;
	ktime_t begun = ktime_get();
	int err;

	err = first->child->adopt(first->data, NULL);
	twostep_set_phase(slot, TWOSTEP_ADOPT, begun);
	if (err) {
		twostep_instance_release(first);
		twostep_swap_answer(swap, TWOSTEP_FAILED, err, "adopt failed: %d", err);
		return;
	}
	if (slot->disk)
		twostep_hold_end(swap, first, NULL);
	else
		err = twostep_disk_start(slot, first);
	if (err) {
		twostep_instance_release(first);
		twostep_swap_answer(swap, TWOSTEP_FAILED, err, "no disk: %d", err);
		return;
	}
	twostep_instance_show(slot, first);
	twostep_swap_answer(swap, TWOSTEP_OK, 0, "first adoption");
}

/* The successor of a swap whose module is there, ready to adopt; NULL after an answer. */
static struct twostep_instance *twostep_prepare(struct twostep_swap *swap, bool first)
{
	enum twostep_result result = first ? TWOSTEP_FAILED : TWOSTEP_RETURNED;
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *successor;
	ktime_t begun = ktime_get();
	const char *misfit;

	successor = twostep_instance_prepare(slot, swap->candidate);
	twostep_set_phase(slot, TWOSTEP_PREPARE, begun);
	if (IS_ERR(successor)) {
		twostep_registry_put(swap->candidate);
		twostep_swap_answer(swap, result, PTR_ERR(successor), "prepare failed: %ld",
				    PTR_ERR(successor));
		return NULL;
	}
	misfit = slot->disk ? twostep_disk_misfit(slot, &successor->limits) : NULL;
	if (misfit) {
		twostep_instance_release(successor);
		twostep_swap_answer(swap, result, -EPERM, "limits: %s", misfit);
		return NULL;
	}
	return successor;
}

static void twostep_swap_work(struct work_struct *work)
{
	struct twostep_swap *swap = container_of(work, struct twostep_swap, work);
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *old = slot->owner;	/* stable while slot->swap is set */
	bool two_step = old && swap->line.mode == TWOSTEP_TWO_STEP;
	struct twostep_instance *successor;

	if (two_step) {
		twostep_two_step(swap, old);
	} else {
		successor = twostep_prepare(swap, !old);
		if (successor && old)
			twostep_handover(swap, old, successor);
		else if (successor)
			twostep_first_adoption(swap, successor);
	}
	if (!slot->disk)
		configfs_undepend_item(&slot->item);
	twostep_swap_done(slot);
	kref_put(&swap->ref, twostep_swap_free);
	kobject_put(&slot->kobj);
}

/* What can be refused before anything is held; @why says so. slot->mutex. */
static int twostep_swap_check(struct twostep_slot *slot, const struct twostep_request_line *line,
			      struct twostep_registration *candidate, const char **why)
{
	const struct twostep_child *old = slot->owner ? slot->owner->child : NULL;
	const struct twostep_child *new = candidate ? candidate->child : NULL;
	unsigned int schema;

	*why = "the machine is being suspended";
	if (twostep_suspending())
		return -EAGAIN;
	*why = "request data larger than the slot's request_bytes";
	if (new && new->request_bytes > slot->request_bytes)
		return -E2BIG;
	*why = "the new child breaks a promise (feature) of the old one";
	if (new && slot->features & ~new->features)
		return -EPERM;
	if (!old)
		return 0;
	if (new) {
		*why = "no common schema";
		if (twostep_common_schema(old, new) < 0)
			return -EPROTO;
		*why = "no way back: old reads no schema of new; one_way=1 consents";
		if (twostep_common_schema(new, old) < 0 && !line->one_way)
			return -ENOTRECOVERABLE;
		return 0;
	}
	/* two_step: the old child must be able to take its own state back. */
	*why = "the old child cannot write, or not read back, this schema";
	schema = line->schema ?: old->writes.max;
	if (schema < old->writes.min || schema > old->writes.max ||
	    schema < old->reads.min || schema > old->reads.max)
		return -EPROTO;
	return 0;
}

/* Makes the swap the slot's. slot->mutex held; returns the swap with two references. */
static struct twostep_swap *twostep_swap_begin(struct twostep_slot *slot,
					       const struct twostep_request_line *line)
{
	bool loaded_first = line->mode == TWOSTEP_HANDOVER || !slot->owner;
	struct twostep_registration *candidate = NULL;
	struct twostep_swap *swap;
	const char *why;
	int err;

	if (slot->swap || slot->parked)
		return ERR_PTR(-EBUSY);
	if (line->generation != slot->generation)
		return ERR_PTR(-ESTALE);
	if (!slot->family[0])
		return ERR_PTR(-EINVAL);
	if (loaded_first) {
		candidate = twostep_registry_get(slot->family, line->version);
		if (!candidate)
			return ERR_PTR(-ENOENT);
	}
	swap = kzalloc(sizeof(*swap), GFP_KERNEL);
	if (!swap) {
		err = -ENOMEM;
		goto put;
	}
	kref_init(&swap->ref);
	swap->slot = slot;
	swap->line = *line;
	swap->policy = READ_ONCE(slot->policy);
	swap->candidate = candidate;

	twostep_report_begin(slot, line);
	err = twostep_swap_check(slot, line, candidate, &why);
	if (!err && !slot->disk) {
		why = "the slot's configfs folder is going away";
		err = configfs_depend_item_unlocked(&twostep_subsystem, &slot->item);
	}
	if (err) {
		twostep_swap_answer(swap, TWOSTEP_FAILED, err, "%s", why);
		goto free;
	}
	twostep_hold_init(swap);
	INIT_WORK(&swap->work, twostep_swap_work);
	kobject_get(&slot->kobj);	/* the worker's */
	kref_get(&swap->ref);		/* the worker's */
	twostep_take(slot, swap);
	return swap;

free:
	kfree(swap);
put:
	if (candidate)
		twostep_registry_put(candidate);
	return ERR_PTR(err);
}

/*
 * Asks for a swap and waits for its answer. -EINTR if the caller is killed; the
 * swap goes on. Never longer than the deadline after prepare: a child that
 * hangs in adopt leaves the old one serving and the slot busy.
 */
int twostep_swap_request(struct twostep_slot *slot, const struct twostep_request_line *line)
{
	struct twostep_swap *swap;
	int err;

	twostep_await_end(slot);
	mutex_lock(&slot->mutex);
	swap = twostep_swap_begin(slot, line);
	mutex_unlock(&slot->mutex);
	if (IS_ERR(swap))
		return PTR_ERR(swap);
	queue_work(twostep_workqueue, &swap->work);

	err = wait_event_killable(slot->wait,
				  READ_ONCE(swap->answered) || READ_ONCE(swap->expired));
	/* At the deadline the worker needs a moment to say why. */
	if (!err)
		err = wait_event_killable_timeout(slot->wait, READ_ONCE(swap->answered), HZ);
	if (err < 0)
		err = -EINTR;
	else
		err = READ_ONCE(swap->answered) ? swap->error : -ETIMEDOUT;
	/*
	 * The slot is free for the next request before this one's answer is
	 * seen, unless a child hangs or a two_step swap waits for one.
	 */
	if (READ_ONCE(swap->answered) && (err || line->mode == TWOSTEP_HANDOVER))
		wait_event_killable_timeout(slot->wait, READ_ONCE(slot->swap) != swap, HZ);
	kref_put(&swap->ref, twostep_swap_free);
	return err;
}

/* Ends the probation. The parked child's module may be unloaded then. 0 also if there is none. */
int twostep_swap_commit(struct twostep_slot *slot, u64 generation)
{
	struct twostep_instance *parked;
	int err;

	twostep_await_end(slot);
	err = twostep_claim(slot);
	if (err)
		return err;
	if (generation != slot->generation) {
		twostep_swap_done(slot);
		return -ESTALE;
	}
	twostep_probation_end(slot);
	parked = slot->parked;
	twostep_set_parked(slot, NULL);
	if (slot->disk)
		twostep_disk_grow(slot);
	if (parked) {
		twostep_last_instructions();
		twostep_instance_release(parked);
		twostep_slot_announce(slot);
	}
	twostep_swap_done(slot);
	return 0;
}
