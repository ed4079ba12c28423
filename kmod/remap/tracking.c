// SPDX-License-Identifier: GPL-2.0-only
/*
 * remap: which chunks of the device were changed, for incremental backup.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Who changes a chunk marks it before the change begins, and again when it has
 * ended if another epoch has come in between. So a copy that is made of what an
 * epoch lists, after that epoch was closed, lacks nothing that a later epoch
 * does not list.
 *
 * Epoch and bitmaps are in pages that all instances share which had them handed
 * over. The memory protocol below is all that protects them, also between an
 * old child's last close and its successor's first marks:
 *	- a bitmap is cleared while nobody can mark in it with effect: the other
 *	  one is current;
 *	- a mark counts if the epoch was the same before and after it.
 */
#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "tracking.h"

#define REMAP_CHUNK_BYTES	SZ_64K	/* at least: larger where the bitmap would be too large */
#define REMAP_BITMAP_BYTES_MAX	SZ_8M	/* of one epoch */

/* The pages: this, the bitmap of even epochs, the bitmap of odd epochs. Never changes. */
struct remap_map {
	atomic64_t epoch;	/* the current one */
};

#define REMAP_MAP_BYTES		PAGE_SIZE	/* with room, so that bitmaps begin at a page */

/* What a successor must know about the pages. */
struct remap_tracking_record {
	__le64 chunks;
	__le64 chunk_bytes;
};

struct remap_tracking {
	const struct remap *remap;	/* who we are to the parent */
	struct mutex mutex;	/* between files and adopt; one close at a time */
	struct twostep_pages *pages;	/* changes, with the geometry, in adopt only: without I/O */
	u64 chunks;
	unsigned int chunk_shift;
	bool adopted;		/* once at least: pages are not as prepared any more; mutex */
	bool lost;		/* a change could not be marked: trust nothing here */
};

static size_t remap_bitmap_bytes(u64 chunks)
{
	return round_up(DIV_ROUND_UP_ULL(chunks, BITS_PER_BYTE), PAGE_SIZE);
}

static u64 remap_pages_bytes(u64 chunks)
{
	return REMAP_MAP_BYTES + 2 * (u64)remap_bitmap_bytes(chunks);
}

static u64 remap_chunks_of(const struct remap *remap, unsigned int chunk_shift)
{
	return DIV_ROUND_UP_ULL(bdev_nr_bytes(remap->lower.bdev), BIT_ULL(chunk_shift));
}

static void *remap_bitmap(const struct remap_tracking *tracking, const void *map, u64 epoch)
{
	return (void *)map + REMAP_MAP_BYTES + (epoch & 1) * remap_bitmap_bytes(tracking->chunks);
}

static void remap_bitmap_fill(void *bits, u64 chunks)
{
	u64 chunk = round_down(chunks, BITS_PER_BYTE);

	memset(bits, 0xff, chunk / BITS_PER_BYTE);
	for (; chunk < chunks; chunk++)
		__set_bit_le(chunk, bits);
}

/*
 * Nothing is known: all is changed, in both epochs. The numbers begin at random,
 * so that nobody takes an epoch for one that he has seen before.
 */
static void remap_map_fill(const struct remap_tracking *tracking, struct remap_map *map)
{
	atomic64_set(&map->epoch, get_random_u64() >> 12);
	remap_bitmap_fill(remap_bitmap(tracking, map, 0), tracking->chunks);
	remap_bitmap_fill(remap_bitmap(tracking, map, 1), tracking->chunks);
}

static struct twostep_pages *remap_pages_alloc(const struct remap_tracking *tracking)
{
	struct twostep_pages *pages = twostep_pages_alloc(tracking->remap,
							  remap_pages_bytes(tracking->chunks));

	if (!IS_ERR(pages))
		remap_map_fill(tracking, twostep_pages_write(pages, tracking->remap));
	return pages;
}

static void remap_tracking_measure(struct remap_tracking *tracking)
{
	u64 chunks_max = (u64)REMAP_BITMAP_BYTES_MAX * BITS_PER_BYTE;

	tracking->chunk_shift = ilog2(REMAP_CHUNK_BYTES);
	while (remap_chunks_of(tracking->remap, tracking->chunk_shift) > chunks_max)
		tracking->chunk_shift++;
	tracking->chunks = remap_chunks_of(tracking->remap, tracking->chunk_shift);
}

/* @remap has its lower device. NULL without memory. */
struct remap_tracking *remap_tracking_alloc(struct remap *remap)
{
	struct remap_tracking *tracking = kzalloc(sizeof(*tracking), GFP_KERNEL);

	if (!tracking)
		return NULL;
	tracking->remap = remap;
	mutex_init(&tracking->mutex);
	remap_tracking_measure(tracking);
	tracking->pages = remap_pages_alloc(tracking);
	if (IS_ERR(tracking->pages)) {
		kfree(tracking);
		return NULL;
	}
	return tracking;
}

