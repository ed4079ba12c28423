// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: requests that a child has not ended yet.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * While a request is looked at here its tag is kept from being used again.
 */
#include "parent.h"

static const struct twostep_instance *twostep_holder(struct request *rq)
{
	const struct twostep_request *head = blk_mq_rq_to_pdu(rq);

	return READ_ONCE(head->instance);
}

static bool twostep_note_age(struct request *rq, void *data)
{
	const struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	struct twostep_oldest *oldest = data;
	unsigned int age_ms;

	if (!twostep_holder(rq))
		return true;
	age_ms = jiffies_to_msecs(jiffies - READ_ONCE(head->begun));
	if (!oldest->count++ || age_ms > oldest->age_ms) {
		oldest->age_ms = age_ms;
		oldest->tag = rq->tag;
		oldest->op = req_op(rq);
	}
	return true;
}

/* How many requests are in a child, and which has been there the longest. */
void twostep_find_oldest(struct twostep_slot *slot, struct twostep_oldest *oldest)
{
	*oldest = (struct twostep_oldest) {};
	blk_mq_tagset_busy_iter(&slot->tags, twostep_note_age, oldest);
}

struct twostep_taker {
	struct twostep_swap *swap;
	const struct twostep_instance *from;
};

static bool twostep_take_one(struct request *rq, void *data)
{
	struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	const struct twostep_taker *taker = data;
	struct twostep_slot *slot = taker->swap->slot;

	/* The deadline has given the requests back to @from. */
	if (READ_ONCE(taker->swap->expired))
		return false;
	if (twostep_holder(rq) != taker->from ||
	    !taker->from->child->cancel(taker->from->data, rq))
		return true;
	/* From here the child's end of it would be refused. */
	WRITE_ONCE(head->instance, NULL);
	twostep_leave(slot, 1);
	if (taker->swap->policy == TWOSTEP_FAIL)
		blk_mq_end_request(rq, BLK_STS_IOERR);
	else
		blk_mq_requeue_request(rq, false);
	return true;
}

/* Within a hold: asks @from for its requests; those that it gives back go on as the policy says. */
void twostep_take_back(struct twostep_swap *swap, const struct twostep_instance *from)
{
	struct twostep_taker taker = { .swap = swap, .from = from };

	if (!from->child->cancel)
		return;
	blk_mq_tagset_busy_iter(&swap->slot->tags, twostep_take_one, &taker);
	/* For what came behind the deadline; in the hold it only moves into the queue. */
	blk_mq_kick_requeue_list(swap->slot->disk->queue);
}
