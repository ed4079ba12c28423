# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction of a warm upgrade against a pretended host: what becomes of those who use the slot, whatever fails."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import Entry
from ansible_collections.twostep.hotswap.plugins.module_utils.core.swap_request import SwapResult
from ansible_collections.twostep.hotswap.plugins.module_utils.host import boot, ledger, swap_folder
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.swap import Transaction
from ansible_collections.twostep.hotswap.plugins.module_utils.host.warm import Warm
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.host.test_swap import BOOT, boot_version, ledgered, request
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.warm_double import DISK, WarmDouble


@pytest.fixture
def in_use(tmp_path: Path) -> WarmDouble:
    fake = WarmDouble(tmp_path)
    fake.all_users()
    fake.put(tmp_path / "etc/twostep/slots.d/data.json", BOOT)
    return fake


EVERYBODY = (["web.service"], ["/srv"], [f"{DISK}p2"], ["md0"])


def warm(fake: WarmDouble, **changes: object) -> SwapResult:
    wanted = request(fake, mode="warm", units=("web.service",), **changes)
    swap_folder.write_request(fake.paths, wanted)
    return Transaction(fake.world, wanted).perform()


def test_fake_parent_warm(in_use: WarmDouble) -> None:
    result = warm(in_use)
    assert (result.outcome, result.code, result.mode, result.generation_before, result.generation_after) == ("committed", "", "warm", 1, 3)
    assert (result.hold_ms, result.held_requests, result.kernel_phases, result.notes) == (None, None, {}, ())
    phases = ["preload", "take_down", "replace", "bring_back", "verify", "redundancy", "commit"]
    assert [phase.phase for phase in result.phases] == phases
    assert ledgered(in_use) == [(phase, event) for phase in phases for event in ("begin", "end")]
    assert [name for name, _text in in_use.writes] == ["active", "swap", "commit"]
    assert (in_use.users(), boot_version(in_use)) == (EVERYBODY, "1.1.0")
    assert (in_use.is_loaded("1.0.0"), in_use.is_loaded("1.1.0")) == (False, True)


def test_fake_parent_the_ledger_tells_who_is_stopped(in_use: WarmDouble) -> None:
    warm(in_use)
    told = next(entry.data for entry in ledger.read(in_use.paths) if (entry.phase, entry.event) == ("preload", "end"))
    assert (told["loaded"], told["consumers"]) == (True, ["unit web.service", "mount /srv", f"swap {DISK}p2", f"{DISK} in md0"])


def test_fake_parent_warm_without_a_commit(in_use: WarmDouble) -> None:
    result = warm(in_use, commit=False)
    assert (result.outcome, result.phases[-1].phase, boot_version(in_use)) == ("swapped", "redundancy", "1.0.0")
    assert in_use.is_loaded("1.0.0")


@pytest.mark.parametrize(
    ("needs", "room", "kept"), [("64", "256", None), ("512", "256", 512), ("256", "512", 512), ("64", "unreadable", None)]
)
def test_fake_parent_the_boot_configuration_keeps_the_room_for_requests(
    in_use: WarmDouble, needs: str, room: str, kept: int | None
) -> None:
    in_use.put(in_use.root / "sys/kernel/config/twostep/data/request_bytes", room)
    in_use.register("1.1.0", twostep_request_bytes=needs)
    assert warm(in_use).outcome == "committed"
    found = boot.read_slot(in_use.paths, "data")
    assert (found and found.version, found and found.request_bytes) == ("1.1.0", kept)


def test_fake_parent_room_in_the_boot_configuration_that_is_no_longer_so_is_corrected(in_use: WarmDouble) -> None:
    present = boot.read_slot(in_use.paths, "data")
    assert present is not None
    boot.write_slot(in_use.paths, replace(present, request_bytes=1024))
    assert warm(in_use).outcome == "committed"
    found = boot.read_slot(in_use.paths, "data")
    assert found == replace(present, version="1.1.0", request_bytes=256)


def test_fake_parent_warm_refuses_before_anybody_is_stopped(in_use: WarmDouble) -> None:
    in_use.build(bitmap="none")
    result = warm(in_use)
    assert (result.outcome, result.code, [phase.phase for phase in result.phases]) == ("failed", "consumer_not_spare", ["preload"])
    assert result.message == (
        "/dev/twostep/data cannot be taken out of md0: it has no write-intent bitmap, and would be copied as a whole afterwards. "
        "Slot data serves 1.0.0 at generation 1."
    )
    assert (in_use.users(), in_use.writes, in_use.is_loaded("1.1.0")) == (EVERYBODY, [], False)


