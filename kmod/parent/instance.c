// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: an instance is a child on a slot, from prepare to release.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/capability.h>
#include <linux/wait_bit.h>

#include "../compat/sysfs.h"
#include "parent.h"

static struct twostep_instance *to_instance(struct kobject *kobj)
{
	return container_of(kobj, struct twostep_instance, kobj);
}

static ssize_t instance_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	return container_of(attr, struct twostep_attribute, attr)->show(to_instance(kobj)->data,
									buf);
}

static ssize_t instance_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf,
				   size_t count)
{
	const struct twostep_attribute *told = container_of(attr, struct twostep_attribute, attr);

	if (!told->store)
		return -EIO;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return told->store(to_instance(kobj)->data, buf, count);
}

static const struct sysfs_ops instance_sysfs_ops = {
	.show = instance_attr_show,
	.store = instance_attr_store,
};

TWOSTEP_DEFINE_BIN_READ(instance_file_read, kobj, file, buf, offset, count)
{
	const struct twostep_attribute *told = file->private;

	return told->read(to_instance(kobj)->data, buf, offset, count);
}

static void instance_free(struct kobject *kobj)
{
	struct twostep_instance *instance = to_instance(kobj);

	kfree(instance->files);
	kfree(instance);
}

static const struct kobj_type instance_ktype = {
	.release = instance_free,
	.sysfs_ops = &instance_sysfs_ops,
};

static size_t twostep_count_attributes(const struct twostep_child *child)
{
	size_t count = 0;

	while (child->attributes && child->attributes[count])
		count++;
	return count;
}

/*
 * Makes an instance that is ready to adopt. On success it owns @registration;
 * on failure the caller still does. May sleep for as long as the child likes.
 */
struct twostep_instance *twostep_instance_prepare(struct twostep_slot *slot,
						  struct twostep_registration *registration)
{
	const struct twostep_site site = {
		.slot = slot->name,
		.params = slot->params,
		.holder = slot,
	};
	struct twostep_instance *instance;
	int err;

	instance = kzalloc(sizeof(*instance), GFP_KERNEL);
	if (!instance)
		return ERR_PTR(-ENOMEM);
	kobject_init(&instance->kobj, &instance_ktype);
	instance->registration = registration;
	instance->child = registration->child;
	instance->files = kcalloc(twostep_count_attributes(instance->child),
				  sizeof(*instance->files), GFP_KERNEL);
	if (!instance->files) {
		kobject_put(&instance->kobj);
		return ERR_PTR(-ENOMEM);
	}
	err = instance->child->prepare(&site, &instance->limits, &instance->data);
	if (err) {
		kobject_put(&instance->kobj);
		return ERR_PTR(err);
	}
	return instance;
}

/* No request is out and nobody serves through it. Ends all that @instance owns. */
void twostep_instance_release(struct twostep_instance *instance)
{
	struct twostep_registration *registration = instance->registration;

	twostep_instance_hide(instance);
	wait_var_event(&instance->asked, !atomic_read(&instance->asked));
	instance->child->release(instance->data);
	kobject_put(&instance->kobj);
	twostep_registry_put(registration);
}

static int twostep_show_attribute(struct twostep_instance *instance, size_t i)
{
	const struct twostep_attribute *told = instance->child->attributes[i];
	struct bin_attribute *file = &instance->files[i];

	if (!told->read)
		return sysfs_create_file(&instance->kobj, &told->attr);
	*file = (struct bin_attribute) {
		.attr = told->attr,
		.size = told->size_bytes(instance->data),
		.private = (void *)told,
		.read = instance_file_read,
	};
	sysfs_bin_attr_init(file);
	return sysfs_create_bin_file(&instance->kobj, file);
}

/* Presents what the child tells as slots/<slot>/child/; without memory it stays untold. */
void twostep_instance_show(struct twostep_slot *slot, struct twostep_instance *instance)
{
	size_t i, count = twostep_count_attributes(instance->child);
	int err;

	err = kobject_add(&instance->kobj, &slot->kobj, "child");
	if (!err)
		instance->shown = true;
	for (i = 0; i < count && !err; i++)
		err = twostep_show_attribute(instance, i);
	if (err) {
		pr_warn("%s: no files of the child in sysfs: %d\n", slot->name, err);
		twostep_instance_hide(instance);
	}
}

/* Returns when the last reader of the child's files has left them. */
void twostep_instance_hide(struct twostep_instance *instance)
{
	if (!instance->shown)
		return;
	kobject_del(&instance->kobj);
	instance->shown = false;
}

/* Asks the child that serves for its opinion of itself. False in a hold: nobody does. */
bool twostep_ask_health(struct twostep_slot *slot, int *answer)
{
	struct twostep_instance *instance;
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	instance = slot->held ? NULL : slot->owner;
	if (instance)
		atomic_inc(&instance->asked);
	spin_unlock_irqrestore(&slot->lock, flags);
	if (!instance)
		return false;
	*answer = instance->child->health ? instance->child->health(instance->data) : 0;
	if (atomic_dec_and_test(&instance->asked))
		wake_up_var(&instance->asked);
	return true;
}
