# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches the module, and what is sent."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import dkms as action
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive

REMOTE = "/tmp/remote/source.tar.gz"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "kmod/remap").mkdir(parents=True)
    (tmp_path / "kmod/parent").mkdir()
    (tmp_path / "kmod/remap/Kbuild").write_text("obj-m := x.o\n")
    (tmp_path / "kmod/parent/Kbuild").write_text("obj-m := y.o\n")
    return tmp_path / "kmod"


class Play:
    """Runs the action with a connection that remembers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[bytes, str]] = []
        self.module_args: list[dict] = []
        self.cleaned: list[str] = []
        monkeypatch.setattr(action.ActionModule, "_execute_module", self._execute)
        monkeypatch.setattr(action.ActionModule, "_transfer_file", self._transfer)
        monkeypatch.setattr(action.ActionModule, "_fixup_perms2", lambda _plugin, _paths: None)
        monkeypatch.setattr(action.ActionModule, "_remove_tmp_path", lambda _plugin, path, force=False: self.cleaned.append(path))

    def _execute(self, module_name: str, module_args: dict, task_vars: dict) -> dict:
        assert module_name == "twostep.hotswap.dkms"
        self.module_args.append(module_args)
        return {"changed": True}

    def _transfer(self, local: str, remote: str) -> str:
        self.sent.append((Path(local).read_bytes(), remote))
        return remote

    def run(self, arguments: dict, check_mode: bool = False) -> dict:
        task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, diff=False)
        connection = MagicMock()
        connection._shell.tmpdir = "/tmp/remote"
        connection._shell.join_path = lambda *parts: "/".join(parts)
        plugin = action.ActionModule(task, connection, MagicMock(), MagicMock(), MagicMock(), None)
        plugin._find_needle = lambda _kind, name: f"/playbook/files/{name}"
        return plugin.run(task_vars={})


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    return Play(monkeypatch)


def test_the_source_goes_as_one_file_with_its_digest(play: Play, source: Path, tmp_path: Path) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", "src": str(source)})
    packed, sha256 = source_archive.pack(str(source))
    ((content, remote),) = play.sent
    (tmp_path / "sent").write_bytes(content)
    assert source_archive.read(str(tmp_path / "sent"), sha256) == packed
    assert play.module_args == [{"package": "twostep", "version": "1.0.0", "archive": remote, "archive_sha256": sha256}]
    assert (remote, result["changed"]) == (REMOTE, True)
    assert play.cleaned == ["/tmp/remote"]


def test_check_mode_sends_the_digest_only(play: Play, source: Path) -> None:
    play.run({"package": "twostep", "version": "1.0.0", "src": str(source)}, check_mode=True)
    assert play.sent == []
    assert play.module_args == [{"package": "twostep", "version": "1.0.0", "archive_sha256": source_archive.pack(str(source))[1]}]


def test_only_the_named_folders_are_sent(play: Play, source: Path) -> None:
    play.run({"package": "twostep", "version": "1.0.0", "src": str(source), "folders": ["remap"]}, check_mode=True)
    assert play.module_args[0]["archive_sha256"] == source_archive.pack(str(source), ["remap"])[1]


def test_absent_sends_nothing(play: Play, source: Path) -> None:
    play.run({"package": "twostep", "version": "1.0.0", "src": str(source), "state": "absent"})
    assert (play.sent, play.module_args) == ([], [{"package": "twostep", "version": "1.0.0", "state": "absent"}])


def test_without_a_source_the_module_decides(play: Play) -> None:
    play.run({"package": "twostep", "version": "1.0.0"})
    assert (play.sent, play.module_args) == ([], [{"package": "twostep", "version": "1.0.0"}])


@pytest.mark.parametrize("name", ["archive", "archive_sha256"])
def test_what_the_plugin_sets_may_not_be_set(play: Play, name: str) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", name: "x"})
    assert (result["failed"], result["code"], play.module_args) == (True, "internal_option", [])


@pytest.mark.parametrize("src", ["/nowhere/kmod", "relative"])
def test_a_missing_source_fails_without_a_connection(play: Play, src: str) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", "src": src})
    assert (result["failed"], result["code"], play.module_args, play.sent) == (True, "bad_source", [], [])