def failing(fake: WarmDouble, phase: str) -> None:
    """Have a phase of the warm way fail, as the kernel or a program would."""
    if phase == "take_down":
        fake.refuse["active"] = errno.EBUSY
    elif phase == "replace":
        adopt = fake.adopt
        fake.adopt = lambda slot, version, parked="": None if version == "1.1.0" else adopt(slot, version, parked)  # type: ignore[method-assign]
    elif phase == "bring_back":
        mended = fake._do

        def only_once(argv: list) -> None:
            if argv[0] != "swapon" or fake.get("version") == "1.0.0":
                mended(argv)

        fake._do = only_once  # type: ignore[method-assign]
    else:
        wrong = fake.adopt

        def unproven(slot: str, version: str, parked: str = "") -> None:
            wrong(slot, version, parked)
            fake.set(slot, last_swap__result="ok" if version == "1.0.0" else "failed")

        fake.adopt = unproven  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("phase", "code", "message", "generation"),
    [
        ("take_down", "slot_in_use", "The kernel refused to take down slot data: somebody has its device open (EBUSY).", 1),
        ("replace", "not_proven", "Slot data took 1.1.0, but is empty with nothing.", 3),
        ("bring_back", "consumer_not_restarted", f"swap {DISK}p2 was not restarted.", 5),
        ("verify", "not_proven", "The swap is not proven: result is failed, not ok.", 5),
    ],
)
def test_fake_parent_a_failure_on_the_warm_way_goes_back(in_use: WarmDouble, phase: str, code: str, message: str, generation: int) -> None:
    failing(in_use, phase)
    result = warm(in_use)
    assert (result.outcome, result.code, result.generation_after, result.notes) == ("returned", code, generation, ())
    assert result.message == f"{message} Slot data serves 1.0.0 at generation {generation}."
    assert [(one.phase, one.event) for one in result.phases[-2:]] == [(phase, "fail"), ("go_back", "end")]
    assert (in_use.users(), boot_version(in_use)) == (EVERYBODY, "1.0.0")
    assert (in_use.is_loaded("1.0.0"), in_use.is_loaded("1.1.0")) == (True, False)


def test_fake_parent_a_user_that_does_not_let_go_has_the_others_back(in_use: WarmDouble) -> None:
    in_use.deaf = ["swapoff"]
    result = warm(in_use)
    assert (result.outcome, result.code, result.has_moved) == ("returned", "consumer_not_stopped", False)
    assert result.message == f"swap {DISK}p2 was not stopped: swapoff: no. Slot data serves 1.0.0 at generation 1."
    assert (in_use.users(), in_use.writes) == (EVERYBODY, [])


def test_fake_parent_there_is_no_result_before_everybody_is_back(in_use: WarmDouble) -> None:
    in_use.refuse["active"] = errno.EBUSY
    in_use.deaf = ["mount"]
    with pytest.raises(TwostepError) as caught:
        warm(in_use)
    assert caught.value.code == "consumer_not_restarted"
    assert caught.value.message == (
        "The kernel refused to take down slot data: somebody has its device open (EBUSY). Not everything is back: "
        "mount /srv was not restarted: mount: no. unit web.service was not restarted: /srv is not mounted."
    )
    assert in_use.users() == ([], [], [f"{DISK}p2"], ["md0"])
    assert [(entry.phase, entry.event) for entry in ledger.read(in_use.paths)][-3:] == [
        ("take_down", "fail"),
        ("go_back", "begin"),
        ("go_back", "fail"),
    ]


def test_fake_parent_an_old_version_that_does_not_come_back_is_told(in_use: WarmDouble) -> None:
    in_use.adopt = lambda *_arguments, **_words: None  # type: ignore[method-assign]
    with pytest.raises(TwostepError) as caught:
        warm(in_use)
    assert (caught.value.code, caught.value.message) == (
        "not_proven",
        "Slot data took 1.1.0, but is empty with nothing. Not everything is back: Slot data took 1.0.0, but is empty with nothing.",
    )


def test_fake_parent_copies_that_take_longer_are_told_and_nothing_is_undone(in_use: WarmDouble) -> None:
    back = Warm.bring_back

    def slowly(upgrade: Warm) -> None:
        in_use.lasting = True
        back(upgrade)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warm, "bring_back", slowly)
        result = warm(in_use)
    assert (result.outcome, result.code, result.phases[-1].phase, result.phases[-1].event) == (
        "failed",
        "not_redundant",
        "redundancy",
        "fail",
    )
    assert (result.has_moved, in_use.users(), boot_version(in_use)) == (True, EVERYBODY, "1.0.0")
    assert result.message.endswith("Slot data serves 1.1.0 at generation 3.")


def test_fake_parent_a_failed_commit_does_not_take_the_slot_down_again(in_use: WarmDouble) -> None:
    in_use.refuse["commit"] = errno.EBUSY
    result = warm(in_use)
    assert (result.outcome, result.code, result.generation_after) == ("failed", "slot_busy", 3)
    assert (in_use.users(), in_use.status.slot("data").version) == (EVERYBODY, "1.1.0")
    assert [name for name, _text in in_use.writes] == ["active", "swap", "commit"]


@pytest.mark.parametrize("lines", [3, 4, 5, 6])
def test_fake_parent_a_ledger_that_gets_full_keeps_nobody_down(in_use: WarmDouble, monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    append, left = ledger.append, list(range(lines))

    def until_full(paths: Paths, entry: Entry) -> Entry:
        if not left:
            raise TwostepError("ledger_unusable", "The ledger is full.", "Make room.")
        left.pop()
        return append(paths, entry)

    monkeypatch.setattr(ledger, "append", until_full)
    result = warm(in_use)
    assert (result.outcome, result.code, in_use.users()) == ("returned", "ledger_unusable", EVERYBODY)
