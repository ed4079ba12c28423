// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: an instance, from prepare to release.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/slab.h>

#include "remap.h"

int remap_prepare(const struct twostep_site *site, struct twostep_limits *limits, void **data)
{
	struct remap *remap;
	int err;

	BUILD_BUG_ON(sizeof(struct remap_request) > REMAP_REQUEST_BYTES);
	remap = kzalloc(sizeof(*remap), GFP_KERNEL);
	if (!remap)
		return -ENOMEM;
	err = remap_lower_open(remap, site, limits);
	if (err)
		goto free;
	err = remap_io_init(remap);
	if (err)
		goto lower;
	err = -ENOMEM;
	remap->stats = remap_stats_alloc(remap);
	if (!remap->stats)
		goto io;
	*data = remap;
	return 0;

io:
	remap_io_exit(remap);
lower:
	remap_lower_close(remap);
free:
	kfree(remap);
	return err;
}

int remap_adopt(void *data, const struct twostep_state *state)
{
	struct remap *remap = data;
	int err;

	err = state ? remap_lower_import(remap, state) : 0;
	return err ?: remap_stats_import(remap->stats, state);
}

int remap_abandon(void *data, struct twostep_state *state)
{
	struct remap *remap = data;
	int err;

	err = remap_lower_export(remap, state);
	return err ?: remap_stats_export(remap->stats, state);
}

void remap_release(void *data)
{
	struct remap *remap = data;

	remap_stats_free(remap->stats);
	remap_io_exit(remap);
	remap_lower_close(remap);
	kfree(remap);
}
