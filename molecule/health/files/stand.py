#!/usr/bin/env python
# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the health sources speak of, on two lab nodes: ``stand.py up``, ``break`` gives each one defect, ``mend`` takes them away.

Run on n1 and n2 at the same time; each does its part and waits for the other by what it sees. Both: a corosync cluster with pacemaker,
three etcd members (two of them on n2), a DRBD device. On n1 alone: an LVM raid1, a btrfs raid1, a namespace of n2 by two NVMe/TCP paths,
a multipath map of two SCSI paths.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Callable

NODES = {"n1": "10.77.0.11", "n2": "10.77.0.12"}
SECOND_NET = {"n1": "10.78.0.11", "n2": "10.78.0.12"}  # NVMe's other path
MEMBERS = {"m1": ("n1", 2379), "m2": ("n2", 2379), "m3": ("n2", 22379)}
HERE = os.uname().nodename
ADDRESS = NODES[HERE]
INSIDE = 2048  # sectors
PATIENCE_S = 240.0
NVMET = pathlib.Path("/sys/kernel/config/nvmet")
NQN = "nqn.2026-01.org.example:lab"
NVME_PORTS = {1: (NODES["n2"], 4420), 2: (SECOND_NET["n2"], 4421)}

COROSYNC = """totem {{
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: 10000
}}
nodelist {{
{nodes}}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
"""
COROSYNC_NODE = "    node {{\n        name: {name}\n        nodeid: {number}\n        ring0_addr: {address}\n    }}\n"
DRBD = """resource lab {{
    protocol C;
    device /dev/drbd0;
    disk {disk};
    meta-disk internal;
{nodes}}}
"""
DRBD_NODE = "    on {name} {{ address {address}:7788; }}\n"
MULTIPATH = """defaults {
    find_multipaths no
    polling_interval 1
    max_polling_interval 1
}
blacklist {
    devnode "^(vd|loop|dm-|nvme|md|drbd)"
}
"""


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so; nothing here tells when it is."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"stand: not within {PATIENCE_S:.0f} s: {what}")
        time.sleep(0.2)  # neither the tools nor sysfs offer anything to wait on


def says(*argv: str) -> str:
    """Return what a command prints, whatever its exit status."""
    return subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def write(path: str | pathlib.Path, text: str) -> None:
    pathlib.Path(path).write_text(text, encoding="ascii")


def loop(name: str, size_mib: int) -> str:
    """Return a loop device on a new file in memory."""
    path = f"/run/{name}.img"
    with open(path, "wb") as image:
        image.truncate(size_mib << 20)
    return run("losetup", "--find", "--show", path).strip()


def breakable(name: str, size_mib: int) -> str:
    """Return a disk that can be made to fail. It begins inside what is below, where nobody finds what is written on it a second time."""
    below = loop(name, size_mib + 1)
    run("dmsetup", "create", name, "--table", f"0 {size_mib << 11} linear {below} {INSIDE}")
    return f"/dev/mapper/{name}"


def retable(name: str, target: str) -> None:
    """Give a breakable disk the target ``error``, or ``linear`` and its loop device again."""
    sectors = run("dmsetup", "table", name).split()[1]
    below = run("losetup", "--noheadings", "--output=NAME", "--associated", f"/run/{name}.img").strip()
    run("dmsetup", "suspend", "--nolockfs", name)
    run("dmsetup", "load", name, "--table", f"0 {sectors} {target}" + (f" {below} {INSIDE}" if target == "linear" else ""))
    run("dmsetup", "resume", name)


def write_through(path: str) -> None:
    says("dd", "if=/dev/zero", f"of={path}", "bs=64k", "count=8", "oflag=direct", "conv=notrunc,fsync")


