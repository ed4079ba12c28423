#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``plan``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: plan
short_description: Plan a rolling upgrade from what the hosts said
version_added: 0.1.0
description:
  - Turns the results of M(twostep.hotswap.slot_info) and M(twostep.hotswap.compat_info) of a fleet into waves, with a
    reason for every host, and shows them. Runs on the controller and touches no host.
  - Reads what the hosts registered as C(__twostep_slots) and C(__twostep_compat), the latter in a loop over slots.
  - The plan is deterministic, the canary comes first, and hosts that are already current are left out.
  - One host that cannot take part refuses the whole plan, with all reasons.
options:
  stage:
    description:
      - V(inputs) only checks the options and the group, and returns a new run id.
      - V(reload) does the same for a run that replaces O(modules).
      - V(status) only shows the slots of all hosts.
      - V(plan) makes the plan; a verdict that needs the built file is pending.
      - V(back) returns the hops of a host on its way back, as RV(hops), out of what it has registered as C(__twostep_slots_back) and
        C(__twostep_compat_back), and what C(__twostep_roll_back) of C(localhost) says. It fails with C(no_way_back).
      - V(check) makes the same plan once more after the build and refuses it unless every verdict is there.
    type: str
    choices: [inputs, reload, status, plan, check, back]
    default: plan
  fleet:
    description: The inventory group. A group without hosts is an error.
    type: str
    default: twostep
  family:
    description: The family to upgrade. Needed unless O(stage=status) or O(stage=reload).
    type: str
  version:
    description: The version to go to, a quoted string; may be an older one. Needed unless O(stage=status) or O(stage=reload).
    type: raw
  modules:
    description: The modules that are replaced. Needed with O(stage=reload).
    type: list
    elements: str
  canary:
    description: Number of hosts in the first wave; V(0) for no canary.
    type: int
    default: 1
  wave_size:
    description: Number of hosts in every later wave.
    type: int
    default: 1
  warm:
    description:
      - Whether the slots of a host may be taken down where the verdict is V(warm) and no chain of hot steps leads to the version.
      - Without it such a host refuses the plan.
    type: bool
    default: false
  cold:
    description:
      - Whether a host may be booted into the version where no chain of hot steps leads to it and O(warm) is not set or does not help.
    type: bool
    default: false
  accept_rejected:
    description:
      - Consent to a version that one of the hosts has a mark of, as M(twostep.hotswap.rejection) makes it. Without it the plan fails with
        code C(version_rejected), after the build, when it is known whether it is the same build.
    type: bool
    default: false
  max_failures:
    description: How many hosts may fail, as M(twostep.hotswap.failure_budget) has it. It is only checked here.
    type: int
    default: 0
  windows:
    description: Maintenance windows as M(twostep.hotswap.gate) has them. They are only checked here.
    type: list
    elements: raw
    default: []
  time_zone:
    description: Time zone of O(windows), checked with them.
    type: str
    default: UTC
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
- name: Plan the upgrade
  twostep.hotswap.plan:
    fleet: storage
    family: remap
    version: "1.1.0"
    canary: 1
    wave_size: 2
  register: plan
"""

RETURN = r"""
run_id:
  description: Name of the run.
  returned: O(stage=inputs) or O(stage=reload)
  type: str
started:
  description: When the inputs were checked, UTC.
  returned: O(stage=inputs) or O(stage=reload)
  type: str
fleet:
  description: The inventory group that was checked, for the plays that follow.
  returned: O(stage=inputs) or O(stage=reload)
  type: str
modules:
  description: The modules, by their checked names.
  returned: O(stage=reload)
  type: list
  elements: str
waves:
  description: Host names by wave, in the order of the work.
  returned: O(stage=plan) or O(stage=check)
  type: list
  elements: list
serial:
  description: Size of each wave.
  returned: O(stage=plan) or O(stage=check)
  type: list
  elements: int
order:
  description: Host names of all waves, in the order of the work.
  returned: O(stage=plan) or O(stage=check)
  type: list
  elements: str
hosts:
  description:
    - For every host of the fleet C(from), C(to), C(verdict), C(reason), C(wave), C(slots) and C(hops).
    - C(hops) are the lists of what is swapped together, in their order.
  returned: O(stage=plan) or O(stage=check)
  type: dict
digest:
  description: SHA-256 over what will be touched and in which order; the same before and after the build.
  returned: O(stage=plan) or O(stage=check)
  type: str
hops:
  description: The lists of what is swapped together on the way back, in their order; none where the host is back.
  returned: O(stage=back)
  type: list
  elements: list
accepted:
  description: Marks that are to be taken back with O(accept_rejected), each with C(host), C(family) and C(version).
  returned: O(stage=plan) or O(stage=check)
  type: list
  elements: dict
drift:
  description:
    - A line for each way in which a slot serves otherwise than it would after a reboot, and for each mark of a rejected build.
    - Shown, and forbids nothing by itself.
  returned: when O(stage=plan) or O(stage=check)
  type: list
  elements: str
summary:
  description: The lines that were shown.
  returned: when not O(stage=inputs) or O(stage=reload)
  type: list
  elements: str
refusals:
  description: Every refusal with C(host), C(slot) and C(reason).
  returned: when the plan is refused
  type: list
  elements: dict
code:
  description: What was wrong, as a stable word, for example V(empty_fleet), V(plan_refused), V(version_rejected) or V(no_way_back).
  returned: failure
  type: str
"""
