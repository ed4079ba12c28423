// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: an instance is a child on a slot, from prepare to release.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/rcupdate.h>

#include "parent.h"

static ssize_t instance_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct twostep_instance *instance = container_of(kobj, struct twostep_instance, kobj);
	struct twostep_attribute *told = container_of(attr, struct twostep_attribute, attr);

	return told->show(instance->data, buf);
}

static const struct sysfs_ops instance_sysfs_ops = { .show = instance_attr_show };

static void instance_free(struct kobject *kobj)
{
	kfree(container_of(kobj, struct twostep_instance, kobj));
}

static const struct kobj_type instance_ktype = {
	.release = instance_free,
	.sysfs_ops = &instance_sysfs_ops,
};

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
	instance->child->release(instance->data);
	kobject_put(&instance->kobj);
	twostep_registry_put(registration);
}

/* Presents what the child tells as slots/<slot>/child/. */
int twostep_instance_show(struct twostep_slot *slot, struct twostep_instance *instance)
{
	const struct twostep_attribute *const *told = instance->child->attributes;
	int err;

	err = kobject_add(&instance->kobj, &slot->kobj, "child");
	if (err)
		return err;
	instance->shown = true;
	for (; told && *told && !err; told++)
		err = sysfs_create_file(&instance->kobj, &(*told)->attr);
	if (err)
		twostep_instance_hide(instance);
	return err;
}

/* Returns when the last reader of the child's files has left them. */
void twostep_instance_hide(struct twostep_instance *instance)
{
	if (!instance->shown)
		return;
	kobject_del(&instance->kobj);
	instance->shown = false;
}
