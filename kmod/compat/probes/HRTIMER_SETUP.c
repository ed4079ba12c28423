// SPDX-License-Identifier: GPL-2.0-only
// 6.13: 908a1d775422 "hrtimers: Introduce hrtimer_setup() to replace hrtimer_init()"
#include <linux/hrtimer.h>

void probe(struct hrtimer *timer, enum hrtimer_restart (*fn)(struct hrtimer *));
void probe(struct hrtimer *timer, enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}
