# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accelerator? KVM only if a guest kernel really starts under it: /dev/kvm may exist and not work."""

from __future__ import annotations

import os
import pathlib
import select
import subprocess
import time

from . import image, paths

PROBE_S = 10.0
FIRST_LINE = b"Linux version"
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off", "-cpu", "max"]
# The plainest processor: a third less work for a boot than "max", whose vector registers an emulator has to copy at each switch.
TCG = ["-accel", "tcg,thread=multi", "-cpu", "qemu64"]
KVM = ["-accel", "kvm", "-cpu", "host"]


def arguments(built: image.Image, icount: bool = False) -> list[str]:
    """Return the QEMU arguments for the accelerator; KVM is probed once per boot of this machine."""
    if icount:
        return ICOUNT
    return KVM if _kvm_works(built) else TCG


def _kvm_works(built: image.Image) -> bool:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    answer = paths.cache() / f"kvm-{boot}"
    with paths.locked(paths.cache() / "kvm"):
        if not answer.exists():
            for old in paths.cache().glob("kvm-*"):  # of earlier boots
                old.unlink()
            paths.say(f"probing KVM, at most {PROBE_S:.0f} s")
            works = _probe(built)
            paths.say("KVM works" if works else "a guest does not start under KVM, using emulation")
            answer.write_text("yes" if works else "no", encoding="ascii")
        return answer.read_text(encoding="ascii") == "yes"


def _probe(built: image.Image) -> bool:
    """Return whether a guest kernel prints its first line in time."""
    argv = ["qemu-system-x86_64", *KVM, "-m", "512", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
            "-kernel", str(built.vmlinuz), "-append", "console=ttyS0 earlyprintk=ttyS0"]  # fmt: skip
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None  # noqa: S101
    seen = b""
    end = time.monotonic() + PROBE_S
    try:
        while FIRST_LINE not in seen:
            ready = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))[0]
            chunk = os.read(process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                return False
            seen += chunk
        return True
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
