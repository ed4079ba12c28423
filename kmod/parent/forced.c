// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: rmmod -f of a child that is in use.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * The module's exit cannot be refused any more, but it is not over until we
 * return: long enough to take every slot from the child, to a parked one of
 * another module if there is one, else to failure without a child.
 */
#include "parent.h"

static bool twostep_uses(const struct twostep_instance *instance,
			 const struct twostep_registration *registration)
{
	return instance && instance->registration == registration;
}

/* Instances, and a swap that tries it. */
static bool twostep_slot_uses(struct twostep_slot *slot, void *registration)
{
	const struct twostep_swap *swap;
	unsigned long flags;
	bool uses;

	mutex_lock(&slot->mutex);
	swap = slot->swap;
	spin_lock_irqsave(&slot->lock, flags);
	uses = twostep_uses(slot->owner, registration) ||
	       twostep_uses(slot->parked, registration) ||
	       (swap && READ_ONCE(swap->candidate) == registration);
	spin_unlock_irqrestore(&slot->lock, flags);
	mutex_unlock(&slot->mutex);
	return uses;
}

/* The caller has the slot: it goes on without a child, failing what it is asked. */
static void twostep_orphan(struct twostep_slot *slot)
{
	struct twostep_instance *owner = slot->owner;
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	strscpy(slot->previous, owner->child->version, sizeof(slot->previous));
	slot->owner = NULL;
	slot->generation++;
	WRITE_ONCE(slot->failing, true);
	WRITE_ONCE(slot->serving, NULL);
	spin_unlock_irqrestore(&slot->lock, flags);
	twostep_fence();
	wait_event_idle(slot->wait, twostep_idle(slot));
	twostep_instance_hide(owner);
	twostep_last_instructions();
	twostep_instance_release(owner);
	twostep_report_result(slot, TWOSTEP_FAILED, "the child's module was unloaded by force");
	twostep_slot_announce(slot);
}

/* A swap under way ends, or lets go of the child, first. False if the slot does not use it then. */
static bool twostep_claim_from(struct twostep_slot *slot,
			       struct twostep_registration *registration)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool claimed;

	add_wait_queue(&slot->wait, &wait);
	while (!(claimed = !twostep_claim(slot)) && twostep_slot_uses(slot, registration))
		wait_woken(&wait, TASK_IDLE, MAX_SCHEDULE_TIMEOUT);
	remove_wait_queue(&slot->wait, &wait);
	return claimed;
}

/* The caller has the slot. */
static void twostep_unpark(struct twostep_slot *slot)
{
	struct twostep_instance *parked = slot->parked;

	twostep_set_parked(slot, NULL);
	twostep_last_instructions();
	twostep_instance_release(parked);
}

static void twostep_evict_from(struct twostep_slot *slot,
			       struct twostep_registration *registration)
{
	if (!twostep_claim_from(slot, registration))
		return;
	twostep_probation_end(slot);
	if (twostep_uses(slot->parked, registration))
		twostep_unpark(slot);
	if (twostep_uses(slot->owner, registration) && slot->parked)
		twostep_probation_return(slot, "the new child's module was unloaded by force");
	if (twostep_uses(slot->owner, registration)) {
		twostep_orphan(slot);
		/* It could not come back; it would only be in the way of a repair. */
		if (slot->parked)
			twostep_unpark(slot);
	}
	twostep_swap_done(slot);
}

/* Returns when no instance of @registration is left. It is not in the registry any more. */
void twostep_evict(struct twostep_registration *registration)
{
	struct twostep_slot *slot;

	while ((slot = twostep_slot_next(twostep_slot_uses, registration))) {
		pr_err("%s: %s is unloaded by force\n", slot->name,
		       module_name(registration->child->owner));
		twostep_evict_from(slot, registration);
		kobject_put(&slot->kobj);
	}
}
