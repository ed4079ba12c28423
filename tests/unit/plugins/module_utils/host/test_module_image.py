# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loader is shown with a pretended C library: what the kernel does with a module is for real ones."""

from __future__ import annotations

import ctypes
import errno
import gzip
import lzma

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import module_image

DATA = b"\x7fELF" + bytes(range(256)) * 20


@pytest.mark.parametrize(("suffix", "pack"), [(".ko", bytes), (".ko.xz", lzma.compress), (".ko.gz", gzip.compress)])
def test_files_are_uncompressed(tmp_path, suffix: str, pack) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(pack(DATA))
    assert module_image.read(str(path)) == DATA


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("m.ko.zst", b"", "zstd_unreadable", "is compressed with zstd, and two_step has to hold it uncompressed in memory."),
        ("m.ko.xz", b"rubbish", "not_a_module", "is not a kernel module: it cannot be decompressed."),
        ("m.ko.xz", lzma.compress(DATA)[:-9], "not_a_module", "is not a kernel module: its compressed data end too early."),
        ("m.ko.gz", b"rubbish", "not_a_module", "is not a kernel module: it cannot be decompressed."),
        ("m.ko", None, "no_module_file", "cannot be read: No such file or directory."),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name: str, content: bytes | None, code: str, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TwostepError) as caught:
        module_image.read(str(path))
    assert caught.value.code == code
    assert caught.value.message.endswith(f"{path} {message}")


def test_a_huge_file_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module_image, "_MAX_BYTES", 1 << 20)
    path = tmp_path / "m.ko"
    path.write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(TwostepError, match="it is larger than 1 MiB") as caught:
        module_image.read(str(path))
    assert caught.value.code == "not_a_module"


class Library:
    """Answers each call with an errno, 0 for success, and keeps the calls."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: list[tuple] = []

    def __getattr__(self, name: str):
        def call(*arguments: object) -> int:
            self.calls.append((name, *[getattr(argument, "value", argument) for argument in arguments]))
            ctypes.set_errno(self.number)
            return -1 if self.number else 0

        return call


def loader(number: int) -> tuple[module_image.Loader, Library]:
    made = module_image.Loader()
    made._libc = Library(number)
    return made, made._libc


def test_calls() -> None:
    made, library = loader(0)
    made.lock_memory()
    made.insert("m", DATA)
    made.remove("m")
    assert library.calls == [("mlockall", 3), ("init_module", DATA, len(DATA), b""), ("delete_module", b"m", 0o4000)]


@pytest.mark.parametrize(("call", "arguments", "number"), [("insert", ("m", DATA), errno.EEXIST), ("remove", ("m",), errno.ENOENT)])
def test_what_is_so_already_is_fine(call: str, arguments: tuple, number: int) -> None:
    getattr(loader(number)[0], call)(*arguments)


@pytest.mark.parametrize(
    ("call", "arguments", "number", "code", "message", "next_step"),
    [
        ("insert", ("m", DATA), errno.ENOEXEC, "load_failed", "The kernel refused module m: Exec format error.",
         "Read the kernel log of the host."),
        ("remove", ("m",), errno.EWOULDBLOCK, "unload_failed", "The kernel keeps module m: Resource temporarily unavailable.",
         "Find out who uses it in /sys/module, and unload it then."),
        ("lock_memory", (), errno.ENOMEM, "no_locked_memory", "The agent cannot lock its memory: Cannot allocate memory.",
         "Raise the limit of locked memory for services, or free memory."),
    ],
)  # fmt: skip
def test_refusals(call: str, arguments: tuple, number: int, code: str, message: str, next_step: str) -> None:
    with pytest.raises(TwostepError) as caught:
        getattr(loader(number)[0], call)(*arguments)
    assert (caught.value.code, caught.value.message, caught.value.next_step) == (code, message, next_step)


def test_the_c_library_has_the_calls() -> None:
    library = module_image.Loader()._libc
    assert all(hasattr(library, name) for name in ("init_module", "delete_module", "mlockall"))
