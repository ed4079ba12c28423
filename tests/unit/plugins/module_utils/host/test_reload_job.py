# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module `reload` on a pretended host, whose systemd runs the agent within the call, or lets it hang or die."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import reload
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload_request import ReloadRequest
from ansible_collections.twostep.hotswap.plugins.module_utils.host import agent, reload_folder, request_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host import reload as reloads
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.reload_job import Job, Outcome
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    EVERYBODY,
    LOWER,
    UPPER,
    KilledError,
    ReloadDouble,
    identity,
)
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK

OLD, NEW = ["1.0", "1.0"], ["2.0", "2.0"]
USERS = ("unit web.service", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0")


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor()
    fake.on_start = lambda reload_id: agent.main(["reload", reload_id], fake.world)
    fake.calls.clear()
    return fake


def job(fake: ReloadDouble, *modules: str, **options: object) -> Job:
    wanted = reload.wish(list(modules) or [LOWER, UPPER], **{"devices": [DISK], "units": ["web.service"], "run_id": "run-9", **options})
    return Job(fake.world, wanted, "/usr/bin/python3", lambda: "/agent.pyz", lambda: f"{len(started(fake)):08x}")


def apply(fake: ReloadDouble, *modules: str, **options: object) -> Outcome:
    return job(fake, *modules, **options).apply()


def refused(act, *arguments: object, **options: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments, **options)
    return caught.value


def started(fake: ReloadDouble) -> list[str]:
    return [call[-1] for call in fake.calls if call[0] == "systemd-run"]


def left_behind(fake: ReloadDouble) -> list[str]:
    return [name for name in ("reloads", "swaps", "ledger.jsonl") if os.path.exists(f"{fake.paths.state}/{name}")]


def alive(fake: ReloadDouble, *names: str) -> ReloadRequest:
    """Write a request whose agent runs and has not answered."""
    request = fake.request(*names)
    fake.alive = [request.reload_id]
    return request


def with_sleep(fake: ReloadDouble, end) -> Job:
    """Return a job during whose waiting the agent does its work."""

    def sleep(seconds: float) -> None:
        fake.sleep(seconds)
        if fake.alive:
            end()
            fake.alive = []

    found = job(fake)
    found._world = replace(fake.world, sleep=sleep)
    return found


def kill_at(fake: ReloadDouble, moment: int) -> None:
    def start(reload_id: str) -> None:
        fake.die_at = fake.moments + moment
        with contextlib.suppress(KilledError):
            reloads.Transaction(fake.world, reload_folder.read_request(fake.paths, reload_id)).perform()
        fake.die_at = 0

    fake.on_start = start


def test_fake_parent_one_call(fake_parent: ReloadDouble) -> None:
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.run_id, outcome.reattached, outcome.notes) == ("reloaded", "run-9", False, ())
    assert outcome.result.reload_id == "reload-20260131235958-00000000"
    assert started(fake_parent) == [outcome.result.reload_id]
    assert [module.loaded for module in outcome.before] == [identity("1.0")] * 2
    assert [module.loaded for module in outcome.after] == [identity("2.0")] * 2
    assert [(part.name, part.old, part.new) for part in outcome.parts] == [
        (name, identity("1.0"), identity("2.0")) for name in (LOWER, UPPER)
    ]
    assert fake_parent.users() == EVERYBODY
    (call,) = [call for call in fake_parent.calls if call[0] == "systemd-run"]
    assert call[-5:] == ["/usr/bin/python3", "-I", "/agent.pyz", "reload", outcome.result.reload_id]
    assert f"--unit=twostep-reload-{outcome.result.reload_id}.service" in call


def test_fake_parent_the_request_has_what_was_found(fake_parent: ReloadDouble) -> None:
    outcome = apply(fake_parent, device_units=["maker.service"])
    assert outcome.result is not None
    request = reload_folder.read_request(fake_parent.paths, outcome.result.reload_id)
    assert (request.parts, request.devices, request.units, request.device_units) == (
        outcome.parts,
        (DISK,),
        ("web.service",),
        ("maker.service",),
    )
    assert [part.kept for part in request.parts] == [module.kept for module in outcome.before]


