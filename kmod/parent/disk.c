// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the disk that users hold open.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * It is made at the first adoption, from that child's limits: a disk without a
 * child would hang in its partition scan.
 */
#include "../compat/disk.h"
#include "parent.h"

TWOSTEP_DEFINE_OPEN(twostep_open, opened)
{
	struct twostep_slot *slot = twostep_open_disk(opened)->private_data;

	return atomic_inc_unless_negative(&slot->openers) ? 0 : -ENXIO;
}

TWOSTEP_DEFINE_RELEASE(twostep_release, disk)
{
	struct twostep_slot *slot = disk->private_data;

	atomic_dec(&slot->openers);
}

static const struct block_device_operations twostep_fops = {
	.owner = THIS_MODULE,
	.open = twostep_open,
	.release = twostep_release,
};

static int twostep_disk_alloc(struct twostep_slot *slot, const struct twostep_limits *limits)
{
	struct gendisk *disk;
	int err;

	memset(&slot->tags, 0, sizeof(slot->tags));
	slot->tags.ops = &twostep_mq_ops;
	slot->tags.driver_data = slot;
	slot->tags.nr_hw_queues = slot->hw_queues;
	slot->tags.queue_depth = slot->queue_depth;
	slot->tags.numa_node = NUMA_NO_NODE;
	slot->tags.cmd_size = sizeof(struct twostep_request) + slot->request_bytes;
	/*
	 * BLOCKING: a child may sleep in queue_rq, as submit_bio() does.
	 * STACKING: CPU hotplug must not wait for a held queue; the requests
	 * of a dead CPU's queue move on when the hold ends.
	 */
	slot->tags.flags = TWOSTEP_MQ_F_SHOULD_MERGE | BLK_MQ_F_BLOCKING | BLK_MQ_F_STACKING;
	err = blk_mq_alloc_tag_set(&slot->tags);
	if (err)
		return err;
	lockdep_register_key(&slot->flush_key);
	disk = twostep_alloc_disk(&slot->tags, limits, slot);
	if (IS_ERR(disk)) {
		lockdep_unregister_key(&slot->flush_key);
		blk_mq_free_tag_set(&slot->tags);
		return PTR_ERR(disk);
	}
	/* devtmpfs turns '!' into '/': /dev/twostep/<slot> without a udev rule */
	snprintf(disk->disk_name, DISK_NAME_LEN, "twostep!%s", slot->name);
	disk->fops = &twostep_fops;
	disk->private_data = slot;
	set_capacity(disk, limits->capacity_sectors);
	set_disk_ro(disk, limits->read_only);
	slot->disk = disk;
	return 0;
}

static void twostep_disk_free(struct twostep_slot *slot)
{
	put_disk(slot->disk);
	lockdep_unregister_key(&slot->flush_key);
	blk_mq_free_tag_set(&slot->tags);
	slot->disk = NULL;
}

static void twostep_set_owner(struct twostep_slot *slot, struct twostep_instance *owner)
{
	unsigned long flags;

	spin_lock_irqsave(&slot->lock, flags);
	slot->owner = owner;
	slot->generation++;
	/* What adopt has written is there before a request is. */
	smp_store_release(&slot->serving, owner);
	spin_unlock_irqrestore(&slot->lock, flags);
}

/* First adoption: makes the disk and lets @first serve it. @first has adopted. */
int twostep_disk_start(struct twostep_slot *slot, struct twostep_instance *first)
{
	int err;

	atomic_set(&slot->openers, 0);
	err = twostep_disk_alloc(slot, &first->limits);
	if (err)
		return err;
	slot->limits = first->limits;
	slot->features = first->child->features;
	twostep_set_owner(slot, first);
	err = add_disk(slot->disk);
	if (err) {
		twostep_set_owner(slot, NULL);
		twostep_disk_free(slot);
	}
	return err;
}

/* Takes disk and children away, -EBUSY while anybody has it open. The caller has the slot. */
int twostep_disk_stop(struct twostep_slot *slot)
{
	struct twostep_instance *owner = slot->owner;
	struct twostep_instance *parked = slot->parked;

	if (!slot->disk)
		return 0;
	if (atomic_cmpxchg(&slot->openers, 0, -1) != 0)
		return -EBUSY;
	twostep_probation_end(slot);
	del_gendisk(slot->disk);
	twostep_set_owner(slot, NULL);
	twostep_disk_free(slot);
	WRITE_ONCE(slot->failing, false);
	slot->features = 0;
	twostep_set_parked(slot, NULL);
	twostep_last_instructions();
	if (parked)
		twostep_instance_release(parked);
	if (owner)
		twostep_instance_release(owner);
	configfs_undepend_item(&slot->item);
	return 0;
}

/*
 * The serving child's capacity, if it is larger, becomes the disk's; its users
 * are told. At the commit: until then the old child may have to come back. The
 * caller has the slot.
 */
void twostep_disk_grow(struct twostep_slot *slot)
{
	const struct twostep_instance *owner = slot->owner;

	if (!owner || owner->limits.capacity_sectors <= slot->limits.capacity_sectors)
		return;
	slot->limits.capacity_sectors = owner->limits.capacity_sectors;
	set_capacity_and_notify(slot->disk, slot->limits.capacity_sectors);
}

/* Why a child with @limits cannot keep what the disk's users were promised, or NULL. */
const char *twostep_disk_misfit(const struct twostep_slot *slot,
				const struct twostep_limits *limits)
{
	const struct twostep_limits *now = &slot->limits;

	if (limits->capacity_sectors < now->capacity_sectors)
		return "smaller capacity";
	if (limits->logical_block_bytes != now->logical_block_bytes)
		return "other logical block size";
	if (limits->max_sectors < now->max_sectors)
		return "smaller requests";
	if (limits->write_cache && !now->write_cache)
		return "volatile write cache where there was none";
	if (now->write_cache && now->fua && limits->write_cache && !limits->fua)
		return "no FUA";
	if (limits->max_discard_sectors < now->max_discard_sectors)
		return "smaller discards";
	if (limits->max_write_zeroes_sectors < now->max_write_zeroes_sectors)
		return "smaller write zeroes";
	if (limits->stable_writes && !now->stable_writes)
		return "stable writes needed where they were not";
	if (limits->read_only && !now->read_only)
		return "read-only";
	return NULL;
}
