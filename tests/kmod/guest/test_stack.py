# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is put on top of slots: file systems, md, LVM, dm-crypt, multipath, and their own suspends in a hold."""

from __future__ import annotations

import os
import pathlib
import subprocess

import bench
import neighbour
from neighbour import MIB, Hold, Neighbour


class FileSystem(Neighbour):
    def test_ext4(self) -> None:
        root = neighbour.ext4(self, self.slot.device)  # checked by fsck afterwards
        with bench.Fio(f"{root}/direct", disk="twostep!t"):
            self.change(2)
        with bench.Fio(f"{root}/cached", "--direct=0", "--ioengine=psync", "--size=16m", "--fsync=8", disk="twostep!t"):
            self.change(2)
            with Hold(self.slot, deadline_ms=2000, expires=True):
                pass


class Mirror(Neighbour):
    """K47: md RAID1, both legs slots, failfast set."""

    def test_no_leg_is_kicked(self) -> None:
        neighbour.wipe("/dev/vdc")
        second = bench.Slot("second", "/dev/vdc")
        self.addCleanup(second.remove)
        second.swap("1.0.0")
        md = pathlib.Path("/sys/block/md9/md")
        bench.run("modprobe", "raid1")
        bench.run("mdadm", "--create", "/dev/md9", "--run", "--level=1", "--raid-devices=2", "--size=49152", "--bitmap=internal",
                  "--failfast", self.slot.device, second.device)  # fmt: skip
        self.addCleanup(bench.run, "mdadm", "--stop", "/dev/md9")
        flags = [(md / f"dev-twostep!{name}/state").read_text() for name in ("t", "second")]
        self.assertTrue(all("failfast" in flag for flag in flags), flags)
        with bench.Fio("/dev/md9", "--size=16m", disk="md9"):
            for _turn in range(2):
                self.change(1)
                self.change(1, slot=second)
            with Hold(self.slot, deadline_ms=2000, expires=True):
                self.change(1, works=False, slot=second)
        bench.wait_until(lambda: (md / "sync_action").read_text() == "idle\n", "the first copy", 60)
        (md / "sync_action").write_text("check")
        self.change(1, works=False)
        self.change(1, works=False, slot=second)
        bench.wait_until(lambda: (md / "sync_action").read_text() == "idle\n", "the check", 60)
        self.assertEqual((md / "mismatch_cnt").read_text(), "0\n")
        self.assertIn("[UU]", pathlib.Path("/proc/mdstat").read_text())


class Volumes(Neighbour):
    """K48: LVM, thin volumes and snapshots."""

    # The lower device has the same label: who uses LVM on slots must hide it, as here.
    CONFIG = 'devices{filter=["a|^/dev/twostep/|","r|.*|"] use_devicesfile=0} activation{monitoring=0} global{thin_check_executable=""}'

    def lvm(self, command: str, *words: str) -> None:
        bench.run(command, "--config", self.CONFIG, "--yes", *words)

    def test_linear_thin_and_snapshots(self) -> None:
        for module in ("dm-thin-pool", "dm-snapshot"):
            bench.run("modprobe", module)
        self.lvm("vgcreate", "vgt", self.slot.device)
        self.addCleanup(self.lvm, "vgremove", "--force", "vgt")
        self.lvm("lvcreate", "--wipesignatures", "n", "-n", "plain", "-L", "40m", "vgt")
        self.lvm("lvcreate", "--type", "thin-pool", "-n", "pool", "-L", "80m", "vgt")
        self.lvm("lvcreate", "--wipesignatures", "n", "-n", "thin", "--thinpool", "vgt/pool", "-V", "64m")
        before = os.urandom(MIB)
        for name in ("plain", "thin"):
            pathlib.Path(f"/dev/vgt/{name}").write_bytes(before)
        self.lvm("lvcreate", "-n", "plainshot", "-s", "-L", "40m", "vgt/plain")
        self.lvm("lvcreate", "-n", "thinshot", "-s", "vgt/thin")
        plain, thin = (pathlib.Path(f"/dev/vgt/{name}").resolve().name for name in ("plain", "thin"))
        with bench.Fio("/dev/vgt/plain", "--size=8m", disk=plain), bench.Fio("/dev/vgt/thin", "--size=8m", disk=thin):
            self.change()
            with Hold(self.slot, deadline_ms=1000, expires=True):
                pass
        self.lvm("lvchange", "-ay", "-K", "vgt/thinshot")
        for name in ("plainshot", "thinshot"):
            with open(f"/dev/vgt/{name}", "rb") as volume:
                self.assertEqual(volume.read(MIB), before, name)


