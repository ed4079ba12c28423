// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: control through configfs, one folder per slot.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Every write needs the right to load modules in the initial user namespace,
 * whatever the mode of the file: a container may see configfs.
 */
#include <linux/capability.h>
#include <linux/string.h>

#include "parent.h"

/* Copies a line of user text into @to, without its newline; -EINVAL if it does not fit. */
static int twostep_copy_line(char *to, size_t size, const char *page, size_t count)
{
	size_t length = count && page[count - 1] == '\n' ? count - 1 : count;

	if (length >= size || memchr(page, '\n', length) || memchr(page, '\0', length))
		return -EINVAL;
	memcpy(to, page, length);
	to[length] = '\0';
	return 0;
}

/* Runs before each write: may this caller, and is the slot still unmade? */
static int twostep_lock_unmade(struct twostep_slot *slot)
{
	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	mutex_lock(&slot->mutex);
	if (slot->disk || slot->swap) {
		mutex_unlock(&slot->mutex);
		return -EBUSY;
	}
	return 0;
}

#define SLOT_STRING(_name)								\
static ssize_t control_##_name##_show(struct config_item *item, char *page)		\
{											\
	struct twostep_slot *slot = to_slot(item);					\
	ssize_t length;									\
											\
	mutex_lock(&slot->mutex);							\
	length = sysfs_emit(page, "%s\n", slot->_name);					\
	mutex_unlock(&slot->mutex);							\
	return length;									\
}											\
static ssize_t control_##_name##_store(struct config_item *item, const char *page,	\
				    size_t count)					\
{											\
	struct twostep_slot *slot = to_slot(item);					\
	int err = twostep_lock_unmade(slot);						\
											\
	if (err)									\
		return err;								\
	err = twostep_copy_line(slot->_name, sizeof(slot->_name), page, count);		\
	mutex_unlock(&slot->mutex);							\
	return err ?: count;								\
}											\
CONFIGFS_ATTR(control_, _name)

#define SLOT_NUMBER(_name, _min, _max)							\
static ssize_t control_##_name##_show(struct config_item *item, char *page)		\
{											\
	return sysfs_emit(page, "%u\n", READ_ONCE(to_slot(item)->_name));		\
}											\
static ssize_t control_##_name##_store(struct config_item *item, const char *page,	\
				    size_t count)					\
{											\
	struct twostep_slot *slot = to_slot(item);					\
	unsigned int value;								\
	int err;									\
											\
	err = kstrtouint(page, 10, &value);						\
	if (err)									\
		return err;								\
	if (value < (_min) || value > (_max))						\
		return -ERANGE;								\
	err = twostep_lock_unmade(slot);						\
	if (err)									\
		return err;								\
	WRITE_ONCE(slot->_name, value);							\
	mutex_unlock(&slot->mutex);							\
	return count;									\
}											\
CONFIGFS_ATTR(control_, _name)

SLOT_STRING(family);
SLOT_STRING(params);
SLOT_NUMBER(queue_depth, 1, 4096);
SLOT_NUMBER(hw_queues, 1, 64);
SLOT_NUMBER(request_bytes, 0, TWOSTEP_REQUEST_BYTES_MAX);

/* Settings that may change at any time. */
static ssize_t control_expiry_policy_show(struct config_item *item, char *page)
{
	const struct twostep_slot *slot = to_slot(item);

	return sysfs_emit(page, "%s\n", READ_ONCE(slot->fail_on_expiry) ? "fail" : "queue");
}

static ssize_t control_expiry_policy_store(struct config_item *item, const char *page, size_t count)
{
	static const char * const names[] = { "queue", "fail" };
	int which = sysfs_match_string(names, page);

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	if (which < 0)
		return which;
	WRITE_ONCE(to_slot(item)->fail_on_expiry, which);
	return count;
}
CONFIGFS_ATTR(control_, expiry_policy);

static ssize_t control_inflight_policy_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", twostep_policy_names[READ_ONCE(to_slot(item)->policy)]);
}

static ssize_t control_inflight_policy_store(struct config_item *item, const char *page,
					     size_t count)
{
	int which = sysfs_match_string(twostep_policy_names, page);

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	if (which < 0)
		return which;
	WRITE_ONCE(to_slot(item)->policy, which);
	return count;
}
CONFIGFS_ATTR(control_, inflight_policy);

