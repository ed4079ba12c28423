# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Coccinelle's rules are chosen and run."""

from __future__ import annotations

from pathlib import Path

import kernel_patterns
import pytest

RULE = "// Options: --no-includes --include-headers\n\nvirtual patch\nvirtual report\n"


def test_a_rule_that_reports_runs_with_its_own_options(tmp_path: Path) -> None:
    (tmp_path / "free").mkdir()
    rule = tmp_path / "free/kfree.cocci"
    rule.write_text(RULE)
    assert kernel_patterns.rules(tmp_path) == [rule]
    argv = kernel_patterns.command(rule, tmp_path / "groups")
    assert {"--no-includes", "--include-headers", str(rule)} <= set(argv)


@pytest.mark.parametrize(("name", "text"), [("free/x.cocci", "virtual patch\n"), *((name, RULE) for name in kernel_patterns.LEFT_OUT)])
def test_rules_that_report_nothing_or_are_listed_are_left_out(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(text)
    assert kernel_patterns.rules(tmp_path) == []


@pytest.mark.parametrize("program", ["exit 3", "echo 'kmod/x.c:1:1-2: WARNING: something'"])
def test_a_report_and_a_failure_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    rule = tmp_path / "rule.cocci"
    rule.write_text(RULE)
    monkeypatch.setattr(kernel_patterns, "command", lambda rule, groups: ["sh", "-c", program])
    assert len(kernel_patterns.findings(rule, tmp_path)) == 1
