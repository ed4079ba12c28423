#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for rehearsals: argument spec, check mode, signals, results. The work is in module_utils/host/rehearsal.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rehearse
short_description: Rehearse a swap on the host itself, on a scratch slot, before the real one
version_added: 0.1.0
description:
  - Shows that a candidate keeps the promises of the version that serves, instead of assuming it. On a scratch slot with the settings of
    the real one, the running version is adopted first, then the candidate takes over under I/O, is sent back to the running version's
    code, and takes over again. All I/O is written and read past the page cache and checked block by block; flush, FUA, discard and write
    zeroes are exercised as far as they are promised; what the child tells of itself is compared over every change.
  - Scratch devices are a network block device that this module serves itself, which shows what reaches it, and a loop device. Both are
    made from a file without a name, in memory or in a folder.
  - No other slot is touched; that is checked, too. Nothing stays, also when the module is terminated. What a killed rehearsal has left
    is removed by the next one, which finds it in C(/var/lib/twostep/rehearsal.json).
  - A rehearsal that is not passed is a failure of the module. It is never C(changed).
  - It shows the candidate on a small device of this host's memory. It shows neither the speed of the real device nor what happens only
    at sizes or after times that a rehearsal does not reach.
author:
  - The twostep.hotswap authors (@twostep)
options:
  slot:
    description: Name of the real slot. Its family, its version and its settings are rehearsed.
    type: str
    required: true
  version:
    description: Version of the candidate, as three numbers, quoted. Its module must be installed for the running kernel.
    type: str
    required: true
  scratch:
    description: V(memory), or the absolute path of a folder on a local filesystem for files without a name.
    type: str
    default: memory
  size_mib:
    description: Size of a scratch device, from 4 to 1024. One exists at a time.
    type: int
    default: 16
  deadline_ms:
    description: Longest hold of a swap, in milliseconds, from 1 to 10000. Take that of the real swap.
    type: int
    default: 500
  timeout_s:
    description: Seconds after which the rehearsal is given up with code C(too_slow), from 10 to 3600. Cleaning up has time of its own.
    type: float
    default: 300.0
  params:
    description:
      - Text for the child of the scratch slot, with V({device}) where its device belongs.
      - For the family remap the default is V(lower={device}). For another family it must be given.
    type: str
  one_way:
    description:
      - Consent to a version that writes no state which the running one reads. Then there is no way back to rehearse.
      - Without it such a version fails with code C(no_way_back), before anything is loaded.
    type: bool
    default: false
attributes:
  check_mode:
    description: Can run in check mode and returns the steps without taking any.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
requirements:
  - the parent module, the kernel modules nbd and loop, and the right to load modules, on the managed host
seealso:
  - module: twostep.hotswap.compat_info
  - module: twostep.hotswap.swap
"""

EXAMPLES = r"""
- name: Rehearse 1.1.0
  twostep.hotswap.rehearse:
    slot: data
    version: "1.1.0"
  register: rehearsal

- name: Show what the real swap will cost
  ansible.builtin.debug:
    var: rehearsal.expected_hold_ms

- name: Rehearse a child of another family, on a file
  twostep.hotswap.rehearse:
    slot: vault
    version: "2.0.0"
    scratch: /var/tmp
    params: backing={device},cipher=none
"""

RETURN = r"""
slot:
  description: Name of the real slot.
  returned: always
  type: str
  sample: data
from:
  description: Version that serves the real slot.
  returned: when the rehearsal was planned
  type: str
  sample: 1.0.0
to:
  description: Version of the candidate.
  returned: when the rehearsal was planned
  type: str
  sample: 1.1.0
passed:
  description: Whether everything went well. In check mode null. True without steps where the version serves already.
  returned: when the rehearsal was planned
  type: bool
steps:
  description: The steps, in order.
  returned: when the rehearsal was planned
  type: list
  elements: dict
  contains:
    action:
      description: >-
        V(load), V(scratch), V(adopt), V(exercise), V(verify), V(swap), V(return) by the kernel out of a probation, V(commit),
        V(take_down), V(unload).
      type: str
    device:
      description: Kind of scratch device, V(nbd) or V(loop), or an empty string.
      type: str
    version:
      description: Version that serves after it, or an empty string.
      type: str
    busy:
      description: Whether threads did I/O meanwhile.
      type: bool
    reason:
      description: Why the step is taken.
      type: str
performed:
  description: The steps that were taken, each with C(action), C(device), C(version), C(duration_ms) and, where it failed, its C(code).
  returned: when the rehearsal was begun
  type: list
  elements: dict
reasons:
  description: Why it was not passed, each with C(code), C(message), C(next_step) and C(evidence); empty where it was.
  returned: when the rehearsal was begun
  type: list
  elements: dict
