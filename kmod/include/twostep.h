/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twostep: the contract between the parent (twostep.ko) and its children.
 *
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * This is the only file that both sides share. A child describes itself with
 * TWOSTEP_CHILD(), which fills struct twostep_child and puts the same facts
 * into the module's modinfo, so that user space can decide from the .ko file.
 *
 * Life of a child's instance on a slot, in the order of the calls:
 *
 *	prepare		may sleep and take its time; I/O still flows to others
 *	adopt		the slot is held; take over the predecessor's state
 *	queue_rq	serving; any number at once, may sleep, NOIO
 *	abandon		the slot is held and drained; write the state. Must not
 *			change anything: serving may go on as if never called
 *	adopt		again, if the successor failed in its probation: take
 *			the slot back, with the successor's state
 *	release		last call; no request is left, nobody else looks
 *
 * adopt and abandon run in a NOIO scope and should take microseconds.
 * A failed prepare leaves no instance: the child undoes its own work.
 * A failed adopt is followed by release.
 *
 * Until the commit a successor writes nothing to the medium that its
 * predecessor could not serve: there must be a way back.
 */
#ifndef _TWOSTEP_H
#define _TWOSTEP_H

#include <linux/blk-mq.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>
#include <linux/types.h>

/* Another major: other meaning, refused. Higher minor than the parent's: refused. */
#define TWOSTEP_CONTRACT_MAJOR	1
#define TWOSTEP_CONTRACT_MINOR	0

/* Features: promises made to the users of the device. A successor keeps them all. */
#define TWOSTEP_F_flush		BIT_ULL(0)
#define TWOSTEP_F_fua		BIT_ULL(1)
#define TWOSTEP_F_discard	BIT_ULL(2)
#define TWOSTEP_F_write_zeroes	BIT_ULL(3)

/* Names in the order of the bits above. */
#define TWOSTEP_FEATURE_NAMES	{ "flush", "fua", "discard", "write_zeroes" }

struct twostep_state;
struct twostep_pages;

/**
 * struct twostep_range - schemas that a child can read or write
 * @min: oldest
 * @max: newest
 */
struct twostep_range {
	u16 min;
	u16 max;
};

/**
 * struct twostep_site - where an instance will serve
 * @slot: name of the slot
 * @params: text that the administrator gave for the family
 * @holder: cookie for exclusive opens, the same for all instances of a slot,
 *	    so that successor and predecessor may hold a device together
 */
struct twostep_site {
	const char *slot;
	const char *params;
	void *holder;
};

/**
 * struct twostep_limits - what an instance can do; the disk is made from the first one's
 * @capacity_sectors: in units of 512 bytes
 * @logical_block_bytes: smallest addressable unit
 * @physical_block_bytes: smallest unit written without read-modify-write
 * @io_min_bytes: preferred minimum
 * @io_opt_bytes: preferred size, 0 if none
 * @max_sectors: largest request
 * @discard_granularity_bytes: 0 without discard
 * @max_discard_sectors: 0 without discard
 * @max_write_zeroes_sectors: 0 without write zeroes
 * @write_cache: completed writes are volatile until a flush
 * @fua: forced unit access is honoured
 * @rotational: seeks cost
 * @stable_writes: pages must not change while they are written
 * @read_only: no writes
 */
struct twostep_limits {
	sector_t capacity_sectors;
	unsigned int logical_block_bytes;
	unsigned int physical_block_bytes;
	unsigned int io_min_bytes;
	unsigned int io_opt_bytes;
	unsigned int max_sectors;
	unsigned int discard_granularity_bytes;
	unsigned int max_discard_sectors;
	unsigned int max_write_zeroes_sectors;
	bool write_cache;
	bool fua;
	bool rotational;
	bool stable_writes;
	bool read_only;
};

/**
 * struct twostep_attribute - one file of an instance in slots/<slot>/child/
 * @attr: name and mode
 * @show: writes the value
 * @store: takes a value; the writer has CAP_SYS_ADMIN. NULL for read-only files
 * @read: instead of @show, for a binary file
 * @size_bytes: with @read: the size of the file
 *
 * Called from the instance's adopt to its release, also while it is parked.
 */
struct twostep_attribute {
	struct attribute attr;
	ssize_t (*show)(void *data, char *buf);
	ssize_t (*store)(void *data, const char *buf, size_t count);
	ssize_t (*read)(void *data, char *buf, loff_t offset, size_t count);
	u64 (*size_bytes)(void *data);
};

