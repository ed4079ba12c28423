# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The I/O is real, on a file; it is not past the page cache, and a file cannot be discarded."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import exercise
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.exercise import Offers
from ansible_collections.twostep.hotswap.plugins.module_utils.host import exerciser
from ansible_collections.twostep.hotswap.plugins.module_utils.host.exerciser import Exerciser

BLOCKS = 1024
BLOCK = 4096


@pytest.fixture
def device(tmp_path) -> Path:
    path = tmp_path / "device"
    path.write_bytes(bytes(BLOCKS * BLOCK))
    return path


def user(device: Path, **offers: bool) -> Exerciser:
    return Exerciser(str(device), 7, BLOCKS, BLOCK, Offers(**offers))


def spoil(device: Path, block: int) -> None:
    with open(device, "r+b") as stream:
        stream.seek(block * BLOCK)
        stream.write(b"\xa5" * BLOCK)


def test_rounds_and_verification(device: Path) -> None:
    one = user(device, flush=True, fua=True, write_zeroes=True)
    told = one.round(1)
    assert told["operations"] > 100
    assert one.round(2)["operations"] > told["operations"]
    assert one.verify()["operations"] > told["operations"]
    assert one.verify()["max_latency_ms"] >= 0
    one.close()


@pytest.mark.parametrize("block", [0, 3, BLOCKS - 1])
def test_a_block_that_changed_is_found(device: Path, block: int) -> None:
    one = user(device, flush=True)
    one.round(1)
    spoil(device, block)
    with pytest.raises(TwostepError) as caught:
        one.verify()
    assert (caught.value.code, caught.value.data["block"]) == ("corrupt_read", block)
    assert caught.value.data["found"] == {"looks_like": "garbage", "first_bytes": "a5" * 16, "crc32": caught.value.data["found"]["crc32"]}
    one.close()


def test_a_write_that_was_lost_is_found(device: Path) -> None:
    one = user(device, flush=True)
    before = device.read_bytes()
    one.round(1)
    device.write_bytes(before)
    with pytest.raises(TwostepError) as caught:
        one.read(0)
    assert caught.value.data["found"] == {"looks_like": "zeros"}
    one.close()


def test_a_probe_tells_where(device: Path) -> None:
    one = user(device, flush=True, fua=True)
    assert one.probe("flush", 5) == 5 * BLOCK
    assert one.probe("fua", 6) == 6 * BLOCK
    assert one.read(5)["operations"] == 4
    one.close()


def test_the_load_runs_until_it_is_told_to_end(device: Path) -> None:
    one = user(device, flush=True)
    one.begin_load()
    assert one.end_load()["operations"] >= 9
    one.verify()
    one.close()


def test_a_device_is_closed_after_the_load_on_it(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread that goes on would write into whatever file gets the number next.
    one = user(device)
    one.begin_load()
    running: list[int] = []
    close = os.close

    def closed(handle: int) -> None:
        running.append(threading.active_count())
        close(handle)

    monkeypatch.setattr(exerciser.os, "close", closed)
    before = threading.active_count() - exercise.LOAD_THREADS
    one.close()
    assert running == [before, before]


def test_what_the_load_meets_is_told_at_its_end(device: Path) -> None:
    one = user(device)
    for block in range(BLOCKS // 2, BLOCKS):
        spoil(device, block)
    one.begin_load()
    with pytest.raises(TwostepError) as caught:
        for _turn in range(100):
            one.end_load()
            one.begin_load()
    assert caught.value.code == "corrupt_read"
    one.close()


@pytest.mark.parametrize(
    ("offers", "order", "says"),
    [
        ({"discard": True}, "round", "On the scratch slot a discard of "),
        ({}, "verify", "On the scratch slot a read of 64 blocks from block 0 failed: "),
    ],
)
def test_io_that_fails(device: Path, offers: dict, order: str, says: str) -> None:
    one = user(device, **offers)
    if order == "verify":
        os.truncate(device, 10)
    with pytest.raises(TwostepError) as caught:
        one.handlers()[order](**({"number": 1} if order == "round" else {}))
    assert caught.value.code == "io_failed"
    assert caught.value.message.startswith(says)
    assert caught.value.next_step == "Keep the old version and report this to the makers of the child."
    assert caught.value.data["errno"] in ("ENOTTY", "EIO")
    one.close()


def test_the_error_of_a_flush_names_no_blocks() -> None:
    error = exerciser.failed(exerciser.Operation("flush"), OSError(5, "Input/output error"), 512)
    assert error.message == "On the scratch slot a flush failed: Input/output error (EIO)."
