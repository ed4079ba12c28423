# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as core_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.parent_double import ParentDouble

AGENT = "/usr/local/lib/twostep/agent-0123456789ab.pyz"
DATA = core_boot.boot_slot("data", "remap", "lower=/dev/vdb", "1.0.0")
LOG = core_boot.boot_slot("log", "remap", "lower=/dev/vdc", "1.0.0")


def test_there_and_back_in_private_files(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    assert boot.read_slots(paths) == []
    boot.write_slot(paths, LOG)
    boot.write_slot(paths, DATA)
    assert boot.read_slots(paths) == [DATA, LOG]
    assert boot.read_slot(paths, "none") is None
    file = Path(boot.path_of(paths, "data"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in file.parent.iterdir()) == ["data.json", "log.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(str(tmp_path))
    boot.write_slot(paths, DATA)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TwostepError) as caught:
        boot.write_slot(paths, DATA.with_version("1.1.0"))
    monkeypatch.undo()
    assert caught.value.code == "write_failed"
    assert boot.read_slots(paths) == [DATA]
    assert os.listdir(paths.slots_d) == ["data.json"]


def test_drafts_and_other_files_are_passed_over(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    boot.write_slot(paths, DATA)
    for name in (".twostep-abc", ".x.json", "README", "data.json~"):
        Path(paths.slots_d, name).write_text("x")
    assert boot.configured(paths) == ["data"]


def test_removing_twice_is_no_error(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    boot.write_slot(paths, DATA)
    boot.remove_slot(paths, "data")
    boot.remove_slot(paths, "data")
    assert boot.configured(paths) == []


def test_names_are_checked_before_they_become_paths(tmp_path: Path) -> None:
    with pytest.raises(TwostepError) as caught:
        boot.read_slot(Paths(str(tmp_path)), "../../etc/shadow")
    assert caught.value.code == "bad_slot"


def test_the_unit_comes_and_goes(tmp_path: Path) -> None:
    double = ParentDouble(tmp_path)
    assert not boot.unit_is_current(double.paths, double.run, AGENT)
    boot.install_unit(double.paths, double.run, AGENT)
    assert boot.unit_is_current(double.paths, double.run, AGENT)
    assert not boot.unit_is_current(double.paths, double.run, AGENT.replace("0", "1"))
    double.enabled = False
    assert not boot.unit_is_current(double.paths, double.run, AGENT)
    boot.remove_unit(double.paths, double.run)
    assert not boot.has_unit(double.paths)
    double.calls.clear()
    boot.remove_unit(double.paths, double.run)
    assert double.calls == []


def test_a_unit_that_cannot_work_is_not_written(tmp_path: Path) -> None:
    double = ParentDouble(tmp_path)
    (tmp_path / "usr/bin/python3").unlink()
    with pytest.raises(TwostepError) as caught:
        boot.install_unit(double.paths, double.run, AGENT)
    assert caught.value.code == "no_python"
    assert not boot.has_unit(double.paths)


def test_a_refusal_of_systemctl_is_told(tmp_path: Path) -> None:
    double = ParentDouble(tmp_path)
    with pytest.raises(TwostepError) as caught:
        boot.install_unit(double.paths, lambda _argv: Result(1, "", "System has not been booted with systemd\n"), AGENT)
    assert caught.value.code == "systemctl_failed"
    assert "not been booted with systemd" in caught.value.message
