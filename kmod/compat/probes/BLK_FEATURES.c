// SPDX-License-Identifier: GPL-2.0-only
// 6.11: 1122c0c1cc71 "block: move cache control settings out of queue->flags"
#include <linux/blkdev.h>

unsigned int probe = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA | BLK_FEAT_ROTATIONAL |
		     BLK_FEAT_STABLE_WRITES;
