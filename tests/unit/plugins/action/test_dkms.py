# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reaches the module, and what is sent."""

from __future__ import annotations

import base64
import copy
import hashlib
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible_collections.twostep.hotswap.plugins.action import dkms as action
from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary
from ansible_collections.twostep.hotswap.plugins.module_utils.host import source_archive
from ansible_collections.twostep.hotswap.plugins.plugin_utils import binary_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import member, tar

REMOTE = "/tmp/remote/source.tar.gz"
K = "6.1.0-56-cloud-amd64"


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
        self.kernel = K
        self.answer: dict = {"changed": True}
        self.slurped: list[str] = []
        self.files: dict[str, bytes] = {}
        monkeypatch.setattr(action.ActionModule, "_execute_module", self._execute)
        monkeypatch.setattr(action.ActionModule, "_transfer_file", self._transfer)
        monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", self._command)
        monkeypatch.setattr(action.ActionModule, "_fixup_perms2", lambda _plugin, _paths: None)
        monkeypatch.setattr(action.ActionModule, "_remove_tmp_path", lambda _plugin, path, force=False: self.cleaned.append(path))

    def _execute(self, module_name: str, module_args: dict, task_vars: dict) -> dict:
        if module_name == "ansible.legacy.slurp":
            self.slurped.append(module_args["src"])
            content = self.files.get(module_args["src"])
            return {"failed": True, "msg": "file not found"} if content is None else {"content": base64.b64encode(content).decode()}
        assert module_name == "twostep.hotswap.dkms"
        self.module_args.append(module_args)
        return copy.deepcopy(self.answer)

    def _command(self, command: str, sudoable: bool) -> dict:
        assert (command, sudoable) == ("uname -rm", False)
        return {"rc": 0, "stdout": f"{self.kernel} x86_64\n"}

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


@pytest.mark.parametrize("name", ["archive", "archive_sha256", "archive_suffix", "export_folder", "offers"])
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


def binary(kernel: str = K, package: str = "twostep") -> tuple[built_binary.Manifest, bytes, str]:
    files = {"module/twostep.ko": b"\x7fELF"}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = built_binary.Manifest(package, "1.0.0", kernel, "x86_64", "ab" * 32, "", "builder1", 12.5, digests)
    content = built_binary.pack(manifest, files)
    return manifest, content, hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest, content, sha256 = binary()
    binary_folder.write(str(tmp_path / "binaries"), content, sha256, manifest.package, manifest.version)
    return tmp_path / "binaries"


@pytest.fixture
def options(source: Path) -> dict:
    return {"package": "twostep", "version": "1.0.0", "src": str(source)}


def test_the_binary_for_the_running_kernel_is_sent(play: Play, options: dict, folder: Path) -> None:
    result = play.run({**options, "binaries_from": str(folder)})
    manifest, content, sha256 = binary()
    remote = f"/tmp/remote/{manifest.file_name}"
    assert [path for _content, path in play.sent] == [REMOTE, remote]
    assert play.sent[1][0] == content
    assert play.module_args[0]["offers"] == [{"path": remote, "sha256": sha256, "manifest": manifest.as_json()}]
    assert "binaries_from" not in play.module_args[0]
    assert (result["binaries"], play.cleaned) == ([], ["/tmp/remote"])


@pytest.mark.parametrize("kernels", [["6.2.0", K, "6.2.0"], f"6.2.0,{K}"])
def test_each_kernel_without_a_binary_is_told(play: Play, options: dict, folder: Path, kernels: object) -> None:
    play.kernel = "6.3.0"
    play.answer["binaries"] = [{"kernel": K, "taken": True}]
    result = play.run({**options, "kernels": kernels, "binaries_from": str(folder)})
    assert [offer["manifest"]["kernel"] for offer in play.module_args[0]["offers"]] == [K]
    missing = {"kernel": "6.2.0", "taken": False, "reason": "nobody has built it for this kernel", "built_on": "", "build_seconds": 0.0}
    assert result["binaries"] == [{"kernel": K, "taken": True}, missing]


def test_without_a_folder_the_host_builds_and_is_told_why(play: Play, options: dict, tmp_path: Path) -> None:
    result = play.run({**options, "binaries_from": str(tmp_path / "none")})
    assert (play.module_args[0]["offers"], [entry["kernel"] for entry in result["binaries"]]) == ([], [K])


def test_check_mode_offers_the_manifest_alone(play: Play, options: dict, folder: Path) -> None:
    play.run({**options, "binaries_from": str(folder), "binaries_to": str(folder)}, check_mode=True)
    manifest, _content, sha256 = binary()
    assert play.sent == []
    assert play.module_args[0]["offers"] == [{"path": "", "sha256": sha256, "manifest": manifest.as_json()}]
    assert "export_folder" not in play.module_args[0]


def test_without_the_option_no_host_is_asked(play: Play, options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", None)
    play.run(options)
    assert "offers" not in play.module_args[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"kernels": ["../x"]}, "bad_kernel"), ({"version": "1.0"}, "bad_version"), ({"package": "a/b"}, "bad_package")],
)
def test_what_is_no_name_is_refused_on_the_controller(play: Play, options: dict, folder: Path, change: dict, code: str) -> None:
    result = play.run({**options, "binaries_from": str(folder), **change})
    assert (result["failed"], result["code"], play.module_args) == (True, code, [])


