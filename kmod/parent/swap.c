// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: a swap, from the request to its answer.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * The swap runs in a worker and belongs to the kernel: a requester that is
 * killed changes nothing about its outcome.
 */
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "parent.h"

static void twostep_swap_free(struct kref *ref)
{
	kfree(container_of(ref, struct twostep_swap, ref));
}

/* Gives the requester its answer and the reports their result. Once, or again after detach. */
void twostep_swap_answer(struct twostep_swap *swap, enum twostep_result result, int error,
			 const char *fmt, ...)
{
	struct twostep_slot *slot = swap->slot;
	struct twostep_report *report = &slot->report;
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	spin_lock_irqsave(&slot->lock, flags);
	report->result = result;
	report->generation = slot->generation;
	vscnprintf(report->reason, sizeof(report->reason), fmt, args);
	swap->error = error;
	swap->answered = true;
	spin_unlock_irqrestore(&slot->lock, flags);
	va_end(args);
	if (error)
		pr_warn("%s: swap %s -> %s: %s (%d)\n", slot->name, report->from, report->to,
			report->reason, error);
	wake_up_all(&slot->wait);
}

/* Stores the time since @since in a field of the slot's report. */
void twostep_swap_time(struct twostep_swap *swap, u64 *field, ktime_t since)
{
	unsigned long flags;

	spin_lock_irqsave(&swap->slot->lock, flags);
	*field = ktime_to_ns(ktime_sub(ktime_get(), since));
	spin_unlock_irqrestore(&swap->slot->lock, flags);
}

/* The newest schema that @from writes and @to reads, or -EPROTO. */
int twostep_common_schema(const struct twostep_child *from, const struct twostep_child *to)
{
	u16 schema = min(from->writes.max, to->reads.max);

	return schema >= max(from->writes.min, to->reads.min) ? schema : -EPROTO;
}

/* Asks the drained @old for its state. It changes nothing by answering. */
struct twostep_state *twostep_take_state(struct twostep_swap *swap,
					 struct twostep_instance *old, u16 schema)
{
	struct twostep_state *state = twostep_state_alloc(schema);
	ktime_t begun = ktime_get();
	int err;

	if (!state)
		return ERR_PTR(-ENOMEM);
	err = old->child->abandon(old->data, state);
	if (!err)
		err = twostep_state_check(state);
	twostep_swap_time(swap, &swap->slot->report.abandon_ns, begun);
	if (err) {
		twostep_state_free(state);
		return ERR_PTR(err);
	}
	return state;
}

/* In the hold: @old's state to @successor. An errno, with its reason in @why. */
static int twostep_move_state(struct twostep_swap *swap, struct twostep_instance *old,
			      struct twostep_instance *successor, const char **why)
{
	struct twostep_state *state;
	ktime_t begun;
	int err;

	*why = "no common schema";
	err = twostep_common_schema(old->child, successor->child);
	if (err < 0)
		return err;
	*why = "abandon failed";
	state = twostep_take_state(swap, old, err);
	if (IS_ERR(state))
		return PTR_ERR(state);
	*why = "adopt failed";
	begun = ktime_get();
	err = successor->child->adopt(successor->data, state);
	twostep_swap_time(swap, &swap->slot->report.adopt_ns, begun);
	twostep_state_free(state);
	return err;
}

static void twostep_handover(struct twostep_swap *swap, struct twostep_instance *old)
{
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *successor;
	unsigned int noio;
	const char *why;
	ktime_t begun = ktime_get();
	bool kept;
	int err;

	successor = twostep_instance_prepare(slot, swap->candidate);
	twostep_swap_time(swap, &slot->report.prepare_ns, begun);
	if (IS_ERR(successor)) {
		twostep_registry_put(swap->candidate);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, PTR_ERR(successor),
				    "prepare failed: %ld", PTR_ERR(successor));
		return;
	}
	why = twostep_disk_misfit(slot, &successor->limits);
	if (why) {
		twostep_instance_release(successor);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, -EPERM, "limits: %s", why);
		return;
	}

	/* No allocation may wait for I/O to this slot, or to whatever waits for it. */
	noio = memalloc_noio_save();
	twostep_hold_begin(swap);
	twostep_swap_time(swap, &slot->report.quiesce_ns, swap->begun);
	begun = ktime_get();
	err = twostep_hold_drain(swap);
	twostep_swap_time(swap, &slot->report.drain_ns, begun);
	why = "drain did not end";
	if (!err)
		err = twostep_move_state(swap, old, successor, &why);
	begun = ktime_get();
	kept = twostep_hold_end(swap, err ? NULL : successor);
	if (kept)
		twostep_swap_time(swap, &slot->report.hold_ns, swap->begun);
	else
		slot->report.hold_ns = swap->line.deadline_ms * (u64)NSEC_PER_MSEC;
	twostep_swap_time(swap, &slot->report.release_ns, begun);
	memalloc_noio_restore(noio);

	if (err || !kept) {
		twostep_instance_release(successor);
		if (!kept)
			twostep_swap_answer(swap, TWOSTEP_RETURNED, -ETIMEDOUT,
					    "deadline of %u ms passed: %s, %llu requests in flight",
					    swap->line.deadline_ms, err ? why : "adopt came late",
					    twostep_inflight(slot));
		else
			twostep_swap_answer(swap, TWOSTEP_RETURNED, err, "%s: %d", why, err);
		return;
	}
	mutex_lock(&slot->mutex);
	slot->parked = old;
	mutex_unlock(&slot->mutex);
	twostep_instance_hide(old);
	if (twostep_instance_show(slot, successor))
		pr_warn("%s: no room for the child's files in sysfs\n", slot->name);
	twostep_swap_answer(swap, TWOSTEP_OK, 0, "adopted");
}

