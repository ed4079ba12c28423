// SPDX-License-Identifier: GPL-2.0-only
// 6.2: a6f9ecd5d9a0 "kobject: kset_uevent_ops: make name() callback take a const *"
#include <linux/kobject.h>

static const char *probe_name(const struct kobject *kobj)
{
	return kobj->name;
}

const struct kset_uevent_ops probe = { .name = probe_name };