class Pacemaker:
    where = ("n1", "n2")

    def up(self) -> None:
        nodes = [COROSYNC_NODE.format(name=name, number=at + 1, address=NODES[name]) for at, name in enumerate(NODES)]
        write("/etc/corosync/corosync.conf", COROSYNC.format(nodes="".join(nodes)))
        run("systemctl", "start", "corosync", "pacemaker")
        until("both nodes online", lambda: len(re.findall(r'<node [^>]*online="true"[^>]*pending="false"', self._status())) == 2)
        if HERE == "n1":
            run("crm_attribute", "--type=crm_config", "--name=stonith-enabled", "--update=false")

    def _status(self) -> str:
        return says("crm_mon", "--output-as=xml")

    def breaks(self) -> None:
        self._standby("on")

    def mend(self) -> None:
        self._standby("off")

    def _standby(self, value: str) -> None:
        if HERE == "n1":
            run("crm_attribute", "--node=n2", "--name=standby", f"--update={value}")
        wanted = {"on": "true", "off": "false"}[value]
        until(f"n2 standby {value}", lambda: bool(re.search(rf'<node name="n2"[^>]*standby="{wanted}"', self._status())))


class Etcd:
    where = ("n1", "n2")

    def up(self) -> None:
        for member, (node, port) in MEMBERS.items():
            if node == HERE:
                self._start(member, port, "new")
        until("three members", lambda: says("etcdctl", "endpoint", "health", "--cluster").count("is healthy") == len(MEMBERS))

    def _start(self, member: str, port: int, state: str) -> None:
        local = f",http://127.0.0.1:{port}" if port == 2379 else ""
        run(
            "systemd-run", "--quiet", f"--unit=etcd-{member}", "etcd", f"--name={member}", f"--data-dir=/var/lib/etcd-{member}",
            f"--listen-client-urls=http://{ADDRESS}:{port}{local}", f"--advertise-client-urls=http://{ADDRESS}:{port}",
            f"--listen-peer-urls=http://{ADDRESS}:{port + 1}", f"--initial-advertise-peer-urls=http://{ADDRESS}:{port + 1}",
            "--initial-cluster=" + ",".join(f"{name}=http://{NODES[node]}:{at + 1}" for name, (node, at) in MEMBERS.items()),
            f"--initial-cluster-state={state}", "--heartbeat-interval=1000", "--election-timeout=10000",
        )  # fmt: skip

    def breaks(self) -> None:
        if HERE == "n2":
            run("systemctl", "stop", "etcd-m3")
        until("a member is away", lambda: "is unhealthy" in says("etcdctl", "endpoint", "health", "--cluster"))

    def mend(self) -> None:
        if HERE == "n2":
            self._start("m3", MEMBERS["m3"][1], "existing")


class Drbd:
    where = ("n1", "n2")

    def up(self) -> None:
        nodes = "".join(DRBD_NODE.format(name=name, address=address) for name, address in NODES.items())
        write("/etc/drbd.d/lab.res", DRBD.format(disk=loop("drbd", 16), nodes=nodes))
        run("modprobe", "drbd")
        run("drbdadm", "create-md", "--force", "lab")
        run("drbdadm", "up", "lab")
        until("drbd connected", lambda: "cs:Connected" in self._told())
        if HERE == "n1":  # neither disk has any data yet
            run("drbdadm", "new-current-uuid", "--clear-bitmap", "lab/0")
        until("both disks up to date", lambda: "ds:UpToDate/UpToDate" in self._told())

    def _told(self) -> str:
        return pathlib.Path("/proc/drbd").read_text(encoding="ascii")

    def breaks(self) -> None:
        if HERE == "n1":
            run("drbdadm", "disconnect", "lab")
        until("drbd disconnected", lambda: "cs:Connected" not in self._told())

    def mend(self) -> None:
        if HERE == "n1":
            run("drbdadm", "connect", "lab")
        until("drbd connected", lambda: "cs:Connected" in self._told())


class Lvm:
    where = ("n1",)

    def up(self) -> None:
        disks = [breakable(name, 48) for name in ("pv1", "pv2")]
        run("vgcreate", "lab", *disks)
        run("lvcreate", "--yes", "--type=raid1", "--mirrors=1", "--size=16m", "--name=data", "lab")
        until("the copies are equal", lambda: says("lvs", "--noheadings", "-o", "sync_percent", "lab/data").strip() == "100.00")

    def breaks(self) -> None:
        retable("pv2", "error")
        write_through("/dev/lab/data")

    def mend(self) -> None:
        retable("pv2", "linear")
        run("lvchange", "--refresh", "lab/data")


