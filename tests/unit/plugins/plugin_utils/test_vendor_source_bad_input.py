# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator or a vendor can hand in and must not get through: one line for each kind, with its message.

All of it ends on the controller, before anything is sent to a host.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import vendor_source
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import END, header, member, tar

PLAIN = 'PACKAGE_NAME="acme"\nPACKAGE_VERSION="1.2.3"\nBUILT_MODULE_NAME[0]="acme"\nDEST_MODULE_LOCATION[0]="/extra"\n'
GOOD = tar(member("acme-1.2.3/dkms.conf", data=PLAIN.encode()), member("acme-1.2.3/Kbuild", data=b"obj-m := acme.o\n"))


def conf(line: str) -> bytes:
    return tar(member("a/dkms.conf", data=(PLAIN + line + "\n").encode()), member("a/Kbuild"))


def read(folder: Path, content: bytes, name: str = "a.tar", sha256: object = None, **options: str) -> None:
    path = folder / name
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
    source = vendor_source.from_archive(
        str(path), [], sha256=digest, signature=options.get("signature", ""), public_key=options.get("public_key", "")
    )
    vendor_source.read_conf(source, options.get("package", "acme"), options.get("version", "1.2.3"))


def test_the_good_one_passes(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    read(tmp_path, gzip.compress(GOOD), "a.tar.gz")
    read(tmp_path, lzma.compress(GOOD), "a.tar.xz")


LINK, HARD, FIFO, CHAR, BLOCK = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE
TAR = "a.tar"
REFUSED: list[tuple[str, bytes, str, str, str]] = [
    # what, content, file name, code, a part of the message
    ("symbolic link", tar(member("x", LINK)), TAR, "archive_link", "'x' is a symbolic link."),
    ("hard link", tar(member("d/x", HARD)), TAR, "archive_link", "'d/x' is a hard link."),
    ("character device", tar(member("x", CHAR)), TAR, "archive_special", "'x' is a character device."),
    ("block device", tar(member("x", BLOCK)), TAR, "archive_special", "'x' is a block device."),
    ("FIFO", tar(member("x", FIFO)), TAR, "archive_special", "'x' is a FIFO."),
    ("sparse file", header(b"x", b"S") + END, TAR, "archive_sparse", "'x' is a sparse file."),
    ("setuid", tar(member("x", mode=0o4755)), TAR, "archive_mode", "'x' has a setuid, setgid or sticky bit."),
    ("setgid", tar(member("x", mode=0o2755)), TAR, "archive_mode", "'x' has a setuid, setgid or sticky bit."),
    ("sticky", tar(member("x", mode=0o1755)), TAR, "archive_mode", "'x' has a setuid, setgid or sticky bit."),
    ("absolute path", tar(member("/etc/x")), TAR, "archive_name", "'/etc/x' is an absolute path."),
    ("way out", tar(member("../x")), TAR, "archive_name", "'../x' leads out of its folder."),
    ("way out, deeper", tar(member("a/b/../../../x")), TAR, "archive_name", "leads out of its folder."),
    ("name twice", tar(member("x"), member("x")), TAR, "archive_doubled", "'x' is there twice."),
    ("file as folder", tar(member("x"), member("x/y")), TAR, "archive_doubled", "'x/y' lies below a file."),
    ("look-alike", tar(member("\u0430cme.c")), TAR, "archive_name", "has a name that is not ASCII."),
    ("newline in a name", tar(member("a\nb")), TAR, "archive_name", "has a name that is not allowed."),
    ("option as a name", tar(member("-rf")), TAR, "archive_name", "'-rf' has a name that is not allowed."),
    ("too many files", tar(*(member(f"f{n}") for n in range(20_001))), TAR, "archive_limits", "more than 20000 files"),
    ("size beyond all", header(b"x", size=b"\x80" + bytes(10) + b"\x01") + END, TAR, "archive_limits", "beyond 8 GiB"),
    ("bomb, gzip", gzip.compress(bytes(20_000_000)), "a.tar.gz", "archive_limits", "unpacks to more than 200 times its size."),
    ("bomb, xz", lzma.compress(bytes(20_000_000)), "a.tar.xz", "archive_limits", "unpacks to more than 200 times its size."),
    ("empty", END, TAR, "archive_empty", "it holds no file."),
    ("no tar", b"x" * 2000, TAR, "bad_archive", "has a damaged checksum."),
    ("cut off", gzip.compress(GOOD)[:-9], "a.tar.gz", "bad_archive", "it is truncated."),
    ("no gzip", GOOD, "a.tar.gz", "bad_archive", "it cannot be decompressed."),
    ("no xz", GOOD, "a.tar.xz", "bad_archive", "it cannot be decompressed."),
    ("something behind gzip", gzip.compress(GOOD) + b"more", "a.tar.gz", "bad_archive", "something follows its end."),
    ("two gzips", gzip.compress(GOOD) + gzip.compress(GOOD), "a.tar.gz", "bad_archive", "something follows its end."),
    ("something behind tar", GOOD + b"more", TAR, "bad_archive", "something follows its end."),
    ("zip file", b"PK\x03\x04", "a.zip", "bad_source", "neither a folder nor an archive that is known here."),
    ("hook", conf("POST_BUILD=evil.sh"), TAR, "vendor_conf_executable", "line 5 has the hook POST_BUILD, which root would execute."),
    ("substitution", conf('MAKE[0]="make X=$(touch /pwned)"'), TAR, "vendor_conf_executable", "line 5 has a command substitution"),
    ("backticks", conf("CLEAN=`touch /pwned`"), TAR, "vendor_conf_executable", "line 5 has a command substitution"),
    ("plain command", conf("touch /pwned"), TAR, "vendor_conf_executable", "line 5 has something that is no assignment"),
    ("second command", conf("CLEAN=make; touch /pwned"), TAR, "vendor_conf_executable", "line 5 has a second command (;)"),
    ("function", conf("make() { touch /pwned; }"), TAR, "vendor_conf_executable", "line 5 has something that is no assignment"),
    ("patch", conf("PATCH[0]=x"), TAR, "vendor_conf_executable", "line 5 has PATCH"),
    ("way out of the build", conf("BUILT_MODULE_LOCATION[0]=../../etc"), TAR, "bad_location", "line 5: location '../../etc'"),
    ("endless pattern", conf('BUILD_EXCLUSIVE_KERNEL="' + "(a*)*" * 99 + '"'), TAR, "bad_pattern", "longer than 256 characters"),
    (
        "binary conf",
        tar(member("dkms.conf", data=b"\xff\xfe\0")),
        TAR,
        "bad_vendor_conf",
        "line 1 has a character that is not printable ASCII",
    ),
    ("large conf", tar(member("dkms.conf", data=b"#" * 70_000)), TAR, "bad_vendor_conf", "more than 65536 bytes"),
    ("empty conf", tar(member("dkms.conf"), member("x")), TAR, "bad_vendor_conf", "name no package and version"),
]


@pytest.mark.parametrize(("content", "name", "code", "message"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_what_is_in_an_archive(tmp_path: Path, content: bytes, name: str, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        read(tmp_path, content, name)
    assert caught.value.code == code
    assert message in caught.value.message
    assert caught.value.next_step.endswith(".")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"sha256": ""}, "unverified_source", "Nothing says that a.tar is what the vendor published."),
        ({"sha256": "0" * 64}, "source_sha256", f"wanted is {'0' * 64}."),
        ({"sha256": "abc"}, "bad_sha256", "src_sha256 'abc' is no SHA-256."),
        ({"sha256": "g" * 64}, "bad_sha256", "is no SHA-256."),
        ({"sha256": 1234}, "bad_sha256", "src_sha256 '1234' is no SHA-256."),
        ({"signature": "/nowhere/s"}, "unverified_source", "signature and public_key belong together."),
        ({"public_key": "/nowhere/k"}, "unverified_source", "signature and public_key belong together."),
        ({"signature": "/nowhere/s", "public_key": "/nowhere/k"}, "no_signature", "signature /nowhere/s cannot be read"),
        ({"signature": "/dev/zero", "public_key": "/nowhere/k"}, "bad_signature", "signature /dev/zero is larger than 16384 bytes."),
        ({"version": "1.2.4"}, "other_package", "is for acme 1.2.3, wanted is acme 1.2.4."),
        ({"package": "evil"}, "other_package", "is for acme 1.2.3, wanted is evil 1.2.3."),
    ],
)
def test_what_is_said_about_an_archive(tmp_path: Path, options: dict, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        read(tmp_path, GOOD, **options)
    assert caught.value.code == code
    assert message in caught.value.message


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    import os  # noqa: PLC0415  # for this one node

    os.mkfifo(str(tmp_path / "a.tar"))
    with pytest.raises(TwostepError) as caught:
        vendor_source.from_archive(str(tmp_path / "a.tar"), [], sha256="0" * 64, signature="", public_key="")
    assert caught.value.code == "bad_source"
    assert "is not a plain file." in caught.value.message


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_one_flipped_byte_is_seen(at: int, difference: int) -> None:
    damaged = bytearray(GOOD)
    damaged[at] ^= difference
    with pytest.raises(TwostepError) as caught:
        vendor_source.vendor_archive.check_sha256(bytes(damaged), hashlib.sha256(GOOD).hexdigest())
    assert caught.value.code == "source_sha256"
