# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accelerator? KVM only if a guest kernel really starts under it: /dev/kvm may exist and not work."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
import time

from . import image, paths

PROBE_S = 10.0


def arguments(built: image.Image) -> list[str]:
    """Return the QEMU arguments for the accelerator, probed once per boot of this machine."""
    if _kvm_works(built):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def _kvm_works(built: image.Image) -> bool:
    if not pathlib.Path("/dev/kvm").exists():
        return False
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    answer = paths.cache() / f"kvm-{boot}"
    with paths.locked(answer):
        if not answer.exists():
            works = _probe(built)
            print(f"lab: probed KVM: {'works' if works else 'a guest does not start, using TCG'}", flush=True)
            answer.write_text("yes" if works else "no", encoding="ascii")
        return answer.read_text(encoding="ascii") == "yes"


def _probe(built: image.Image) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        console = pathlib.Path(folder) / "console"
        process = subprocess.Popen(
            [
                "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "512", "-nodefaults", "-display", "none",
                "-serial", f"file:{console}", "-kernel", str(built.vmlinuz), "-append", "console=ttyS0 earlyprintk=ttyS0",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            end = time.monotonic() + PROBE_S
            while time.monotonic() < end and process.poll() is None:
                if console.exists() and b"Linux version" in console.read_bytes():
                    return True
                time.sleep(0.2)  # a file that another process writes
            return False
        finally:
            process.kill()
            process.wait()
