# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a host: which slots, which files, and what happens where one is missing."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.evidence import Io, Traffic
from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import Log
from ansible_collections.twostep.hotswap.plugins.module_utils.host import evidence
from ansible_collections.twostep.hotswap.plugins.module_utils.host.evidence import World
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_log import Device
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import FakeParent

STAT = "     446       24     7898      189      120        0     9600      333        2      117      522        0        0        0        0        4        9\n"  # noqa: E501


def empty_log(_number: int) -> bytes:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@pytest.fixture
def fake(tmp_path) -> FakeParent:
    fake = FakeParent(tmp_path)
    fake.add_slot()
    fake.add_slot("logs", "1.1.0")
    fake.put(tmp_path / "sys/block/twostep!data/stat", STAT.rstrip("\n"))
    fake.set("data", health="ok", child__errors=3, refused_ends=1)
    return fake


def world(fake: FakeParent) -> World:
    return World(fake.paths, fake.status, lambda: 12.34567, Device(lambda _path: 7, empty_log, lambda _number: None))


def test_a_look(fake: FakeParent) -> None:
    found = evidence.look(world(fake), "remap")
    assert (found.boot_id, found.uptime_s, found.log) == ("00000000-0000-4000-8000-000000000001", 12.346, Log(0, 0, True))
    data, logs = found.slots
    assert data.io == Io(Traffic(446, 189), Traffic(120, 333), Traffic(), Traffic(4, 9), 2)
    assert (data.slot, data.health, data.child_errors, data.refused_ends, data.generation) == ("data", "ok", 3, 1, 1)
    assert (logs.slot, logs.version, logs.health, logs.child_errors, logs.io) == ("logs", "1.1.0", None, None, None)


def test_only_slots_of_the_family_and_none_of_a_rehearsal(fake: FakeParent) -> None:
    fake.add_slot("rehearse-0123456")
    fake.set("logs", family="cache")
    assert [slot.slot for slot in evidence.look(world(fake), "remap").slots] == ["data"]
    assert evidence.look(world(fake), "other").slots == ()


@pytest.mark.parametrize(("family", "code"), [("Remap", "bad_family"), ("../x", "bad_family")])
def test_bad_questions(fake: FakeParent, family: str, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        evidence.look(world(fake), family)
    assert caught.value.code == code


def test_a_host_that_cannot_be_looked_at(fake: FakeParent, monkeypatch) -> None:
    monkeypatch.setattr(evidence.evidence, "MAX_SLOTS", 1)
    with pytest.raises(TwostepError, match="has 2 slots of family remap; at most 1 can be judged"):
        evidence.look(world(fake), "remap")
    (fake.root / "proc/sys/kernel/random/boot_id").unlink()
    fake.set("logs", family="cache")
    with pytest.raises(TwostepError) as caught:
        evidence.look(world(fake), "remap")
    assert caught.value.code == "no_boot_id"
    (fake.root / "sys/kernel/twostep/contract").unlink()
    with pytest.raises(TwostepError) as caught:
        evidence.look(world(fake), "remap")
    assert caught.value.code == "no_parent"


def test_the_clock_is_that_of_the_boot() -> None:
    assert evidence.uptime_s() > 0