class Crypt(Neighbour):
    def test_plain_dm_crypt(self) -> None:
        key = pathlib.Path("/run/key")
        key.write_bytes(os.urandom(64))
        opened = ("cryptsetup", "open", "--type", "plain", "--cipher", "aes-xts-plain64", "--key-size", "512", "--key-file", str(key),
                  "--batch-mode", self.slot.device, "secret")  # fmt: skip
        pattern = os.urandom(MIB)
        bench.run(*opened)
        self.addCleanup(bench.run, "cryptsetup", "close", "secret", check=False)
        with bench.Fio("/dev/mapper/secret", "--size=8m", "--offset=2m", disk="twostep!t"):
            with open("/dev/mapper/secret", "r+b") as disk:
                disk.write(pattern)
            self.change()
        bench.run("cryptsetup", "close", "secret")
        bench.run(*opened)
        with open("/dev/mapper/secret", "rb") as disk:
            self.assertEqual(disk.read(MIB), pattern)
        bench.run("cryptsetup", "close", "secret")


class Mapper(Neighbour):
    """K48: device mapper above a slot."""

    def mapped(self, table: str) -> str:
        bench.run("dmsetup", "create", "above", "--table", f"0 131072 {table}")
        self.addCleanup(bench.run, "dmsetup", "remove", "--retry", "above")
        bench.run("udevadm", "settle")
        return "/dev/mapper/above"

    def waits(self, *argv: str) -> subprocess.Popen:
        """Start dmsetup and return it when device mapper makes it wait."""
        process = self.start("dmsetup", *argv)
        wchan = pathlib.Path(f"/proc/{process.pid}/wchan")
        bench.wait_until(lambda: "dm_" in wchan.read_text(), f"dmsetup {argv[0]} waits")
        return process

    def test_suspended_and_reloaded_in_a_hold(self) -> None:
        device = self.mapped(f"linear {self.slot.device} 0")
        with bench.Fio(device, disk="twostep!t"):
            with Hold(self.slot) as hold:
                suspend = self.waits("suspend", "--nolockfs", "above")
                self.assertTrue(hold.lasts())
            self.ended(suspend)
            self.change(2, works=False)
            bench.run("dmsetup", "resume", "above")
            bench.run("dmsetup", "load", "above", "--table", f"0 131072 linear {self.slot.device} 0")
            with Hold(self.slot):
                resume = self.waits("resume", "above")
            self.ended(resume)
            self.change(2)

    def test_multipath(self) -> None:
        """Of bios: above requests, multipath submits where nobody may sleep, and a child that waits for tags does (docs)."""
        for module in ("dm-multipath", "dm-round-robin"):
            bench.run("modprobe", module)
        device = self.mapped(f"multipath 3 queue_mode bio queue_if_no_path 0 1 1 round-robin 0 1 1 {self.slot.device} 1")
        tags = pathlib.Path("/sys/block/vdb/queue/nr_requests")
        self.addCleanup(tags.write_text, tags.read_text())
        tags.write_text("4")
        with bench.Fio(device, "--iodepth=64", disk="twostep!t"):
            self.change()
            with Hold(self.slot, deadline_ms=1000, expires=True):
                pass
        status = bench.run("dmsetup", "status", "above").stdout.split()
        self.assertEqual(status[-2:], ["A", "0"], status)  # the path is active and never failed
