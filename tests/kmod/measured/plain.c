// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap as an ordinary driver: the code of release 1.0.0 with no parent above it.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * For measuring what a parent costs. This file stands in for the parent and
 * for release_1_0_0.c; the rest is kmod/remap, compiled as one unit with it, so
 * that the compiler may do what it likes to do for an ordinary driver. The tags
 * and the disk are set up as parent/disk.c does it.
 */
#include "disk.h"
#include "remap.h"

static char *lower = "/dev/nullb0";
module_param(lower, charp, 0444);
MODULE_PARM_DESC(lower, "path of the lower device");

static unsigned int hw_queues = 1;
module_param(hw_queues, uint, 0444);
MODULE_PARM_DESC(hw_queues, "number of hardware queues");

static struct blk_mq_tag_set plain_tags;
static struct gendisk *plain_disk;
static void *plain_remap;

/* What the parent exports to its children. */

void twostep_end_request(void *data, struct request *rq, blk_status_t status)
{
	blk_mq_end_request(rq, status);
}

/* Nothing is ever handed over here. */
u16 twostep_state_schema(const struct twostep_state *state)
{
	return 0;
}

int twostep_state_put(struct twostep_state *state, u32 type, const void *data, u32 length)
{
	return -EOPNOTSUPP;
}

const void *twostep_state_get(const struct twostep_state *state, u32 type, u32 *length)
{
	return NULL;
}

static blk_status_t plain_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *bd)
{
	blk_mq_start_request(bd->rq);
	return remap_queue_rq(hctx->queue->queuedata, bd->rq);
}

static const struct blk_mq_ops plain_mq_ops = {
	.queue_rq = plain_queue_rq,
};

static const struct block_device_operations plain_fops = {
	.owner = THIS_MODULE,
};

static int plain_disk_start(const struct twostep_limits *limits)
{
	int err;

	plain_tags.ops = &plain_mq_ops;
	plain_tags.nr_hw_queues = hw_queues;
	plain_tags.queue_depth = BLKDEV_DEFAULT_RQ;
	plain_tags.numa_node = NUMA_NO_NODE;
	plain_tags.cmd_size = sizeof(struct twostep_request) + REMAP_REQUEST_BYTES;
	plain_tags.flags = TWOSTEP_MQ_F_SHOULD_MERGE | BLK_MQ_F_BLOCKING | BLK_MQ_F_STACKING;
	err = blk_mq_alloc_tag_set(&plain_tags);
	if (err)
		return err;
	plain_disk = twostep_alloc_disk(&plain_tags, limits, plain_remap);
	if (IS_ERR(plain_disk)) {
		err = PTR_ERR(plain_disk);
		goto tags;
	}
	strscpy(plain_disk->disk_name, KBUILD_MODNAME, DISK_NAME_LEN);
	plain_disk->fops = &plain_fops;
	set_capacity(plain_disk, limits->capacity_sectors);
	set_disk_ro(plain_disk, limits->read_only);
	err = add_disk(plain_disk);
	if (err)
		goto disk;
	return 0;

disk:
	put_disk(plain_disk);
tags:
	blk_mq_free_tag_set(&plain_tags);
	return err;
}

static int __init plain_init(void)
{
	char params[256];
	const struct twostep_site site = {
		.slot = KBUILD_MODNAME,
		.params = params,
		.holder = &plain_tags,
	};
	struct twostep_limits limits = {};
	int err;

	scnprintf(params, sizeof(params), "lower=%s", lower);
	err = remap_prepare(&site, &limits, &plain_remap);
	if (err)
		return err;
	err = remap_adopt(plain_remap, NULL);
	if (!err)
		err = plain_disk_start(&limits);
	if (err)
		remap_release(plain_remap);
	return err;
}
module_init(plain_init);

static void __exit plain_exit(void)
{
	del_gendisk(plain_disk);
	put_disk(plain_disk);
	blk_mq_free_tag_set(&plain_tags);
	remap_release(plain_remap);
}
module_exit(plain_exit);

MODULE_DESCRIPTION("remap without a parent, for measuring");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
