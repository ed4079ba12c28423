# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what a vendor would publish, and what an attacker would: make_archives.py KMOD FOLDER."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

CONF = r"""# remap, as a vendor would ship it
PACKAGE_NAME="twostep-remap"
PACKAGE_VERSION="1.1.0"
BUILT_MODULE_NAME[0]="twostep_remap_1_1_0"
BUILT_MODULE_LOCATION[0]="remap/"
DEST_MODULE_LOCATION[0]="/updates/dkms"
MAKE[0]="make -C ${kernel_source_dir} M=${dkms_tree}/${PACKAGE_NAME}/${PACKAGE_VERSION}/build/remap RELEASE=${PACKAGE_VERSION} modules"
CLEAN="make -C ${kernel_source_dir} M=${dkms_tree}/${PACKAGE_NAME}/${PACKAGE_VERSION}/build/remap clean"
BUILD_DEPENDS[0]="twostep"
BUILD_EXCLUSIVE_KERNEL="^6\.[0-9]+\."
AUTOINSTALL="yes"
"""
HOSTILE = {
    "hook": CONF + 'POST_ADD="touch /pwned"\n',
    "substitution": CONF + 'CLEAN_NOTE="$(touch /pwned)"\n',
    "quoted": CONF + "CLEAN_NOTE='`touch /pwned`'\n",
    "command": CONF + "touch /pwned\n",
}


def write(path: Path, kmod: Path, conf: str, link: bool = False) -> None:
    """Write an archive with the sources of remap, a conf, and if asked for a link out of it."""
    with tarfile.open(path, "w:xz") as archive:
        for folder in ("remap", "include", "compat"):
            for file in sorted((kmod / folder).rglob("*")):
                if file.is_file():
                    archive.add(file, f"twostep-remap-1.1.0/{file.relative_to(kmod)}")
        member = tarfile.TarInfo("twostep-remap-1.1.0/dkms.conf")
        member.size = len(conf.encode())
        archive.addfile(member, io.BytesIO(conf.encode()))
        if link:
            member = tarfile.TarInfo("twostep-remap-1.1.0/remap/evil.c")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/shadow"
            archive.addfile(member)


def main(kmod: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    write(folder / "plain.tar.xz", kmod, CONF)
    write(folder / "link.tar.xz", kmod, CONF, link=True)
    for name, conf in HOSTILE.items():
        write(folder / f"{name}.tar.xz", kmod, conf)
    flipped = bytearray((folder / "plain.tar.xz").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    digests = {path.name.split(".")[0]: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.tar.xz")}
    (folder / "flipped.tar.xz").write_bytes(flipped)
    # What the vendor published is the digest of the whole one.
    digests["flipped"] = digests["plain"]
    (folder / "digests.json").write_text(json.dumps(digests))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
