# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One QEMU machine: its command line, and talking to its monitor with QEMU's own QMP client."""

from __future__ import annotations

import asyncio
import pathlib
import subprocess
from dataclasses import dataclass

from qemu.qmp import QMPClient

from . import accel, image

SNAPSHOT = "lab"
DISKS = ("vda", "vdb", "vdc")
MEMORY_MIB = 1024
CMDLINE = "root=/dev/vda rw console=ttyS0 panic=5 mitigations=off net.ifnames=0 quiet"


@dataclass(frozen=True)
class Machine:
    """A machine that runs or will run. Paths are absolute; sockets live in a short folder."""

    name: str
    port: int
    disks: str
    qmp: str
    console: str
    switch: str

    def argv(self, built: image.Image, restore: bool, kernel_arguments: str = "") -> list[str]:
        """Return the command line; with ``restore`` the machine goes on from its snapshot."""
        words = [
            "qemu-system-x86_64", "-name", f"twostep-lab-{self.name}", *accel.arguments(built),
            "-smp", "2", "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none",
            "-kernel", str(built.vmlinuz), "-initrd", str(built.initrd), "-append", f"{CMDLINE} {kernel_arguments}".strip(),
            "-serial", f"file:{self.console}", "-qmp", f"unix:{self.qmp},server=on,wait=off",
            "-device", "virtio-rng-pci",
            "-netdev", f"user,id=lab,hostfwd=tcp:127.0.0.1:{self.port}-:22", "-device", "virtio-net-pci,netdev=lab",
            "-netdev", f"vde,id=private,sock={self.switch}", "-device", "virtio-net-pci,netdev=private,id=card,mac=52:54:00:77:00:01",
        ]  # fmt: skip
        for disk in DISKS:
            words += ["-drive", f"file={self.disks}/{disk}.qcow2,if=none,id={disk},format=qcow2,cache=unsafe,discard=unmap"]
            words += ["-device", f"virtio-blk-pci,drive={disk},write-cache=on"]
        return [*words, "-loadvm", SNAPSHOT] if restore else words


def create_disks(folder: pathlib.Path, built: image.Image, data_mib: int) -> None:
    """Make the system disk as an overlay of the image and two empty data disks."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create = ["qemu-img", "create", "-q", "-f", "qcow2"]
    subprocess.run([*create, "-F", "raw", "-b", str(built.disk), str(folder / "vda.qcow2")], check=True)
    for disk in DISKS[1:]:
        subprocess.run([*create, str(folder / f"{disk}.qcow2"), f"{data_mib}M"], check=True)


def copy_disks(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy the disks of a layer, snapshot included."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for disk in DISKS:
        subprocess.run(
            ["cp", "--reflink=auto", "--sparse=always", str(source / f"{disk}.qcow2"), str(target / f"{disk}.qcow2")], check=True
        )


def command(qmp: str, name: str, **arguments: object) -> object:
    """Send one QMP command and return its answer."""

    async def talk() -> object:
        client = QMPClient("lab")
        await client.connect(qmp)
        try:
            return await client.execute(name, arguments or None)
        finally:
            await client.disconnect()

    return asyncio.run(talk())


def monitor(qmp: str, line: str) -> str:
    """Run a line of the human monitor (savevm has no other form that takes all disks by itself)."""
    answer = str(command(qmp, "human-monitor-command", **{"command-line": line}))
    if "rror" in answer:
        raise SystemExit(f"lab: monitor: {line}: {answer.strip()}")
    return answer


def quit_machine(qmp: str) -> None:
    """End the machine at once, as a power cut does."""

    async def talk() -> None:
        client = QMPClient("lab")
        await client.connect(qmp)
        try:
            await client.execute("quit")
        finally:
            try:
                await client.disconnect()
            except EOFError:
                pass  # the machine was quicker

    asyncio.run(talk())
