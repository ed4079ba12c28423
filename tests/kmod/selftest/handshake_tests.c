// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep selftest: handshake.c.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "selftest.h"

#define SCHEMAS	5

static int no_prepare(const struct twostep_site *site, struct twostep_limits *limits, void **data)
{
	return -EOPNOTSUPP;
}

static int no_adopt(void *data, const struct twostep_state *state)
{
	return -EOPNOTSUPP;
}

static int no_abandon(void *data, struct twostep_state *state)
{
	return -EOPNOTSUPP;
}

static blk_status_t no_queue_rq(void *data, struct request *rq)
{
	return BLK_STS_NOTSUPP;
}

static void no_release(void *data)
{
}

static const struct twostep_child good_child = {
	.contract_major = TWOSTEP_CONTRACT_MAJOR,
	.contract_minor = TWOSTEP_CONTRACT_MINOR,
	.size = sizeof(struct twostep_child),
	.request_bytes = TWOSTEP_REQUEST_BYTES_MAX,
	.owner = THIS_MODULE,
	.family = "selftest",
	.version = "1.0.0",	/* this module's */
	.reads = { 1, 2 },
	.writes = { 2, 2 },
	.prepare = no_prepare,
	.adopt = no_adopt,
	.abandon = no_abandon,
	.queue_rq = no_queue_rq,
	.release = no_release,
};

/* The answer to a child that is good but for one thing. */
#define ANSWER(_field, _value)						\
({									\
	struct twostep_child child = good_child;			\
									\
	child._field = _value;						\
	twostep_check_child(&child);					\
})

static int handshake_answers(void)
{
	CHECK(twostep_check_child(&good_child) == 0);
	CHECK(ANSWER(contract_major, TWOSTEP_CONTRACT_MAJOR + 1) == -EPROTO);
	CHECK(ANSWER(contract_major, TWOSTEP_CONTRACT_MAJOR - 1) == -EPROTO);
	CHECK(ANSWER(contract_minor, TWOSTEP_CONTRACT_MINOR + 1) == -EPROTONOSUPPORT);
	CHECK(ANSWER(size, sizeof(struct twostep_child) + 8) == -EMSGSIZE);
	CHECK(ANSWER(size, sizeof(struct twostep_child) - 8) == -EMSGSIZE);
	CHECK(ANSWER(owner, NULL) == -ENOSYS);
	CHECK(ANSWER(prepare, NULL) == -ENOSYS);
	CHECK(ANSWER(adopt, NULL) == -ENOSYS);
	CHECK(ANSWER(abandon, NULL) == -ENOSYS);
	CHECK(ANSWER(queue_rq, NULL) == -ENOSYS);
	CHECK(ANSWER(release, NULL) == -ENOSYS);
	CHECK(ANSWER(version, "1.0.1") == -EBADMSG);
	CHECK(ANSWER(version, NULL) == -EINVAL);
	CHECK(ANSWER(family, NULL) == -EINVAL);
	CHECK(ANSWER(family, "") == -EINVAL);
	CHECK(ANSWER(family, "seventeen-letters") == -EINVAL);
	CHECK(ANSWER(request_bytes, TWOSTEP_REQUEST_BYTES_MAX + 1) == -EINVAL);
	CHECK(ANSWER(reads.min, 3) == -EINVAL);
	CHECK(ANSWER(writes.min, 3) == -EINVAL);
	return 0;
}

/* The newest that one writes and the other reads, found the slow way. */
static int newest(const struct twostep_child *from, const struct twostep_child *to)
{
	int schema, found = -EPROTO;

	for (schema = 1; schema < SCHEMAS; schema++)
		if (schema >= from->writes.min && schema <= from->writes.max &&
		    schema >= to->reads.min && schema <= to->reads.max)
			found = schema;
	return found;
}

static int schemas_of_all_pairs(void)
{
	struct twostep_child from = { }, to = { };
	unsigned int pair;

	for (pair = 0; pair < SCHEMAS * SCHEMAS * SCHEMAS * SCHEMAS; pair++) {
		from.writes.min = 1 + pair % SCHEMAS;
		from.writes.max = 1 + pair / SCHEMAS % SCHEMAS;
		to.reads.min = 1 + pair / (SCHEMAS * SCHEMAS) % SCHEMAS;
		to.reads.max = 1 + pair / (SCHEMAS * SCHEMAS * SCHEMAS);
		if (max(from.writes.max, to.reads.max) >= SCHEMAS ||
		    from.writes.min > from.writes.max || to.reads.min > to.reads.max)
			continue;	/* not a child */
		CHECK(twostep_common_schema(&from, &to) == newest(&from, &to));
	}
	return 0;
}

const struct selftest handshake_tests[] = {
	{ "handshake: each misfit has its errno", handshake_answers },
	{ "handshake: the newest schema of all pairs", schemas_of_all_pairs },
	{ }
};
