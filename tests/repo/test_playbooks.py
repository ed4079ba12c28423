# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook can be called as twostep.hotswap.<name>, and the promised ones exist."""

from __future__ import annotations

from pathlib import Path

PROMISED = {"install_parent", "preflight", "rollback", "rolling_reload", "rolling_upgrade", "status"}


def test_names_are_identifiers(root: Path) -> None:
    names = {path.stem for path in (root / "playbooks").glob("*.y*ml")}
    assert names >= PROMISED
    assert [name for name in names if not name.isidentifier()] == []


def test_playbooks_have_one_suffix(root: Path) -> None:
    assert list((root / "playbooks").glob("*.yaml")) == []
