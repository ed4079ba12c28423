# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that acts on one host under the eyes of the others: they are watched at the same time, over sessions of our own.

What `swap` and `reload` have in common. A peer that is not well before keeps the act from beginning; what follows if one turns bad
meanwhile is theirs to say.
"""

from __future__ import annotations

import json
import time
from typing import Any, Mapping, Sequence

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.twostep.hotswap.plugins.module_utils.core import untrusted, waves
from ansible_collections.twostep.hotswap.plugins.module_utils.core import witness as core_witness
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import OK, UNKNOWN, Finding, combine
from ansible_collections.twostep.hotswap.plugins.module_utils.core.witness import Sight
from ansible_collections.twostep.hotswap.plugins.module_utils.host import packed, witness_program
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller, reach, sessions
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_options import Options
from ansible_collections.twostep.hotswap.plugins.plugin_utils.ssh_target import Target
from ansible_collections.twostep.hotswap.plugins.plugin_utils.witness import Witness

_PACKAGE = "twostep_witness"
_STALL_S = 1.0
_COMMAND_S = 10.0
_LIFETIME_S = 24 * 3600
# The first sample that arrives after the act may have been begun before its end.
_AFTERWARDS = 2
LOOK = "Look at that host, and run the same again when it is well."


class WitnessedAction(ActionBase):
    """Runs the module `MODULE`; with ``witness`` under the eyes of the other hosts of the fleet.

    :cvar WHAT: the act, for messages.
    """

    TRANSFERS_FILES = False
    MODULE = ""
    WHAT = ""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        asked = arguments.pop("witness", None)
        try:
            options = _options(asked) if asked else {"policy": "off"}
            if options["policy"] == "off" or self._task.check_mode:
                return {**result, **self.act(arguments, task_vars)}
            return {**result, **self._act_before_witnesses(arguments, options, task_vars)}
        except TwostepError as error:
            return controller.failed(result, error)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def act(self, arguments: Mapping[str, Any], task_vars: Any) -> dict[str, Any]:
        """Run the module on the host and return its result."""
        told: dict[str, Any] = self._execute_module(module_name=self.MODULE, module_args=dict(arguments), task_vars=task_vars)
        return told

    def turned_bad(self, told: dict[str, Any], found: Finding, arguments: Mapping[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the result of an act that went well and that a peer did not bear.

        :param told: what the module answered.
        :param found: what was seen of the peers.
        """
        raise NotImplementedError

    def _act_before_witnesses(self, arguments: Mapping[str, Any], options: Mapping[str, Any], task_vars: Any) -> dict[str, Any]:
        targets, left = self._targets(options["fleet"], task_vars)
        program = sessions.Program(packed.pack(witness_program, _PACKAGE), (), json.dumps(_question(options)).encode() + b"\n")
        begun_s = time.monotonic()
        with Witness(targets, program, options["silence_s"]) as witness:
            before = _worst(witness.await_samples(1))
            left.update(witness.left)
            if left and options["policy"] == "required":
                raise self._blind(left)
            if before.verdict != OK:
                raise TwostepError("witness", f"The {self.WHAT} was not begun. {before.reason}", LOOK)
            told = self.act(_sooner(arguments, time.monotonic() - begun_s), task_vars)
            sights = witness.await_samples(_AFTERWARDS)
        told["witness"] = {"peers": [sight.as_dict() for sight in sights], "left": left}
        found = _worst(sights)
        if found.verdict == OK or told.get("failed") or told.get("outcome") == "already":
            return told
        return self.turned_bad(told, found, arguments, task_vars)

    def _targets(self, fleet: str, task_vars: Any) -> tuple[list[Target], dict[str, str]]:
        """Return where the peers are, and by host why others are not watched."""
        host, hosts = task_vars["inventory_hostname"], controller.group_hosts(task_vars, fleet)
        apart = {one: waves.place(controller.raw_vars(task_vars, one).get("__twostep_place"), one).apart for one in hosts}
        peers, too_many = core_witness.choose(host, hosts, apart, sessions.AT_ONCE)
        targets, left = reach.of_hosts(peers, Options(self._task, self._play_context, task_vars["hostvars"]))
        return targets, {**left, **dict.fromkeys(too_many, f"No more than {sessions.AT_ONCE} peers are watched.")}

    def _blind(self, left: Mapping[str, str]) -> TwostepError:
        why = left[min(left)]
        more = f" So it is with {len(left) - 1} more." if len(left) > 1 else ""
        return TwostepError(
            "witness_blind",
            f"The {self.WHAT} was not begun, since its peers cannot be watched. {why}{more}",
            "Give the controller a session to each of them, or set twostep_witness to possible.",
        )


def _sooner(arguments: Mapping[str, Any], waited_s: float) -> dict[str, Any]:
    """Return the arguments with what was waited for the peers taken off the time that the module waits: both are one task's."""
    asked_s = arguments.get("timeout_s")
    return {**arguments, "timeout_s": max(1.0, float(asked_s) - waited_s)} if asked_s is not None else dict(arguments)


def _options(asked: object) -> dict[str, Any]:
    checked = ArgumentSpecValidator(core_witness.OPTIONS).validate(dict(untrusted.mapping(asked)))
    if checked.error_messages:
        raise TwostepError("bad_witness", f"The option witness: {'; '.join(checked.error_messages)}.", "Correct witness.")
    options: dict[str, Any] = checked.validated_parameters
    if min(options[name] for name in ("interval_s", "silence_s", "still_s")) <= 0:
        raise TwostepError("bad_witness", "The times of witness must be above zero.", "Correct witness.")
    return options


def _question(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: options[name] for name in ("sources", "settings", "interval_s", "still_s")},
        "stall_seconds": _STALL_S,
        "timeout_s": min(_COMMAND_S, options["silence_s"] / 2),
        "lifetime_s": _LIFETIME_S,
    }


def _worst(sights: Sequence[Sight]) -> Finding:
    findings = [sight.finding() for sight in sights]
    worst = combine(findings)
    return Finding(OK, "There is no peer.") if not findings and worst.verdict == UNKNOWN else worst