#define PROBATION_NUMBER(_name, _field, _max)						\
static ssize_t control_##_name##_show(struct config_item *item, char *page)		\
{											\
	return sysfs_emit(page, "%u\n", READ_ONCE(to_slot(item)->probation._field));	\
}											\
static ssize_t control_##_name##_store(struct config_item *item, const char *page,	\
				    size_t count)					\
{											\
	unsigned int value;								\
	int err;									\
											\
	if (!capable(CAP_SYS_MODULE))							\
		return -EPERM;								\
	err = kstrtouint(page, 10, &value);						\
	if (err)									\
		return err;								\
	if (value > (_max))								\
		return -ERANGE;								\
	WRITE_ONCE(to_slot(item)->probation._field, value);				\
	return count;									\
}											\
CONFIGFS_ATTR(control_, _name)

PROBATION_NUMBER(probation_errors, failures_max, INT_MAX);
PROBATION_NUMBER(probation_stall_ms, stall_ms, 600000);

static ssize_t control_swap_store(struct config_item *item, const char *page, size_t count)
{
	struct twostep_request_line line;
	char text[192];
	int err;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	err = twostep_copy_line(text, sizeof(text), page, count);
	if (!err)
		err = twostep_parse_line(&line, text);
	if (!err)
		err = twostep_swap_request(to_slot(item), &line);
	return err ?: count;
}
CONFIGFS_ATTR_WO(control_, swap);

static ssize_t control_commit_store(struct config_item *item, const char *page, size_t count)
{
	u64 generation;
	char text[40];
	int err;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	err = twostep_copy_line(text, sizeof(text), page, count);
	if (err)
		return err;
	if (!str_has_prefix(text, "generation="))
		return -EINVAL;
	err = kstrtou64(text + strlen("generation="), 10, &generation);
	if (!err)
		err = twostep_swap_commit(to_slot(item), generation);
	return err ?: count;
}
CONFIGFS_ATTR_WO(control_, commit);

static ssize_t control_active_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", !!READ_ONCE(to_slot(item)->disk));
}

static ssize_t control_active_store(struct config_item *item, const char *page, size_t count)
{
	struct twostep_slot *slot = to_slot(item);
	int err;

	if (!capable(CAP_SYS_MODULE))
		return -EPERM;
	if (!sysfs_streq(page, "0"))
		return -EINVAL;
	twostep_await_end(slot);
	err = twostep_claim(slot);
	if (err)
		return err;
	err = twostep_disk_stop(slot);
	twostep_swap_done(slot);
	return err ?: count;
}
CONFIGFS_ATTR(control_, active);

static struct configfs_attribute *control_attrs[] = {
	&control_attr_family,
	&control_attr_params,
	&control_attr_queue_depth,
	&control_attr_hw_queues,
	&control_attr_request_bytes,
	&control_attr_expiry_policy,
	&control_attr_inflight_policy,
	&control_attr_probation_errors,
	&control_attr_probation_stall_ms,
	&control_attr_swap,
	&control_attr_commit,
	&control_attr_active,
	NULL
};

static void slot_item_release(struct config_item *item)
{
	kobject_put(&to_slot(item)->kobj);
}

static struct configfs_item_operations slot_item_ops = { .release = slot_item_release };

static const struct config_item_type slot_type = {
	.ct_item_ops = &slot_item_ops,
	.ct_attrs = control_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *slots_make_item(struct config_group *group, const char *name)
{
	struct twostep_slot *slot;

	if (!capable(CAP_SYS_MODULE))
		return ERR_PTR(-EPERM);
	slot = twostep_slot_alloc(name);
	if (IS_ERR(slot))
		return ERR_CAST(slot);
	config_item_init_type_name(&slot->item, name, &slot_type);
	return &slot->item;
}

static void slots_drop_item(struct config_group *group, struct config_item *item)
{
	twostep_slot_remove(to_slot(item));
	config_item_put(item);
}

static struct configfs_group_operations slots_group_ops = {
	.make_item = slots_make_item,
	.drop_item = slots_drop_item,
};

static const struct config_item_type slots_type = {
	.ct_group_ops = &slots_group_ops,
	.ct_owner = THIS_MODULE,
};

struct configfs_subsystem twostep_subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "twostep",
			.ci_type = &slots_type,
		},
	},
	.su_mutex = __MUTEX_INITIALIZER(twostep_subsystem.su_mutex),
};
