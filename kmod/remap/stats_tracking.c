// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: stats of releases that count, keep latency histograms and track changes.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Schema 2 has no tracking: coming from it everything counts as changed, going
 * back to it the tracking is left behind. The rest goes both ways.
 */
#include <linux/ktime.h>
#include <linux/slab.h>

#include "counters.h"
#include "histogram.h"
#include "tracking.h"

#define REMAP_SCHEMA_TRACKING	3	/* the first one with it */

struct remap_stats {
	struct remap_counters __percpu *counters;
	struct remap_histograms __percpu *histograms;
	struct remap_tracking *tracking;
};

struct remap_stats *remap_stats_alloc(struct remap *remap)
{
	struct remap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);

	if (!stats)
		return NULL;
	stats->counters = alloc_percpu(struct remap_counters);
	stats->histograms = alloc_percpu(struct remap_histograms);
	stats->tracking = remap_tracking_alloc(remap);
	if (!stats->counters || !stats->histograms || !stats->tracking) {
		remap_stats_free(stats);
		return NULL;
	}
	return stats;
}

void remap_stats_free(struct remap_stats *stats)
{
	remap_tracking_free(stats->tracking);
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

struct remap_tracking *remap_stats_tracking(struct remap_stats *stats)
{
	return stats->tracking;
}

void remap_stats_begin(struct remap_request *request)
{
	remap_tracking_begin(request->remap->stats->tracking, request);
	request->begun_ns = ktime_get_ns();
}

void remap_stats_end(struct remap_request *request)
{
	struct remap_stats *stats = request->remap->stats;

	remap_tracking_end(stats->tracking, request);
	remap_counters_add(stats->counters, request->rq, request->status);
	remap_histograms_add(stats->histograms, request->rq, ktime_get_ns() - request->begun_ns);
}

int remap_stats_export(struct remap_stats *stats, struct twostep_state *state)
{
	int err = remap_counters_export(stats->counters, state);

	if (!err)
		err = remap_histograms_export(stats->histograms, state);
	if (!err && twostep_state_schema(state) >= REMAP_SCHEMA_TRACKING)
		err = remap_tracking_export(stats->tracking, state);
	return err;
}

int remap_stats_import(struct remap_stats *stats, const struct twostep_state *state)
{
	int err = state ? remap_counters_import(stats->counters, state) : 0;

	if (!err && state)
		err = remap_histograms_import(stats->histograms, state);
	return err ?: remap_tracking_import(stats->tracking, state);
}

const struct twostep_attribute *const remap_stats_attributes[] = {
	REMAP_COUNTER_ATTRIBUTES,
	REMAP_LATENCY_ATTRIBUTES,
	REMAP_TRACKING_ATTRIBUTES,
	NULL
};
