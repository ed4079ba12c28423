# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""K46: partitions on a slot, and what user space hears of a swap: nothing from the block device."""

from __future__ import annotations

import subprocess

import bench
import neighbour
from neighbour import MIB, Hold, Neighbour
from uevents import Uevents


class Partitions(Neighbour):
    def partition(self) -> None:
        subprocess.run(["sfdisk", "-q", "--label", "gpt", self.slot.device], input="size=16MiB\nsize=32MiB\n", text=True, check=True)
        bench.run("udevadm", "settle")

    def sizes(self) -> dict[str, int]:
        return {path.name: int((path / "size").read_text()) * 512 for path in self.sysfs.glob("twostep!t*")}

    def test_each_partition_goes_on(self) -> None:
        self.partition()
        self.assertEqual(self.sizes(), {"twostep!t1": 16 * MIB, "twostep!t2": 32 * MIB})
        with bench.Fio(f"{self.slot.device}1", "--size=8m"), bench.Fio(f"{self.slot.device}2", "--size=8m"):
            self.change()
        self.assertEqual(self.sizes(), {"twostep!t1": 16 * MIB, "twostep!t2": 32 * MIB})

    def test_a_table_read_in_a_hold_is_right(self) -> None:
        self.partition()
        with Hold(self.slot) as hold:
            readers = [self.start("blockdev", "--rereadpt", self.slot.device), self.start("partx", "--update", self.slot.device)]
            bench.wait_until(lambda: any(neighbour.state_of(reader) == "D" for reader in readers), "the table's readers wait")
            self.assertTrue(hold.lasts())
        for reader in readers:
            reader.communicate(timeout=30)  # one may find the disk busy with the other
        self.assertIn(0, [reader.returncode for reader in readers])
        self.assertEqual(self.sizes(), {"twostep!t1": 16 * MIB, "twostep!t2": 32 * MIB})

    def test_a_table_written_in_a_hold_is_right(self) -> None:
        with Hold(self.slot):
            writer = self.start("sh", "-c", f"echo size=8MiB > /run/table; exec sfdisk -q --label dos {self.slot.device} < /run/table")
            neighbour.wait_for_sleep(writer, "sfdisk waits")
        self.ended(writer)
        bench.run("udevadm", "settle")
        self.assertEqual(self.sizes(), {"twostep!t1": 8 * MIB})

    def test_a_swap_makes_no_uevents_of_block_devices(self) -> None:
        self.partition()
        with Uevents() as quiet:
            with bench.Fio(f"{self.slot.device}1", "--size=8m", disk="twostep!t"):
                self.change()
            with Hold(self.slot, deadline_ms=500, expires=True):
                pass
            bench.run("udevadm", "settle")
        with Uevents() as loud:  # the ear is not deaf
            bench.run("blockdev", "--rereadpt", self.slot.device)
        heard = [[event["ACTION"] for event in ear.of("block") if "twostep!" in event["DEVPATH"]] for ear in (quiet, loud)]
        self.assertEqual(heard[0], [])
        self.assertIn("change", heard[1])
