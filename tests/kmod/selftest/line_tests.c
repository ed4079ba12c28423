// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep selftest: line.c.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include <linux/random.h>

#include "selftest.h"

static int parsed(const char *text, struct twostep_request_line *line)
{
	char copy[192];

	strscpy(copy, text, sizeof(copy));
	return twostep_parse_line(line, copy);
}

static int answer(const char *text)
{
	struct twostep_request_line line;

	return parsed(text, &line);
}

static int line_is_understood(void)
{
	struct twostep_request_line line;

	CHECK(!parsed("version=1.1.0 generation=3", &line));
	CHECK(!strcmp(line.version, "1.1.0") && line.generation == 3);
	CHECK(line.mode == TWOSTEP_HANDOVER && line.deadline_ms == TWOSTEP_DEADLINE_MS);
	CHECK(!line.drain_ms && !line.schema && !line.one_way);
	CHECK(!parsed(" generation=0  version=1 mode=two_step schema=2", &line));
	CHECK(line.generation == 0 && line.mode == TWOSTEP_TWO_STEP && line.schema == 2);
	CHECK(!parsed("one_way=1 version=1 deadline_ms=10000 drain_ms=10000 generation=1", &line));
	CHECK(line.deadline_ms == 10000 && line.drain_ms == 10000 && line.one_way);
	return 0;
}

static int line_is_refused(void)
{
	CHECK(answer("") == -EINVAL);
	CHECK(answer("version=1.1.0") == -EINVAL);
	CHECK(answer("generation=1") == -EINVAL);
	CHECK(answer("version= generation=1") == -EINVAL);
	CHECK(answer("version=123456789012345678 generation=1") == -EINVAL);
	CHECK(answer("version=1 generation=-1") == -EINVAL);
	CHECK(answer("version=1 generation=18446744073709551616") == -ERANGE);
	CHECK(answer("version=1 generation=1 deadline_ms=0") == -ERANGE);
	CHECK(answer("version=1 generation=1 deadline_ms=-5") == -EINVAL);
	CHECK(answer("version=1 generation=1 deadline_ms=10001") == -ERANGE);
	CHECK(answer("version=1 generation=1 deadline_ms=9223372036854775808") == -ERANGE);
	CHECK(answer("version=1 generation=1 deadline_ms=1us") == -EINVAL);
	CHECK(answer("version=1 generation=1 deadline_ms=5 drain_ms=6") == -ERANGE);
	CHECK(answer("version=1 generation=1 mode=hot") == -EINVAL);
	CHECK(answer("version=1 generation=1 one_way=maybe") == -EINVAL);
	CHECK(answer("version=1 generation=1 colour=red") == -EINVAL);
	CHECK(answer("version=1 generation=1 force") == -EINVAL);
	return 0;
}

/* Whatever is written: an error, or a line within its bounds. */
static int line_of_noise(void)
{
	static const char * const words[] = {
		"version=", "generation=", "deadline_ms=", "drain_ms=", "schema=", "mode=",
		"one_way=", "two_step", "=", " ", " ", "1", "9", "-", "1.1.0", "%s", "\xff",
	};
	struct twostep_request_line line;
	unsigned int turn, good = 0;

	for (turn = 0; turn < SELFTEST_FUZZ; turn++) {
		char text[192] = "";
		unsigned int count = get_random_u32() % 20;

		if (turn % 2)
			strscpy(text, "version=1 generation=1 ", sizeof(text));
		while (count--)
			strlcat(text, words[get_random_u32() % ARRAY_SIZE(words)], sizeof(text));
		if (parsed(text, &line))
			continue;
		good++;
		CHECK(strnlen(line.version, sizeof(line.version)) <= TWOSTEP_VERSION_MAX);
		CHECK(line.version[0] && line.generation != U64_MAX);
		CHECK(line.deadline_ms && line.deadline_ms <= TWOSTEP_DEADLINE_MAX_MS);
		CHECK(line.drain_ms <= line.deadline_ms);
	}
	CHECK(good); /* else nothing was tried */
	return 0;
}

const struct selftest line_tests[] = {
	{ "line: words in any order", line_is_understood },
	{ "line: each refusal has its errno", line_is_refused },
	{ "line: noise is refused or harmless", line_of_noise },
	{ }
};
