#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Speaks for swaps: argument spec, check mode, diff, results. The work is in module_utils/host/swap_job.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: swap
short_description: Replace the kernel module that serves a slot while its device stays in use
version_added: 0.1.0
description:
  - Brings a slot to another version of its family. Users of the device notice a short hold, no error.
  - The installed module file is judged first, as by M(twostep.hotswap.compat_info). Where the verdict rules a swap out, the
    module fails and nothing is changed.
  - A build that is marked as rejected, as by M(twostep.hotswap.rejection), is neither swapped to nor committed; the module fails with code
    C(version_rejected). Going to another version is not hindered.
  - The swap runs on the host as a transient systemd unit C(twostep-swap-<swap_id>.service). A lost connection or a killed
    controller reaches neither it nor the kernel.
  - A call for a slot whose swap still runs re-attaches to it when it has the same version as its target, and fails with code
    C(swap_in_progress) otherwise.
  - The result is proven by reading the kernel's status back. Every phase is in the ledger C(/var/lib/twostep/ledger.jsonl).
  - After a failure before the commit the old child serves, or the message says what stands.
author:
  - The twostep.hotswap authors (@twostep)
options:
  slot:
    description: Name of the slot.
    type: str
    required: true
  version:
    description: Version that shall serve, as three numbers, quoted. Its module must be installed for the running kernel.
    type: str
    required: true
  mode:
    description:
      - V(auto) takes the mode that the verdict names.
      - V(handover) loads the new module beside the old one; it fails with code C(needs_two_step) where that is impossible.
      - V(two_step) removes the old module before the new one comes. The hold lasts for all of that.
      - V(warm) takes the slot down for it. Who uses the slot is found, stopped in order (O(units), file systems, swap areas, the slot's
        place in md arrays and multipath maps), and brought back afterwards; the module waits until the arrays have all copies again. It
        fails with codes C(consumer_unknown), C(consumer_needed) or C(consumer_not_spare), and stops nothing, where somebody cannot be
        stopped, or a last copy or the last path to it would be lost. It is never taken unless it is asked for, and it takes verdicts
        V(hot), V(two_step) and V(warm).
      - V(cold) has the next boot of the host try the version, once. Nothing else is changed, and nobody is rebooted by this module. If the
        version serves after the boot, the same call commits it; if it does not, or the host went down before the commit, the
        committed version serves again, and the call fails with code C(returned) and says why. It takes every verdict that a boot with
        the parent as it is can cure. A call for the version that serves takes an armed trial back.
    type: str
    choices: [auto, handover, two_step, warm, cold]
    default: auto
  deadline_ms:
    description:
      - Longest hold in milliseconds, from 1 to 10000. The kernel itself keeps it and goes back to the old child then.
      - More than half of the host's sysctl C(kernel.hung_task_timeout_secs) fails with code C(deadline_hung_task); V(two_step)
        counts twice.
    type: int
    default: 500
  generation:
    description:
      - Generation that the slot is expected to have. Another one fails with code C(stale_generation).
      - When left out, it is read at the beginning of the call.
    type: int
  commit:
    description:
      - Whether to commit after the proof. Then the old child is released, its module unloaded, and the boot configuration names
        the new version.
      - Without it the old child stays parked. A later call with O(commit=true) does the commit only.
    type: bool
    default: true
  run_id:
    description: Name of the run that the ledger gets, of a-z, 0-9 and -.
    type: str
  timeout_s:
    description: Seconds to wait for the unit's answer. After them the module fails with code C(still_running); the swap goes on.
    type: float
    default: 120.0
  one_way:
    description:
      - Consent to a version that writes no state which the old one reads. From the commit on there is no hot way back, and none
        out of the probation either.
      - Without it such a swap fails with code C(no_way_back), before anything is loaded.
    type: bool
    default: false
  units:
    description:
      - Units of systemd, with their suffix, that V(warm) stops first, in this order, and starts again last. Those that do not run are
        left alone.
      - Units that need a mount of the slot by their own words, such as C(RequiresMountsFor), are found without it.
    type: list
    elements: str
    default: []
  witness:
    description:
      - Watches the other hosts of the fleet while this one swaps, over sessions of the controller's own, as
        M(twostep.hotswap.fleet_health) has them. It looks at their health, and at whether their I/O gets on.
      - If a peer is not well, the swap is not begun. If one turns bad meanwhile, the old version is brought back, and the call fails with
        code C(witness); after a V(warm) or V(cold) swap the new version is left serving, since going back would stop the slot again.
      - A call that only commits needs none. In check mode nobody is watched.
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
    description: Can run in check mode and returns the verdict and what would be done.
    support: full
  diff_mode:
    description: Shows version, generation, parked child and boot configuration before and after.
    support: full
