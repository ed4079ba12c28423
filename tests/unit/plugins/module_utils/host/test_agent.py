# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, boot, reload_folder, swap_folder
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, FakeParent, module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.lock_holder import holding, told
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import ReloadDouble

BOOT = '{"schema": 1, "slot": "%s", "family": "remap", "params": "", "version": "1.0.0"}'


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    path = str(fake.install("1.1.0"))
    request = SwapRequest(
        "data-1", "run", "data", "remap", "1.0.0", "1.1.0", 1, "t", path=path, module=module_of("1.1.0"), old_module=module_of("1.0.0")
    )
    swap_folder.write_request(fake.paths, request)
    return fake


def test_fake_parent_swap(fake_parent: FakeParent, capsys) -> None:
    assert agent.main(["swap", "data-1"], fake_parent.world) == agent.DONE
    result = swap_folder.read_result(fake_parent.paths, "data-1")
    assert result is not None
    assert result.outcome == "committed"
    assert capsys.readouterr().out == "data: committed\n"


def test_fake_parent_a_request_is_performed_once(fake_parent: FakeParent) -> None:
    agent.main(["swap", "data-1"], fake_parent.world)
    writes = list(fake_parent.writes)
    assert agent.main(["swap", "data-1"], fake_parent.world) == agent.DONE
    assert fake_parent.writes == writes


def test_fake_parent_a_failure_is_an_exit_status_and_a_result(fake_parent: FakeParent, capsys) -> None:
    fake_parent.refuse["swap"] = 16
    assert agent.main(["swap", "data-1"], fake_parent.world) == agent.FAILED
    result = swap_folder.read_result(fake_parent.paths, "data-1")
    assert result is not None
    assert (result.outcome, result.code) == ("refused", "slot_busy")
    assert capsys.readouterr().out.startswith("data: refused The kernel refused to swap")


@pytest.mark.parametrize("swap_id", ["data-2", "../x"])
def test_fake_parent_an_unknown_request(fake_parent: FakeParent, capsys, swap_id: str) -> None:
    assert agent.main(["swap", swap_id], fake_parent.world) == agent.REFUSED
    assert " Next: " in capsys.readouterr().err


def test_restore_brings_up_every_slot_and_tells_what_failed(fake_parent: FakeParent, capsys, monkeypatch) -> None:
    folder = fake_parent.root / "etc/twostep/slots.d"
    for name in ("good", "lost"):
        fake_parent.put(folder / f"{name}.json", BOOT % name)
    fake_parent.put(folder / "damaged.json", "{")
    asked = []

    def bring_up(_actor: object, wanted: list) -> dict:
        asked.extend(slot.slot for slot in wanted)
        return {"good": None, "lost": TwostepError("no_module", "Module x is not there.", "Build it.")}

    monkeypatch.setattr(agent.parent, "bring_up", bring_up)
    assert agent.main(["restore"], fake_parent.world) == agent.FAILED
    said = capsys.readouterr()
    assert asked == ["good", "lost"]
    assert said.out == "good: serves\n"
    assert said.err.splitlines()[0].startswith("damaged: The boot configuration")
    assert said.err.splitlines()[1] == "lost: Module x is not there. Next: Build it."


def test_restore_without_slots_is_fine(fake_parent: FakeParent, monkeypatch) -> None:
    monkeypatch.setattr(agent.parent, "bring_up", lambda _actor, wanted: dict.fromkeys(wanted))
    assert agent.main(["restore"], fake_parent.world) == agent.DONE


@pytest.mark.parametrize("argv", [[], ["swap"], ["remove", "x"]])
def test_an_unknown_command_is_refused(fake_parent: FakeParent, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        agent.main(argv, fake_parent.world)
    assert caught.value.code == 2


def test_what_belongs_into_the_initramfs_of_a_kernel(fake_parent: FakeParent, capsys) -> None:
    assert agent.main(["early", RELEASE], fake_parent.world) == agent.DONE
    assert capsys.readouterr().out == ""
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", (BOOT % "data").replace("}", ', "early": true}'))
    assert agent.main(["early", RELEASE], fake_parent.world) == agent.REFUSED
    assert capsys.readouterr().err.startswith(f"twostep_remap_1_0_0 is not installed for {RELEASE}, ")
    fake_parent.install("1.0.0")
    assert agent.main(["early", RELEASE], fake_parent.world) == agent.DONE
    assert capsys.readouterr().out == "data\tremap\t1.0.0\ttwostep_remap_1_0_0\t-\t-\t-\t\n"
    assert agent.main(["early", "../x"], fake_parent.world) == agent.REFUSED


