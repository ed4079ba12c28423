/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callbacks of sysfs and uevents, which newer kernels give constant arguments.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_COMPAT_SYSFS_H
#define _TWOSTEP_COMPAT_SYSFS_H

#include <linux/kobject.h>
#include <linux/sysfs.h>

#ifdef TWOSTEP_HAVE_UEVENT_CONST
#define TWOSTEP_UEVENT_CONST const
#else
#define TWOSTEP_UEVENT_CONST
#endif

#ifdef TWOSTEP_HAVE_BIN_ATTR_CONST
#define TWOSTEP_BIN_ATTR_CONST const
#else
#define TWOSTEP_BIN_ATTR_CONST
#endif

#define TWOSTEP_DEFINE_BIN_READ(name, kobj, file, buf, offset, count)		\
	static ssize_t name(struct file *opened, struct kobject *kobj,		\
			    TWOSTEP_BIN_ATTR_CONST struct bin_attribute *file,	\
			    char *buf, loff_t offset, size_t count)

#endif /* _TWOSTEP_COMPAT_SYSFS_H */
