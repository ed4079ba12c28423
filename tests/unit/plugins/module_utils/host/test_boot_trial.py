# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots of a pretended host whose kernel starts with nothing loaded."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.trial import Trial
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot_trial, ledger, trials
from ansible_collections.twostep.hotswap.plugins.module_utils.host.module_image import Loader
from ansible_collections.twostep.hotswap.plugins.module_utils.host.parent import ParentActor, bring_up
from ansible_collections.twostep.hotswap.plugins.module_utils.host.slots import Status
from ansible_collections.twostep.hotswap.plugins.module_utils.host.world import World
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.parent_double import ParentDouble

DATA = boot.boot_slot("data", "remap", "lower=/dev/vdb", "1.0.0")


class Host(ParentDouble):
    """A host that can be booted."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.number = 0
        status = Status(self.paths)
        self.world = World(self.paths, self.run, status, self.control, Loader(), lambda: "t", lambda: 0, lambda _seconds: None, "6.1.0")
        self.boot()

    def boot(self) -> str:
        """Boot; return what the unit would say about the slot."""
        for place in ("sys", "sys/kernel/config"):
            shutil.rmtree(str(self.root / place), ignore_errors=True)
        self.number += 1
        self.put("proc/sys/kernel/random/boot_id", f"00000000-0000-4000-8000-{self.number:012x}")
        return self.restart()

    def restart(self) -> str:
        actor = ParentActor(self.paths, self.run, control=self.control)
        told = ""
        try:
            boot_trial.give(self.world, actor, DATA)
        except TwostepError as error:
            told = str(error)
        assert bring_up(actor, [DATA]) == {"data": None}
        return told

    def arm(self, version: str = "1.1.0") -> None:
        trials.write(self.paths, Trial("data", version, "1.0.0", "data-1", "run-1", trials.boot_id(self.paths)))

    def serves(self) -> str:
        return (self.status / "slots/data/version").read_text().strip()

    def state(self) -> str:
        found = trials.read(self.paths, "data")
        return found.state if found else ""

    def told(self) -> list[tuple[str, str]]:
        return [(entry.phase, entry.event) for entry in ledger.read(self.paths)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_without_a_trial_the_committed_version_serves(host: Host) -> None:
    assert (host.boot(), host.serves()) == ("", "1.0.0")


def test_one_boot_tries_it(host: Host) -> None:
    host.arm()
    assert (host.boot(), host.serves(), host.state()) == ("", "1.1.0", "serving")
    assert host.told() == [("trial", "begin"), ("trial", "end")]
    assert (host.restart(), host.serves(), host.state()) == ("", "1.1.0", "serving")


def test_the_unit_started_again_tries_nothing(host: Host) -> None:
    host.arm()
    assert (host.restart(), host.serves(), host.state()) == ("", "1.0.0", "armed")


@pytest.mark.parametrize("state", ["trying", "serving"])
def test_not_committed_in_time_the_committed_version_serves(host: Host, state: str) -> None:
    host.arm()
    host.boot()
    found = trials.read(host.paths, "data")
    assert found is not None
    trials.write(host.paths, found.moved(state, found.boot_id))
    assert host.boot() == (
        f"1.1.0 was tried and does not serve: the host went down while 1.1.0 was {state}, before it was committed "
        "Next: The committed version serves."
    )
    assert (host.serves(), host.state(), host.told()[-1]) == ("1.0.0", "failed", ("trial", "fail"))
    assert (host.boot(), host.serves(), host.state()) == ("", "1.0.0", "failed")


def test_a_module_that_is_not_there(host: Host) -> None:
    host.arm("2.0.0")
    assert "1.1.0" not in host.boot()
    assert (host.serves(), host.state(), host.told()) == ("1.0.0", "failed", [("trial", "begin"), ("trial", "fail")])
    found = trials.read(host.paths, "data")
    assert found is not None
    assert "twostep_remap_2_0_0" in found.reason


def test_a_child_that_does_not_take_the_slot_is_unloaded(host: Host) -> None:
    host.arm()
    take = host.swap

    def refuse(slot: str, words: dict[str, str]) -> None:
        host.refuse = errno.EIO if words["version"] == "1.1.0" else 0
        take(slot, words)

    host.swap = refuse  # type: ignore[method-assign]
    assert "was tried and does not serve: remap 1.1.0 does not take slot data" in host.boot()
    assert (host.serves(), host.state()) == ("1.0.0", "failed")
    assert not (host.root / "sys/module/twostep_remap_1_1_0").exists()


def test_the_slot_gets_the_room_that_the_child_wants(host: Host) -> None:
    host.request_bytes = "512"
    host.arm()
    host.boot()
    assert ("data/request_bytes", "512") in host.writes


def test_a_slot_that_serves_already_is_left_alone(host: Host) -> None:
    host.arm()
    host.number += 1
    host.put("proc/sys/kernel/random/boot_id", f"00000000-0000-4000-8000-{host.number:012x}")
    assert "slot data was brought up by somebody else" in host.restart()
    assert (host.serves(), host.state()) == ("1.0.0", "failed")


def test_a_trial_that_cannot_be_written_down_is_not_begun(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.arm()

    def full(_paths: object, _trial: object) -> None:
        raise TwostepError("write_failed", "No space is left.", "Make room.")

    monkeypatch.setattr(trials, "write", full)
    assert host.boot() == "No space is left. Next: Make room."
    assert (host.serves(), host.state()) == ("1.0.0", "armed")


def test_a_damaged_trial_does_not_keep_the_slot_down(host: Host) -> None:
    host.arm()
    Path(host.paths.trials, "data.json").write_text("{")
    assert "is damaged" in host.boot()
    assert host.serves() == "1.0.0"
