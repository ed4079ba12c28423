# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits of a slot that the initramfs brings up, against a pretended parent and a pretended update-initramfs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import early as core_early
from ansible_collections.twostep.hotswap.plugins.module_utils.core import early_scripts
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, boot, early
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, FakeParent
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.host.test_swap import BOOT, perform
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.host.test_swap_job import apply

MAKE = ["timeout", "--kill-after=30", "900", "update-initramfs", "-u", "-k", RELEASE]


class Host(FakeParent):
    """A host whose initramfs has what the boot configuration named when it was made."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.image = ""
        self.fails_for = ""
        self.goes_back = False

    def write(self, path: str, text: str) -> None:
        if self.goes_back and path.endswith("/commit"):
            self.set(version="1.0.0", parked="")  # the probation ends in this very moment
            raise OSError(errno.ESTALE, "stale")
        super().write(path, text)

    def run(self, argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv == MAKE:
            if self.committed() == self.fails_for:
                self.calls.append(argv)
                return Result(1, "", "No space left on device")
            self.image = self.committed()
        elif argv[0] == "lsinitramfs":
            found = boot.read_slot(self.paths, "data")
            assert found is not None
            mark = early_scripts.digest(core_early.table([found.with_version(self.image)]))
            names = ("twostep", f"twostep_remap_{self.image.replace('.', '_')}")
            return Result(0, "".join([*(f"lib/{name}.ko\n" for name in names), f"etc/twostep/early-{mark}\n"]), "")
        return super().run(argv, timeout_s, stdin)

    def committed(self) -> str:
        found = boot.read_slot(self.paths, "data")
        return found.version if found else ""


@pytest.fixture
def fake_parent(tmp_path: Path) -> Host:
    fake = Host(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT.replace("}", ', "early": true}'))
    fake.put(tmp_path / "usr/share/initramfs-tools/hook-functions", "")
    fake.put(tmp_path / f"boot/initrd.img-{RELEASE}", "")
    return fake


def test_fake_parent_the_initramfs_is_made_before_the_old_version_is_let_go(fake_parent: Host) -> None:
    parked = []
    real = fake_parent.run

    def run(argv: list[str], timeout_s: float = 60.0, stdin: str | None = None) -> Result:
        if argv == MAKE:
            parked.append(fake_parent.get("parked"))
        return real(argv, timeout_s, stdin)

    object.__setattr__(fake_parent.world, "run", run)
    result = perform(fake_parent)
    assert (result.outcome, parked, fake_parent.image, fake_parent.committed()) == ("committed", ["1.0.0"], "1.1.0", "1.1.0")
    assert early.is_made(fake_parent.paths, RELEASE)


def test_fake_parent_without_it_there_is_no_commit(fake_parent: Host) -> None:
    fake_parent.fails_for = "1.1.0"
    result = perform(fake_parent)
    assert (result.outcome, result.code) == ("failed", "initramfs_failed")
    assert "No space left on device" in result.message
    assert (fake_parent.get("parked"), fake_parent.committed(), fake_parent.image) == ("1.0.0", "1.0.0", "1.0.0")
    assert [name for name, _text in fake_parent.writes] == ["swap"]
    fake_parent.fails_for = ""
    assert perform(fake_parent, swap=False, generation=2).outcome == "committed"
    assert (fake_parent.committed(), fake_parent.image) == ("1.1.0", "1.1.0")


def test_fake_parent_a_commit_that_the_kernel_refuses_is_taken_back_there_too(fake_parent: Host) -> None:
    perform(fake_parent, commit=False)
    fake_parent.goes_back = True
    result = perform(fake_parent, swap=False, generation=2)
    assert (result.outcome, fake_parent.committed(), fake_parent.image) == ("failed", "1.0.0", "1.0.0")
    assert result.notes == ()


def test_fake_parent_what_could_not_be_taken_back_is_told(fake_parent: Host) -> None:
    perform(fake_parent, commit=False)
    fake_parent.goes_back, fake_parent.fails_for = True, "1.0.0"
    result = perform(fake_parent, swap=False, generation=2)
    # The boot configuration never names again what the kernel has just refused.
    assert (result.outcome, result.code, fake_parent.committed()) == ("failed", "stale_generation", "1.0.0")
    (note,) = result.notes
    assert note.startswith("The next boot may not bring up 1.0.0: update-initramfs exited 1 for ")


def test_fake_parent_another_kernel_that_lacks_the_module_is_told(fake_parent: Host) -> None:
    other = RELEASE.replace("56", "55")
    fake_parent.put(fake_parent.root / f"boot/initrd.img-{other}", "")
    fake_parent.put(fake_parent.root / f"lib/modules/{other}/modules.dep", "")
    result = perform(fake_parent)
    assert result.notes == (f"Kernel {other} lacks a module of its slots: its initramfs brings up what it did before.",)


def test_fake_parent_a_commit_whose_initramfs_was_never_made_is_made_up_for(fake_parent: Host) -> None:
    perform(fake_parent)
    os.unlink(f"{fake_parent.paths.early}/{RELEASE}")  # an agent that died before: a two_step leaves nothing parked
    fake_parent.on_start = lambda swap_id: agent.main(["swap", swap_id], fake_parent.world)
    assert apply(fake_parent, "1.1.0").step.action == "commit"
    assert early.is_made(fake_parent.paths, RELEASE)
    assert apply(fake_parent, "1.1.0").step.action == "none"
