// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long is the wait until every CPU is known to have seen a pointer change?
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * For measuring the ways that a parent could wait before it takes a child's
 * state: while it loads, this module tries each of them in turn, many times.
 * The results are its parameters, in ns. The SRCU domain has no reader and the
 * frozen queue no request: that is the best case for both.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/srcu.h>

#include "disk.h"
#include "remap.h"

#define GRACE_TRIES	200
#define GRACE_PAUSE_MS	5	/* swaps are rare: each finds the machine at its usual work */

static unsigned long fence_ns[GRACE_TRIES];
module_param_array(fence_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(fence_ns, "an interrupt with a barrier to every CPU (result)");

static unsigned long rcu_ns[GRACE_TRIES];
module_param_array(rcu_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(rcu_ns, "synchronize_rcu (result)");

static unsigned long srcu_ns[GRACE_TRIES];
module_param_array(srcu_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(srcu_ns, "synchronize_srcu (result)");

static unsigned long freeze_ns[GRACE_TRIES];
module_param_array(freeze_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(freeze_ns, "blk_mq_freeze_queue (result)");

static unsigned long rcu_expedited_ns[GRACE_TRIES];
module_param_array(rcu_expedited_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(rcu_expedited_ns, "synchronize_rcu_expedited (result)");

static unsigned long srcu_expedited_ns[GRACE_TRIES];
module_param_array(srcu_expedited_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(srcu_expedited_ns, "synchronize_srcu_expedited (result)");

DEFINE_STATIC_SRCU(grace_srcu);

static void grace_barrier(void *unused)
{
	smp_mb(); /* what parent/hold.c does on every CPU */
}

static void grace_fence(void)
{
	on_each_cpu(grace_barrier, NULL, 1);
}

static void grace_srcu_expedited(void)
{
	synchronize_srcu_expedited(&grace_srcu);
}

static void grace_srcu_normal(void)
{
	synchronize_srcu(&grace_srcu);
}

/* A disk for its queue: nobody reads it, and it holds nothing. */
static struct blk_mq_tag_set grace_tags;
static struct gendisk *grace_disk;

static blk_status_t grace_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	return BLK_STS_IOERR;
}

static const struct blk_mq_ops grace_mq_ops = {
	.queue_rq = grace_queue_rq,
};

static const struct block_device_operations grace_fops = {
	.owner = THIS_MODULE,
};

static int grace_disk_start(void)
{
	const struct twostep_limits limits = {
		.logical_block_bytes = 512,
		.physical_block_bytes = 512,
		.max_sectors = 255,
	};
	int err;

	grace_tags.ops = &grace_mq_ops;
	grace_tags.nr_hw_queues = 1;
	grace_tags.queue_depth = BLKDEV_DEFAULT_RQ;
	grace_tags.numa_node = NUMA_NO_NODE;
	err = blk_mq_alloc_tag_set(&grace_tags);
	if (err)
		return err;
	grace_disk = twostep_alloc_disk(&grace_tags, &limits, NULL);
	if (IS_ERR(grace_disk)) {
		err = PTR_ERR(grace_disk);
		goto tags;
	}
	strscpy(grace_disk->disk_name, KBUILD_MODNAME, DISK_NAME_LEN);
	grace_disk->fops = &grace_fops;
	err = add_disk(grace_disk);
	if (err)
		goto disk;
	return 0;

disk:
	put_disk(grace_disk);
tags:
	blk_mq_free_tag_set(&grace_tags);
	return err;
}

static void grace_disk_stop(void)
{
	del_gendisk(grace_disk);
	put_disk(grace_disk);
	blk_mq_free_tag_set(&grace_tags);
}

static void grace_freeze(void)
{
	blk_mq_freeze_queue(grace_disk->queue);
}

static unsigned long grace_time(void (*wait)(void))
{
	ktime_t begun;

	msleep(GRACE_PAUSE_MS);
	begun = ktime_get();
	wait();
	return ktime_to_ns(ktime_sub(ktime_get(), begun));
}

static int __init grace_init(void)
{
	int err = grace_disk_start();
	int i;

	if (err)
		return err;
	for (i = 0; i < GRACE_TRIES; i++) {
		fence_ns[i] = grace_time(grace_fence);
		rcu_ns[i] = grace_time(synchronize_rcu);
		rcu_expedited_ns[i] = grace_time(synchronize_rcu_expedited);
		srcu_ns[i] = grace_time(grace_srcu_normal);
		srcu_expedited_ns[i] = grace_time(grace_srcu_expedited);
		freeze_ns[i] = grace_time(grace_freeze);
		blk_mq_unfreeze_queue(grace_disk->queue);
	}
	grace_disk_stop();
	return 0;
}
module_init(grace_init);

static void __exit grace_exit(void)
{
}
module_exit(grace_exit);

MODULE_DESCRIPTION("measures fences and grace periods");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
