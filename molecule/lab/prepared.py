# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``prepared`` layer: a node on which the installed collection has set up parent, child and one slot.

It is made by the collection's own ``install_parent`` playbook, with what a builder has built, and keyed by what that playbook can
reach: a change of plugins, roles or sources makes it anew.
"""

from __future__ import annotations

import json
import os
import pathlib

from . import image, layer, paths

SLOT = {"name": "data", "params": "lower=/dev/vdb"}
VARIABLES = {"twostep_family": "remap", "twostep_version": "1.0.0", "twostep_slots": [SLOT]}
_REACHED = ("plugins/", "roles/", "kmod/", "playbooks/")


def _collection() -> pathlib.Path:
    """Return the installed artifact's folder; only that is ever tested, never a checkout."""
    root = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    folder = pathlib.Path(root) / "ansible_collections/twostep/hotswap"
    if not (folder / "FILES.json").is_file():
        raise SystemExit(f"lab: no installed collection in {root!r}. Next: run through make, which builds and installs the artifact.")
    return folder


def key() -> str:
    """Return a digest of the installed files that matter."""
    listing = json.loads((_collection() / "FILES.json").read_text(encoding="utf-8"))
    entries = sorted(
        f"{entry['name']} {entry['chksum_sha256']}"
        for entry in listing["files"]
        if entry["ftype"] == "file" and entry["name"].startswith(_REACHED)
    )
    return paths.digest(*entries, json.dumps(VARIABLES, sort_keys=True))


def get(built: image.Image) -> pathlib.Path:
    """Return the layer's folder, made first if need be."""
    command = [
        "sh", "-c", 'exec ansible-playbook --inventory "$LAB_INVENTORY" twostep.hotswap.install_parent --extra-vars "$0"',
        json.dumps(VARIABLES),
    ]  # fmt: skip
    return layer.derived("prepared", layer.booted(built), built, key(), command, with_builder=True)
