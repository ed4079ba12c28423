// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: ways to fail while the module is loaded.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/proc_fs.h>
#include <linux/slab.h>

#include "broken.h"

static int error = -EIO;
module_param(error, int, 0444);
MODULE_PARM_DESC(error, "init_err: its errno, negative");

/* Same names in all releases. */
#define BROKEN_SHARED	"twostep_broken"

static struct twostep_child broken_child;	/* as registered */
static struct proc_dir_entry *broken_proc;
static struct kmem_cache *broken_cache;

/* What the module says of itself is one thing; what it registers, another. */
static void broken_falsify(struct twostep_child *child)
{
	if (broken_is("abi_major"))
		child->contract_major++;
	else if (broken_is("abi_minor"))
		child->contract_minor++;
	else if (broken_is("abi_smaller"))
		child->size -= sizeof(void *);
	else if (broken_is("abi_larger"))
		child->size += sizeof(void *);
	else if (broken_is("abi_null"))
		child->queue_rq = NULL;
	else if (broken_is("abi_range"))
		child->reads.min = child->reads.max + 1;
	else if (broken_is("lie"))
		child->version = "1.9.9";
}

static int broken_take_names(void)
{
	if (broken_is("dup_proc")) {
		broken_proc = proc_create_single(BROKEN_SHARED, 0444, NULL, NULL);
		return broken_proc ? 0 : -EEXIST;
	}
	if (broken_is("dup_cache")) {
		broken_cache = kmem_cache_create(BROKEN_SHARED, 64, 0, 0, NULL);
		return broken_cache ? 0 : -ENOMEM;
	}
	return 0;
}

static void broken_leave_names(void)
{
	proc_remove(broken_proc);
	kmem_cache_destroy(broken_cache);
}

int broken_register(const struct twostep_child *child)
{
	int err;

	if (broken_is("init_err"))
		return error;
	err = broken_take_names();
	if (err)
		return err;
	broken_child = *child;
	broken_falsify(&broken_child);
	err = twostep_register_child(&broken_child);
	if (err)
		broken_leave_names();
	return err;
}

void broken_unregister(const struct twostep_child *child)
{
	twostep_unregister_child(&broken_child);
	broken_leave_names();
}
