// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: what is told about a slot's last swap, and to whom.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "parent.h"
#include "trace.h"

static void twostep_set_phase_ns(struct twostep_slot *slot, enum twostep_phase phase, u64 ns)
{
	slot->report.phase_ns[phase] = ns;
	trace_twostep_phase(slot->name, phase, ns);
}

/* How long a phase took that began at @since. */
void twostep_set_phase(struct twostep_slot *slot, enum twostep_phase phase, ktime_t since)
{
	u64 ns = ktime_to_ns(ktime_sub(ktime_get(), since));
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	twostep_set_phase_ns(slot, phase, ns);
	spin_unlock_irqrestore(&slot->lock, flags);
}

/* How long the hold took that ends now. slot->lock. */
void twostep_set_hold(struct twostep_slot *slot, u64 ns)
{
	bool returning = slot->swap == &slot->probation.swap;

	twostep_set_phase_ns(slot, returning ? TWOSTEP_RETURN_HOLD : TWOSTEP_HOLD, ns);
}

void twostep_report_begin(struct twostep_slot *slot, const struct twostep_request_line *line)
{
	struct twostep_report report = {
		.generation = slot->generation, .mode = line->mode, .result = TWOSTEP_RUNNING,
	};
	unsigned long flags;

	strscpy(report.to, line->version, sizeof(report.to));
	if (slot->owner)
		strscpy(report.from, slot->owner->child->version, sizeof(report.from));
	spin_lock_irqsave(&slot->lock, flags);
	slot->report = report;
	spin_unlock_irqrestore(&slot->lock, flags);
}

void twostep_report_result(struct twostep_slot *slot, enum twostep_result result,
			   const char *reason)
{
	struct twostep_report *report = &slot->report;
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	report->result = result;
	report->generation = slot->generation;
	strscpy(report->reason, reason, sizeof(report->reason));
	spin_unlock_irqrestore(&slot->lock, flags);
}

/*
 * Tells user space that another child serves, or none, or that a probation has
 * ended. About the slot, never about its disk: nobody shall scan that again.
 */
void twostep_slot_announce(struct twostep_slot *slot)
{
	char name[sizeof("TWOSTEP_SLOT=") + TWOSTEP_SLOT_NAME_MAX];
	char state[sizeof("TWOSTEP_STATE=") + 10];
	char version[sizeof("TWOSTEP_VERSION=") + TWOSTEP_VERSION_MAX];
	char generation[sizeof("TWOSTEP_GENERATION=") + 20];
	char reason[sizeof("TWOSTEP_REASON=") + TWOSTEP_REASON_MAX];
	char *environment[6] = { name, state, version, generation, reason, NULL };
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	snprintf(state, sizeof(state), "TWOSTEP_STATE=%s", twostep_state_name(slot));
	snprintf(version, sizeof(version), "TWOSTEP_VERSION=%s",
		 slot->owner ? slot->owner->child->version : "");
	snprintf(generation, sizeof(generation), "TWOSTEP_GENERATION=%llu", slot->generation);
	snprintf(reason, sizeof(reason), "TWOSTEP_REASON=%s", slot->report.reason);
	trace_twostep_transition(slot->name, twostep_state_name(slot),
				 slot->owner ? slot->owner->child->version : "",
				 slot->generation, slot->report.reason);
	spin_unlock_irqrestore(&slot->lock, flags);
	snprintf(name, sizeof(name), "TWOSTEP_SLOT=%s", slot->name);
	kobject_uevent_env(&slot->kobj, KOBJ_CHANGE, environment);
}
