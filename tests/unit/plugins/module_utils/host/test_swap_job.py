# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module against a pretended parent and a pretended systemd that runs the agent within the call, or lets it hang."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_plan import Wish
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, ledger, request_folder, swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap_job import Job, Outcome
from ansible_collections.twostep.hotswap.plugins.module_utils.host.warm import Warm
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, WarmDouble

BOOT = '{"schema": 1, "slot": "data", "family": "remap", "params": "lower=/dev/vdb", "version": "1.0.0"}'


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    fake.install("1.1.0")
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT)
    fake.on_start = lambda swap_id: agent.main(["swap", swap_id], fake.world)
    return fake


def job(fake: FakeParent, version: str = "1.1.0", **options: object) -> Job:
    return Job(fake.world, Wish("data", version, **options), "/usr/bin/python3", lambda: "/agent.pyz", lambda: f"{len(started(fake)):08x}")


def apply(fake: FakeParent, version: str = "1.1.0", **options: object) -> Outcome:
    return job(fake, version, **options).apply()


def refused(fake: FakeParent, version: str = "1.1.0", **options: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        apply(fake, version, **options)
    return caught.value


def test_fake_parent_a_hold_that_looks_hung_is_refused_before_anything_is_loaded(fake_parent: FakeParent) -> None:
    fake_parent.put(fake_parent.root / "proc/sys/kernel/hung_task_timeout_secs", "5")
    assert refused(fake_parent, deadline_ms=3000).code == "deadline_hung_task"
    assert (started(fake_parent), fake_parent.writes) == ([], [])


def pending(fake: FakeParent, to: str = "1.1.0", commit: bool = True) -> SwapRequest:
    """Write a request whose agent has not answered."""
    request = SwapRequest(
        "data-7", "run", "data", "remap", "1.0.0", to, 1, "t", path=str(fake.install(to)), module=module_of(to),
        old_module=module_of("1.0.0"), commit=commit,
    )  # fmt: skip
    swap_folder.write_request(fake.paths, request)
    return request


def started(fake: FakeParent) -> list[str]:
    return [call[-1] for call in fake.calls if call[0] == "systemd-run"]


def test_fake_parent_one_call(fake_parent: FakeParent) -> None:
    outcome = apply(fake_parent, run_id="run-9")
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.run_id, outcome.step.action, outcome.reattached) == ("committed", "run-9", "swap", False)
    assert outcome.result.swap_id == "data-20260131235958-00000000"
    assert (outcome.before["version"], outcome.after["version"], outcome.after["boot_version"]) == ("1.0.0", "1.1.0", "1.1.0")
    assert outcome.verdict["verdict"] == "hot"
    assert started(fake_parent) == [outcome.result.swap_id]


def test_fake_parent_the_request_has_what_was_checked(fake_parent: FakeParent) -> None:
    outcome = apply(fake_parent, deadline_ms=77, commit=False)
    assert outcome.result is not None
    request = swap_folder.read_request(fake_parent.paths, outcome.result.swap_id)
    assert (request.generation, request.deadline_ms, request.commit, request.mode) == (1, 77, False, "handover")
    assert (request.module, request.srcversion, request.old_module) == (module_of("1.1.0"), "SRC1.1.0", module_of("1.0.0"))


def test_fake_parent_again_does_nothing(fake_parent: FakeParent) -> None:
    apply(fake_parent)
    writes = list(fake_parent.writes)
    outcome = apply(fake_parent)
    assert (outcome.result, outcome.step.action, outcome.verdict["verdict"]) == (None, "none", "current")
    assert fake_parent.writes == writes
    assert outcome.before == outcome.after


def test_fake_parent_the_commit_alone(fake_parent: FakeParent) -> None:
    apply(fake_parent, commit=False)
    assert apply(fake_parent, commit=False).result is None
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.step.action, outcome.result.outcome, outcome.result.from_version) == ("commit", "committed", "1.0.0")
    assert (outcome.before["parked"], outcome.after["parked"], outcome.after["boot_version"]) == ("1.0.0", None, "1.1.0")


def test_fake_parent_a_two_step_without_commit_is_committed_later(fake_parent: FakeParent) -> None:
    apply(fake_parent, mode="two_step", commit=False)
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.step.action, outcome.result.outcome, outcome.after["boot_version"]) == ("commit", "committed", "1.1.0")


