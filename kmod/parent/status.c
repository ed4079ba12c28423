// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: status in sysfs, one value per file. Reading changes nothing.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "parent.h"

static const char * const twostep_feature_names[] = TWOSTEP_FEATURE_NAMES;
static const char * const twostep_mode_names[] = {
	[TWOSTEP_HANDOVER] = "handover",
	[TWOSTEP_TWO_STEP] = "two_step",
};
static const char * const twostep_result_names[] = {
	[TWOSTEP_NONE] = "none",
	[TWOSTEP_RUNNING] = "running",
	[TWOSTEP_OK] = "ok",
	[TWOSTEP_RETURNED] = "returned",
	[TWOSTEP_DETACHED] = "detached",
	[TWOSTEP_FAILED] = "failed",
};

const char * const twostep_policy_names[] = {
	[TWOSTEP_DRAIN] = "drain",
	[TWOSTEP_REISSUE] = "reissue",
	[TWOSTEP_FAIL] = "fail",
};
static const char * const twostep_watch_names[] = {
	[TWOSTEP_UNWATCHED] = "none",
	[TWOSTEP_WATCHING] = "watching",
	[TWOSTEP_ALARMED] = "alarmed",
	[TWOSTEP_ONE_WAY] = "one_way",
};

ssize_t twostep_show_features(u64 features, char *buf)
{
	ssize_t length = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(twostep_feature_names); i++)
		if (features & BIT_ULL(i))
			length += sysfs_emit_at(buf, length, "%s%s", length ? "," : "",
						twostep_feature_names[i]);
	return length + sysfs_emit_at(buf, length, "\n");
}

struct slot_attribute {
	struct attribute attr;
	ssize_t (*show)(struct twostep_slot *slot, char *buf);
};

#define SLOT_RO(_group, _name)							\
static struct slot_attribute _group##_##_name =					\
	{ .attr = { .name = #_name, .mode = 0444 }, .show = _group##_##_name##_show }

#define SLOT_TEXT(_name)							\
static ssize_t slot_##_name##_show(struct twostep_slot *slot, char *buf)	\
{										\
	return sysfs_emit(buf, "%s\n", slot->_name);				\
}										\
SLOT_RO(slot, _name)

SLOT_TEXT(family);
SLOT_TEXT(params);

/* slot->lock */
const char *twostep_state_name(const struct twostep_slot *slot)
{
	if (slot->failing)
		return "failed";
	if (slot->held)
		return slot->owner ? "held" : "detached";
	return slot->owner ? "serving" : "empty";
}

/* Under the lock an instance, its registration and its module cannot go away. */
#define SLOT_LOCKED(_name, _format, ...)					\
static ssize_t slot_##_name##_show(struct twostep_slot *slot, char *buf)	\
{										\
	unsigned long flags;							\
	ssize_t length;								\
										\
	spin_lock_irqsave(&slot->lock, flags);					\
	length = sysfs_emit(buf, _format "\n", __VA_ARGS__);			\
	spin_unlock_irqrestore(&slot->lock, flags);				\
	return length;								\
}										\
SLOT_RO(slot, _name)

SLOT_LOCKED(state, "%s", twostep_state_name(slot));
SLOT_LOCKED(version, "%s", slot->owner ? slot->owner->child->version : "");
SLOT_LOCKED(module, "%s", slot->owner ? module_name(slot->owner->child->owner) : "");
SLOT_LOCKED(srcversion, "%s",
	    slot->owner && slot->owner->child->owner->srcversion ?
	    slot->owner->child->owner->srcversion : "");
SLOT_LOCKED(previous, "%s", slot->previous);
SLOT_LOCKED(parked, "%s", slot->parked ? slot->parked->child->version : "");
SLOT_LOCKED(generation, "%llu", slot->generation);
SLOT_LOCKED(probation, "%s", twostep_watch_names[slot->probation.watch]);

static ssize_t slot_probation_failures_show(struct twostep_slot *slot, char *buf)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&slot->probation.failures));
}
SLOT_RO(slot, probation_failures);

static ssize_t slot_refused_ends_show(struct twostep_slot *slot, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&slot->refused_ends));
}
SLOT_RO(slot, refused_ends);

static ssize_t slot_hold_histogram_show(struct twostep_slot *slot, char *buf)
{
	ssize_t length = 0;
	int i;

	for (i = 0; i < TWOSTEP_HELD_BUCKETS; i++)
		length += sysfs_emit_at(buf, length, "%s%lld", i ? " " : "",
					atomic64_read(&slot->held_for[i]));
	return length + sysfs_emit_at(buf, length, "\n");
}
SLOT_RO(slot, hold_histogram);

static ssize_t slot_inflight_show(struct twostep_slot *slot, char *buf)
{
	return sysfs_emit(buf, "%llu\n", twostep_inflight(slot));
}
SLOT_RO(slot, inflight);

