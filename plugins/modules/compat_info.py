#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for compatibility. The facts are gathered in module_utils/host/compat.py, the verdict is of module_utils/core/compat.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compat_info
short_description: Tell whether and how a slot can go to another version
version_added: 0.1.0
description:
  - Judges an installed module file against the slot that it shall serve, the parent and the kernel. Changes nothing, loads nothing.
  - The contract and the state are compared with what the child that serves has registered; the file is read, not loaded.
  - The version magic that a kernel wants is taken from a module that came with that kernel, since nothing else on a host tells it.
  - The symbols that the file needs are looked up in the kernel's headers (C(Module.symvers), or C(/boot/symvers-*)), and in the
    installed files of the parent and of other modules that it depends on. Without them C(/proc/kallsyms) tells what exists, and the
    reasons say what could not be compared.
  - Also tells how what serves differs from what a reboot would bring up, and the shortest chain of hot steps to the version.
author:
  - The twostep.hotswap authors (@twostep)
options:
  slot:
    description: Name of the slot.
    type: str
    required: true
  version:
    description: Version that shall serve, as three numbers, quoted.
    type: str
    required: true
  kernel:
    description: Kernel release that the file is for. Default is the running one; another one never gives a verdict better than V(cold).
    type: str
  path:
    description: Module file to look at instead of the installed one, e.g. one that was just built.
    type: path
  initramfs:
    description: Whether to list the initramfs of the running kernel to compare it with what serves, which takes seconds.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and return the same as without it, since it changes nothing.
    support: full
  diff_mode:
    description: Nothing is changed, so there is no difference to show.
    support: none
seealso:
  - module: twostep.hotswap.swap
"""

EXAMPLES = r"""
- name: May the slot go to 1.1.0?
  twostep.hotswap.compat_info:
    slot: data
    version: "1.1.0"
  register: compat

- name: Refuse early
  ansible.builtin.assert:
    that: compat.verdict in ['current', 'hot']
    fail_msg: "{{ compat.reasons | map(attribute='message') | join(' ') }}"
"""

RETURN = r"""
slot:
  description: Name of the slot.
  returned: success
  type: str
  sample: data
family:
  description: Family of the slot.
  returned: success
  type: str
  sample: remap
from:
  description: Version that serves; null without a child.
  returned: success
  type: str
  sample: 1.0.0
to:
  description: Version asked for.
  returned: success
  type: str
  sample: 1.1.0
verdict:
  description:
    - V(current) serves already. V(hot) is a handover, V(two_step) a swap in which the old module goes first.
    - V(warm) needs the slot taken down, V(cold) a reboot or another parent, V(refuse) has to be corrected before anything else.
  returned: success
  type: str
  sample: hot
mode:
  description: Mode for M(twostep.hotswap.swap), V(handover) or V(two_step); null where there is none.
  returned: success
  type: str
  sample: handover
reasons:
  description: Why, worst first.
  returned: success
  type: list
  elements: dict
  contains:
    axis:
      description: V(contract), V(state), V(kernel), V(peers) or V(slot).
      type: str
      sample: state
    code:
      description: Stable word for the reason.
      type: str
      sample: no_way_back
    level:
      description: The verdict that it forces, or V(warning) or V(info), which force none.
      type: str
      sample: warning
    message:
      description: One sentence with the values.
      type: str
    next_step:
      description: What to do about it.
      type: str
twostep_path:
  description:
    - The shortest chain of hot steps, from the version that serves to the one asked for, through the versions that are installed.
    - Each step needs its own swap and commit. Of several equally short chains that with the highest versions is told.
    - Null where there is none.
  returned: success
  type: list
  elements: str
  sample: ["1.0.0", "1.1.0", "2.0.0"]
path_reasons:
  description: Why there is no such chain, in the form of RV(reasons); empty where there is one.
  returned: success
  type: list
  elements: dict
protocols:
  description: >-
    Versions of the wire protocol that a child speaks with its peers on other hosts, for the version that serves, the one asked for
    and those of RV(twostep_path); null for one that has none. A version whose file cannot be read, or is not what serves, is left out.
  returned: success
  type: dict
  sample: {"1.0.0": "1-1", "1.1.0": "1-2"}
drift:
  description: How what serves differs from what a reboot would bring up. Empty where a reboot would change nothing.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: V(file), V(parent), V(boot) or V(initramfs).
      type: str
      sample: file
    loaded:
      description: What the kernel has, the srcversion of a module or the version that serves.
      type: str
      sample: F4A2EACDDAA9D4EBBB688CF
    found:
      description: What was found instead; null where that is nothing or not known.
      type: str
      sample: B1E9D8E4D0A5B3C7F6A9812
    code:
      description: Stable word for the difference.
      type: str
      sample: file_other
    message:
      description: One sentence with the values.
      type: str
    next_step:
      description: What to do about it.
      type: str
taint:
  description: The kernel's letters for its own state, e.g. V(O) for modules from outside its tree; null where it cannot be read.
  returned: success
  type: list
  elements: str
  sample: [O, E]
srcversion:
  description: Checksum of the sources of the file that was judged; null where it has none, or there is no file.
  returned: success
  type: str
  sample: B1E9D8E4D0A5B3C7F6A9812
file:
  description: The file that was judged; null without one.
  returned: success
  type: str
  sample: /lib/modules/6.1.0-42-cloud-amd64/updates/dkms/twostep_remap_1_1_0.ko
code:
  description: Stable word for the reason of a failure, e.g. V(no_parent) or V(no_slot).
  returned: failure
  type: str
  sample: no_slot
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import compat, drift, initramfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import run
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "slot": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "kernel": {"type": "str"},
        "path": {"type": "path"},
        "initramfs": {"type": "bool", "default": True},
    }


def answer(host: compat.Host, params: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the module."""
    checked = compat.check(host, params["slot"], params["version"], kernel=params["kernel"], path=params["path"])
    image = initramfs.look(host.paths, host.release, host.run) if params["initramfs"] else None
    differences = drift.of_slot(host.paths, host.status, host.run, host.release, checked.slot, image)
    # Not "path": Ansible would add the owner, mode and state of that file, and with them overwrite ours.
    return {"changed": False, "file": checked.path, **checked.as_dict(), "drift": [found.as_dict() for found in differences]}


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    paths = Paths()
    try:
        module.exit_json(**answer(compat.Host(paths, Status(paths), run, os.uname().release), module.params))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
