#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for the parent and its slots: argument spec, check mode, diff, results. The work is in module_utils/host/parent.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: parent
short_description: Load the parent module, bring its slots up for the first time and keep them over a reboot
version_added: 0.1.0
description:
  - Loads C(twostep.ko), creates the slots that do not exist, and lets the given version of the family adopt them. From then on the
    slot's disk is C(/dev/twostep/<name>).
  - A slot that serves is never changed. If it serves, or if its boot configuration names, another version than the given one, that is
    returned as C(drift); moving it is the business of M(twostep.hotswap.swap).
  - While an agent swaps one of the slots, or replaces the parent, it is refused with code C(swap_in_progress) or C(reload_in_progress);
    V(absent) also as long as an agent that has died has left something to be put right. Two calls on a host wait for each other; after
    minutes the second one fails with code C(host_busy), and says who is at work.
  - A slot that was served and has no child any more, because that was unloaded by force or its successor never came, is given the committed
    version again, with its generation as the kernel has it at that moment.
  - The modules have to be installed before, see M(twostep.hotswap.dkms).
author:
  - The twostep.hotswap authors (@twostep)
options:
  state:
    description:
      - V(present) brings the parent and the named slots up. Slots that are not named stay as they are.
      - V(absent) takes the named slots down, or with no slot named all of them, and then also unloads the parent and its children and
        removes the boot configuration. It is refused with code C(slot_busy) while somebody uses one of the slots, before anything is
        changed.
    type: str
    choices: [present, absent]
    default: present
  slots:
    description: The slots.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the slot.
        type: str
        required: true
      family:
        description: Family of children that serves the slot. Required with O(state=present).
        type: str
      params:
        description: Text for the child, e.g. V(lower=/dev/vdb) for the family remap.
        type: str
        default: ''
      version:
        description: Version that adopts the slot if nothing serves it yet, quoted. Required with O(state=present).
        type: str
      queue_depth:
        description: Most requests that the slot's queue holds. Fixed at the first adoption. Default is the kernel module's.
        type: int
      hw_queues:
        description: Number of hardware queues. Fixed at the first adoption. Default is the kernel module's.
        type: int
      early:
        description:
          - Whether the initramfs brings the slot up, because the root file system lies on it. It is made again by initramfs-tools or
            dracut, now and with every commit of another version, for the running kernel and for each other one that has the modules.
          - When unset, it stays as it is.
        type: bool
  boot:
    description:
      - Whether the slots come up at boot. With V(false) an existing boot configuration stays as it is.
      - Uses a systemd unit.
    type: bool
    default: true
  now:
    description:
      - Whether slots that nothing serves yet are brought up now. With V(false) only the next boot does, from the boot configuration that is
        written; for example when the root file system is to move onto a slot, and its disk cannot be taken over before.
      - With O(boot=false) as well there is nothing to do.
    type: bool
    default: true
  epoch:
    description:
      - The epoch of the lease that the run holds, see M(twostep.hotswap.fleet_lease). A host that has seen a higher one refuses with code
        C(fenced), before anything is done; it remembers a higher one than it has seen.
      - Without it nothing is compared, for calls outside of a run.
    type: int
attributes:
  check_mode:
    description: Can run in check mode and returns the steps without doing any.
    support: full
  diff_mode:
    description: Shows the version of each slot and of its boot configuration before and after.
    support: full
requirements:
  - the DKMS packages of the parent and of the families, on the managed host
seealso:
  - module: twostep.hotswap.dkms
  - module: twostep.hotswap.swap
"""

EXAMPLES = r"""
- name: Serve /dev/twostep/data from /dev/vdb
  twostep.hotswap.parent:
    slots:
      - name: data
        family: remap
        params: lower=/dev/vdb
        version: "1.0.0"

- name: Move the root file system onto a slot; boot with root=/dev/twostep/root then
  twostep.hotswap.parent:
    now: false
    slots:
      - name: root
        family: remap
        params: lower=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4-part1
        version: "1.0.0"
        early: true

- name: Take one slot down and forget it
  twostep.hotswap.parent:
    state: absent
    slots:
      - name: data

- name: Take everything down
  twostep.hotswap.parent:
    state: absent
"""

RETURN = r"""
code:
  description: Stable word for the reason of a failure, e.g. V(slot_busy), V(slot_differs) or V(adopt_failed).
  returned: failure
  type: str
  sample: slot_busy
data:
  description: Evidence of a failure; for V(slot_busy) who uses the slot.
  returned: failure
  type: dict
steps:
  description: What was done, or in check mode would be done, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: >-
        One of V(load_parent), V(mount_configfs), V(create_slot), V(adopt), V(write_boot), V(install_unit),
        V(install_scripts), V(make_initramfs), V(remove_scripts), V(remove_unit), V(remove_boot), V(take_down),
        V(unload_child), V(unload_parent).
      type: str
    slot:
      description: Name of the slot, or an empty string.
      type: str
    module:
      description: Name of the kernel module, or an empty string.
      type: str
    reason:
      description: Why the step is needed.
      type: str
drift:
  description: Slots that serve, or are committed to, another version than the given one.
  returned: success
  type: list
  elements: dict
  contains:
    slot:
      description: Name of the slot.
      type: str
    running:
      description: Version that serves or is committed.
      type: str
    wanted:
      description: Version that was given.
      type: str
slots:
  description: All slots of the host as M(twostep.hotswap.slot_info) shows them; in check mode as they are now.
  returned: success
  type: list
  elements: dict
