# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core.parent import Users
from ansible_collections.twostep.hotswap.plugins.module_utils.host import slot_users
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


def put(root: Path, path: str, text: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_nobody(tmp_path: Path) -> None:
    assert slot_users.look(Paths(str(tmp_path)), "data") == Users()


def test_all_kinds_are_named(tmp_path: Path) -> None:
    put(tmp_path, "sys/kernel/twostep/slots/data/openers", "3\n")
    put(
        tmp_path,
        "proc/mounts",
        "/dev/sda1 / ext4 rw 0 0\n/dev/twostep/data /srv/my\\040data ext4 rw 0 0\n/dev/twostep/data2 /other ext4 rw 0 0\n",
    )
    put(tmp_path, "proc/swaps", "Filename Type Size Used Priority\n/dev/twostep/data partition 1 0 -2\n")
    (tmp_path / "sys/block/twostep!data/holders/md0").mkdir(parents=True)
    put(tmp_path, "proc/42/comm", "fio\n")
    (tmp_path / "proc/42/fd").mkdir()
    (tmp_path / "proc/42/fd/3").symlink_to("/dev/twostep/data")
    (tmp_path / "proc/42/fd/4").symlink_to("/dev/twostep/data")
    (tmp_path / "proc/43/fd").mkdir(parents=True)
    (tmp_path / "proc/43/fd/0").symlink_to("/dev/null")
    assert slot_users.look(Paths(str(tmp_path)), "data") == Users(
        openers=3, holders=("md0",), mounts=("/srv/my data", "swap on /dev/twostep/data"), programs=("fio (42)",)
    )
