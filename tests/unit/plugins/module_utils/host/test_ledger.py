# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import MAX_LINE_BYTES, Entry
from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(str(tmp_path))


def add(paths: Paths, data: dict | None = None) -> Entry:
    return ledger.append(paths, Entry(0, "2026-01-31T23:59:58Z", "run", "swap", "data", "preload", "begin", data or {}))


def damage(paths: Paths, how) -> None:
    with open(paths.ledger, "r+b") as stream:
        content = how(stream.read())
        stream.seek(0)
        stream.truncate()
        stream.write(content)


def test_entries_are_numbered_and_private(paths: Paths) -> None:
    written = [add(paths), add(paths, {"x": 1}), add(paths)]
    assert [entry.seq for entry in written] == [1, 2, 3]
    assert list(ledger.read(paths)) == written
    assert stat.S_IMODE(os.stat(paths.ledger).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(paths.state).st_mode) == 0o700


def test_no_ledger_has_no_entries(paths: Paths) -> None:
    assert ledger.read(paths) == ()


@pytest.mark.parametrize("torn", [b'{"schema":1,"se', b"\0" * 200 + b"\n", b"x\n"])
def test_a_torn_last_line_is_cut_off_before_the_next(paths: Paths, torn: bytes) -> None:
    add(paths)
    damage(paths, lambda content: content + torn)
    assert len(ledger.read(paths)) == 1
    assert add(paths).seq == 2
    assert [entry.seq for entry in ledger.read(paths)] == [1, 2]


@pytest.mark.parametrize("torn", [b"{", b"x\n"])
def test_a_torn_only_line(paths: Paths, torn: bytes) -> None:
    os.makedirs(paths.state)
    with open(paths.ledger, "wb") as stream:
        stream.write(torn)
    assert add(paths).seq == 1
    assert len(ledger.read(paths)) == 1


def test_a_damaged_earlier_line_stops_reading(paths: Paths) -> None:
    for _number in range(3):
        add(paths)
    damage(paths, lambda content: content.replace(b'"seq":2', b'"seq":7'))
    with pytest.raises(TwostepError) as caught:
        ledger.read(paths)
    assert (caught.value.code, caught.value.data["line"]) == ("ledger_damaged", 2)


def test_two_damaged_lines_at_the_end_stop_writing(paths: Paths) -> None:
    add(paths)
    damage(paths, lambda content: content + b"x\ny\n")
    with pytest.raises(TwostepError) as caught:
        add(paths)
    assert caught.value.code == "ledger_damaged"
    with open(paths.ledger, "rb") as stream:
        assert stream.read().endswith(b"x\ny\n")


def test_only_the_end_of_a_long_ledger_is_read(paths: Paths) -> None:
    for _number in range(8):
        add(paths, {"x": "y" * (MAX_LINE_BYTES - 400)})
    assert add(paths).seq == 9
    assert len(ledger.read(paths)) == 9


def test_a_ledger_that_cannot_be_used_is_an_error(paths: Paths) -> None:
    os.makedirs(paths.ledger)
    for use in (lambda: add(paths), lambda: ledger.read(paths)):
        with pytest.raises(TwostepError) as caught:
            use()
        assert caught.value.code == "ledger_unusable"
        assert caught.value.message == f"The ledger {paths.ledger} cannot be used: Is a directory."
        assert caught.value.next_step == "Make room on the filesystem of /var/lib/twostep, or mount it writable."


def test_a_link_in_its_place_is_not_followed(paths: Paths, tmp_path) -> None:
    os.makedirs(paths.state)
    os.symlink(tmp_path / "elsewhere", paths.ledger)
    with pytest.raises(TwostepError):
        add(paths)
    assert not (tmp_path / "elsewhere").exists()


def test_a_line_that_is_written_in_part_is_an_error(paths: Paths, monkeypatch) -> None:
    monkeypatch.setattr(ledger.os, "write", lambda _handle, line: len(line) - 1)
    with pytest.raises(TwostepError) as caught:
        add(paths)
    assert caught.value.code == "ledger_unusable"
    assert caught.value.message == f"The ledger {paths.ledger} took only a part of a line."
    assert caught.value.next_step == "Make room on the filesystem of /var/lib/twostep."
