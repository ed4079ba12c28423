// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: latency histograms per kind of operation, per CPU.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/bitops.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "histogram.h"

static int remap_kind_of(struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
		return REMAP_KIND_READ;
	case REQ_OP_WRITE:
		return REMAP_KIND_WRITE;
	case REQ_OP_FLUSH:
		return REMAP_KIND_FLUSH;
	default:
		return -1;
	}
}

void remap_histograms_add(struct remap_histograms __percpu *histograms, struct request *rq,
			  u64 latency_ns)
{
	int kind = remap_kind_of(rq);
	int bucket;

	if (kind < 0)
		return;
	bucket = min(fls64(div_u64(latency_ns, NSEC_PER_USEC)), REMAP_BUCKETS - 1);
	this_cpu_inc(histograms->bucket[kind][bucket]);
}

static u64 remap_bucket_sum(struct remap_histograms __percpu *histograms, int kind, int bucket)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(histograms, cpu)->bucket[kind][bucket]);
	return sum;
}

struct remap_histograms_record {
	__le64 bucket[REMAP_KINDS][REMAP_BUCKETS];
};

int remap_histograms_export(struct remap_histograms __percpu *histograms,
			    struct twostep_state *state)
{
	struct remap_histograms_record *record;
	int kind, bucket, err;

	record = kmalloc(sizeof(*record), GFP_KERNEL);
	if (!record)
		return -ENOMEM;
	for (kind = 0; kind < REMAP_KINDS; kind++)
		for (bucket = 0; bucket < REMAP_BUCKETS; bucket++)
			record->bucket[kind][bucket] =
				cpu_to_le64(remap_bucket_sum(histograms, kind, bucket));
	err = twostep_state_put(state, REMAP_RECORD_HISTOGRAMS, record, sizeof(*record));
	kfree(record);
	return err;
}

/* Nobody adds to them now; as remap_counters_import(). */
int remap_histograms_import(struct remap_histograms __percpu *histograms,
			    const struct twostep_state *state)
{
	struct remap_histograms *first = per_cpu_ptr(histograms,
						     cpumask_first(cpu_possible_mask));
	const struct remap_histograms_record *record;
	int cpu, kind, bucket;
	u32 length;

	record = twostep_state_get(state, REMAP_RECORD_HISTOGRAMS, &length);
	if (!record)
		return -ENODATA;
	if (length != sizeof(*record))
		return -EBADMSG;
	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(histograms, cpu), 0, sizeof(*histograms));
	for (kind = 0; kind < REMAP_KINDS; kind++)
		for (bucket = 0; bucket < REMAP_BUCKETS; bucket++)
			first->bucket[kind][bucket] = le64_to_cpu(record->bucket[kind][bucket]);
	return 0;
}

/* One line, bucket 0 first. */
static ssize_t remap_histogram_emit(void *data, enum remap_kind kind, char *buf)
{
	struct remap *remap = data;
	struct remap_histograms __percpu *histograms = remap_stats_histograms(remap->stats);
	ssize_t length = 0;
	int bucket;

	for (bucket = 0; bucket < REMAP_BUCKETS; bucket++)
		length += sysfs_emit_at(buf, length, "%llu%c",
					remap_bucket_sum(histograms, kind, bucket),
					bucket == REMAP_BUCKETS - 1 ? '\n' : ' ');
	return length;
}

#define REMAP_LATENCY_ATTR(_name, _kind)					\
static ssize_t _name##_show(void *data, char *buf)				\
{										\
	return remap_histogram_emit(data, _kind, buf);				\
}										\
const struct twostep_attribute remap_attr_##_name = {				\
	.attr = { .name = #_name, .mode = 0444 }, .show = _name##_show,		\
}

REMAP_LATENCY_ATTR(latency_read, REMAP_KIND_READ);
REMAP_LATENCY_ATTR(latency_write, REMAP_KIND_WRITE);
REMAP_LATENCY_ATTR(latency_flush, REMAP_KIND_FLUSH);
