# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of a run that replaced modules has of one host. Reads what hosts registered, through ``untrusted``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from . import untrusted

# In the order of the run: the first failure found is the reason of the halt.
REGISTERS = (
    ("keep", "__twostep_kept"),
    ("build", "__twostep_build_parent"),
    ("look", "__twostep_look"),
    ("reload", "__twostep_reload"),
    ("initramfs", "__twostep_bootable"),
    ("boot", "__twostep_reboot"),
    ("boot", "__twostep_boot"),
)
# Codes of a failure after which the agent may still run, or ran unseen.
_UNPROVED = ("still_running", "agent_died", "reload_in_progress")


def outcome(registers: Mapping[Any, Any]) -> str:
    """Return what the host has as far as this run has proof of it; without proof it is ``unknown``."""
    told = {name: untrusted.mapping(registers.get(name)) for _phase, name in REGISTERS}
    if any(record.get("unreachable") or record.get("timedout") for record in told.values()):
        return "unknown"
    look, act = told["__twostep_look"], told["__twostep_reload"]
    if act and not act.get("skipped"):
        if not act.get("failed"):
            return "current" if act.get("outcome") == "current" else "upgraded"
        if act.get("code") in _UNPROVED:
            return "unknown"
        return "returned" if act.get("outcome") == "returned" else "failed" if act.get("phases") else "untouched"
    if told["__twostep_reboot"]:
        booted = told["__twostep_boot"]
        return "upgraded" if booted and not booted.get("failed") else "failed"
    if look and not look.get("failed") and not untrusted.records(look.get("modules")):
        return "unknown"
    is_due = look.get("replaced") or look.get("reattached") or (look.get("initramfs") and not told["__twostep_bootable"].get("initramfs"))
    return "current" if look and not look.get("failed") and not is_due else "untouched"


def versions(registers: Mapping[Any, Any]) -> tuple[str | None, str | None]:
    """Return what the host had and has, for people: the modules with version and mark of their builds."""
    before = _told(registers.get("__twostep_kept"))
    after = next((text for text in map(_told, (registers.get(name) for name in ("__twostep_boot", "__twostep_reload"))) if text), None)
    return before, after or before


def mode(registers: Mapping[Any, Any]) -> str | None:
    """Return the way that was taken, None where there was none to take."""
    if untrusted.mapping(registers.get("__twostep_reboot")):
        return "cold"
    reload = untrusted.mapping(registers.get("__twostep_reload"))
    return "warm" if reload and not reload.get("skipped") else None


def modules(run: Mapping[Any, Any]) -> list[str] | None:
    """Return the modules that a run replaces, None for a run of another kind."""
    named = run.get("modules")
    return [untrusted.text(name, 64) or "" for name in named[:16]] if isinstance(named, Sequence) and not isinstance(named, str) else None


def _told(result: object) -> str | None:
    found = untrusted.records(untrusted.mapping(result).get("modules"), 16)
    named = [(untrusted.text(record.get("name"), 64), untrusted.text(record.get("loaded"), 80)) for record in found]
    words = [f"{name} {build}" for name, build in named if name and build]
    return ", ".join(words) or None
