// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the slots, from mkdir to rmdir in configfs.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/cpumask.h>

#include "../compat/sysfs.h"
#include "parent.h"

static DEFINE_MUTEX(twostep_slots_lock);
static LIST_HEAD(twostep_slots);	/* twostep_slots_lock */
static struct kset *twostep_slots_kset;
static atomic_t twostep_wakes = ATOMIC_INIT(0);

/* A lower-case letter, then lower-case letters, digits, '-' and '_'. */
static bool twostep_slot_name_ok(const char *name)
{
	size_t length = strlen(name);

	return length && length <= TWOSTEP_SLOT_NAME_MAX && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}

/* The caller owns the reference of the slot's kobject. */
struct twostep_slot *twostep_slot_alloc(const char *name)
{
	struct twostep_slot *slot;
	int err;

	if (!twostep_slot_name_ok(name))
		return ERR_PTR(-EINVAL);
	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return ERR_PTR(-ENOMEM);
	strscpy(slot->name, name, sizeof(slot->name));
	mutex_init(&slot->mutex);
	spin_lock_init(&slot->lock);
	init_waitqueue_head(&slot->wait);
	INIT_LIST_HEAD(&slot->entry);
	twostep_probation_init(slot);
	slot->queue_depth = BLKDEV_DEFAULT_RQ;
	slot->hw_queues = min(num_online_cpus(), 16U);
	slot->request_bytes = 256;
	slot->kobj.kset = twostep_slots_kset;
	kobject_init(&slot->kobj, &twostep_slot_ktype);

	slot->traffic = alloc_percpu(struct twostep_traffic);
	if (!slot->traffic) {
		err = -ENOMEM;
		goto put;
	}
	err = kobject_add(&slot->kobj, NULL, "%s", name);
	if (err)
		goto put;
	mutex_lock(&twostep_slots_lock);
	list_add_tail(&slot->entry, &twostep_slots);
	mutex_unlock(&twostep_slots_lock);
	return slot;

put:
	kobject_put(&slot->kobj);
	return ERR_PTR(err);
}

/*
 * Takes an inactive slot out of sight. Nobody swaps it: a swap needs a disk or
 * is making one, and both keep configfs from calling this.
 */
void twostep_slot_remove(struct twostep_slot *slot)
{
	mutex_lock(&twostep_slots_lock);
	list_del_init(&slot->entry);
	mutex_unlock(&twostep_slots_lock);
	kobject_del(&slot->kobj);
	/* Whom it asked is gone; only the work's own end may be to come. */
	cancel_work_sync(&slot->probation.health);
}

/* The first slot that @match accepts, with a reference to its kobject, or NULL. */
struct twostep_slot *twostep_slot_next(bool (*match)(struct twostep_slot *slot, void *what),
				       void *what)
{
	struct twostep_slot *slot, *found = NULL;

	mutex_lock(&twostep_slots_lock);
	list_for_each_entry(slot, &twostep_slots, entry) {
		if (match(slot, what)) {
			kobject_get(&slot->kobj);
			found = slot;
			break;
		}
	}
	mutex_unlock(&twostep_slots_lock);
	return found;
}

/* Lets every waiting swap look again: a child has registered. */
void twostep_slots_wake(void)
{
	struct twostep_slot *slot;

	atomic_inc(&twostep_wakes);
	mutex_lock(&twostep_slots_lock);
	list_for_each_entry(slot, &twostep_slots, entry)
		wake_up_all(&slot->wait);
	mutex_unlock(&twostep_slots_lock);
}

/* Differs from an earlier answer if a child has registered since. */
unsigned int twostep_slots_wakes(void)
{
	return atomic_read(&twostep_wakes);
}

/* What uevents about slots call their subsystem. */
static const char *twostep_uevent_name(TWOSTEP_UEVENT_CONST struct kobject *kobj)
{
	return "twostep";
}

static const struct kset_uevent_ops twostep_uevent_ops = { .name = twostep_uevent_name };

int twostep_slots_init(struct kobject *parent)
{
	twostep_slots_kset = kset_create_and_add("slots", &twostep_uevent_ops, parent);
	return twostep_slots_kset ? 0 : -ENOMEM;
}

void twostep_slots_exit(void)
{
	kset_unregister(twostep_slots_kset);
}
