// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 2.0.0: adds tracking of changes. Reads schema 2 to 3, writes 2 to 3.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "2.0.0", 2, 3, 2, 3, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child: a slot onto a lower block device");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