requirements:
  - paramiko on the controller, for O(witness)
  - systemd, the parent module and the right to load modules, on the managed host
seealso:
  - module: twostep.hotswap.compat_info
  - module: twostep.hotswap.slot_info
  - module: twostep.hotswap.rejection
"""

EXAMPLES = r"""
- name: Bring a slot to 1.1.0
  twostep.hotswap.swap:
    slot: data
    version: "1.1.0"

- name: Swap, and keep the old child parked until the application was looked at
  twostep.hotswap.swap:
    slot: data
    version: "1.1.0"
    deadline_ms: 200
    commit: false
  register: swapped

- name: Swap under the eyes of the other nodes
  twostep.hotswap.swap:
    slot: data
    version: "1.1.0"
    commit: false
    witness:
      fleet: storage
      sources: [corosync, md]
      policy: required

- name: Take a version that cannot take the state over, while the slot is out of its array and the database is stopped
  twostep.hotswap.swap:
    slot: data
    version: "2.0.0"
    mode: warm
    units: [postgresql.service]
    timeout_s: 3600

- name: Have the next boot try a version, because the root file system is on the slot
  twostep.hotswap.swap:
    slot: root
    version: "2.0.0"
    mode: cold
  register: tried

- name: Boot
  ansible.builtin.reboot:
  when: tried.outcome == "armed"

- name: Commit what the boot brought up, or fail and say why it did not
  twostep.hotswap.swap:
    slot: root
    version: "2.0.0"
    mode: cold

- name: Commit
  twostep.hotswap.swap:
    slot: data
    version: "1.1.0"
"""

RETURN = r"""
slot:
  description: Name of the slot.
  returned: always
  type: str
  sample: data
outcome:
  description:
    - V(swapped) serves with the old child parked, V(committed) serves and is committed, V(already) had nothing to do.
    - V(armed) is tried by the next boot.
    - V(returned) means that the kernel went back to the old child, V(refused) that the kernel took nothing up, V(failed) anything else.
    - In check mode it is what would be.
  returned: when a swap was found, started, or not needed
  type: str
  sample: committed
from:
  description: Version before, or in a commit the one that goes.
  returned: when a swap was found, started, or not needed
  type: str
  sample: 1.0.0
to:
  description: Version asked for.
  returned: when a swap was found, started, or not needed
  type: str
  sample: 1.1.0
mode:
  description: Mode of the swap, V(handover), V(two_step), V(warm) or V(cold).
  returned: when there was a swap
  type: str
  sample: handover
verdict:
  description: The verdict on the step, as returned by M(twostep.hotswap.compat_info); V(current) where the version serves already.
  returned: success
  type: str
  sample: hot
reasons:
  description: Reasons of the verdict, worst first, as returned by M(twostep.hotswap.compat_info).
  returned: success
  type: list
  elements: dict
reattached:
  description: Whether the call found a swap that another call had started.
  returned: success
  type: bool
  sample: false
swap_id:
  description: Name of the swap, of its unit and of its folder in C(/var/lib/twostep/swaps).
  returned: when there was a swap
  type: str
  sample: data-20260131235958-1c9a4f07
run_id:
  description: Name of the run.
  returned: when there was a swap
  type: str
generation_before:
  description: Generation of the slot before.
  returned: when a swap was found, started, or not needed
  type: int
  sample: 3
generation_after:
  description: Generation of the slot after it. Each adoption counts one up, and so does a slot that is taken down.
  returned: when a swap was found, started, or not needed
  type: int
  sample: 4
hold_ms:
  description: How long the kernel held I/O, in milliseconds; null where nothing was held.
  returned: when there was a swap
  type: float
  sample: 0.84
held_requests:
  description: How many requests waited in the hold; null where nothing was held.
  returned: when there was a swap
  type: int
  sample: 7
phases:
  description: What the agent did, in order.
  returned: when there was a swap
  type: list
  elements: dict
  contains:
    phase:
      description:
        - V(release), V(preload), V(swap), V(verify) or V(commit).
        - In mode V(cold) V(arm) only.
        - In mode V(warm) V(take_down), V(replace) and V(bring_back) instead of V(swap), V(redundancy), and V(go_back) after a failure.
      type: str
    event:
      description: V(end) or V(fail).
      type: str
    at:
      description: When it ended, UTC.
      type: str
    duration_ns:
      description: How long it took, in nanoseconds.
      type: int
