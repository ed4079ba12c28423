// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.x.0, for tests: ways to fail while serving.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/highmem.h>

#include "broken.h"

#define BROKEN_BYTE	0xa5

/* Answers a read at once, with what was never written. */
static void broken_invent(struct request *rq)
{
	struct req_iterator position;
	struct bio_vec piece;

	rq_for_each_segment(piece, rq, position)
		memset_page(piece.bv_page, piece.bv_offset, BROKEN_BYTE, piece.bv_len);
}

static bool broken_corrupts(struct request *rq)
{
	if (req_op(rq) != REQ_OP_READ)
		return false;
	if (broken_is("corrupt"))
		return broken_turn();
	return broken_is("corrupt_hi") && blk_rq_pos(rq) >= broken_above;
}

/* Ends @rq without the lower device; false: not in this mode. */
static bool broken_ends(void *data, struct request *rq)
{
	if (broken_is("eio") && broken_turn()) {
		twostep_end_request(data, rq, BLK_STS_IOERR);
		return true;
	}
	if (broken_corrupts(rq)) {
		broken_invent(rq);
		twostep_end_request(data, rq, BLK_STS_OK);
		return true;
	}
	if (broken_is("drop_flush") && req_op(rq) == REQ_OP_FLUSH) {
		twostep_end_request(data, rq, BLK_STS_OK);
		return true;
	}
	if (broken_is("double_end") && req_op(rq) == REQ_OP_DISCARD) {
		twostep_end_request(data, rq, BLK_STS_OK);
		twostep_end_request(data, rq, BLK_STS_OK);
		return true;
	}
	if (broken_is("late_end") && req_op(rq) == REQ_OP_DISCARD) {
		twostep_end_request(data, rq, BLK_STS_OK);
		broken_end_late(data, rq);
		return true;
	}
	return false;
}

blk_status_t broken_queue_rq(void *data, struct request *rq)
{
	static int *nowhere;

	if (broken_is("refuse") && broken_turn())
		return BLK_STS_IOERR;
	if (broken_ends(data, rq) || broken_keeps(data, rq))
		return BLK_STS_OK;
	if (broken_is("drop_fua"))
		rq->cmd_flags &= ~REQ_FUA;
	if (broken_is("oops"))
		WRITE_ONCE(*nowhere, 1);
	if (broken_is("sleepy"))
		broken_wait();
	if (broken_is("atomic_sleep")) {
		preempt_disable();
		usleep_range(10, 20);
		preempt_enable();
	}
	return remap_queue_rq(data, rq);
}