/**
 * struct twostep_child - what a child promises and does
 * @contract_major: filled by TWOSTEP_CHILD()
 * @contract_minor: filled by TWOSTEP_CHILD()
 * @size: size of this struct as the child knows it
 * @request_bytes: private data wanted with each request
 * @owner: the module
 * @family: line of children that can replace each other
 * @version: X.Y.Z
 * @features: TWOSTEP_F_*
 * @reads: schemas that adopt understands
 * @writes: schemas that abandon can produce
 * @prepare: open and allocate all that serving needs, fill @limits
 * @adopt: import @state. NULL on the first adoption; NULL on an instance that
 *	   has served before means that the state since then was lost: begin
 *	   anew, on the safe side
 * @abandon: export to @state in the schema twostep_state_schema() names
 * @queue_rq: begin a request; it ends with twostep_end_request(), or this
 *	      returns an error and has done nothing: BLK_STS_RESOURCE is tried
 *	      again, any other is the request's end
 * @cancel: give @rq back. True: it will not be ended nor touched, nor will its
 *	    pages, by whatever the child has started for it. False: too late.
 *	    Must not sleep. NULL is false
 * @timeout: the request has been out for long; NULL waits on
 * @health: 0 if this instance would go on serving, else why not; NULL is 0
 * @release: undo prepare
 * @attributes: NULL-terminated; may be NULL
 *
 * Lives in the child's rodata; the parent holds a module reference while any
 * instance exists.
 */
struct twostep_child {
	u16 contract_major;
	u16 contract_minor;
	u32 size;
	u32 request_bytes;
	struct module *owner;
	const char *family;
	const char *version;
	u64 features;
	struct twostep_range reads;
	struct twostep_range writes;

	int (*prepare)(const struct twostep_site *site,
		       struct twostep_limits *limits, void **data);
	int (*adopt)(void *data, const struct twostep_state *state);
	int (*abandon)(void *data, struct twostep_state *state);
	blk_status_t (*queue_rq)(void *data, struct request *rq);
	bool (*cancel)(void *data, struct request *rq);
	enum blk_eh_timer_return (*timeout)(void *data, struct request *rq);
	int (*health)(void *data);
	void (*release)(void *data);
	const struct twostep_attribute *const *attributes;
};

/* Private to the parent; stands before the child's data in each request. */
struct twostep_request {
	void *instance;		/* that has the request; NULL: none */
	unsigned long begun;	/* jiffies */
};

/* The child's own @request_bytes of a request; not zeroed between uses. */
static inline void *twostep_request_data(struct request *rq)
{
	return (struct twostep_request *)blk_mq_rq_to_pdu(rq) + 1;
}

/*
 * Registration only makes a child known; a swap is asked for separately.
 * -EPROTO: contract major; -EPROTONOSUPPORT: contract minor newer than the
 * parent's; -EMSGSIZE: other struct size; -ENOSYS: a method is missing;
 * -EBADMSG: another version than the modinfo's; -EINVAL: a name or range;
 * -EEXIST: family and version already there.
 */
int twostep_register_child(const struct twostep_child *child);
/*
 * For module_exit. If instances still exist (rmmod -f), slots are taken from
 * them first, to their parked children or to failure, however long it takes.
 */
void twostep_unregister_child(const struct twostep_child *child);

/*
 * Ends @rq, which the instance with @data had; afterwards the child must not
 * touch it. Any context. An end of a request that the instance does not have
 * (any more) is refused, logged and counted.
 */
void twostep_end_request(void *data, struct request *rq, blk_status_t status);

/*
 * State: typed records, by value. Within abandon (put) and adopt (get) only.
 * put: -EINVAL without data, -EMSGSIZE above 16 MiB, -ENOSPC above 64 records,
 * -EEXIST for a second record of a type, -ENOMEM.
 */
u16 twostep_state_schema(const struct twostep_state *state);
int twostep_state_put(struct twostep_state *state, u32 type, const void *data,
		      u32 length);
/* NULL if there is none of @type; else its data and, in @length, its bytes. */
const void *twostep_state_get(const struct twostep_state *state, u32 type,
			      u32 *length);

