// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep selftest: state.c, records by value.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "selftest.h"

#define SCHEMA	3
#define TYPE	7

static int state_keeps_copies(void)
{
	struct twostep_state *state = twostep_state_alloc(SCHEMA);
	char value[] = "value";
	const char *kept;
	u32 length = 0;

	CHECK(state);
	CHECK_OR(!twostep_state_put(state, TYPE, value, sizeof(value)), twostep_state_free(state));
	value[0] = 'V';
	kept = twostep_state_get(state, TYPE, &length);
	CHECK_OR(kept && kept != value && !strcmp(kept, "value") && length == sizeof(value),
		 twostep_state_free(state));
	CHECK_OR(twostep_state_schema(state) == SCHEMA, twostep_state_free(state));
	CHECK_OR(!twostep_state_get(state, TYPE + 1, &length), twostep_state_free(state));
	CHECK_OR(!twostep_state_check(state), twostep_state_free(state));
	twostep_state_free(state);
	return 0;
}

static int state_refuses(void)
{
	struct twostep_state *state = twostep_state_alloc(SCHEMA);
	void *large = vzalloc(SZ_16M + 1);
	int err = -EINVAL;
	u32 type;

	if (!state || !large)
		goto free;
	if (twostep_state_put(state, TYPE, NULL, 1) != -EINVAL ||
	    twostep_state_put(state, TYPE, large, 0) != -EINVAL ||
	    twostep_state_put(state, TYPE, large, SZ_16M + 1) != -EMSGSIZE ||
	    twostep_state_put(state, TYPE, large, SZ_16M) != 0 ||
	    twostep_state_put(state, TYPE, large, 1) != -EEXIST)
		goto free;
	for (type = TYPE + 1; type < TYPE + 64; type++)
		if (twostep_state_put(state, type, large, 1))
			goto free;
	if (twostep_state_put(state, type, large, 1) == -ENOSPC && !twostep_state_check(state))
		err = 0;
free:
	vfree(large);
	twostep_state_free(state);
	return err;
}

/* One bit of a record: of its type, its checksum or its value. */
static void flip(struct twostep_record *record, unsigned int bit)
{
	if (bit < 32)
		record->type ^= BIT(bit);
	else if (bit < 64)
		record->crc ^= BIT(bit - 32);
	else
		record->data[(bit - 64) / 8] ^= BIT(bit % 8);
}

static int damage_is_seen(struct twostep_state *state)
{
	struct twostep_record *record =
		list_first_entry(&state->records, struct twostep_record, entry);
	unsigned int bit = get_random_u32() % (64 + 8 * record->length);

	CHECK(!twostep_state_check(state));
	flip(record, bit);
	CHECK(twostep_state_check(state) == -EBADMSG);
	flip(record, bit);
	record->length--;
	CHECK(twostep_state_check(state) == -EBADMSG);
	record->length++;
	CHECK(!twostep_state_check(state));
	return 0;
}

static int state_sees_damage(void)
{
	u8 value[256];
	int err = 0, turn;

	for (turn = 0; turn < SELFTEST_FUZZ && !err; turn++) {
		struct twostep_state *state = twostep_state_alloc(SCHEMA);

		get_random_bytes(value, sizeof(value));
		if (!state)
			return -EINVAL;
		err = twostep_state_put(state, get_random_u32(), value, 1 + value[0]) ?:
		      damage_is_seen(state);
		twostep_state_free(state);
	}
	return err;
}

static int state_may_be_nothing(void)
{
	struct twostep_state *state = twostep_state_alloc(SCHEMA);

	CHECK(state);
	CHECK_OR(!twostep_state_check(state), twostep_state_free(state));
	twostep_state_free(state);
	twostep_state_free(NULL);
	return 0;
}

const struct selftest state_tests[] = {
	{ "state: a record is a copy", state_keeps_copies },
	{ "state: each refusal has its errno", state_refuses },
	{ "state: any damaged bit is seen", state_sees_damage },
	{ "state: without records it is one, too", state_may_be_nothing },
	{ }
};
