// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: two_step swaps, where the old module goes before the new one comes.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Between the two only user space can bring a child. At the first deadline the
 * old one is asked for through modprobe; at the second the slot's policy
 * applies. Whatever child of the asked-for version, or after the first
 * deadline of the old version, registers in the meantime adopts the state.
 */
#include <linux/kmod.h>
#include <linux/sched/mm.h>

#include "parent.h"

struct twostep_detached {
	struct twostep_swap *swap;
	struct twostep_state *state;
	char old_module[MODULE_NAME_LEN];
};

/* @version, if registered, as the swap's candidate: who unloads it by force waits (forced.c). */
static struct twostep_registration *twostep_take_candidate(struct twostep_swap *swap,
							   const char *version)
{
	struct twostep_slot *slot = swap->slot;
	struct twostep_registration *candidate;

	mutex_lock(&slot->mutex);
	candidate = twostep_registry_get(slot->family, version);
	WRITE_ONCE(swap->candidate, candidate);
	mutex_unlock(&slot->mutex);
	return candidate;
}

static void twostep_drop_candidate(struct twostep_swap *swap)
{
	WRITE_ONCE(swap->candidate, NULL);
	wake_up_all(&swap->slot->wait);
}

/* Lets @candidate adopt, whose reference ends here unless it does. 0, or why it could not. */
static int twostep_try(struct twostep_detached *detached, struct twostep_registration *candidate,
		       const char **why)
{
	struct twostep_swap *swap = detached->swap;
	struct twostep_slot *slot = swap->slot;
	struct twostep_instance *successor;
	u16 schema = twostep_state_schema(detached->state);
	ktime_t begun = ktime_get();
	int err;

	err = -EPERM;
	*why = "it breaks a promise (feature) of the old child";
	if (slot->features & ~candidate->child->features)
		goto put;
	err = -EPROTO;
	*why = "it does not read the state's schema";
	if (schema < candidate->child->reads.min || schema > candidate->child->reads.max)
		goto put;
	err = -E2BIG;
	*why = "request data larger than the slot's request_bytes";
	if (candidate->child->request_bytes > slot->request_bytes)
		goto put;
	successor = twostep_instance_prepare(slot, candidate);
	twostep_set_phase(slot, TWOSTEP_PREPARE, begun);
	if (IS_ERR(successor)) {
		err = PTR_ERR(successor);
		*why = "prepare failed";
		goto put;
	}
	*why = twostep_disk_misfit(slot, &successor->limits);
	err = *why ? -EPERM : 0;
	begun = ktime_get();
	if (!err) {
		*why = "adopt failed";
		err = successor->child->adopt(successor->data, detached->state);
		twostep_set_phase(slot, TWOSTEP_ADOPT, begun);
	}
	if (err) {
		twostep_instance_release(successor);
		return err;
	}
	twostep_hold_end(swap, successor, detached->state);
	twostep_instance_show(slot, successor);
	return 0;

put:
	twostep_registry_put(candidate);
	return err;
}

/* Lets @version adopt if it is registered. 0, -ENOENT, or why it could not. */
static int twostep_adopt_version(struct twostep_detached *detached, const char *version)
{
	struct twostep_swap *swap = detached->swap;
	struct twostep_registration *candidate = twostep_take_candidate(swap, version);
	const char *why;
	int err;

	if (!candidate)
		return -ENOENT;
	err = twostep_try(detached, candidate, &why);
	twostep_drop_candidate(swap);
	if (err)
		pr_err_ratelimited("%s: %s cannot adopt: %s (%d)\n", swap->slot->name, version,
				   why, err);
	return err;
}

/* What a deadline that has passed brings; what the last one does to I/O, the timer has done. */
static void twostep_say_overdue(struct twostep_swap *swap)
{
	struct twostep_slot *slot = swap->slot;

	if (READ_ONCE(swap->overdue) < TWOSTEP_DEADLINES)
		pr_err("%s: no %s %s within %u ms, the old child's turn\n", slot->name,
		       slot->family, swap->line.version, swap->line.deadline_ms);
	else
		pr_err("%s: no child, I/O %s as configured\n", slot->name,
		       READ_ONCE(slot->failing) ? "fails" : "stays queued");
}

