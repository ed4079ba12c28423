# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor's dkms.conf as data. DKMS would run it as root's shell code; here its values are read, and ours is made from them.

What it says is taken or refused, never guessed: each refusal names the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import build_exclusive, dkms_conf, names
from .build_exclusive import Exclusive
from .dkms_conf import BuiltModule
from .errors import TwostepError
from .shell_assignment import Assignment, executable, not_understood, parse

# What DKMS defines before it reads the file.
_DECLARED = frozenset({"kernelver", "kernel_source_dir", "dkms_tree", "source_tree", "arch", "module", "module_version"})
# Ours says the same of each package, or DKMS no longer acts on it.
_PASSED_OVER = frozenset(
    {"CLEAN", "AUTOINSTALL", "NO_WEAK_MODULES", "REMAKE_INITRD", "STRIP", "DEST_MODULE_LOCATION", "MODPROBE_ON_INSTALL", "DEST_MODULE_NAME"}
)
_TAKEN = frozenset(
    {"PACKAGE_NAME", "PACKAGE_VERSION", "BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "MAKE", "BUILD_DEPENDS"}
    | {"BUILD_EXCLUSIVE_KERNEL", "BUILD_EXCLUSIVE_ARCH", "BUILD_EXCLUSIVE_CONFIG"}
)
_HOOK = re.compile(r"(?:PRE|POST)_[A-Z_]+")
_DESTINATION = re.compile(r"/(?:kernel|updates|extra)(?:/[A-Za-z0-9_.-]+)*/?")
_OPERATOR = re.compile(r"[;&|<>`(){}\\!#]")
_BUILD_FOLDER = re.compile(r"\$\{dkms_tree\}/[^/]+/[^/]+/build(?:/(?P<below>[^$]*))?")
_KERNEL_FOLDERS = ("${kernel_source_dir}", "/lib/modules/${kernelver}/build")
_TARGETS = ("modules", "module", "all", "default")
_JOBS = re.compile(r"-j[0-9]{0,3}")
_MAX_MODULES = 64


@dataclass(frozen=True)
class VendorConf:
    """What a vendor's dkms.conf says. `passed_over` names what it says and ours does not follow."""

    name: str
    version: str
    modules: tuple[BuiltModule, ...]
    make: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    exclusive: Exclusive = field(default_factory=Exclusive)
    passed_over: tuple[str, ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it for a result."""
        return {
            "package": self.name,
            "version": self.version,
            "modules": self.module_options,
            "make": list(self.make),
            "depends": list(self.depends),
            "build_exclusive": self.exclusive_options,
            "passed_over": list(self.passed_over),
        }

    @property
    def module_options(self) -> list[dict[str, str]]:
        return [{"name": module.name, "location": module.location} for module in self.modules]

    @property
    def exclusive_options(self) -> dict[str, Any]:
        return {"kernel": self.exclusive.kernel, "arch": self.exclusive.arch, "config": list(self.exclusive.configs)}


def _at(assignment: Assignment, error: TwostepError) -> TwostepError:
    """Return `error`, which a check of one value raised, with the line of the value."""
    return TwostepError(
        error.code,
        f"The vendor's dkms.conf is refused: line {assignment.line}: {error.message}",
        error.next_step,
        {**error.data, "line": assignment.line},
    )


def _refuse_unusable(assignment: Assignment) -> None:
    name, value, line = assignment.name, assignment.value, assignment.line
    if _HOOK.fullmatch(name) and value:
        raise executable(line, f"the hook {name}")
    if name == "DKMS_DIRECTIVE" or name.startswith("PATCH"):
        raise executable(line, f"{name}, which changes what is built")
    if name == "MAKE_MATCH" or (name == "MAKE" and assignment.index):
        raise not_understood(line, "has a make command for some kernels only")
    if name.startswith("BUILD_EXCLUSIVE_") and name not in _TAKEN:
        raise not_understood(line, f"sets {name}, which is not known here")
    if name == "OBSOLETE_BY" and value:
        raise not_understood(line, "sets OBSOLETE_BY, which is not known here")
    if name == "DEST_MODULE_LOCATION" and _DESTINATION.fullmatch(value) is None:
        raise not_understood(line, "installs to a place that is no module folder")
    if name in ("CLEAN", "MAKE") and _OPERATOR.search(re.sub(r"\$\{[a-z_]+\}", "", value)):
        raise executable(line, f"a second command or an operator of the shell in {name}")
    if name == "CLEAN" and value and value.split()[0] not in ("make", "'make'", "true", ":"):
        raise executable(line, "a CLEAN that is not make")


class _Make:
    """Takes MAKE[0] apart: which folder it builds in, and the arguments that are not ours already."""

    def __init__(self, assignment: Assignment) -> None:
        self.line = assignment.line
        self.folder: str | None = None
        self.arguments: list[str] = []
        self.passed_over: list[str] = []
        words = assignment.value.split()
        if not words or words[0] not in ("make", "'make'"):
            raise executable(self.line, "a MAKE that is not make")
        rest = iter(words[1:])
        for word in rest:
            if word == "-C":
                self.kernel_folder(next(rest, ""))
            elif word.startswith("-C"):
                self.kernel_folder(word[2:])
            elif _JOBS.fullmatch(word):
                self.passed_over.append(word)
            elif word.startswith("-"):
                raise not_understood(self.line, f"gives make the option {word[:40]!r}")
            elif "=" in word:
                self.argument(word)
            elif word not in _TARGETS:
                raise not_understood(self.line, f"asks make for {word[:40]!r}")

    def kernel_folder(self, folder: str) -> None:
        if folder.rstrip("/") not in _KERNEL_FOLDERS:
            raise not_understood(self.line, f"runs make in {folder[:60]!r} instead of the kernel's folder")

    def argument(self, word: str) -> None:
        name, _equals, value = word.partition("=")
        if name in ("M", "SUBDIRS"):
            match = _BUILD_FOLDER.fullmatch(value)
            if match is None:
                raise not_understood(self.line, f"builds in {value[:60]!r} instead of DKMS's build folder")
            self.folder = _folder(match["below"] or "")
        elif "$" not in value:
            self.arguments.append(word)
        elif "${dkms_tree}" in value or "${source_tree}" in value:
            raise not_understood(self.line, f"gives {name[:40]} a folder of DKMS")
        else:
            # It says which kernel is meant; so does our command.
            self.passed_over.append(word)


def _folder(text: str) -> str:
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return "/".join(parts) or "."


def _modules(values: dict[tuple[str, int], Assignment], package: str) -> list[BuiltModule]:
    indexes = sorted({index for name, index in values if name in ("BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_LOCATION")})
    if len(indexes) > _MAX_MODULES:
        raise not_understood(1, f"and the others name more than {_MAX_MODULES} modules")
    found = []
    for index in indexes:
        name = values.get(("BUILT_MODULE_NAME", index)) or Assignment("", index, package if len(indexes) == 1 else "", 1)
        renamed = values.get(("DEST_MODULE_NAME", index))
        if renamed and renamed.value not in ("", name.value):
            raise not_understood(renamed.line, "gives the built module another name")
        location = values.get(("BUILT_MODULE_LOCATION", index)) or Assignment("", index, "", name.line)
        try:
            found.append(BuiltModule(names.module(name.value), dkms_conf.location(_folder(location.value))))
        except TwostepError as error:
            raise _at(location if error.code == "bad_location" else name, error) from None
    return found


def _one(values: dict[tuple[str, int], Assignment], name: str) -> str:
    return values[name, 0].value if (name, 0) in values else ""


def _checked(values: dict[tuple[str, int], Assignment], make: _Make | None) -> tuple[tuple[str, ...], tuple[str, ...], Exclusive]:
    arguments, depends = [], []
    for argument in make.arguments if make else ():
        try:
            arguments.append(dkms_conf.make_argument(argument))
        except TwostepError as error:
            raise _at(values["MAKE", 0], error) from None
    for (name, _index), assignment in sorted(values.items()):
        if name == "BUILD_DEPENDS" and assignment.value:
            try:
                depends.append(names.package(assignment.value))
            except TwostepError as error:
                raise _at(assignment, error) from None
    exclusive = {}
    for key, name in (("kernel", "BUILD_EXCLUSIVE_KERNEL"), ("arch", "BUILD_EXCLUSIVE_ARCH"), ("config", "BUILD_EXCLUSIVE_CONFIG")):
        value = _one(values, name)
        if value:
            exclusive[key] = value.split() if key == "config" else value
            try:
                build_exclusive.exclusive({key: exclusive[key]})
            except TwostepError as error:
                raise _at(values[name, 0], error) from None
    return tuple(arguments), tuple(depends), build_exclusive.exclusive(exclusive)


def read(text: str) -> VendorConf:
    """Return what `text` says.

    :raises TwostepError: `vendor_conf_executable` for what root would execute, `bad_vendor_conf` for what is not understood, or the
        code of a value that is not allowed; each with the line in its message and in `data`.
    """
    values = {(assignment.name, assignment.index): assignment for assignment in parse(text, _DECLARED)}
    passed_over = []
    for assignment in values.values():
        _refuse_unusable(assignment)
        if assignment.name not in _TAKEN and assignment.value:
            passed_over.append(assignment.name)
    package, version = _one(values, "PACKAGE_NAME"), _one(values, "PACKAGE_VERSION")
    if not package or not version:
        raise not_understood(1, "and the others name no package and version")
    make = _Make(values["MAKE", 0]) if _one(values, "MAKE") else None
    modules = _modules(values, package)
    if not modules:
        raise not_understood(1, "and the others name no module")
    for module in modules:
        if make and make.folder is not None and make.folder != module.location:
            raise not_understood(values["MAKE", 0].line, f"builds in {make.folder!r}, but module {module.name} is in {module.location!r}")
    arguments, depends, exclusive = _checked(values, make)
    dropped = tuple(dict.fromkeys([*passed_over, *(make.passed_over if make else [])]))
    return VendorConf(package, version, tuple(modules), arguments, depends, exclusive, dropped)


def check_package(conf: VendorConf, package: str, version: str) -> None:
    """Raise `other_package` unless `conf` is for that package and version. `#MODULE_VERSION#` stands for any version."""
    if conf.name != package or conf.version not in (version, "#MODULE_VERSION#"):
        raise TwostepError(
            "other_package",
            f"The vendor's dkms.conf is for {conf.name[:80]} {conf.version[:40]}, wanted is {package} {version}.",
            "Give package and version as the vendor does, or set vendor_conf: ignore with modules and make of your own.",
            {"package": conf.name[:80], "version": conf.version[:40]},
        )
