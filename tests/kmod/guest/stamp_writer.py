# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes stamps to a device and says which are durable; reads a device of stamps (stamps.py has the rules).

``stamp_writer.py DEVICE`` prints ``ack THREAD NUMBER`` when all writes of
the thread up to that number are durable: only after fsync, or the O_DSYNC
write itself, has returned. The line may come late or, if the power goes, never;
but one that has arrived outside the guest proves that the promise was given
before. That is the direction that counts: nothing acknowledged may be lost.

In the other direction the writer waits for permission: each line of its input
is a number, and no thread issues a later write. So whoever grants knows what
cannot have been issued, also when the power went.

Only one promise is under way at a time, so that the block layer has no two
flushes to make one of: flushes can then be counted. Other threads' plain
writes go on meanwhile. Stops at the end of its input.
Python's standard library only.
"""

from __future__ import annotations

import argparse
import mmap
import os
import sys
import threading
import zlib

import stamps

_MOST_BETWEEN = 8  # writes of a thread from fsync to fsync: 1 to this many


def say(*words: object) -> None:
    """Print a line in one write, so that lines of several threads do not mix."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Writer:
    """The threads, what they may do and what they have promised."""

    def __init__(self, device: str, plan: stamps.Plan, fua_threads: int) -> None:
        self.device, self.plan, self.fua_threads = device, plan, fua_threads
        self.granted = 0
        self.changed = threading.Condition()
        self.promising = threading.Lock()
        self.promise = [0] * plan.threads
        self.stopped = False
        self.failed = False

    def grant(self, number: int) -> None:
        with self.changed:
            self.granted = number
            self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def _may(self, number: int) -> bool:
        """Wait for permission; False to stop."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or number <= self.granted)
            return not self.stopped

    def _promised(self, thread: int, number: int) -> None:
        with self.changed:
            self.promise[thread] = number
        say("ack", thread, number)

    def _write(self, descriptor: int, buffer: mmap.mmap, thread: int, number: int) -> None:
        address = self.plan.address(thread, number)
        with self.changed:
            promise = tuple(self.promise)
        buffer[:] = stamps.pack(stamps.Stamp(self.plan.generation, self.plan.sequence(thread, number), address, promise))
        if os.pwritev(descriptor, [buffer], address * stamps.BLOCK_BYTES) != stamps.BLOCK_BYTES:
            raise OSError(f"a short write of thread {thread}")

    def _run(self, thread: int) -> None:
        fua = thread < self.fua_threads
        descriptor = os.open(self.device, os.O_RDWR | os.O_DIRECT | (os.O_DSYNC if fua else 0))
        number, since = 0, 0
        with mmap.mmap(-1, stamps.BLOCK_BYTES) as buffer:
            while self._may(number + 1):
                number += 1
                if fua:
                    with self.promising:
                        self._write(descriptor, buffer, thread, number)
                        self._promised(thread, number)
                    continue
                self._write(descriptor, buffer, thread, number)
                since += 1
                if since > zlib.crc32(b"%d %d" % (thread, number)) % _MOST_BETWEEN:
                    since = 0
                    with self.promising:
                        os.fsync(descriptor)
                        self._promised(thread, number)
        os.close(descriptor)

    def _thread(self, thread: int) -> None:
        try:
            self._run(thread)
        except OSError as problem:
            self.failed = True
            say("error:", "thread", thread, problem)
            self.stop()

    def run(self) -> int:
        """Write until stopped; return the exit status."""
        threads = [threading.Thread(target=self._thread, args=(number,)) for number in range(self.plan.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return 1 if self.failed else 0


def read(device: str, reader: stamps.Reader) -> list[str]:
    """Tell the reader every block of the device, past the page cache; return the problems."""
    descriptor = os.open(device, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, stamps.BLOCK_BYTES) as buffer:
            for address in range(reader.plan.all_blocks):
                if os.preadv(descriptor, [buffer], address * stamps.BLOCK_BYTES) != stamps.BLOCK_BYTES:
                    raise OSError(f"{device} ends before block {address}")
                reader.block(address, buffer[:])
    finally:
        os.close(descriptor)
    return reader.problems()


def main() -> int:
    parser = argparse.ArgumentParser(description="Write stamps.")
    parser.add_argument("device")
    parser.add_argument("--generation", type=int, default=1)
    parser.add_argument("--threads", type=int, default=stamps.Plan.threads)
    parser.add_argument("--blocks", type=int, default=stamps.Plan.blocks)
    parser.add_argument("--fua-threads", type=int, default=2, help="so many threads write with O_DSYNC instead of fsync")
    args = parser.parse_args()
    writer = Writer(args.device, stamps.Plan(args.generation, args.threads, args.blocks), args.fua_threads)

    def grants() -> None:
        for line in sys.stdin:
            writer.grant(int(line))
        writer.stop()

    threading.Thread(target=grants, daemon=True).start()
    return writer.run()


if __name__ == "__main__":
    sys.exit(main())
