# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading /dev/kmsg: record by record, never waiting, and honest about what was lost."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import Log, Report
from ansible_collections.twostep.hotswap.plugins.module_utils.host import kernel_log
from ansible_collections.twostep.hotswap.plugins.module_utils.host.kernel_log import Device
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

# As a kernel gave them, the last one but its number.
FIRST = b"5,0,0,-;Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)\n"
SECOND = b"6,1,298149,-;acpi PNP0A08:00: _OSC: OS supports [MSI HPX-Type3]\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A08:00\n"
ERROR = b"3,2,52013377,-;I/O error, dev vdb, sector 2048 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2\n"
LATER = b"6,9,52013400,-;EXT4-fs (vda): mounted filesystem\n"
REPORT = Report(2, True, ERROR.split(b";")[1].decode().strip())


class Kmsg:
    """Gives records, or the errors that read(2) gives instead."""

    def __init__(self, *steps: bytes | int) -> None:
        self.steps = list(steps)
        self.opened: list[str] = []
        self.closed: list[int] = []

    def open(self, path: str) -> int:
        self.opened.append(path)
        return 7

    def read(self, number: int) -> bytes:
        assert number == 7
        step = self.steps.pop(0) if self.steps else errno.EAGAIN
        if isinstance(step, int):
            raise OSError(step, os.strerror(step))
        return step

    def look(self) -> Log | None:
        found = kernel_log.look(Paths("/root"), Device(self.open, self.read, self.closed.append))
        assert (self.opened, self.closed) == (["/root/dev/kmsg"], [7])
        return found


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), Log(0, 0, True)),
        ((FIRST,), Log(0, 1, True)),
        ((FIRST, SECOND, ERROR), Log(0, 3, True, (REPORT,))),
        ((ERROR, LATER), Log(2, 10, True, (REPORT,))),  # numbers are the kernel's; it may leave some out
        ((errno.EPIPE, ERROR, LATER), Log(2, 10, False, (REPORT,))),
        ((FIRST, errno.EPIPE, ERROR), Log(0, 3, False, (REPORT,))),
        ((FIRST, errno.EINVAL, ERROR), Log(0, 3, False, (REPORT,))),
        ((FIRST, b"nonsense\n", ERROR), Log(0, 3, False, (REPORT,))),
        ((FIRST, b""), Log(0, 1, False)),
        ((FIRST, errno.EIO), None),
    ],
)
def test_what_is_read(steps: tuple, expected: Log | None) -> None:
    assert Kmsg(*steps).look() == expected


def test_a_log_that_does_not_end_is_left(monkeypatch) -> None:
    monkeypatch.setattr(kernel_log, "_MAX_READS", 3)
    endless = Kmsg(*[LATER] * 9)
    assert endless.look() == Log(9, 10, False)
    assert len(endless.steps) == 6


def test_a_log_that_is_too_large_is_left(monkeypatch) -> None:
    monkeypatch.setattr(kernel_log, "_MAX_BYTES", len(FIRST) + 1)
    assert Kmsg(FIRST, SECOND, ERROR).look() == Log(0, 2, False)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EPERM])
def test_a_host_without_a_log(code: int) -> None:
    def refuse(_path: str) -> int:
        raise OSError(code, os.strerror(code))

    assert kernel_log.look(Paths(), Device(open=refuse)) is None


def test_the_real_reads_of_a_device(tmp_path) -> None:
    """On a file, since not everybody may read a log: one read has all of it, and the end is none of a log."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_bytes(FIRST)
    assert kernel_log.look(Paths(str(tmp_path))) == Log(0, 1, False)
