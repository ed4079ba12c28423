#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``fleet_evidence``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fleet_evidence
short_description: Take the evidence of many hosts at the same moment
version_added: 0.1.0
description:
  - Asks what M(twostep.hotswap.evidence_info) asks, but of many hosts at once, over the sessions that M(twostep.hotswap.fleet_health) uses.
  - Besides the hosts named it asks those of the fleet that M(twostep.hotswap.soak) has kept a baseline of, which are the hosts of earlier
    waves of the same run.
  - A host that cannot be asked in this way is in RV(left), to be asked by M(twostep.hotswap.evidence_info).
options:
  fleet:
    description: The inventory group of the run.
    type: str
    default: twostep
  family:
    description: As that of M(twostep.hotswap.evidence_info).
    type: str
    required: true
  touch:
    description: The hosts to be asked in any case.
    type: list
    elements: str
    required: true
  host_timeout_s:
    description: How long one host may take for everything. One that takes longer has failed to answer.
    type: float
    default: 120.0
  sources:
    description:
      - With health sources all hosts of the fleet are asked, and for their health in the same session. RV(health) has the answers, for
        O(twostep.hotswap.fleet_health#module:heard). Without them nobody is asked for it.
    type: list
    elements: str
    default: []
  settings:
    description: As those of M(twostep.hotswap.health_info).
    type: dict
    default: {}
  stall_seconds:
    description: As that of M(twostep.hotswap.fleet_health).
    type: float
    default: 1.0
  timeout_s:
    description: As that of M(twostep.hotswap.fleet_health).
    type: float
    default: 10.0
  sample_gap_s:
    description: As that of M(twostep.hotswap.fleet_health).
    type: float
    default: 0.5
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
- name: Look at the hosts of this wave and of those before it
  twostep.hotswap.fleet_evidence:
    family: remap
    touch: "{{ ansible_play_batch }}"
  run_once: true
  register: evidence
"""

RETURN = r"""
results:
  description:
    - For each host that was asked C(item), its name, and C(evidence) as M(twostep.hotswap.evidence_info) has it, or C(failed) and C(msg).
  returned: success
  type: list
  elements: dict
left:
  description: The hosts that could not be asked in this way; with C(-vv) it is shown why.
  returned: success
  type: list
  elements: str
health:
  description: For each host of the fleet that was asked what M(twostep.hotswap.fleet_health) has in its results.
  returned: success, with O(sources)
  type: list
  elements: dict
asked_at_s:
  description: When that was, in seconds since the boot of the controller.
  returned: success, with O(sources)
  type: float
code:
  description: V(bad_family).
  returned: failure
  type: str
"""
