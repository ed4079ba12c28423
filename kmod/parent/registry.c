// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the children that are loaded.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Registration makes a child known and nothing else; which slot uses it is
 * swap.c's business.
 */
#include <linux/sched/mm.h>

#include "parent.h"

static DEFINE_MUTEX(twostep_registry_lock);
static LIST_HEAD(twostep_registry);	/* twostep_registry_lock */
static struct kset *twostep_children;

#define REGISTRATION_ATTR(_name, _format, ...)					\
static ssize_t child_##_name##_show(struct kobject *kobj,			\
				    struct kobj_attribute *attr, char *buf)	\
{										\
	struct twostep_registration *reg =					\
		container_of(kobj, struct twostep_registration, kobj);		\
										\
	return sysfs_emit(buf, _format "\n", __VA_ARGS__);			\
}										\
static struct kobj_attribute child_##_name =					\
	__ATTR(_name, 0444, child_##_name##_show, NULL)

REGISTRATION_ATTR(family, "%s", reg->child->family);
REGISTRATION_ATTR(version, "%s", reg->child->version);
REGISTRATION_ATTR(contract, "%u.%u", reg->child->contract_major,
		  reg->child->contract_minor);
REGISTRATION_ATTR(schema_reads, "%u-%u", reg->child->reads.min, reg->child->reads.max);
REGISTRATION_ATTR(schema_writes, "%u-%u", reg->child->writes.min, reg->child->writes.max);
REGISTRATION_ATTR(request_bytes, "%u", reg->child->request_bytes);
REGISTRATION_ATTR(users, "%d", atomic_read(&reg->users));
REGISTRATION_ATTR(srcversion, "%s", reg->child->owner->srcversion ?: "");

static ssize_t child_features_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct twostep_registration *reg =
		container_of(kobj, struct twostep_registration, kobj);

	return twostep_show_features(reg->child->features, buf);
}

static struct kobj_attribute child_features =
	__ATTR(features, 0444, child_features_show, NULL);

static struct attribute *registration_attrs[] = {
	&child_family.attr,
	&child_version.attr,
	&child_contract.attr,
	&child_features.attr,
	&child_schema_reads.attr,
	&child_schema_writes.attr,
	&child_request_bytes.attr,
	&child_users.attr,
	&child_srcversion.attr,
	NULL
};
ATTRIBUTE_GROUPS(registration);

static void registration_free(struct kobject *kobj)
{
	kfree(container_of(kobj, struct twostep_registration, kobj));
}

static const struct kobj_type registration_ktype = {
	.release = registration_free,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = registration_groups,
};

static struct twostep_registration *twostep_registry_find(const char *family,
							  const char *version)
{
	struct twostep_registration *reg;

	lockdep_assert_held(&twostep_registry_lock);
	list_for_each_entry(reg, &twostep_registry, entry)
		if (!strcmp(reg->child->family, family) && !strcmp(reg->child->version, version))
			return reg;
	return NULL;
}

static int twostep_registry_add(const struct twostep_child *child)
{
	struct twostep_registration *reg;
	int err;

	reg = kzalloc(sizeof(*reg), GFP_KERNEL);
	if (!reg)
		return -ENOMEM;
	reg->child = child;
	reg->kobj.kset = twostep_children;

	mutex_lock(&twostep_registry_lock);
	if (twostep_registry_find(child->family, child->version)) {
		mutex_unlock(&twostep_registry_lock);
		pr_err("%s refused: %s %s is already registered\n", module_name(child->owner),
		       child->family, child->version);
		kfree(reg);
		return -EEXIST;
	}
	err = kobject_init_and_add(&reg->kobj, &registration_ktype, NULL, "%s",
				   module_name(child->owner));
	if (!err)
		list_add_tail(&reg->entry, &twostep_registry);
	mutex_unlock(&twostep_registry_lock);
	if (err)
		kobject_put(&reg->kobj);
	return err;
}

int twostep_register_child(const struct twostep_child *child)
{
	unsigned int noio;
	int err;

	err = twostep_check_child(child);
	if (err)
		return err;
	/* A slot may wait for just this child, and memory for that slot. */
	noio = memalloc_noio_save();
	err = twostep_registry_add(child);
	memalloc_noio_restore(noio);
	if (err)
		return err;
	pr_info("child %s %s registered by %s\n", child->family, child->version,
		module_name(child->owner));
	twostep_slots_wake();
	return 0;
}
EXPORT_SYMBOL_GPL(twostep_register_child);

void twostep_unregister_child(const struct twostep_child *child)
{
	struct twostep_registration *reg;

	mutex_lock(&twostep_registry_lock);
	reg = twostep_registry_find(child->family, child->version);
	if (WARN_ON(!reg || reg->child != child)) {
		mutex_unlock(&twostep_registry_lock);
		return;
	}
	list_del(&reg->entry);
	mutex_unlock(&twostep_registry_lock);
	/* Only rmmod -f comes here while there are any. */
	if (atomic_read(&reg->users))
		twostep_evict(reg);
	kobject_del(&reg->kobj);
	kobject_put(&reg->kobj);
}
EXPORT_SYMBOL_GPL(twostep_unregister_child);

/* Returns the registration with a reference to its module, or NULL. */
struct twostep_registration *twostep_registry_get(const char *family, const char *version)
{
	struct twostep_registration *reg;

	mutex_lock(&twostep_registry_lock);
	reg = twostep_registry_find(family, version);
	if (reg && try_module_get(reg->child->owner))
		atomic_inc(&reg->users);
	else
		reg = NULL;
	mutex_unlock(&twostep_registry_lock);
	return reg;
}

void twostep_registry_put(struct twostep_registration *reg)
{
	struct module *owner = reg->child->owner;

	/* After this the module may be unloaded, and with it go reg and child. */
	atomic_dec(&reg->users);
	module_put(owner);
}

int twostep_registry_init(struct kobject *parent)
{
	twostep_children = kset_create_and_add("children", NULL, parent);
	return twostep_children ? 0 : -ENOMEM;
}

void twostep_registry_exit(void)
{
	kset_unregister(twostep_children);
}
