#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for one lock host: argument spec, check mode, diff, results. The work is in module_utils/host/lease_program.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lease
short_description: Read or change the lease of the fleet on one lock host
version_added: 0.1.0
description:
  - The lease is the right to touch the fleet, of one run at a time. It counts only where more than half of the lock hosts have granted it.
    M(twostep.hotswap.fleet_lease) asks all of them and counts; this module is one of them, for hosts that it has no session to, and for
    looking at one host by hand.
  - A host grants an epoch only if it is higher than any that it has seen, and if it has granted no other run a lease that still lives. A
    lease lives for O(ttl_s) from its last grant or renewal on, by the clock of the host that counts from its boot; after a boot it
    counts as granted at that boot.
  - What is kept is C(/var/lib/twostep/lease.json).
options:
  state:
    description:
      - V(read) tells what is kept.
      - V(held) grants the lease, V(renewed) lets it begin anew, V(halted) does the same and lets the same owner take it at once, and
        V(released) forgets it. V(released) changes nothing where the lease is another's.
      - V(admitted) asks whether a run may act here under its O(epoch), and remembers that; code C(fenced) if a higher one was seen. It is
        for acts of other modules, such as a reboot; M(twostep.hotswap.swap) and its like ask by themselves.
    type: str
    choices: [read, held, renewed, halted, released, admitted]
    default: read
  run_id:
    description: The run, of a-z, 0-9 and -. Required except with O(state=read) and O(state=admitted).
    type: str
  epoch:
    description: The epoch of the lease. Required except with O(state=read).
    type: int
  owner:
    description: Who holds it, for people, such as V(alice@deploy1). Required with O(state=held).
    type: str
  controller:
    description: Where the run was started, for people. Required with O(state=held).
    type: str
  since:
    description: When it was asked for, UTC, such as V(2026-01-31T23:59:58Z). Required with O(state=held).
    type: str
  ttl_s:
    description: How long it lives without a renewal, in seconds, from 60 on. Required with O(state=held).
    type: int
  takeover:
    description: The run whose living lease is broken for this one, with O(state=held). That is recorded in the ledger. Empty for none.
    type: str
    default: ''
attributes:
  check_mode:
    description: Can run in check mode and returns what would be.
    support: full
  diff_mode:
    description: Shows what is kept before and after.
    support: full
seealso:
  - module: twostep.hotswap.fleet_lease
author:
  - The twostep.hotswap authors (@twostep)
"""

EXAMPLES = r"""
- name: Who has the fleet, as far as this host knows
  twostep.hotswap.lease:
  register: found

- name: Forget the lease of a run that is dead for certain
  twostep.hotswap.lease:
    state: released
    run_id: "{{ found.lease.run_id }}"
    epoch: "{{ found.lease.epoch }}"
"""

RETURN = r"""
highest_epoch:
  description: The highest epoch that the host has seen; whoever acts there under a lower one is refused. V(0) for none.
  returned: always, unless the file is damaged
  type: int
  sample: 12
lease:
  description: The lease that is kept, null for none.
  returned: always, unless the file is damaged
  type: dict
  contains:
    epoch:
      description: Its epoch.
      type: int
    run_id:
      description: The run that holds it.
      type: str
    owner:
      description: Who that is.
      type: str
    controller:
      description: Where the run was started.
      type: str
    since:
      description: When it was asked for, UTC.
      type: str
    ttl_s:
      description: How long it lives without a renewal.
      type: int
    halted:
      description: Whether the run has halted.
      type: bool
    taken_from:
      description: The run whose lease was broken for it, empty for none.
      type: str
left_s:
  description: For how many seconds it lives on without a renewal. V(0) when it has expired.
  returned: always, unless the file is damaged
  type: float
  sample: 1712.4
code:
  description: Stable word for the reason of a failure, e.g. V(lease_held), V(lease_lost), V(stale_epoch) or V(lease_damaged).
  returned: failure
  type: str
  sample: lease_held
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.host import lease_program
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

_WHOSE = ("run_id", "epoch")


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "state": {"type": "str", "choices": ["read", "held", "renewed", "halted", "released", "admitted"], "default": "read"},
        "run_id": {"type": "str"},
        "epoch": {"type": "int"},
        "owner": {"type": "str"},
        "controller": {"type": "str"},
        "since": {"type": "str"},
        "ttl_s": {"type": "int"},
        "takeover": {"type": "str", "default": ""},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(),
        supports_check_mode=True,
        required_if=[
            ("state", "held", (*_WHOSE, "owner", "controller", "since", "ttl_s")),
            *[("state", state, _WHOSE) for state in ("renewed", "halted", "released")],
            ("state", "admitted", ("epoch",)),
        ],
    )
    said = lease_program.answer(module.params, LockHost(Paths()), os.geteuid(), module.check_mode)
    if said.pop("failed", False):
        module.fail_json(**said)
    module.exit_json(**said)


if __name__ == "__main__":
    main()
