#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin ``policy``; never sent to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: policy
short_description: Check the policy file of a run
version_added: 0.1.0
description:
  - Checks a YAML file of C(twostep_) variables against the JSON Schema C(docs/schemas/policy.schema.json) of the collection, and tells
    everything that is wrong with its line. Runs on the controller and touches no host.
  - Also refuses what YAML would take silently, such as a name that is there twice, C(22:00) without quotes, which is a number, or C(1.10),
    which is C(1.1). A value with a template in it is not checked before it is used.
  - Refuses a host whose own C(twostep_policy_file) is another one than that of C(localhost).
options:
  file:
    description: The policy. A relative path begins where C(ansible-playbook) was started. Empty for none.
    type: str
    required: true
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
- name: Check the policy
  twostep.hotswap.policy:
    file: policy.yml
  register: policy

- name: Take it
  ansible.builtin.include_vars:
    file: "{{ policy.checked }}"
"""

RETURN = r"""
file:
  description: The file that was asked for.
  returned: success
  type: str
checked:
  description: Path of a copy of what was checked, which is there as long as the run. Empty without a policy.
  returned: success
  type: str
variables:
  description: Names of the variables that the policy sets.
  returned: success
  type: list
  elements: str
findings:
  description: Everything that is wrong, with C(line), C(message) and C(next_step).
  returned: when the policy is refused
  type: list
  elements: dict
code:
  description: What was wrong, as a stable word, V(bad_policy), V(no_policy_file), V(policy_of_host) or V(no_policy_schema).
  returned: failure
  type: str
"""
