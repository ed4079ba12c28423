/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep parent: the structures that its files share.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Locks, outermost first:
 *	twostep_registry_lock	the list of children (registry.c)
 *	slot->mutex		configuration, begin and end of swaps, the disk
 *	slot->lock		who serves; taken from the deadline's timer
 * A swap's worker holds no mutex while it calls a child: a child that never
 * returns blocks its own swap and nothing else.
 */
#ifndef _TWOSTEP_PARENT_H
#define _TWOSTEP_PARENT_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "twostep.h"

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#define TWOSTEP_SLOT_NAME_MAX	16
#define TWOSTEP_FAMILY_MAX	16
#define TWOSTEP_VERSION_MAX	17
#define TWOSTEP_PARAMS_MAX	255
#define TWOSTEP_REASON_MAX	160
#define TWOSTEP_DEADLINE_MAX_MS	10000
#define TWOSTEP_DEADLINE_MS	500
#define TWOSTEP_REQUEST_BYTES_MAX 4096

/* registry.c: one registered child. Lives until its module unregisters it. */
struct twostep_registration {
	struct kobject kobj;		/* /sys/kernel/twostep/children/<module> */
	struct list_head entry;		/* twostep_registry_lock */
	const struct twostep_child *child;
	atomic_t users;			/* instances */
};

/* instance.c: a child on a slot, from prepare to release. */
struct twostep_instance {
	struct kobject kobj;		/* slots/<slot>/child, while it serves */
	struct twostep_registration *registration;
	const struct twostep_child *child;
	void *data;			/* the child's */
	struct twostep_limits limits;
	bool shown;			/* kobj is in sysfs; slot's swap or mutex */
};

/* traffic.c: per CPU, in units explained there. */
struct twostep_traffic {
	u64 enter;
	u64 leave;
};

enum twostep_mode { TWOSTEP_HANDOVER, TWOSTEP_TWO_STEP };

enum twostep_result {
	TWOSTEP_NONE, TWOSTEP_RUNNING, TWOSTEP_OK, TWOSTEP_RETURNED,
	TWOSTEP_DETACHED, TWOSTEP_FAILED,
};

/* What user space asked for, parsed (control.c). */
struct twostep_request_line {
	char version[TWOSTEP_VERSION_MAX + 1];
	u64 generation;
	enum twostep_mode mode;
	unsigned int deadline_ms;
	unsigned int schema;		/* two_step: to write; 0: the old child's newest */
};

/* The last swap of a slot, for status.c. slot->lock. */
struct twostep_report {
	u64 generation;			/* after it */
	char from[TWOSTEP_VERSION_MAX + 1];
	char to[TWOSTEP_VERSION_MAX + 1];
	enum twostep_mode mode;
	enum twostep_result result;
	char reason[TWOSTEP_REASON_MAX];
	u64 prepare_ns;
	u64 quiesce_ns;
	u64 drain_ns;
	u64 abandon_ns;
	u64 adopt_ns;
	u64 release_ns;
	u64 hold_ns;
};

/*
 * One swap, from request to result. The worker and the requester hold a
 * reference each; the timer runs only while the worker does.
 */
struct twostep_swap {
	struct kref ref;
	struct work_struct work;
	struct hrtimer deadline;
	struct twostep_slot *slot;
	struct twostep_request_line line;
	struct twostep_registration *candidate;	/* NULL in two_step */
	ktime_t begun;			/* of the hold; worker */
	bool expired;			/* the deadline passed; slot->lock */
	bool answered;			/* the requester may return; slot->lock */
	int error;			/* its answer */
};

/* One block device. References: its configfs item; its kobject. */
struct twostep_slot {
	struct config_item item;	/* its release drops the kobject */
	struct kobject kobj;		/* /sys/kernel/twostep/slots/<slot> */
	struct list_head entry;		/* twostep_slots_lock */
	char name[TWOSTEP_SLOT_NAME_MAX + 1];

	struct mutex mutex;		/* the fields below; fixed once the disk exists */
	char family[TWOSTEP_FAMILY_MAX + 1];
	char params[TWOSTEP_PARAMS_MAX + 1];
	unsigned int queue_depth;
	unsigned int hw_queues;
	unsigned int request_bytes;
	bool fail_on_expiry;		/* may change at any time */
	struct blk_mq_tag_set tags;
	struct gendisk *disk;		/* NULL until the first adoption */
	struct twostep_limits limits;	/* promised to the users */
	struct twostep_swap *swap;	/* running, else NULL */
	struct twostep_instance *parked;

