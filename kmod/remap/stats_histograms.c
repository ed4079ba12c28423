// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: stats of releases that count and keep latency histograms.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Schema 1 has no histograms: coming from it they start empty, going back to
 * it they are left behind. The counters go both ways.
 */
#include <linux/ktime.h>
#include <linux/slab.h>

#include "counters.h"
#include "histogram.h"

#define REMAP_SCHEMA_HISTOGRAMS	2	/* the first one with them */

struct remap_stats {
	struct remap_counters __percpu *counters;
	struct remap_histograms __percpu *histograms;
};

struct remap_stats *remap_stats_alloc(struct remap *remap)
{
	struct remap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);

	if (!stats)
		return NULL;
	stats->counters = alloc_percpu(struct remap_counters);
	stats->histograms = alloc_percpu(struct remap_histograms);
	if (!stats->counters || !stats->histograms) {
		remap_stats_free(stats);
		return NULL;
	}
	return stats;
}

void remap_stats_free(struct remap_stats *stats)
{
	free_percpu(stats->histograms);
	free_percpu(stats->counters);
	kfree(stats);
}

struct remap_counters __percpu *remap_stats_counters(struct remap_stats *stats)
{
	return stats->counters;
}

struct remap_histograms __percpu *remap_stats_histograms(struct remap_stats *stats)
{
	return stats->histograms;
}

void remap_stats_begin(struct remap_request *request)
{
	request->begun_ns = ktime_get_ns();
}

void remap_stats_end(struct remap_request *request)
{
	struct remap_stats *stats = request->remap->stats;

	remap_counters_add(stats->counters, request->rq, request->status);
	remap_histograms_add(stats->histograms, request->rq, ktime_get_ns() - request->begun_ns);
}

int remap_stats_export(struct remap_stats *stats, struct twostep_state *state)
{
	int err = remap_counters_export(stats->counters, state);

	if (!err && twostep_state_schema(state) >= REMAP_SCHEMA_HISTOGRAMS)
		err = remap_histograms_export(stats->histograms, state);
	return err;
}

int remap_stats_import(struct remap_stats *stats, const struct twostep_state *state)
{
	int err = state ? remap_counters_import(stats->counters, state) : 0;

	if (!err && state && twostep_state_schema(state) >= REMAP_SCHEMA_HISTOGRAMS)
		err = remap_histograms_import(stats->histograms, state);
	return err;
}

const struct twostep_attribute *const remap_stats_attributes[] = {
	REMAP_COUNTER_ATTRIBUTES,
	REMAP_LATENCY_ATTRIBUTES,
	NULL
};
