# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent is killed at each of its durable steps in turn, under verified I/O: the next call knows, and finishes or begins anew.

strace kills it as it enters the Nth call of one kind; N goes up until the agent gets to its end.
"""

from __future__ import annotations

import os
import sys
import time

import bench
from host import CONTROL, DEVICE, NEW, OLD, STRIDE, Host

from ansible_collections.twostep.hotswap.plugins.module_utils.host import ledger


class Killed(Host):
    def setUp(self) -> None:
        super().setUp()
        if not ledger.read(self.this.paths):  # a new ledger takes one step more
            self.swap(NEW)
            self.swap(OLD)

    def test_at_each_durable_step(self) -> None:
        begun = time.monotonic()
        with bench.Fio(DEVICE):
            steps, phases = self.killed_at_each("fsync", stride=STRIDE)
            self.swap(OLD)
        self.assertCommitted(OLD)
        wanted = {f"{phase} {event}" for phase in ("preload", "swap", "verify", "commit") for event in ("begin", "end")}
        self.assertGreaterEqual(len(wanted & phases), len(wanted) // STRIDE)
        print(f"killed: {steps} times, in {len(phases)} states of the ledger; {time.monotonic() - begun:.0f} s", file=sys.stderr)

    def test_before_the_kernel_is_asked(self) -> None:
        with bench.Fio(DEVICE):
            steps, phases = self.killed_at_each("write", f"{CONTROL}/swap", f"{CONTROL}/commit")
            self.swap(OLD)
        self.assertEqual((steps, phases), (2, {"swap begin", "commit begin"}))

    def test_a_torn_line_is_not_a_line(self) -> None:
        whole = ledger.read(self.this.paths)
        with open(self.this.paths.ledger, "ab") as stream:
            stream.write(b'{"schema": 1, "seq"')
        self.assertEqual(ledger.read(self.this.paths), whole)
        self.swap(NEW)
        self.swap(OLD)
        self.assertCommitted(OLD)
        self.assertGreater(len(ledger.read(self.this.paths)), len(whole))

    def test_a_child_that_was_unloaded_by_force_comes_back(self) -> None:
        """With its data, by what the module parent does, and what the start of twostep-slots.service does."""
        data = os.urandom(4096)
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_SYNC)
        try:
            self.assertEqual(os.pwrite(descriptor, data, 0), len(data))
            bench.run("rmmod", "--force", self.this.status.slot(self.slot).module or "")
            self.assertEqual(self.this.status.slot(self.slot).state, "failed")
            bench.run("systemctl", "restart", "twostep-slots.service")
            self.assertCommitted(OLD)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            self.assertEqual(os.pread(descriptor, len(data), 0), data)
        finally:
            os.close(descriptor)