/* Waits, however long it takes, for a child that adopts. One that failed may not the next time. */
static void twostep_await_successor(struct twostep_detached *detached)
{
	struct twostep_swap *swap = detached->swap;
	struct twostep_slot *slot = swap->slot;
	unsigned int wakes, overdue = 0;
	bool asked_failed = false, called = false;

	for (;;) {
		wakes = twostep_slots_wakes();
		if (!asked_failed) {
			int err = twostep_adopt_version(detached, swap->line.version);

			if (!err) {
				twostep_swap_answer(swap, TWOSTEP_OK, 0, "adopted");
				return;
			}
			asked_failed = err != -ENOENT;
		}
		if ((asked_failed || overdue) &&
		    !twostep_adopt_version(detached, slot->report.from)) {
			twostep_swap_answer(swap, TWOSTEP_RETURNED, 0, "%s",
					    asked_failed ? "the asked-for version could not adopt" :
							   "the deadline passed");
			return;
		}
		/* A wrong successor must leave before the old one's turn: it failed for good. */
		if ((asked_failed || overdue) && !called) {
			request_module_nowait("%s", detached->old_module);
			called = true;
		}
		wait_event_idle_timeout(slot->wait,
					twostep_slots_wakes() != wakes ||
					READ_ONCE(swap->overdue) != overdue, HZ);
		if (READ_ONCE(swap->overdue) == overdue)
			continue;
		overdue = READ_ONCE(swap->overdue);
		twostep_say_overdue(swap);
	}
}

/* The whole of a two_step swap; @old serves on entry. */
void twostep_two_step(struct twostep_swap *swap, struct twostep_instance *old)
{
	struct twostep_detached detached = { .swap = swap };
	struct twostep_slot *slot = swap->slot;
	unsigned int noio;
	ktime_t begun;
	int err;

	strscpy(detached.old_module, module_name(old->child->owner), sizeof(detached.old_module));

	/* All of it, the wait for the successor included, is inside the hold. */
	noio = memalloc_noio_save();
	twostep_hold_begin(swap);
	twostep_set_phase(slot, TWOSTEP_QUIESCE, swap->begun);
	begun = ktime_get();
	err = twostep_suspending() ? -EAGAIN : 0;	/* see pm.c */
	if (err) {
		twostep_hold_end(swap, NULL, NULL);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, err, "the machine is being suspended");
		goto restore;
	}
	err = twostep_hold_drain(swap);
	twostep_set_phase(slot, TWOSTEP_DRAINING, begun);
	if (err) {
		twostep_hold_end(swap, NULL, NULL);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, err,
				    "deadline of %u ms passed: drain did not end, %llu requests in flight",
				    swap->line.deadline_ms, twostep_inflight(slot));
		goto restore;
	}
	/* Its module is about to be unloaded, by whoever hears that it may. */
	err = twostep_await_last_instructions(swap);
	if (err) {
		twostep_hold_end(swap, NULL, NULL);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, err,
				    "deadline of %u ms passed: a task may be in the old child's code still",
				    swap->line.deadline_ms);
		goto restore;
	}
	detached.state = twostep_take_state(swap, old,
					    swap->line.schema ?: old->child->writes.max);
	if (IS_ERR(detached.state)) {
		err = PTR_ERR(detached.state);
		twostep_hold_end(swap, NULL, NULL);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, err, "abandon failed: %d", err);
		goto restore;
	}
	if (!twostep_hold_detach(swap)) {
		twostep_hold_end(swap, NULL, NULL);
		twostep_swap_answer(swap, TWOSTEP_RETURNED, -ETIMEDOUT,
				    "deadline of %u ms passed: abandon came late",
				    swap->line.deadline_ms);
		goto free;
	}
	/* Nobody writes the pages until somebody serves: old's address may be used again. */
	twostep_state_give(detached.state, detached.state);
	begun = ktime_get();
	twostep_instance_release(old);
	twostep_set_phase(slot, TWOSTEP_RELEASE, begun);
	twostep_swap_answer(swap, TWOSTEP_DETACHED, 0, "waiting for %s", swap->line.version);
	twostep_await_successor(&detached);
free:
	twostep_state_free(detached.state);
restore:
	memalloc_noio_restore(noio);
}
