/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remap 9.1.0, for tests: what its files share.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_BROKEN_H
#define _TWOSTEP_BROKEN_H

#include "remap.h"

bool broken_is(const char *wanted);

/* broken_serve.c */
blk_status_t broken_queue_rq(void *data, struct request *rq);
bool broken_cancel(void *data, struct request *rq);
void broken_release(void *data);

#endif /* _TWOSTEP_BROKEN_H */