def test_fake_parent_again_does_nothing(fake_parent: ReloadDouble) -> None:
    apply(fake_parent)
    fake_parent.calls.clear()
    outcome = apply(fake_parent)
    assert (outcome.result, outcome.parts, outcome.before == outcome.after, fake_parent.calls) == (None, (), True, [])


def test_fake_parent_check_tells_what_would_be_and_changes_nothing(fake_parent: ReloadDouble) -> None:
    outcome = job(fake_parent).check()
    assert ([part.name for part in outcome.parts], outcome.consumers) == ([LOWER, UPPER], USERS)
    assert (outcome.before == outcome.after, outcome.result, outcome.reattached) == (True, None, False)
    assert (fake_parent.calls, left_behind(fake_parent), fake_parent.loaded()) == ([], [], OLD)
    apply(fake_parent)
    assert job(fake_parent).check().parts == ()


@pytest.mark.parametrize("call", ["check", "apply"])
@pytest.mark.parametrize(
    ("change", "options", "code"),
    [
        (lambda fake: fake.build(bitmap="none"), {}, "consumer_not_spare"),
        (lambda fake: None, {"devices": ["/dev/sdz"]}, "no_disk"),
        (lambda fake: None, {"version": "3.0"}, "other_module_version"),
        (lambda fake: (fake.root / "sys/module/upper/holders/other").mkdir(), {}, "module_held"),
        (lambda fake: fake.install_file(LOWER, "1.0") and fake.load_module(LOWER, "4.0"), {}, "no_way_back"),
    ],
)
def test_fake_parent_a_refusal_changes_nothing(fake_parent: ReloadDouble, call: str, change, options: dict, code: str) -> None:
    change(fake_parent)
    assert refused(getattr(job(fake_parent, **options), call)).code == code
    assert (fake_parent.calls, left_behind(fake_parent), fake_parent.users()) == ([], [], EVERYBODY)


def test_fake_parent_a_failure_is_a_result(fake_parent: ReloadDouble) -> None:
    fake_parent.refused = ["2.0"]
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.result.code, outcome.notes) == ("returned", "load_failed", ())
    assert ([module.loaded.version for module in outcome.after], fake_parent.users()) == (OLD, EVERYBODY)


def test_fake_parent_after_a_way_back_only_the_version_tells_that_it_is_not_done(fake_parent: ReloadDouble) -> None:
    fake_parent.refused = ["2.0"]
    apply(fake_parent)
    assert apply(fake_parent).result is None
    assert refused(apply, fake_parent, version="2.0").code == "other_module_version"


def test_fake_parent_a_unit_that_does_not_start_leaves_nothing_unfinished(fake_parent: ReloadDouble) -> None:
    fake_parent.answers["systemd-run"] = Result(1, "", "no bus")
    assert refused(apply, fake_parent).code == "unit_not_started"
    (first,) = os.listdir(fake_parent.paths.reloads)
    told = reload_folder.read_result(fake_parent.paths, first)
    assert told is not None
    assert (told.outcome, told.code, reload_folder.unfinished(fake_parent.paths)) == ("failed", "unit_not_started", None)
    assert (fake_parent.loaded(), fake_parent.users()) == (OLD, EVERYBODY)


def test_fake_parent_re_attaches(fake_parent: ReloadDouble) -> None:
    alive(fake_parent)
    outcome = with_sleep(fake_parent, lambda: agent.main(["reload", "reload-1"], fake_parent.world)).apply()
    assert outcome.result is not None
    assert (outcome.reattached, outcome.result.reload_id, outcome.result.outcome) == (True, "reload-1", "reloaded")
    assert (started(fake_parent), fake_parent.loaded()) == ([], NEW)


