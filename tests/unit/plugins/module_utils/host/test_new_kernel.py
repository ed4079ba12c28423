# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pretended DKMS is asked for when a kernel is installed."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot as core_boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, boot, new_kernel
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

NEW = "6.1.0-57-cloud-amd64"
AGENT = "/usr/local/lib/twostep/agent-0123456789ab.pyz"
WANTED = ["dkms", "install", "-m", "twostep-remap", "-v", "1.0.0", "-k", NEW]


class Host(FakeParent):
    """One whose DKMS can build."""

    works = True

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv[0] != "dkms":
            return super().run(argv, timeout_s, stdin)
        self.calls.append(list(argv))
        if not self.works:
            return Result(0, "", "Error! Bad return status")  # it lies with its exit status
        self.put(self.root / f"lib/modules/{NEW}/updates/dkms/twostep_remap_{argv[5].replace('.', '_')}.ko", "")
        return Result(0, "", "")


@pytest.fixture
def fake_parent(tmp_path: Path) -> Host:
    fake = Host(tmp_path)
    for name in ("data", "log"):
        boot.write_slot(fake.paths, core_boot.boot_slot(name, "remap", f"lower=/dev/{name}", "1.0.0"))
    return fake


def test_fake_parent_the_committed_version_is_built_once(fake_parent: Host) -> None:
    assert agent.main(["kernel", NEW], fake_parent.world) == agent.DONE
    assert agent.main(["kernel", NEW], fake_parent.world) == agent.DONE
    assert fake_parent.calls == [WANTED]


def test_fake_parent_what_cannot_be_had_is_told(fake_parent: Host, capsys) -> None:
    fake_parent.works = False
    assert agent.main(["kernel", NEW], fake_parent.world) == agent.FAILED
    said = capsys.readouterr().err
    assert said.startswith(f"twostep: twostep_remap_1_0_0 is not there for {NEW}: dkms install exited 0: Error! Bad return status.")
    assert " Next: " in said


def test_fake_parent_builds_take_their_turn(fake_parent: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = []
    held = contextlib.contextmanager(lambda paths: (yield turns.append(paths)))
    monkeypatch.setattr(new_kernel.dkms_lock, "held", held)
    agent.main(["kernel", NEW], fake_parent.world)
    assert turns == [fake_parent.paths]


def test_fake_parent_one_that_fails_keeps_no_other_from_being_built(fake_parent: Host, capsys) -> None:
    boot.write_slot(fake_parent.paths, core_boot.boot_slot("more", "remap", "", "1.1.0"))
    real = fake_parent.run

    def run(argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv[5] == "1.0.0":
            raise TwostepError("command_timeout", "dkms did not finish.", "Look at the host.")
        return real(argv, timeout_s, stdin)

    object.__setattr__(fake_parent.world, "run", run)
    assert agent.main(["kernel", NEW], fake_parent.world) == agent.FAILED
    assert capsys.readouterr().err == "twostep: dkms did not finish. Next: Look at the host.\n"
    assert [argv[5] for argv in fake_parent.calls] == ["1.1.0"]


def test_fake_parent_a_name_that_is_no_kernel_is_refused(fake_parent: Host) -> None:
    assert agent.main(["kernel", "../x"], fake_parent.world) == agent.REFUSED
    assert fake_parent.calls == []


def test_the_script_is_put_where_packages_of_kernels_look(tmp_path: Path) -> None:
    paths = FakeParent(tmp_path).paths
    assert new_kernel.is_current(paths, AGENT)  # no such place
    new_kernel.install(paths, AGENT)
    folder = tmp_path / "etc/kernel/postinst.d"
    folder.mkdir(parents=True)
    assert not new_kernel.is_current(paths, AGENT)
    new_kernel.install(paths, AGENT)
    assert new_kernel.is_current(paths, AGENT)
    assert not new_kernel.is_current(paths, AGENT.replace("0", "1"))
    (script,) = folder.iterdir()
    assert sorted(["initramfs-tools", "dkms", script.name]) == ["dkms", script.name, "initramfs-tools"]
    assert script.stat().st_mode & 0o777 == 0o755
    new_kernel.remove(paths)
    new_kernel.remove(paths)
    assert list(folder.iterdir()) == []


def test_the_script_asks_the_agent_and_never_fails(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 1\n')
    python.chmod(0o700)
    script = tmp_path / "script"
    script.write_text(core_boot.render_kernel_script(AGENT, str(python)))
    subprocess.run(["sh", str(script), NEW, "/boot/vmlinuz"], check=True)
    assert (tmp_path / "asked").read_text() == f"{AGENT} kernel {NEW}\n"