holds:
  description: >-
    Each hold, with C(action), C(device), C(from), C(to), C(hold_ms), C(held_requests) (0 for a return, where nobody counts them) and
    C(busy).
  returned: when the rehearsal was begun
  type: list
  elements: dict
expected_hold_ms:
  description:
    - What the swaps to the candidate have cost, C(median) and C(max) in milliseconds, and of how many C(samples). Null without any.
    - The real swap waits in addition for what its own device still has to do.
  returned: when the rehearsal was begun
  type: dict
  sample: {median: 0.61, max: 1.9, samples: 6}
state:
  description: For each change of the child what became of the numbers that it tells, C(same), C(more), C(lost) or C(moved).
  returned: when the rehearsal was begun
  type: list
  elements: dict
exercised:
  description: Which of V(flush), V(fua), V(discard) and V(write_zeroes) were exercised.
  returned: when the rehearsal was begun
  type: list
  elements: str
operations:
  description: How many operations were done and checked.
  returned: when the rehearsal was begun
  type: int
max_latency_ms:
  description: The longest of them, which includes the holds.
  returned: when the rehearsal was begun
  type: float
cleaned_up:
  description: Whether nothing is left behind.
  returned: when the rehearsal was begun
  type: bool
left_behind:
  description: What could not be removed.
  returned: when the rehearsal was begun
  type: list
  elements: str
swept:
  description: What was removed of an earlier rehearsal that had been killed.
  returned: when the rehearsal was begun
  type: list
  elements: str
notes:
  description: What else is worth knowing, e.g. which promises could not be tried.
  returned: when the rehearsal was begun
  type: list
  elements: str
code:
  description:
    - Stable word for the reason of a failure. Of the candidate V(corrupt_read), V(flush_swallowed), V(fua_swallowed), V(adopt_failed),
      V(no_way_back), V(returned), V(io_failed), V(counter_lost), V(stuck) and the refusals of M(twostep.hotswap.swap).
    - Of the host e.g. V(memory_short), V(no_scratch), V(rehearsal_running), V(other_build), V(not_exercised), V(left_behind).
  returned: failure
  type: str
  sample: corrupt_read
next_step:
  description: What to do about a failure.
  returned: failure
  type: str
data:
  description: Evidence of a failure, e.g. the block, what it should hold and what was found.
  returned: failure
  type: dict
"""

import os
import signal
from typing import Any, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import rehearsal, rehearsal_result
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Step, Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.host import world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal import SIGNALS, Rehearsal
from ansible_collections.twostep.hotswap.plugins.module_utils.host.rehearsal_facts import Facts


class Interrupted(BaseException):
    """Somebody wants this process to end: the rehearsal is taken down first. Nothing but main may catch it."""


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "slot": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "scratch": {"type": "str", "default": "memory"},
        "size_mib": {"type": "int", "default": 16},
        "deadline_ms": {"type": "int", "default": 500},
        "timeout_s": {"type": "float", "default": 300.0},
        "params": {"type": "str"},
        "one_way": {"type": "bool", "default": False},
    }


def interrupt(_number: int, _frame: object) -> None:
    """Begin to end; a second signal changes nothing."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted


def planned(wanted: Wish, facts: Facts, steps: Sequence[Step]) -> dict[str, Any]:
    """Return the part of the result that is known beforehand."""
    return {
        "changed": False,
        "slot": wanted.slot,
        "from": facts.running,
        "to": wanted.version,
        "steps": [step.as_dict() for step in steps],
        "passed": None if steps else True,
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    slot = module.params["slot"]
    try:
        wanted = rehearsal.wish(**module.params)
        job = Rehearsal(world.real(), wanted, os.urandom(4).hex())
        if module.check_mode:
            module.exit_json(**planned(wanted, *job.plan()))
        check_root(os.geteuid())
        for number in SIGNALS:
            signal.signal(number, interrupt)
        facts, steps, found = job.perform()
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, next_step=error.next_step, data=error.data, slot=slot)
    except Interrupted:
        left = job.found.left_behind
        ended = TwostepError(
            "interrupted",
            f"The rehearsal was interrupted and {'has left ' + ', '.join(left) if left else 'is taken down'}.",
            "Run it again.",
            {"left_behind": left},
        )
        module.fail_json(msg=str(ended), code=ended.code, next_step=ended.next_step, data=ended.data, slot=slot)
    answer = {**planned(wanted, facts, steps), **rehearsal_result.as_dict(found, wanted.version)}
    failure = rehearsal_result.failure(found)
    if failure is not None:
        module.fail_json(msg=str(failure), code=failure.code, next_step=failure.next_step, data=failure.data, **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