class Btrfs:
    where = ("n1",)

    def up(self) -> None:
        disks = [breakable(name, 256) for name in ("fs1", "fs2")]
        run("mkfs.btrfs", "--quiet", "--metadata=raid1", "--data=raid1", *disks)
        pathlib.Path("/srv/btrfs").mkdir()
        run("mount", "-o", f"device={disks[0]},device={disks[1]}", disks[0], "/srv/btrfs")
        write_through("/srv/btrfs/file")

    def breaks(self) -> None:
        retable("fs2", "error")
        write_through("/srv/btrfs/file")
        run("sync")

    def mend(self) -> None:
        retable("fs2", "linear")
        run("btrfs", "scrub", "start", "-B", "/srv/btrfs")
        run("btrfs", "device", "stats", "--reset", "/srv/btrfs")


class Nvme:
    where = ("n1", "n2")

    def up(self) -> None:
        card = re.search(rf"^\d+: (\S+) .*inet {re.escape(ADDRESS)}/", run("ip", "-oneline", "-4", "address"), re.MULTILINE)
        run("ip", "address", "add", f"{SECOND_NET[HERE]}/24", "dev", card[1] if card else "")
        if HERE == "n2":
            self._export()
            return
        run("modprobe", "nvme-tcp")
        for address, port in NVME_PORTS.values():
            connect = ("nvme", "connect", "--transport=tcp", f"--traddr={address}", f"--trsvcid={port}", f"--nqn={NQN}")
            until("the target is there", lambda c=connect: subprocess.run([*c, "--reconnect-delay=1"], check=False).returncode == 0)
        until("both paths", lambda: self._states() == ["live", "live"])

    def _export(self) -> None:
        run("modprobe", "-a", "nvmet", "nvmet-tcp")
        subsystem = NVMET / "subsystems" / NQN
        subsystem.mkdir()
        write(subsystem / "attr_allow_any_host", "1")
        namespace = subsystem / "namespaces/1"
        namespace.mkdir()
        write(namespace / "device_path", loop("nvme", 16))
        write(namespace / "enable", "1")
        for number, (address, port) in NVME_PORTS.items():
            folder = NVMET / f"ports/{number}"
            folder.mkdir()
            for name, value in {"addr_trtype": "tcp", "addr_adrfam": "ipv4", "addr_traddr": address, "addr_trsvcid": str(port)}.items():
                write(folder / name, value)
            (folder / "subsystems" / NQN).symlink_to(subsystem)

    def _states(self) -> list[str]:
        return [path.read_text(encoding="ascii").strip() for path in pathlib.Path("/sys/class/nvme").glob("nvme*/state")]

    def breaks(self) -> None:
        if HERE == "n2":
            (NVMET / "ports/2/subsystems" / NQN).unlink()
        else:
            until("a path is away", lambda: self._states() != ["live", "live"])

    def mend(self) -> None:
        if HERE == "n2":
            (NVMET / "ports/2/subsystems" / NQN).symlink_to(NVMET / "subsystems" / NQN)


class Multipath:
    where = ("n1",)

    def up(self) -> None:
        write("/etc/multipath.conf", MULTIPATH)
        run("modprobe", "dm-multipath")
        run("modprobe", "scsi_debug", "dev_size_mb=16", "add_host=2", "vpd_use_hostno=0")
        run("udevadm", "settle")
        run("systemctl", "start", "multipathd")
        until("two paths", lambda: says("multipathd", "show", "paths", "format", "%d %o %T").count(" ready") == 2)

    def breaks(self) -> None:
        self._path("offline")
        until("the path is found out", lambda: "faulty" in says("multipathd", "show", "paths", "format", "%d %T"))

    def mend(self) -> None:
        self._path("running")

    def _path(self, state: str) -> None:
        (disk,) = sorted(pathlib.Path("/sys/bus/pseudo/drivers/scsi_debug").glob("adapter*/host*/target*/*:0/state"))[:1]
        write(disk, f"{state}\n")


STAND = (Etcd(), Pacemaker(), Nvme(), Drbd(), Lvm(), Btrfs(), Multipath())


def main(verb: str) -> None:
    for part in STAND:
        if HERE in part.where:
            begun = time.monotonic()
            {"up": part.up, "break": part.breaks, "mend": part.mend}[verb]()
            print(f"{type(part).__name__} {verb}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
