#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``fleet_lease``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: fleet_lease
short_description: Take, renew and give back the lease of a fleet
version_added: 0.1.0
description:
  - The lease is the right to touch the fleet, of one run at a time. It is granted by more than half of the lock hosts, or by etcd, with an
    epoch that is higher than any before. M(twostep.hotswap.swap), M(twostep.hotswap.reload) and M(twostep.hotswap.parent) refuse a
    run whose epoch is lower than one that their host has seen.
  - With lock hosts it takes several tasks, which the role C(lease) has in order. V(read) asks who has it, V(held) asks to be granted it,
    V(judged) counts. Each asks all lock hosts at the same moment, as M(twostep.hotswap.fleet_health) does. Hosts that cannot be asked in
    this way are in RV(left), to be asked by M(twostep.hotswap.lease), whose results are counted, too. With etcd V(held) does it all.
  - Every controller has to name the same lock hosts.
options:
  state:
    description:
      - V(read) asks who has the lease.
      - V(held) asks for it, after V(read); V(renewed) lets it begin anew if a third of O(ttl_s) is over, and asks nobody before.
      - V(judged) comes after either, and fails unless a majority has agreed.
      - V(halted) says that the run touches nothing any more, so that the same owner can take the lease at once; V(released) gives it back.
      - V(shown) shows what V(read) has found.
    type: str
    choices: [read, held, renewed, judged, halted, released, shown]
    required: true
  provider:
    description: Who grants it.
    type: str
    choices: [hosts, etcd]
    default: hosts
  fleet:
    description: The inventory group. A group without hosts is an error.
    type: str
    default: twostep
  hosts:
    description: The lock hosts, best three or five. An empty list is the whole fleet.
    type: list
    elements: str
    default: []
  etcd:
    description: Where etcd is, with O(provider=etcd).
    type: dict
    default: {}
    suboptions:
      endpoints:
        description: Addresses of its members, such as V(https://etcd1:2379), asked in turn until one answers.
        type: list
        elements: str
        default: []
      cacert:
        description: File on the controller with the certificates that etcd's must be signed by. When empty, those of the system.
        type: path
        default: ''
      cert:
        description: File with our own certificate, where etcd asks for one.
        type: path
        default: ''
      key:
        description: File with the key of that certificate.
        type: path
        default: ''
      user:
        description: User of etcd's own, where it asks for one.
        type: str
        default: ''
      password:
        description: That user's password.
        type: str
        default: ''
  run_id:
    description: The run. Required with O(state=held).
    type: str
  owner:
    description: Who that is, for people. When empty, the user and the controller, or in AWX the user who has started the job.
    type: str
    default: ''
  ttl_s:
    description: How long the lease lives without a renewal, in seconds.
    type: int
    default: 1800
  longest_s:
    description: How long a task may take. A lease that could end within one is refused.
    type: float
    default: 0.0
  takeover:
    description: The run whose living lease is broken, with O(state=held). That is recorded. Empty for none.
    type: str
    default: ''
  lease:
    description: RV(lease) of an earlier task. Required with the states V(renewed), V(halted) and V(released).
    type: raw
  heard:
    description: Names of the variables in which the answers of the lock hosts are registered.
    type: list
    elements: str
    default: []
  asked:
    description: Name of the variable in which V(held) or V(renewed) is registered. Required with O(state=judged).
    type: str
    default: ''
  host_timeout_s:
    description: How long one lock host may take.
    type: float
    default: 30.0
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: In check mode nothing is asked that would change anything.
    support: full
  diff_mode:
    description: A lease is no configuration.
    support: none
seealso:
  - module: twostep.hotswap.lease
author:
  - The twostep.hotswap authors (@twostep)
"""

EXAMPLES = r"""
- name: Ask who has the fleet
  twostep.hotswap.fleet_lease:
    state: read
  register: asked

- name: Show it
  twostep.hotswap.fleet_lease:
    state: shown
    heard: [asked]

- name: Take the lease of etcd
  twostep.hotswap.fleet_lease:
    state: held
    provider: etcd
    etcd:
      endpoints: [https://etcd1.example:2379, https://etcd2.example:2379]
    run_id: by-hand-1
  register: mine

- name: Give it back
  twostep.hotswap.fleet_lease:
    state: released
    provider: etcd
    etcd:
      endpoints: [https://etcd1.example:2379, https://etcd2.example:2379]
    lease: "{{ mine.lease }}"
"""

RETURN = r"""
lease:
  description: The lease of this run, for O(lease) of later tasks; C(epoch) is for the modules that act.
  returned: with O(state=judged), and where etcd grants it
  type: dict
question:
  description: What the lock hosts were asked, as options of M(twostep.hotswap.lease).
  returned: where hosts were asked
  type: dict
asked:
  description: The lease that was asked for, as RV(lease) has it. It is none before V(judged) has said so, but can be released.
  returned: where hosts were asked
  type: dict
results:
  description: For each host that was asked C(item), its name, and what M(twostep.hotswap.lease) returns.
  returned: success
  type: list
  elements: dict
left:
  description: The hosts that could not be asked in this way; with C(-vv) it is shown why.
  returned: success
  type: list
  elements: str
summary:
  description: The lines that were shown.
  returned: with O(state=shown)
  type: list
  elements: str
code:
  description: Stable word for the reason of a failure, e.g. V(lease_held), V(lease_lost) or V(lease_no_majority).
  returned: failure
  type: str
"""
