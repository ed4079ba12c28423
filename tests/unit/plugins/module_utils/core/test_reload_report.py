# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report tells of a host whose modules were to be replaced; without proof it is unknown."""

from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload_report, report

OLD = {"name": "vendor", "state": "live", "loaded": "1.0 (aaaa)"}
NEW = {"name": "vendor", "state": "live", "loaded": "2.0 (bbbb)"}
PHASES = [{"phase": "load", "event": "end", "at": "t", "duration_ns": 2_000_000}]
KEPT = {"modules": [OLD]}
TO_DO = {"modules": [OLD], "replaced": ["vendor"]}
NOTHING = {"modules": [OLD], "replaced": []}
GONE = {"unreachable": True, "msg": "gone"}
RUN = {"run_id": "20260101t120000z-abcdef", "started": "2026-01-01T12:00:00Z", "modules": ["vendor"]}


def failed(**more: object) -> dict:
    return {"failed": True, "msg": "It failed.", **more}


@pytest.mark.parametrize(
    ("registers", "outcome"),
    [
        ({}, "untouched"),
        ({"__twostep_kept": failed(code="no_way_back")}, "untouched"),
        ({"__twostep_kept": GONE}, "unknown"),
        ({"__twostep_look": NOTHING}, "current"),
        ({"__twostep_look": {"replaced": []}}, "unknown"),
        ({"__twostep_look": failed(code="module_held")}, "untouched"),
        ({"__twostep_look": TO_DO}, "untouched"),
        ({"__twostep_look": {**NOTHING, "reattached": True}}, "untouched"),
        ({"__twostep_look": {**NOTHING, "initramfs": True}}, "untouched"),
        ({"__twostep_look": {**NOTHING, "initramfs": True}, "__twostep_bootable": {"initramfs": True}}, "current"),
        ({"__twostep_look": {**NOTHING, "initramfs": True}, "__twostep_bootable": failed(code="initramfs_failed")}, "untouched"),
        ({"__twostep_look": TO_DO, "__twostep_reload": {"outcome": "reloaded", "modules": [NEW]}}, "upgraded"),
        ({"__twostep_look": TO_DO, "__twostep_reload": {"outcome": "current", "modules": [NEW]}}, "current"),
        ({"__twostep_look": TO_DO, "__twostep_reload": {"skipped": True}}, "untouched"),
        ({"__twostep_look": TO_DO, "__twostep_reload": failed(outcome="returned", phases=PHASES)}, "returned"),
        ({"__twostep_look": TO_DO, "__twostep_reload": failed(outcome="failed", phases=PHASES)}, "failed"),
        ({"__twostep_look": TO_DO, "__twostep_reload": failed(code="consumer_unknown")}, "untouched"),
        ({"__twostep_look": TO_DO, "__twostep_reload": failed(code="agent_died", outcome="failed", phases=PHASES)}, "unknown"),
        ({"__twostep_look": TO_DO, "__twostep_reload": failed(code="still_running")}, "unknown"),
        ({"__twostep_look": TO_DO, "__twostep_reload": GONE}, "unknown"),
        ({"__twostep_look": TO_DO, "__twostep_reboot": {"rebooted": True}, "__twostep_boot": {**NOTHING, "modules": [NEW]}}, "upgraded"),
        ({"__twostep_look": TO_DO, "__twostep_reboot": {"rebooted": True}, "__twostep_boot": failed()}, "failed"),
        ({"__twostep_look": TO_DO, "__twostep_reboot": {"rebooted": True}}, "failed"),
        ({"__twostep_look": TO_DO, "__twostep_reboot": failed(timedout={"period": 9})}, "unknown"),
        ({"__twostep_look": "nonsense", "__twostep_reload": 7}, "untouched"),
    ],
)
def test_outcomes(registers: dict, outcome: str) -> None:
    assert reload_report.outcome(registers) == outcome


@pytest.mark.parametrize(
    ("registers", "told"),
    [
        ({}, (None, None)),
        ({"__twostep_kept": KEPT}, ("vendor 1.0 (aaaa)", "vendor 1.0 (aaaa)")),
        ({"__twostep_kept": KEPT, "__twostep_reload": {"modules": [NEW]}}, ("vendor 1.0 (aaaa)", "vendor 2.0 (bbbb)")),
        ({"__twostep_kept": KEPT, "__twostep_boot": {"modules": [NEW]}}, ("vendor 1.0 (aaaa)", "vendor 2.0 (bbbb)")),
        ({"__twostep_kept": {"modules": [OLD, {"name": "x", "loaded": ""}, 5, {"name": 3, "loaded": "y"}]}}, ("vendor 1.0 (aaaa)",) * 2),
        ({"__twostep_kept": {"modules": "nonsense"}}, (None, None)),
    ],
)
def test_versions(registers: dict, told: tuple) -> None:
    assert reload_report.versions(registers) == told


@pytest.mark.parametrize(
    ("registers", "mode"),
    [
        ({}, None),
        ({"__twostep_reload": {"x": 1}}, "warm"),
        ({"__twostep_reload": {"skipped": True}}, None),
        ({"__twostep_reload": {"skipped": True}, "__twostep_reboot": {"x": 1}}, "cold"),
    ],
)
def test_modes(registers: dict, mode: str | None) -> None:
    assert reload_report.mode(registers) == mode


@pytest.mark.parametrize(("run", "modules"), [({}, None), ({"modules": "x"}, None), ({"modules": ["a", 5]}, ["a", ""])])
def test_modules(run: dict, modules: list | None) -> None:
    assert reload_report.modules(run) == modules


@pytest.mark.parametrize(
    ("registers", "halted", "result", "headline"),
    [
        ({"__twostep_look": NOTHING}, False, "nothing_to_do", "nothing_to_do: 0 of 1 hosts went to the installed vendor in this run"),
        (
            {
                "__twostep_kept": KEPT,
                "__twostep_look": TO_DO,
                "__twostep_reload": {"outcome": "reloaded", "modules": [NEW], "phases": PHASES},
            },
            False,
            "succeeded",
            "succeeded: 1 of 1 hosts went to the installed vendor in this run",
        ),
        (
            {"__twostep_look": TO_DO, "__twostep_reload": failed(outcome="returned", code="load_failed", phases=PHASES)},
            True,
            "halted",
            "halted: 0 of 1 hosts went to the installed vendor in this run; halted at n1: It failed.",
        ),
        ({"__twostep_look": TO_DO}, False, "halted", "halted: 0 of 1 hosts went to the installed vendor in this run"),
    ],
)
def test_the_report_of_such_a_run(registers: dict, halted: bool, result: str, headline: str) -> None:
    made = report.build(["n1"], {"n1": registers, "localhost": {"__twostep_run": RUN}}, "upgrade", halted, "2026-01-01T12:05:00Z", None)
    assert (made["result"], made["family"], made["version"], made["modules"]) == (result, None, None, ["vendor"])
    assert report.headline(made) == headline


def test_check_mode_says_what_would_be_done() -> None:
    made = report.build(
        ["n1", "n2"],
        {"n1": {"__twostep_look": NOTHING}, "n2": {"__twostep_look": TO_DO}, "localhost": {"__twostep_run": RUN}},
        "upgrade", False, "2026-01-01T12:05:00Z", None,
    )  # fmt: skip
    assert report.checked(made) == "check mode: 1 of 2 hosts would go to the installed vendor"
