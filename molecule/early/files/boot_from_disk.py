# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots the kernel and the initramfs that lie on this node's disk, as a boot loader would; the lab's own reset takes those of the image.

``boot_from_disk.py ROOT`` stops nothing and unmounts nothing: what is synced is what the next boot finds. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys

KEXEC_FILE_LOAD = 320  # its number on x86-64
REBOOT = (0xFEE1DEAD, 672274793, 0x45584543)  # both magic numbers, and LINUX_REBOOT_CMD_KEXEC; linux/reboot.h
REBOOT_NUMBER = 169


def call(libc: ctypes.CDLL, number: int, *arguments: object) -> None:
    if libc.syscall(number, *arguments) != 0:
        problem = ctypes.get_errno()
        raise OSError(problem, f"system call {number}: {os.strerror(problem)}")


def main(root: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    release = os.uname().release
    with open("/proc/cmdline", encoding="ascii") as stream:
        line = re.sub(r"\broot=\S+", f"root={root}", stream.read().strip()).encode("ascii") + b"\0"
    with open(f"/boot/vmlinuz-{release}", "rb") as kernel, open(f"/boot/initrd.img-{release}", "rb") as initramfs:
        call(libc, KEXEC_FILE_LOAD, kernel.fileno(), initramfs.fileno(), ctypes.c_ulong(len(line)), line, ctypes.c_ulong(0))
    os.sync()
    call(libc, REBOOT_NUMBER, *(ctypes.c_ulong(number) for number in REBOOT), None)


if __name__ == "__main__":
    main(sys.argv[1])
