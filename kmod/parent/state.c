// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the state that one child hands to the next, as typed records.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * Records are copies and belong to the parent, so that a successor that fails
 * or hangs cannot damage what the predecessor needs to go on.
 */
#include <linux/crc32c.h>
#include <linux/mm.h>

#include "parent.h"

#define TWOSTEP_RECORD_BYTES_MAX	SZ_16M

struct twostep_record {
	struct list_head entry;
	u32 type;
	u32 length;
	u32 crc;
	u8 data[];
};

struct twostep_state {
	u16 schema;
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
	list_for_each_entry_safe(record, next, &state->records, entry)
		kvfree(record);
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

int twostep_state_put(struct twostep_state *state, u32 type, const void *data, u32 length)
{
	struct twostep_record *record;

	if (!length || length > TWOSTEP_RECORD_BYTES_MAX)
		return -EMSGSIZE;
	if (twostep_state_find(state, type))
		return -EEXIST;
	record = kvmalloc(struct_size(record, data, length), GFP_KERNEL);
	if (!record)
		return -ENOMEM;
	record->type = type;
	record->length = length;
	memcpy(record->data, data, length);
	record->crc = crc32c(type, record->data, length);
	list_add_tail(&record->entry, &state->records);
	return 0;
}
EXPORT_SYMBOL_GPL(twostep_state_put);

const void *twostep_state_get(const struct twostep_state *state, u32 type, u32 *length)
{
	struct twostep_record *record = twostep_state_find(state, type);

	if (!record)
		return NULL;
	*length = record->length;
	return record->data;
}
EXPORT_SYMBOL_GPL(twostep_state_get);

/* -EBADMSG if any record is not what was put. */
int twostep_state_check(const struct twostep_state *state)
{
	struct twostep_record *record;

	list_for_each_entry(record, &state->records, entry)
		if (crc32c(record->type, record->data, record->length) != record->crc)
			return -EBADMSG;
	return 0;
}
