# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.host import modprobe_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_all_folders_and_the_command_line(tmp_path: Path) -> None:
    put(tmp_path, "proc/cmdline", "root=/dev/vda module_blacklist=first\n")
    put(tmp_path, "etc/modprobe.d/b.conf", "blacklist second\n")
    put(tmp_path, "lib/modprobe.d/b.conf", "blacklist hidden\n")
    put(tmp_path, "run/modprobe.d/c.conf", "install third /bin/false\n")
    put(tmp_path, "usr/lib/modprobe.d/a.conf", "blacklist fourth\n")
    put(tmp_path, "etc/modprobe.d/notes", "blacklist ignored\n")
    found = modprobe_conf.rules(Paths(str(tmp_path)))
    assert [(rule.module, rule.path.replace(str(tmp_path), ""), rule.line) for rule in found] == [
        ("first", "/proc/cmdline", 0),
        ("fourth", "/usr/lib/modprobe.d/a.conf", 1),
        ("second", "/etc/modprobe.d/b.conf", 1),
        ("third", "/run/modprobe.d/c.conf", 1),
    ]


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "etc/modprobe.d/z.conf", "blacklist last\n")
    os.mkfifo(tmp_path / "etc/modprobe.d/a.conf")
    (tmp_path / "etc/modprobe.d/b.conf").symlink_to("/nowhere")
    (tmp_path / "etc/modprobe.d/c.conf").mkdir()
    put(tmp_path, "etc/modprobe.d/d.conf", "blacklist huge\n" * 100_000)
    assert [rule.module for rule in modprobe_conf.rules(Paths(str(tmp_path)))] == ["last"]


def test_a_host_without_any(tmp_path: Path) -> None:
    assert modprobe_conf.rules(Paths(str(tmp_path))) == []
