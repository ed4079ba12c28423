# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How built modules are to be signed, as data. Holds paths and names, never a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from .errors import TwostepError

HASHES = ("sha256", "sha384", "sha512")
_PATH = re.compile(r"/[\x21-\x7e]{1,255}")
_MAX_WORDS = 32


@dataclass(frozen=True)
class Signing:
    """Either `key` (a file on the host, used by the kernel's sign-file) or `command`, which gets the path of a file appended."""

    certificate: str
    key: str = ""
    command: tuple[str, ...] = ()
    hash: str = "sha256"


def _bad(message: str, next_step: str) -> TwostepError:
    return TwostepError("bad_sign", message, next_step)


def _path(value: object, name: str) -> str:
    if not isinstance(value, str) or _PATH.fullmatch(value) is None or ".." in value.split("/"):
        # Not shown: a key that was pasted instead of a path would be, too.
        raise _bad(f"sign.{name} is not an absolute path.", f"Give the path of a file on the host in sign.{name}.")
    return value


def signing(values: Mapping[str, Any] | None) -> Signing | None:
    """Return the checked request, None when nothing is to be signed, or raise `bad_sign`."""
    if not values:
        return None
    key, command = values.get("key"), values.get("command")
    if bool(key) == bool(command):
        raise _bad("sign wants either a key or a command.", "Set sign.key to a file on the host, or sign.command for a key elsewhere.")
    if values.get("hash", "sha256") not in HASHES:
        raise _bad("sign.hash is not one that is accepted.", f"Use one of {', '.join(HASHES)}.")
    certificate = _path(values.get("certificate"), "certificate")
    if key:
        return Signing(certificate, key=_path(key, "key"), hash=values.get("hash", "sha256"))
    words = list(command or [])
    if len(words) > _MAX_WORDS or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise _bad("sign.command is not a list of words.", "Give the program's path and its arguments as a list.")
    return Signing(certificate, command=(_path(words[0], "command[0]"), *words[1:]), hash=values.get("hash", "sha256"))
