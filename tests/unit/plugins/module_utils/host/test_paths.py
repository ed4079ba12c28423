# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths: everything is below the root, and on a real host the root is nothing."""

from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


def every(paths: Paths) -> dict:
    found = {name: getattr(paths, name) for name, value in vars(Paths).items() if isinstance(value, property)}
    found["modules"] = paths.modules("6.1.0")
    return found


def test_all_paths_are_below_the_root() -> None:
    assert {name: path for name, path in every(Paths("/nowhere")).items() if not path.startswith("/nowhere/")} == {}


def test_the_root_is_nothing_on_a_real_host() -> None:
    rooted, real = every(Paths("/nowhere")), every(Paths())
    assert {name: "/nowhere" + path for name, path in real.items()} == rooted


def test_the_documented_ones() -> None:
    paths = Paths()
    assert paths.configfs == "/sys/kernel/config/twostep"
    assert paths.status == "/sys/kernel/twostep"
    assert paths.ledger == "/var/lib/twostep/ledger.jsonl"
    assert paths.modules("6.1.0") == "/lib/modules/6.1.0"
