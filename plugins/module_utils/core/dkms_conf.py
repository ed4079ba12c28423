# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DKMS package as data, and the dkms.conf made from it.

dkms.conf is sourced by a shell of root, and its MAKE line is evaluated once more. So a value
gets in only through `package()`, whose patterns admit no character that means anything to a shell.
The few `$` words in the text below are our own; DKMS defines them before it sources the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping

from . import build_exclusive, names
from .build_exclusive import Exclusive
from .errors import TwostepError

PUBLISH_SCRIPT = "twostep-publish-symvers.sh"
# The top folder, or parts that begin with no dot and no dash.
_LOCATION = re.compile(r"\.|[A-Za-z0-9_][A-Za-z0-9_.+-]{0,31}(/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,31}){0,3}")
_MAKE = re.compile(r"[A-Z][A-Z0-9_]{0,63}=[A-Za-z0-9._+:,/=-]{0,128}")
_RESERVED_MAKE = ("M", "O", "C", "KERNELRELEASE", "KBUILD_EXTRA_SYMBOLS", "SHELL", "MAKEFLAGS")


@dataclass(frozen=True)
class BuiltModule:
    """One module: its name and the folder in the source tree whose Kbuild makes it."""

    name: str
    location: str


@dataclass(frozen=True)
class Package:
    """A DKMS package. Every field has passed its pattern."""

    name: str
    version: str
    modules: tuple[BuiltModule, ...] = ()
    make: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    publish_symvers: bool = False
    symvers_from: str = ""
    exclusive: Exclusive = field(default_factory=Exclusive)

    @property
    def source(self) -> str:
        """Name of the folder in /usr/src."""
        return f"{self.name}-{self.version}"

    @property
    def locations(self) -> list[str]:
        return list(dict.fromkeys(module.location for module in self.modules))


def location(value: object) -> str:
    """Return ``value`` as a folder inside the source tree, ``.`` for its top, or raise ``bad_location``."""
    if not isinstance(value, str) or _LOCATION.fullmatch(value) is None:
        raise TwostepError(
            "bad_location",
            f"location {str(value)[:80]!r} is not a folder inside the source tree.",
            "Name the folder that holds the module's Kbuild, e.g. remap, or . for the top.",
        )
    return value


def make_argument(value: object) -> str:
    """Return ``value`` as an argument for make or raise ``bad_make``."""
    if not isinstance(value, str) or _MAKE.fullmatch(value) is None or value.split("=", 1)[0] in _RESERVED_MAKE:
        raise TwostepError(
            "bad_make",
            f"make argument {str(value)[:80]!r} is not allowed.",
            f"Write NAME=value without spaces or quotes, e.g. RELEASE=1.1.0; reserved: {', '.join(_RESERVED_MAKE)}.",
        )
    return value


def package(
    name: object,
    version: object,
    *,
    modules: list[dict[str, str]] | None = None,
    make: list[str] | None = None,
    depends: list[str] | None = None,
    publish_symvers: bool = False,
    symvers_from: str | None = None,
    exclusive: Mapping[str, Any] | None = None,
) -> Package:
    """Return the package or raise the code of the first value that does not pass."""
    return Package(
        name=names.package(name),
        version=names.version(version),
        modules=tuple(BuiltModule(names.module(entry.get("name")), location(entry.get("location"))) for entry in modules or []),
        make=tuple(make_argument(argument) for argument in make or []),
        depends=tuple(names.package(entry) for entry in depends or []),
        publish_symvers=publish_symvers,
        symvers_from=names.package(symvers_from) if symvers_from else "",
        exclusive=build_exclusive.exclusive(exclusive),
    )


def _make_command(wanted: Package, folder: str) -> str:
    below = "" if folder == "." else f"/{folder}"
    words = ["make", "-C", "$kernel_source_dir", f"M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build{below}", *wanted.make]
    if wanted.symvers_from:
        # DKMS keeps this link on the installed version of the package for just this kernel,
        # so a build that a kernel upgrade triggers finds the right file too.
        words.append(f"KBUILD_EXTRA_SYMBOLS=$dkms_tree/{wanted.symvers_from}/kernel-$kernelver-$arch/Module.symvers")
    return " ".join([*words, "modules"])


def render(wanted: Package) -> str:
    """Return the text of dkms.conf. The same package gives the same bytes."""
    lines = [
        "# Written by twostep.hotswap.dkms; changes are refused, not merged.",
        f'PACKAGE_NAME="{wanted.name}"',
        f'PACKAGE_VERSION="{wanted.version}"',
    ]
    for index, module in enumerate(wanted.modules):
        lines += [
            f'BUILT_MODULE_NAME[{index}]="{module.name}"',
            f'BUILT_MODULE_LOCATION[{index}]="{module.location}/"',
            f'DEST_MODULE_LOCATION[{index}]="/updates/dkms"',
        ]
    lines += [
        'MAKE[0]="{}"'.format(" && ".join(_make_command(wanted, folder) for folder in wanted.locations)),
        "# DKMS builds in a fresh copy and deletes it afterwards: nothing to clean.",
        'CLEAN="true"',
        'AUTOINSTALL="yes"',
        'NO_WEAK_MODULES="yes"',
    ]
    lines += [f'BUILD_DEPENDS[{index}]="{name}"' for index, name in enumerate(wanted.depends)]
    lines += build_exclusive.render(wanted.exclusive)
    if wanted.publish_symvers:
        sources = " ".join(f"{folder}/Module.symvers" for folder in wanted.locations)
        lines.append(f'POST_BUILD="{PUBLISH_SCRIPT} $dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/$kernelver/$arch {sources}"')
    return "\n".join(lines) + "\n"


def publish_script() -> str:
    """Return the script that DKMS runs after a build to keep the symbol versions for the builds of children."""
    return (
        "#!/bin/sh\n"
        "# Written by twostep.hotswap.dkms. Usage: FOLDER FILE...; runs in the build folder.\n"
        "set -eu\n"
        "folder=$1\n"
        "shift\n"
        'cat "$@" >"$folder/Module.symvers.new"\n'
        'mv -f "$folder/Module.symvers.new" "$folder/Module.symvers"\n'
    )
