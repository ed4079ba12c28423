/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap: a slot onto a lower block device. What the files of the family share.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * A release is instance.c, io.c, lower.c and counters.c, one stats_*.c that
 * says what is measured, and a release_*.c that says what is promised.
 */
#ifndef _TWOSTEP_REMAP_H
#define _TWOSTEP_REMAP_H

#include <linux/bio.h>

#include "bdev.h"
#include "twostep.h"

struct remap_stats;	/* the release's own, stats_*.c */

/* One instance on one slot. Fixed from prepare to release. */
struct remap {
	struct twostep_bdev lower;
	struct bio_set clones;
	struct remap_stats *stats;
};

/* Per request; not more than the request_bytes of the releases. */
struct remap_request {
	struct remap *remap;
	struct request *rq;
	refcount_t pending;	/* clones under way, and the submitter */
	blk_status_t status;	/* of the first clone that failed */
	u64 begun_ns;		/* for stats; monotonic */
	u64 epoch;		/* for tracking: the one that the change is marked in */
};

#define REMAP_REQUEST_BYTES 64

/* Records of the state. A format never changes; a new one gets a new type. */
enum remap_record {
	REMAP_RECORD_LOWER = 1,		/* struct remap_lower_record, from schema 1 */
	REMAP_RECORD_COUNTERS = 2,	/* struct remap_counts as __le64, from schema 1 */
	REMAP_RECORD_HISTOGRAMS = 3,	/* histogram.h, from schema 2 */
	REMAP_RECORD_TRACKING = 4,	/* struct remap_tracking_record, from schema 3 */
	REMAP_RECORD_MAP = 5,		/* pages, struct remap_map, from schema 3 */
};

/* instance.c: the methods of every release */
int remap_prepare(const struct twostep_site *site, struct twostep_limits *limits, void **data);
int remap_adopt(void *data, const struct twostep_state *state);
int remap_abandon(void *data, struct twostep_state *state);
void remap_release(void *data);
extern const struct twostep_attribute *const remap_stats_attributes[];

#define REMAP_METHODS				\
	.prepare = remap_prepare,		\
	.adopt = remap_adopt,			\
	.abandon = remap_abandon,		\
	.queue_rq = remap_queue_rq,		\
	.release = remap_release,		\
	.attributes = remap_stats_attributes

/* io.c */
blk_status_t remap_queue_rq(void *data, struct request *rq);
int remap_io_init(struct remap *remap);
void remap_io_exit(struct remap *remap);

/* lower.c */
int remap_lower_open(struct remap *remap, const struct twostep_site *site,
		     struct twostep_limits *limits);
void remap_lower_close(struct remap *remap);
int remap_lower_export(struct remap *remap, struct twostep_state *state);
int remap_lower_import(struct remap *remap, const struct twostep_state *state);

/*
 * stats_*.c: what a release measures and hands on. alloc: the lower device is
 * open. import: without a state an instance that has served before must assume
 * that it knows nothing.
 */
struct remap_stats *remap_stats_alloc(struct remap *remap);
void remap_stats_free(struct remap_stats *stats);
void remap_stats_begin(struct remap_request *request);
void remap_stats_end(struct remap_request *request);
int remap_stats_export(struct remap_stats *stats, struct twostep_state *state);
int remap_stats_import(struct remap_stats *stats, const struct twostep_state *state);

#endif /* _TWOSTEP_REMAP_H */
