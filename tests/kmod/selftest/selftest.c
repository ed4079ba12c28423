// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep selftest: the parts of the parent that need no disk, tested in the
 * kernel when this module is loaded. The results are lines in the kernel's log,
 * as TAP has them; loading fails with EINVAL if a test does.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "selftest.h"

static const struct selftest * const selftest_suites[] = {
	state_tests, pages_tests, handshake_tests, line_tests,
};

static int __init selftest_init(void)
{
	unsigned int count = 0, failed = 0, suite;
	const struct selftest *test;

	for (suite = 0; suite < ARRAY_SIZE(selftest_suites); suite++) {
		for (test = selftest_suites[suite]; test->run; test++) {
			int err = test->run();

			pr_info("%sok %u %s\n", err ? "not " : "", ++count, test->name);
			failed += !!err;
		}
	}
	pr_info("1..%u\n# %u failed\n", count, failed);
	return failed ? -EINVAL : 0;
}

static void __exit selftest_exit(void)
{
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_VERSION("1.0.0");
MODULE_DESCRIPTION("twostep: tests of the parent's pure parts");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
