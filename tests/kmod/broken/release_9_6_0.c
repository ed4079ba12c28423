// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.6.0, for tests: reads what others write, writes what nobody reads.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "9.6.0", 1, 1, 9, 9, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests: no way back");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
