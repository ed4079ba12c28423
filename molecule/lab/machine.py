# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One QEMU machine: its settings, its command line and its disks."""

from __future__ import annotations

import os
import pathlib
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass

from . import accel, image, keeper, monitor

SNAPSHOT = "lab"
DISKS = ("vda", "vdb", "vdc")
DISK_NAME = re.compile(r"[a-z][a-z0-9]{0,15}")  # of one that is plugged in; a serial number has 20 bytes at most
LAB_MAC = "52:54:00:77:00:01"  # of the card that only the lab talks to; the guest knows it by this
QMP_FD = "QMP_FD"  # the keeper puts a file descriptor's number in its place
# The kernel's log must reach the console with its warnings, and survive the node. A stalled emulation is not a locked-up kernel.
CMDLINE = (
    "root=/dev/vda rw console=ttyS0 loglevel=7 panic=5 mitigations=off net.ifnames=0 fsck.mode=skip "
    "watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300"
)

# Where time counts instructions an idle guest's clock runs to its next timer at once: while it waits for us, TCP gives up within
# milliseconds of ours unless it tries as often as it can.
ICOUNT_CMDLINE = "sysctl.net.ipv4.tcp_retries2=255 sysctl.net.ipv4.tcp_synack_retries=255"


@dataclass(frozen=True)
class Settings:
    """What can be chosen about a machine; fixed when its first layer is made."""

    cpus: int = 2
    memory_mib: int = 0  # 0: what the image needs
    disk_mib: int = 256
    kernel_arguments: str = ""
    icount: bool = False  # virtual time counts instructions: repeatable performance figures, one CPU, slow


@dataclass(frozen=True)
class Machine:
    """A machine that runs or will run. Paths are absolute; sockets live in a short folder. Without ``port`` it was not asked for yet."""

    name: str
    disks: str
    qmp: str
    console: str
    switch: str
    number: int = 1
    port: int = 0

    @property
    def address(self) -> str:
        """Return the address on the private network."""
        return f"10.77.0.{10 + self.number}"

    @property
    def mac(self) -> str:
        return f"52:54:00:77:01:{self.number:02x}"

    def argv(self, built: image.Image, settings: Settings, restore: bool) -> list[str]:
        """Return the command line; with ``restore`` the machine goes on from its snapshot."""
        arguments = (CMDLINE, built.kernel_arguments, ICOUNT_CMDLINE if settings.icount else "", settings.kernel_arguments)
        words = [
            "qemu-system-x86_64", "-name", f"twostep-lab-{self.name}", *accel.arguments(built, settings.icount),
            "-smp", "1" if settings.icount else str(settings.cpus), "-m", str(settings.memory_mib or built.memory_mib),
            "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", str(built.vmlinuz), *(["-initrd", str(built.initrd)] if built.initrd else []),
            "-append", " ".join(filter(None, arguments)),
            "-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console",
            "-chardev", f"socket,id=qmp,fd={QMP_FD},server=on,wait=off", "-mon", "chardev=qmp,mode=control",
            "-device", "virtio-rng-pci",
            "-netdev", "user,id=lab,ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:0-:22",  # port 0: the host's kernel picks a free one
            "-device", f"virtio-net-pci,netdev=lab,mac={LAB_MAC},romfile=",
            "-netdev", f"vde,id=private,sock={self.switch}",
            "-device", f"virtio-net-pci,netdev=private,id=card,mac={self.mac},romfile=",
        ]  # fmt: skip
        for disk in DISKS:
            words += ["-drive", f"file={self.disks}/{disk}.qcow2,if=none,id={disk},format=qcow2,cache=unsafe,discard=unmap"]
            words += ["-device", f"virtio-blk-pci,drive={disk},write-cache=on,serial={disk}"]
        return [*words, "-loadvm", SNAPSHOT] if restore else words


def qemu_version() -> str:
    """Return QEMU's version: a snapshot is only good for the one that made it."""
    done = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def create_disks(folder: pathlib.Path, built: image.Image, disk_mib: int) -> None:
    """Make the system disk as an overlay of the image and two empty data disks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*create, "-F", "raw", "-b", str(built.disk), str(folder / "vda.qcow2")], check=True)
    for disk in DISKS[1:]:
        subprocess.run([*create, str(folder / f"{disk}.qcow2"), f"{disk_mib}M"], check=True)


def copy_disks(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy the disks of a layer, snapshot included."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = [str(source / f"{disk}.qcow2") for disk in DISKS]
    subprocess.run(["cp", "--reflink=auto", "--sparse=auto", *files, str(target)], check=True)


def plug_disk(item: Machine, name: str, disk: pathlib.Path, size_mib: int, log: pathlib.Path | None) -> None:
    """Plug a raw file into a running machine as a disk, made empty if it is not there."""
    if not DISK_NAME.fullmatch(name) or name in DISKS:
        raise SystemExit(f"lab: bad name of a disk {name!r}. Next: use one like cut1, and not one of {', '.join(DISKS)}.")
    if not disk.exists():
        with open(disk, "wb") as file:
            file.truncate(size_mib << 20)
    if log is not None:
        log.write_bytes(b"")
    monitor.plug_disk(item.qmp, name, str(disk), str(log) if log else None)


def cut_power(item: Machine) -> None:
    """End a machine at once; on return it is gone.

    Asked to quit, QEMU would flush the disks that the guest had not flushed. It is stopped first: so it dies between two
    system calls, and no block of a disk is written by half.
    """
    try:
        pid = int(pathlib.Path(item.qmp + keeper.PID).read_text(encoding="ascii"))
        handle = os.pidfd_open(pid)
    except (FileNotFoundError, ProcessLookupError):
        raise SystemExit(f"lab: {item.name} does not run (any more). Next: read keeper.log and its console log.") from None
    try:
        if item.disks.encode() not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            raise SystemExit(f"lab: {item.name} does not run any more. Next: read keeper.log and its console log.")
        pathlib.Path(item.qmp + keeper.OFF).touch()
        signal.pidfd_send_signal(handle, signal.SIGSTOP)
        while not all(_stopped(task) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()):
            time.sleep(0.001)
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])
    finally:
        os.close(handle)


def _stopped(task: pathlib.Path) -> bool:
    """Return whether a thread stands still, or has ended."""
    try:
        return (task / "stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2][0] in "TtZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
