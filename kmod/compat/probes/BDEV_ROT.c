// SPDX-License-Identifier: GPL-2.0-only
// 7.0: da562d92e675 "block: introduce bdev_rot()"
// Its inverse is gone in 7.1: d47f7c173262 "block: remove bdev_nonrot()"
#include <linux/blkdev.h>

bool probe(struct block_device *bdev);
bool probe(struct block_device *bdev)
{
	return bdev_rot(bdev);
}
