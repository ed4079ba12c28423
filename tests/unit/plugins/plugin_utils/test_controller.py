# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import controller


class HostVars(dict):
    """Gives stored variables; asking for a host the templating way is an error."""

    def __getitem__(self, host: object) -> object:
        raise AssertionError("variables of hosts must not go through the template engine")

    def raw_get(self, host: str) -> object:
        return dict(self.items())[host]


def test_group_hosts_of_an_absent_group_are_none() -> None:
    assert controller.group_hosts({"groups": {"a": ["n1"]}}, "a") == ["n1"]
    assert controller.group_hosts({"groups": {"a": ["n1"]}}, "b") == []
    assert controller.group_hosts({}, "a") == []


def test_variables_are_read_as_they_are_stored() -> None:
    task_vars = {"hostvars": HostVars(n1={"x": "{{ y }}"})}
    assert controller.raw_vars(task_vars, "n1") == {"x": "{{ y }}"}
    assert controller.raw_vars(task_vars, "n2") == {}
    assert controller.raw_vars({}, "n1") == {}


def test_a_failure_is_never_changed_and_keeps_its_evidence() -> None:
    error = TwostepError("code", "Message.", "Step.", {"evidence": [1]})
    assert controller.failed({"changed": True, "kept": 1}, error) == {
        "changed": False,
        "failed": True,
        "msg": "Message. Next: Step.",
        "code": "code",
        "evidence": [1],
        "kept": 1,
    }


def test_stamps_are_utc() -> None:
    assert controller.stamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)) == "2026-01-02T03:04:05Z"
    assert controller.utc_now().utcoffset() == timedelta(0)


def test_who_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller.getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(controller.socket, "gethostname", lambda: "deploy1")
    assert controller.operator("", {}) == ("alice@deploy1", "deploy1")
    assert controller.operator("the night shift", {}) == ("the night shift", "deploy1")
    assert controller.operator("", {"awx_job_id": 12, "awx_user_name": "bob"}) == ("bob@awx", "job 12 of AWX")
    assert controller.operator("", {"tower_job_id": 12}) == ("a schedule@awx", "job 12 of AWX")
    assert controller.operator("carol", {"awx_job_id": 12, "awx_user_name": "bob"}) == ("carol", "job 12 of AWX")


def test_a_user_without_a_name_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(controller.getpass, "getuser", unknown)
    monkeypatch.setattr(controller.socket, "gethostname", lambda: "deploy1")
    assert controller.operator("", {}) == ("nobody@deploy1", "deploy1")


def test_the_clock_counts_from_the_boot() -> None:
    with open("/proc/uptime", encoding="ascii") as stream:
        uptime_s = float(stream.read().split()[0])
    assert 0 <= controller.boottime_s() - uptime_s < 60
