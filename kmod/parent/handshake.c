// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: what a child says of itself, and whether it fits.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#include "parent.h"

static bool twostep_name_fits(const char *name, size_t max)
{
	return name && *name && strlen(name) <= max;
}

/* Each refusal has its own errno and its own line in the log. */
int twostep_check_child(const struct twostep_child *child)
{
	const char *module = child->owner ? module_name(child->owner) : "(built in)";

	if (child->contract_major != TWOSTEP_CONTRACT_MAJOR) {
		pr_err("%s refused: contract %u.%u, the parent's is %s\n", module,
		       child->contract_major, child->contract_minor, TWOSTEP_CONTRACT_STRING);
		return -EPROTO;
	}
	if (child->contract_minor > TWOSTEP_CONTRACT_MINOR) {
		pr_err("%s refused: contract %u.%u is newer than the parent's %s\n", module,
		       child->contract_major, child->contract_minor, TWOSTEP_CONTRACT_STRING);
		return -EPROTONOSUPPORT;
	}
	if (child->size != sizeof(*child)) {
		pr_err("%s refused: its struct twostep_child has %u bytes, the parent's %zu\n",
		       module, child->size, sizeof(*child));
		return -EMSGSIZE;
	}
	if (!child->owner || !child->prepare || !child->adopt || !child->abandon ||
	    !child->queue_rq || !child->release) {
		pr_err("%s refused: a method is missing\n", module);
		return -ENOSYS;
	}
	if (child->owner->version && child->version &&
	    strcmp(child->owner->version, child->version)) {
		pr_err("%s refused: it registers version %s, its modinfo says %s\n", module,
		       child->version, child->owner->version);
		return -EBADMSG;
	}
	if (!twostep_name_fits(child->family, TWOSTEP_FAMILY_MAX) ||
	    !twostep_name_fits(child->version, TWOSTEP_VERSION_MAX) ||
	    child->request_bytes > TWOSTEP_REQUEST_BYTES_MAX ||
	    child->reads.min > child->reads.max || child->writes.min > child->writes.max) {
		pr_err("%s refused: bad name, range or size\n", module);
		return -EINVAL;
	}
	return 0;
}

/* The newest schema that @from writes and @to reads, or -EPROTO. */
int twostep_common_schema(const struct twostep_child *from, const struct twostep_child *to)
{
	u16 schema = min(from->writes.max, to->reads.max);

	return schema >= max(from->writes.min, to->reads.min) ? schema : -EPROTO;
}
