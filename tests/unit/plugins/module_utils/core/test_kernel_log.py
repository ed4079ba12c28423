# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log: records as real kernels give them, and which are reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import kernel_log
from ansible_collections.twostep.hotswap.plugins.module_utils.core.kernel_log import MAX_REPORTS, Log, Record, Report

ACPI = b"6,193,298149,-;acpi PNP0A08:00: _OSC: OS supports [MSI HPX-Type3]\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A08:00\n"
EXT4 = b"6,343,1397053,-;EXT4-fs (vda): mounted filesystem r/w without journal. Quota mode: none.\n"
FIRMWARE = b"4,2,0,-;[Firmware Bug]: TSC doesn't count with P0 frequency!\n"
ADVICE = b"4,120,102331,-;Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on, data leaks possible!\n"
DISK = b"3,900,52013377,-;I/O error, dev vdb, sector 2048 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2\n"
HUNG = b"3,901,368240108,-;INFO: task fio:4711 blocked for more than 120 seconds.\n"
SPLAT = b"4,902,52013390,-,caller=T123;WARNING: CPU: 0 PID: 123 at kernel/softirq.c:306 __local_bh_enable+0x4/0x5\n"
LOCKDEP = b"4,903,52013399,-;WARNING: possible circular locking dependency detected\n"
FRAGMENT = b"6,904,52013400,c;continued \\x1b[31mred\n"
PROGRAM = b"11,905,52013401,-;WARNING: not the kernel's own word\n"
ERROR = b"3,906,52013402,-;usb 1-1: device descriptor read/64, error -71\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ACPI, Record(193, 6, True, "acpi PNP0A08:00: _OSC: OS supports [MSI HPX-Type3]")),
        (EXT4, Record(343, 6, True, "EXT4-fs (vda): mounted filesystem r/w without journal. Quota mode: none.")),
        (FRAGMENT, Record(904, 6, True, "continued \\x1b[31mred")),
        (PROGRAM, Record(905, 3, False, "WARNING: not the kernel's own word")),
        (b"3,1,0,-;\n", Record(1, 3, True, "")),
        (b"3,1,0,-;a;b,c\n", Record(1, 3, True, "a;b,c")),
        (b"3,1,0,-;bell\x07 and \xff\n", Record(1, 3, True, "bell and \ufffd")),
        (b"", None),
        (b"\n", None),
        (b"nonsense", None),
        (b"3,1;x", None),
        (b"-3,1,0,-;x", None),
        (b"3,99999999999999999999,0,-;x", None),
        (b"3,9223372036854775807,0,-;x", None),
    ],
)
def test_one_record(data: bytes, expected: Record | None) -> None:
    assert kernel_log.parse_record(data) == expected


def test_a_long_message_is_cut() -> None:
    record = kernel_log.parse_record(b"3,1,0,-;" + b"x" * 8000 + b"\n")
    assert record is not None
    assert (len(record.text), record.text[-3:]) == (200, "...")


@pytest.mark.parametrize(
    ("data", "expected"),
    [(ACPI, None), (EXT4, None), (FIRMWARE, None), (ADVICE, None), (FRAGMENT, None), (PROGRAM, None), (DISK, True), (HUNG, True),
     (SPLAT, True), (LOCKDEP, True), (ERROR, False),
     (b"2,1,0,-;critical\n", False), (b"4,1,0,-;a mere warning\n", None), (b"7,1,0,-;BUG: KASAN: use-after-free\n", True)],
)  # fmt: skip
def test_a_report_is_an_error_or_a_defect_that_the_kernel_tells(data: bytes, expected: bool | None) -> None:
    record = kernel_log.parse_record(data)
    assert record is not None
    found = kernel_log.report(record)
    assert (None if found is None else found.defect) == expected


def test_the_newest_reports_are_kept_in_their_order() -> None:
    records = [Record(10 + number, 3, True, f"error {number}") for number in range(MAX_REPORTS + 5)]
    log = kernel_log.collect(records, True)
    assert (log.first_seq, log.next_seq, log.complete) == (10, 10 + len(records), True)
    assert [report.text for report in log.reports] == [f"error {number}" for number in range(5, MAX_REPORTS + 5)]
    assert kernel_log.collect([], True) == Log(0, 0, True)


def test_there_and_back() -> None:
    log = Log(5, 20, False, (Report(7, True, "Oops"), Report(9, False, "error")))
    assert kernel_log.parse(log.as_dict()) == log


@pytest.mark.parametrize(
    "told", [None, [], "log", {}, {"first_seq": 3, "next_seq": 2}, {"first_seq": True, "next_seq": 2}, {"first_seq": 1}]
)
def test_what_is_no_log(told: object) -> None:
    assert kernel_log.parse(told) is None


def test_a_lie_about_a_report_makes_it_no_better() -> None:
    told = {
        "first_seq": 1,
        "next_seq": 5,
        "complete": "yes",
        "reports": [{"seq": 2, "defect": "no", "text": ["x"]}, {"seq": 9}, "x", {"seq": -1}, {"seq": 3}],
    }
    assert kernel_log.parse(told) == Log(1, 5, False, (Report(2, True, ""), Report(3, True, "")))


@given(st.binary(max_size=400))
def test_no_bytes_raise(data: bytes) -> None:
    kernel_log.parse_record(data)
    kernel_log.parse_record(b"3,1,0,-;" + data)
