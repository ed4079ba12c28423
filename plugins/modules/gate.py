#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``gate``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gate
short_description: Go on only if the whole fleet is healthy
version_added: 0.1.0
description:
  - Fails unless every required health source of every host of the fleet answered V(ok), and recently.
  - The whole fleet is asked, not only the host to be touched, since a copy missing elsewhere is a reason to leave this one alone.
  - An answer that is absent, too old, from the future or not understood is unknown, and unknown is never ok.
  - Runs on the controller and touches no host.
options:
  fleet:
    description: The inventory group whose hosts must all have answered.
    type: str
    default: twostep
  touch:
    description: The hosts that are to be touched next, for the message.
    type: list
    elements: str
    required: true
  sources:
    description: The health sources that every host must have answered. With an empty list the gate is open, with a warning.
    type: list
    elements: str
    required: true
  health:
    description:
      - Names of the variables in which M(twostep.hotswap.fleet_health), or M(twostep.hotswap.health_info) in a loop over host names, were
        registered. Of a host that is in several, the last one counts.
      - The names and not the values, because what a host returned must not pass through a template.
    type: list
    elements: str
    required: true
  shelf_life_s:
    description:
      - How old an answer may be. The host's clock gives the time of the answer and the controller's clock the present,
        so clocks that differ by more close the gate.
    type: float
    default: 60.0
  windows:
    description:
      - When hosts may be touched. Each item has C(from) and C(to) as quoted times such as V("22:00") and, unless it is for every day,
        C(days), a list of V(mon) to V(sun). A window that ends before it begins goes on past midnight.
      - An empty list is always open.
    type: list
    elements: raw
    default: []
  time_zone:
    description: Time zone of O(windows), by its name in the time zone database.
    type: str
    default: UTC
  pause_file:
    description: A file on the controller. While it exists nothing may be touched. Empty for none.
    type: str
    default: ""
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
- name: Ask the fleet
  twostep.hotswap.health_info:
  delegate_to: "{{ item }}"
  run_once: true
  loop: "{{ groups['twostep'] }}"
  register: health
  ignore_errors: true
  ignore_unreachable: true

- name: Go on only if all are well
  twostep.hotswap.gate:
    touch: ["{{ inventory_hostname }}"]
    sources: [corosync, md]
    health: health
"""

RETURN = r"""
verdict:
  description: V(open) or V(closed).
  returned: unless it is paused or outside of the windows
  type: str
gates:
  description: One entry per question with C(source), C(subject), C(host), C(verdict) and C(reason).
  returned: unless it is paused or outside of the windows
  type: list
  elements: dict
code:
  description: V(gate_closed), V(paused) or V(outside_window).
  returned: failure
  type: str
"""
