# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache: published in one step, built by one, thrown away when unused."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from lab import paths


def test_a_folder_appears_complete(cache: Path) -> None:
    target = cache / "layer-x-1"
    with paths.publishing(target) as work:
        (work / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert [path.name for path in cache.iterdir() if path.name.startswith(".")] == []


def test_a_failed_build_leaves_nothing(cache: Path) -> None:
    target = cache / "layer-x-1"
    with pytest.raises(ValueError, match="broken"), paths.publishing(target) as work:
        (work / "file").write_text("half")
        raise ValueError("broken")
    assert sorted(path.name for path in cache.iterdir()) == ["ssh_key", "ssh_key.pub"]


def test_what_a_killed_builder_left_is_not_used(cache: Path) -> None:
    stale = cache / ".layer-x-1.work"
    stale.mkdir()
    (stale / "half").write_text("half")
    with paths.publishing(cache / "layer-x-1") as work:
        assert list(work.iterdir()) == []


def test_the_lock_excludes_others_and_is_given_back(cache: Path) -> None:
    with open(cache / "thing.lock", "w") as other:
        with paths.locked(cache / "thing"), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_only_unused_ones_of_the_same_kind_are_thrown_away(cache: Path) -> None:
    long_ago = time.time() - (paths.KEEP_DAYS + 1) * 86400
    for name in ("layer-booted-a-1", "layer-booted-a-2", "layer-booted-b-1"):
        (cache / name).mkdir()
        os.utime(cache / name, (long_ago, long_ago))
    paths.touch(cache / "layer-booted-a-2")
    assert sorted(path.name for path in cache.glob("layer-*")) == ["layer-booted-a-2", "layer-booted-b-1"]


def test_a_digest_keeps_its_parts_apart() -> None:
    assert paths.digest("ab", "c") != paths.digest("a", "bc")
