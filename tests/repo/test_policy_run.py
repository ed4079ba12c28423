# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A policy in real runs of ansible-playbook, whose two hosts only note that they were asked, and answer nothing.

Each run halts there with a report; where that stands, and of which version it is, tells what counted on localhost and on the hosts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WITH_POLICY = ("rolling_upgrade", "rolling_reload", "preflight", "install_parent")
# Instead of a host's Python. That it changes the policy shows that a run does not look at it again.
PYTHON = """#!/bin/sh
echo asked >> {folder}/asked
echo 'twostep_report_dir: {folder}/changed' > {folder}/policy.yml
exit 1
"""
INVENTORY = """\
[twostep]
n1
n2
[all:vars]
ansible_connection=local
twostep_family=remap
twostep_version=1.0.0
twostep_report_dir={folder}/inventory
[twostep:vars]
ansible_python_interpreter={folder}/python
"""
POLICY = """\
twostep_family: remap
twostep_version: "1.1.0"
twostep_report_dir: "{{ inventory_dir }}/policy"
twostep_reload_modules: [vendor]
"""


class Run:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "inventory.ini").write_text(INVENTORY.format(folder=folder))
        (folder / "python").write_text(PYTHON.format(folder=folder))
        (folder / "python").chmod(0o755)

    def __call__(self, playbook: str, policy: str, *arguments: str) -> str:
        """Run a playbook, which fails, and return what it said."""
        (self.folder / "policy.yml").write_text(policy)
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }
        environment.pop("ANSIBLE_CONFIG", None)
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventory.ini", f"twostep.hotswap.{playbook}", *arguments]
        done = subprocess.run(
            [*argv, "-e", "twostep_policy_file=policy.yml"], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        return done.stdout + done.stderr

    @property
    def asked(self) -> int:
        """How often a host was asked for something."""
        asked = self.folder / "asked"
        return len(asked.read_text().splitlines()) if asked.exists() else 0

    @property
    def reports(self) -> dict[str, Any]:
        """The reports by their folders."""
        return {path.parent.name: json.loads(path.read_text()) for path in self.folder.glob("*/report.json")}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize(
    ("playbook", "arguments", "folder", "version"),
    [
        ("rolling_upgrade", (), "policy", "1.1.0"),
        ("rollback", ("-e", '{"twostep_version": "1.2.0", "twostep_report_dir": "extra"}'), "extra", "1.2.0"),
        ("rolling_reload", (), "policy", None),
    ],
)
def test_a_policy_counts_more_than_the_inventory_and_less_than_extra_variables(
    run: Run, playbook: str, arguments: tuple[str, ...], folder: str, version: str | None
) -> None:
    said = run(playbook, POLICY, *arguments)
    assert run.asked > 0, said
    assert [(name, report["version"], report["result"]) for name, report in run.reports.items()] == [(folder, version, "halted")], said


def test_looking_writes_no_report_whatever_the_policy_says(run: Run) -> None:
    said = run("preflight", POLICY)
    assert "halted: 0 of 2" in said
    assert (run.asked > 0, run.reports) == (True, {})


def test_a_bad_policy_ends_the_run_before_any_host_is_asked(run: Run) -> None:
    said = run("rolling_upgrade", POLICY + "twostep_wave_sise: 2\ntwostep_canary: two\n")
    assert "policy.yml:5: twostep_wave_sise is not known. Next: Write twostep_wave_size, or remove it." in said
    assert 'policy.yml:6: twostep_canary is "two"; it must be a whole number, 0 or more.' in said
    assert (run.asked, run.reports) == (0, {})


@pytest.mark.parametrize(
    ("playbook", "variable", "role"),
    [
        ("rolling_upgrade", "twostep_soak_s", "upgrade"),
        ("rolling_upgrade", "twostep_lease_ttl_s", "lease"),
        ("rolling_reload", "twostep_task_timeout_s", "lease"),
    ],
)
def test_a_wrong_extra_variable_of_a_later_role_ends_the_run_before_any_host_is_asked(
    run: Run, playbook: str, variable: str, role: str
) -> None:
    said = run(playbook, POLICY, "-e", f'{{"{variable}": "soon"}}')
    assert (variable in said, f"item={role}" in said) == (True, True), said
    assert (run.asked, run.reports) == (0, {})


def test_a_run_without_localhost_does_not_ignore_the_policy(run: Run) -> None:
    said = run("install_parent", POLICY, "--limit", "n1", "-e", '{"twostep_slots": []}')
    assert "The policy policy.yml was not checked on localhost. Next: Run without --limit" in said.replace("\n", " ")
    assert run.asked == 0


@pytest.mark.parametrize("name", WITH_POLICY)
def test_the_policy_comes_before_everything_on_localhost_and_on_the_hosts(name: str) -> None:
    plays = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
    first = plays[0]["tasks"][0]["ansible.builtin.import_role"]
    assert (plays[0]["hosts"], first) == ("localhost", {"name": "twostep.hotswap.preflight", "tasks_from": "policy"})
    on_hosts = next(play for play in plays if play["hosts"] != "localhost")
    assert on_hosts["pre_tasks"][0]["ansible.builtin.import_role"] == {"name": "twostep.hotswap.preflight", "tasks_from": "take_policy"}
