// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.7.0, for tests: fails as its parameters say, with the state of remap 2.0.0.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "broken.h"

/* What registers the child has its own ways to fail: broken_load.c, before this file. */
#define twostep_register_child		broken_register
#define twostep_unregister_child	broken_unregister

TWOSTEP_CHILD("remap", "9.7.0", 2, 3, 2, 3, 64, BROKEN_METHODS,
	      flush, fua, discard, write_zeroes);

MODULE_DESCRIPTION("twostep child for tests: fails on request");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