def test_fake_parent_back_to_the_parked_one(fake_parent: FakeParent) -> None:
    apply(fake_parent, commit=False)
    outcome = apply(fake_parent, "1.0.0")
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.after["version"], outcome.after["boot_version"]) == ("committed", "1.0.0", "1.0.0")
    assert outcome.result.phases[0].phase == "release"


@pytest.mark.parametrize(
    ("version", "options", "code"),
    [("1.2.0", {}, "not_built"), ("1.1.0", {"generation": 9}, "stale_generation")],
)
def test_fake_parent_a_refusal_changes_nothing(fake_parent: FakeParent, version: str, options: dict, code: str) -> None:
    assert refused(fake_parent, version, **options).code == code
    assert (fake_parent.writes, started(fake_parent), os.path.exists(fake_parent.paths.swaps)) == ([], [], False)


def test_fake_parent_handover_where_only_two_step_is_possible(fake_parent: FakeParent) -> None:
    fake_parent.install("1.1.0", name=module_of("1.0.0"))
    assert refused(fake_parent, mode="handover").code == "needs_two_step"
    assert started(fake_parent) == []


def test_fake_parent_a_failed_swap_is_a_result(fake_parent: FakeParent) -> None:
    fake_parent.refuse["swap"] = errno.ETIMEDOUT
    fake_parent.reason = "deadline of 500 ms passed"
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.code, outcome.result.has_moved) == ("returned", "deadline", False)
    assert outcome.before == outcome.after


def test_fake_parent_a_unit_that_does_not_start_leaves_the_slot_free(fake_parent: FakeParent) -> None:
    fake_parent.answers["systemd-run"] = Result(1, "", "no bus")
    assert refused(fake_parent).code == "unit_not_started"
    del fake_parent.answers["systemd-run"]
    (first,) = os.listdir(fake_parent.paths.swaps)
    told = swap_folder.read_result(fake_parent.paths, first)
    assert told is not None
    assert (told.outcome, told.code) == ("refused", "unit_not_started")
    assert swap_folder.unfinished(fake_parent.paths, "data") is None


def test_fake_parent_re_attaches_to_the_same_target(fake_parent: FakeParent) -> None:
    request = pending(fake_parent)
    fake_parent.alive = [request.swap_id]
    original = fake_parent.world.sleep

    def sleep(seconds: float) -> None:
        original(seconds)
        agent.main(["swap", request.swap_id], fake_parent.world)
        fake_parent.alive = []

    world = fake_parent.world.__class__(**{**fake_parent.world.__dict__, "sleep": sleep})
    outcome = Job(world, Wish("data", "1.1.0"), "python3", lambda: "/agent.pyz", lambda: "0").apply()
    assert outcome.result is not None
    assert (outcome.reattached, outcome.result.swap_id, outcome.result.outcome) == (True, "data-7", "committed")
    assert started(fake_parent) == []


def test_fake_parent_re_attached_and_then_commits(fake_parent: FakeParent) -> None:
    request = pending(fake_parent, commit=False)
    fake_parent.alive = [request.swap_id]

    def sleep(_seconds: float) -> None:
        agent.main(["swap", request.swap_id], fake_parent.world)
        fake_parent.alive = []

    world = fake_parent.world.__class__(**{**fake_parent.world.__dict__, "sleep": sleep})
    outcome = Job(world, Wish("data", "1.1.0"), "python3", lambda: "/agent.pyz", lambda: "00000000").apply()
    assert outcome.result is not None
    assert (outcome.reattached, outcome.step.action, outcome.result.outcome) == (True, "swap", "committed")
    assert (outcome.result.hold_ms, outcome.result.generation_before, outcome.result.generation_after) == (1.5, 1, 2)
    assert [phase.phase for phase in outcome.result.phases] == ["preload", "swap", "verify", "commit"]
    assert outcome.after["boot_version"] == "1.1.0"


