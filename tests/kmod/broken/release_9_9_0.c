// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap 9.9.0, for tests: exports a symbol that 9.8.0 exports, too, and says
 * that it speaks a protocol.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "remap.h"

void twostep_remap_shared(void);
void twostep_remap_shared(void)
{
}
EXPORT_SYMBOL_GPL(twostep_remap_shared);

TWOSTEP_CHILD("remap", "9.9.0", 1, 1, 1, 1, 64, REMAP_METHODS,
	      flush, fua, discard, write_zeroes);
TWOSTEP_PROTOCOL(2, 3);

MODULE_DESCRIPTION("twostep child for tests");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
