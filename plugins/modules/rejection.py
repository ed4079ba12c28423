#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for rejected builds. The files are module_utils/host/rejections.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rejection
short_description: Mark a version of a family as rejected on a host, or take that back
version_added: 0.1.0
description:
  - A build that is marked is neither swapped to nor committed by M(twostep.hotswap.swap) on this host, and a run over a fleet of which one
    host has the mark refuses it. Both fail with code C(version_rejected).
  - The build is told by the srcversion of its module, the loaded one or else the installed file, so that a mended build of the same
    version is not concerned. Where neither has one the mark is about every build.
  - Marks are files in C(/var/lib/twostep/rejected). M(twostep.hotswap.slot_info) tells of them. One that is damaged still counts.
author:
  - The twostep.hotswap authors (@twostep)
options:
  state:
    description: V(present) marks the build that is there now, V(absent) takes back what was said of any build of the version.
    type: str
    choices: [present, absent]
    default: present
  family:
    description: The family.
    type: str
    required: true
  version:
    description: The version, as three numbers, quoted.
    type: str
    required: true
  run_id:
    description: Name of the run that rejects it, of a-z, 0-9 and -.
    type: str
    default: by-hand
  found_on:
    description: The host that has given the evidence.
    type: str
    default: ""
  reason:
    description: What speaks against it, in one sentence.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in check mode and tells what would be changed.
    support: full
  diff_mode:
    description: Shows no difference.
    support: none
seealso:
  - module: twostep.hotswap.soak
  - module: twostep.hotswap.slot_info
"""

EXAMPLES = r"""
- name: Have nobody go to a version that has lost data in the laboratory
  twostep.hotswap.rejection:
    family: remap
    version: "1.1.0"
    found_on: lab7
    reason: It loses what is discarded in the middle of a write.

- name: Take that back
  twostep.hotswap.rejection:
    family: remap
    version: "1.1.0"
    state: absent
"""

RETURN = r"""
rejected:
  description: The marks that were made or removed.
  returned: success
  type: list
  elements: dict
  contains:
    family:
      description: The family.
      type: str
    version:
      description: The version.
      type: str
    srcversion:
      description: Checksum of the sources of the build; empty for every build.
      type: str
    at:
      description: When it was rejected, UTC.
      type: str
    run_id:
      description: The run that rejected it.
      type: str
    found_on:
      description: The host that has given the evidence.
      type: str
    reason:
      description: What speaks against it.
      type: str
code:
  description: Stable word for the reason of a failure, e.g. V(write_failed) or V(bad_version).
  returned: failure
  type: str
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import names, rejection
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import rejections, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root
from ansible_collections.twostep.hotswap.plugins.module_utils.host.world import World


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "family": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "run_id": {"type": "str", "default": "by-hand"},
        "found_on": {"type": "str", "default": ""},
        "reason": {"type": "str", "default": ""},
    }


def answer(this: World, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Do what was asked, and return the result of the module."""
    family, version, paths = names.family(params["family"]), names.version(params["version"]), this.paths
    known = [mark for mark in rejections.read(paths) if (mark.family, mark.version) == (family, version)]
    if params["state"] == "absent":
        if not check_mode:
            rejections.remove(paths, family, version)
        return {"changed": bool(known), "rejected": [mark.as_dict() for mark in known]}
    build = rejections.srcversion(paths, this.status, this.run, this.release, family, version)
    mark = rejection.make(family, version, build, this.now(), params["run_id"], params["found_on"], params["reason"])
    same = next((one for one in known if one.file_name == mark.file_name), None)
    if same:
        return {"changed": False, "rejected": [same.as_dict()]}  # who was first tells since when
    if not check_mode:
        rejections.write(paths, mark)
    return {"changed": True, "rejected": [mark.as_dict()]}


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        if not module.check_mode:
            check_root(os.geteuid())
        module.exit_json(**answer(world.real(), module.params, module.check_mode))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
