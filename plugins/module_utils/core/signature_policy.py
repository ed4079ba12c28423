# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host demands of a module's signature, from what its kernel says about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LOCKDOWN = re.compile(r"\[(none|integrity|confidentiality)\]")
# Of /proc/keys: flags, uses, time left, permissions, owners, then the type and what the key calls itself.
_KEY = re.compile(r"^[0-9a-f]+ \S+\s+\d+ \S+ [0-9a-f]+\s+\d+\s+\d+ asymmetri (.{1,200}?)(?:: [0-9a-f]{8,128})?: \S+\.\S+", re.MULTILINE)
_MAX_KEYS = 32
SECURE_BOOT_BYTES = 5


@dataclass(frozen=True)
class Policy:
    """`lockdown` and `secure_boot` are `unknown` where nothing tells; `dkms_key` describes the key that DKMS makes by itself."""

    lockdown: str = "unknown"
    secure_boot: str = "unknown"
    sig_enforce: bool = False
    keys: tuple[str, ...] = ()
    dkms_key: str = "absent"

    @property
    def refuses_unsigned(self) -> str:
        """What makes the kernel refuse an unsigned module, or an empty string."""
        if self.sig_enforce:
            return "module.sig_enforce is set"
        if self.lockdown in ("integrity", "confidentiality"):
            return f"the kernel is locked down ({self.lockdown})"
        return ""


def lockdown(text: str | None) -> str:
    """Return the word in brackets of /sys/kernel/security/lockdown; a kernel without the file has no lockdown to be in."""
    if text is None:
        return "none"
    match = _LOCKDOWN.search(text)
    return match[1] if match else "unknown"


def secure_boot(has_efi: bool, variable: bytes | None, mokutil: str) -> str:
    """Return `on`, `off`, `absent` (no EFI) or `unknown`.

    :param variable: content of the EFI variable SecureBoot: four bytes of attributes, then 0 or 1.
    :param mokutil: what `mokutil --sb-state` printed; empty where it is not installed.
    """
    if not has_efi:
        return "absent"
    if variable is not None and len(variable) == SECURE_BOOT_BYTES and variable[4] in (0, 1):
        return "on" if variable[4] else "off"
    words = {"SecureBoot enabled": "on", "SecureBoot disabled": "off"}
    return next((state for text, state in words.items() if text in mokutil), "unknown")


def keys(text: str) -> tuple[str, ...]:
    """Return the names of the public keys in /proc/keys, at most 32: those that this process may see."""
    return tuple(dict.fromkeys(match[1] for match in _KEY.finditer(text)))[:_MAX_KEYS]


def dkms_key(mode: int | None) -> str:
    """Return `absent`, `private`, or `exposed` when others than its owner can read it. DKMS makes it without a passphrase."""
    if mode is None:
        return "absent"
    return "exposed" if mode & 0o077 else "private"
