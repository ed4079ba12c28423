# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run left behind is found, and what was there before is not blamed on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import leftovers
from leftovers import Snapshot

NOTHING = Snapshot(frozenset(), frozenset(), frozenset())


def test_what_was_there_before_is_not_blamed() -> None:
    state = Snapshot(frozenset({" M a"}), frozenset({"loop0 on x"}), frozenset({"/"}))
    assert leftovers.compare(state, state, [], tree=True) == []


def test_each_kind_is_named() -> None:
    after = Snapshot(frozenset({"?? new"}), frozenset({"loop0 on x"}), frozenset({"/mnt"}))
    assert leftovers.compare(NOTHING, after, ["7 qemu"], tree=True) == [
        "change in the tree: ?? new",
        "process 7 qemu",
        "loop device loop0 on x",
        "mount /mnt",
    ]


def test_a_change_that_vanished_is_a_change() -> None:
    before = Snapshot(frozenset({" M a"}), frozenset(), frozenset())
    assert leftovers.compare(before, NOTHING, [], tree=True) == ["change in the tree:  M a"]


def test_the_tree_is_looked_at_only_when_asked() -> None:
    assert leftovers.compare(NOTHING, Snapshot(frozenset({"?? new"}), frozenset(), frozenset()), [], tree=False) == []


def test_a_process_of_this_run_is_found_by_what_it_inherited() -> None:
    code = "print('up', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, leftovers.MARKER: "this-run"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = leftovers.processes("this-run", Path("/proc"))
        process.communicate(b"\n")
    assert [line.split()[0] for line in found] == [str(process.pid)]
    assert leftovers.processes("this-run", Path("/proc")) == []


def test_the_real_machine_can_be_looked_at(root: Path) -> None:
    assert "/" in leftovers.look(root).mounts
