// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.5.0, for tests: wants more data with each request than a slot has.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "9.5.0", 1, 1, 1, 1, 4096, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
