#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for a reload of modules: argument spec, check mode, diff, results. The work is in module_utils/host/reload_job.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reload
short_description: Replace loaded kernel modules by their installed files, with a way back
version_added: 0.1.0
description:
  - Unloads modules and loads them again from the files that are installed for the running kernel, if those are of another build. For
    the parent C(twostep), and for any vendor's modules that have no parent, such as those of an existing DKMS package.
  - This is a warm upgrade. Who uses the disks of the modules is stopped in order before (services, mounts, swap areas, legs of arrays with
    a write-intent bitmap), and brought back in the reverse order after. With the parent that is done for all of its slots, which come up
    again from their boot configuration.
  - If the new modules do not load, or somebody does not come back, the old ones are loaded from copies. These have to be made before the
    new files are installed, with O(state=kept). The copies are then also installed again, so that the next boot loads what served.
  - The work is done on the host by an agent in a systemd unit of its own. A lost connection does not reach it, also where the module is
    that of the network card; the same task, run again, attaches to it. After a death of the agent the next call brings everything back.
  - Children are upgraded with M(twostep.hotswap.swap), hot where that is possible. The parent and a child are never upgraded in one step.
author:
  - The twostep.hotswap authors (@twostep)
options:
  modules:
    description:
      - The modules, in the order in which they are loaded. Name all those of a package that use each other.
      - V(twostep) by itself is the parent.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(loaded) makes the kernel have what is installed. A module that is not loaded is left alone.
      - V(kept) copies the files of the loaded modules to C(/var/lib/twostep/kept). It fails with code C(no_way_back) where another file is
        installed already.
      - V(bootable) makes the initramfs of the running kernel again if it carries another build than the installed one, which a boot would
        load. V(loaded) ends with that, too; this is for the time before a boot.
    type: str
    choices: [loaded, kept, bootable]
    default: loaded
  way:
    description:
      - V(warm) replaces the modules now.
      - V(cold) never does. In check mode it returns what a boot of the host would replace; without, it proves what the boot has loaded, and
        fails with code C(not_booted) where the kernel does not have what is installed.
    type: str
    choices: [warm, cold]
    default: warm
  version:
    description:
      - What C(modinfo) shows as the version of the installed files; another one is an error with code C(other_module_version).
      - It is worth naming. After a way back the old files are installed, though the package manager believes in the new ones.
    type: str
  devices:
    description: Disks that the modules serve, as paths below C(/dev). Not for the parent, which knows its slots.
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd that use the modules or the disks without a mount that says so. They are stopped first, if they run.
    type: list
    elements: str
    default: []
  device_units:
    description: Units of systemd that make the disks, such as C(writeboost.service). They are stopped last, and started first.
    type: list
    elements: str
    default: []
  one_way:
    description: Consent to a reload of which there is no way back, because nobody has kept the old files.
    type: bool
    default: false
  run_id:
    description: Name of the run that this belongs to, for the ledger. Default is C(manual).
    type: str
  timeout_s:
    description: How long this module waits for the agent, in seconds. The agent goes on after that; run the task again to attach to it.
    type: float
    default: 600.0
  witness:
    description:
      - Watches the other hosts of the fleet while this one's modules are replaced, over sessions of the controller's own, as
        M(twostep.hotswap.fleet_health) has them. It looks at their health, and at whether their I/O gets on.
      - If a peer is not well, nothing is begun. If one turns bad meanwhile, the call fails with code C(witness), and the new modules stay
        loaded, since going back would take the devices down once more. In check mode nobody is watched.
      - At most 64 hosts are watched, those first that share a name in C(twostep_apart) with this one.
    type: dict
    suboptions:
      fleet:
        description: Inventory group with the peers.
        type: str
        required: true
      sources:
        description: Health sources that every peer must answer with ok, as of M(twostep.hotswap.health_info).
        type: list
        elements: str
        required: true
      settings:
        description: Settings of the sources, as of M(twostep.hotswap.health_info).
        type: dict
        default: {}
      policy:
        description:
          - With V(possible) those are watched to whom the controller has a session, with V(required) the call fails with code
            C(witness_blind) unless these are all, with V(off) nobody is.
        type: str
        choices: ["off", possible, required]
        default: possible
      interval_s:
        description: From the beginning of one look at a peer to the next, in seconds.
        type: float
        default: 0.5
      silence_s:
        description: How long a peer may say nothing before it counts as bad, in seconds.
        type: float
        default: 60.0
      still_s:
        description: How long a disk of a peer may have requests in flight of which none ends, in seconds.
        type: float
        default: 15.0
  epoch:
    description:
      - The epoch of the lease that the run holds, see M(twostep.hotswap.fleet_lease). A host that has seen a higher one refuses with code
        C(fenced), before anything is done; it remembers a higher one than it has seen.
      - Without it nothing is compared, for calls outside of a run.
    type: int
