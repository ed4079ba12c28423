#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``fleet_health``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fleet_health
short_description: Ask all hosts of a fleet for their health at the same moment
version_added: 0.1.0
description:
  - Asks what M(twostep.hotswap.health_info) asks, but of all hosts at once and not in turns, over ssh sessions of the controller's own.
  - The sessions go where those of Ansible's ssh connection go, by the same users, keys, ports, jump hosts and known hosts. A host whose key
    is not known is refused, whatever C(host_key_checking) says. The program that answers is sent along and runs from memory.
  - Needs the Python package paramiko on the controller, Linux and Python 3.8 or newer on the hosts, and where it becomes root C(sudo)
    without a password. A host that cannot be asked in this way is in RV(left), to be asked by M(twostep.hotswap.health_info).
options:
  fleet:
    description: The inventory group. A group without hosts is an error.
    type: str
    default: twostep
  sources:
    description: As those of M(twostep.hotswap.health_info).
    type: list
    elements: str
    required: true
  settings:
    description: As those of M(twostep.hotswap.health_info).
    type: dict
    default: {}
  stall_seconds:
    description: How long each host is imagined to stall.
    type: float
    default: 1.0
  timeout_s:
    description: How long one command on a host may take before its answer is V(unknown).
    type: float
    default: 10.0
  sample_gap_s:
    description: Time between the two samples.
    type: float
    default: 0.5
  host_timeout_s:
    description: How long one host may take for everything. One that takes longer has failed to answer.
    type: float
    default: 120.0
  heard:
    description:
      - Name of a variable with what M(twostep.hotswap.fleet_evidence) has registered with health sources. Hosts whose answers there are all
        V(ok), and from just now, are not asked once more.
    type: str
    default: ''
  heard_s:
    description: How old such an answer may be, in seconds from before the first host was asked.
    type: float
    default: 30.0
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
  twostep.hotswap.fleet_health:
    sources: [corosync, md]
  register: asked
  run_once: true

- name: Ask those that have no ssh
  twostep.hotswap.health_info:
    sources: [corosync, md]
  delegate_to: "{{ item }}"
  run_once: true
  loop: "{{ asked.left }}"
  register: asked_in_turn
  ignore_errors: true
  ignore_unreachable: true

- name: Go on only if all are well
  twostep.hotswap.gate:
    touch: ["{{ inventory_hostname }}"]
    sources: [corosync, md]
    health: [asked, asked_in_turn]
"""

RETURN = r"""
results:
  description:
    - For each host that was asked C(item), its name, and C(answers) as M(twostep.hotswap.health_info) has them, or C(failed) and C(msg).
  returned: success
  type: list
  elements: dict
left:
  description: The hosts that could not be asked in this way; with C(-vv) it is shown why.
  returned: success
  type: list
  elements: str
all_ok:
  description: Whether every host of the fleet was asked, and every answer was V(ok).
  returned: success
  type: bool
"""
