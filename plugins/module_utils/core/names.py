# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: the only door through which a family, version, slot or package name comes in.

A name that passed here is safe in a path component and in an argument list: it has no
separator, no leading dash, no dot component and no character outside ASCII.
"""

from __future__ import annotations

import re

from .errors import TwostepError

_FAMILY = re.compile(r"[a-z][a-z0-9]{0,15}")
_VERSION = re.compile(r"[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}")
_SLOT = re.compile(r"[a-z][a-z0-9_-]{0,15}")
_PACKAGE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_MODULE = re.compile(r"[a-z][a-z0-9_]{0,55}")
_KERNEL_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,54}")
_KERNEL = re.compile(r"[0-9][A-Za-z0-9._+~-]{0,63}")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def _checked(value: object, pattern: re.Pattern[str], code: str, what: str, next_step: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise TwostepError(code, f"{what} {str(value)[:80]!r} is not a valid name.", next_step)
    return value


def family(value: object) -> str:
    """Return ``value`` as a family name or raise ``bad_family``."""
    return _checked(value, _FAMILY, "bad_family", "family", "Use lower-case letters and digits, e.g. remap.")


def version(value: object) -> str:
    """Return ``value`` as a version ``X.Y.Z`` or raise ``bad_version``.

    An unquoted ``1.10`` is read by YAML as the number 1.1, so the message says to quote.
    """
    return _checked(
        value,
        _VERSION,
        "bad_version",
        "version",
        'Write three numbers, quoted, e.g. "1.1.0" (YAML reads an unquoted 1.10 as the number 1.1).',
    )


def slot(value: object) -> str:
    """Return ``value`` as a slot name or raise ``bad_slot``."""
    return _checked(value, _SLOT, "bad_slot", "slot", "Use up to 16 of a-z, 0-9, - and _, beginning with a letter.")


def disk(slot_name: object) -> str:
    """Return the kernel's name of a slot's disk, as in /sys/block; raises as `slot` does."""
    return f"twostep!{slot(slot_name)}"


def package(value: object) -> str:
    """Return ``value`` as a DKMS package name or raise ``bad_package``."""
    return _checked(value, _PACKAGE, "bad_package", "package", "Use up to 32 of a-z, 0-9 and -, beginning with a letter.")


def module(value: object) -> str:
    """Return ``value`` as a kernel module name or raise ``bad_module``."""
    return _checked(value, _MODULE, "bad_module", "module", "Use up to 56 of a-z, 0-9 and _, beginning with a letter.")


def kernel_module(value: object) -> str:
    """Return ``value`` as the name of any loaded module, as lsmod prints it, or raise ``bad_module``.

    The kernel has room for 55 characters (``MODULE_NAME_LEN``), and writes dashes as underscores.
    """
    return _checked(value, _KERNEL_MODULE, "bad_module", "module", "Write it as lsmod prints it: up to 55 letters, digits and _.")


def kernel(value: object) -> str:
    """Return ``value`` as a kernel release (``uname -r``) or raise ``bad_kernel``."""
    return _checked(value, _KERNEL, "bad_kernel", "kernel release", "Use a name as printed by uname -r.")


def identifier(value: object) -> str:
    """Return ``value`` as a run or swap id or raise ``bad_id``."""
    return _checked(value, _ID, "bad_id", "id", "Use up to 64 of a-z, 0-9 and -.")


def child_module(family_name: str, child_version: str) -> str:
    """Return the module name of a child: ``("remap", "1.1.0")`` gives ``twostep_remap_1_1_0``."""
    return f"twostep_{family(family_name)}_{version(child_version).replace('.', '_')}"


def child_package(family_name: str) -> str:
    """Return the DKMS package of a family: ``remap`` gives ``twostep-remap``."""
    return f"twostep-{family(family_name)}"


def version_key(child_version: str) -> tuple[int, int, int]:
    """Return a sortable key; ordering only, never a statement about compatibility."""
    first, second, third = version(child_version).split(".")
    return int(first), int(second), int(third)
