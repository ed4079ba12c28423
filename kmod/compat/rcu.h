/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for tasks to have slept, for kernels whose tasks can be preempted in
 * kernel code and for those whose cannot.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_COMPAT_RCU_H
#define _TWOSTEP_COMPAT_RCU_H

#include <linux/rcupdate.h>

/* Without it call_rcu_tasks() is call_rcu(), and there is no barrier of its own. */
static inline void twostep_rcu_barrier_tasks(void)
{
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#else
	rcu_barrier();
#endif
}

#endif /* _TWOSTEP_COMPAT_RCU_H */
