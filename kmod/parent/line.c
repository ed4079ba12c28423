// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: the line by which user space asks for a swap.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "parent.h"

static int twostep_parse_word(struct twostep_request_line *line, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "version"))
		return strscpy(line->version, value, sizeof(line->version)) > 0 ? 0 : -EINVAL;
	if (!strcmp(word, "generation"))
		return kstrtou64(value, 10, &line->generation);
	if (!strcmp(word, "deadline_ms"))
		return kstrtouint(value, 10, &line->deadline_ms);
	if (!strcmp(word, "drain_ms"))
		return kstrtouint(value, 10, &line->drain_ms);
	if (!strcmp(word, "schema"))
		return kstrtouint(value, 10, &line->schema);
	if (!strcmp(word, "one_way"))
		return kstrtobool(value, &line->one_way);
	if (strcmp(word, "mode"))
		return -EINVAL;
	if (!strcmp(value, "handover"))
		line->mode = TWOSTEP_HANDOVER;
	else if (!strcmp(value, "two_step"))
		line->mode = TWOSTEP_TWO_STEP;
	else
		return -EINVAL;
	return 0;
}

/* "version=1.1.0 generation=3 [mode=...] [deadline_ms=...] ...", see kmod/ABI */
int twostep_parse_line(struct twostep_request_line *line, char *text)
{
	char *word;
	int err;

	*line = (struct twostep_request_line) {
		.generation = U64_MAX, .deadline_ms = TWOSTEP_DEADLINE_MS,
	};
	while ((word = strsep(&text, " "))) {
		if (!*word)
			continue;
		err = twostep_parse_word(line, word);
		if (err)
			return err;
	}
	if (!line->version[0] || line->generation == U64_MAX)
		return -EINVAL;
	if (!line->deadline_ms || line->deadline_ms > TWOSTEP_DEADLINE_MAX_MS ||
	    line->drain_ms > line->deadline_ms)
		return -ERANGE;
	return 0;
}
