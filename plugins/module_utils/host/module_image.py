# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module files in memory, and loading and unloading without another program.

Only `two_step` needs this: between the old module and the new one a slot serves nothing, so nothing may be read from a disk then.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

from ..core.errors import TwostepError
from . import module_file

_MAX_BYTES = 64 * 1024 * 1024
_MCL_CURRENT_AND_FUTURE = 3


def read(path: str) -> bytes:
    """Return the uncompressed content of a module file.

    :raises TwostepError: `no_module_file`, `zstd_unreadable`, `not_a_module`.
    """
    if path.endswith(".zst"):
        raise TwostepError(
            "zstd_unreadable",
            f"The module file {path} is compressed with zstd, and two_step has to hold it uncompressed in memory.",
            "Let DKMS install it uncompressed, or use a module name with the version in it, which needs no two_step.",
            {"path": path},
        )
    return module_file.unpack(path, module_file.read(path, _MAX_BYTES), _MAX_BYTES)


class Loader:
    """The kernel's own calls for modules, through the C library."""

    def __init__(self) -> None:
        self._libc: Any = ctypes.CDLL(None, use_errno=True)

    def lock_memory(self) -> None:
        """Keep everything that this process has, and will have, in memory; False is no option when it matters."""
        if self._libc.mlockall(_MCL_CURRENT_AND_FUTURE) != 0:
            number = ctypes.get_errno()
            raise TwostepError(
                "no_locked_memory",
                f"The agent cannot lock its memory: {os.strerror(number)}.",
                "Raise the limit of locked memory for services, or free memory.",
            )

    def insert(self, module: str, image: bytes) -> None:
        """Load a module from memory; one of that name that is there already is fine."""
        if self._libc.init_module(image, ctypes.c_ulong(len(image)), b"") == 0:
            return
        number = ctypes.get_errno()
        if number != errno.EEXIST:
            raise TwostepError(
                "load_failed",
                f"The kernel refused module {module}: {os.strerror(number)}.",
                "Read the kernel log of the host.",
                {"module": module, "errno": errno.errorcode.get(number, str(number))},
            )

    def remove(self, module: str) -> None:
        """Unload a module that nobody uses."""
        if self._libc.delete_module(module.encode("ascii"), os.O_NONBLOCK) == 0:
            return
        number = ctypes.get_errno()
        if number != errno.ENOENT:
            raise TwostepError(
                "unload_failed",
                f"The kernel keeps module {module}: {os.strerror(number)}.",
                "Find out who uses it in /sys/module, and unload it then.",
                {"module": module, "errno": errno.errorcode.get(number, str(number))},
            )