kernel_phases:
  description: What the kernel measured inside the swap, in nanoseconds, from C(prepare_ns) to C(release_ns); empty where it did nothing.
  returned: when there was a swap
  type: dict
notes:
  description: What else is worth knowing, e.g. that an old module stays loaded.
  returned: success
  type: list
  elements: str
witness:
  description: What was seen of the peers.
  returned: when peers were watched and the swap was begun
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
  description: Stable word for the reason of a failure, e.g. V(feature_dropped), V(deadline), V(agent_died).
  returned: failure
  type: str
  sample: deadline
next_step:
  description: What to do about a failure.
  returned: failure
  type: str
"""

import os
import sys
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.twostep.hotswap.plugins.module_utils.core import swap_plan, witness
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive, world
from ansible_collections.twostep.hotswap.plugins.module_utils.host.lease import LockHost
from ansible_collections.twostep.hotswap.plugins.module_utils.host.privilege import check_root
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Job, Outcome

_PYTHON = "/usr/bin/python3"


def argument_spec() -> dict[str, Any]:
    """Return the argument spec; a test holds it and the documentation together."""
    return {
        "slot": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["auto", "handover", "two_step", "warm", "cold"], "default": "auto"},
        "deadline_ms": {"type": "int", "default": 500},
        "generation": {"type": "int"},
        "commit": {"type": "bool", "default": True},
        "run_id": {"type": "str"},
        "timeout_s": {"type": "float", "default": 120.0},
        "one_way": {"type": "bool", "default": False},
        "units": {"type": "list", "elements": "str", "default": []},
        "witness": {"type": "dict", "options": witness.OPTIONS},
        "epoch": {"type": "int"},
    }


def wish_from(params: dict[str, Any]) -> swap_plan.Wish:
    """Return the checked options."""
    return swap_plan.wish(
        params["slot"],
        params["version"],
        params["mode"],
        params["deadline_ms"],
        params["generation"],
        params["commit"],
        params["run_id"],
        params["timeout_s"],
        params["one_way"],
        params["units"],
    )


def result_of(wanted: swap_plan.Wish, outcome: Outcome) -> dict[str, Any]:
    """Return the result of the module; a failure is changed only if the kernel's generation moved."""
    common = {
        "slot": wanted.slot,
        "verdict": outcome.verdict["verdict"],
        "reasons": outcome.verdict["reasons"],
        "reattached": outcome.reattached,
        "diff": {"before": outcome.before, "after": outcome.after},
    }
    result = outcome.result
    if result is None:
        return {
            **common,
            "changed": outcome.step.action in ("commit", "swap"),
            "outcome": _expected(wanted, outcome),
            "from": outcome.step.old_version or outcome.before["version"],
            "to": wanted.version,
            "mode": outcome.verdict["mode"],
            "generation_before": outcome.before["generation"],
            "generation_after": outcome.after["generation"],
            "notes": list(outcome.notes),
        }
    told = {name: value for name, value in result.as_dict().items() if name not in ("schema", "code", "message", "next_step")}
    if not result.is_good:
        told.update(code=result.code, next_step=result.next_step)
    if outcome.step.action == "commit":
        told["mode"] = None
    told["notes"] = [*outcome.notes, *result.notes]
    return {**told, **common, "changed": result.outcome != "already" if result.is_good else result.has_moved}


def _expected(wanted: swap_plan.Wish, outcome: Outcome) -> str:
    """Return the outcome where nothing was started: there is nothing to do, or it is only asked for."""
    if outcome.step.action == "none":
        return "already"
    if outcome.step.action == "boot" or (outcome.step.action == "swap" and outcome.verdict["mode"] == "cold"):
        return "armed"
    return "committed" if wanted.commit else "swapped"


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        wanted = wish_from(module.params)
        if not module.check_mode:
            check_root(os.geteuid())
        this = world.real()
        LockHost(this.paths).admit(module.params["epoch"], module.check_mode)
        python = _PYTHON if os.path.exists(_PYTHON) else sys.executable
        job = Job(this, wanted, python, lambda: agent_archive.install(this.paths), lambda: os.urandom(4).hex())
        outcome = job.check() if module.check_mode else job.apply()
    except TwostepError as error:
        module.fail_json(msg=str(error), code=error.code, next_step=error.next_step, data=error.data, slot=module.params["slot"])
    answer = result_of(wanted, outcome)
    if outcome.result is not None and not outcome.result.is_good:
        module.fail_json(msg=f"{outcome.result.message} Next: {outcome.result.next_step}", **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