@pytest.mark.parametrize("call", ["apply", "check"])
def test_fake_parent_another_target_has_to_wait(fake_parent: FakeParent, call: str) -> None:
    request = pending(fake_parent, "1.2.0")
    fake_parent.alive = [request.swap_id]
    with pytest.raises(TwostepError) as caught:
        getattr(job(fake_parent), call)()
    assert caught.value.code == "swap_in_progress"
    assert caught.value.message == "Swap data-7 takes slot data to 1.2.0, not to 1.1.0."
    assert caught.value.next_step == "Wait until it has ended, then run again."
    assert (started(fake_parent), fake_parent.writes) == ([], [])


def test_fake_parent_a_dead_request_is_settled_and_a_new_one_made(fake_parent: FakeParent) -> None:
    pending(fake_parent, "1.2.0")
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.reattached) == ("committed", False)
    assert outcome.notes[0].startswith("The agent of swap data-7 ended before its first phase without an answer.")
    told = swap_folder.read_result(fake_parent.paths, "data-7")
    assert told is not None
    assert told.code == "agent_died"


def test_fake_parent_an_agent_that_dies_under_our_eyes(fake_parent: FakeParent) -> None:
    fake_parent.on_start = lambda _swap_id: None
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.code, outcome.result.has_moved) == ("failed", "agent_died", False)
    assert [entry.phase for entry in ledger.read(fake_parent.paths)] == ["settle"]


def test_fake_parent_waiting_has_an_end_and_the_swap_goes_on(fake_parent: FakeParent) -> None:
    fake_parent.on_start = fake_parent.alive.append
    error = refused(fake_parent, timeout_s=2.0)
    assert error.code == "still_running"
    assert swap_folder.unfinished(fake_parent.paths, "data") is not None


def test_fake_parent_the_agents_word_is_not_enough(fake_parent: FakeParent) -> None:
    def agent_and_somebody_else(swap_id: str) -> None:
        agent.main(["swap", swap_id], fake_parent.world)
        fake_parent.set(version="1.0.0")

    fake_parent.on_start = agent_and_somebody_else
    error = refused(fake_parent)
    assert error.code == "not_proven"
    assert error.message == "Slot data is not where it should be. Slot data serves 1.0.0 at generation 2."
    assert error.next_step == "Read the kernel log of the host, and look whether somebody else works on the slot."


def test_fake_parent_old_swaps_are_pruned(fake_parent: FakeParent) -> None:
    for number in range(request_folder.KEEP + 3):
        folder = os.path.join(fake_parent.paths.swaps, f"old-{number}")
        os.makedirs(folder)
        os.utime(folder, (number, number))
    apply(fake_parent)
    assert len(os.listdir(fake_parent.paths.swaps)) == request_folder.KEEP


@pytest.mark.parametrize("commit", [True, False])
def test_fake_parent_check_tells_what_would_be(fake_parent: FakeParent, commit: bool) -> None:
    outcome = job(fake_parent, commit=commit).check()
    assert (outcome.step.action, outcome.verdict["mode"], outcome.result) == ("swap", "handover", None)
    parked, booted = (None, "1.1.0") if commit else ("1.0.0", "1.0.0")
    assert outcome.after == {
        "version": "1.1.0",
        "state": "serving",
        "generation": 2,
        "parked": parked,
        "boot_version": booted,
        "trial": None,
    }
    assert (fake_parent.writes, started(fake_parent), os.path.exists(fake_parent.paths.state)) == ([], [], False)
    assert apply(fake_parent, commit=commit).after == outcome.after


def test_fake_parent_check_refuses_as_the_call_would(fake_parent: FakeParent) -> None:
    with pytest.raises(TwostepError) as caught:
        job(fake_parent, "1.2.0").check()
    assert caught.value.code == "not_built"


def test_fake_parent_check_of_what_serves_already(fake_parent: FakeParent) -> None:
    outcome = job(fake_parent, "1.0.0").check()
    assert (outcome.step.action, outcome.before == outcome.after) == ("none", True)


EVERYBODY = (["web.service"], ["/srv"], [f"{DISK}p2"], ["md0"])


@pytest.fixture
def in_use(tmp_path: Path) -> WarmDouble:
    """Return a host whose slot is used, with a version installed that has no schema in common with the one that serves."""
    fake = WarmDouble(tmp_path)
    fake.all_users()
    fake.install("2.0.0", twostep_schema_reads="7-7", twostep_schema_writes="7-7")
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT)
    fake.on_start = lambda swap_id: agent.main(["swap", swap_id], fake.world)
    return fake


