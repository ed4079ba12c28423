# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file that the parent shows in configfs and sysfs has an entry in kmod/ABI, and each entry has its file."""

from __future__ import annotations

import re
from pathlib import Path

CONFIGFS = "/sys/kernel/config/twostep/<slot>/"
CHILD = "/sys/kernel/twostep/children/<module>/"
SLOT = "/sys/kernel/twostep/slots/<slot>/"


def array(source: str, name: str, member: str) -> set[str]:
    """Return what a C array of attributes lists; ``member`` is a pattern with the name as its group."""
    body = re.search(rf"\*{name}\[\] = \{{(.*?)\}};", source, re.DOTALL)
    assert body is not None, f"{name} is not in the source"
    return set(re.findall(member, body[1]))


def shown(root: Path) -> set[str]:
    """Return the paths that the C sources make."""
    parent = root / "kmod/parent"
    control, registry, status = ((parent / name).read_text() for name in ("control.c", "registry.c", "status.c"))
    return {
        *(CONFIGFS + name for name in array(control, "control_attrs", r"&control_attr_(\w+),")),
        *(CHILD + name for name in array(registry, "registration_attrs", r"&child_(\w+)\.attr,")),
        *(SLOT + name for name in array(status, "slot_attrs", r"&slot_(\w+)\.attr,")),
        *(f"{SLOT}last_swap/{name}" for name in array(status, "last_swap_attrs", r"&last_swap_(\w+)\.attr,")),
        "/sys/kernel/twostep/contract",
    }


def described(root: Path) -> set[str]:
    """Return the files that kmod/ABI describes; folders end with a slash and are left out."""
    texts = [path.read_text() for path in (root / "kmod/ABI").iterdir()]
    return {path for text in texts for path in re.findall(r"^What:\s+(\S+)$", text, re.MULTILINE) if not path.endswith("/")}


def test_files_and_entries_are_the_same(root: Path) -> None:
    assert shown(root) == described(root)


def test_what_remap_tells_is_named(root: Path) -> None:
    sources = "".join(path.read_text() for path in (root / "kmod/remap").glob("*.c"))
    found = set(re.findall(r"^REMAP_(?:LATENCY_)?ATTR\((\w+), REMAP_|^\t\.attr = \{ \.name = \"(\w+)\"", sources, re.MULTILINE))
    told = {one or other for one, other in found}
    assert {"reads", "latency_read", "epoch", "changed"} <= told
    entry = (root / "kmod/ABI/sysfs-kernel-twostep").read_text()
    assert {name for name in told if not re.search(rf"\b{name}\b", entry)} == set()
