#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``soak``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: soak
short_description: Go on only if no host is worse than it was before its swap
version_added: 0.1.0
description:
  - Compares what hosts look like since their swap with what the same hosts looked like before it, and fails if one of them is worse. The
    hosts of earlier waves of the run are judged each time, too.
  - Errors, reports of the kernel, a slot that does not serve, that gave way to its old child, that another child serves than was judged,
    or that stalls, and a host that was booted or gives no evidence, are always worse. The latency of reads, writes, discards and flushes
    is compared with the mean that this kind had on this host before.
  - Where there is no evidence, since a slot is idle or there was no time before the swap, that is told as V(unknown), and is refused with
    O(strict) only.
  - Runs on the controller and touches no host. Reads C(__twostep_check) and the first evidence (C(__twostep_evidence),
    C(__twostep_evidence_in_turn)) of C(localhost), and of every host C(__twostep_soak_before) and C(__twostep_soak_swapped), in which the
    stages V(before) and V(swapped) must be registered.
options:
  stage:
    description:
      - V(before) the swap, the hosts of this wave get their baseline, and those of earlier ones are judged.
      - V(swapped) is right after it, where nothing can be said of latency yet. V(soaked) is after a while.
    type: str
    choices: [before, swapped, soaked]
    required: true
  fleet:
    description: The inventory group of the run.
    type: str
    default: twostep
  touch:
    description: The hosts of this wave.
    type: list
    elements: str
    required: true
  evidence:
    description:
      - Names of the variables in which M(twostep.hotswap.fleet_evidence), and M(twostep.hotswap.evidence_info) in a loop over host names,
        were registered. Of a host that is in several, the last one counts.
      - The names and not the values, because what a host returned must not pass through a template.
    type: list
    elements: str
    required: true
  max_errors:
    description: How many requests may fail on a slot since the look before its swap.
    type: int
    default: 0
  max_reports:
    description:
      - How many defects the kernel of a host may report, and how many other errors besides those that are to be expected, since it reported
        errors at that rate before the swap. At most 31 of either.
    type: int
    default: 0
  latency_factor:
    description: How many times its mean before the swap the latency of a kind of request may have.
    type: float
    default: 5.0
  latency_floor_ms:
    description: A mean latency up to this is good, whatever it was before.
    type: float
    default: 5.0
  min_requests:
    description: Of fewer requests of a kind, on either side of the swap, no mean is taken.
    type: int
    default: 100
  stall_s:
    description: For how long requests may be in flight without any that ends.
    type: float
    default: 5.0
  strict:
    description: Also fail where there is no evidence.
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
- name: Look at the hosts of this wave and of those before it
  twostep.hotswap.fleet_evidence:
    family: remap
    touch: "{{ ansible_play_batch }}"
  run_once: true
  register: evidence

- name: Go on only if none is worse than before
  twostep.hotswap.soak:
    stage: before
    touch: "{{ ansible_play_batch }}"
    evidence: [evidence]
  run_once: true
  register: __twostep_soak_before
"""

RETURN = r"""
verdict:
  description: V(ok), V(not_ok), or with O(strict) V(unknown).
  returned: unless a bound is none
  type: str
judged:
  description: The hosts that were judged.
  returned: unless a bound is none
  type: list
  elements: str
findings:
  description: What speaks against the version, and what could not be found out.
  returned: unless a bound is none
  type: list
  elements: dict
  contains:
    host:
      description: The host.
      type: str
    slot:
      description: The slot; V(-) for the host itself.
      type: str
    code:
      description:
        - V(errors_up), V(log_reports), V(latency_up), V(stalled), V(not_serving), V(unhealthy), V(returned), V(generation_moved),
          V(slot_gone), V(counter_reset), V(rebooted) or V(no_evidence).
        - Without evidence, and V(unknown), are V(no_io), V(no_baseline), V(io_unknown), V(log_gap) and V(log_unknown).
      type: str
    verdict:
      description: V(not_ok) or V(unknown).
      type: str
    message:
      description: The sentence that explains it.
      type: str
    evidence:
      description: What it was seen by, such as the first lines that the kernel reported.
      type: list
      elements: str
baselines:
  description: What is kept of the hosts of this wave from before their swap.
  returned: unless a bound is none
  type: dict
starts:
  description: What is kept of the hosts of this wave from right after their swap.
  returned: unless a bound is none
  type: dict
rejections:
  description: Which version is to be marked as rejected on which hosts, as M(twostep.hotswap.rejection) does it; empty unless it fails.
  returned: unless a bound is none
  type: list
  elements: dict
  contains:
    host:
      description: A host with evidence against the version, or one of this wave.
      type: str
    version:
      description: The version.
      type: str
    found_on:
      description: The host with the evidence.
      type: str
    reason:
      description: What speaks against it.
      type: str
code:
  description: V(soak_failed) or V(bad_soak).
  returned: failure
  type: str
"""
