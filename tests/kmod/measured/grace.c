// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long is the wait until every CPU is known to have seen a pointer change?
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * For measuring the ways that a parent could wait before it takes a child's
 * state: while it loads, this module tries each of them in turn, many times.
 * The results are its parameters, in ns. The SRCU domain has no reader: that is
 * the best case for SRCU.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/srcu.h>

#define GRACE_TRIES	200
#define GRACE_PAUSE_MS	5	/* swaps are rare: each finds the machine at its usual work */

static unsigned long fence_ns[GRACE_TRIES];
module_param_array(fence_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(fence_ns, "an interrupt with a barrier to every CPU (result)");

static unsigned long rcu_expedited_ns[GRACE_TRIES];
module_param_array(rcu_expedited_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(rcu_expedited_ns, "synchronize_rcu_expedited (result)");

static unsigned long srcu_expedited_ns[GRACE_TRIES];
module_param_array(srcu_expedited_ns, ulong, NULL, 0444);
MODULE_PARM_DESC(srcu_expedited_ns, "synchronize_srcu_expedited (result)");

DEFINE_STATIC_SRCU(grace_srcu);

static void grace_barrier(void *unused)
{
	smp_mb(); /* what parent/hold.c does on every CPU */
}

static void grace_fence(void)
{
	on_each_cpu(grace_barrier, NULL, 1);
}

static void grace_srcu_expedited(void)
{
	synchronize_srcu_expedited(&grace_srcu);
}

static unsigned long grace_time(void (*wait)(void))
{
	ktime_t begun;

	msleep(GRACE_PAUSE_MS);
	begun = ktime_get();
	wait();
	return ktime_to_ns(ktime_sub(ktime_get(), begun));
}

static int __init grace_init(void)
{
	int i;

	for (i = 0; i < GRACE_TRIES; i++) {
		fence_ns[i] = grace_time(grace_fence);
		rcu_expedited_ns[i] = grace_time(synchronize_rcu_expedited);
		srcu_expedited_ns[i] = grace_time(grace_srcu_expedited);
	}
	return 0;
}
module_init(grace_init);

static void __exit grace_exit(void)
{
}
module_exit(grace_exit);

MODULE_DESCRIPTION("measures fences and grace periods");
MODULE_AUTHOR("The twostep.hotswap authors");
MODULE_LICENSE("GPL");