attributes:
  check_mode:
    description: Returns what would be replaced and who would be stopped, and refuses what would be refused.
    support: full
  diff_mode:
    description: The builds that are loaded, before and after.
    support: full
  platform:
    description: Target OS.
    support: full
    platforms: linux
requirements:
  - paramiko on the controller, for O(witness)
  - systemd, and the right to load modules, on the managed host
seealso:
  - module: twostep.hotswap.swap
  - module: twostep.hotswap.dkms
"""

EXAMPLES = r"""
- name: Keep what is loaded
  twostep.hotswap.reload:
    modules: [dm_writeboost]
    state: kept

- name: Install the vendor's new package, whose DKMS builds it
  ansible.builtin.apt:
    name: dm-writeboost-dkms
    state: latest # noqa: package-latest

- name: Or have the next boot load it, where it cannot be unloaded
  twostep.hotswap.reload:
    modules: [dm_writeboost]
    state: bootable

- name: Go to it
  twostep.hotswap.reload:
    modules: [dm_writeboost]
    devices: [/dev/mapper/cached]
    units: [database.service]
    device_units: [writeboost.service]
"""

RETURN = r"""
outcome:
  description:
    - V(current), V(kept), V(bootable), V(reloaded), V(failed), or V(returned) where the old modules are loaded again after a failure.
  returned: always
  type: str
  sample: reloaded
modules:
  description: The modules as they are afterwards.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the module.
      type: str
    state:
      description: V(live), or V(absent) where it is not loaded.
      type: str
    loaded:
      description: Version and mark of the build that is loaded, for people; empty where it is not loaded.
      type: str
    installed:
      description: The same of the installed file.
      type: str
    path:
      description: The installed file.
      type: str
    kept:
      description: Copy of the file of what is loaded; null without one.
      type: str
replaced:
  description: Names of the modules that were, or would be, replaced.
  returned: success
  type: list
  elements: str
consumers:
  description: Who would be stopped, in that order.
  returned: in check mode
  type: list
  elements: str
phases:
  description:
    - What the agent did, in order, as in M(twostep.hotswap.swap).
    - V(prepare), V(take_down), V(unload), V(load), V(bring_back), V(initramfs) and V(redundancy); V(go_back) and V(initramfs) after a
      failure.
  returned: when something was replaced
  type: list
  elements: dict
initramfs:
  description:
    - Whether the initramfs had another build of the modules than is installed, though that one is loaded, and was, or would be, made again.
    - Of a reload the phase V(initramfs) tells.
  returned: success
  type: bool
reattached:
  description: Whether a reload was found that had no result. It was waited for, or, after its agent had died, ended.
  returned: success
  type: bool
notes:
  description: What else is worth knowing, e.g. that an old file is installed again.
  returned: always
  type: list
  elements: str
witness:
  description: What was seen of the peers.
  returned: when peers were watched and the reload was begun
  type: dict
  contains:
    peers:
      description: Each peer that was watched, with its C(host), C(verdict), C(reason), number of C(samples) and C(longest_gap_ms).
      type: list
      elements: dict
    left:
      description: Why others were not watched, by host.
      type: dict
code:
  description: Stable word for the reason of a failure.
  returned: failure
  type: str
  sample: module_held
next_step:
  description: What to do about a failure.
  returned: failure
  type: str
