# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DKMS build needs on a host, found by looking before anything is changed."""

from __future__ import annotations

import os
from typing import Callable, Optional

from ..core import build_exclusive, build_needs, distro
from ..core.dkms_conf import Package
from ..core.errors import TwostepError
from . import dkms_tree
from .paths import Paths
from .runner import Run

Which = Callable[[str], Optional[str]]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def check_dkms(which: Which) -> None:
    """Raise `no_dkms` unless DKMS is installed."""
    if which("dkms") is None:
        raise TwostepError("no_dkms", "DKMS is not installed on this host.", "Install the package dkms.")


def check_kernel(paths: Paths, kernel: str) -> None:
    """Raise `no_kernel` unless the host has a module folder for `kernel`."""
    if not os.path.isdir(paths.modules(kernel)):
        raise TwostepError(
            "no_kernel",
            f"Kernel {kernel} is not installed on this host: /lib/modules/{kernel} is missing.",
            "Name a kernel that is installed.",
        )


def exclusion(paths: Paths, wanted: Package, kernel: str, arch: str) -> str:
    """Return why `wanted` is not meant for `kernel`, or an empty string."""
    return build_exclusive.reason(wanted.exclusive, kernel, arch, _text(os.path.join(paths.modules(kernel), "build/.config")))


def check_compiler(paths: Paths, which: Which, run: Run, kernel: str) -> None:
    """Raise `no_compiler`, or `old_compiler` for one of an older major version than the kernel was built with."""
    kernels = build_needs.compiler(_text(os.path.join(paths.modules(kernel), "build/include/config/auto.conf")))
    program = next((name for name in kernels.programs if which(name)), None)
    missing = "make" if which("make") is None else kernels.programs[-1] if program is None else ""
    if missing or program is None:
        raise TwostepError("no_compiler", f"The build needs {missing}, which is not installed.", f"Install the package {missing}.")
    found = build_needs.major(run([program, "-dumpversion"]).stdout)
    if 0 < found < kernels.major:
        raise TwostepError(
            "old_compiler",
            f"{program} is of version {found}, but kernel {kernel} was built with version {kernels.major}.",
            f"Install {kernels.programs[-1]} {kernels.major} or a newer one.",
            {"found": found, "kernel": kernels.major},
        )


def check_build(paths: Paths, which: Which, run: Run, wanted: Package, kernel: str) -> None:
    """Raise unless headers, compiler, packages and symbol versions for a build of `wanted` for `kernel` are there."""
    check_headers(paths, kernel)
    check_compiler(paths, which, run, kernel)
    for name in wanted.depends:
        if not dkms_tree.active_link(paths, name, kernel):
            raise TwostepError(
                "no_dependency",
                f"{wanted.name} needs the DKMS package {name}, which is not installed for kernel {kernel}.",
                f"Install {name} for this kernel first.",
            )
    if wanted.symvers_from and not dkms_tree.symvers(paths, wanted.symvers_from, kernel):
        raise TwostepError(
            "no_symvers",
            f"{wanted.symvers_from} has published no symbol versions for kernel {kernel}.",
            f"Install {wanted.symvers_from} for this kernel with symvers: publish.",
        )


def check_headers(paths: Paths, kernel: str) -> None:
    """Raise `no_headers` unless the build folder of `kernel` is there."""
    if os.path.isdir(os.path.join(paths.modules(kernel), "build/include")):
        return
    package = distro.headers_package(_text(paths.at("/etc/os-release")), kernel)
    raise TwostepError(
        "no_headers",
        f"The headers of kernel {kernel} are not installed: /lib/modules/{kernel}/build is missing.",
        f"Install the package {package}." if package else "Install the headers or development package of this kernel.",
        {"package": package},
    )
