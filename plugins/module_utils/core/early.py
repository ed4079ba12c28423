# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that the initramfs brings up, because the root file system needs them: the table that goes into it. Scripts are `early_scripts.py`.

There is no Python in an initramfs, so the table is what a shell's `read` takes apart: a line per slot, fields between tabs.
"""

from __future__ import annotations

from typing import Iterable

from . import names
from .boot import BootSlot

TABLE = "/etc/twostep/early"
UNSET = "-"


def wanted(slots: Iterable[BootSlot]) -> list[BootSlot]:
    """Return the slots that the initramfs brings up, in order of their names."""
    return sorted((slot for slot in slots if slot.early), key=lambda slot: slot.slot)


def module(slot: BootSlot) -> str:
    """Return the name of the kernel module that serves a slot after a boot."""
    return names.child_module(slot.family, slot.version)


def table(slots: Iterable[BootSlot]) -> str:
    """Return the table of the slots that are `wanted`: slot, family, version, module, queue_depth, hw_queues, request_bytes, params.

    A limit that is not set is `-`. The parameters come last, because they alone may hold blanks.
    """
    lines = []
    for slot in wanted(slots):
        limits = [UNSET if value is None else str(value) for value in (slot.queue_depth, slot.hw_queues, slot.request_bytes)]
        lines.append("\t".join([slot.slot, slot.family, slot.version, module(slot), *limits, slot.params]) + "\n")
    return "".join(lines)
