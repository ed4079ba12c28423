/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep parent: the structures that its files share.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Locks, outermost first:
 *	twostep_slots_lock	the list of slots (slot.c)
 *	slot->mutex		configuration; who has the slot
 *	twostep_registry_lock	the list of children (registry.c)
 *	slot->lock		who serves; taken from the deadline's timer
 * A swap's worker holds no mutex while it calls a child: a child that never
 * returns blocks its own swap and nothing else. Whoever sets slot->swap has the
 * slot until it clears it: its disk, its instances, and its files in sysfs.
 */
#ifndef _TWOSTEP_PARENT_H
#define _TWOSTEP_PARENT_H

#include <linux/configfs.h>
#include <linux/hrtimer.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/lockdep.h>
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
#define TWOSTEP_DEADLINES	2	/* of a two_step: ask for the old child; as the slot says */
#define TWOSTEP_STALL_MS	5000
#define TWOSTEP_HELD_BUCKETS	24	/* bucket i: held for less than 2^i us */
#define TWOSTEP_REQUEST_BYTES_MAX 4096

/* registry.c: one registered child. Lives until its module unregisters it. */
struct twostep_registration {
	struct kobject kobj;		/* /sys/kernel/twostep/children/<module> */
	struct list_head entry;		/* twostep_registry_lock */
	const struct twostep_child *child;
	atomic_t users;			/* instances, and swaps that want one */
};

/* instance.c: a child on a slot, from prepare to release. */
struct twostep_instance {
	struct kobject kobj;		/* slots/<slot>/child, while it serves */
	struct twostep_registration *registration;
	const struct twostep_child *child;
	void *data;			/* the child's */
	struct twostep_limits limits;
	struct bin_attribute *files;	/* one for each binary attribute */
	atomic_t asked;			/* readers of its health; release waits for them */
	bool shown;			/* kobj is in sysfs; who has the slot */
};

/* traffic.c: per CPU, in units explained there. */
struct twostep_traffic {
	u64 enter;
	u64 leave;
};

enum twostep_mode { TWOSTEP_HANDOVER, TWOSTEP_TWO_STEP };

/* What becomes of requests that the old child does not end in time (inflight.c). */
enum twostep_policy { TWOSTEP_DRAIN, TWOSTEP_REISSUE, TWOSTEP_FAIL };

enum twostep_result {
	TWOSTEP_NONE, TWOSTEP_RUNNING, TWOSTEP_OK, TWOSTEP_RETURNED,
	TWOSTEP_DETACHED, TWOSTEP_FAILED,
};

enum twostep_watch { TWOSTEP_UNWATCHED, TWOSTEP_WATCHING, TWOSTEP_ALARMED, TWOSTEP_ONE_WAY };

enum twostep_phase {
	TWOSTEP_PREPARE, TWOSTEP_QUIESCE, TWOSTEP_DRAINING, TWOSTEP_ABANDON, TWOSTEP_ADOPT,
	TWOSTEP_RELEASE, TWOSTEP_HOLD, TWOSTEP_RETURN_HOLD, TWOSTEP_PHASES,
};

/* line.c: what user space asked for. */
struct twostep_request_line {
	char version[TWOSTEP_VERSION_MAX + 1];
	u64 generation;
	enum twostep_mode mode;
	unsigned int deadline_ms;
	unsigned int drain_ms;		/* then requests are asked back; 0: half the deadline */
	unsigned int schema;		/* two_step: to write; 0: the old child's newest */
	bool one_way;			/* consent: no way back */
};

/* The last swap of a slot, for status.c. slot->lock. */
struct twostep_report {
	u64 generation;			/* after it */
	char from[TWOSTEP_VERSION_MAX + 1];
	char to[TWOSTEP_VERSION_MAX + 1];
	enum twostep_mode mode;
	enum twostep_result result;
	char reason[TWOSTEP_REASON_MAX];
	u64 phase_ns[TWOSTEP_PHASES];
};

/*
 * One swap, from request to result. The worker and the requester hold a
 * reference each; the timer runs only while the worker does. The swap back out
 * of a probation is a part of its slot, and has no requester.
 */
struct twostep_swap {
	struct kref ref;
	struct work_struct work;
	struct hrtimer deadline;
	struct twostep_slot *slot;
	struct twostep_request_line line;
	enum twostep_policy policy;
	struct twostep_registration *candidate;	/* two_step: while it is tried. slot->mutex */
	ktime_t begun;			/* of the hold; worker */
	bool expired;			/* the deadline passed; slot->lock */
	unsigned int overdue;		/* deadlines passed without a child; slot->lock */
	enum twostep_watch watch;	/* over the successor; before the hold */
	bool quiet;			/* nobody is in the old child's text any more */
	struct rcu_head quiet_head;
	bool answered;			/* the requester may return; slot->lock */
	int error;			/* its answer */
};

