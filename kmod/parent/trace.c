// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: where the tracepoints live.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#define CREATE_TRACE_POINTS
#include "trace.h"
