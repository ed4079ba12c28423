# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the installed file of a module one that the kernel refuses: another build, for another kernel. Prints "changed" if it did."""

import lzma
import platform
import subprocess
import sys
from pathlib import Path

# Where modules carry checksums of symbols, the kernel does not look at the release (kernel/module/version.c, same_magic).
MAGIC = b"vermagic=" + platform.release().encode() + b" SMP "
OTHER = MAGIC.replace(b" SMP ", b" UMP ")
NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"  # before the 20 bytes of a build ID


def made(module: bytes) -> bytes:
    at = module.index(NOTE) + len(NOTE)
    changed = module[:at] + bytes(byte ^ 0xFF for byte in module[at : at + 20]) + module[at + 20 :]
    return changed.replace(MAGIC, OTHER)


path = Path(subprocess.run(["modinfo", "-n", sys.argv[1]], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
packed = path.suffix == ".xz"
before = lzma.decompress(path.read_bytes()) if packed else path.read_bytes()
if MAGIC in before:
    after = made(before)
    path.write_bytes(lzma.compress(after, check=lzma.CHECK_CRC32) if packed else after)
    subprocess.run(["depmod"], check=True)
    print("changed")
