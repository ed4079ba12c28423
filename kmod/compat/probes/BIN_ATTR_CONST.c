// SPDX-License-Identifier: GPL-2.0-only
// 6.16: 97d06802d10a "sysfs: constify bin_attribute argument of bin_attribute::read/write()"
#include <linux/sysfs.h>

static ssize_t probe_read(struct file *file, struct kobject *kobj,
			  const struct bin_attribute *attr, char *buf, loff_t offset,
			  size_t count)
{
	return 0;
}

const struct bin_attribute probe = { .read = probe_read };
