#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``report``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: report
short_description: Write the report of a rolling upgrade
version_added: 0.1.0
description:
  - Collects what the hosts of a fleet registered during a run, and writes C(report.json) and C(report.html) on the controller.
  - What hosts returned is parsed into bounded plain values. It is never used as a template and never put into markup unescaped.
  - Each file is written whole or not at all, readable by its owner only. The format is C(docs/schemas/report.schema.json).
  - Reads C(__twostep_run), C(__twostep_plan) and C(__twostep_check) of C(localhost), and of every host C(__twostep_slots),
    C(__twostep_build), C(__twostep_compat), C(__twostep_rehearsal), C(__twostep_gate_before), C(__twostep_swap),
    C(__twostep_soak_before), C(__twostep_soak_swapped), C(__twostep_soak_after), C(__twostep_gate_after), C(__twostep_commit),
    C(__twostep_back), and what M(twostep.hotswap.failure_budget) has decided, with what came of a way back.
  - Fails after the report was written where the run has halted, has gone on without hosts that failed, or was taken back.
  - Publishes C(twostep_run_id), C(twostep_result) and C(twostep_report) as stats of the run.
options:
  dest:
    description: Folder on the controller. Empty for no files.
    type: str
    default: ./twostep-report
  fleet:
    description: The inventory group of the run.
    type: str
    default: twostep
  intent:
    description: What the run was meant as. A run that succeeded with V(rollback) has the result V(rolled_back).
    type: str
    choices: [upgrade, rollback]
    default: upgrade
  halted:
    description: The run ends here. The report says where and why, and then this task fails.
    type: bool
    default: false
  io:
    description:
      - What the workload saw that ran during the upgrade, C(errors), C(verify_errors) and C(max_latency_ms).
      - What is left out is null in the report.
    type: dict
attributes:
  action:
    description: Runs on the controller.
    support: full
  check_mode:
    description: Writes no files.
    support: full
  diff_mode:
    description: Shows no difference.
    support: none
author:
  - The twostep.hotswap authors (@twostep)
"""

EXAMPLES = r"""
- name: Write the report
  twostep.hotswap.report:
    dest: /var/lib/reports/remap
    fleet: storage
"""

RETURN = r"""
result:
  description:
    - V(succeeded), V(incomplete), V(halted), V(rolled_back) or V(nothing_to_do); in check mode V(checked).
    - V(incomplete) is a run whose waves are all done, without hosts that have failed within the budget.
  returned: when there was a run
  type: str
run_id:
  description: Name of the run.
  returned: when there was a run
  type: str
json_path:
  description: Path of C(report.json).
  returned: when files were written
  type: str
html_path:
  description: Path of C(report.html).
  returned: when files were written
  type: str
reason:
  description: Where and why the run halted, with C(host), C(phase), C(code) and C(message).
  returned: when the run has halted
  type: dict
code:
  description: V(halted), V(incomplete), V(rolled_back), V(no_run) or V(report_not_written).
  returned: failure
  type: str
"""