"""

import os
import sys
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload, witness
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job, Outcome

_PYTHON = "/usr/bin/python3"


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "modules": {"type": "list", "elements": "str", "required": True},
        "state": {"type": "str", "choices": ["loaded", "kept", "bootable"], "default": "loaded"},
        "way": {"type": "str", "choices": ["warm", "cold"], "default": "warm"},
        "version": {"type": "str"},
        "devices": {"type": "list", "elements": "str", "default": []},
        "units": {"type": "list", "elements": "str", "default": []},
        "device_units": {"type": "list", "elements": "str", "default": []},
        "one_way": {"type": "bool", "default": False},
        "run_id": {"type": "str"},
        "timeout_s": {"type": "float", "default": 600.0},
        "witness": {"type": "dict", "options": witness.OPTIONS},
        "epoch": {"type": "int"},
    }


def wish_from(params: dict[str, Any]) -> reload.Wish:
    """Return the checked options."""
    options = ("modules", "devices", "units", "device_units", "version", "one_way", "run_id", "timeout_s")
    return reload.wish(**{name: params[name] for name in options}, cold=params["way"] == "cold")


def shown(module: ModuleFacts) -> dict[str, Any]:
    """Return a module for the result."""
    return {
        "name": module.name,
        "state": module.state,
        "loaded": str(module.loaded) if module.state == "live" else "",
        "installed": str(module.file) if module.path else "",
        "path": module.path,
        "kept": module.kept,
    }


def result_of(state: str, outcome: Outcome) -> dict[str, Any]:
    """Return the result of the module; a failure is changed unless the old modules are loaded again."""
    before, after = ([shown(module) for module in found] for found in (outcome.before, outcome.after))
    replaced = [part.name for part in outcome.parts]
    common = {
        "modules": after,
        "replaced": replaced,
        "initramfs": outcome.remade,
        "reattached": outcome.reattached,
        "notes": list(outcome.notes),
    }
    if state == "kept":
        then, now = ({module["name"]: module["kept"] or "none" for module in found} for found in (before, after))
        return {**common, "changed": then != now or bool(outcome.notes), "outcome": "kept", "diff": {"before": then, "after": now}}
    if state == "bootable":
        return {**common, "changed": outcome.remade, "outcome": "bootable"}
    wanted = {part.name: str(part.new) for part in outcome.parts}
    then = {module["name"]: module["loaded"] for module in before}
    now = {module["name"]: module["loaded"] if outcome.result else wanted.get(module["name"], module["loaded"]) for module in after}
    common["diff"] = {"before": then, "after": now}
    if outcome.result is None:
        consumers = {"consumers": list(outcome.consumers)}
        changed = bool(replaced) or outcome.reattached or outcome.remade
        return {**common, **consumers, "changed": changed, "outcome": "reloaded" if replaced else "current"}
    result = outcome.result
    told = {
        "changed": result.is_good or then != now,
        "outcome": result.outcome,
        "phases": [vars(phase) for phase in result.phases],
        "notes": [*outcome.notes, *result.notes],
    }
    if not result.is_good:
        told.update(code=result.code, next_step=result.next_step)
    return {**common, **told}


def act_on(job: Job, state: str, check_mode: bool) -> Outcome:
    """Do what is asked for."""
    if state == "kept":
        return job.keep(check_mode)
    if state == "bootable":
        return job.make_bootable(check_mode)
    return job.check() if check_mode else job.apply()


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    state = module.params["state"]
    try:
        wanted = wish_from(module.params)
        if not module.check_mode:
            check_root(os.geteuid())
        this = world.real()
        LockHost(this.paths).admit(module.params["epoch"], module.check_mode)
        python = _PYTHON if os.path.exists(_PYTHON) else sys.executable
        job = Job(this, wanted, python, lambda: agent_archive.install(this.paths), lambda: os.urandom(4).hex())
        outcome = act_on(job, state, module.check_mode)
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, next_step=error.next_step, data=error.data, notes=[])
    answer = result_of(state, outcome)
    if outcome.result is not None and not outcome.result.is_good:
        module.fail_json(msg=f"{outcome.result.message} Next: {outcome.result.next_step}", **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
