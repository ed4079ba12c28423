/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap: which chunks of the device were changed, for incremental backup.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Time is divided into epochs, which an administrator closes. There is a bitmap
 * of the current epoch and one of the last closed one; both are handed over as
 * they are. What is not known to be unchanged counts as changed.
 */
#ifndef _TWOSTEP_REMAP_TRACKING_H
#define _TWOSTEP_REMAP_TRACKING_H

#include "remap.h"

struct remap_tracking;

struct remap_tracking *remap_tracking_alloc(struct remap *remap);
void remap_tracking_free(struct remap_tracking *tracking);
void remap_tracking_begin(struct remap_tracking *tracking, struct remap_request *request);
void remap_tracking_end(struct remap_tracking *tracking, struct remap_request *request);
int remap_tracking_export(struct remap_tracking *tracking, struct twostep_state *state);
int remap_tracking_import(struct remap_tracking *tracking, const struct twostep_state *state);

/* From the release: its tracking, for the attributes below. */
struct remap_tracking *remap_stats_tracking(struct remap_stats *stats);

extern const struct twostep_attribute remap_attr_epoch, remap_attr_changed,
	remap_attr_changed_chunks, remap_attr_chunk_bytes;

#define REMAP_TRACKING_ATTRIBUTES						\
	&remap_attr_epoch, &remap_attr_changed, &remap_attr_changed_chunks,	\
	&remap_attr_chunk_bytes

#endif /* _TWOSTEP_REMAP_TRACKING_H */