static ssize_t slot_openers_show(struct twostep_slot *slot, char *buf)
{
	return sysfs_emit(buf, "%d\n", max(atomic_read(&slot->openers), 0));
}
SLOT_RO(slot, openers);

static ssize_t slot_health_show(struct twostep_slot *slot, char *buf)
{
	int answer;

	if (!twostep_ask_health(slot, &answer))
		return sysfs_emit(buf, "unknown\n");
	return answer ? sysfs_emit(buf, "not_ok %d\n", answer) : sysfs_emit(buf, "ok\n");
}
SLOT_RO(slot, health);

static struct attribute *slot_attrs[] = {
	&slot_state.attr,
	&slot_family.attr,
	&slot_params.attr,
	&slot_version.attr,
	&slot_module.attr,
	&slot_srcversion.attr,
	&slot_previous.attr,
	&slot_generation.attr,
	&slot_parked.attr,
	&slot_probation.attr,
	&slot_probation_failures.attr,
	&slot_refused_ends.attr,
	&slot_hold_histogram.attr,
	&slot_inflight.attr,
	&slot_openers.attr,
	&slot_health.attr,
	NULL
};

static const struct attribute_group slot_group = { .attrs = slot_attrs };

#define LAST_SWAP(_name, _format, ...)						\
static ssize_t last_swap_##_name##_show(struct twostep_slot *slot, char *buf)	\
{										\
	struct twostep_report *report = &slot->report;				\
	unsigned long flags;							\
	ssize_t length;								\
										\
	spin_lock_irqsave(&slot->lock, flags);					\
	length = sysfs_emit(buf, _format "\n", __VA_ARGS__);			\
	spin_unlock_irqrestore(&slot->lock, flags);				\
	return length;								\
}										\
SLOT_RO(last_swap, _name)

LAST_SWAP(generation, "%llu", report->generation);
LAST_SWAP(from, "%s", report->from);
LAST_SWAP(to, "%s", report->to);
LAST_SWAP(mode, "%s", twostep_mode_names[report->mode]);
LAST_SWAP(result, "%s", twostep_result_names[report->result]);
LAST_SWAP(reason, "%s", report->reason);
LAST_SWAP(prepare_ns, "%llu", report->phase_ns[TWOSTEP_PREPARE]);
LAST_SWAP(quiesce_ns, "%llu", report->phase_ns[TWOSTEP_QUIESCE]);
LAST_SWAP(drain_ns, "%llu", report->phase_ns[TWOSTEP_DRAINING]);
LAST_SWAP(abandon_ns, "%llu", report->phase_ns[TWOSTEP_ABANDON]);
LAST_SWAP(adopt_ns, "%llu", report->phase_ns[TWOSTEP_ADOPT]);
LAST_SWAP(release_ns, "%llu", report->phase_ns[TWOSTEP_RELEASE]);
LAST_SWAP(return_hold_ns, "%llu", report->phase_ns[TWOSTEP_RETURN_HOLD]);
LAST_SWAP(hold_ns, "%llu", report->phase_ns[TWOSTEP_HOLD]);

static ssize_t last_swap_held_requests_show(struct twostep_slot *slot, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&slot->held_requests));
}
SLOT_RO(last_swap, held_requests);

static struct attribute *last_swap_attrs[] = {
	&last_swap_generation.attr,
	&last_swap_from.attr,
	&last_swap_to.attr,
	&last_swap_mode.attr,
	&last_swap_result.attr,
	&last_swap_reason.attr,
	&last_swap_prepare_ns.attr,
	&last_swap_quiesce_ns.attr,
	&last_swap_drain_ns.attr,
	&last_swap_abandon_ns.attr,
	&last_swap_adopt_ns.attr,
	&last_swap_release_ns.attr,
	&last_swap_hold_ns.attr,
	&last_swap_return_hold_ns.attr,
	&last_swap_held_requests.attr,
	NULL
};

static const struct attribute_group last_swap_group = {
	.name = "last_swap",
	.attrs = last_swap_attrs,
};

static const struct attribute_group *slot_groups[] = {
	&slot_group,
	&last_swap_group,
	NULL
};

static ssize_t slot_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct twostep_slot *slot = container_of(kobj, struct twostep_slot, kobj);

	return container_of(attr, struct slot_attribute, attr)->show(slot, buf);
}

static const struct sysfs_ops slot_sysfs_ops = { .show = slot_attr_show };

static void slot_free(struct kobject *kobj)
{
	struct twostep_slot *slot = container_of(kobj, struct twostep_slot, kobj);

	free_percpu(slot->traffic);
	kfree(slot);
}

const struct kobj_type twostep_slot_ktype = {
	.release = slot_free,
	.sysfs_ops = &slot_sysfs_ops,
	.default_groups = slot_groups,
};
