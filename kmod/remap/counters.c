// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: I/O counters, per CPU.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/percpu.h>

#include "counters.h"

void remap_counters_add(struct remap_counters __percpu *counters, struct request *rq,
			blk_status_t status)
{
	if (status) {
		this_cpu_inc(counters->count[REMAP_ERRORS]);
		return;
	}
	switch (req_op(rq)) {
	case REQ_OP_READ:
		this_cpu_inc(counters->count[REMAP_READS]);
		this_cpu_add(counters->count[REMAP_READ_BYTES], blk_rq_bytes(rq));
		break;
	case REQ_OP_WRITE:
		this_cpu_inc(counters->count[REMAP_WRITES]);
		this_cpu_add(counters->count[REMAP_WRITE_BYTES], blk_rq_bytes(rq));
		break;
	case REQ_OP_FLUSH:
		this_cpu_inc(counters->count[REMAP_FLUSHES]);
		break;
	case REQ_OP_DISCARD:
		this_cpu_inc(counters->count[REMAP_DISCARDS]);
		break;
	case REQ_OP_WRITE_ZEROES:
		this_cpu_inc(counters->count[REMAP_WRITE_ZEROES]);
		break;
	default:
		break;
	}
}

u64 remap_counters_sum(struct remap_counters __percpu *counters, enum remap_count which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(counters, cpu)->count[which]);
	return sum;
}

int remap_counters_export(struct remap_counters __percpu *counters, struct twostep_state *state)
{
	__le64 record[REMAP_COUNTS];
	int i;

	for (i = 0; i < REMAP_COUNTS; i++)
		record[i] = cpu_to_le64(remap_counters_sum(counters, i));
	return twostep_state_put(state, REMAP_RECORD_COUNTERS, record, sizeof(record));
}

/* Nobody adds to them now. They may have counted before: what comes back includes that. */
int remap_counters_import(struct remap_counters __percpu *counters,
			  const struct twostep_state *state)
{
	struct remap_counters *first = per_cpu_ptr(counters, cpumask_first(cpu_possible_mask));
	const __le64 *record;
	u32 length;
	int cpu, i;

	record = twostep_state_get(state, REMAP_RECORD_COUNTERS, &length);
	if (!record)
		return -ENODATA;
	if (length != REMAP_COUNTS * sizeof(*record))
		return -EBADMSG;
	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(counters, cpu), 0, sizeof(*counters));
	for (i = 0; i < REMAP_COUNTS; i++)
		first->count[i] = le64_to_cpu(record[i]);
	return 0;
}

static ssize_t remap_count_show(void *data, enum remap_count which, char *buf)
{
	struct remap *remap = data;

	return sysfs_emit(buf, "%llu\n",
			  remap_counters_sum(remap_stats_counters(remap->stats), which));
}

#define REMAP_ATTR(_name, _which)						\
static ssize_t _name##_show(void *data, char *buf)				\
{										\
	return remap_count_show(data, _which, buf);				\
}										\
const struct twostep_attribute remap_attr_##_name = {				\
	.attr = { .name = #_name, .mode = 0444 }, .show = _name##_show,		\
}

REMAP_ATTR(reads, REMAP_READS);
REMAP_ATTR(writes, REMAP_WRITES);
REMAP_ATTR(flushes, REMAP_FLUSHES);
REMAP_ATTR(discards, REMAP_DISCARDS);
REMAP_ATTR(write_zeroes, REMAP_WRITE_ZEROES);
REMAP_ATTR(read_bytes, REMAP_READ_BYTES);
REMAP_ATTR(write_bytes, REMAP_WRITE_BYTES);
REMAP_ATTR(errors, REMAP_ERRORS);
