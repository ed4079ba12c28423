# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the installed file of a module one that the kernel refuses when it is loaded: another build, made against other symbols.

Prints "changed" if it did.
"""

import lzma
import subprocess
import sys
from pathlib import Path

NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"  # before the 20 bytes of a build ID
LAYOUT = b"module_layout\0"  # after the 8 bytes of its checksum, in section __versions
OTHER = bytes(8)


def made(module: bytes) -> bytes:
    identity, checksum = module.index(NOTE) + len(NOTE), module.index(LAYOUT) - 8
    changed = bytearray(module)
    changed[identity : identity + 20] = bytes(byte ^ 0xFF for byte in module[identity : identity + 20])
    changed[checksum : checksum + 8] = OTHER
    return bytes(changed)


path = Path(subprocess.run(["modinfo", "-n", sys.argv[1]], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())
packed = path.suffix == ".xz"
before = lzma.decompress(path.read_bytes()) if packed else path.read_bytes()
if OTHER + LAYOUT not in before:
    after = made(before)
    path.write_bytes(lzma.compress(after, check=lzma.CHECK_CRC32) if packed else after)
    subprocess.run(["depmod"], check=True)
    print("changed")
