# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory is short, and the slot is what would free it: swap space, dirty pages, the module tree."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import pathlib
import shutil
import subprocess

import bench
import neighbour
from neighbour import LONG, MIB, Hold, Neighbour

LIBC = ctypes.CDLL(None)
MCL_CURRENT, MCL_FUTURE = 1, 2
CGROUPS = pathlib.Path("/sys/fs/cgroup")


class Pressure(Neighbour):
    def cgroup(self, limit_mib: int) -> pathlib.Path:
        """Return a group of processes with little memory, gone after the test."""
        (CGROUPS / "cgroup.subtree_control").write_text("+memory")
        folder = CGROUPS / "neighbour"
        folder.mkdir()
        self.addCleanup(folder.rmdir)
        (folder / "memory.max").write_text(str(limit_mib * MIB))
        return folder

    def start_in(self, group: pathlib.Path, *argv: str) -> subprocess.Popen:
        return self.start("sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(group), *argv)


def swapped() -> int:
    """Return how many pages went to swap space or came back."""
    counts = dict(line.split() for line in pathlib.Path("/proc/vmstat").read_text().splitlines())
    return int(counts["pswpout"]) + int(counts["pswpin"])


# Keeps writing to more pages than there is memory, and knows what it wrote.
HOG = """
import sys
size, step = int(sys.argv[1]) << 20, 4096
memory, turn = bytearray(size), 0
while True:
    turn = turn % 255 + 1
    memory[::step] = bytes([turn]) * (size // step)
    if set(memory[::step]) != {turn}: sys.exit("memory fails")
"""


class SwapSpace(Pressure):
    """K34."""

    def setUp(self) -> None:
        super().setUp()
        # Whoever watches must not wait, swapped out, for what it watches.
        self.assertEqual(LIBC.mlockall(MCL_CURRENT | MCL_FUTURE), 0)
        self.addCleanup(LIBC.munlockall)
        bench.run("mkswap", self.slot.device)
        bench.run("swapon", self.slot.device)
        self.addCleanup(bench.run, "swapoff", self.slot.device)

    def stressed(self, process: subprocess.Popen) -> None:
        """Swap and hold while memory moves to the slot and back."""
        for turn in range(4):
            before = swapped()
            bench.wait_until(lambda before=before: swapped() > before + 1000, "memory goes to the slot and back", 120)
            if turn % 2:
                with Hold(self.slot, deadline_ms=1000, expires=True):
                    pass
            else:
                self.change(1)
        self.assertIsNone(process.poll())
        process.terminate()
        output = process.communicate(timeout=60)[0]
        self.assertNotIn("fail", output)

    def test_a_small_group_swaps(self) -> None:
        group = self.cgroup(48)
        self.stressed(self.start_in(group, "stress-ng", "--vm", "1", "--vm-bytes", "96m", "--vm-keep", "--verify", "--timeout", "300"))

    def test_the_whole_machine_swaps(self) -> None:
        available = int(pathlib.Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) // 1024
        self.stressed(self.start("python3", "-c", HOG, str(available + 64)))


class Reclaim(Pressure):
    """K36: dirty pages that only the slot can take."""

    def test_dirty_pages_wait_for_the_hold_and_are_right(self) -> None:
        root = neighbour.ext4(self, self.slot.device)
        for name, value in (("dirty_ratio", "80"), ("dirty_background_ratio", "5")):
            path = pathlib.Path("/proc/sys/vm") / name
            self.addCleanup(path.write_text, path.read_text())
            path.write_text(value)
        source = pathlib.Path("/run/source")
        self.addCleanup(source.unlink)
        source.write_bytes(os.urandom(64 * MIB))
        group = self.cgroup(24)
        writer = self.start_in(group, "sh", "-c", f"while :; do cat {source} > {root}/new; mv {root}/new {root}/file; done")
        bench.wait_until((root / "file").exists, "the first copy")
        for _turn in range(4 if LONG else 2):
            with Hold(self.slot, deadline_ms=2000, expires=True):
                pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
            self.goes_on()
            with Hold(self.slot):  # adopts while pages wait
                bench.wait_until(lambda: neighbour.state_of(writer) == "D" or blocked_in(group), "the writer waits")
            self.change(2)
        writer.kill()
        writer.wait()
        bench.wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
        bench.run("sync", "-f", str(root))
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        found = hashlib.sha256((root / "file").read_bytes()).hexdigest()
        self.assertEqual(found, hashlib.sha256(source.read_bytes()).hexdigest())


def blocked_in(group: pathlib.Path) -> bool:
    """Return whether a process of the group waits and cannot be killed."""
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "D":
                return True
        except FileNotFoundError:
            continue
    return False


def forget(path: pathlib.Path) -> None:
    """Drop a file's pages, those that wait on the processors' own lists, too; drop_caches leaves them."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


class ModuleTree(Neighbour):
    """K35: /lib/modules and modprobe live on the slot."""

    def test_a_hold_needs_neither(self) -> None:
        root = neighbour.ext4(self, self.slot.device)
        real = pathlib.Path(f"/lib/modules/{os.uname().release}")
        (victim,) = real.glob("kernel/lib/crc7.ko*")
        copy = root / "modules"
        (copy / victim.relative_to(real)).parent.mkdir(parents=True)
        for path in [*real.glob("modules.*"), victim]:
            shutil.copy2(path, copy / path.relative_to(real))
        shutil.copy2("/usr/bin/kmod", root / "kmod")
        for source, target in ((copy, real), (root / "kmod", "/usr/bin/kmod")):
            bench.run("mount", "--bind", str(source), str(target))
            self.addCleanup(bench.run, "umount", str(target))
        bench.run("sync")
        for expires in (True, False):
            with Hold(self.slot, deadline_ms=2000 if expires else 10000, expires=expires):
                for path in (root / "kmod", *copy.glob("modules.*")):
                    forget(path)
                pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
                modprobe = self.start("sh", "-c", ":; exec modprobe crc7")  # not by us: reading the program waits, too
                if not expires:
                    neighbour.wait_for_sleep(modprobe, "modprobe waits for the slot")
            self.ended(modprobe)
            bench.run("modprobe", "-r", "crc7")
        self.change(1, works=False)
        self.broken("adopt_err")
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        self.assertRefused(errno.EIO, self.slot.swap, "9.1.0")
        self.change(2, works=False)


class Root(Neighbour):
    """The whole root file system of the process that asks for the swaps lives on the slot."""

    def test_swapped_by_a_process_that_lives_on_it(self) -> None:
        root = neighbour.ext4(self, self.slot.device)
        neighbour.small_root(root, "/bin/sh", "/bin/cat")
        for kind, folder in (("proc", "proc"), ("sysfs", "sys"), ("configfs", "sys/kernel/config")):
            (root / folder).mkdir(exist_ok=True)
            bench.run("mount", "-t", kind, kind, str(root / folder))
            self.addCleanup(bench.run, "umount", str(root / folder))
        bench.run("sync")
        bench.load("twostep_remap_1_1_0")
        script = "set -e; for version in 1.1.0 1.0.0 1.1.0 1.0.0; do\n"
        script += "echo 3 > /proc/sys/vm/drop_caches\n"
        script += f"generation=$(cat {self.slot.status}/generation)\n"
        script += f"echo version=$version generation=$generation deadline_ms=5000 > {self.slot.config}/swap\n"
        script += "echo 3 > /proc/sys/vm/drop_caches\n"
        script += f"echo generation=$(cat {self.slot.status}/generation) > {self.slot.config}/commit\ndone"
        self.ended(self.start("chroot", str(root), "/bin/sh", "-c", script), seconds=60)
        self.assertServes("1.0.0", 5)
