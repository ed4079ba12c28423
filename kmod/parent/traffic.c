// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the data path, and knowing when nobody is on it.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Each CPU counts what enters and what leaves; a request enters with two
 * units, one for the call of the child's queue_rq, one for the request until
 * it ends. The counts hold no ordering of their own: whoever wants to know
 * first makes slot->serving NULL and then interrupts every CPU
 * (twostep_hold_begin). After that interrupt an enter is either visible to the
 * sum below or has seen NULL and leaves again. So the data path pays two
 * increments of its own CPU's memory and no barrier, and the end of a drain
 * needs no grace period.
 */
#include "parent.h"

static void twostep_leave(struct twostep_slot *slot, unsigned int units)
{
	this_cpu_add(slot->traffic->leave, units);
	barrier(); /* the interrupt in twostep_hold_begin() makes it a full one */
	if (unlikely(!READ_ONCE(slot->serving)))
		wake_up_all(&slot->wait);
}

static blk_status_t twostep_queue_rq(struct blk_mq_hw_ctx *hctx,
				     const struct blk_mq_queue_data *bd)
{
	struct twostep_slot *slot = hctx->queue->queuedata;
	struct request *rq = bd->rq;
	struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	struct twostep_instance *instance;
	blk_status_t status;

	this_cpu_add(slot->traffic->enter, 2);
	barrier(); /* pairs as in twostep_leave() */
	instance = READ_ONCE(slot->serving);
	if (unlikely(!instance)) {
		/* Came past the quiesced flag; the queue runs again at the end of the hold. */
		status = READ_ONCE(slot->failing) ? BLK_STS_IOERR : BLK_STS_RESOURCE;
		twostep_leave(slot, 2);
		return status;
	}
	/* Without iostats requests carry no start and cannot be counted. */
	if (unlikely(rq->start_time_ns && rq->start_time_ns < READ_ONCE(slot->resumed_ns)))
		atomic64_inc(&slot->held_requests);

	head->instance = instance;
	blk_mq_start_request(rq);
	status = instance->child->queue_rq(instance->data, rq);
	twostep_leave(slot, status == BLK_STS_OK ? 1 : 2);
	return status;
}

void twostep_end_request(struct request *rq, blk_status_t status)
{
	struct twostep_slot *slot = rq->q->queuedata;

	/*
	 * Leave first: until the request ends it keeps the queue, and so the
	 * slot that leaving looks at, from going away.
	 */
	twostep_leave(slot, 1);
	blk_mq_end_request(rq, status);
}
EXPORT_SYMBOL_GPL(twostep_end_request);

static enum blk_eh_timer_return twostep_timeout(struct request *rq)
{
	struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	struct twostep_instance *instance = head->instance;

	if (!instance->child->timeout)
		return BLK_EH_RESET_TIMER;
	return instance->child->timeout(instance->data, rq);
}

const struct blk_mq_ops twostep_mq_ops = {
	.queue_rq = twostep_queue_rq,
	.timeout = twostep_timeout,
};

/* Meaningful once slot->serving is NULL and every CPU knows: nobody is in the child. */
bool twostep_idle(const struct twostep_slot *slot)
{
	u64 enter = 0, leave = 0;
	int cpu;

	/* Leaves first: an enter that is missed here would miss its leave, too. */
	for_each_possible_cpu(cpu)
		leave += READ_ONCE(per_cpu_ptr(slot->traffic, cpu)->leave);
	smp_mb(); /* a leave that was counted brings its enter along */
	for_each_possible_cpu(cpu)
		enter += READ_ONCE(per_cpu_ptr(slot->traffic, cpu)->enter);
	return enter == leave;
}

/* Requests in the child, as a snapshot for people. */
u64 twostep_inflight(const struct twostep_slot *slot)
{
	s64 units = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct twostep_traffic *traffic = per_cpu_ptr(slot->traffic, cpu);

		units += READ_ONCE(traffic->enter) - READ_ONCE(traffic->leave);
	}
	return units > 0 ? DIV_ROUND_UP_ULL(units, 2) : 0;
}
