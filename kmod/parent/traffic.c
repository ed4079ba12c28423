// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the data path, and knowing when nobody is on it.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Each CPU counts what enters and what leaves; a request enters with two
 * units, one for the call of the child's queue_rq, one for the request until
 * it ends. The counts hold no ordering of their own: whoever wants to know
 * first makes slot->serving NULL and then interrupts every CPU
 * (twostep_fence). After that interrupt an enter is either visible to the
 * sum below or has seen NULL and leaves again. So the data path pays two
 * increments of its own CPU's memory and no barrier, and the end of a drain
 * needs no grace period.
 */
#include "parent.h"

void twostep_leave(struct twostep_slot *slot, unsigned int units)
{
	/* A release: what was done with the child is over. Free where stores stay behind loads. */
	smp_mb__before_atomic();
	this_cpu_add(slot->traffic->leave, units);
	barrier(); /* the interrupt in twostep_fence() makes it a full one */
	if (unlikely(!READ_ONCE(slot->serving)))
		wake_up_all(&slot->wait);
}

/* Counts a request that waited in the last hold, as it goes on. */
static void twostep_count_held(struct twostep_slot *slot, u64 since_ns)
{
	u64 resumed_ns = READ_ONCE(slot->resumed_ns);
	u64 held_ns = resumed_ns - min(resumed_ns, max(since_ns, READ_ONCE(slot->held_ns)));
	int bucket = min(fls64(div_u64(held_ns, NSEC_PER_USEC)), TWOSTEP_HELD_BUCKETS - 1);

	atomic64_inc(&slot->held_requests);
	atomic64_inc(&slot->held_for[bucket]);
}

/* The serving instance, for a call that ends with twostep_leave(@units). NULL: none, and left. */
static struct twostep_instance *twostep_enter(struct twostep_slot *slot, unsigned int units)
{
	struct twostep_instance *instance;

	this_cpu_add(slot->traffic->enter, units);
	barrier(); /* pairs as in twostep_leave() */
	instance = READ_ONCE(slot->serving);
	if (unlikely(!instance))
		twostep_leave(slot, units);
	return instance;
}

static blk_status_t twostep_queue_rq(struct blk_mq_hw_ctx *hctx,
				     const struct blk_mq_queue_data *bd)
{
	struct twostep_slot *slot = hctx->queue->queuedata;
	struct request *rq = bd->rq;
	struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	/* Without iostats requests carry no start and cannot be counted. */
	u64 since_ns = rq->start_time_ns;
	struct twostep_instance *instance;
	blk_status_t status;

	instance = twostep_enter(slot, 2);
	/* Came past the quiesced flag; the queue runs again at the end of the hold. */
	if (unlikely(!instance))
		return READ_ONCE(slot->failing) ? BLK_STS_IOERR : BLK_STS_RESOURCE;
	head->begun = jiffies;
	WRITE_ONCE(head->instance, instance);
	blk_mq_start_request(rq);
	status = instance->child->queue_rq(instance->data, rq);
	if (unlikely(status != BLK_STS_OK)) {
		WRITE_ONCE(head->instance, NULL);
		twostep_leave(slot, 2);
		if (status != BLK_STS_RESOURCE && status != BLK_STS_DEV_RESOURCE &&
		    twostep_probation_keeps(slot, rq, status))
			return BLK_STS_OK;
		return status;
	}
	if (unlikely(since_ns && since_ns < READ_ONCE(slot->resumed_ns)))
		twostep_count_held(slot, since_ns);
	twostep_leave(slot, 1);
	return BLK_STS_OK;
}

/* A guard rail against a broken child, not a lock between two that end at the same instant. */
static bool twostep_has_request(const void *data, const struct twostep_request *head)
{
	const struct twostep_instance *instance = READ_ONCE(head->instance);

	return instance && instance->data == data;
}

void twostep_end_request(void *data, struct request *rq, blk_status_t status)
{
	struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	struct twostep_slot *slot = rq->q->queuedata;

	if (unlikely(!twostep_has_request(data, head))) {
		atomic64_inc(&slot->refused_ends);
		pr_err_ratelimited("%s: a child ends request %d, which it does not have: refused\n",
				   slot->name, rq->tag);
		return;
	}
	WRITE_ONCE(head->instance, NULL);
	/*
	 * Leave first: until the request ends it keeps the queue, and so the
	 * slot that leaving looks at, from going away.
	 */
	twostep_leave(slot, 1);
	if (unlikely(status != BLK_STS_OK) && twostep_probation_keeps(slot, rq, status))
		return;
	blk_mq_end_request(rq, status);
}
EXPORT_SYMBOL_GPL(twostep_end_request);

static enum blk_eh_timer_return twostep_timeout(struct request *rq)
{
	const struct twostep_request *head = blk_mq_rq_to_pdu(rq);
	enum blk_eh_timer_return answer = BLK_EH_RESET_TIMER;
	struct twostep_slot *slot = rq->q->queuedata;
	const struct twostep_instance *instance = twostep_enter(slot, 1);

	/* In a hold its time begins anew. */
	if (!instance)
		return answer;
	if (READ_ONCE(head->instance) == instance && instance->child->timeout)
		answer = instance->child->timeout(instance->data, rq);
	twostep_leave(slot, 1);
	return answer;
}

/*
 * A flush may end within the end of a flush of the lower device, under that
 * one's lock, and a slot may lie on a slot: each has a class of locks for itself.
 */
static int twostep_init_hctx(struct blk_mq_hw_ctx *hctx, void *data, unsigned int index)
{
	struct twostep_slot *slot = data;

	blk_mq_hctx_set_fq_lock_class(hctx, &slot->flush_key);
	return 0;
}

const struct blk_mq_ops twostep_mq_ops = {
	.init_hctx = twostep_init_hctx,
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
