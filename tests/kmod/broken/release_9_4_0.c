// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.4.0, for tests: drops the promise of FUA.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "9.4.0", 1, 1, 1, 1, 64, REMAP_METHODS,
	      flush, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
