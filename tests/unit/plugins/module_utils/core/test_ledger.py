# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import ledger
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.ledger import Entry

TEXT = st.text(max_size=20)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), TEXT)
DATA = st.dictionaries(TEXT, st.one_of(PLAIN, st.lists(PLAIN, max_size=3), st.dictionaries(TEXT, PLAIN, max_size=3)), max_size=4)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """Return a run of entries numbered in order."""
    first = draw(st.integers(1, 10**9))
    made = draw(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT, st.sampled_from(ledger.EVENTS), DATA), min_size=1, max_size=5))
    return [Entry(first + index, *values) for index, values in enumerate(made)]


@given(entries())
def test_what_is_written_is_read(written: list[Entry]) -> None:
    content = b"".join(ledger.encode(entry) for entry in written)
    decoded = ledger.decode(content, "x")
    assert list(decoded.entries) == written
    assert decoded.whole_bytes == len(content)


@given(entries(), st.data())
def test_a_torn_last_line_is_ignored_wherever_it_is_torn(written: list[Entry], data: st.DataObject) -> None:
    lines = [ledger.encode(entry) for entry in written]
    cut = data.draw(st.integers(0, len(lines[-1]) - 1))
    decoded = ledger.decode(b"".join(lines[:-1]) + lines[-1][:cut], "x")
    assert list(decoded.entries) == written[:-1]
    assert decoded.whole_bytes == sum(map(len, lines[:-1]))


@given(entries(), st.data())
def test_a_changed_byte_is_never_read_as_another_entry(written: list[Entry], data: st.DataObject) -> None:
    line = ledger.encode(written[0])
    place = data.draw(st.integers(0, len(line) - 2))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value not in (line[place], 0x0A)))
    found = ledger.decode_line(line[:place] + bytes([byte]) + line[place + 1 : -1])
    # The checksum is of the content, so a line that only looks different, by an escape, may still be the same entry.
    assert found in (None, written[0])


@given(st.binary(max_size=300))
def test_rubbish_is_no_entry(line: bytes) -> None:
    assert ledger.decode_line(line) is None


def _lines(count: int) -> list[bytes]:
    return [ledger.encode(Entry(seq, "t", "r", "s", "data", "swap", "begin")) for seq in range(1, count + 1)]


@pytest.mark.parametrize("damage", [b"x\n", b"\n", b"\0" * 40 + b"\n", _lines(9)[8]])
def test_an_earlier_damaged_line_is_an_error(damage: bytes) -> None:
    lines = _lines(3)
    with pytest.raises(TwostepError) as caught:
        ledger.decode(lines[0] + damage + lines[2], "/l")
    assert caught.value.code == "ledger_damaged"
    assert caught.value.message == "Line 2 of the ledger /l is damaged."
    assert caught.value.next_step == (
        "Look at the disk of the host; then move the file away, what the slots serve is told by twostep.hotswap.slot_info."
    )


def test_a_last_line_of_zeros_is_torn() -> None:
    lines = _lines(2)
    assert [entry.seq for entry in ledger.decode(b"".join(lines) + b"\0" * 30 + b"\n", "x").entries] == [1, 2]


def test_a_damaged_line_before_a_torn_one_is_an_error() -> None:
    with pytest.raises(TwostepError, match="Line 2"):
        ledger.decode(_lines(1)[0] + b"x\n" + b"{", "x")


def test_a_line_that_a_reader_would_refuse_is_not_written() -> None:
    with pytest.raises(TwostepError) as caught:
        ledger.encode(Entry(1, "t", "r", "s", "data", "swap", "begin", {"x": "y" * ledger.MAX_LINE_BYTES}))
    assert caught.value.code == "ledger_line_too_long"
    assert caught.value.message.endswith(f"bytes is longer than {ledger.MAX_LINE_BYTES}.")
    assert caught.value.next_step == "Put less into the data of the entry."


@pytest.mark.parametrize(
    "change", [{"schema": 2}, {"seq": 0}, {"seq": True}, {"seq": "1"}, {"event": "middle"}, {"data": []}, {"slot": 3}, {"more": 1}]
)
def test_a_line_with_a_right_checksum_and_wrong_content_is_no_entry(change: dict) -> None:
    content = json.loads(_lines(1)[0])
    del content["crc32"]
    content.update(change)
    line = json.dumps({**content, "crc32": ledger._crc32(content)}).encode()
    assert ledger.decode_line(line) is None
