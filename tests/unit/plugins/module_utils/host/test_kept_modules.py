# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of module files: which are made, which count, and how they get back, on a pretended host."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import Part
from ansible_collections.twostep.hotswap.plugins.module_utils.host import kept_modules, whole_file
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import (
    LOWER,
    UPPER,
    ReloadDouble,
    identity,
    image,
    note,
    packed,
)

SUFFIXES = [".ko", ".ko.xz", ".ko.gz"]


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    for name in (LOWER, UPPER):
        fake.install_file(name, "1.0")
        fake.load_module(name, "1.0")
    return fake


def keep(fake: ReloadDouble, name: str = LOWER) -> str:
    return kept_modules.keep(fake.paths, fake.run, RELEASE, fake.look(name))


def find(fake: ReloadDouble, name: str = LOWER) -> str | None:
    return kept_modules.find(fake.paths, fake.run, RELEASE, fake.look(name))


def refused(act, *arguments: object) -> TwostepError:
    with pytest.raises(TwostepError) as caught:
        act(*arguments)
    return caught.value


def copies(fake: ReloadDouble) -> list[str]:
    return sorted(str(path.relative_to(fake.paths.kept)) for path in Path(fake.paths.kept).rglob("*") if path.is_file())


def part(fake: ReloadDouble, kept: str, name: str = LOWER) -> Part:
    found = fake.look(name)
    return Part(name, identity("1.0"), found.file, found.path or "", kept)


def put_back(fake: ReloadDouble, wanted: Part) -> None:
    kept_modules.put_back(fake.paths, fake.run, RELEASE, wanted)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_fake_parent_a_copy_is_the_file_itself(fake_parent: ReloadDouble, suffix: str) -> None:
    path = fake_parent.install_file(LOWER, "1.0", suffix)
    assert find(fake_parent) is None
    copy = keep(fake_parent)
    assert copy == f"{fake_parent.paths.kept}/{RELEASE}/lower-{identity('1.0').build_id}/lower{suffix}"
    assert Path(copy).read_bytes() == path.read_bytes()
    assert [place.stat().st_mode & 0o777 for place in (Path(copy), Path(copy).parent)] == [0o600, 0o700]
    assert find(fake_parent) == copy


def test_fake_parent_a_copy_outlives_the_installed_file(fake_parent: ReloadDouble) -> None:
    copy = keep(fake_parent)
    fake_parent.install_file(LOWER, "2.0")
    assert (find(fake_parent), keep(fake_parent)) == (copy, copy)


