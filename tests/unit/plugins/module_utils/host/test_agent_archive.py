# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packed agent is run alone: no other path, no Ansible, so a module that is missing in it is found here."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

PACKAGE = "ansible_collections/twostep/hotswap/plugins/module_utils"
PRINT_BUILD = (
    "import sys; sys.path[:0] = [{path!r}]; "
    "from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent_archive; "
    "assert agent_archive.__file__.startswith({path!r}), agent_archive.__file__; "
    "sys.stdout.buffer.write(agent_archive.build())"
)


def alone(*argv: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-I", *argv], capture_output=True, check=False, cwd="/", timeout=60)


@pytest.mark.parametrize(("argv", "status", "told"), [(["--help"], 0, b"restore"), (["swap", "no-such-swap"], 2, b"no-such-swap")])
def test_the_packed_agent_runs_alone(tmp_path, argv: list[str], status: int, told: bytes) -> None:
    path = agent_archive.install(Paths(str(tmp_path)))
    done = alone(path, *argv)
    assert (done.returncode, done.stderr if status == 0 else b"") == (status, b"")
    assert told in done.stdout + done.stderr


def test_every_module_in_it_can_be_imported(tmp_path) -> None:
    """Imports inside functions would be missed by running it."""
    path = agent_archive.install(Paths(str(tmp_path)))
    names = [name[:-3].replace("/", ".") for name in zipfile.ZipFile(path).namelist() if name.startswith("twostep_agent/")]
    done = alone("-c", f"import sys, importlib; sys.path.insert(0, {path!r}); [importlib.import_module(name) for name in {names!r}]")
    assert (done.returncode, done.stderr) == (0, b"")
    assert {"twostep_agent.host.swap", "twostep_agent.core.slots"} < set(names)
    assert not [name for name in names if "ansible" in name or name.endswith(".dkms_job")]


def test_the_same_sources_give_the_same_bytes() -> None:
    assert agent_archive.build() == agent_archive.build()


def test_it_is_built_from_inside_a_zip_too(tmp_path) -> None:
    """Ansible ships modules as a zip file, and imports them from it."""
    root = os.path.dirname(os.path.dirname(agent_archive.__file__))
    payload = tmp_path / "payload.zip"
    with zipfile.ZipFile(payload, "w") as archive:
        parts = PACKAGE.split("/")
        for depth in range(1, len(parts) + 1):
            archive.writestr("/".join(parts[:depth]) + "/__init__.py", "")
        for folder in ("core", "host"):
            for name in sorted(os.listdir(os.path.join(root, folder))):
                if name.endswith(".py"):
                    archive.write(os.path.join(root, folder, name), f"{PACKAGE}/{folder}/{name}")
    done = alone("-c", PRINT_BUILD.format(path=str(payload)))
    assert done.stderr == b""
    assert done.stdout == agent_archive.build()


def test_nothing_in_it_depends_on_when_and_where_it_was_built() -> None:
    for entry in zipfile.ZipFile(io.BytesIO(agent_archive.build())).infolist():
        assert (entry.date_time, entry.compress_type, entry.create_system) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED, 3)
        assert entry.external_attr >> 16 == stat.S_IFREG | 0o644


def test_its_name_is_its_checksum_and_it_is_private(tmp_path) -> None:
    paths = Paths(str(tmp_path))
    wanted, is_there = agent_archive.wanted_path(paths)
    assert not is_there
    path = agent_archive.install(paths)
    with open(path, "rb") as stream:
        checksum = hashlib.sha256(stream.read()).hexdigest()
    assert path == wanted == f"{paths.lib}/agent-{checksum[:12]}.pyz"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(paths.lib).st_mode) == 0o755
    assert agent_archive.wanted_path(paths) == (path, True)
    assert os.listdir(paths.lib) == [os.path.basename(path)]


def test_one_that_is_there_is_left_alone_and_a_damaged_one_is_replaced(tmp_path) -> None:
    paths = Paths(str(tmp_path))
    path = agent_archive.install(paths)
    before = os.stat(path).st_ino
    assert agent_archive.install(paths) == path
    assert os.stat(path).st_ino == before
    with open(path, "ab") as stream:
        stream.write(b"x")
    agent_archive.install(paths)
    assert agent_archive.wanted_path(paths) == (path, True)


def test_a_folder_that_cannot_be_written(tmp_path) -> None:
    (tmp_path / "usr/local").mkdir(parents=True)
    (tmp_path / "usr/local/lib").write_text("")
    with pytest.raises(TwostepError) as caught:
        agent_archive.install(Paths(str(tmp_path)))
    assert caught.value.code == "agent_not_installed"
    assert caught.value.message.endswith(".pyz cannot be written: Not a directory.")
    assert caught.value.next_step == "Look at the filesystem of the host."
