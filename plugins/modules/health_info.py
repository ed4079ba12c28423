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
      - Quorum. V(corosync) needs C(corosync-quorumtool) and counts votes. V(pacemaker) needs C(crm_mon) and looks for nodes that could take
        over. V(etcd) needs C(etcdctl). V(consul) asks its HTTP interface. V(ceph) needs C(ceph) and a key that may ask; it looks at
        monitors, at this host's OSDs and at placement groups.
      - Copies. V(md) looks at every Linux software array below C(/sys/block), V(lvm) needs C(lvs), V(zfs) C(zpool), V(btrfs) and
        V(nvme_multipath) only sysfs, V(drbd) C(drbdsetup) where it is version 9, V(dm_multipath) C(multipathd).
      - V(command) runs what O(settings.command) names.
      - Which of them are tested on real systems, and which on recorded answers, is in C(docs/health-sources.md) of the collection.
    type: list
    elements: str
    choices: [corosync, pacemaker, etcd, consul, ceph, md, lvm, zfs, btrfs, drbd, nvme_multipath, dm_multipath, command]
    default: [corosync, md]
  stall_seconds:
    description: How long the host is imagined to stall.
    type: float
    default: 1.0
  settings:
    description: What some sources have to be told. The same for every host that is asked.
    type: dict
    default: {}
    suboptions:
      etcd:
        description: Where etcd is, and by which certificates.
        type: dict
        suboptions:
          endpoints:
            description: Client addresses to ask first. Empty for the default of C(etcdctl).
            type: list
            elements: str
            default: []
          cacert:
            description: File with the certificates that the servers' are proven by.
            type: path
          cert:
            description: File with the client's certificate.
            type: path
          key:
            description: File with its key.
            type: path
      consul:
        description: Where the consul agent is.
        type: dict
        suboptions:
          address:
            description: Its address, C(http) or C(https).
            type: str
            default: http://127.0.0.1:8500
          token_file:
            description: File with a token that has C(operator:read).
            type: path
          cacert:
            description: File with the certificates that its own is proven by.
            type: path
      command:
        description:
          - Commands of yours. They must change nothing, and answer as monitoring plugins do, V(0) is ok, V(1) and V(2) are not, anything
            else is unknown, and the first line is the reason.
        type: list
        elements: dict
        suboptions:
          name:
            description: What the answer is about.
            type: str
            required: true
          argv:
            description: The program and its arguments, without a shell.
            type: list
            elements: str
            required: true
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

- name: A member of an etcd cluster on ZFS, with a check of the site's own
  twostep.hotswap.health_info:
    sources: [etcd, zfs, command]
    settings:
      etcd:
        endpoints: ["https://10.0.0.1:2379"]
        cacert: /etc/etcd/ca.crt
        cert: /etc/etcd/client.crt
        key: /etc/etcd/client.key
      command:
        - name: replication
          argv: [/usr/lib/nagios/plugins/check_replication, -c, "60"]
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

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import health
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, World, utc_now
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import run

SETTINGS = {
    "etcd": {
        "type": "dict",
        "options": {
            "endpoints": {"type": "list", "elements": "str", "default": []},
            "cacert": {"type": "path"},
            "cert": {"type": "path"},
            "key": {"type": "path", "no_log": False},
        },
    },
    "consul": {
        "type": "dict",
        "options": {
            "address": {"type": "str", "default": "http://127.0.0.1:8500"},
            "token_file": {"type": "path", "no_log": False},
            "cacert": {"type": "path"},
        },
    },
    "command": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str", "required": True},
        },
    },
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "sources": {"type": "list", "elements": "str", "choices": list(health.SOURCES), "default": ["corosync", "md"]},
            "stall_seconds": {"type": "float", "default": 1.0},
            "settings": {"type": "dict", "default": {}, "options": SETTINGS},
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
        answers = health.ask(options["sources"], Question(options["stall_seconds"], options["settings"]), world)
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, **error.data)
    module.exit_json(changed=False, answers=[answer.as_dict() for answer in answers])


if __name__ == "__main__":
    main()