def test_fake_parent_re_attaches_in_the_middle(fake_parent: ReloadDouble) -> None:
    request = alive(fake_parent)
    for name in (UPPER, LOWER):
        fake_parent.unload_module(name)

    def end() -> None:
        for name in (LOWER, UPPER):
            fake_parent.load_module(name, "2.0")
        reload_folder.write_result(fake_parent.paths, reloads.ReloadResult(request.reload_id, "run-1", "reloaded"))

    outcome = with_sleep(fake_parent, end).apply()
    assert (outcome.reattached, [module.state for module in outcome.before]) == (True, ["absent", "absent"])
    assert job(fake_parent).check().reattached is False


def test_fake_parent_re_attaches_where_one_of_the_modules_is_not_loaded(fake_parent: ReloadDouble) -> None:
    fake_parent.unload_module(UPPER)
    request = alive(fake_parent, LOWER)
    assert (request.modules, job(fake_parent).check().reattached) == ((LOWER,), True)


def test_fake_parent_check_attaches_too(fake_parent: ReloadDouble) -> None:
    alive(fake_parent)
    fake_parent.calls.clear()
    outcome = job(fake_parent).check()
    assert (outcome.reattached, outcome.parts, outcome.consumers, len(fake_parent.calls)) == (True, (), (), 1)


@pytest.mark.parametrize("call", ["apply", "check"])
def test_fake_parent_another_reload_has_to_wait(fake_parent: ReloadDouble, call: str) -> None:
    alive(fake_parent)
    error = refused(getattr(job(fake_parent, UPPER), call))
    assert (error.code, error.data) == ("reload_in_progress", {"reload_id": "reload-1"})
    assert error.message == "Reload reload-1 replaces lower, upper."
    assert error.next_step == "Wait until it has ended, then run again."
    assert started(fake_parent) == []


def test_fake_parent_what_was_found_is_not_what_was_asked_for(fake_parent: ReloadDouble) -> None:
    alive(fake_parent)
    found = with_sleep(fake_parent, lambda: agent.main(["reload", "reload-1"], fake_parent.world))
    found._wanted = replace(found._wanted, version="2.1")
    error = refused(found.apply)
    assert (error.code, error.message) == ("not_proven", f"Module lower is {identity('2.0')}, not 2.1.")
    assert error.next_step == "Install that version, and run again: the reload that was found running was for another."


def test_fake_parent_a_dead_request_is_settled_and_a_new_one_made(fake_parent: ReloadDouble) -> None:
    kill_at(fake_parent, 6)
    first = apply(fake_parent)
    assert first.result is not None
    assert (first.result.code, fake_parent.users()) == ("agent_died", EVERYBODY)
    fake_parent.request()
    fake_parent.on_start = lambda reload_id: agent.main(["reload", reload_id], fake_parent.world)
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, outcome.reattached) == ("reloaded", True)
    assert outcome.notes[0].startswith("The agent of reload reload-1 ended without an answer. lower is ")


def test_fake_parent_check_plans_nothing_beside_what_a_dead_agent_left(fake_parent: ReloadDouble) -> None:
    fake_parent.request()
    fake_parent.calls.clear()
    outcome = job(fake_parent).check()
    assert (outcome.reattached, outcome.parts, outcome.consumers, reload_folder.unfinished(fake_parent.paths) is None) == (
        True,
        (),
        (),
        False,
    )


def test_fake_parent_what_a_dead_agent_left_is_brought_back_and_told_though_nothing_else_is_to_be_done(fake_parent: ReloadDouble) -> None:
    request = fake_parent.request()
    fake_parent.die_at = fake_parent.moments + 8
    with pytest.raises(KilledError):
        reloads.Transaction(fake_parent.world, request).perform()
    fake_parent.die_at = 0
    for name in (LOWER, UPPER):
        fake_parent.install_file(name, "1.0")
    outcome = apply(fake_parent)
    assert (outcome.result, fake_parent.users(), fake_parent.loaded()) == (None, EVERYBODY, OLD)
    assert [module.state for module in outcome.before] != [module.state for module in outcome.after] == ["live", "live"]
    assert "Brought back: unit web.service" in outcome.notes[0]
    assert (outcome.reattached, len(outcome.notes)) == (True, 3)  # both files were put back