void remap_tracking_free(struct remap_tracking *tracking)
{
	if (!tracking)
		return;
	twostep_pages_put(tracking->pages);
	kfree(tracking);
}

/* Marks the chunks of @rq; returns the epoch in which they are marked. */
static u64 remap_mark(const struct remap_tracking *tracking, struct remap_map *map,
		      struct request *rq)
{
	u64 begin = (u64)blk_rq_pos(rq) << SECTOR_SHIFT;
	u64 first = begin >> tracking->chunk_shift;
	u64 last = (begin + blk_rq_bytes(rq) - 1) >> tracking->chunk_shift;
	u64 epoch, chunk;

	last = min(last, tracking->chunks - 1);
	do {
		void *bits;

		epoch = atomic64_read_acquire(&map->epoch);
		bits = remap_bitmap(tracking, map, epoch);
		for (chunk = first; chunk <= last; chunk++)
			if (!test_bit_le(chunk, bits))
				set_bit_le(chunk, bits);
		smp_mb(); /* marks before the second look; pairs with remap_close() */
	} while (unlikely(atomic64_read(&map->epoch) != epoch));
	return epoch;
}

static bool remap_changes(struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return blk_rq_bytes(rq);
	default:
		return false;
	}
}

void remap_tracking_begin(struct remap_tracking *tracking, struct remap_request *request)
{
	struct remap_map *map;

	if (!remap_changes(request->rq))
		return;
	map = twostep_pages_write(tracking->pages, tracking->remap);
	if (likely(map)) {
		request->epoch = remap_mark(tracking, map, request->rq);
	} else {
		/* Not while we serve. Whoever asks for changes must hear of it. */
		WRITE_ONCE(tracking->lost, true);
		pr_err_once("tracking: a change could not be marked\n");
	}
}

void remap_tracking_end(struct remap_tracking *tracking, struct remap_request *request)
{
	struct remap_map *map;

	if (!remap_changes(request->rq))
		return;
	map = twostep_pages_write(tracking->pages, tracking->remap);
	if (unlikely(!map))
		return;
	/* The change before the look: who closes an epoch and then copies sees one of the two. */
	smp_mb();
	if (unlikely(atomic64_read(&map->epoch) != request->epoch))
		remap_mark(tracking, map, request->rq);
}

int remap_tracking_export(struct remap_tracking *tracking, struct twostep_state *state)
{
	struct remap_tracking_record record = {
		.chunks = cpu_to_le64(tracking->chunks),
		.chunk_bytes = cpu_to_le64(BIT_ULL(tracking->chunk_shift)),
	};
	int err;

	/* A successor without it begins anew, as it should. */
	if (READ_ONCE(tracking->lost))
		return 0;
	err = twostep_state_put(state, REMAP_RECORD_TRACKING, &record, sizeof(record));
	return err ?: twostep_state_put_pages(state, REMAP_RECORD_MAP, tracking->pages);
}

/* Nothing is known of what happened since, or ever. Pages as prepared say so. */
static int remap_tracking_forget(struct remap_tracking *tracking)
{
	struct remap_map *map = twostep_pages_write(tracking->pages, tracking->remap);
	struct twostep_pages *fresh;

	if (tracking->adopted && map) {
		remap_map_fill(tracking, map);
	} else if (tracking->adopted) {
		/* A successor was given those to write, and gave nothing back. */
		remap_tracking_measure(tracking);
		fresh = remap_pages_alloc(tracking);
		if (IS_ERR(fresh))
			return PTR_ERR(fresh);
		twostep_pages_put(tracking->pages);
		tracking->pages = fresh;
	}
	WRITE_ONCE(tracking->lost, false);
	return 0;
}

/* Takes the predecessor's pages; -ESTALE if they are of a device of another size. */
static int remap_tracking_take(struct remap_tracking *tracking, const struct twostep_state *state)
{
	const struct remap_tracking_record *record;
	struct twostep_pages *pages;
	unsigned int chunk_shift;
	u64 bytes, chunks;
	u32 length;

	record = twostep_state_get(state, REMAP_RECORD_TRACKING, &length);
	if (!record)
		return -ENODATA;
	if (length != sizeof(*record) || !is_power_of_2(le64_to_cpu(record->chunk_bytes)))
		return -EBADMSG;
	chunk_shift = ilog2(le64_to_cpu(record->chunk_bytes));
	chunks = le64_to_cpu(record->chunks);
	pages = twostep_state_get_pages(state, REMAP_RECORD_MAP, &bytes);
	if (!pages)
		return -ENODATA;
	if (remap_chunks_of(tracking->remap, chunk_shift) != chunks ||
	    remap_pages_bytes(chunks) != bytes) {
		twostep_pages_put(pages);
		return -ESTALE;
	}
	twostep_pages_put(tracking->pages);
	tracking->pages = pages;
	tracking->chunks = chunks;
	tracking->chunk_shift = chunk_shift;
	WRITE_ONCE(tracking->lost, false);
	return 0;
}

