// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 1.0.0: counts its I/O. reads and writes schema 1.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

TWOSTEP_CHILD("remap", "1.0.0", 1, 1, 1, 1, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child: a slot onto a lower block device");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