/* probation.c: from a handover to its commit. */
struct twostep_probation {
	enum twostep_watch watch;	/* slot->lock */
	char cause[TWOSTEP_REASON_MAX / 2]; /* of the alarm; slot->lock */
	atomic_t failures;
	unsigned int returns;		/* tried and failed; the work */
	unsigned int failures_max;	/* settings, may change at any time */
	unsigned int stall_ms;
	struct delayed_work work;
	struct work_struct health;	/* asks; a child may hang in its answer */
	struct twostep_swap swap;	/* back */
};

/* One block device. References: its configfs item; its kobject. */
struct twostep_slot {
	struct config_item item;	/* its release drops the kobject */
	struct kobject kobj;		/* /sys/kernel/twostep/slots/<slot> */
	struct list_head entry;		/* twostep_slots_lock */
	char name[TWOSTEP_SLOT_NAME_MAX + 1];

	struct mutex mutex;		/* settings below; fixed once the disk exists */
	char family[TWOSTEP_FAMILY_MAX + 1];
	char params[TWOSTEP_PARAMS_MAX + 1];
	unsigned int queue_depth;
	unsigned int hw_queues;
	unsigned int request_bytes;
	bool fail_on_expiry;		/* may change at any time */
	enum twostep_policy policy;	/* may change at any time */
	struct blk_mq_tag_set tags;
	struct lock_class_key flush_key;	/* of the disk's queues of flushes */
	struct gendisk *disk;		/* NULL until the first adoption */
	struct twostep_limits limits;	/* promised to the users */
	u64 features;			/* promised to the users */
	struct twostep_swap *swap;	/* who has the slot, or NULL; mutex */
	bool ending;			/* that one only tidies up; lock */
	struct twostep_instance *parked; /* lock */
	struct twostep_probation probation;

	/* Read on every request. */
	struct twostep_instance *serving ____cacheline_aligned;	/* NULL: held. Written under lock */
	u64 resumed_ns;			/* end of the last hold, monotonic */
	bool failing;			/* no child, requests fail; lock */
	struct twostep_traffic __percpu *traffic;

	spinlock_t lock ____cacheline_aligned;	/* irq-safe */
	struct twostep_instance *owner;	/* serving, or to serve again after the hold; lock */
	bool held;			/* the queue is quiesced by us; lock */
	u64 held_ns;			/* begin of the last hold, monotonic */
	u64 generation;			/* lock */
	char previous[TWOSTEP_VERSION_MAX + 1]; /* the version that served before; lock */
	struct twostep_report report;	/* lock */
	atomic64_t held_requests;	/* of the last hold */
	atomic64_t held_for[TWOSTEP_HELD_BUCKETS]; /* of all holds */
	atomic64_t refused_ends;	/* of requests that were not the child's */
	atomic_t openers;		/* -1: going away */
	wait_queue_head_t wait;		/* drained, expired, finished, registered */
};

extern struct configfs_subsystem twostep_subsystem;	/* control.c */
extern struct workqueue_struct *twostep_workqueue;	/* main.c */

static inline struct twostep_slot *to_slot(struct config_item *item)
{
	return container_of(item, struct twostep_slot, item);
}

/* traffic.c: requests between enter and leave */
extern const struct blk_mq_ops twostep_mq_ops;
bool twostep_idle(const struct twostep_slot *slot);
u64 twostep_inflight(const struct twostep_slot *slot);
void twostep_leave(struct twostep_slot *slot, unsigned int units);

/* inflight.c: requests that are in a child for long */
struct twostep_oldest {
	unsigned int count;
	unsigned int age_ms;
	int tag;
	enum req_op op;
};
void twostep_find_oldest(struct twostep_slot *slot, struct twostep_oldest *oldest);
void twostep_take_back(struct twostep_swap *swap, const struct twostep_instance *from);

/* registry.c */
int twostep_registry_init(struct kobject *parent);
void twostep_registry_exit(void);
struct twostep_registration *twostep_registry_get(const char *family, const char *version);
void twostep_registry_put(struct twostep_registration *registration);

/* state.c, pages.c */
struct twostep_state *twostep_state_alloc(u16 schema);
void twostep_state_free(struct twostep_state *state);
int twostep_state_check(const struct twostep_state *state);
void twostep_state_give(const struct twostep_state *state, const void *data);
struct twostep_pages *twostep_pages_get(struct twostep_pages *pages);
u64 twostep_pages_bytes(const struct twostep_pages *pages);
void twostep_pages_give(struct twostep_pages *pages, const void *data);