/* @state may be NULL, or of a schema without tracking: then all has changed. */
int remap_tracking_import(struct remap_tracking *tracking, const struct twostep_state *state)
{
	int err = -ENODATA;

	mutex_lock(&tracking->mutex);
	if (state)
		err = remap_tracking_take(tracking, state);
	if (err == -ENODATA || err == -ESTALE)
		err = remap_tracking_forget(tracking);
	tracking->adopted = true;
	mutex_unlock(&tracking->mutex);
	return err;
}

static u64 remap_epoch(const struct remap_tracking *tracking)
{
	const struct remap_map *map = twostep_pages_read(tracking->pages);

	return atomic64_read(&map->epoch);
}

static const void *remap_closed_bitmap(const struct remap_tracking *tracking)
{
	return remap_bitmap(tracking, twostep_pages_read(tracking->pages),
			    remap_epoch(tracking) - 1);
}

/* Closes @epoch; -ESTALE if it is not the current one. tracking->mutex. */
static int remap_close(struct remap_tracking *tracking, u64 epoch)
{
	struct remap_map *map = twostep_pages_write(tracking->pages, tracking->remap);

	if (!map)
		return -EBUSY;
	if (atomic64_read(&map->epoch) != epoch)
		return -ESTALE;
	memset(remap_bitmap(tracking, map, epoch + 1), 0, remap_bitmap_bytes(tracking->chunks));
	atomic64_set_release(&map->epoch, epoch + 1);
	smp_mb(); /* who did not see this has marked before what follows; pairs with remap_mark() */
	return 0;
}

static struct remap_tracking *remap_tracking_of(void *data)
{
	struct remap *remap = data;

	return remap_stats_tracking(remap->stats);
}

static ssize_t epoch_store(void *data, const char *buf, size_t count)
{
	struct remap_tracking *tracking = remap_tracking_of(data);
	u64 epoch;
	int err;

	err = kstrtou64(buf, 10, &epoch);
	if (err)
		return err;
	mutex_lock(&tracking->mutex);
	err = READ_ONCE(tracking->lost) ? -EIO : remap_close(tracking, epoch);
	mutex_unlock(&tracking->mutex);
	return err ?: count;
}

static ssize_t changed_read(void *data, char *buf, loff_t offset, size_t count)
{
	struct remap_tracking *tracking = remap_tracking_of(data);
	ssize_t length = -EIO;

	mutex_lock(&tracking->mutex);
	if (!READ_ONCE(tracking->lost))
		length = memory_read_from_buffer(buf, count, &offset,
						 remap_closed_bitmap(tracking),
						 DIV_ROUND_UP_ULL(tracking->chunks, BITS_PER_BYTE));
	mutex_unlock(&tracking->mutex);
	return length;
}

static u64 changed_size(void *data)
{
	return DIV_ROUND_UP_ULL(remap_tracking_of(data)->chunks, BITS_PER_BYTE);
}

#define REMAP_TRACKING_SHOW(_name, _value)					\
static ssize_t _name##_show(void *data, char *buf)				\
{										\
	struct remap_tracking *tracking = remap_tracking_of(data);		\
	u64 value;								\
										\
	mutex_lock(&tracking->mutex);						\
	value = _value;								\
	mutex_unlock(&tracking->mutex);						\
	return sysfs_emit(buf, "%llu\n", value);				\
}

REMAP_TRACKING_SHOW(epoch, remap_epoch(tracking));
REMAP_TRACKING_SHOW(chunk_bytes, BIT_ULL(tracking->chunk_shift));
REMAP_TRACKING_SHOW(changed_chunks, bitmap_weight(remap_closed_bitmap(tracking),
						  tracking->chunks));

const struct twostep_attribute remap_attr_epoch = {
	.attr = { .name = "epoch", .mode = 0644 }, .show = epoch_show, .store = epoch_store,
};
const struct twostep_attribute remap_attr_chunk_bytes = {
	.attr = { .name = "chunk_bytes", .mode = 0444 }, .show = chunk_bytes_show,
};
const struct twostep_attribute remap_attr_changed_chunks = {
	.attr = { .name = "changed_chunks", .mode = 0444 }, .show = changed_chunks_show,
};
const struct twostep_attribute remap_attr_changed = {
	.attr = { .name = "changed", .mode = 0444 }, .read = changed_read,
	.size_bytes = changed_size,
};
