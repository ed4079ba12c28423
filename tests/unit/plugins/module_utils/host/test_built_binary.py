# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a binary out of DKMS's tree, looking at one that came, and putting it into the tree."""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary as core
from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.built_binary import Manifest
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import built_binary
from ansible_collections.twostep.hotswap.plugins.module_utils.host.built_binary import Offer, Received
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

K = "6.1.0-56-cloud-amd64"
DIGEST = "ab" * 32
PARENT = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}], publish_symvers=True)
CHILD = dkms_conf.package("acme", "1.0.0", modules=[{"name": "acme", "location": "."}], symvers_from="twostep")
SYMVERS = "0x1\tx\t{}/twostep\tEXPORT_SYMBOL_GPL\t\n"


def module(name: str = "twostep", version: str = "1.0.0", kernel: str = K) -> bytes:
    return module_bytes((("name", name), ("version", version), ("vermagic", f"{kernel} SMP "), ("srcversion", "AB")))


FILES = {"module/twostep.ko.xz": lzma.compress(module()), "Module.symvers": SYMVERS.format("/b").encode()}


def described(files: dict[str, bytes], **changes: object) -> Manifest:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    made = Manifest("twostep", "1.0.0", K, "x86_64", DIGEST, "", "builder1", 12.5, digests)
    return replace(made, **changes)


def offered(folder: Path, files: dict[str, bytes], **changes: object) -> Offer:
    manifest = described(files, **changes)
    data = core.pack(manifest, files)
    (folder / "sent.tar").write_bytes(data)
    return Offer(manifest, str(folder / "sent.tar"), hashlib.sha256(data).hexdigest())


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(str(tmp_path / "root"))
    (Path(found.dkms_tree) / "twostep/1.0.0").mkdir(parents=True)
    return found


def received(offer: Offer, paths: Paths, package: dkms_conf.Package = PARENT) -> Received:
    return built_binary.receive(offer, paths, package, source_digest=DIGEST, arch="x86_64")


def publish(paths: Paths, text: str) -> None:
    tree = Path(paths.dkms_tree) / "twostep"
    (tree / "1.0.0" / K / "x86_64").mkdir(parents=True, exist_ok=True)
    (tree / "1.0.0" / K / "x86_64/Module.symvers").write_text(text)
    if not (tree / f"kernel-{K}-x86_64").is_symlink():
        (tree / f"kernel-{K}-x86_64").symlink_to(f"1.0.0/{K}/x86_64")


def test_what_a_build_is_linked_with(paths: Paths) -> None:
    assert built_binary.linked_with(paths, PARENT, K) == ""
    assert built_binary.linked_with(paths, CHILD, K) == ""
    publish(paths, SYMVERS.format("/a"))
    first = built_binary.linked_with(paths, CHILD, K)
    publish(paths, SYMVERS.format("/b"))
    assert (len(first), built_binary.linked_with(paths, CHILD, K)) == (64, first)
    publish(paths, SYMVERS.format("/b").replace("0x1", "0x2"))
    assert built_binary.linked_with(paths, CHILD, K) not in ("", first)


def test_a_binary_that_fits_is_taken_with_the_facts_of_its_modules(tmp_path: Path, paths: Paths) -> None:
    found = received(offered(tmp_path, FILES), paths)
    assert (found.reason, found.files) == ("", FILES)
    (shown,) = found.modules
    assert (shown.name, shown.version, shown.vermagic, shown.signed) == ("twostep", "1.0.0", f"{K} SMP ", False)
    assert shown.sha256 == hashlib.sha256(FILES["module/twostep.ko.xz"]).hexdigest()


@pytest.mark.parametrize("name", ["module/twostep.ko", "module/twostep.ko.gz"])
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, paths: Paths, name: str) -> None:
    packed = {name: lzma.compress(module()), "Module.symvers": b""}
    assert "is not a kernel module" in received(offered(tmp_path, packed), paths).reason


