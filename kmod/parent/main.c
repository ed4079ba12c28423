// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: load and unload.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Unloading needs no check of its own: each slot's configfs folder and each
 * registered child holds a reference to this module.
 */
#include "../compat/rcu.h"
#include "parent.h"

/* Of swaps and probations: they must get on when memory is short. */
struct workqueue_struct *twostep_workqueue;

static struct kobject *twostep_kobj;

static ssize_t contract_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", TWOSTEP_CONTRACT_STRING);
}

static struct kobj_attribute contract_attribute = __ATTR_RO(contract);

static int __init twostep_init(void)
{
	int err;

	twostep_workqueue = alloc_workqueue("twostep", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!twostep_workqueue)
		return -ENOMEM;
	err = -ENOMEM;
	twostep_kobj = kobject_create_and_add("twostep", kernel_kobj);
	if (!twostep_kobj)
		goto workqueue;
	err = sysfs_create_file(twostep_kobj, &contract_attribute.attr);
	if (err)
		goto put;
	err = twostep_registry_init(twostep_kobj);
	if (err)
		goto put;
	err = twostep_slots_init(twostep_kobj);
	if (err)
		goto registry;
	err = twostep_pm_init();
	if (err)
		goto slots;
	config_group_init(&twostep_subsystem.su_group);
	err = configfs_register_subsystem(&twostep_subsystem);
	if (err)
		goto pm;
	pr_info("parent ready, contract %s\n", TWOSTEP_CONTRACT_STRING);
	return 0;

pm:
	twostep_pm_exit();
slots:
	twostep_slots_exit();
registry:
	twostep_registry_exit();
put:
	kobject_put(twostep_kobj);
workqueue:
	destroy_workqueue(twostep_workqueue);
	return err;
}

static void __exit twostep_exit(void)
{
	configfs_unregister_subsystem(&twostep_subsystem);
	twostep_pm_exit();
	twostep_slots_exit();
	twostep_registry_exit();
	kobject_put(twostep_kobj);
	destroy_workqueue(twostep_workqueue);
	twostep_rcu_barrier_tasks();	/* of two_step swaps that did not wait for their callback */
}

module_init(twostep_init);
module_exit(twostep_exit);

MODULE_DESCRIPTION("Parent of hot-swappable block drivers");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0.0");
MODULE_INFO(twostep_contract, TWOSTEP_CONTRACT_STRING);
