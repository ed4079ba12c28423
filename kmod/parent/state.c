// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the state that one child hands to the next, as typed records.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Records by value are copies and belong to the parent, so that a successor
 * that fails or hangs cannot damage what the predecessor needs to go on. For
 * pages see pages.c. A checksum covers a record's type, length and value; of
 * pages it covers which they are, not what is in them: to read gigabytes within
 * a hold would cost what handing them over saves.
 */
#include <linux/crc32c.h>
#include <linux/mm.h>

#include "parent.h"

#define TWOSTEP_RECORD_BYTES_MAX	SZ_16M
#define TWOSTEP_RECORDS_MAX		64

struct twostep_record {
	struct list_head entry;
	u32 type;
	u32 length;
	u32 crc;
	struct twostep_pages *pages;	/* the value, if not data */
	u8 data[];
};

struct twostep_state {
	u16 schema;
	unsigned int count;
	struct list_head records;
};

struct twostep_state *twostep_state_alloc(u16 schema)
{
	struct twostep_state *state = kzalloc(sizeof(*state), GFP_KERNEL);

	if (!state)
		return NULL;
	state->schema = schema;
	INIT_LIST_HEAD(&state->records);
	return state;
}

void twostep_state_free(struct twostep_state *state)
{
	struct twostep_record *record, *next;

	if (!state)
		return;
	list_for_each_entry_safe(record, next, &state->records, entry) {
		if (record->pages)
			twostep_pages_put(record->pages);
		kvfree(record);
	}
	kfree(state);
}

u16 twostep_state_schema(const struct twostep_state *state)
{
	return state->schema;
}
EXPORT_SYMBOL_GPL(twostep_state_schema);

static struct twostep_record *twostep_state_find(const struct twostep_state *state, u32 type)
{
	struct twostep_record *record;

	list_for_each_entry(record, &state->records, entry)
		if (record->type == type)
			return record;
	return NULL;
}

static u32 twostep_record_crc(const struct twostep_record *record)
{
	u32 crc = crc32c(record->type, &record->length, sizeof(record->length));

	crc = crc32c(crc, &record->pages, sizeof(record->pages));
	return crc32c(crc, record->data, record->length);
}

static int twostep_state_add(struct twostep_state *state, u32 type, const void *data, u32 length,
			     struct twostep_pages *pages)
{
	struct twostep_record *record;

	if (state->count == TWOSTEP_RECORDS_MAX)
		return -ENOSPC;
	if (twostep_state_find(state, type))
		return -EEXIST;
	record = kvmalloc(struct_size(record, data, length), GFP_KERNEL);
	if (!record)
		return -ENOMEM;
	record->type = type;
	record->length = length;
	record->pages = pages;
	memcpy(record->data, data, length);
	record->crc = twostep_record_crc(record);
	list_add_tail(&record->entry, &state->records);
	state->count++;
	return 0;
}

int twostep_state_put(struct twostep_state *state, u32 type, const void *data, u32 length)
{
	if (!data || !length)
		return -EINVAL;
	if (length > TWOSTEP_RECORD_BYTES_MAX)
		return -EMSGSIZE;
	return twostep_state_add(state, type, data, length, NULL);
}
EXPORT_SYMBOL_GPL(twostep_state_put);

const void *twostep_state_get(const struct twostep_state *state, u32 type, u32 *length)
{
	struct twostep_record *record = twostep_state_find(state, type);

	if (!record || record->pages)
		return NULL;
	*length = record->length;
	return record->data;
}
EXPORT_SYMBOL_GPL(twostep_state_get);

int twostep_state_put_pages(struct twostep_state *state, u32 type, struct twostep_pages *pages)
{
	int err;

	if (!pages)
		return -EINVAL;
	err = twostep_state_add(state, type, NULL, 0, pages);
	if (!err)
		twostep_pages_get(pages);
	return err;
}
EXPORT_SYMBOL_GPL(twostep_state_put_pages);

struct twostep_pages *twostep_state_get_pages(const struct twostep_state *state, u32 type,
					      u64 *bytes)
{
	struct twostep_record *record = twostep_state_find(state, type);

	if (!record || !record->pages)
		return NULL;
	*bytes = twostep_pages_bytes(record->pages);
	return twostep_pages_get(record->pages);
}
EXPORT_SYMBOL_GPL(twostep_state_get_pages);

/* The hold is won: pages are written by the instance with @data. slot->lock. */
void twostep_state_give(const struct twostep_state *state, const void *data)
{
	struct twostep_record *record;

	list_for_each_entry(record, &state->records, entry)
		if (record->pages)
			twostep_pages_give(record->pages, data);
}

/* -EBADMSG if any record is not what was put. */
int twostep_state_check(const struct twostep_state *state)
{
	struct twostep_record *record;

	list_for_each_entry(record, &state->records, entry)
		if (twostep_record_crc(record) != record->crc)
			return -EBADMSG;
	return 0;
}