def test_check_mode_has_the_manifest_alone(paths: Paths) -> None:
    found = received(Offer(described(FILES)), paths)
    assert (found.reason, found.files, [file.name for file in found.modules]) == ("", {}, ["twostep"])
    assert received(Offer(described(FILES, source_digest="cd" * 32)), paths).reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"package": "acme"}, "it is of acme 1.0.0"),
        ({"version": "1.0.1"}, "it is of twostep 1.0.1"),
        ({"arch": "aarch64"}, f"it was built for kernel {K} on aarch64"),
        ({"source_digest": "cd" * 32}, "it was built from another source or with other options"),
        ({"symvers_digest": "cd" * 32}, "it was linked with other symbol versions than this host has"),
    ],
)
def test_a_binary_of_something_else_is_told_and_not_read(tmp_path: Path, paths: Paths, change: dict, reason: str) -> None:
    found = received(offered(tmp_path, FILES, **change), paths)
    assert (found.reason, found.files) == (reason, {})


def changed(name: str, data: bytes | None) -> dict[str, bytes]:
    """Return the files with one of them replaced, however it is packed, or left out."""
    files = {key: value for key, value in FILES.items() if not key.startswith(name)}
    return files if data is None else {**files, name: data}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (changed("module/twostep.ko", None), "it does not hold all that the package yields"),
        (changed("Module.symvers", None), "it does not hold all that the package yields"),
        (changed("module/twostep.ko", b"garbage"), "The file is not a kernel module: it does not begin with an ELF header"),
        (changed("module/twostep.ko", module(version="1.0.1")), "says version '1.0.1', wanted is '1.0.0'"),
        (changed("module/twostep.ko", module(kernel="6.2.0")), "6.2.0"),
        ({**changed("module/twostep.ko", None), "module/twostep.ko.zst": b"x"}, "compressed with zstd, which cannot be looked into here"),
        ({**FILES, "module/more.ko": b"garbage"}, "The file is not a kernel module"),
    ],
)
def test_a_binary_with_other_content_is_told(tmp_path: Path, paths: Paths, files: dict[str, bytes], reason: str) -> None:
    found = received(offered(tmp_path, files), paths)
    assert reason in found.reason
    assert not found.reason.endswith(".")
    assert found.files == {}


def test_a_transfer_that_went_wrong_is_told(tmp_path: Path, paths: Paths) -> None:
    offer = offered(tmp_path, FILES)
    sent = tmp_path / "sent.tar"
    data = sent.read_bytes()
    sent.write_bytes(data[:-1])
    assert received(offer, paths).reason == "it is not the file that the controller has sent"
    sent.write_bytes(data)
    assert received(replace(offer, manifest=described(FILES, build_seconds=1.0)), paths).reason == (
        "it is not the file that the controller has read"
    )
    sent.write_bytes(b"garbage")
    refusal = received(replace(offer, sha256=hashlib.sha256(b"garbage").hexdigest()), paths).reason
    assert refusal.startswith("The built binary is refused: ")
    sent.unlink()
    assert "cannot be read: No such file or directory" in received(offer, paths).reason


