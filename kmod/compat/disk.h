/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making the disk of a slot, for kernels that set queue limits one by one and
 * for those that take them as one struct.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_COMPAT_DISK_H
#define _TWOSTEP_COMPAT_DISK_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>

#include "twostep.h"

/* 6.5: 05bdb9965305 "block: replace fmode_t with a block-specific type" */
#ifdef BLK_OPEN_READ
#define TWOSTEP_DEFINE_OPEN(name, disk_)				\
	static int name(struct gendisk *disk_, blk_mode_t mode)
#define TWOSTEP_DEFINE_RELEASE(name, disk_)				\
	static void name(struct gendisk *disk_)
#define twostep_open_disk(disk_)	(disk_)
#else
#define TWOSTEP_DEFINE_OPEN(name, disk_)				\
	static int name(struct block_device *disk_, fmode_t mode)
#define TWOSTEP_DEFINE_RELEASE(name, disk_)				\
	static void name(struct gendisk *disk_, fmode_t mode)
#define twostep_open_disk(disk_)	((disk_)->bd_disk)
#endif

#ifdef TWOSTEP_HAVE_F_SHOULD_MERGE
#define TWOSTEP_MQ_F_SHOULD_MERGE	BLK_MQ_F_SHOULD_MERGE
#else
#define TWOSTEP_MQ_F_SHOULD_MERGE	0
#endif

static inline void twostep_hrtimer_setup(struct hrtimer *timer,
					 enum hrtimer_restart (*fn)(struct hrtimer *))
{
#ifdef TWOSTEP_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = fn;
#endif
}

/* 6.11: 1122c0c1cc71 "block: move cache control settings out of queue->flags" */
#ifndef BLK_FEAT_WRITE_CACHE
static inline void twostep_set_queue_flags(struct request_queue *q,
					   const struct twostep_limits *l)
{
	blk_queue_write_cache(q, l->write_cache, l->write_cache && l->fua);
	if (!l->rotational)
		blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	if (l->stable_writes)
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, q);
}
#endif

/* Of memory, as a mask: a lower device may want its blocks whole there, too. */
static inline unsigned int twostep_dma_alignment(const struct twostep_limits *l)
{
	return max_t(unsigned int, l->logical_block_bytes, SECTOR_SIZE) - 1;
}

#ifdef TWOSTEP_HAVE_ALLOC_DISK_LIMITS
static inline struct gendisk *twostep_alloc_disk(struct blk_mq_tag_set *set,
						 const struct twostep_limits *l,
						 void *queuedata)
{
	struct queue_limits lim = {
		.logical_block_size = l->logical_block_bytes,
		.physical_block_size = l->physical_block_bytes,
		.io_min = l->io_min_bytes,
		.io_opt = l->io_opt_bytes,
		.max_hw_sectors = l->max_sectors,
		.max_segments = USHRT_MAX,
		.dma_alignment = twostep_dma_alignment(l),
		.discard_granularity = l->discard_granularity_bytes,
		.max_hw_discard_sectors = l->max_discard_sectors,
		.max_write_zeroes_sectors = l->max_write_zeroes_sectors,
	};
	struct gendisk *disk;

#ifdef BLK_FEAT_WRITE_CACHE
	if (l->write_cache)
		lim.features |= BLK_FEAT_WRITE_CACHE;
	if (l->write_cache && l->fua)
		lim.features |= BLK_FEAT_FUA;
	if (l->rotational)
		lim.features |= BLK_FEAT_ROTATIONAL;
	if (l->stable_writes)
		lim.features |= BLK_FEAT_STABLE_WRITES;
#endif
	disk = blk_mq_alloc_disk(set, &lim, queuedata);
#ifndef BLK_FEAT_WRITE_CACHE
	if (!IS_ERR(disk))
		twostep_set_queue_flags(disk->queue, l);
#endif
	return disk;
}
#else
static inline struct gendisk *twostep_alloc_disk(struct blk_mq_tag_set *set,
						 const struct twostep_limits *l,
						 void *queuedata)
{
	struct gendisk *disk = blk_mq_alloc_disk(set, queuedata);
	struct request_queue *q;

	if (IS_ERR(disk))
		return disk;
	q = disk->queue;
	blk_queue_logical_block_size(q, l->logical_block_bytes);
	blk_queue_physical_block_size(q, l->physical_block_bytes);
	blk_queue_io_min(q, l->io_min_bytes);
	blk_queue_io_opt(q, l->io_opt_bytes);
	blk_queue_max_hw_sectors(q, l->max_sectors);
	blk_queue_max_segments(q, USHRT_MAX);
	blk_queue_dma_alignment(q, twostep_dma_alignment(l));
	q->limits.discard_granularity = l->discard_granularity_bytes;
	blk_queue_max_discard_sectors(q, l->max_discard_sectors);
	blk_queue_max_write_zeroes_sectors(q, l->max_write_zeroes_sectors);
	twostep_set_queue_flags(q, l);
	return disk;
}
#endif

#endif /* _TWOSTEP_COMPAT_DISK_H */