/* slot.c */
int twostep_slots_init(struct kobject *parent);
void twostep_slots_exit(void);
struct twostep_slot *twostep_slot_alloc(const char *name);
void twostep_slot_remove(struct twostep_slot *slot);
struct twostep_slot *twostep_slot_next(bool (*match)(struct twostep_slot *slot, void *what),
				       void *what);
void twostep_slots_wake(void);
unsigned int twostep_slots_wakes(void);

/* instance.c */
struct twostep_instance *twostep_instance_prepare(struct twostep_slot *slot,
						  struct twostep_registration *registration);
void twostep_instance_release(struct twostep_instance *instance);
void twostep_instance_show(struct twostep_slot *slot, struct twostep_instance *instance);
void twostep_instance_hide(struct twostep_instance *instance);
bool twostep_ask_health(struct twostep_slot *slot, int *answer);

/* disk.c */
int twostep_disk_start(struct twostep_slot *slot, struct twostep_instance *first);
int twostep_disk_stop(struct twostep_slot *slot);
void twostep_disk_grow(struct twostep_slot *slot);
const char *twostep_disk_misfit(const struct twostep_slot *slot,
				const struct twostep_limits *limits);

/* hold.c */
void twostep_hold_init(struct twostep_swap *swap);
void twostep_hold_begin(struct twostep_swap *swap);
int twostep_hold_drain(struct twostep_swap *swap);
bool twostep_hold_end(struct twostep_swap *swap, struct twostep_instance *successor,
		      const struct twostep_state *state);
bool twostep_hold_detach(struct twostep_swap *swap);
void twostep_fence(void);

/* handshake.c */
int twostep_check_child(const struct twostep_child *child);
int twostep_common_schema(const struct twostep_child *from, const struct twostep_child *to);

/* line.c */
int twostep_parse_line(struct twostep_request_line *line, char *text);

/* exchange.c */
struct twostep_state *twostep_take_state(struct twostep_swap *swap,
					 struct twostep_instance *old, u16 schema);
int twostep_exchange(struct twostep_swap *swap, struct twostep_instance *old,
		     struct twostep_instance *successor, bool returning, char *why, size_t size);

/* swap.c */
int twostep_swap_request(struct twostep_slot *slot, const struct twostep_request_line *line);
int twostep_swap_commit(struct twostep_slot *slot, u64 generation);
void twostep_swap_answer(struct twostep_swap *swap, enum twostep_result result, int error,
			 const char *fmt, ...) __printf(4, 5);
void twostep_await_end(struct twostep_slot *slot);
int twostep_claim(struct twostep_slot *slot);
void twostep_swap_done(struct twostep_slot *slot);
void twostep_set_parked(struct twostep_slot *slot, struct twostep_instance *parked);
void twostep_last_instructions(void);
int twostep_await_last_instructions(struct twostep_swap *swap);

/* report.c */
void twostep_set_phase(struct twostep_slot *slot, enum twostep_phase phase, ktime_t since);
void twostep_set_hold(struct twostep_slot *slot, u64 ns);
void twostep_report_begin(struct twostep_slot *slot, const struct twostep_request_line *line);
void twostep_report_result(struct twostep_slot *slot, enum twostep_result result,
			   const char *reason);
void twostep_slot_announce(struct twostep_slot *slot);

/* two_step.c */
void twostep_two_step(struct twostep_swap *swap, struct twostep_instance *old);

/* probation.c */
void twostep_probation_init(struct twostep_slot *slot);
void twostep_probation_prepare(struct twostep_slot *slot, struct twostep_swap *swap);
void twostep_probation_begin(struct twostep_slot *slot);
void twostep_probation_end(struct twostep_slot *slot);
bool twostep_probation_keeps(struct twostep_slot *slot, struct request *rq, blk_status_t status);
int twostep_probation_return(struct twostep_slot *slot, const char *cause);

/* forced.c */
void twostep_evict(struct twostep_registration *registration);

/* pm.c */
int twostep_pm_init(void);
void twostep_pm_exit(void);
bool twostep_suspending(void);

/* status.c */
extern const struct kobj_type twostep_slot_ktype;
extern const char * const twostep_policy_names[3];
const char *twostep_state_name(const struct twostep_slot *slot);
ssize_t twostep_show_features(u64 features, char *buf);

#endif /* _TWOSTEP_PARENT_H */
