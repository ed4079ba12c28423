// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: stats of releases that only count.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/slab.h>

#include "counters.h"

struct remap_stats {
	struct remap_counters __percpu *counters;
};

struct remap_stats *remap_stats_alloc(struct remap *remap)
{
	struct remap_stats *stats = kzalloc(sizeof(*stats), GFP_KERNEL);

	if (!stats)
		return NULL;
	stats->counters = alloc_percpu(struct remap_counters);
	if (!stats->counters) {
		kfree(stats);
		return NULL;
	}
	return stats;
}

void remap_stats_free(struct remap_stats *stats)
{
	free_percpu(stats->counters);
	kfree(stats);
}

struct remap_counters __percpu *remap_stats_counters(struct remap_stats *stats)
{
	return stats->counters;
}

void remap_stats_begin(struct remap_request *request)
{
}

void remap_stats_end(struct remap_request *request)
{
	remap_counters_add(request->remap->stats->counters, request->rq, request->status);
}

int remap_stats_export(struct remap_stats *stats, struct twostep_state *state)
{
	return remap_counters_export(stats->counters, state);
}

int remap_stats_import(struct remap_stats *stats, const struct twostep_state *state)
{
	return state ? remap_counters_import(stats->counters, state) : 0;
}

const struct twostep_attribute *const remap_stats_attributes[] = {
	REMAP_COUNTER_ATTRIBUTES,
	NULL
};