def test_fake_parent_nothing_new_begins_before_everybody_is_back(fake_parent: ReloadDouble) -> None:
    kill_at(fake_parent, 6)
    fake_parent.deaf = ["mount"]
    assert refused(apply, fake_parent).code == "consumer_not_restarted"
    assert refused(apply, fake_parent).code == "consumer_not_restarted"
    assert len(started(fake_parent)) == 1
    fake_parent.deaf = []
    fake_parent.on_start = lambda reload_id: agent.main(["reload", reload_id], fake_parent.world)
    apply(fake_parent)
    assert (len(os.listdir(fake_parent.paths.reloads)), fake_parent.users()) == (len(started(fake_parent)), EVERYBODY)


def test_fake_parent_waiting_has_an_end_and_the_reload_goes_on(fake_parent: ReloadDouble) -> None:
    fake_parent.on_start = fake_parent.alive.append
    error = refused(apply, fake_parent, timeout_s=2.0)
    assert (error.code, error.next_step) == ("still_running", "Run the same task again: it re-attaches to this reload.")
    assert reload_folder.unfinished(fake_parent.paths) is not None


def test_fake_parent_the_agents_word_is_not_enough(fake_parent: ReloadDouble) -> None:
    def agent_and_somebody_else(reload_id: str) -> None:
        agent.main(["reload", reload_id], fake_parent.world)
        fake_parent.load_module(LOWER, "1.0")

    fake_parent.on_start = agent_and_somebody_else
    error = refused(apply, fake_parent)
    assert (error.code, error.message) == (
        "not_proven",
        f"Module lower is {identity('1.0')}, and its installed file is {identity('2.0')}.",
    )
    assert error.next_step == "Look whether somebody else works on the modules of this host."


def test_fake_parent_old_reloads_are_pruned(fake_parent: ReloadDouble) -> None:
    for number in range(request_folder.KEEP + 3):
        folder = os.path.join(fake_parent.paths.reloads, f"old-{number}")
        os.makedirs(folder)
        os.utime(folder, (number, number))
    apply(fake_parent)
    assert len(os.listdir(fake_parent.paths.reloads)) == request_folder.KEEP


def test_fake_parent_a_call_that_waited_for_another_looks_afresh(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, done = request_folder.locked, []

    @contextlib.contextmanager
    def waits(paths: Paths, holder: str) -> Iterator[None]:
        if not done:
            done.append(True)
            done.append(apply(fake_parent))
        with locked(paths, holder):
            yield

    monkeypatch.setattr(request_folder, "locked", waits)
    outcome = apply(fake_parent)
    assert (outcome.result, len(started(fake_parent)), fake_parent.loaded()) == (None, 1, NEW)


def test_fake_parent_a_death_before_the_unit_is_started_is_settled(fake_parent: ReloadDouble) -> None:
    def die(_reload_id: str) -> None:
        raise KilledError

    fake_parent.on_start = die
    with pytest.raises(KilledError):
        apply(fake_parent)
    fake_parent.on_start = lambda reload_id: agent.main(["reload", reload_id], fake_parent.world)
    outcome = apply(fake_parent)
    assert outcome.result is not None
    assert (outcome.result.outcome, len(outcome.notes), fake_parent.users()) == ("reloaded", 1, EVERYBODY)


def test_fake_parent_the_cold_way_only_asks(fake_parent: ReloadDouble) -> None:
    planned = job(fake_parent, cold=True).check()
    assert ([part.name for part in planned.parts], planned.consumers) == ([LOWER, UPPER], ())
    assert refused(job(fake_parent, cold=True).apply).code == "not_booted"
    assert (started(fake_parent), left_behind(fake_parent), fake_parent.loaded()) == ([], [], OLD)
    apply(fake_parent)
    assert job(fake_parent, cold=True).apply().result is None
