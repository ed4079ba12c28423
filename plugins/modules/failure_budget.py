#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``failure_budget``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: failure_budget
short_description: Decide what becomes of a run after one of its waves has failed
version_added: 0.1.0
description:
  - A run goes on if the hosts of the wave have failed by themselves (their swap was taken back, or they hang or do not answer), if no
    more hosts have failed in the whole run than may, and if it is known what the hosts of the wave serve, or they do not answer at all.
  - Anything else halts it, for example a closed gate, a lost lease, a peer that turned bad, or evidence against the version. A run that
    halts may take back what it has done.
  - Runs on the controller and touches no host. Reads C(__twostep_check) of C(localhost), and of every host what the role C(upgrade) has
    registered, C(__twostep_failures) of earlier waves among it.
options:
  fleet:
    description: The inventory group of the run.
    type: str
    default: twostep
  touch:
    description: The hosts of the wave that has failed.
    type: list
    elements: str
    required: true
  max_failures:
    description: How many hosts may fail in the whole run.
    type: int
    default: 0
  on_failure:
    description: What a run does that halts. With V(roll_back) the hosts that it has touched are to be taken back.
    type: str
    choices: [halt, roll_back]
    default: halt
  intent:
    description: What the run is meant as. With V(rollback) nothing is taken back.
    type: str
    choices: [upgrade, rollback]
    default: upgrade
  settled:
    description: Whether what was to be taken back of this wave was. Without it that is not looked at.
    type: bool
    default: false
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Changes nothing in any mode.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
author:
  - The twostep.hotswap authors (@twostep)
"""

EXAMPLES = r"""
- name: Count the failures of the run
  twostep.hotswap.failure_budget:
    fleet: storage
    touch: [n4]
    max_failures: 2
    settled: true
  run_once: true
  register: __twostep_failures
"""

RETURN = r"""
verdict:
  description: V(go_on), V(halt), or V(roll_back) where there is something to take back.
  returned: success
  type: str
reason:
  description: Why, where the count decides; empty otherwise.
  returned: success
  type: str
cause:
  description: What halts, with C(host), C(phase), C(code) and C(message); null where the run goes on.
  returned: success
  type: dict
failures:
  description: The hosts of this wave that have failed by themselves, in the same form.
  returned: success
  type: list
  elements: dict
left_out:
  description: The hosts of this wave that the run goes on without.
  returned: success
  type: list
  elements: str
pattern:
  description: The group into which the hosts belong that are to be taken back.
  returned: success
  type: str
order:
  description: The hosts that are to be taken back, the last one first.
  returned: success
  type: list
  elements: str
back:
  description: The version, by host and slot, to which they are to be taken back.
  returned: success
  type: dict
code:
  description: V(bad_max_failures).
  returned: failure
  type: str
"""
