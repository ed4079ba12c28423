// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: one hold in which a slot passes from one child to another.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/sched/mm.h>

#include "parent.h"

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
	twostep_set_phase(swap->slot, TWOSTEP_ABANDON, begun);
	if (err) {
		twostep_state_free(state);
		return ERR_PTR(err);
	}
	return state;
}

/*
 * In the hold: @old's state to @successor; in *@state what it has adopted. On
 * the way back out of a probation a state that is not to be had is done without.
 */
static int twostep_move_state(struct twostep_swap *swap, struct twostep_instance *old,
			      struct twostep_instance *successor, bool returning,
			      struct twostep_state **state, const char **why)
{
	int schema = twostep_common_schema(old->child, successor->child);
	ktime_t begun;
	int err;

	*why = "abandon failed";
	*state = schema < 0 ? ERR_PTR(schema) : twostep_take_state(swap, old, schema);
	if (IS_ERR(*state)) {
		err = PTR_ERR(*state);
		*state = NULL;
		if (!returning)
			return err;
		pr_warn("%s: the state of %s is lost (%d)\n", swap->slot->name,
			old->child->version, err);
	}
	*why = "adopt failed";
	begun = ktime_get();
	err = successor->child->adopt(successor->data, *state);
	twostep_set_phase(swap->slot, TWOSTEP_ADOPT, begun);
	return err;
}

/* Why @swap came to nothing, for people. */
static void twostep_say_why(struct twostep_swap *swap, const char *step, int err, bool late,
			    char *why, size_t size)
{
	struct twostep_oldest oldest;

	if (!late) {
		scnprintf(why, size, "%s: %d", step, err);
		return;
	}
	twostep_find_oldest(swap->slot, &oldest);
	if (oldest.count)
		scnprintf(why, size,
			  "deadline of %u ms passed: %s, %u in flight, oldest: tag %d %s for %u ms",
			  swap->line.deadline_ms, step, oldest.count, oldest.tag,
			  blk_op_str(oldest.op), oldest.age_ms);
	else
		scnprintf(why, size, "deadline of %u ms passed: %s", swap->line.deadline_ms, step);
}

/*
 * Lets @successor, prepared, serve instead of @old. 0 if it does. After an
 * error @old serves, and the reason is in @why.
 */
int twostep_exchange(struct twostep_swap *swap, struct twostep_instance *old,
		     struct twostep_instance *successor, bool returning, char *why, size_t size)
{
	struct twostep_slot *slot = swap->slot;
	struct twostep_state *state = NULL;
	const char *step = "drain did not end";
	unsigned int noio;
	ktime_t begun;
	bool kept;
	int err;

	/* No allocation may wait for I/O to this slot, or to whatever waits for it. */
	noio = memalloc_noio_save();
	twostep_hold_begin(swap);
	twostep_set_phase(slot, TWOSTEP_QUIESCE, swap->begun);
	begun = ktime_get();
	err = twostep_hold_drain(swap);
	twostep_set_phase(slot, TWOSTEP_DRAINING, begun);
	if (!err)
		err = twostep_move_state(swap, old, successor, returning, &state, &step);
	begun = ktime_get();
	kept = twostep_hold_end(swap, err ? NULL : successor, state);
	twostep_set_phase(slot, TWOSTEP_RELEASE, begun);
	twostep_state_free(state);
	memalloc_noio_restore(noio);

	if (kept && !err)
		return 0;
	twostep_say_why(swap, err ? step : "adopt came late", err, !kept, why, size);
	return kept ? err : -ETIMEDOUT;
}