def test_symbol_versions_that_cannot_be_read_are_told(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(paths, SYMVERS)
    monkeypatch.setattr(built_binary, "_MOST_SYMVERS", 3)
    offer = offered(tmp_path, {"module/acme.ko": module("acme")}, package="acme")
    assert "is larger than" in received(offer, paths, CHILD).reason


def tree_of(paths: Paths) -> list[str]:
    below = Path(paths.dkms_tree) / "twostep/1.0.0"
    return sorted(str(path.relative_to(below)) for path in below.rglob("*"))


def test_what_is_placed_lies_where_dkms_keeps_its_own(tmp_path: Path, paths: Paths) -> None:
    before = os.umask(0o077)
    try:
        built_binary.place(paths, PARENT, received(offered(tmp_path, FILES), paths))
    finally:
        os.umask(before)
    folder = Path(paths.dkms_tree) / "twostep/1.0.0" / K
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == {
        **{f"x86_64/{name}": data for name, data in FILES.items()},
        "x86_64/log/make.log": b"Built on builder1, and shipped by twostep.hotswap.\n",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")] if path.is_dir()} == {0o755}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o644}
    assert [path.name for path in folder.parent.iterdir()] == [K]


@pytest.mark.parametrize("call", ["fsync", "fchmod", "makedirs", "chmod", "rename"])
@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "write_failed")])
def test_a_failed_write_leaves_nothing(
    tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    found = received(offered(tmp_path, FILES), paths)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(built_binary.os, call, refuse)
    with pytest.raises(TwostepError) as caught:
        built_binary.place(paths, PARENT, found)
    monkeypatch.undo()
    assert caught.value.code == code
    assert tree_of(paths) == []


def test_a_build_that_is_there_is_not_touched(tmp_path: Path, paths: Paths) -> None:
    publish(paths, SYMVERS)
    before = tree_of(paths)
    with pytest.raises(TwostepError) as caught:
        built_binary.place(paths, PARENT, received(offered(tmp_path, FILES), paths))
    assert (caught.value.code, tree_of(paths)) == ("write_failed", before)
    assert (Path(paths.dkms_tree) / f"twostep/1.0.0/{K}/x86_64/Module.symvers").read_text() == SYMVERS


def exported(paths: Paths, folder: Path, package: dkms_conf.Package = PARENT, kernel: str = K) -> dict:
    return built_binary.export(
        paths, package, kernel, str(folder), source_digest=DIGEST, arch="x86_64", built_on="builder1", build_seconds=12.5
    )


def build(paths: Paths, files: dict[str, bytes], package: str = "twostep") -> Path:
    folder = Path(paths.dkms_tree) / package / "1.0.0" / K / "x86_64"
    (folder / "module").mkdir(parents=True)
    (folder / "log").mkdir()
    (folder / "log/make.log").write_text("CC\n")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_what_dkms_has_built_is_exported_and_nothing_else(tmp_path: Path, paths: Paths) -> None:
    build(paths, FILES)
    told = exported(paths, tmp_path)
    data = Path(told["path"]).read_bytes()
    assert told == {
        "kernel": K,
        "arch": "x86_64",
        "path": str(tmp_path / f"twostep_1.0.0_{K}_x86_64.tar"),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert stat.S_IMODE(os.stat(told["path"]).st_mode) == 0o600
    assert core.unpack(data) == (described(FILES), FILES)


def test_the_manifest_names_what_the_build_was_linked_with(tmp_path: Path, paths: Paths) -> None:
    publish(paths, SYMVERS)
    build(paths, {"module/acme.ko": module("acme")}, "acme")
    manifest, files = core.unpack(Path(exported(paths, tmp_path, CHILD)["path"]).read_bytes())
    assert (manifest.symvers_digest, list(files)) == (built_binary.linked_with(paths, CHILD, K), ["module/acme.ko"])


def test_what_was_exported_is_taken_by_another_host(tmp_path: Path, paths: Paths) -> None:
    build(paths, FILES)
    told = exported(paths, tmp_path)
    other = Paths(str(tmp_path / "other"))
    (Path(other.dkms_tree) / "twostep/1.0.0").mkdir(parents=True)
    manifest, _files = core.unpack(Path(told["path"]).read_bytes())
    found = received(Offer(manifest, told["path"], told["sha256"]), other)
    built_binary.place(other, PARENT, found)
    assert (found.reason, tree_of(other)) == ("", tree_of(paths))


@pytest.mark.parametrize("interrupted", ["", "1.0.0", f"1.0.0/{K}", f"1.0.0/{K}/x86_64/log", f"1.0.0/{K}/x86_64/module"])
def test_what_is_not_built_is_not_exported(tmp_path: Path, paths: Paths, interrupted: str) -> None:
    (Path(paths.dkms_tree) / "twostep" / interrupted).mkdir(parents=True, exist_ok=True)
    with pytest.raises(TwostepError) as caught:
        exported(paths, tmp_path)
    assert caught.value.code == "not_built"
    assert not list(tmp_path.glob("*.tar"))


def test_a_file_in_place_of_an_export_is_not_followed(tmp_path: Path, paths: Paths) -> None:
    build(paths, FILES)
    (tmp_path / "victim").write_text("mine")
    (tmp_path / described(FILES).file_name).symlink_to(tmp_path / "victim")
    with pytest.raises(TwostepError) as caught:
        exported(paths, tmp_path)
    assert (caught.value.code, (tmp_path / "victim").read_text()) == ("write_failed", "mine")


def test_a_full_disk_ends_an_export(tmp_path: Path, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    build(paths, FILES)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(built_binary, "open", refuse, raising=False)
    with pytest.raises(TwostepError) as caught:
        exported(paths, tmp_path)
    assert (caught.value.code, str(tmp_path) in caught.value.message) == ("disk_full", True)
