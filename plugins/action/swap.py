# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``swap``: its peers are watched meanwhile (plugin_utils/witnessed.py).

One that turns bad takes the swap back, as long as nothing is committed.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.twostep.hotswap.plugins.module_utils.core import untrusted
from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import Finding
from ansible_collections.twostep.hotswap.plugins.plugin_utils.witnessed import LOOK, WitnessedAction


class ActionModule(WitnessedAction):
    """Runs the module ``swap`` before witnesses."""

    MODULE = "twostep.hotswap.swap"
    WHAT = "swap"

    def turned_bad(self, told: dict[str, Any], found: Finding, arguments: Mapping[str, Any], task_vars: Any) -> dict[str, Any]:
        """Return the failure of a swap that a peer did not bear, after the old version was brought back where that costs a hold only."""
        told.update(failed=True, code="witness", next_step=LOOK)
        meanwhile = f"While the host swapped, a peer turned bad. {found.reason}"
        slot, to, old = (untrusted.text(told.get(name)) for name in ("slot", "to", "from"))
        if not _goes_back_at_once(told):
            # Taking the slot down once more would take from the fleet what it lacks now.
            told.update(outcome="failed", msg=f"{meanwhile} Slot {slot} serves {to}. Next: {LOOK}")
            return told
        back = self.act({**arguments, "version": old, "mode": "auto", "commit": True}, task_vars)
        if back.get("failed"):
            problem = untrusted.text(back.get("msg"), untrusted.MAX_MESSAGE)
            told.update(outcome="failed", msg=f"{meanwhile} {old} could not be brought back: {problem} Next: {LOOK}")
        else:
            told.update(outcome="returned", msg=f"{meanwhile} Slot {slot} serves {old} again. Next: {LOOK}")
        return told


def _goes_back_at_once(told: Mapping[str, Any]) -> bool:
    """Return whether the way back costs a hold only, or, where nothing but a boot was prepared, not even that."""
    outcome, mode = told.get("outcome"), told.get("mode")
    return outcome == "armed" or (outcome == "swapped" and mode in ("handover", "two_step"))
