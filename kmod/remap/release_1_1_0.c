// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 1.1.0: adds latency histograms. Reads schema 1 to 2, writes 1 to 2.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "1.1.0", 1, 2, 1, 2, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child: a slot onto a lower block device");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
