/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap 9.x.0, for tests: what the files of the broken children share. README.md
 * lists the modes.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_BROKEN_H
#define _TWOSTEP_BROKEN_H

#include "remap.h"

#define BROKEN_LOOK_MS	20	/* between looks at the mode */

/* broken_mode.c: the parameters */
bool broken_is(const char *wanted);
/* Every nth call is one that the mode is about. */
bool broken_turn(void);
void broken_wait(void);
extern unsigned int broken_nth;
extern ulong broken_above;

/* broken_load.c */
int broken_register(const struct twostep_child *child);
void broken_unregister(const struct twostep_child *child);

/* broken_life.c */
int broken_prepare(const struct twostep_site *site, struct twostep_limits *limits, void **data);
int broken_adopt(void *data, const struct twostep_state *state);
int broken_health(void *data);
void broken_release(void *data);

/* broken_state.c */
int broken_abandon(void *data, struct twostep_state *state);
void broken_scribble(void *data, const struct twostep_state *state);

/* broken_serve.c: one request, in a mode that is not about keeping it */
blk_status_t broken_queue_rq(void *data, struct request *rq);

/* broken_keep.c: requests that are not ended, or too late */
bool broken_keeps(void *data, struct request *rq);
bool broken_cancel(void *data, struct request *rq);
void broken_end_late(void *data, struct request *rq);
enum blk_eh_timer_return broken_timeout(void *data, struct request *rq);
void broken_keep_stop(void);

#define BROKEN_METHODS				\
	.prepare = broken_prepare,		\
	.adopt = broken_adopt,			\
	.abandon = broken_abandon,		\
	.queue_rq = broken_queue_rq,		\
	.cancel = broken_cancel,		\
	.timeout = broken_timeout,		\
	.health = broken_health,		\
	.release = broken_release,		\
	.attributes = remap_stats_attributes

#endif /* _TWOSTEP_BROKEN_H */
