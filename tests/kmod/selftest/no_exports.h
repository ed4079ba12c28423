/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep selftest: the parent's files export nothing here, so that both modules can be loaded.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/export.h>
#include <linux/module.h>

#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(symbol)
