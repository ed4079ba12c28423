# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.host.phases import Phases
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent


def test_fake_parent_a_phase_has_two_lines(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    phases = Phases(fake.world, "run-1", "data-1", "data")
    with phases.phase("preload") as told:
        told["loaded"] = True
    first, second = ledger.read(fake.paths)
    assert (first.run_id, first.swap_id, first.slot, first.phase, first.event, first.data) == (
        "run-1",
        "data-1",
        "data",
        "preload",
        "begin",
        {},
    )
    assert (second.event, second.data) == ("end", {"loaded": True, "duration_ns": phases.done[0].duration_ns})
    assert (phases.current, [(one.phase, one.event) for one in phases.done]) == ("preload", [("preload", "end")])


def test_fake_parent_a_failure_is_told_and_passed_on(tmp_path) -> None:
    fake = FakeParent(tmp_path)
    phases = Phases(fake.world, "run-1", "reload-1")
    with pytest.raises(TwostepError), phases.phase("unload"):
        raise TwostepError("module_in_use", "Somebody uses it.", "Stop that.")
    last = ledger.read(fake.paths)[-1]
    assert (last.slot, last.event, last.data["code"], last.data["message"]) == ("", "fail", "module_in_use", "Somebody uses it.")
    assert [(one.phase, one.event) for one in phases.done] == [("unload", "fail")]


def test_fake_parent_a_way_back_does_not_wait_for_room_in_the_ledger(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise TwostepError("ledger_unusable", "The ledger is full.", "Make room.")

    phases = Phases(FakeParent(tmp_path).world, "run-1", "reload-1")
    monkeypatch.setattr(ledger, "append", full)
    done = []
    with phases.phase("go_back", recorded=False):
        done.append("all")
    with pytest.raises(TwostepError, match="Somebody"), phases.phase("settle", recorded=False):
        raise TwostepError("module_in_use", "Somebody uses it.", "Stop that.")
    with pytest.raises(TwostepError, match="full"), phases.phase("unload"):
        done.append("nothing")
    assert (done, [(one.phase, one.event) for one in phases.done]) == (["all"], [("go_back", "end"), ("settle", "fail")])
