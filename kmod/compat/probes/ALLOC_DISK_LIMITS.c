// SPDX-License-Identifier: GPL-2.0-only
// 6.9: 27e32cd23fed "block: pass a queue_limits argument to blk_mq_alloc_disk"
#include <linux/blk-mq.h>

struct gendisk *probe(struct blk_mq_tag_set *set, struct queue_limits *lim);
struct gendisk *probe(struct blk_mq_tag_set *set, struct queue_limits *lim)
{
	return blk_mq_alloc_disk(set, lim, NULL);
}
