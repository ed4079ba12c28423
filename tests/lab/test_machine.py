# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import monitor
from lab.image import Image
from lab.machine import DISKS, LAB_MAC, Machine, Settings, plug_disk


def node(number: int = 1) -> Machine:
    return Machine(name=f"n{number}", disks="/s/disks", qmp="/r/n.qmp", console="/s/n.console", switch="/r/switch", number=number)


def after(argv: list[str], option: str) -> list[str]:
    """Return the values of an option."""
    return [value for name, value in zip(argv, argv[1:]) if name == option]


def test_only_a_restored_machine_loads_the_snapshot(built: Image) -> None:
    assert after(node().argv(built, Settings(), restore=True), "-loadvm") == ["lab"]
    assert after(node().argv(built, Settings(), restore=False), "-loadvm") == []


def test_every_writable_disk_can_hold_a_snapshot(built: Image) -> None:
    drives = after(node().argv(built, Settings(), restore=False), "-drive")
    assert len(drives) == len(DISKS)
    assert all("format=qcow2" in drive for drive in drives)


def test_the_guest_reaches_nothing_but_the_lab(built: Image) -> None:
    user, private = after(node().argv(built, Settings(), restore=False), "-netdev")
    assert {"restrict=on", "ipv6=off", "hostfwd=tcp:127.0.0.1:0-:22"} <= set(user.split(","))
    assert private == "vde,id=private,sock=/r/switch"


def test_the_kernel_log_is_on_the_console_with_its_warnings(built: Image) -> None:
    (line,) = after(node().argv(built, Settings(kernel_arguments="module.sig_enforce=1"), restore=False), "-append")
    words = line.split()
    assert "console=ttyS0" in words
    assert "quiet" not in words
    assert "loglevel=7" in words
    assert words[-1] == "module.sig_enforce=1"


def test_counting_instructions_needs_one_cpu(built: Image) -> None:
    argv = node().argv(built, Settings(cpus=4, icount=True), restore=False)
    assert after(argv, "-smp") == ["1"]
    assert after(argv, "-accel") == ["tcg,thread=single"]
    assert after(node().argv(built, Settings(cpus=4), restore=False), "-smp") == ["4"]


@pytest.mark.parametrize(("number", "address", "mac"), [(1, "10.77.0.11", "52:54:00:77:01:01"), (16, "10.77.0.26", "52:54:00:77:01:10")])
def test_addresses_follow_from_the_number(number: int, address: str, mac: str) -> None:
    assert (node(number).address, node(number).mac) == (address, mac)
    assert mac != LAB_MAC


@pytest.mark.parametrize("name", ["vdb", "", "Big", "a,b", "-x", "a" * 17])
def test_a_disk_with_a_bad_name_is_not_plugged_in(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"bad name of a disk.*Next: "):
        plug_disk(node(), name, tmp_path / "disk", 1, None)
    assert not (tmp_path / "disk").exists()


def test_a_disk_is_made_with_its_log_and_told_to_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(monitor, "plug_disk", lambda *words: told.append(words))
    disk, log = tmp_path / "disk", tmp_path / "log"
    plug_disk(node(), "cut", disk, 3, log)
    assert (disk.stat().st_size, log.read_bytes()) == (3 << 20, b"")
    disk.write_bytes(b"kept")
    plug_disk(node(), "cut", disk, 3, None)
    assert disk.read_bytes() == b"kept"
    assert told == [("/r/n.qmp", "cut", str(disk), str(log)), ("/r/n.qmp", "cut", str(disk), None)]
