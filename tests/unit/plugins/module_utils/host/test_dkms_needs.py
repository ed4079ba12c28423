# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import dkms_needs
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

K = "6.1.0-56-cloud-amd64"
PACKAGE = dkms_conf.package("twostep", "1.0.0")
DEBIAN = 'CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14) 12.2.0"\nCONFIG_GCC_VERSION=120200\n'


def compiler_of(version: str) -> Callable[..., Result]:
    def run(argv: list[str], **_options: object) -> Result:
        assert argv[1:] == ["-dumpversion"]
        return Result(0, f"{version}\n", "")

    return run


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
        dkms_needs.check_build(Paths(str(tmp_path)), which, compiler_of(""), PACKAGE, K)
        return
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_build(Paths(str(tmp_path)), which, compiler_of(""), PACKAGE, K)
    assert (caught.value.code, caught.value.next_step) == ("no_compiler", f"Install the package {missing}.")


@pytest.mark.parametrize(
    ("auto_conf", "programs", "version", "message"),
    [
        (DEBIAN, {"make", "gcc-12", "gcc"}, "12", None),
        (DEBIAN, {"make", "gcc"}, "14", None),
        (DEBIAN, {"make", "gcc"}, "unknown", None),
        (DEBIAN, {"make", "gcc"}, "10", f"gcc is of version 10, but kernel {K} was built with version 12."),
        (DEBIAN, {"make", "gcc-12"}, "11.9.9", f"gcc-12 is of version 11, but kernel {K} was built with version 12."),
        ("", {"make", "gcc"}, "4.9", None),
    ],
)
def test_a_compiler_must_not_be_older_than_the_kernels(
    tmp_path: Path, auto_conf: str, programs: set[str], version: str, message: str | None
) -> None:
    config = tmp_path / "lib/modules" / K / "build/include/config"
    config.mkdir(parents=True)
    (config / "auto.conf").write_text(auto_conf)

    def check() -> None:
        dkms_needs.check_compiler(Paths(str(tmp_path)), lambda name: name if name in programs else None, compiler_of(version), K)

    if message is None:
        check()
        return
    with pytest.raises(TwostepError) as caught:
        check()
    assert (caught.value.code, caught.value.message) == ("old_compiler", message)


def test_which_kernels_a_package_is_meant_for(tmp_path: Path) -> None:
    package = dkms_conf.package("twostep", "1.0.0", exclusive={"kernel": "^6\\.1", "config": ["CONFIG_BLOCK"]})
    paths = Paths(str(tmp_path))
    assert dkms_needs.exclusion(paths, package, K, "x86_64") == ""
    assert dkms_needs.exclusion(paths, package, "5.10.0-1-amd64", "x86_64") == "BUILD_EXCLUSIVE_KERNEL is ^6\\.1"
    (tmp_path / "lib/modules" / K / "build").mkdir(parents=True)
    (tmp_path / "lib/modules" / K / "build/.config").write_text("# CONFIG_BLOCK is not set\n")
    assert dkms_needs.exclusion(paths, package, K, "x86_64") == "BUILD_EXCLUSIVE_CONFIG asks for CONFIG_BLOCK"


def test_dkms_itself() -> None:
    dkms_needs.check_dkms(lambda name: f"/usr/sbin/{name}")
    with pytest.raises(TwostepError) as caught:
        dkms_needs.check_dkms(lambda _name: None)
    assert str(caught.value) == "DKMS is not installed on this host. Next: Install the package dkms."