def test_fake_parent_a_copy_is_made_once(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(fake_parent)
    monkeypatch.setattr(whole_file, "write_bytes", lambda *_arguments: pytest.fail("written"))
    keep(fake_parent)


def test_fake_parent_of_each_module_one_copy_stays(fake_parent: ReloadDouble) -> None:
    for name in ("a", "a_b"):
        fake_parent.install_file(name, "1.0")
        fake_parent.load_module(name, "1.0")
        keep(fake_parent, name)
    other = Path(fake_parent.paths.kept) / "6.2.0" / "a-00"
    other.mkdir(parents=True)
    (other / "a.ko").write_bytes(b"of another kernel")
    fake_parent.install_file("a", "2.0")
    fake_parent.load_module("a", "2.0")
    keep(fake_parent, "a")
    marks = {version: identity(version).build_id for version in ("1.0", "2.0")}
    others = ["6.2.0/a-00/a.ko"]
    assert copies(fake_parent) == [f"{RELEASE}/a-{marks['2.0']}/a.ko", f"{RELEASE}/a_b-{marks['1.0']}/a_b.ko", *others]
    fake_parent.install_file("a_b", "2.0")
    fake_parent.load_module("a_b", "2.0")
    keep(fake_parent, "a_b")
    assert copies(fake_parent) == [f"{RELEASE}/a-{marks['2.0']}/a.ko", f"{RELEASE}/a_b-{marks['2.0']}/a_b.ko", *others]


def test_fake_parent_the_old_copy_goes_only_once_the_new_one_is_there(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(fake_parent)
    before = copies(fake_parent)
    fake_parent.install_file(LOWER, "2.0")
    fake_parent.load_module(LOWER, "2.0")

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole_file.os, "replace", full)
    error = refused(keep, fake_parent)
    path = f"{fake_parent.paths.kept}/{RELEASE}/lower-{identity('2.0').build_id}/lower.ko"
    assert (error.code, error.message) == ("write_failed", f"{path} cannot be written: No space left on device.")
    assert copies(fake_parent) == before


@pytest.mark.parametrize("damage", [b"", b"\x7fELF", image(LOWER, "2.0")])
def test_fake_parent_a_copy_that_is_damaged_does_not_count_and_is_made_anew(fake_parent: ReloadDouble, damage: bytes) -> None:
    copy = keep(fake_parent)
    Path(copy).write_bytes(damage)
    assert find(fake_parent) is None
    assert keep(fake_parent) == copy
    assert Path(copy).read_bytes() == image(LOWER, "1.0")
    Path(copy).write_bytes(damage)
    fake_parent.install_file(LOWER, "2.0")
    assert refused(keep, fake_parent).code == "no_way_back"


def test_fake_parent_what_a_killed_call_has_left_does_not_count(fake_parent: ReloadDouble) -> None:
    folder = Path(keep(fake_parent)).parent
    (folder / "lower.ko").rename(folder / ".twostep-abc")
    assert find(fake_parent) is None
    (folder / ".twostep-abc").rename(folder / "lower.ko.bak")
    assert find(fake_parent) is None


def test_fake_parent_another_installed_file_is_no_copy(fake_parent: ReloadDouble) -> None:
    fake_parent.install_file(LOWER, "2.0")
    error = refused(keep, fake_parent)
    assert (error.code, error.data) == ("no_way_back", {"module": "lower"})
    assert error.message == f"No file of the lower that is loaded, {identity('1.0')}, is kept or installed: it could not be brought back."
    assert error.next_step == "Keep it (state: kept) before another version is installed; or consent with one_way."
    assert not os.path.exists(fake_parent.paths.kept)
    fake_parent.root.joinpath(fake_parent.look(LOWER).path.lstrip("/")).unlink()  # type: ignore[union-attr]
    assert refused(keep, fake_parent).code == "no_way_back"


def test_fake_parent_a_file_that_is_replaced_meanwhile_is_seen(fake_parent: ReloadDouble) -> None:
    found = fake_parent.look(LOWER)
    fake_parent.install_file(LOWER, "2.0")
    error = refused(kept_modules.keep, fake_parent.paths, fake_parent.run, RELEASE, found)
    copy = f"{fake_parent.paths.kept}/{RELEASE}/lower-{identity('1.0').build_id}/lower.ko"
    assert (error.code, error.message, error.next_step) == (
        "not_proven",
        f"The copy {copy} does not read back.",
        "Look at the filesystem of the host.",
    )
    assert find(fake_parent) is None


def test_fake_parent_without_marks_there_is_no_copy(fake_parent: ReloadDouble) -> None:
    found = replace(fake_parent.look(LOWER), loaded=Identity(version="1.0"))
    assert kept_modules.find(fake_parent.paths, fake_parent.run, RELEASE, found) is None
    assert refused(kept_modules.keep, fake_parent.paths, fake_parent.run, RELEASE, found).code == "no_way_back"


def test_fake_parent_marks_of_any_length_name_a_folder(fake_parent: ReloadDouble) -> None:
    mark = "ab" * 64
    (fake_parent.root / "sys/module/lower/notes/.note.gnu.build-id").write_bytes(note(mark))
    found = replace(fake_parent.look(LOWER), file=Identity(mark))
    assert kept_modules.find(fake_parent.paths, fake_parent.run, RELEASE, found) is None
    assert refused(kept_modules.keep, fake_parent.paths, fake_parent.run, RELEASE, found).code == "not_proven"  # the file has another one


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("other", SUFFIXES)
def test_fake_parent_a_copy_gets_back_as_the_file_that_it_replaces(fake_parent: ReloadDouble, suffix: str, other: str) -> None:
    original = fake_parent.install_file(LOWER, "1.0", suffix).read_bytes()
    copy = keep(fake_parent)
    path = fake_parent.install_file(LOWER, "2.0", other)
    put_back(fake_parent, part(fake_parent, copy))
    assert fake_parent.installed(LOWER) == ["1.0"]
    plain = {".ko": bytes, ".ko.xz": lzma.decompress, ".ko.gz": gzip.decompress}[other](path.read_bytes())
    assert (plain, path.stat().st_mode & 0o777) == (image(LOWER, "1.0"), 0o644)
    if suffix == other:
        assert path.read_bytes() == original
    assert fake_parent.calls[-1] == ["depmod", RELEASE]
    put_back(fake_parent, part(fake_parent, copy))  # it can be repeated
    assert fake_parent.installed(LOWER) == ["1.0"]


def test_fake_parent_what_is_compressed_the_kernel_can_read(fake_parent: ReloadDouble) -> None:
    copy = keep(fake_parent)
    path = fake_parent.install_file(LOWER, "2.0", ".ko.xz")
    put_back(fake_parent, part(fake_parent, copy))
    data = path.read_bytes()
    assert (data[:6], data[7]) == (b"\xfd7zXZ\0", 1)  # CRC32: the kernel knows no other check
    path = fake_parent.install_file(LOWER, "2.0", ".ko.gz")
    put_back(fake_parent, part(fake_parent, copy))
    assert path.read_bytes()[4:8] == bytes(4)  # the same whenever it is made


@pytest.mark.parametrize(("suffix", "other"), [(".ko.zst", ".ko"), (".ko", ".ko.zst"), (".ko.xz", ".ko.zst")])
def test_fake_parent_zstd_is_told(fake_parent: ReloadDouble, suffix: str, other: str) -> None:
    copy = Path(fake_parent.paths.kept) / RELEASE / f"lower{suffix}"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(packed(image(LOWER, "1.0"), suffix))
    path = f"/lib/modules/{RELEASE}/updates/dkms/lower{other}"
    error = refused(put_back, fake_parent, Part(LOWER, identity("1.0"), identity("2.0"), path, str(copy)))
    assert (error.code, error.message, error.next_step) == (
        "not_put_back",
        f"{copy} cannot be put back to {path}: Python's standard library has no zstd.",
        f"Put it back by hand: compress it as {other}, and run depmod.",
    )


def test_fake_parent_zstd_gets_back_as_it_is(fake_parent: ReloadDouble) -> None:
    path = fake_parent.install_file(LOWER, "1.0", ".ko.zst")
    told = {"text": "version: 1.0\0srcversion: SRC1.0\0vermagic: x\0"}

    def run(argv: list[str], **options: object) -> Result:
        return Result(0, told["text"], "") if argv[:2] == ["modinfo", "-0"] else fake_parent.run(argv)

    found = replace(fake_parent.look(LOWER), file=Identity("", "SRC1.0", "1.0"), path=f"/lib/modules/{RELEASE}/updates/dkms/lower.ko.zst")
    copy = kept_modules.keep(fake_parent.paths, run, RELEASE, found)
    path.write_bytes(b"another")
    kept_modules.put_back(fake_parent.paths, run, RELEASE, replace(part(fake_parent, copy), path=found.path or ""))
    assert path.read_bytes() == b"(\xb5/\xfd"


def test_fake_parent_without_a_copy_nothing_is_put_back(fake_parent: ReloadDouble) -> None:
    path = fake_parent.install_file(LOWER, "2.0")
    error = refused(put_back, fake_parent, part(fake_parent, ""))
    assert (error.code, path.read_bytes()) == ("no_way_back", image(LOWER, "2.0"))
    assert f"No file of the lower that is loaded, {identity('1.0')}, is kept" in error.message


def test_fake_parent_after_a_boot_of_another_kernel_neither_gets_its_copy(fake_parent: ReloadDouble) -> None:
    copy = keep(fake_parent)
    path = fake_parent.install_file(LOWER, "2.0")
    fake_parent.calls.clear()
    error = refused(kept_modules.put_back, fake_parent.paths, fake_parent.run, "6.2.0", part(fake_parent, copy))
    assert (error.code, error.message, error.next_step) == (
        "other_kernel",
        f"The copy {copy} is not of kernel 6.2.0, which runs: it was rebooted in between.",
        "Install lower for kernel 6.2.0, or boot the other one; then run again.",
    )
    assert (path.read_bytes(), fake_parent.calls) == (image(LOWER, "2.0"), [])


def test_fake_parent_a_copy_that_is_gone_changes_nothing(fake_parent: ReloadDouble) -> None:
    copy = keep(fake_parent)
    path = fake_parent.install_file(LOWER, "2.0")
    os.unlink(copy)
    assert refused(put_back, fake_parent, part(fake_parent, copy)).code == "no_module_file"
    assert path.read_bytes() == image(LOWER, "2.0")


def test_fake_parent_that_modprobe_would_load_it_is_proven(fake_parent: ReloadDouble) -> None:
    copy = keep(fake_parent)
    fake_parent.install_file(LOWER, "2.0")
    wanted = part(fake_parent, copy)
    fake_parent.depmod_fails = True
    error = refused(put_back, fake_parent, wanted)
    assert (error.code, error.data) == ("not_put_back", {"module": "lower"})
    assert error.message == f"{copy} was put back to {wanted.path}, but modprobe would load {wanted.path}."
    assert error.next_step == "Look for a second file of lower below /lib/modules, and run depmod."
    fake_parent.depmod_fails = False

    def another(argv: list[str], **options: object) -> Result:
        return Result(1, "", "") if argv[:2] == ["modinfo", "-k"] else fake_parent.run(argv)

    error = refused(kept_modules.put_back, fake_parent.paths, another, RELEASE, wanted)
    assert error.message.endswith("but modprobe would load nothing.")


def test_fake_parent_a_full_disk_leaves_the_file_that_was_there(fake_parent: ReloadDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = keep(fake_parent)
    path = fake_parent.install_file(LOWER, "2.0")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(whole_file.os, "fsync", full)
    assert refused(put_back, fake_parent, part(fake_parent, copy)).code == "write_failed"
    assert (path.read_bytes(), sorted(os.listdir(path.parent))) == (
        image(LOWER, "2.0"),
        ["lower.ko", "twostep.ko", "twostep_remap_1_0_0.ko", "upper.ko"],
    )
