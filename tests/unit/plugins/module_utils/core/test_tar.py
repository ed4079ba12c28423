# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import tar
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import tar_sample as sample
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import END, header, member

LONG = "a" * 90 + "/" + "b" * 90


def names(data: bytes) -> list[str]:
    return [entry.name.decode() for entry in tar.entries(data, 100)]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tar_writes_is_read(form: int) -> None:
    made = sample.tar(
        member("d", tarfile.DIRTYPE, mode=0o755), member("d/x.c", data=b"int x;\n"), member(LONG, data=b"y" * 1000), form=form
    )
    found = tar.entries(made, 100)
    assert [(entry.name.rstrip(b"/").decode(), len(entry.data), entry.is_folder) for entry in found] == [
        ("d", 0, True),
        ("d/x.c", 7, False),
        (LONG, 1000, False),
    ]
    assert found[1].data == b"int x;\n"


def test_a_name_beyond_a_header_in_gnus_and_in_the_new_form() -> None:
    longest = "c" * 300
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert names(sample.tar(member(longest), form=form)) == [longest]


def test_git_archive_puts_a_comment_before_everything() -> None:
    record = b"52 comment=" + b"a" * 40 + b"\n"
    body = record + bytes(512 - len(record))
    data = header(b"pax_global_header", b"g", b"%011o\0" % len(record)) + body + header(b"x.c") + END
    assert names(data) == ["x.c"]


def pax(record: bytes, kind: bytes = b"x") -> bytes:
    return header(b"p", kind, b"%011o\0" % len(record)) + record + bytes(-len(record) % 512) + header(b"x.c") + END


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", "bad_archive", "it is truncated, or this is no tar archive"),
        (b"x" * 1024, "bad_archive", "has a damaged checksum"),
        (header(b"x.c"), "bad_archive", "it is truncated, or this is no tar archive"),
        (header(b"x.c")[:-10] + b"y" * 10 + END, "bad_archive", "a header has a wrong checksum, or this is no tar archive"),
        (header(b"x.c", size=b"00000000017\0") + END[:10], "bad_archive", "'x.c' is truncated"),
        (header(b"x.c", size=b"\x80" + bytes(10) + b"\1") + END, "archive_limits", "'x.c' has a size beyond 8 GiB or below 0"),
        (header(b"x.c", size=b"0000000001z\0") + END, "bad_archive", "'x.c' has a damaged size"),
        (header(b"x.c", b"1") + END, "archive_link", "'x.c' is a hard link"),
        (header(b"x.c", b"2") + END, "archive_link", "'x.c' is a symbolic link"),
        (header(b"x.c", b"K") + END, "archive_link", "'x.c' is a link"),
        (header(b"x.c", b"3") + END, "archive_special", "'x.c' is a character device"),
        (header(b"x.c", b"4") + END, "archive_special", "'x.c' is a block device"),
        (header(b"x.c", b"6") + END, "archive_special", "'x.c' is a FIFO"),
        (header(b"x.c", b"7") + END, "archive_special", "'x.c' is a contiguous file"),
        (header(b"x.c", b"S") + END, "archive_sparse", "'x.c' is a sparse file"),
        (header(b"x.c", b"V") + END, "archive_special", "'x.c' is of the unknown kind 'V'"),
        (header(b"x.c", mode=b"0004755\0") + END, "archive_mode", "'x.c' has a setuid, setgid or sticky bit"),
        (header(b"x.c", mode=b"0002755\0") + END, "archive_mode", "'x.c' has a setuid, setgid or sticky bit"),
        (header(b"d/", b"5", mode=b"0001777\0") + END, "archive_mode", "'d/' has a setuid, setgid or sticky bit"),
        (header(b"d/", b"5", b"00000000001\0") + bytes(512) + END, "bad_archive", "'d/' is a folder with content"),
        (header(b"d/", b"0", b"00000000001\0") + bytes(512) + END, "bad_archive", "'d/' is a folder with content"),
        (header(b"x.c") + END + b"more", "bad_archive", "something follows its end"),
        (header(b"a") * 101 + END, "archive_limits", "it holds more than 100 files and folders"),
        (header(b"p", b"x", b"00000300001\0") + bytes(0o300001) + END * 2, "archive_limits", "an extended header is too long"),
        (header(b"p", b"L", b"00000000003\0") + b"abc" + bytes(509) + END, "bad_archive", "'abc' a name has no member"),
        (pax(b"garbage"), "bad_archive", "an extended header is damaged"),
        (pax(b"99 path=x\n"), "bad_archive", "an extended header is damaged"),
        (pax(b"22 GNU.sparse.major=1\n"), "archive_sparse", "holds a sparse file"),
        (pax(b"18 linkpath=/etc/x\n"[:-1] + b"\n"), "bad_archive", "an extended header is damaged"),
        (pax(b"19 linkpath=/etc/x\n"), "bad_archive", "an extended header sets linkpath"),
        (pax(b"9 size=1\n"), "bad_archive", "an extended header sets size"),
        (pax(b"12 path=../x\n"[:-1] + b"\n", b"g"), "bad_archive", "an extended header is damaged"),
        (pax(b"13 path=../x\n", b"g"), "bad_archive", "an extended header sets path"),
    ],
)
def test_what_is_refused(data: bytes, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        tar.entries(data, 100)
    assert (caught.value.code, caught.value.message) == (code, f"The source archive is refused: {message}.")


def test_a_header_of_an_unknown_format() -> None:
    block = bytearray(header(b"x.c"))
    block[257:263] = b"hello!"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(TwostepError) as caught:
        tar.entries(bytes(block) + END, 100)
    assert caught.value.message == "The source archive is refused: its format is not known."


def test_a_name_in_a_message_has_no_control_character() -> None:
    with pytest.raises(TwostepError) as caught:
        tar.entries(header(b"\x1b[31m\nx\xff", b"2") + END, 100)
    assert caught.value.data["member"] == repr("\x1b[31m\nx\\xff")
    assert "\x1b" not in caught.value.message


GOOD = sample.tar(member("d/x.c", data=b"int x;\n"), member("y.c", data=b"y" * 600), form=tarfile.PAX_FORMAT)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(GOOD)))
def test_damage_gives_nothing_but_a_refusal(changes: list[tuple[int, int]], length: int) -> None:
    damaged = bytearray(GOOD)
    for at, value in changes:
        damaged[at] = value
    try:
        found = tar.entries(bytes(damaged[:length]), 100)
    except TwostepError as error:
        assert error.code.startswith(("archive_", "bad_archive"))
        return
    assert all(not entry.mode & 0o7000 for entry in found)


@given(st.binary(max_size=2048))
def test_noise_gives_nothing_but_a_refusal(data: bytes) -> None:
    try:
        tar.entries(data, 100)
    except TwostepError as error:
        assert error.code.startswith(("archive_", "bad_archive"))
