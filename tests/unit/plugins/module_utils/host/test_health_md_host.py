# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading software arrays out of a tree of sysfs."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import health_md
from ansible_collections.twostep.hotswap.plugins.module_utils.host.health_probe import Question, Sample, World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


def put(root: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "sys/block" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def sample(root: pathlib.Path) -> list[Sample]:
    def run(*_argv: object, **_options: object) -> None:
        raise AssertionError("no command is needed")

    world = World(run, Paths(str(root)), lambda: "2026-01-01T00:00:00Z", lambda _s: None, 7.0, 0.0)  # type: ignore[arg-type]
    return health_md.sample(Question(1.0), world)


def test_members_are_read_in_the_order_of_their_place(tmp_path: pathlib.Path) -> None:
    put(tmp_path, {f"md0/md/rd{place}/state": "in_sync" for place in range(10)})
    put(tmp_path, {"md0/md/raid_disks": "11", "md0/md/rd10/state": "spare"})
    assert health_md.read_array("md0", Paths(str(tmp_path))).members == ("in_sync",) * 10 + ("spare",)


def test_what_cannot_be_read_is_unknown(tmp_path: pathlib.Path) -> None:
    put(tmp_path, {"md0/md/level": "raid1"})
    (found,) = sample(tmp_path)
    assert (found.subject, found.finding.verdict, found.evidence["degraded"]) == ("md0", "unknown", None)


@pytest.mark.parametrize("files", [{}, {"vda/size": "1"}])
def test_a_host_without_arrays_cannot_say_ok(tmp_path: pathlib.Path, files: dict) -> None:
    put(tmp_path, files)
    (found,) = sample(tmp_path)
    assert (found.subject, found.finding.verdict) == ("arrays", "unknown")
    assert found.finding.reason == "This host has no md array. Take md out of twostep_health_sources if it is not meant to have one."
