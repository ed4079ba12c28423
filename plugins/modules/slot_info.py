#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for the status of the parent. Reading is module_utils/host/slots.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slot_info
short_description: Read the slots of the parent module and the children that the kernel knows
version_added: 0.1.0
description:
  - Reads the parent's status from sysfs. Changes nothing.
  - A status file that does not hold what the interface promises fails the module with code C(bad_status) and names the file.
author:
  - The twostep.hotswap authors (@twostep)
options:
  slots:
    description:
      - Names of the slots to tell of; one that does not exist fails the module with code C(no_slot).
      - Default is all but those whose names begin with C(rehearse-), which M(twostep.hotswap.rehearse) makes and removes.
    type: list
    elements: str
  family:
    description: Tell only of slots and children of this family.
    type: str
  drift:
    description:
      - Also tell how what serves differs from what a reboot would bring up. The installed files, the boot configuration and, which
        takes seconds, the initramfs of the running kernel are looked at.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and return the same as without it, since it changes nothing.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
seealso:
  - module: twostep.hotswap.swap
"""

EXAMPLES = r"""
- name: Read all slots
  twostep.hotswap.slot_info:
  register: slots

- name: Read all slots, and what a reboot would change
  twostep.hotswap.slot_info:
    drift: true

- name: Read one slot
  twostep.hotswap.slot_info:
    slots: [data]
"""

RETURN = r"""
parent:
  description: The loaded parent.
  returned: success
  type: dict
  contains:
    contract:
      description: Number of its contract with children.
      type: str
      sample: "1.0"
    version:
      description: Version of the module; null where it tells none.
      type: str
      sample: 1.0.0
slots:
  description: The slots, by name.
  returned: success
  type: list
  elements: dict
  contains:
    slot:
      description: Name of the slot.
      type: str
      sample: data
    state:
      description: V(empty), V(serving), V(held), V(detached) or V(failed).
      type: str
      sample: serving
    family:
      description: Family of its children; null before it was set.
      type: str
      sample: remap
    params:
      description: Text that the family gets.
      type: str
      sample: lower=/dev/vdb
    version:
      description: Version that serves; null without a child.
      type: str
      sample: 1.1.0
    module:
      description: Module that serves; null without a child.
      type: str
      sample: twostep_remap_1_1_0
    generation:
      description: Number of adoptions so far.
      type: int
      sample: 2
    parked:
      description: Version of the child that waits for its commit; null without one.
      type: str
    inflight:
      description: Requests in the child.
      type: int
    openers:
      description: Open file descriptions of the device.
      type: int
    srcversion:
      description: Checksum of the sources of the module that serves; null without a child.
      type: str
      sample: B1E9D8E4D0A5B3C7F6A9812
    previous:
      description: Version that served before; null before the first swap.
      type: str
      sample: 1.0.0
    probation:
      description: V(none), V(watching), V(alarmed) while the parked child comes back, or V(one_way) where it cannot.
      type: str
      sample: none
    probation_failures:
      description: Requests that the new child failed in the probation that runs or ran last. They were tried again.
      type: int
      sample: 0
    refused_ends:
      description: Ends of requests that a child did not have. Each one is a defect of a child.
      type: int
      sample: 0
    hold_histogram:
      description: Requests that holds have kept waiting, over all holds; the number at place i counts those below 2^i microseconds.
      type: list
      elements: int
    last_swap:
      description: How the last swap went, with its durations in nanoseconds.
      type: dict
    child:
      description: What the child tells of itself.
      type: dict
    drift:
      description: How what serves differs from what a reboot would bring up, in the form of M(twostep.hotswap.compat_info).
      returned: when O(drift=true)
      type: list
      elements: dict
rejected:
  description: Builds that evidence has spoken against, as M(twostep.hotswap.rejection) returns them.
  returned: success
  type: list
  elements: dict
children:
  description: The registered children, by module.
  returned: success
  type: list
  elements: dict
  contains:
    module:
      description: Name of the module.
      type: str
      sample: twostep_remap_1_1_0
    family:
      description: Its family.
      type: str
      sample: remap
    version:
      description: Its version.
      type: str
      sample: 1.1.0
    contract:
      description: Contract that it was built for.
      type: str
      sample: "1.0"
    features:
      description: What it promises to the users of the device.
      type: list
      elements: str
    schema_reads:
      description: Schemas that it can take over.
      type: str
      sample: 1-2
    schema_writes:
      description: Schemas that it can leave behind.
      type: str
      sample: 1-2
    request_bytes:
      description: Private data that it wants with each request.
      type: int
    users:
      description: How many slots it serves or is parked on.
      type: int
code:
  description: Stable word for the reason of a failure, e.g. V(no_parent), V(no_slot) or V(bad_status).
  returned: failure
  type: str
  sample: no_parent
"""

import os
from typing import Any, Callable, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, rehearsal
from ansible_collections.twostep.hotswap.plugins.module_utils.core.drift import Difference
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.slots import Slot
from ansible_collections.twostep.hotswap.plugins.module_utils.host import drift, initramfs, rejections
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Run, run
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {"slots": {"type": "list", "elements": "str"}, "family": {"type": "str"}, "drift": {"type": "bool", "default": False}}


Differ = Callable[[Slot], Sequence[Difference]]


def differ(paths: Paths, status: Status, run: Run, release: str) -> Differ:
    """Return a function that tells the drift of a slot; the initramfs is listed once for all of them."""
    image = initramfs.look(paths, release, run)
    return lambda slot: drift.of_slot(paths, status, run, release, slot, image)


def gather(status: Status, wanted: list[str] | None, family: str | None, differs: Differ | None = None) -> dict[str, Any]:
    """Return the result of the module."""
    only = None if family is None else names.family(family)
    asked = None if wanted is None else sorted({names.slot(name) for name in wanted})
    parent = status.parent()
    real = [name for name in status.slot_names() if not rehearsal.is_scratch(name)]
    found = [status.slot(name) for name in (real if asked is None else asked)]
    children = status.children()

    def told(slot: Slot) -> dict[str, Any]:
        return {**slot.as_dict(), **({"drift": [found.as_dict() for found in differs(slot)]} if differs else {})}

    return {
        "changed": False,
        "parent": parent.as_dict(),
        "slots": [told(slot) for slot in found if only is None or slot.family == only],
        "rejected": [mark.as_dict() for mark in rejections.read(status.paths) if only in (None, mark.family)],
        "children": [child.as_dict() for child in children if only is None or child.family == only],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    paths = Paths()
    status = Status(paths)
    try:
        differs = differ(paths, status, run, os.uname().release) if module.params["drift"] else None
        module.exit_json(**gather(status, module.params["slots"], module.params["family"], differs))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
