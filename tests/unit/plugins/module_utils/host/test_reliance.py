# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import reliance
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths

ROOT = "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"


@pytest.fixture
def host(tmp_path) -> Path:
    """A host whose root is on vda1, with the slot `data`, an LVM volume dm-0 on a partition of it, and a lone disk vdb."""
    disks = tmp_path / "sys/devices/virtual/block"
    for name in ("vda", "vda/vda1", "vdb", "dm-0", "twostep!data", "twostep!data/twostep!data1"):
        (disks / name / "slaves").mkdir(parents=True)
    for part in ("vda/vda1", "twostep!data/twostep!data1"):
        (disks / part / "partition").write_text("1\n")
    (disks / "dm-0/slaves/twostep!data1").symlink_to(disks / "twostep!data/twostep!data1")
    by_name = tmp_path / "sys/class/block"
    by_number = tmp_path / "sys/dev/block"
    by_name.mkdir(parents=True)
    by_number.mkdir(parents=True)
    for name, number in (("vda/vda1", "254:1"), ("vdb", "254:16"), ("dm-0", "253:0"), ("twostep!data", "259:0")):
        (by_name / Path(name).name).symlink_to(disks / name)
        (by_number / number).symlink_to(disks / name)
    (tmp_path / "dev/mapper").mkdir(parents=True)
    (tmp_path / "dev/dm-0").touch()
    (tmp_path / "dev/mapper/vg-lv").symlink_to(tmp_path / "dev/dm-0")
    (tmp_path / "proc/self").mkdir(parents=True)
    write(tmp_path)
    return tmp_path


def write(host: Path, mounts: str = "", swaps: str = "") -> None:
    (host / "proc/self/mountinfo").write_text(ROOT + mounts)
    (host / "proc/swaps").write_text(SWAPS + swaps)


def needed(host: Path) -> str | None:
    return reliance.needed_by(Paths(str(host)), "data")


def test_a_host_that_does_not_need_the_slot(host: Path) -> None:
    write(host, "30 22 259:0 / /srv rw - ext4 /dev/twostep/data rw\n", "/dev/vdb partition 1 0 -2\n/swapfile file 1 0 -3\n")
    assert needed(host) is None
    reliance.refuse(Paths(str(host)), "data")


@pytest.mark.parametrize(
    ("mounts", "swaps", "what"),
    [
        ("30 22 259:0 / / rw - ext4 /dev/twostep/data rw\n", "", "/"),
        ("30 22 259:0 / /usr rw - ext4 /dev/twostep/data rw\n", "", "/usr"),
        ("30 22 253:0 / /lib/modules rw - ext4 /dev/mapper/vg-lv rw\n", "", "/lib/modules"),
        ("30 22 0:44 / /var rw - btrfs /dev/mapper/vg-lv rw\n", "", "/var"),
        ("30 22 259:0 / /var/lib rw - ext4 /dev/root rw\n", "", "/var/lib/twostep"),
        ("", "/dev/twostep/data partition 1 0 -2\n", "the swap area /dev/twostep/data"),
        ("", "/dev/dm-0 partition 1 0 -2\n", "the swap area /dev/dm-0"),
        ("30 22 259:0 / /srv rw - ext4 /dev/twostep/data rw\n", "/srv/swap file 1 0 -2\n", "the swap area /srv/swap"),
    ],
)
def test_what_a_host_needs(host: Path, mounts: str, swaps: str, what: str) -> None:
    write(host, mounts, swaps)
    assert needed(host) == what
    with pytest.raises(TwostepError) as caught:
        reliance.refuse(Paths(str(host)), "data")
    assert caught.value.code == "slot_needed"
    assert caught.value.message == f"The host has {what} on slot data, so it cannot change modules while the slot waits for one."
    assert caught.value.next_step == "Use a module name with the version in it, which is swapped by handover, or move it off the slot."


def test_a_mount_hides_the_one_below_it(host: Path) -> None:
    write(host, "30 22 259:0 / /var rw - ext4 /dev/twostep/data rw\n31 22 254:16 / /var rw - ext4 /dev/vdb rw\n")
    assert needed(host) is None


def test_not_knowing_is_a_refusal(host: Path) -> None:
    (host / "proc/swaps").unlink()
    assert needed(host) == f"something unknown ({host}/proc/swaps: No such file or directory)"


def test_a_ring_of_devices_ends(host: Path) -> None:
    slaves = host / "sys/devices/virtual/block/vdb/slaves"
    (slaves / "vdb").symlink_to(host / "sys/devices/virtual/block/vdb")
    write(host, "30 22 254:16 / /var rw - ext4 /dev/vdb rw\n")
    assert needed(host) is None
