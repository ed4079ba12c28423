// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: the data path: a request's bios are cloned to the lower device.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Each clone is on its way before the next is made: whoever waits for memory
 * here waits for clones that the lower device has, not for one that he holds.
 */
#include <linux/blk-mq.h>
#include <linux/sched.h>

#include "remap.h"

#define REMAP_CLONES_KEPT	256	/* progress without memory, and not one by one */

/* What a clone takes over from its request; NOWAIT and polling end at the parent's queue. */
#define REMAP_CLONE_FLAGS	(REQ_FUA | REQ_SYNC | REQ_META | REQ_PRIO | REQ_IDLE | \
				 REQ_RAHEAD | REQ_FAILFAST_MASK | REQ_NOUNMAP)

int remap_io_init(struct remap *remap)
{
	return bioset_init(&remap->clones, REMAP_CLONES_KEPT, 0, 0);
}

void remap_io_exit(struct remap *remap)
{
	bioset_exit(&remap->clones);
}

static void remap_put(struct remap_request *request)
{
	if (!refcount_dec_and_test(&request->pending))
		return;
	remap_stats_end(request);
	twostep_end_request(request->remap, request->rq, request->status);
}

static void remap_clone_done(struct bio *clone)
{
	struct remap_request *request = clone->bi_private;
	blk_status_t status = clone->bi_status;

	if (status)
		WRITE_ONCE(request->status, status);
	bio_put(clone);
	remap_put(request);
}

static void remap_submit(struct bio *clone, struct remap_request *request)
{
	clone->bi_end_io = remap_clone_done;
	clone->bi_private = request;
	refcount_inc(&request->pending);
	submit_bio_noacct(clone);
}

static void remap_submit_data(struct remap_request *request, struct request *rq)
{
	struct remap *remap = request->remap;
	blk_opf_t opf = req_op(rq) | (rq->cmd_flags & REMAP_CLONE_FLAGS);
	struct bio *bio, *clone;

	__rq_for_each_bio(bio, rq) {
		clone = bio_alloc_clone(remap->lower.bdev, bio, GFP_NOIO, &remap->clones);
		if (!clone) { /* of what hangs on the bio; of the bio itself there is always one */
			WRITE_ONCE(request->status, BLK_STS_RESOURCE);
			return;
		}
		/* Not the bio's own flags: the flush machinery has taken some from the request. */
		clone->bi_opf = opf;
		remap_submit(clone, request);
	}
}

static void remap_submit_flush(struct remap_request *request)
{
	struct remap *remap = request->remap;

	remap_submit(bio_alloc_bioset(remap->lower.bdev, 0,
				      REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC,
				      GFP_NOIO, &remap->clones), request);
}

/*
 * We may be inside the flush of the task's plug: a lower request that joined
 * that one would be dispatched under the upper queue's protection instead of
 * its own. And we may be inside the task's submit_bio(): clones would only be
 * noted for later, while the task may go to sleep for a tag that just this
 * request has. So neither is seen from here.
 */
blk_status_t remap_queue_rq(void *data, struct request *rq)
{
	struct remap_request *request = twostep_request_data(rq);
	struct bio_list *outer_bios = current->bio_list;
	struct blk_plug *outer_plug = current->plug;
	struct blk_plug plug;

	request->remap = data;
	request->rq = rq;
	request->status = BLK_STS_OK;
	refcount_set(&request->pending, 1);
	remap_stats_begin(request);

	current->bio_list = NULL;
	/* The scheduler may write to a task's plug: there must be one whenever it looks. */
	preempt_disable();
	current->plug = NULL;
	blk_start_plug(&plug);
	preempt_enable();
	if (req_op(rq) == REQ_OP_FLUSH)
		remap_submit_flush(request);
	else
		remap_submit_data(request, rq);
	blk_finish_plug(&plug);
	current->plug = outer_plug;
	current->bio_list = outer_bios;
	remap_put(request);
	return BLK_STS_OK;
}