	/* Read on every request. */
	struct twostep_instance *serving ____cacheline_aligned;	/* NULL: held. Written under lock */
	u64 resumed_ns;			/* end of the last hold, monotonic */
	bool failing;			/* second deadline passed under "fail"; lock */
	struct twostep_traffic __percpu *traffic;

	spinlock_t lock ____cacheline_aligned;	/* irq-safe */
	struct twostep_instance *owner;	/* serving, or to serve again after the hold; lock */
	bool held;			/* the queue is quiesced by us; lock */
	u64 generation;			/* lock */
	struct twostep_report report;	/* lock */
	atomic64_t held_requests;	/* of the last hold */
	atomic_t openers;		/* -1: going away */
	wait_queue_head_t wait;		/* drained, expired, finished, registered */
};

extern struct configfs_subsystem twostep_subsystem;	/* control.c */

static inline struct twostep_slot *to_slot(struct config_item *item)
{
	return container_of(item, struct twostep_slot, item);
}

/* traffic.c: requests between enter and leave */
extern const struct blk_mq_ops twostep_mq_ops;
bool twostep_idle(const struct twostep_slot *slot);
u64 twostep_inflight(const struct twostep_slot *slot);

/* registry.c */
int twostep_registry_init(struct kobject *parent);
void twostep_registry_exit(void);
struct twostep_registration *twostep_registry_get(const char *family, const char *version);
bool twostep_registry_has(const char *family, const char *version);
void twostep_registry_put(struct twostep_registration *registration);

/* state.c */
struct twostep_state *twostep_state_alloc(u16 schema);
void twostep_state_free(struct twostep_state *state);
int twostep_state_check(const struct twostep_state *state);

/* slot.c */
int twostep_slots_init(struct kobject *parent);
void twostep_slots_exit(void);
struct twostep_slot *twostep_slot_alloc(const char *name);
void twostep_slot_remove(struct twostep_slot *slot);
void twostep_slots_wake(void);
unsigned int twostep_slots_wakes(void);

/* instance.c */
struct twostep_instance *twostep_instance_prepare(struct twostep_slot *slot,
						  struct twostep_registration *registration);
void twostep_instance_release(struct twostep_instance *instance);
int twostep_instance_show(struct twostep_slot *slot, struct twostep_instance *instance);
void twostep_instance_hide(struct twostep_instance *instance);

/* disk.c */
int twostep_disk_start(struct twostep_slot *slot, struct twostep_instance *first);
int twostep_disk_stop(struct twostep_slot *slot);
const char *twostep_disk_misfit(const struct twostep_slot *slot,
				const struct twostep_limits *limits);

/* hold.c */
void twostep_hold_init(struct twostep_swap *swap);
void twostep_hold_begin(struct twostep_swap *swap);
int twostep_hold_drain(struct twostep_swap *swap);
bool twostep_hold_end(struct twostep_swap *swap, struct twostep_instance *successor);
bool twostep_hold_detach(struct twostep_swap *swap);
void twostep_hold_rearm(struct twostep_swap *swap);
void twostep_hold_fail(struct twostep_slot *slot);

/* swap.c */
int twostep_swap_request(struct twostep_slot *slot, const struct twostep_request_line *line);
int twostep_swap_commit(struct twostep_slot *slot, u64 generation);
int twostep_common_schema(const struct twostep_child *from, const struct twostep_child *to);
struct twostep_state *twostep_take_state(struct twostep_swap *swap,
					 struct twostep_instance *old, u16 schema);
void twostep_swap_answer(struct twostep_swap *swap, enum twostep_result result, int error,
			 const char *fmt, ...) __printf(4, 5);
void twostep_swap_time(struct twostep_swap *swap, u64 *field, ktime_t since);

/* two_step.c */
void twostep_two_step(struct twostep_swap *swap, struct twostep_instance *old);

/* status.c */
extern const struct kobj_type twostep_slot_ktype;
ssize_t twostep_show_features(u64 features, char *buf);

#endif /* _TWOSTEP_PARENT_H */
