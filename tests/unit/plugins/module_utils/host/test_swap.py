# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction against a pretended parent: what is asked of it, in which order, and what is said of its answers."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapRequest, SwapResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot, ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap import Transaction, what_stands
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent, module_of

BOOT = '{"schema": 1, "slot": "data", "family": "remap", "params": "lower=/dev/vdb", "version": "1.0.0"}'


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.install("1.0.0")
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT)
    return fake


def request(fake: FakeParent, **changes: object) -> SwapRequest:
    wanted = SwapRequest(
        "data-1", "run-1", "data", "remap", "1.0.0", "1.1.0", 1, "2026-01-31T23:59:58Z", path=str(fake.install("1.1.0")),
        module=module_of("1.1.0"), old_module=module_of("1.0.0"), srcversion="SRC1.1.0", depends=("twostep",),
    )  # fmt: skip
    return replace(wanted, **changes)


def perform(fake: FakeParent, **changes: object) -> SwapResult:
    return Transaction(fake.world, request(fake, **changes)).perform()


def ledgered(fake: FakeParent) -> list[tuple[str, str]]:
    return [(entry.phase, entry.event) for entry in ledger.read(fake.paths)]


def boot_version(fake: FakeParent) -> str:
    found = boot.read_slot(fake.paths, "data")
    assert found is not None
    return found.version


def test_fake_parent_swap_and_commit(fake_parent: FakeParent) -> None:
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.generation_before, result.generation_after) == ("committed", "", 1, 2)
    assert (result.hold_ms, result.held_requests, result.kernel_phases["adopt_ns"]) == (1.5, 4, 1000)
    assert [phase.phase for phase in result.phases] == ["preload", "swap", "verify", "commit"]
    assert ledgered(fake_parent) == [(phase.phase, event) for phase in result.phases for event in ("begin", "end")]
    assert [name for name, _text in fake_parent.writes] == ["swap", "commit"]
    assert fake_parent.writes[0][1] == "version=1.1.0 generation=1 mode=handover deadline_ms=500"
    assert boot_version(fake_parent) == "1.1.0"
    assert (fake_parent.is_loaded("1.0.0"), fake_parent.is_loaded("1.1.0")) == (False, True)
    assert result.notes == ()


def test_fake_parent_every_ledger_line_names_run_swap_and_slot(fake_parent: FakeParent) -> None:
    perform(fake_parent)
    assert {(entry.run_id, entry.swap_id, entry.slot) for entry in ledger.read(fake_parent.paths)} == {("run-1", "data-1", "data")}


def test_fake_parent_swap_into_probation(fake_parent: FakeParent) -> None:
    result = perform(fake_parent, commit=False)
    assert (result.outcome, fake_parent.get("parked"), boot_version(fake_parent)) == ("swapped", "1.0.0", "1.0.0")
    assert fake_parent.is_loaded("1.0.0")


def test_fake_parent_commit_alone(fake_parent: FakeParent) -> None:
    perform(fake_parent, commit=False)
    result = perform(fake_parent, swap=False, generation=2)
    assert (result.outcome, result.generation_before, result.generation_after, result.hold_ms) == ("committed", 2, 2, None)
    assert [phase.phase for phase in result.phases] == ["commit"]
    assert (fake_parent.get("parked"), boot_version(fake_parent), fake_parent.is_loaded("1.0.0")) == ("", "1.1.0", False)


def test_fake_parent_back_to_the_parked_one(fake_parent: FakeParent) -> None:
    perform(fake_parent, commit=False)
    path = str(fake_parent.install("1.0.0"))
    back = {"from_version": "1.1.0", "to_version": "1.0.0", "module": module_of("1.0.0"), "old_module": module_of("1.1.0")}
    result = perform(fake_parent, **back, path=path, srcversion="SRC1.0.0", generation=2, release_first=True, commit=False)
    assert (result.outcome, [phase.phase for phase in result.phases]) == ("swapped", ["release", "preload", "swap", "verify"])
    assert [name for name, _text in fake_parent.writes] == ["swap", "commit", "swap"]
    assert boot_version(fake_parent) == "1.0.0"


@pytest.mark.parametrize("change", [{"generation": 2}, {"from_version": "0.9.0"}, {"swap": False}])
def test_fake_parent_a_stale_request_changes_nothing(fake_parent: FakeParent, change: dict) -> None:
    result = perform(fake_parent, **change)
    assert (result.outcome, result.code) == ("refused", "stale_generation")
    assert result.message.startswith("The request is for 1.") or result.message.startswith("The request is for 0.")
    assert result.message.endswith("it is no longer so. Slot data serves 1.0.0 at generation 1.")
    assert result.next_step == "Run the same task again: it reads the slot afresh."
    assert (fake_parent.writes, fake_parent.calls, ledgered(fake_parent)) == ([], [], [])


