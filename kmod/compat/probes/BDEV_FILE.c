// SPDX-License-Identifier: GPL-2.0-only
// 6.9: f3a608827d1f "bdev: open block device as files"
#include <linux/blkdev.h>

struct block_device *probe(void *holder);
struct block_device *probe(void *holder)
{
	struct file *file = bdev_file_open_by_path("", BLK_OPEN_READ, holder, NULL);

	return file_bdev(file);
}