@pytest.mark.parametrize(("generation", "committed"), [(1, "1.0.0"), (2, "1.1.0")])
def test_what_the_initramfs_has_brought_up_is_committed(
    fake_parent: FakeParent, capsys, monkeypatch, generation: int, committed: str
) -> None:
    monkeypatch.setattr(agent.parent, "bring_up", lambda _actor, _wanted: {})
    text = (BOOT % "data").replace("1.0.0", "1.1.0")
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", text.replace("}", ', "early": true}'))
    fake_parent.set(generation=generation)
    assert agent.main(["restore"], fake_parent.world) == agent.DONE
    assert ("so 1.1.0 was never committed" in capsys.readouterr().out) == (generation == 1)
    found = boot.read_slot(fake_parent.paths, "data")
    assert found is not None
    assert found.version == committed


def test_a_late_slot_that_somebody_brought_up_otherwise_is_left_alone(fake_parent: FakeParent, monkeypatch) -> None:
    monkeypatch.setattr(agent.parent, "bring_up", lambda _actor, _wanted: {})
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", (BOOT % "data").replace("1.0.0", "1.1.0"))
    assert agent.main(["restore"], fake_parent.world) == agent.DONE
    found = boot.read_slot(fake_parent.paths, "data")
    assert found is not None
    assert found.version == "1.1.0"


def test_what_a_swap_is_at_is_left_to_it(fake_parent: FakeParent, capsys, monkeypatch) -> None:
    wanted: list = []
    monkeypatch.setattr(agent.parent, "bring_up", lambda _actor, slots: wanted.extend(slots) or {})
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", BOOT % "data")
    fake_parent.alive = ["data-1"]
    assert agent.main(["restore"], fake_parent.world) == agent.FAILED
    assert capsys.readouterr().err.startswith("data: Swap data-1 of slot data is at work. Next: Wait until it has ended")
    assert wanted == []
    fake_parent.alive = []  # dead, as after a boot
    assert agent.main(["restore"], fake_parent.world) == agent.DONE
    assert [slot.slot for slot in wanted] == ["data"]


def test_who_brings_slots_up_is_waited_for_but_not_a_disk_that_cannot_be_written(fake_parent: FakeParent, capsys, monkeypatch) -> None:
    monkeypatch.setattr(agent.parent, "bring_up", lambda _actor, slots: {slot.slot: None for slot in slots})
    locked = agent.request_folder.locked
    monkeypatch.setattr(agent.request_folder, "locked", lambda paths, holder: locked(paths, holder, 0.0))
    fake_parent.put(fake_parent.root / "etc/twostep/slots.d/data.json", BOOT % "data")
    path = f"{fake_parent.paths.state}/swaps.lock"
    with holding(path) as process:
        assert agent.main(["restore"], fake_parent.world) == agent.REFUSED
        assert f"{path} was held by {told(process)} for " in capsys.readouterr().err
    os.unlink(path)
    os.symlink("/nowhere/lock", path)
    assert agent.main(["restore"], fake_parent.world) == agent.DONE
    said = capsys.readouterr()
    assert (said.out, "cannot be written" in said.err) == ("data: serves\n", True)


def reload_request(fake: ReloadDouble) -> None:
    fake.vendor()
    fake.request()


def test_fake_parent_reload_once(tmp_path, capsys) -> None:
    fake = ReloadDouble(tmp_path)
    reload_request(fake)
    assert agent.main(["reload", "reload-1"], fake.world) == agent.DONE
    result = reload_folder.read_result(fake.paths, "reload-1")
    assert result is not None
    assert (result.outcome, fake.loaded(), capsys.readouterr().out) == ("reloaded", ["2.0", "2.0"], "reloaded\n")
    fake.calls.clear()
    assert (agent.main(["reload", "reload-1"], fake.world), fake.calls) == (agent.DONE, [])


def test_fake_parent_a_failed_reload_is_an_exit_status_and_a_result(tmp_path, capsys) -> None:
    fake = ReloadDouble(tmp_path)
    reload_request(fake)
    fake.refused = ["2.0"]
    assert agent.main(["reload", "reload-1"], fake.world) == agent.FAILED
    assert capsys.readouterr().out.startswith("returned Module lower cannot be loaded: Exec format error. lower is ")


def test_fake_parent_a_reload_that_is_stuck_has_no_result(tmp_path, capsys) -> None:
    fake = ReloadDouble(tmp_path)
    reload_request(fake)
    fake.deaf = ["mount"]
    assert agent.main(["reload", "reload-1"], fake.world) == agent.REFUSED
    assert reload_folder.read_result(fake.paths, "reload-1") is None
    assert " Not everything is back: mount /srv was not restarted: mount: no." in capsys.readouterr().err


@pytest.mark.parametrize("reload_id", ["reload-2", "../x"])
def test_fake_parent_an_unknown_reload(fake_parent: FakeParent, capsys, reload_id: str) -> None:
    assert agent.main(["reload", reload_id], fake_parent.world) == agent.REFUSED
    assert " Next: " in capsys.readouterr().err