def test_fake_parent_refuses_before_the_hold(fake_parent: FakeParent) -> None:
    fake_parent.refuse["swap"] = errno.EBUSY
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.hold_ms, result.has_moved) == ("refused", "slot_busy", None, False)
    assert not fake_parent.is_loaded("1.1.0")
    assert boot_version(fake_parent) == "1.0.0"


def test_fake_parent_returns_to_the_old_child(fake_parent: FakeParent) -> None:
    fake_parent.refuse["swap"] = errno.ETIMEDOUT
    fake_parent.reason = "deadline of 500 ms passed: drain did not end"
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.hold_ms, result.has_moved) == ("returned", "deadline", 7.0, False)
    assert result.message.endswith("drain did not end (ETIMEDOUT). Slot data serves 1.0.0 at generation 1.")
    assert ledgered(fake_parent)[-1] == ("swap", "fail")
    assert not fake_parent.is_loaded("1.1.0")


def test_fake_parent_a_candidate_that_was_there_before_stays(fake_parent: FakeParent) -> None:
    fake_parent.register("1.1.0")
    fake_parent.refuse["swap"] = errno.ETIMEDOUT
    perform(fake_parent)
    assert fake_parent.is_loaded("1.1.0")


def test_fake_parent_a_module_that_does_not_load(fake_parent: FakeParent) -> None:
    wanted = request(fake_parent)
    (fake_parent.root / wanted.path.lstrip("/")).unlink(missing_ok=True)
    fake_parent.install("1.1.0").unlink()
    result = Transaction(fake_parent.world, wanted).perform()
    assert (result.outcome, result.code, fake_parent.writes) == ("failed", "load_failed", [])
    assert result.phases[-1].event == "fail"


def test_fake_parent_success_of_the_write_proves_nothing(fake_parent: FakeParent) -> None:
    fake_parent.adopt = lambda *_arguments, **_words: None  # type: ignore[method-assign]
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.phases[-1].phase) == ("failed", "not_proven", "verify")
    assert result.message.startswith(
        "The swap is not proven: version is 1.0.0, not 1.1.0; module is twostep_remap_1_0_0, not twostep_remap_1_1_0; "
        "generation is 1, not 2."
    )
    assert result.next_step == "Read the kernel log of the host."
    assert boot_version(fake_parent) == "1.0.0"


def test_fake_parent_a_return_right_after_the_swap_is_waited_for_and_told(fake_parent: FakeParent) -> None:
    adopt = fake_parent.adopt

    def alarmed(slot: str, version: str, parked: str = "") -> None:
        adopt(slot, version, parked)
        fake_parent.set(slot, state="held", probation="alarmed")

    def sleep(_seconds: float) -> None:
        adopt("data", "1.0.0")
        fake_parent.set(state="serving", probation="none", last_swap__result="returned", last_swap__reason="probation: health: -5")

    fake_parent.adopt = alarmed  # type: ignore[method-assign]
    object.__setattr__(fake_parent.world, "sleep", sleep)
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.phases[-1].phase) == ("returned", "returned", "verify")
    assert result.message.startswith("The kernel took 1.1.0 back: probation: health: -5. Slot data serves 1.0.0 at generation 3.")
    assert boot_version(fake_parent) == "1.0.0"


def test_fake_parent_a_failed_commit_says_what_stands(fake_parent: FakeParent) -> None:
    fake_parent.refuse["commit"] = errno.EBUSY
    result = perform(fake_parent)
    assert (result.outcome, result.code, result.has_moved) == ("failed", "slot_busy", True)
    assert result.message.endswith("Slot data serves 1.1.0 at generation 2; 1.0.0 is parked.")
    assert fake_parent.is_loaded("1.1.0")


def test_fake_parent_a_commit_that_parks_on_is_not_proven(fake_parent: FakeParent) -> None:
    original = fake_parent.write
    fake_parent.world = replace(
        fake_parent.world,
        control=replace(fake_parent.control, write_text=lambda path, text: None if path.endswith("commit") else original(path, text)),
    )
    result = perform(fake_parent)
    assert (result.code, result.outcome) == ("not_proven", "failed")
    assert result.message.startswith("The commit is not proven. Slot data serves 1.1.0 at generation 2; 1.0.0 is parked.")


def test_fake_parent_without_boot_configuration(fake_parent: FakeParent) -> None:
    boot.remove_slot(fake_parent.paths, "data")
    result = perform(fake_parent)
    assert result.outcome == "committed"
    assert result.notes == ("Slot data has no boot configuration; at the next boot it is not brought up.",)


