# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log of writes is understood, byte by byte, or refused."""

from __future__ import annotations

import struct
from pathlib import Path

import history
import log_writes
import pytest

SECTOR = bytes(512)
# By hand, so that writer and reader cannot share a misunderstanding: magic, version, entries, size of a sector.
SUPER = struct.pack("<QQQI", 0x6A736677736872, 1, 4, 512).ljust(512, b"\0")


def entry(sector: int, sectors: int, flags: int, text: bytes = b"") -> bytes:
    return (struct.pack("<QQQQ", sector, sectors, flags, len(text)) + text).ljust(512, b"\0")


WHOLE = SUPER + entry(8, 2, 2) + b"x" * 1024 + entry(0, 0, 1) + entry(0, 0, 8, b"half-way") + entry(16, 8, 4)


def read(tmp_path: Path, content: bytes, *, cut_off: bool = False) -> log_writes.Log:
    path = tmp_path / "log"
    path.write_bytes(content)
    return log_writes.Log(str(path), cut_off=cut_off)


def test_every_kind_of_entry(tmp_path: Path) -> None:
    with read(tmp_path, WHOLE) as log:
        write, flush, mark, discard = log.entries
        assert (write.fua, write.start_bytes, write.length_bytes, log.data(write)) == (True, 8 * 512, 1024, b"x" * 1024)
        assert (flush.flush, flush.write, log.data(flush)) == (True, False, b"")
        assert (mark.mark, mark.text, log.marks()) == (True, "half-way", ["half-way"])
        assert (discard.discard, discard.write, discard.length_bytes, log.data(discard)) == (True, False, 8 * 512, b"")
        assert log.last_durable_point() == 1


def test_a_log_of_4_kib_sectors(tmp_path: Path) -> None:
    writer = history.LogWriter(str(tmp_path / "log"), sector_bytes=4096)
    writer.write(8192, b"y" * 4096)
    writer.flush()
    writer.save()
    with log_writes.Log(writer.path) as log:
        assert [(item.start_bytes, item.length_bytes, item.flush) for item in log.entries] == [(8192, 4096, False), (0, 0, True)]


def test_what_the_writer_writes_is_what_the_kernel_would(tmp_path: Path) -> None:
    writer = history.LogWriter(str(tmp_path / "log"))
    writer.write(8 * 512, b"x" * 1024, log_writes.FUA)
    writer.flush()
    writer.mark("half-way")
    writer.discard(16 * 512, 8 * 512)
    writer.save()
    assert Path(writer.path).read_bytes() == WHOLE


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "superblock at byte 0 is cut off"),
        (SECTOR, "no log of writes: magic 0x0"),
        (SUPER[:8] + b"\2" + WHOLE[9:], "version 2"),
        (struct.pack("<QQQI", log_writes.MAGIC, 1, 0, 500).ljust(512, b"\0"), "a sector of 500 bytes"),
        (WHOLE[:-512], "entry 3 at byte 3072 is cut off"),
        (WHOLE[: 512 + 512 + 1000], "entry 0 ends at byte 2048"),
        (WHOLE[:-512] + SECTOR, "entry 3 at byte 3072 is no entry"),
        (SUPER + entry(8, 2, 1 << 9), "entry 0 at byte 512 is no entry: flags 0x200"),
        (SUPER + struct.pack("<QQQQ", 0, 0, 8, 481).ljust(512, b"\0"), "a mark of 481 bytes"),
    ],
)
def test_a_damaged_log_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(log_writes.LogError, match=complaint):
        read(tmp_path, content)


def test_of_a_log_that_was_cut_off_all_is_read_that_is_there(tmp_path: Path) -> None:
    """Two writes were under way when the machine died: one left a hole, one came behind it; the count has not been written yet."""
    stale = struct.pack("<QQQI", log_writes.MAGIC, 1, 1, 512).ljust(512, b"\0")
    with read(tmp_path, stale + entry(0, 0, 1) + 9 * SECTOR + entry(8, 1, 0) + b"z" * 512, cut_off=True) as log:
        assert [(item.index, item.flush, log.data(item)) for item in log.entries] == [(0, True, b""), (1, False, b"z" * 512)]
