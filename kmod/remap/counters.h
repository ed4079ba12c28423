/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap: I/O counters, per CPU. In every release; their record never changes.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_REMAP_COUNTERS_H
#define _TWOSTEP_REMAP_COUNTERS_H

#include "remap.h"

enum remap_count {
	REMAP_READS,
	REMAP_WRITES,
	REMAP_FLUSHES,
	REMAP_DISCARDS,
	REMAP_WRITE_ZEROES,
	REMAP_READ_BYTES,
	REMAP_WRITE_BYTES,
	REMAP_ERRORS,
	REMAP_COUNTS,
};

/* Each CPU adds to its own; what the predecessor counted starts on one of them. */
struct remap_counters {
	u64 count[REMAP_COUNTS];
};

void remap_counters_add(struct remap_counters __percpu *counters, struct request *rq,
			blk_status_t status);
u64 remap_counters_sum(struct remap_counters __percpu *counters, enum remap_count which);
int remap_counters_export(struct remap_counters __percpu *counters, struct twostep_state *state);
int remap_counters_import(struct remap_counters __percpu *counters,
			  const struct twostep_state *state);

/* From the release: its counters, for the attributes below. */
struct remap_counters __percpu *remap_stats_counters(struct remap_stats *stats);

extern const struct twostep_attribute remap_attr_reads, remap_attr_writes, remap_attr_flushes,
	remap_attr_discards, remap_attr_write_zeroes, remap_attr_read_bytes,
	remap_attr_write_bytes, remap_attr_errors;

#define REMAP_COUNTER_ATTRIBUTES						\
	&remap_attr_reads, &remap_attr_writes, &remap_attr_flushes,		\
	&remap_attr_discards, &remap_attr_write_zeroes, &remap_attr_read_bytes,	\
	&remap_attr_write_bytes, &remap_attr_errors

#endif /* _TWOSTEP_REMAP_COUNTERS_H */
