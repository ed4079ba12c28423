# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches the module, and what is sent."""

from __future__ import annotations

import hashlib
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import dkms as action
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

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


@pytest.mark.parametrize("name", ["archive", "archive_sha256", "archive_suffix"])
def test_what_the_plugin_sets_may_not_be_set(play: Play, name: str) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", name: "x"})
    assert (result["failed"], result["code"], play.module_args) == (True, "internal_option", [])


@pytest.mark.parametrize("src", ["/nowhere/kmod", "relative"])
def test_a_missing_source_fails_without_a_connection(play: Play, src: str) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", "src": src})
    assert (result["failed"], result["code"], play.module_args, play.sent) == (True, "bad_source", [], [])


CONF = "PACKAGE_NAME=twostep\nPACKAGE_VERSION=1.0.0\nBUILT_MODULE_NAME[0]=twostep\nBUILT_MODULE_LOCATION[0]=parent\n"
PACKED = tar(member("t/dkms.conf", data=CONF.encode()), member("t/parent/Kbuild"))
VENDORS = {"package": "twostep", "version": "1.0.0", "src_sha256": hashlib.sha256(PACKED).hexdigest()}


@pytest.fixture
def archive(tmp_path: Path) -> str:
    (tmp_path / "t.tar").write_bytes(PACKED)
    return str(tmp_path / "t.tar")


def test_a_vendors_archive_goes_as_it_is_and_its_conf_as_options(play: Play, archive: str) -> None:
    result = play.run({**VENDORS, "src": archive, "make": ["A=1"], "vendor_conf": "read"})
    assert play.sent == [(PACKED, "/tmp/remote/source.tar")]
    assert play.module_args == [
        {
            "package": "twostep",
            "version": "1.0.0",
            "archive": "/tmp/remote/source.tar",
            "archive_sha256": VENDORS["src_sha256"],
            "archive_suffix": ".tar",
            "modules": [{"name": "twostep", "location": "parent"}],
            "make": ["A=1"],
            "depends": [],
            "build_exclusive": {"kernel": "", "arch": "", "config": []},
        }
    ]
    assert result["vendor_conf"]["modules"] == [{"name": "twostep", "location": "parent"}]


def test_check_mode_reads_a_vendors_archive_and_sends_nothing(play: Play, archive: str) -> None:
    play.run({**VENDORS, "src": archive}, check_mode=True)
    assert play.sent == []
    assert play.module_args[0]["archive_suffix"] == ".tar"
    assert "archive" not in play.module_args[0]


@pytest.mark.parametrize(
    ("line", "code"), [("POST_ADD=evil", "vendor_conf_executable"), ("X=$(id)", "vendor_conf_executable"), ("A=(1)", "bad_vendor_conf")]
)
def test_a_hostile_conf_ends_on_the_controller_unless_it_is_ignored(play: Play, source: Path, line: str, code: str) -> None:
    (source / "dkms.conf").write_text(CONF + line + "\n")
    options = {"package": "twostep", "version": "1.0.0", "src": str(source)}
    result = play.run(options)
    assert (result["failed"], result["code"], play.sent, play.module_args) == (True, code, [], [])
    assert "line 5 " in result["msg"]
    assert "vendor_conf" not in play.run({**options, "vendor_conf": "ignore"})
    assert "modules" not in play.module_args[0]


def test_another_package_is_refused(play: Play, archive: str) -> None:
    assert play.run({**VENDORS, "src": archive, "version": "1.0.1"})["code"] == "other_package"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"src_sha256": "0" * 64}, "source_sha256"),
        ({"src_sha256": None}, "unverified_source"),
        ({"signature": "/nowhere"}, "unverified_source"),
        ({"vendor_conf": "trust"}, "bad_vendor_conf"),
        ({"folders": ["none"]}, "bad_source"),
        ({"folders": "none"}, "bad_source"),
    ],
)
def test_refusals_of_an_archive(play: Play, archive: str, options: dict, code: str) -> None:
    result = play.run({**VENDORS, "src": archive, **options})
    assert (result["failed"], result["code"], play.sent, play.module_args) == (True, code, [], [])


@pytest.mark.parametrize("name", ["src_sha256", "signature", "public_key"])
def test_what_is_for_archives_is_refused_for_a_folder(play: Play, source: Path, name: str) -> None:
    result = play.run({"package": "twostep", "version": "1.0.0", "src": str(source), name: "x"})
    assert (result["code"], play.module_args) == ("bad_source", [])
    assert result["msg"].startswith(f"{name} is for an archive, and ")
