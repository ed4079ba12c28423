#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for one look at a host. Looking is module_utils/host/evidence.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence_info
short_description: Read the counters and the kernel log by which a new version can be judged
version_added: 0.1.0
description:
  - Takes one look at the slots of a family, at what the block layer counts of their disks, and at what the kernel has reported. Changes
    nothing, and disturbs no other reader of the kernel log.
  - Two looks are compared by M(twostep.hotswap.soak). Counters are as they stand; messages have their numbers, so that it can be told
    which of them are new.
author:
  - The twostep.hotswap authors (@twostep)
options:
  family:
    description: The family whose slots are looked at. Those of a rehearsal are left out.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return the same as without it, since it changes nothing.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
seealso:
  - module: twostep.hotswap.soak
  - module: twostep.hotswap.fleet_evidence
  - module: twostep.hotswap.slot_info
"""

EXAMPLES = r"""
- name: Look at the slots of remap
  twostep.hotswap.evidence_info:
    family: remap
  register: look
"""

RETURN = r"""
evidence:
  description: What was seen.
  returned: success
  type: dict
  contains:
    boot_id:
      description: The kernel's name of this boot.
      type: str
      sample: 5d6b0c2e-7a45-4f3a-9b1c-0e8f7a6d5c4b
    uptime_s:
      description: Seconds since the boot, with those in which the host slept.
      type: float
      sample: 86400.125
    slots:
      description: The slots of the family, by name.
      type: list
      elements: dict
      contains:
        slot:
          description: Name of the slot.
          type: str
          sample: data
        state:
          description: As M(twostep.hotswap.slot_info) has it.
          type: str
          sample: serving
        version:
          description: Version that serves; null without a child.
          type: str
          sample: 1.1.0
        generation:
          description: Number of adoptions so far.
          type: int
          sample: 2
        probation:
          description: As M(twostep.hotswap.slot_info) has it.
          type: str
          sample: watching
        health:
          description: What the child says of itself, V(ok), V(unknown), or V(not_ok) with an error number; null where it is not asked.
          type: str
          sample: ok
        last_result:
          description: How the last swap ended.
          type: str
          sample: ok
        child_errors:
          description: Requests that failed, as the child tells in its file C(errors); null where it has none.
          type: int
          sample: 0
        refused_ends:
          description: Ends of requests that a child did not have.
          type: int
          sample: 0
        probation_failures:
          description: Requests that the new child failed in the probation that runs or ran last.
          type: int
          sample: 0
        io:
          description:
            - What the block layer has counted of the disk, C(read), C(write), C(discard) and C(flush), each with C(count), the requests
              that have ended, and C(ms), what all of them took; and C(in_flight). Null where it does not count.
          type: dict
    log:
      description: The kernel's log; null where it cannot be read.
      type: dict
      contains:
        first_seq:
          description: Number of the oldest message that is still there.
          type: int
          sample: 0
        next_seq:
          description: Number that the next message will have.
          type: int
          sample: 344
        complete:
          description: Whether all messages between the two were read.
          type: bool
        reports:
          description:
            - The newest 32 messages of the kernel itself that are of level err or worse, or that are a defect whatever their level, such as
              V(WARNING:) or V(blocked for more than). Each has C(seq), C(defect) and C(text), of at most 200 characters.
          type: list
          elements: dict
code:
  description: Stable word for the reason of a failure, e.g. V(no_parent), V(bad_family) or V(bad_status).
  returned: failure
  type: str
  sample: no_parent
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import evidence
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {"family": {"type": "str", "required": True}}


def gather(world: evidence.World, family: str) -> dict[str, Any]:
    """Return the result of the module."""
    return {"changed": False, "evidence": evidence.look(world, family).as_dict()}


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    paths = Paths()
    try:
        module.exit_json(**gather(evidence.World(paths, Status(paths)), module.params["family"]))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
