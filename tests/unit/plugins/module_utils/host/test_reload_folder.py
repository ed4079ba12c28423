# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import Part
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadRequest, ReloadResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import reload_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

REQUEST = ReloadRequest("reload-1", "run", "t", (Part("lower", Identity("aa"), Identity("bb"), "/m.ko"),))
RESULT = ReloadResult("reload-1", "run", "reloaded")


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(str(tmp_path))


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def test_a_request_and_its_result(paths: Paths) -> None:
    reload_folder.write_request(paths, REQUEST)
    assert reload_folder.read_request(paths, "reload-1") == REQUEST
    assert (reload_folder.read_result(paths, "reload-1"), reload_folder.unfinished(paths)) == (None, REQUEST)
    reload_folder.write_result(paths, RESULT)
    assert (reload_folder.read_result(paths, "reload-1"), reload_folder.unfinished(paths)) == (RESULT, None)
    assert sorted(os.listdir(f"{paths.state}/reloads/reload-1")) == ["request.json", "result.json"]


def test_the_newest_unfinished_one_is_found(paths: Paths) -> None:
    assert reload_folder.unfinished(paths) is None
    for number in (1, 2, 3):
        reload_folder.write_request(paths, replace(REQUEST, reload_id=f"reload-{number}"))
        os.utime(f"{paths.reloads}/reload-{number}", (number, number))
    reload_folder.write_result(paths, replace(RESULT, reload_id="reload-3"))
    os.utime(f"{paths.reloads}/reload-3", (3, 3))
    assert reload_folder.unfinished(paths) == replace(REQUEST, reload_id="reload-2")


def test_a_folder_without_a_request_is_none(paths: Paths) -> None:
    os.makedirs(f"{paths.reloads}/reload-1")
    assert reload_folder.unfinished(paths) is None
    error = refused(reload_folder.read_request, paths, "reload-1")
    assert (error.code, error.message) == ("no_request", f"{paths.reloads}/reload-1/request.json does not exist.")
    assert error.next_step == "Ask for a reload with twostep.hotswap.reload."


def test_a_request_in_the_folder_of_another_is_refused(paths: Paths) -> None:
    reload_folder.write_request(paths, REQUEST)
    os.rename(f"{paths.reloads}/reload-1", f"{paths.reloads}/reload-2")
    error = refused(reload_folder.read_request, paths, "reload-2")
    assert (error.code, error.message) == ("bad_reload_file", f"{paths.reloads}/reload-2/request.json is damaged.")
    assert error.next_step == "See with lsmod and systemctl what is not back, bring it back by hand, and remove its folder."


@pytest.mark.parametrize("name", ["request.json", "result.json"])
def test_damaged_files_are_told(paths: Paths, name: str) -> None:
    reload_folder.write_request(paths, REQUEST)
    reload_folder.requests(paths).put("reload-1", name, "{")
    read = reload_folder.read_request if name == "request.json" else reload_folder.read_result
    assert refused(read, paths, "reload-1").code == "bad_reload_file"


@pytest.mark.parametrize("act", [reload_folder.read_request, reload_folder.read_result])
def test_no_other_folder_is_looked_into(paths: Paths, act) -> None:
    assert refused(act, paths, "../swaps/data-1").code == "bad_id"
