#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Health answers of one host. Speaks only: the questions are in core, the asking is in host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: health_info
short_description: Ask a host whether it could stall now without harm
version_added: 0.1.0
description:
  - Asks the named health sources and returns their answers. Changes nothing.
  - Each source also answers the what-if question, namely whether quorum or the last good copy would be lost
    if this host stalled for O(stall_seconds).
  - An answer is V(ok), V(not_ok) or V(unknown). A source that cannot answer, because its program is absent, hangs or
    talks nonsense, or because there is nothing it could speak about, answers V(unknown). Unknown is never ok.
  - Before an answer is V(ok) the source is sampled twice, because states flap.
options:
  sources:
    description:
      - What must be asked. Name only what this host is meant to have.
      - V(corosync) needs C(corosync-quorumtool) and looks at quorum and votes.
      - V(md) looks at every Linux software array below C(/sys/block).
    type: list
    elements: str
    choices: [corosync, md]
    default: [corosync, md]
  stall_seconds:
    description: How long the host is imagined to stall.
    type: float
    default: 1.0
  timeout_s:
    description: How long one command may take before its answer is V(unknown).
    type: float
    default: 10.0
  sample_gap_s:
    description: Time between the two samples.
    type: float
    default: 0.5
attributes:
  check_mode:
    description: Can run in check mode and return the same as without it, since it changes nothing.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
author:
  - The twostep.hotswap authors (@twostep)
"""

EXAMPLES = r"""
- name: Ask the cluster and the arrays
  twostep.hotswap.health_info:
  register: health

- name: A host without software arrays
  twostep.hotswap.health_info:
    sources: [corosync]
"""

RETURN = r"""
answers:
  description: One answer per source and subject, in the order of O(sources).
  returned: success
  type: list
  elements: dict
  contains:
    source:
      description: Who answered.
      type: str
      sample: md
    subject:
      description: What the answer is about, an array or the quorum.
      type: str
      sample: md0
    verdict:
      description: V(ok), V(not_ok) or V(unknown).
      type: str
      sample: ok
    reason:
      description: The sentence that explains the verdict.
      type: str
    evidence:
      description: The figures behind it.
      type: dict
    sampled_at:
      description: When the last sample was taken, UTC.
      type: str
      sample: "2026-01-31T23:59:58Z"
"""

import datetime
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import run


def utc_now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "sources": {"type": "list", "elements": "str", "choices": ["corosync", "md"], "default": ["corosync", "md"]},
            "stall_seconds": {"type": "float", "default": 1.0},
            "timeout_s": {"type": "float", "default": 10.0},
            "sample_gap_s": {"type": "float", "default": 0.5},
        },
        supports_check_mode=True,
    )
    options = module.params
    world = World(
        run=run,
        paths=Paths(),
        now=utc_now,
        sleep=time.sleep,
        timeout_s=options["timeout_s"],
        sample_gap_s=options["sample_gap_s"],
    )
    try:
        answers = health.ask(options["sources"], Question(options["stall_seconds"]), world)
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, **error.data)
    module.exit_json(changed=False, answers=[answer.as_dict() for answer in answers])


if __name__ == "__main__":
    main()