static void twostep_first_adoption(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *first;
	ktime_t begun = ktime_get();
	int err;

	first = twostep_instance_prepare(slot, swap->candidate);
	twostep_swap_time(swap, &slot->report.prepare_ns, begun);
	if (IS_ERR(first)) {
		err = PTR_ERR(first);
		twostep_registry_put(swap->candidate);
		goto undepend;
	}
	begun = ktime_get();
	err = first->child->adopt(first->data, NULL);
	twostep_swap_time(swap, &slot->report.adopt_ns, begun);
	if (!err)
		err = twostep_disk_start(slot, first);
	if (err) {
		twostep_instance_release(first);
		goto undepend;
	}
	if (twostep_instance_show(slot, first))
		pr_warn("%s: no room for the child's files in sysfs\n", slot->name);
	twostep_swap_answer(swap, TWOSTEP_OK, 0, "first adoption");
	return;

undepend:
	configfs_undepend_item(&slot->item);
	twostep_swap_answer(swap, TWOSTEP_FAILED, err, "first adoption failed: %d", err);
}

static void twostep_swap_work(struct work_struct *work)
{
	struct twostep_swap *swap = container_of(work, struct twostep_swap, work);
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *old = slot->owner;	/* stable while slot->swap is set */

	if (!old)
		twostep_first_adoption(swap);
	else if (swap->line.mode == TWOSTEP_HANDOVER)
		twostep_handover(swap, old);
	else
		twostep_two_step(swap, old);

	mutex_lock(&slot->mutex);
	slot->swap = NULL;
	mutex_unlock(&slot->mutex);
	wake_up_all(&slot->wait);
	kref_put(&swap->ref, twostep_swap_free);
	kobject_put(&slot->kobj);
}

/* What can be refused before anything is held. Fills slot->report. slot->mutex. */
static int twostep_swap_check(struct twostep_slot *slot, const struct twostep_request_line *line,
			      struct twostep_registration *candidate, const char **why)
{
	const struct twostep_child *old = slot->owner ? slot->owner->child : NULL;
	const struct twostep_child *new = candidate ? candidate->child : NULL;

	*why = "request data larger than the slot's request_bytes";
	if (new && new->request_bytes > slot->request_bytes)
		return -E2BIG;
	if (!old)
		return 0;
	if (new) {
		*why = "the new child breaks a promise (feature) of the old one";
		if (old->features & ~new->features)
			return -EPERM;
		*why = "no common schema";
		return min(twostep_common_schema(old, new), 0);
	}
	/* two_step: the old child must be able to take its own state back. */
	*why = "the old child cannot write, or not read back, this schema";
	if (line->schema && (line->schema < old->writes.min || line->schema > old->writes.max ||
			     line->schema < old->reads.min || line->schema > old->reads.max))
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
	unsigned long flags;
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
	swap->candidate = candidate;

	spin_lock_irqsave(&slot->lock, flags);
	slot->report = (struct twostep_report) {
		.generation = slot->generation, .mode = line->mode, .result = TWOSTEP_RUNNING,
	};
	strscpy(slot->report.to, line->version, sizeof(slot->report.to));
	if (slot->owner)
		strscpy(slot->report.from, slot->owner->child->version,
			sizeof(slot->report.from));
	spin_unlock_irqrestore(&slot->lock, flags);

	err = twostep_swap_check(slot, line, candidate, &why);
	if (!err && !slot->owner) {
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
	slot->swap = swap;
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

	mutex_lock(&slot->mutex);
	swap = twostep_swap_begin(slot, line);
	mutex_unlock(&slot->mutex);
	if (IS_ERR(swap))
		return PTR_ERR(swap);
	queue_work(system_unbound_wq, &swap->work);

	err = wait_event_killable(slot->wait,
				  READ_ONCE(swap->answered) || READ_ONCE(swap->expired));
	/* At the deadline the worker needs a moment to say why. */
	if (!err)
		err = wait_event_killable_timeout(slot->wait, READ_ONCE(swap->answered), HZ);
	if (err < 0)
		err = -EINTR;
	else
		err = READ_ONCE(swap->answered) ? swap->error : -ETIMEDOUT;
	/* The slot is free for the next request before this one's answer is seen. */
	if (!err && line->mode == TWOSTEP_HANDOVER)
		wait_event_killable(slot->wait, READ_ONCE(slot->swap) != swap);
	kref_put(&swap->ref, twostep_swap_free);
	return err;
}

/* Releases the parked child; its module may be unloaded then. 0 also if there is none. */
int twostep_swap_commit(struct twostep_slot *slot, u64 generation)
{
	struct twostep_instance *parked;
	int err = 0;

	mutex_lock(&slot->mutex);
	parked = slot->parked;
	if (slot->swap)
		err = -EBUSY;
	else if (generation != slot->generation)
		err = -ESTALE;
	else
		slot->parked = NULL;
	if (!err && parked) {
		/*
		 * The drain saw every request end, but the CPU that ended one
		 * may still be in the child's last instructions.
		 */
		synchronize_rcu_tasks();
		synchronize_rcu();
		twostep_instance_release(parked);
	}
	mutex_unlock(&slot->mutex);
	return err;
}
