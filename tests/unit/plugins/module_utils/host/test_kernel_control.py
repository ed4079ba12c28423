# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_control import Control, SwapLine, write_text
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

LINE = SwapLine("1.1.0", 1)


@pytest.fixture
def fake_parent(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.register("1.1.0")
    return fake


def raised(action, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        action(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LINE, "version=1.1.0 generation=1 mode=handover deadline_ms=500"),
        (SwapLine("1.1.0", 7, "two_step", 9, 2), "version=1.1.0 generation=7 mode=two_step deadline_ms=9 schema=2"),
    ],
)
def test_the_line_of_a_swap(line: SwapLine, text: str) -> None:
    assert line.text() == text


def test_a_version_is_checked_before_it_gets_into_the_line() -> None:
    assert raised(SwapLine("1.1.0 generation=0", 1).text).code == "bad_version"


def test_consent_is_a_word_of_the_line() -> None:
    assert SwapLine("1.1.0", 1, one_way=True).text() == "version=1.1.0 generation=1 mode=handover deadline_ms=500 one_way=1"


def test_one_write_for_each_wish(fake_parent: FakeParent) -> None:
    control = fake_parent.control
    control.configure("data", "params", "lower=/dev/vdc")
    control.swap("data", LINE)
    control.commit("data", 2)
    control.deactivate("data")
    assert fake_parent.writes == [("params", "lower=/dev/vdc"), ("swap", LINE.text()), ("commit", "generation=2"), ("active", "0")]


SWAP = [
    (errno.EINVAL, "", "bad_request", "the kernel did not understand the request (EINVAL)"),
    (errno.ERANGE, "", "bad_deadline", "the deadline is out of range (ERANGE)"),
    (errno.ENOENT, "", "not_registered", "no such child is registered (ENOENT)"),
    (errno.ESTALE, "", "stale_generation", "the slot has another generation (ESTALE)"),
    (errno.EBUSY, "", "slot_busy", "a swap runs, or a parked child waits for its commit (EBUSY)"),
    (errno.EPERM, "", "not_permitted", "the kernel demands the right to load modules (EPERM)"),
    (errno.EPERM, "limits: capacity", "promise_broken", "limits: capacity (EPERM)"),
    (errno.EPROTO, "no common schema", "schema_none", "no common schema (EPROTO)"),
    (errno.EBADMSG, "abandon failed: -74", "state_damaged", "abandon failed: -74 (EBADMSG)"),
    (
        errno.ETIMEDOUT,
        "deadline of 500 ms passed: drain did not end",
        "deadline",
        "deadline of 500 ms passed: drain did not end (ETIMEDOUT)",
    ),
    (errno.E2BIG, "request data larger", "request_bytes", "request data larger (E2BIG)"),
    (errno.ENOMEM, "prepare failed: -12", "no_memory", "prepare failed: -12 (ENOMEM)"),
    (errno.EINTR, "", "interrupted", "the requester was killed; the swap goes on (EINTR)"),
    (errno.EIO, "adopt failed: -5", "child_refused", "adopt failed: -5 (EIO)"),
    (errno.EIO, "", "child_refused", "the new child could not take over (EIO)"),
]


@pytest.mark.parametrize(("number", "reason", "code", "text"), SWAP)
def test_fake_parent_refuses_a_swap(fake_parent: FakeParent, number: int, reason: str, code: str, text: str) -> None:
    fake_parent.refuse["swap"] = number
    fake_parent.reason = reason
    error = raised(fake_parent.control.swap, "data", LINE)
    assert (error.code, error.message) == (code, f"The kernel refused to swap to 1.1.0 on slot data: {text}.")
    assert error.data == {"slot": "data", "errno": errno.errorcode[number], "reason": reason}
    assert error.next_step.endswith(".")


def test_fake_parent_an_old_reason_is_not_told_again(fake_parent: FakeParent) -> None:
    fake_parent.set(last_swap__to="0.9.0", last_swap__result="returned", last_swap__reason="long ago")
    fake_parent.refuse["swap"] = errno.EIO
    assert "long ago" not in raised(fake_parent.control.swap, "data", LINE).message


