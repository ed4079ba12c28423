# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the script of the initramfs does, in a real shell, with a pretended kernel: folders as configfs and sysfs, and a modprobe."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import boot, early, early_scripts
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

AGENT = "/usr/local/lib/twostep/agent-0123456789ab.pyz"
ROOT = boot.boot_slot("root", "remap", r"lower=/dev/disk/by-id/a\x2db colour=red", "1.1.0", queue_depth=64, early=True)


class Initramfs:
    """One whose kernel has a parent that does nothing; `modprobe` and `mount` write down what they were asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.slot = root / "sys/kernel/config/twostep/root"
        self.table(early.table([ROOT]))
        self.put("dev/kmsg", "")
        self.put("proc/cmdline", "root=UUID=0-0 quiet\n")
        self.put("dev/disk/by-id/a\\x2db", "")
        self.state("empty")
        self.modprobe_fails = False

    def put(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def table(self, text: str) -> None:
        self.put("etc/twostep/early", text)

    def state(self, state: str) -> None:
        for name, text in {"state": state, "generation": "0", "last_swap/reason": "adopt answered -6"}.items():
            self.put(f"sys/kernel/twostep/slots/root/{name}", f"{text}\n")

    def boot(self, *arguments: str) -> list[str]:
        """Run the script; return what was called."""
        calls = self.root / "calls"
        calls.write_text("")
        mounted = f'mkdir -p "{self.root}/sys/kernel/config/twostep"'
        for name, then in {"modprobe": f"exit {int(self.modprobe_fails)}", "mount": mounted}.items():
            self.put(f"bin/{name}", f'#!/bin/sh\necho {name} "$@" >> "{calls}"\n{then}\n')
            (self.root / "bin" / name).chmod(0o700)
        script = self.root / "script"
        script.write_text(early_scripts.program(str(self.root)))
        environment = {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        subprocess.run(["sh", "-eu", str(script), *arguments], env=environment, cwd=self.root, check=True, timeout=60)
        return calls.read_text().splitlines()

    def asked(self) -> dict[str, str]:
        """Return what was written to the slot."""
        return {path.name: path.read_text() for path in self.slot.iterdir()} if self.slot.is_dir() else {}

    def log(self) -> str:
        return (self.root / "dev/kmsg").read_text()


@pytest.fixture
def initramfs(tmp_path: Path) -> Initramfs:
    return Initramfs(tmp_path)


def test_a_slot_is_brought_up(initramfs: Initramfs) -> None:
    assert initramfs.boot() == ["modprobe -a twostep twostep_remap_1_1_0", f"mount -t configfs configfs {initramfs.root}/sys/kernel/config"]
    assert initramfs.asked() == {
        "family": "remap\n",
        "params": "lower=/dev/disk/by-id/a\\x2db colour=red\n",
        "queue_depth": "64\n",
        "swap": "version=1.1.0 generation=0\n",
    }
    assert initramfs.log() == ""


def test_one_that_serves_is_left_alone(initramfs: Initramfs) -> None:
    initramfs.state("serving")
    assert (initramfs.boot(), initramfs.asked()) == ([], {})


def test_devices_are_waited_for(initramfs: Initramfs) -> None:
    os.unlink(initramfs.root / "dev/disk/by-id/a\\x2db")
    assert (initramfs.boot(), initramfs.asked()) == ([], {})
    initramfs.put("dev/disk/by-id/a\\x2db", "")
    initramfs.boot()
    assert "swap" in initramfs.asked()


@pytest.mark.parametrize("line", ["ro root={disk} quiet", "root=/dev/twostep/root twostep.early=0"])
def test_somebody_who_boots_without_the_slot_can(initramfs: Initramfs, line: str) -> None:
    disk = "/dev/disk/by-id/a\\x2db"
    initramfs.put("dev/vda", "")
    os.unlink(initramfs.root / disk[1:])
    os.symlink("../../vda", initramfs.root / disk[1:])
    for name in (disk, "/dev/vda"):
        initramfs.put("proc/cmdline", line.format(disk=name) + "\n")
        assert (initramfs.boot(), initramfs.asked()) == ([], {})
    initramfs.put("proc/cmdline", "root=/dev/twostep/root\n")
    initramfs.boot()
    assert "swap" in initramfs.asked()


def test_what_the_kernel_refuses_is_told(initramfs: Initramfs) -> None:
    (initramfs.slot / "swap").mkdir(parents=True)  # takes no text
    assert initramfs.boot() == ["modprobe -a twostep twostep_remap_1_1_0"]
    assert initramfs.log() == "<4>twostep-early: root: adopt answered -6\n"


def test_a_module_that_cannot_be_loaded_is_told(initramfs: Initramfs) -> None:
    initramfs.modprobe_fails = True
    assert len(initramfs.boot()) == 1
    assert (initramfs.asked(), initramfs.log()) == ({}, "<4>twostep-early: root: twostep_remap_1_1_0 cannot be loaded\n")


def test_one_that_fails_keeps_no_other_down(initramfs: Initramfs) -> None:
    (initramfs.root / "sys/kernel/config/twostep/data/swap").mkdir(parents=True)
    data = boot.boot_slot("data", "remap", "", "1.0.0", early=True)
    initramfs.table(early.table([ROOT, data]))
    initramfs.boot()
    assert initramfs.asked()["swap"] == "version=1.1.0 generation=0\n"
    assert initramfs.log().startswith("<4>twostep-early: data: ")


def test_parameters_are_no_patterns(initramfs: Initramfs) -> None:
    initramfs.table(early.table([boot.boot_slot("root", "remap", "a=* $(touch x) `b` 'c\"", "1.1.0", early=True)]))
    initramfs.boot()
    assert initramfs.asked()["params"] == "a=* $(touch x) `b` 'c\"\n"


def test_parameters_are_not_completed_from_the_folder_that_it_runs_in(initramfs: Initramfs) -> None:
    initramfs.put("k=/dev/missing", "")
    initramfs.table(early.table([boot.boot_slot("root", "remap", "*=*/*/*", "1.1.0", early=True)]))
    initramfs.boot()
    assert initramfs.asked()["params"] == "*=*/*/*\n"


def test_asked_for_what_it_needs_it_does_nothing(initramfs: Initramfs) -> None:
    assert (initramfs.boot("prereqs"), initramfs.asked()) == ([], {})


@pytest.mark.parametrize("maker", [early_scripts.INITRAMFS_TOOLS, early_scripts.DRACUT])
def test_the_scripts_have_no_gap_left_and_ask_the_agent(maker: str) -> None:
    files = early_scripts.files(maker, AGENT, "/usr/bin/python3")
    assert all(text.startswith(("#!/bin/sh\n", "#!/bin/bash\n")) and "@" not in text.replace("$@", "") for text in files.values())
    assert any(f"/usr/bin/python3 {AGENT} early" in text for text in files.values())
    assert early_scripts.program() in files.values()


def test_an_agent_that_is_no_plain_path_is_refused() -> None:
    with pytest.raises(TwostepError) as caught:
        early_scripts.files(early_scripts.DRACUT, "/a; rm -r /", "/usr/bin/python3")
    assert caught.value.code == "bad_agent"


def test_an_initramfs_is_named_after_its_table_and_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    named = early_scripts.digest("a")
    assert len(named) == early_scripts.DIGITS
    assert early_scripts.digest("") == ""
    assert early_scripts.digest("b") != named
    monkeypatch.setattr(early_scripts, "program", lambda: "another")
    assert early_scripts.digest("a") != named
