// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.2.0, for tests: of another contract.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

#undef TWOSTEP_CONTRACT_MAJOR
#define TWOSTEP_CONTRACT_MAJOR 2

TWOSTEP_CHILD("remap", "9.2.0", 1, 1, 1, 1, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
