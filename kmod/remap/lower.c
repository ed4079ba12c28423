// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: the lower device: found, claimed, described, and recognised again.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/string.h>

#include "remap.h"

#define REMAP_LOWER_PREFIX	"lower="

/* A path may lead elsewhere after devices were renumbered; the state says which it was. */
struct remap_lower_record {
	__le64 device;
	__le64 capacity_sectors;
};

static void remap_lower_limits(struct block_device *bdev, struct twostep_limits *limits)
{
	struct request_queue *q = bdev_get_queue(bdev);

	limits->capacity_sectors = bdev_nr_sectors(bdev);
	limits->logical_block_bytes = bdev_logical_block_size(bdev);
	limits->physical_block_bytes = bdev_physical_block_size(bdev);
	limits->io_min_bytes = bdev_io_min(bdev);
	limits->io_opt_bytes = bdev_io_opt(bdev);
	limits->max_sectors = queue_max_hw_sectors(q);
	limits->max_discard_sectors = bdev_max_discard_sectors(bdev);
	limits->discard_granularity_bytes =
		limits->max_discard_sectors ? bdev_discard_granularity(bdev) : 0;
	limits->max_write_zeroes_sectors = bdev_write_zeroes_sectors(bdev);
	limits->write_cache = bdev_write_cache(bdev);
	limits->fua = bdev_fua(bdev);
	limits->rotational = bdev_rot(bdev);
	limits->stable_writes = bdev_stable_writes(bdev);
	limits->read_only = bdev_read_only(bdev);
}

/* The parameter is "lower=<path>", nothing else. */
int remap_lower_open(struct remap *remap, const struct twostep_site *site,
		     struct twostep_limits *limits)
{
	size_t prefix = str_has_prefix(site->params, REMAP_LOWER_PREFIX);
	int err;

	if (!prefix || site->params[prefix] != '/') {
		pr_err("%s: parameter must be lower=/dev/..., not \"%s\"\n", site->slot,
		       site->params);
		return -EINVAL;
	}
	err = twostep_bdev_open(&remap->lower, site->params + prefix, site->holder);
	if (err) {
		pr_err("%s: cannot open %s: %d\n", site->slot, site->params + prefix, err);
		return err;
	}
	remap_lower_limits(remap->lower.bdev, limits);
	return 0;
}

void remap_lower_close(struct remap *remap)
{
	twostep_bdev_close(&remap->lower);
}

static void remap_lower_record(struct remap *remap, struct remap_lower_record *record)
{
	record->device = cpu_to_le64(new_encode_dev(remap->lower.bdev->bd_dev));
	record->capacity_sectors = cpu_to_le64(bdev_nr_sectors(remap->lower.bdev));
}

int remap_lower_export(struct remap *remap, struct twostep_state *state)
{
	struct remap_lower_record record;

	remap_lower_record(remap, &record);
	return twostep_state_put(state, REMAP_RECORD_LOWER, &record, sizeof(record));
}

/* -ENXIO if the predecessor served from another device. */
int remap_lower_import(struct remap *remap, const struct twostep_state *state)
{
	struct remap_lower_record mine;
	const void *theirs;
	u32 length;

	theirs = twostep_state_get(state, REMAP_RECORD_LOWER, &length);
	if (!theirs)
		return -ENODATA;
	if (length != sizeof(mine))
		return -EBADMSG;
	remap_lower_record(remap, &mine);
	return memcmp(theirs, &mine, sizeof(mine)) ? -ENXIO : 0;
}
