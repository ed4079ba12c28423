# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest, SwapResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

REQUEST = SwapRequest("data-1", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path="/m.ko", module="m", old_module="o")
RESULT = SwapResult("data-1", "run", "data", "1.0.0", "1.1.0", "handover", "committed")


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(str(tmp_path))


def add(paths: Paths, number: int, slot: str = "data", finished: bool = False) -> str:
    swap_id = f"{slot}-{number}"
    swap_folder.write_request(paths, replace(REQUEST, swap_id=swap_id, slot=slot))
    if finished:
        swap_folder.write_result(paths, replace(RESULT, swap_id=swap_id, slot=slot))
    os.utime(os.path.join(paths.swaps, swap_id), (number, number))
    return swap_id


def test_requests_and_results_are_private_and_whole(paths: Paths) -> None:
    add(paths, 1)
    assert swap_folder.read_result(paths, "data-1") is None
    swap_folder.write_result(paths, RESULT)
    assert swap_folder.read_request(paths, "data-1") == REQUEST
    assert swap_folder.read_result(paths, "data-1") == RESULT
    folder = os.path.join(paths.swaps, "data-1")
    assert sorted(os.listdir(folder)) == ["request.json", "result.json"]
    modes = {stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in os.listdir(folder)}
    assert (modes, stat.S_IMODE(os.stat(folder).st_mode), stat.S_IMODE(os.stat(paths.swaps).st_mode)) == ({0o600}, 0o700, 0o700)


def test_a_request_is_never_written_over(paths: Paths) -> None:
    add(paths, 1)
    with pytest.raises(TwostepError) as caught:
        add(paths, 1)
    assert caught.value.code == "write_failed"
    assert caught.value.message == f"{paths.swaps}/data-1 cannot be written: File exists."
    assert caught.value.next_step == "Look at the filesystem of the host."


def test_a_result_without_its_folder_is_an_error(paths: Paths) -> None:
    with pytest.raises(TwostepError) as caught:
        swap_folder.write_result(paths, RESULT)
    assert caught.value.code == "write_failed"


def test_no_request(paths: Paths) -> None:
    with pytest.raises(TwostepError) as caught:
        swap_folder.read_request(paths, "data-1")
    assert (caught.value.code, caught.value.message) == ("no_request", f"{paths.swaps}/data-1/request.json does not exist.")
    assert caught.value.next_step == "Ask for a swap with twostep.hotswap.swap."


def test_a_request_in_the_wrong_folder(paths: Paths) -> None:
    add(paths, 1)
    os.rename(os.path.join(paths.swaps, "data-1"), os.path.join(paths.swaps, "data-2"))
    with pytest.raises(TwostepError, match="it names the swap data-1"):
        swap_folder.read_request(paths, "data-2")


@pytest.mark.parametrize("swap_id", ["../x", "", "a/b"])
def test_an_id_is_checked_before_it_gets_into_a_path(paths: Paths, swap_id: str) -> None:
    with pytest.raises(TwostepError):
        swap_folder.read_request(paths, swap_id)


def test_the_newest_unfinished_request_of_the_slot(paths: Paths) -> None:
    assert swap_folder.unfinished(paths, "data") is None
    add(paths, 1)
    add(paths, 2)
    add(paths, 3, slot="other")
    add(paths, 4, finished=True)
    os.makedirs(os.path.join(paths.swaps, "empty"))
    found = swap_folder.unfinished(paths, "data")
    assert found is not None
    assert found.swap_id == "data-2"
