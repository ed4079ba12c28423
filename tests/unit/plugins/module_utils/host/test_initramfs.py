# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.initramfs import Initramfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host import initramfs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "boot").mkdir()
    for release in ("6.1.0-1", "6.1.0-2", "no kernel's name"):
        (tmp_path / "lib/modules" / release).mkdir(parents=True)
    return tmp_path


def test_kernels_are_those_with_modules_and_an_initramfs(root: Path) -> None:
    paths = Paths(str(root))
    assert initramfs.kernels(paths) == []
    for name in ("initramfs-6.1.0-2.img", "initrd.img-6.1.0-1", "initrd.img-6.1.0-3"):
        (root / "boot" / name).touch()
    assert initramfs.kernels(paths) == ["6.1.0-1", "6.1.0-2"]
    assert initramfs.kernels(Paths(str(root / "none"))) == []


def test_one_is_listed(root: Path) -> None:
    paths, path = Paths(str(root)), str(root / "boot/initrd.img-6.1.0-1")
    assert initramfs.look(paths, "6.1.0-1", lambda _argv, **_options: Result(0, "", "")) is None
    Path(path).touch()
    found = initramfs.look(paths, "6.1.0-1", lambda _argv, **_options: Result(0, "lib/twostep.ko.xz\n", ""))
    assert found == Initramfs(path, ("twostep",))
