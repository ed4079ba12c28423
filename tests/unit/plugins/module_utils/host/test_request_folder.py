# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import stat

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import request_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.request_folder import Requests
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.lock_holder import holding, told


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(str(tmp_path))


@pytest.fixture
def requests(paths: Paths) -> Requests:
    return Requests(paths.swaps)


def add(requests: Requests, number: int, finished: bool = False) -> None:
    requests.add(f"data-{number}", "asked")
    if finished:
        requests.put(f"data-{number}", "result.json", "done")
    os.utime(requests.path(f"data-{number}"), (number, number))


def test_what_is_written_is_read(requests: Requests) -> None:
    add(requests, 1)
    assert (requests.read("data-1", "request.json"), requests.read("data-1", "result.json")) == ("asked", None)
    assert not requests.is_finished("data-1")
    requests.put("data-1", "result.json", "done")
    assert requests.is_finished("data-1")


def test_unfinished_ones_come_newest_first(requests: Requests) -> None:
    assert list(requests.unfinished()) == []
    add(requests, 2)
    add(requests, 1)
    add(requests, 3, finished=True)
    assert list(requests.unfinished()) == ["data-2", "data-1"]


def test_pruning_keeps_the_newest_and_whatever_is_unfinished(requests: Requests) -> None:
    add(requests, 1)
    for number in range(2, 7):
        add(requests, number, finished=True)
    requests.prune(keep=3)
    assert sorted(os.listdir(requests.folder)) == ["data-1", "data-4", "data-5", "data-6"]
    requests.prune()
    assert len(os.listdir(requests.folder)) == 4


def test_pruning_without_a_folder(requests: Requests) -> None:
    requests.prune()
    assert not os.path.exists(requests.folder)


def test_the_lock_is_exclusive_and_ends(paths: Paths) -> None:
    path = os.path.join(paths.state, "swaps.lock")
    with request_folder.locked(paths, "a test"):
        handle = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)
    assert stat.S_IMODE(os.stat(paths.state).st_mode) == 0o700


def test_a_lock_that_cannot_be_made_is_an_error(paths: Paths, tmp_path) -> None:
    os.makedirs(paths.state)
    os.symlink(tmp_path / "elsewhere", os.path.join(paths.state, "swaps.lock"))
    with pytest.raises(TwostepError) as caught, request_folder.locked(paths, "a test"):
        pass
    assert caught.value.code == "write_failed"


def test_a_failed_write_leaves_no_draft(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    add(requests, 1)

    def full(*_paths: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(request_folder.os, "replace", full)
    with pytest.raises(TwostepError, match="No space left on device"):
        requests.put("data-1", "result.json", "done")
    assert os.listdir(requests.path("data-1")) == ["request.json"]


def test_who_has_waited_long_enough_is_told_who_is_at_work(paths: Paths) -> None:
    with holding(os.path.join(paths.state, "swaps.lock")) as process:
        with pytest.raises(TwostepError) as caught, request_folder.locked(paths, "a test", 0.0):
            pass
        assert (caught.value.code, caught.value.data["holder"]) == ("host_busy", told(process))
    with request_folder.locked(paths, "a test", 0.0):
        pass
