# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy as an action: what it keeps, that one policy is everybody's, and that it fails rather than raises."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import policy as action

GOOD = "twostep_wave_size: 2\n"


class HostVars(dict):
    def raw_get(self, host: str) -> object:
        return self[host]


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(action.constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "kept"))
    monkeypatch.chdir(tmp_path)

    def go(file: str, **hosts: dict) -> dict:
        task = MagicMock(args={"file": file}, async_val=0, check_mode=False, diff=False)
        plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        known = {"localhost": {"twostep_policy_file": file}, **hosts}
        return plugin.run(task_vars={"groups": {"all": list(hosts)}, "hostvars": HostVars(known)})

    return go


def test_no_policy_is_fine_and_keeps_nothing(run, tmp_path) -> None:
    result = run("", n1={}, n2={"twostep_policy_file": ""})
    assert (result["changed"], result["checked"], result["variables"]) == (False, "", [])
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_was_checked_is_kept_as_it_was(run, tmp_path) -> None:
    (tmp_path / "policy.yml").write_text(GOOD)
    result = run("policy.yml", n1={}, n2={"twostep_policy_file": "policy.yml"})
    assert (result["changed"], result["variables"], result["file"]) == (False, ["twostep_wave_size"], "policy.yml")
    (tmp_path / "policy.yml").write_text("twostep_wave_size: 9\n")
    kept = Path(result["checked"])
    assert (kept.parent.name, kept.read_text(), kept.stat().st_mode & 0o777) == ("kept", GOOD, 0o600)


def test_a_path_below_the_home_folder(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "policy.yml").write_text(GOOD)
    assert run("~/policy.yml")["variables"] == ["twostep_wave_size"]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("twostep_wave_size: 0\n", "bad_policy", "policy.yml:1: twostep_wave_size is 0; it must be a whole number, 1 or more. Next: "),
        (None, "no_policy_file", "The policy policy.yml cannot be read: No such file or directory. Next: "),
    ],
)
def test_a_bad_policy_fails_the_task_and_is_not_kept(run, tmp_path, content, code: str, message: str) -> None:
    if content:
        (tmp_path / "policy.yml").write_text(content)
    result = run("policy.yml")
    assert (result["failed"], result["changed"], result["code"], result["checked"]) == (True, False, code, "")
    assert result["msg"].startswith(message)
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("ours", ["", "policy.yml"])
def test_a_host_with_a_policy_of_its_own_is_refused(run, tmp_path, ours: str) -> None:
    (tmp_path / "policy.yml").write_text(GOOD)
    result = run(ours, n1={}, n2={"twostep_policy_file": "other.yml"})
    assert (result["failed"], result["code"]) == (True, "policy_of_host")
    assert result["msg"] == (
        "twostep_policy_file of n2 is not that of localhost; one policy is for the whole run. Next: Set it with -e or in group_vars/all."
    )