/*
 * State that is too large to copy: zeroed pages, which one instance writes and
 * which are handed over as they are. In adopt the successor may read them, and
 * keep them. It may write them once it serves; a successor that fails, hangs or
 * comes late is never given an address to write to, and the predecessor goes
 * on with its own.
 */

/* @data: the instance that writes. May sleep: in prepare. ERR_PTR */
struct twostep_pages *twostep_pages_alloc(const void *data, u64 bytes);
void twostep_pages_put(struct twostep_pages *pages);
/* For everybody with a reference; a read-only mapping. */
const void *twostep_pages_read(const struct twostep_pages *pages);
/* NULL unless the instance with @data writes them. From queue_rq on. */
void *twostep_pages_write(struct twostep_pages *pages, const void *data);
/* In abandon; the state takes a reference of its own. Errors as of put. */
int twostep_state_put_pages(struct twostep_state *state, u32 type,
			    struct twostep_pages *pages);
/* In adopt: a reference for the caller, or NULL. */
struct twostep_pages *twostep_state_get_pages(const struct twostep_state *state,
					      u32 type, u64 *bytes);

#define __TWOSTEP_F_1(a)		TWOSTEP_F_##a
#define __TWOSTEP_F_2(a, ...)		(TWOSTEP_F_##a | __TWOSTEP_F_1(__VA_ARGS__))
#define __TWOSTEP_F_3(a, ...)		(TWOSTEP_F_##a | __TWOSTEP_F_2(__VA_ARGS__))
#define __TWOSTEP_F_4(a, ...)		(TWOSTEP_F_##a | __TWOSTEP_F_3(__VA_ARGS__))
#define __TWOSTEP_FEATURES(...) \
	CONCATENATE(__TWOSTEP_F_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#define TWOSTEP_CONTRACT_STRING \
	__stringify(TWOSTEP_CONTRACT_MAJOR) "." __stringify(TWOSTEP_CONTRACT_MINOR)

/*
 * TWOSTEP_PROTOCOL - say which versions of its wire protocol a child speaks
 *
 * For a child that talks to its peers on other nodes. While a fleet is upgraded
 * two versions serve at once, so they need one version of the protocol in
 * common. The parent does not look at it: user space does, before the upgrade.
 * The numbers must be literals.
 */
#define TWOSTEP_PROTOCOL(_min, _max) \
	MODULE_INFO(twostep_protocol, #_min "-" #_max)

/*
 * TWOSTEP_CHILD - define a child, its modinfo, its module_init and module_exit
 *
 * The numbers must be literals (they become text), the features words of
 * TWOSTEP_F_*. The methods come from the initialiser list @_methods.
 */
#define TWOSTEP_CHILD(_family, _version, _reads_min, _reads_max,		\
		      _writes_min, _writes_max, _request_bytes, _methods, ...)	\
	MODULE_VERSION(_version);						\
	MODULE_INFO(twostep_contract, TWOSTEP_CONTRACT_STRING);			\
	MODULE_INFO(twostep_family, _family);					\
	MODULE_INFO(twostep_features, #__VA_ARGS__);				\
	MODULE_INFO(twostep_schema_reads, #_reads_min "-" #_reads_max);		\
	MODULE_INFO(twostep_schema_writes, #_writes_min "-" #_writes_max);	\
	MODULE_INFO(twostep_request_bytes, #_request_bytes);			\
	static const struct twostep_child twostep_this_child = {		\
		.contract_major = TWOSTEP_CONTRACT_MAJOR,			\
		.contract_minor = TWOSTEP_CONTRACT_MINOR,			\
		.size = sizeof(struct twostep_child),				\
		.request_bytes = _request_bytes,				\
		.owner = THIS_MODULE,						\
		.family = _family,						\
		.version = _version,						\
		.features = __TWOSTEP_FEATURES(__VA_ARGS__),			\
		.reads = { _reads_min, _reads_max },				\
		.writes = { _writes_min, _writes_max },				\
		_methods							\
	};									\
	static int __init twostep_child_init(void)				\
	{									\
		return twostep_register_child(&twostep_this_child);		\
	}									\
	static void __exit twostep_child_exit(void)				\
	{									\
		twostep_unregister_child(&twostep_this_child);			\
	}									\
	module_init(twostep_child_init);					\
	module_exit(twostep_child_exit)

#endif /* _TWOSTEP_H */
