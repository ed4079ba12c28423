/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap: latency histograms per kind of operation, in powers of two.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_REMAP_HISTOGRAM_H
#define _TWOSTEP_REMAP_HISTOGRAM_H

#include "remap.h"

/* Bucket i counts latencies below 2^i microseconds; the last one, all others. */
#define REMAP_BUCKETS	24

enum remap_kind { REMAP_KIND_READ, REMAP_KIND_WRITE, REMAP_KIND_FLUSH, REMAP_KINDS };

struct remap_histograms {
	u64 bucket[REMAP_KINDS][REMAP_BUCKETS];
};

void remap_histograms_add(struct remap_histograms __percpu *histograms, struct request *rq,
			  u64 latency_ns);
int remap_histograms_export(struct remap_histograms __percpu *histograms,
			    struct twostep_state *state);
int remap_histograms_import(struct remap_histograms __percpu *histograms,
			    const struct twostep_state *state);

/* From the release: its histograms, for the attributes below. */
struct remap_histograms __percpu *remap_stats_histograms(struct remap_stats *stats);

extern const struct twostep_attribute remap_attr_latency_read, remap_attr_latency_write,
	remap_attr_latency_flush;

#define REMAP_LATENCY_ATTRIBUTES						\
	&remap_attr_latency_read, &remap_attr_latency_write, &remap_attr_latency_flush

#endif /* _TWOSTEP_REMAP_HISTOGRAM_H */
