# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controller side of ``reload``: its peers are watched meanwhile (plugin_utils/witnessed.py).

One that turns bad halts the run. Nothing is taken back: the host's devices would go down once more, on a fleet that lacks something now.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.twostep.hotswap.plugins.module_utils.core.health import Finding
from ansible_collections.twostep.hotswap.plugins.plugin_utils.witnessed import LOOK, WitnessedAction


class ActionModule(WitnessedAction):
    """Runs the module ``reload`` before witnesses."""

    MODULE = "twostep.hotswap.reload"
    WHAT = "reload"

    def turned_bad(self, told: dict[str, Any], found: Finding, arguments: Mapping[str, Any], task_vars: Any) -> dict[str, Any]:
        del arguments, task_vars
        reason = f"While the host's modules were replaced, a peer turned bad. {found.reason}"
        told.update(failed=True, code="witness", next_step=LOOK, msg=f"{reason} The new modules are loaded. Next: {LOOK}")
        return told