def test_fake_parent_without_the_slot(fake_parent: FakeParent) -> None:
    fake_parent.refuse["swap"] = errno.ENOENT
    error = raised(fake_parent.control.swap, "other", LINE)
    assert (error.code, error.message) == ("no_slot", "The kernel refused to swap to 1.1.0 on slot other: it does not exist (ENOENT).")
    assert error.next_step == "Create the slot with twostep.hotswap.parent, or correct its name."


@pytest.mark.parametrize(
    ("name", "number", "code", "message"),
    [
        ("commit", errno.ESTALE, "stale_generation", "The kernel refused to commit slot data: the slot has another generation (ESTALE)."),
        ("commit", errno.EBUSY, "slot_busy", "The kernel refused to commit slot data: a swap runs (EBUSY)."),
        ("active", errno.EBUSY, "slot_in_use", "The kernel refused to take down slot data: somebody has its device open (EBUSY)."),
        ("params", errno.EBUSY, "slot_active", "The kernel refused to set params of slot data: the slot serves already (EBUSY)."),
        ("params", errno.EINVAL, "bad_setting", "The kernel refused to set params of slot data: the kernel does not take 'x' (EINVAL)."),
        ("family", errno.EACCES, "not_permitted",
         "The kernel refused to set family of slot data: the kernel demands the right to load modules (EACCES)."),
        ("params", errno.EIO, "kernel_refused", "The kernel refused to set params of slot data: Input/output error (EIO)."),
    ],
)  # fmt: skip
def test_fake_parent_refuses_a_write(fake_parent: FakeParent, name: str, number: int, code: str, message: str) -> None:
    fake_parent.refuse[name] = number
    control = fake_parent.control
    actions = {
        "commit": lambda: control.commit("data", 1),
        "active": lambda: control.deactivate("data"),
        "params": lambda: control.configure("data", "params", "x"),
        "family": lambda: control.configure("data", "family", "x"),
    }
    error = raised(actions[name])
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("call", "number", "code", "message"),
    [
        ("create", errno.EEXIST, "slot_exists", "The kernel refused to create slot data: it exists already (EEXIST)."),
        ("create", errno.EINVAL, "bad_slot", "The kernel refused to create slot data: the kernel does not take the name (EINVAL)."),
        ("create", errno.EPERM, "not_permitted",
         "The kernel refused to create slot data: the kernel demands the right to load modules (EPERM)."),
        ("remove", errno.EBUSY, "slot_in_use", "The kernel refused to remove slot data: it is active (EBUSY)."),
        ("remove", errno.ENOENT, "no_slot", "The kernel refused to remove slot data: it does not exist (ENOENT)."),
    ],
)  # fmt: skip
def test_folders(fake_parent: FakeParent, call: str, number: int, code: str, message: str) -> None:
    def refuse(_path: str) -> None:
        raise OSError(number, os.strerror(number))

    control = Control(fake_parent.paths, fake_parent.status, mkdir=refuse, rmdir=refuse)
    error = raised(getattr(control, call), "data")
    assert (error.code, error.message) == (code, message)


def test_folders_are_made_and_removed_in_configfs(fake_parent: FakeParent) -> None:
    control = fake_parent.control
    assert not control.exists("new")
    control.create("new")
    assert control.exists("new")
    assert (fake_parent.root / "sys/kernel/config/twostep/new").is_dir()
    control.remove("new")
    assert not control.exists("new")


def test_a_setting_is_read(fake_parent: FakeParent) -> None:
    assert fake_parent.control.setting("data", "request_bytes") == "256"
    assert raised(fake_parent.control.setting, "other", "request_bytes").code == "no_slot"


@pytest.mark.parametrize(("text", "room"), [("256", 256), ("0", 0), ("", None), ("-1", None), ("\u00b2", None), ("many", None)])
def test_fake_parent_room_for_requests(fake_parent: FakeParent, text: str, room: int | None) -> None:
    fake_parent.put(fake_parent.root / "sys/kernel/config/twostep/data/request_bytes", text)
    assert fake_parent.control.room("data") == room
    assert fake_parent.control.room("other") is None


def test_a_kernel_file_gets_one_write(tmp_path, monkeypatch) -> None:
    path = tmp_path / "swap"
    path.write_text("")
    written = []
    monkeypatch.setattr(os, "write", lambda _handle, data: written.append(data))
    write_text(str(path), "generation=1")
    assert written == [b"generation=1"]
    with pytest.raises(FileNotFoundError):
        write_text(str(tmp_path / "absent"), "x")