@pytest.mark.parametrize("name", ["package", "version"])
def test_a_missing_name_is_refused_too(play: Play, options: dict, folder: Path, name: str) -> None:
    del options[name]
    assert play.run({**options, "binaries_from": str(folder)})["code"] == f"bad_{name}"


@pytest.mark.parametrize("told", ["", "../../x x86_64", "6.1.0", "6.1.0 a/b", "6.1.0 x86_64 more"])
def test_a_host_that_does_not_know_its_kernel_is_refused(play: Play, options: dict, folder: Path, told: str, monkeypatch) -> None:
    monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", lambda _plugin, _command, sudoable: {"rc": 0, "stdout": told})
    result = play.run({**options, "binaries_from": str(folder)})
    assert (result["failed"], result["code"] in ("bad_kernel", "bad_arch"), play.module_args) == (True, True, [])


@pytest.mark.parametrize(("damage", "code"), [("content", "bad_binary"), ("mode", "binary_exposed")])
def test_a_binary_that_is_no_good_is_not_sent(play: Play, options: dict, folder: Path, damage: str, code: str) -> None:
    (file,) = folder.iterdir()
    if damage == "content":
        file.write_bytes(file.read_bytes()[:-1024])
    else:
        file.chmod(0o666)
    result = play.run({**options, "binaries_from": str(folder)})
    assert (result["failed"], result["code"], play.module_args) == (True, code, [])
    assert [path for _content, path in play.sent] == [REMOTE]


def test_what_a_builder_has_built_is_fetched_and_named_by_its_place_here(play: Play, options: dict, tmp_path: Path) -> None:
    for kernel in (K, "6.2.0"):
        manifest, content, sha256 = binary(kernel)
        remote = f"/tmp/remote/{manifest.file_name}"
        play.files[remote] = content
        play.answer.setdefault("exported", []).append({"kernel": kernel, "arch": "x86_64", "path": remote, "sha256": sha256})
    result = play.run({**options, "binaries_to": str(tmp_path / "binaries")})
    assert (play.module_args[0]["export_folder"], "binaries_to" in play.module_args[0]) == ("/tmp/remote", False)
    assert play.slurped == list(play.files)
    assert [entry["path"] for entry in result["exported"]] == [str(tmp_path / "binaries" / Path(path).name) for path in play.files]
    assert {path.name: path.read_bytes() for path in (tmp_path / "binaries").iterdir()} == {
        Path(path).name: content for path, content in play.files.items()
    }
    assert not result.get("failed")


def test_what_was_fetched_is_what_another_host_is_offered(play: Play, options: dict, tmp_path: Path) -> None:
    _manifest, content, sha256 = binary()
    play.files["/tmp/remote/x.tar"] = content
    play.answer["exported"] = [{"kernel": K, "arch": "x86_64", "path": "/tmp/remote/x.tar", "sha256": sha256}]
    play.run({**options, "binaries_to": str(tmp_path / "binaries")})
    play.run({**options, "binaries_from": str(tmp_path / "binaries")})
    assert [offer["sha256"] for offer in play.module_args[1]["offers"]] == [sha256]


@pytest.mark.parametrize(("sent", "code"), [(b"damaged", "bad_binary"), (None, "binary_not_fetched")])
def test_a_transfer_that_went_wrong_writes_nothing(play: Play, options: dict, tmp_path: Path, sent: bytes | None, code: str) -> None:
    _manifest, _content, sha256 = binary()
    play.answer["exported"] = [{"kernel": K, "arch": "x86_64", "path": "/tmp/remote/x.tar", "sha256": sha256}]
    if sent is not None:
        play.files["/tmp/remote/x.tar"] = sent
    result = play.run({**options, "binaries_to": str(tmp_path / "binaries")})
    assert (result["failed"], result["code"], (tmp_path / "binaries").exists()) == (True, code, False)
    assert play.cleaned == ["/tmp/remote"]


def test_what_nobody_has_asked_for_is_not_fetched(play: Play, options: dict, tmp_path: Path) -> None:
    _manifest, content, sha256 = binary()
    play.files["/tmp/remote/x.tar"] = content
    play.answer["exported"] = [{"kernel": K, "arch": "x86_64", "path": "/tmp/remote/x.tar", "sha256": sha256}]
    play.run(options)
    play.run({**options, "binaries_to": str(tmp_path / "binaries")}, check_mode=True)
    assert (play.slurped, (tmp_path / "binaries").exists()) == ([], False)


def test_a_build_that_failed_is_not_fetched(play: Play, options: dict, tmp_path: Path) -> None:
    play.answer.update(failed=True, msg="No.", exported=[{"path": "/tmp/remote/x.tar", "sha256": ""}])
    assert play.run({**options, "binaries_to": str(tmp_path / "binaries")})["msg"] == "No."
    assert play.slurped == []
