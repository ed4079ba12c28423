// SPDX-License-Identifier: GPL-2.0-only
// gone in 6.14: 9377b95cda73 "block: remove BLK_MQ_F_SHOULD_MERGE"
#include <linux/blk-mq.h>

unsigned int probe = BLK_MQ_F_SHOULD_MERGE;
