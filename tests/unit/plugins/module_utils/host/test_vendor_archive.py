# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in an archive is refused by test_vendor_source_bad_input.py; here is how it is read."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import vendor_archive

DATA = b"a tar" * 1000


@pytest.mark.parametrize(("name", "suffix"), [("a.tar", ".tar"), ("a.tar.gz", ".tar.gz"), ("a.tgz", ".tgz"), ("v1.tar.xz", ".tar.xz")])
def test_the_suffix_says_how_it_is_packed(name: str, suffix: str) -> None:
    assert vendor_archive.suffix_of(name) == suffix


# Their names, and not what is packed, tell the tests apart: gzip writes down the second in which it packed.
@pytest.mark.parametrize(
    ("packed", "suffix"), [(DATA, ".tar"), (gzip.compress(DATA), ".tgz"), (lzma.compress(DATA), ".tar.xz")], ids=["tar", "gzip", "xz"]
)
def test_each_is_unpacked(packed: bytes, suffix: str) -> None:
    assert vendor_archive.unpacked(packed, suffix) == DATA


def test_padding_behind_the_end_is_none_of_a_second_file() -> None:
    assert vendor_archive.unpacked(gzip.compress(DATA) + bytes(512), ".tar.gz") == DATA


def test_a_dictionary_that_eats_the_memory_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 29, "mode": lzma.MODE_FAST, "nice_len": 32, "mf": lzma.MF_HC3, "depth": 1}]
    small = lzma.compress(DATA, filters=[{**filters[0], "dict_size": 1 << 20}])
    assert vendor_archive.unpacked(small, ".tar.xz") == DATA
    # The dictionary's size stands in one byte of the block header; the checksum behind it is made anew.
    block = bytearray(small[12:24])
    assert block[2] == 0x21
    block[4] = 34  # 512 MiB
    block[8:12] = __import__("zlib").crc32(bytes(block[:8])).to_bytes(4, "little")
    with pytest.raises(TwostepError) as caught:
        vendor_archive.unpacked(small[:12] + bytes(block) + small[24:], ".tar.xz")
    assert caught.value.code == "bad_archive"


def test_a_file_beyond_the_limit_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_archive, "MAX_PACKED", 10)
    (tmp_path / "a.tar").write_bytes(b"x" * 11)
    with pytest.raises(TwostepError) as caught:
        vendor_archive.read(str(tmp_path / "a.tar"))
    assert (caught.value.code, caught.value.message) == ("archive_limits", "The source archive is refused: it is larger than 10 bytes.")


def test_more_than_the_limit_of_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor_archive, "_MAX_UNPACKED", 100)
    for packed, suffix in ((DATA, ".tar"), (gzip.compress(DATA), ".tar.gz"), (lzma.compress(DATA), ".tar.xz")):
        with pytest.raises(TwostepError) as caught:
            vendor_archive.unpacked(packed, suffix)
        assert caught.value.message == "The source archive is refused: it holds more than 100 bytes."


def test_a_digest_is_compared_whatever_its_case() -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    vendor_archive.check_sha256(DATA, vendor_archive.checked_sha256(f" {digest.upper()}\n"))
    with pytest.raises(TwostepError) as caught:
        vendor_archive.check_sha256(DATA + b"x", digest)
    assert caught.value.code == "source_sha256"
    assert caught.value.data["wanted"] == digest
    assert "do not adapt the digest to the file" in caught.value.next_step


def test_a_missing_archive(tmp_path: Path) -> None:
    with pytest.raises(TwostepError) as caught:
        vendor_archive.read(str(tmp_path / "none.tar"))
    assert caught.value.code == "bad_source"
