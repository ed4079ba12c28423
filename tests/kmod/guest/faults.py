# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fault injection of the debug kernel: the n-th allocation that a task makes on behalf of the parent fails.

The kernel's own counter (``/proc/<task>/fail-nth``) is used, with its stack filter set to the parent's code: whatever a swap
allocates is counted, in the parent, in a child or in the kernel below them, and nothing else. A swap runs in a kernel worker, so
all workers that may take it get the number.
"""

from __future__ import annotations

import contextlib
import pathlib
from typing import Callable, Iterator, NamedTuple

import bench

KNOBS = tuple(pathlib.Path("/sys/kernel/debug") / name for name in ("failslab", "fail_page_alloc"))
OWN = "/proc/thread-self"


class Trial(NamedTuple):
    """What became of one number."""

    error: OSError | None  # of the operation
    injected: bool  # an allocation failed
    counted: bool  # allocations were counted at all


def aim() -> None:
    """Let only allocations fail that the parent's code is on the stack of."""
    (line,) = [line.split() for line in pathlib.Path("/proc/modules").read_text().splitlines() if line.startswith(f"{bench.PARENT} ")]
    begin = int(line[5], 16)
    for knob in KNOBS:
        for name, value in (
            ("require-start", hex(begin)),
            ("require-end", hex(begin + int(line[1]))),
            ("ignore-gfp-wait", "N"),
            ("verbose", "0"),
        ):
            (knob / name).write_text(value)
    (KNOBS[1] / "ignore-gfp-highmem").write_text("N")
    (KNOBS[1] / "min-order").write_text("0")


def workers() -> list[str]:
    """Return the folders of the kernel's workers that take a swap."""
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it has ended
            if comm.read_text().startswith("kworker/u"):
                found.append(str(comm.parent))
    return found


def _set(task: str, number: int) -> None:
    with contextlib.suppress(OSError):
        pathlib.Path(task, "fail-nth").write_text(str(number))


def _left(task: str, number: int) -> int:
    try:
        return int(pathlib.Path(task, "fail-nth").read_text())
    except OSError:
        return number


def attempt(operation: Callable[[], None], number: int, tasks: list[str]) -> Trial:
    """Perform ``operation`` while the ``number``-th allocation of any of ``tasks`` fails."""
    error = None
    for task in tasks:
        _set(task, number)
    try:
        operation()
    except OSError as refused:
        error = refused
    finally:
        left = [_left(task, number) for task in tasks]
        for task in tasks:
            _set(task, 0)
    return Trial(error, 0 in left, min(left) < number)


@contextlib.contextmanager
def failing_disk(disk: str, times: int) -> Iterator[None]:
    """Let the next ``times`` requests to a disk fail."""
    knob, switch = pathlib.Path("/sys/kernel/debug/fail_make_request"), pathlib.Path(f"/sys/block/{disk}/make-it-fail")
    for name, value in (("verbose", 0), ("interval", 1), ("probability", 100), ("times", times)):
        (knob / name).write_text(str(value))
    switch.write_text("1")
    try:
        yield
    finally:
        switch.write_text("0")
        (knob / "probability").write_text("0")