def test_fake_parent_an_old_module_in_use_stays(fake_parent: FakeParent) -> None:
    fake_parent.add_slot("other")
    original = fake_parent.use
    fake_parent.use = lambda version, count: original(version, count + (version == "1.0.0"))  # type: ignore[method-assign]
    result = perform(fake_parent)
    assert (result.outcome, fake_parent.is_loaded("1.0.0")) == ("committed", True)
    assert result.notes == ("Module twostep_remap_1_0_0 stays loaded: another slot uses it.",)


def test_fake_parent_that_the_old_module_cannot_be_unloaded_is_no_failure(fake_parent: FakeParent) -> None:
    fake_parent.drop = lambda _module: None  # type: ignore[method-assign]
    result = perform(fake_parent)
    assert result.outcome == "committed"
    assert result.notes[0].startswith("Module twostep_remap_1_0_0 stays loaded: Module twostep_remap_1_0_0 cannot be unloaded")


def test_fake_parent_gone_altogether_is_an_error(fake_parent: FakeParent) -> None:
    (fake_parent.root / "sys/kernel/twostep/contract").unlink()
    with pytest.raises(TwostepError) as caught:
        perform(fake_parent)
    assert caught.value.code == "no_parent"


def test_fake_parent_two_step(fake_parent: FakeParent) -> None:
    result = perform(fake_parent, mode="two_step", deadline_ms=2000, state_schema=1)
    assert (result.outcome, result.mode, result.generation_after) == ("committed", "two_step", 2)
    assert fake_parent.writes[0][1] == "version=1.1.0 generation=1 mode=two_step deadline_ms=2000 schema=1"
    assert fake_parent.inserted == ["lock", "-twostep_remap_1_0_0", "twostep_remap_1_1_0"]
    assert boot_version(fake_parent) == "1.1.0"


def test_fake_parent_two_step_brings_the_old_child_back(fake_parent: FakeParent) -> None:
    fake_parent.insert_fails = True
    result = perform(fake_parent, mode="two_step")
    assert (result.outcome, result.code, result.generation_after) == ("returned", "load_failed", 2)
    assert fake_parent.inserted == ["lock", "-twostep_remap_1_0_0", "twostep_remap_1_0_0"]
    assert result.message.endswith("Slot data serves 1.0.0 at generation 2.")
    assert boot_version(fake_parent) == "1.0.0"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Slot data serves 1.0.0 at generation 1."),
        ({"parked": "0.9.0"}, "Slot data serves 1.0.0 at generation 1; 0.9.0 is parked."),
        ({"state": "held"}, "Slot data is held with 1.0.0 at generation 1."),
        ({"state": "detached", "version": "", "module": ""}, "Slot data is detached without a child at generation 1."),
    ],
)
def test_fake_parent_what_stands(fake_parent: FakeParent, changes: dict, text: str) -> None:
    fake_parent.set(**changes)
    assert what_stands(fake_parent.status.slot("data")) == text


def test_fake_parent_a_return_right_before_the_commit_boots_what_serves(fake_parent: FakeParent) -> None:
    original = fake_parent.write

    def write(path: str, text: str) -> None:
        if path.endswith("commit"):
            fake_parent.adopt("data", "1.0.0")
            raise OSError(errno.ESTALE, "stale")
        original(path, text)

    fake_parent.world = replace(fake_parent.world, control=replace(fake_parent.control, write_text=write))
    result = perform(fake_parent)
    assert (result.code, result.outcome) == ("stale_generation", "failed")
    assert boot_version(fake_parent) == "1.0.0"


def test_fake_parent_a_return_before_the_commit_is_named(fake_parent: FakeParent) -> None:
    verify = Transaction._verify

    def then_return(transaction: Transaction, *arguments: object) -> None:
        verify(transaction, *arguments)
        fake_parent.adopt("data", "1.0.0")
        fake_parent.set(last_swap__result="returned", last_swap__reason="probation: health: -5")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "_verify", then_return)
        result = perform(fake_parent)
    assert (result.code, result.outcome) == ("returned", "returned")
    assert result.message.startswith("The kernel took 1.1.0 back: probation: health: -5.")
    assert boot_version(fake_parent) == "1.0.0"


def test_fake_parent_a_parent_that_does_not_tell_its_room_keeps_no_commit_from_being_made(fake_parent: FakeParent) -> None:
    (fake_parent.root / "sys/kernel/config/twostep/data/request_bytes").unlink()
    assert perform(fake_parent).outcome == "committed"
    found = boot.read_slot(fake_parent.paths, "data")
    assert (found and found.version, found and found.request_bytes) == ("1.1.0", None)