def test_fake_parent_nobody_is_stopped_unless_it_is_asked_for(in_use: WarmDouble) -> None:
    error = refused(in_use, "2.0.0", units=("web.service",))
    assert (error.code, error.data["verdict"]) == ("schema_none", "warm")
    assert (started(in_use), in_use.writes, in_use.users()) == ([], [], EVERYBODY)


def test_fake_parent_warm_is_predicted_and_done(in_use: WarmDouble) -> None:
    wanted = job(in_use, "2.0.0", mode="warm", units=("web.service",))
    predicted = wanted.check()
    assert (started(in_use), in_use.users()) == ([], EVERYBODY)
    outcome = wanted.apply()
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.mode, outcome.verdict["mode"]) == ("committed", "warm", "warm")
    assert (predicted.after, predicted.verdict) == (outcome.after, outcome.verdict)
    assert (outcome.after["version"], outcome.after["generation"]) == ("2.0.0", 3)
    assert in_use.users() == EVERYBODY


def test_fake_parent_warm_without_commit_parks_nobody(in_use: WarmDouble) -> None:
    wanted = job(in_use, "2.0.0", mode="warm", commit=False)
    predicted = wanted.check().after
    assert (predicted["parked"], predicted["boot_version"]) == (None, "1.0.0")
    in_use.running.clear()
    assert wanted.apply().after == predicted


@pytest.mark.parametrize(("mode", "units"), [("warm", ("web.service",)), ("auto", ())])
def test_fake_parent_only_a_warm_request_names_units(in_use: WarmDouble, mode: str, units: tuple) -> None:
    in_use.install("1.1.0")
    outcome = apply(in_use, mode=mode, units=("web.service",))
    assert outcome.result is not None
    assert swap_folder.read_request(in_use.paths, outcome.result.swap_id).units == units


def dead_with_the_slot_down(fake: WarmDouble) -> None:
    """Have the agent write down what it stops, stop it, take the slot down, and die."""

    def die(swap_id: str) -> None:
        upgrade = Warm(fake.world, swap_folder.read_request(fake.paths, swap_id))
        upgrade.prepare()
        upgrade.take_down()

    fake.on_start = die


def test_fake_parent_an_agent_that_dies_with_the_slot_down(in_use: WarmDouble) -> None:
    dead_with_the_slot_down(in_use)
    outcome = apply(in_use, "2.0.0", mode="warm", units=("web.service",))
    assert outcome.result is not None
    assert (outcome.result.code, outcome.after["version"], in_use.users()) == ("agent_died", "1.0.0", EVERYBODY)


def test_fake_parent_a_way_back_that_failed_is_finished_by_the_next_call(in_use: WarmDouble) -> None:
    in_use.on_start = lambda swap_id: agent.main(["swap", swap_id], in_use.world)
    in_use.refuse["active"] = errno.EBUSY
    in_use.deaf = ["mount"]
    assert refused(in_use, "2.0.0", mode="warm", units=("web.service",)).code == "consumer_not_restarted"
    in_use.refuse.clear()
    in_use.deaf = []
    outcome = apply(in_use, "2.0.0", mode="warm", units=("web.service",))
    assert outcome.result is not None
    assert (outcome.result.outcome, in_use.users()) == ("committed", EVERYBODY)
    assert "It had failed: The kernel refused to take down slot data: somebody has its device open (EBUSY)." in outcome.notes[0]


def test_fake_parent_nothing_new_begins_before_everybody_is_back(in_use: WarmDouble) -> None:
    dead_with_the_slot_down(in_use)
    in_use.deaf = ["mount"]
    assert refused(in_use, "2.0.0", mode="warm", units=("web.service",)).code == "consumer_not_restarted"
    in_use.on_start = lambda swap_id: agent.main(["swap", swap_id], in_use.world)
    assert refused(in_use, "2.0.0", mode="warm", units=("web.service",)).code == "consumer_not_restarted"
    assert len(started(in_use)) == 1
    in_use.deaf = []
    outcome = apply(in_use, "2.0.0", mode="warm", units=("web.service",))
    assert outcome.result is not None
    assert (outcome.result.outcome, in_use.users(), len(started(in_use))) == ("committed", EVERYBODY, 2)
    assert "Brought back: unit web.service, mount /srv." in outcome.notes[0]
