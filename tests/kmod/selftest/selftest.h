/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep selftest: what its files share.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_SELFTEST_H
#define _TWOSTEP_SELFTEST_H

#include "parent.h"

#define SELFTEST_FUZZ	10000

/* A test: 0, or -EINVAL after it has said what is not so. */
struct selftest {
	const char *name;
	int (*run)(void);
};

/* Ends the test at a condition that does not hold. @_undo: statements. */
#define CHECK_OR(_condition, _undo)						\
do {										\
	if (!(_condition)) {							\
		pr_err("# %s:%d: not so: %s\n", __func__, __LINE__, #_condition); \
		_undo;								\
		return -EINVAL;							\
	}									\
} while (0)

#define CHECK(_condition)	CHECK_OR(_condition, do { } while (0))

extern const struct selftest state_tests[], pages_tests[], handshake_tests[], line_tests[];

#endif /* _TWOSTEP_SELFTEST_H */
