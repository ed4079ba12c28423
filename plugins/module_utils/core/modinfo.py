# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module file says about itself, as data. Reading files is ``host/modinfo.py``."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import elf, module_signature
from .module_signature import Signature


@dataclass(frozen=True)
class ModuleInfo:
    """Facts of one module file. ``fields`` holds every modinfo key with all its values; missing ones read as empty.

    A file can be ``signed`` by a mark at its end without a ``signature`` that can be read.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    signed: bool = False
    signature: Signature | None = None

    def first(self, key: str) -> str:
        """Return the first value of ``key``, or an empty string."""
        values = self.fields.get(key)
        return values[0] if values else ""

    @property
    def name(self) -> str:
        return self.first("name")

    @property
    def version(self) -> str:
        return self.first("version")

    @property
    def vermagic(self) -> str:
        return self.first("vermagic")

    @property
    def srcversion(self) -> str:
        return self.first("srcversion")

    @property
    def kernel(self) -> str:
        """Kernel release that the module was built for: the first word of the version magic."""
        return self.vermagic.split(" ", 1)[0]


def from_elf(data: bytes) -> ModuleInfo:
    """Return the facts of an uncompressed module or raise ``not_a_module``."""
    return ModuleInfo(elf.modinfo(data), elf.is_signed(data), module_signature.find(data))


def from_modinfo_output(text: str) -> ModuleInfo:
    """Return the facts as printed by ``modinfo -0``: items ``key: value`` that end with a NUL.

    The program adds ``filename``, and for a signed module the ``sig*`` keys, none of which is in the file's modinfo.
    """
    fields: dict[str, list[str]] = {}
    for item in text.split("\0"):
        key, colon, value = item.partition(":")
        if colon:
            fields.setdefault(key.strip(), []).append(value.strip())
    signed = "sig_id" in fields or "signature" in fields
    shown_only = ("filename", "sig_id", "signer", "sig_key", "sig_hashalgo", "signature")
    signature = None
    if signed:
        told = {key: fields.get(key, [""])[0] for key in shown_only}
        key = told["sig_key"].replace(":", "").lower()
        signature = Signature(0, hash=told["sig_hashalgo"], signer=told["signer"], key=key)
    return ModuleInfo({key: values for key, values in fields.items() if key not in shown_only}, signed, signature)
