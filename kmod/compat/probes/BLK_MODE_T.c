// SPDX-License-Identifier: GPL-2.0-only
// 6.5: 05bdb9965305 "block: replace fmode_t with a block-specific type for block open flags"
#include <linux/blkdev.h>

static int probe_open(struct gendisk *disk, blk_mode_t mode)
{
	return disk && (mode & BLK_OPEN_WRITE);
}

const struct block_device_operations probe = { .open = probe_open };
