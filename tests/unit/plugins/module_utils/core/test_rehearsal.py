# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import rehearsal
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.exercise import Offers
from ansible_collections.twostep.hotswap.plugins.module_utils.core.rehearsal import Wish


def refused(**changes: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        rehearsal.wish(**{"slot": "data", "version": "1.1.0", **changes})  # type: ignore[arg-type]
    return caught.value


def test_a_wish() -> None:
    assert rehearsal.wish("data", "1.1.0") == Wish("data", "1.1.0")
    assert rehearsal.wish("data", "1.1.0", scratch="/var/tmp").folder == "/var/tmp"


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"slot": "../x"}, "bad_slot", "slot '../x' is not a valid name."),
        ({"version": "1.1"}, "bad_version", "version '1.1' is not a valid name."),
        ({"scratch": "tmp"}, "bad_scratch", "scratch is 'tmp'. Next: Use memory, or the absolute path of a folder."),
        ({"size_mib": 3}, "bad_size", "size_mib is 3. Next: Use a number from 4 to 1024."),
        ({"size_mib": 1025}, "bad_size", "size_mib is 1025."),
        ({"deadline_ms": 0}, "bad_deadline", "deadline_ms is 0. Next: Use a number of milliseconds from 1 to 10000."),
        ({"timeout_s": 9.0}, "bad_timeout", "timeout_s is 9.0. Next: Use seconds from 10 to 3600."),
        ({"timeout_s": float("nan")}, "bad_timeout", "timeout_s is nan."),
        ({"params": "lower=/dev/vdb"}, "bad_params", "Next: Write one line with {device} where the scratch device belongs."),
        ({"params": "lower={device}\n"}, "bad_params", "params is 'lower={device}"),
    ],
)
def test_bad_options(changes: dict, code: str, says: str) -> None:
    error = refused(**changes)
    assert error.code == code
    assert says in str(error)


def test_the_scratch_slot_has_a_name_that_the_kernel_takes() -> None:
    assert rehearsal.scratch_slot("0123456789") == "rehearse-0123456"
    assert rehearsal.is_scratch("rehearse-0123456")
    assert not rehearsal.is_scratch("data")


def test_params() -> None:
    assert rehearsal.template(Wish("data", "1.1.0"), "remap") == "lower={device}"
    assert rehearsal.template(Wish("data", "1.1.0", params="x={device}"), "vault") == "x={device}"
    assert rehearsal.params_for("lower={device},y={device}", "/dev/loop0") == "lower=/dev/loop0,y=/dev/loop0"
    with pytest.raises(TwostepError) as caught:
        rehearsal.template(Wish("data", "1.1.0"), "vault")
    assert caught.value.code == "bad_params"
    assert str(caught.value) == (
        "How a slot of family vault names its device is not known. "
        "Next: Set params to the text for the child, with {device} where the scratch device belongs."
    )


def test_room() -> None:
    rehearsal.refuse_short(Wish("data", "1.1.0"), 96, None)
    rehearsal.refuse_short(Wish("data", "1.1.0", "/var/tmp"), 64, 32)
    with pytest.raises(TwostepError) as caught:
        rehearsal.refuse_short(Wish("data", "1.1.0"), 95, None)
    assert caught.value.code == "memory_short"
    assert str(caught.value) == (
        "The host has 95 MiB of memory available, the rehearsal needs 96. Next: Free memory, lower size_mib, or set scratch to a folder."
    )
    with pytest.raises(TwostepError) as caught:
        rehearsal.refuse_short(Wish("data", "1.1.0", "/var/tmp"), 64, 31)
    assert caught.value.code == "space_short"
    assert str(caught.value) == (
        "/var/tmp has 31 MiB free, the rehearsal needs 32. Next: Free space, lower size_mib, or choose another folder."
    )


def told(steps: tuple) -> list[str]:
    return [" ".join(filter(None, (step.action, step.version, "busy" if step.busy else ""))) for step in steps]


def test_the_plan_goes_there_and_back_and_there() -> None:
    assert told(rehearsal.plan("1.0.0", "1.1.0", ["nbd"], True, False)) == [
        "load 1.1.0",
        "scratch",
        "adopt 1.0.0",
        "exercise 1.0.0",
        "swap 1.1.0 busy",
        "exercise 1.1.0",
        "return 1.0.0",
        "verify 1.0.0",
        "swap 1.1.0 busy",
        "commit 1.1.0",
        "swap 1.0.0",
        "exercise 1.0.0",
        "commit 1.0.0",
        "swap 1.1.0",
        "commit 1.1.0",
        "exercise 1.1.0",
        "take_down",
        "unload 1.1.0",
    ]


def test_a_loop_device_is_never_slow_so_nothing_returns_by_itself() -> None:
    assert "return 1.0.0" not in told(rehearsal.plan("1.0.0", "1.1.0", ["loop"], True, True))


def test_without_a_way_back_it_is_not_gone() -> None:
    assert told(rehearsal.plan("1.0.0", "2.0.0", ["nbd"], False, True)) == [
        "scratch",
        "adopt 1.0.0",
        "exercise 1.0.0",
        "swap 2.0.0 busy",
        "exercise 2.0.0",
        "commit 2.0.0",
        "exercise 2.0.0",
        "take_down",
    ]


def test_one_device_after_the_other() -> None:
    steps = rehearsal.plan("1.0.0", "1.1.0", ["nbd", "loop"], True, True)
    assert [step.device for step in steps if step.action in ("scratch", "take_down")] == ["nbd", "nbd", "loop", "loop"]
    assert steps[0].as_dict() == {
        "action": "scratch", "reason": "real devices stay untouched", "device": "nbd", "version": "", "busy": False,
    }  # fmt: skip


def test_what_users_rely_on_must_have_been_exercised() -> None:
    promised = ("flush", "fua", "discard")
    assert rehearsal.refuse_unexercised(promised, Offers(flush=True), ["flush", "fua", "discard"]) == []
    assert rehearsal.refuse_unexercised(promised, Offers(flush=True), ["flush", "discard"]) == [
        "fua is promised, but neither the slot's device nor a scratch device of this host offers it."
    ]
    with pytest.raises(TwostepError) as caught:
        rehearsal.refuse_unexercised(promised, Offers(flush=True, fua=True), ["flush", "discard"])
    assert caught.value.code == "not_exercised"
    assert str(caught.value) == (
        "Users of the slot may rely on fua, which no scratch device of this host can try. "
        "Next: Install the kernel modules nbd and loop, or go on without a rehearsal if that is meant."
    )