"""

import contextlib
import os
from dataclasses import asdict, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, names, parent
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import (
    agent_archive,
    early,
    request_folder,
    slot_users,
    unfinished,
)
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.parent import ParentActor
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import run
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "slots": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "family": {"type": "str"},
                "params": {"type": "str", "default": ""},
                "version": {"type": "str"},
                "queue_depth": {"type": "int"},
                "hw_queues": {"type": "int"},
                "early": {"type": "bool"},
            },
        },
        "boot": {"type": "bool", "default": True},
        "now": {"type": "bool", "default": True},
        "epoch": {"type": "int"},
    }


def wanted_slots(
    entries: list[dict[str, Any]], committed: dict[str, boot.BootSlot | None], may_be_early: bool = False
) -> list[boot.BootSlot]:
    """Return the slots of `state: present`; every value has passed its check. Where `early` is not said it stays as it is committed.

    :param may_be_early: whether the host has what brings slots up in the initramfs.
    :raises TwostepError: `early_unknown`, or the code of a value that does not pass.
    """
    was_early = {name: slot.early for name, slot in committed.items() if slot}
    for entry in entries:
        if entry["early"] is None and entry["name"] in committed and entry["name"] not in was_early and may_be_early:
            raise TwostepError(
                "early_unknown",
                f"The boot configuration of slot {entry['name']} is damaged, so it is not known whether the initramfs is to bring it up.",
                "Say early: true or early: false for it.",
            )
    return [
        boot.boot_slot(
            entry["name"],
            entry["family"],
            entry["params"],
            entry["version"],
            queue_depth=entry["queue_depth"],
            hw_queues=entry["hw_queues"],
            early=was_early.get(entry["name"], False) if entry["early"] is None else entry["early"],
        )
        for entry in entries
    ]


def plan_for(params: dict[str, Any], found: parent.Found, paths: Paths) -> parent.Plan:
    """Return the plan for the module's parameters."""
    if params["state"] == "present":
        return parent.plan_present(wanted_slots(params["slots"], found.boot, found.scripts), found, params["boot"], params["now"])
    users = {name: slot_users.look(paths, name) for name in found.slots}
    return parent.plan_absent([names.slot(entry["name"]) for entry in params["slots"]], found, users)


def summary(found: parent.Found) -> dict[str, Any]:
    """Return what the diff shows."""
    return {
        "slots": {name: " ".join(filter(None, (slot.state, slot.family, slot.version))) for name, slot in sorted(found.slots.items())},
        "boot": {name: slot.version if slot else "damaged" for name, slot in sorted(found.boot.items())},
        "loaded": found.loaded,
    }


def predicted(found: parent.Found, plan: parent.Plan) -> dict[str, Any]:
    """Return the summary after `plan`, for check mode."""
    after = summary(found)
    for step in plan.steps:
        target = plan.targets.get(step.slot)
        if step.action in ("adopt", "revive") and target:
            after["slots"][step.slot] = f"serving {target.family} {target.version}"
        elif step.action == "write_boot" and target:
            after["boot"][step.slot] = target.version
        elif step.action == "take_down":
            del after["slots"][step.slot]
        elif step.action == "remove_boot":
            del after["boot"][step.slot]
        elif step.action in ("load_parent", "unload_parent"):
            after["loaded"] = step.action == "load_parent"
    return after


def look(actor: ParentActor, is_exact: bool, has_agent: bool) -> parent.Found:
    """Return what the host has; unit and scripts count only with the agent that they run."""
    found = actor.look(exact_unit=is_exact)
    return found if has_agent else replace(found, unit=False, scripts=False)


def perform(params: dict[str, Any], paths: Paths, check_mode: bool) -> dict[str, Any]:
    """Return the result of the module after doing what it asks for, or nothing in check mode. Beside a swap nothing is done."""
    with contextlib.nullcontext() if check_mode else request_folder.locked(paths, "module parent"):
        is_absent = params["state"] == "absent"
        slots = [entry["name"] for entry in params["slots"]] or (Status(paths).slot_names() if is_absent else [])
        # Taking one down takes away what a dead agent has still to put right; bringing one up does not.
        unfinished.refuse(paths, run, slots, dead_too=is_absent)
        return _perform(params, paths, check_mode)


def _perform(params: dict[str, Any], paths: Paths, check_mode: bool) -> dict[str, Any]:
    keeps_boot = params["state"] == "present" and params["boot"]
    agent, has_agent = agent_archive.wanted_path(paths) if keeps_boot else ("", True)
    release = os.uname().release
    actor = ParentActor(paths, run, agent=agent, release=release)
    before = after = look(actor, keeps_boot, has_agent)
    plan = plan_for(params, before, paths)
    if keeps_boot:
        early.check(paths, release, [slot for slot in {**before.boot, **plan.targets}.values() if slot])
    if plan.steps and not check_mode:
        if keeps_boot:
            agent_archive.install(paths)
        for step in plan.steps:
            actor.do(step, plan)
        after = look(actor, keeps_boot, True)
    return {
        "changed": bool(plan.steps),
        "steps": [asdict(step) for step in plan.steps],
        "drift": [asdict(entry) for entry in plan.drift],
        "slots": [slot.as_dict() for _name, slot in sorted(after.slots.items())],
        "diff": {"before": summary(before), "after": predicted(before, plan) if check_mode else summary(after)},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        if not module.check_mode:
            check_root(os.geteuid())
        paths = Paths()
        LockHost(paths).admit(module.params["epoch"], module.check_mode)
        module.exit_json(**perform(module.params, paths, module.check_mode))
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, data=error.data)


if __name__ == "__main__":
    main()
