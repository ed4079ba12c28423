// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.3.0, for tests: reads only schemas that nobody writes.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "9.3.0", 7, 8, 7, 8, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
