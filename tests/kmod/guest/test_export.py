# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""K49: a slot exported by NVMe over TCP; the initiator sees latency and nothing else."""

from __future__ import annotations

import pathlib
import re

import bench
from neighbour import Hold, Neighbour

NQN = "nqn.2026-01.org.example:twostep"


class NvmeTcp(Neighbour):
    def setUp(self) -> None:
        super().setUp()
        for module in ("nvmet-tcp", "nvme-tcp"):
            bench.run("modprobe", module)
        bench.run("ip", "link", "set", "lo", "up")
        target = pathlib.Path("/sys/kernel/config/nvmet")
        subsystem, port = target / "subsystems" / NQN, target / "ports/1"
        namespace, link = subsystem / "namespaces/1", port / "subsystems" / NQN
        for folder in (subsystem, namespace, port):
            folder.mkdir()
            self.addCleanup(folder.rmdir)
        (subsystem / "attr_allow_any_host").write_text("1")
        (namespace / "device_path").write_text(self.slot.device)
        (namespace / "enable").write_text("1")
        self.addCleanup((namespace / "enable").write_text, "0")
        for name, value in (("trtype", "tcp"), ("adrfam", "ipv4"), ("traddr", "127.0.0.1"), ("trsvcid", "4420")):
            (port / f"addr_{name}").write_text(value)
        link.symlink_to(subsystem)
        self.addCleanup(link.unlink)
        bench.run("nvme", "connect", "-t", "tcp", "-a", "127.0.0.1", "-s", "4420", "-n", NQN)
        self.addCleanup(bench.run, "nvme", "disconnect", "-n", NQN)
        named = [path for path in pathlib.Path("/sys/class/nvme").iterdir() if (path / "subsysnqn").read_text().strip() == NQN]
        (self.initiator,) = named
        bench.wait_until(self.disks, "the namespace")
        bench.run("udevadm", "settle")

    def disks(self) -> list[pathlib.Path]:
        return [path for path in pathlib.Path("/dev").iterdir() if re.fullmatch(r"nvme\d+n1", path.name)]

    def test_no_reconnect(self) -> None:
        (disk,) = self.disks()
        with bench.Fio(str(disk), disk="twostep!t"):
            self.change()
            with Hold(self.slot, deadline_ms=3000, expires=True):
                pass
            self.change(1)
        self.assertEqual((self.initiator / "state").read_text(), "live\n")
        log = bench.kernel_log().splitlines()
        self.assertEqual([line for line in log if "nvme" in line and re.search("econnect|imeout|error recovery", line)], [])
