# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import dkms_needs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

K = "6.1.0-56-cloud-amd64"
PACKAGE = dkms_conf.package("twostep", "1.0.0")


@pytest.mark.parametrize(
    ("os_release", "next_step"),
    [
        ("ID=debian\n", f"Install the package linux-headers-{K}."),
        ("ID=rocky\nID_LIKE='rhel'\n", f"Install the package kernel-devel-{K}."),
        (None, "Install the headers or development package of this kernel."),
    ],
)
def test_the_package_with_the_headers_is_named(tmp_path: Path, os_release: str | None, next_step: str) -> None:
    if os_release is not None:
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/os-release").write_text(os_release)
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_headers(Paths(str(tmp_path)), K)
    assert (caught.value.code, caught.value.next_step) == ("no_headers", next_step)


def test_a_dangling_build_link_is_missing_headers(tmp_path: Path) -> None:
    folder = tmp_path / "lib/modules" / K
    folder.mkdir(parents=True)
    (folder / "build").symlink_to("/usr/src/gone")
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_headers(Paths(str(tmp_path)), K)
    assert caught.value.code == "no_headers"


@pytest.mark.parametrize(
    ("auto_conf", "programs", "missing"),
    [
        ("", {"make", "gcc"}, None),
        ("", {"make", "clang"}, "gcc"),
        ("", {"gcc"}, "make"),
        ("CONFIG_CC_IS_CLANG=y\n", {"make", "clang"}, None),
        ("CONFIG_CC_IS_CLANG=y\n", {"make", "gcc"}, "clang"),
    ],
)
def test_the_compiler_is_the_kernels(tmp_path: Path, auto_conf: str, programs: set[str], missing: str | None) -> None:
    config = tmp_path / "lib/modules" / K / "build/include/config"
    config.mkdir(parents=True)
    (config / "auto.conf").write_text(auto_conf)

    def which(name: str) -> str | None:
        return name if name in programs else None

    if missing is None:
        dkms_needs.check_build(Paths(str(tmp_path)), which, PACKAGE, K)
        return
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_build(Paths(str(tmp_path)), which, PACKAGE, K)
    assert (caught.value.code, caught.value.next_step) == ("no_compiler", f"Install the package {missing}.")


def test_dkms_itself() -> None:
    dkms_needs.check_dkms(lambda name: f"/usr/sbin/{name}")
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_dkms(lambda _name: None)
    assert str(caught.value) == "DKMS is not installed on this host. Next: Install the package dkms."
