# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a module: in the kernel, and its installed file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_identity import Identity
from ansible_collections.twostep.hotswap.plugins.module_utils.core.reload import ModuleFacts
from ansible_collections.twostep.hotswap.plugins.module_utils.host import module_state
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.fake_parent import RELEASE, VERMAGIC
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.reload_double import LOWER, UPPER, ReloadDouble, identity


@pytest.fixture
def fake_parent(tmp_path: Path) -> ReloadDouble:
    fake = ReloadDouble(tmp_path)
    fake.vendor(kept=False)
    return fake


def look(fake: ReloadDouble, name: str = LOWER) -> ModuleFacts:
    return module_state.look(fake.paths, fake.run, RELEASE, name)


def answering(fake: ReloadDouble, rc: int, text: str) -> ModuleFacts:
    asked = []

    def run(argv: list[str], **_options: object) -> Result:
        asked.append(argv)
        return Result(rc, text, "")

    found = module_state.look(fake.paths, run, RELEASE, LOWER)
    assert asked == [["modinfo", "-k", RELEASE, "-n", "lower"]]
    return found


def test_fake_parent_a_module_and_its_file(fake_parent: ReloadDouble) -> None:
    path = f"/lib/modules/{RELEASE}/updates/dkms/lower.ko"
    assert look(fake_parent) == ModuleFacts("lower", "live", identity("1.0"), path, identity("2.0"), ("upper",), None, "", VERMAGIC.strip())
    assert look(fake_parent, UPPER).holders == ()


@pytest.mark.parametrize("suffix", [".ko", ".ko.xz", ".ko.gz"])
def test_fake_parent_a_compressed_file_is_the_same_build(fake_parent: ReloadDouble, suffix: str) -> None:
    fake_parent.install_file(LOWER, "3.0", suffix)
    assert look(fake_parent).file == identity("3.0")


def test_fake_parent_of_zstd_only_what_modinfo_tells(fake_parent: ReloadDouble) -> None:
    path = fake_parent.install_file(LOWER, "3.0", ".ko.zst")
    modinfo = "version:        3.0\0srcversion:     SRC3.0\0vermagic:       x\0"

    def run(argv: list[str], **options: object) -> Result:
        return Result(0, modinfo, "") if argv == ["modinfo", "-0", str(path)] else fake_parent.run(argv)

    assert module_state.look(fake_parent.paths, run, RELEASE, LOWER).file == Identity("", "SRC3.0", "3.0")


def test_fake_parent_a_module_that_is_not_loaded(fake_parent: ReloadDouble) -> None:
    fake_parent.unload_module(UPPER)
    found = look(fake_parent, UPPER)
    assert (found.state, found.loaded, found.file, found.holders) == ("absent", Identity(), identity("2.0"), ())


@pytest.mark.parametrize("state", ["live", "coming", "going"])
def test_fake_parent_the_state_is_that_of_the_kernel(fake_parent: ReloadDouble, state: str) -> None:
    fake_parent.put(fake_parent.root / "sys/module/lower/initstate", state)
    assert look(fake_parent).state == state


def test_fake_parent_a_module_that_is_part_of_the_kernel(fake_parent: ReloadDouble) -> None:
    assert answering(fake_parent, 0, "(builtin)\n") == ModuleFacts("lower", "builtin")
    (fake_parent.root / "sys/module/lower/initstate").unlink()
    assert look(fake_parent) == ModuleFacts("lower", "builtin")


@pytest.mark.parametrize(("rc", "text"), [(1, ""), (1, "/lib/modules/x/lower.ko\n"), (0, ""), (0, "lower.ko\n")])
def test_fake_parent_without_a_file(fake_parent: ReloadDouble, rc: int, text: str) -> None:
    found = answering(fake_parent, rc, text)
    assert (found.state, found.path, found.file, found.problem) == ("live", None, Identity(), "")


def test_fake_parent_a_file_that_is_not_there_or_none(fake_parent: ReloadDouble) -> None:
    found = answering(fake_parent, 0, "/lib/x.ko\n")
    assert (found.path, found.file) == ("/lib/x.ko", Identity())
    assert found.problem == f"The module file {fake_parent.root}/lib/x.ko cannot be read: No such file or directory"
    fake_parent.put(fake_parent.root / "lib/x.ko", "text")
    assert answering(fake_parent, 0, "/lib/x.ko\n").problem == (
        f"The file {fake_parent.root}/lib/x.ko is not a kernel module: it does not begin with an ELF header"
    )


@pytest.mark.parametrize("missing", ["srcversion", "version", "notes/.note.gnu.build-id"])
def test_fake_parent_marks_that_the_kernel_does_not_have(fake_parent: ReloadDouble, missing: str) -> None:
    (fake_parent.root / "sys/module/lower" / missing).unlink()
    found, full = vars(module_state.loaded(fake_parent.paths, LOWER)), vars(identity("1.0"))
    key = "build_id" if missing.startswith("notes") else missing
    assert found == {**full, key: ""}


def test_fake_parent_nonsense_in_the_kernels_files_breaks_nothing(fake_parent: ReloadDouble) -> None:
    folder = fake_parent.root / "sys/module/lower"
    for name in ("srcversion", "version", "initstate", "notes/.note.gnu.build-id"):
        (folder / name).write_bytes(b"\xff\xfe" * 5000)
    found = look(fake_parent)
    assert (found.state != "live", found.loaded.build_id, found.loaded.is_same(found.file)) == (True, "", False)


@pytest.mark.parametrize("name", ["../x", "-n", "a/b", ""])
def test_fake_parent_no_other_folder_is_looked_into(fake_parent: ReloadDouble, name: str) -> None:
    for act in (lambda: look(fake_parent, name), lambda: module_state.loaded(fake_parent.paths, name)):
        with pytest.raises(TwostepError) as caught:
            act()
        assert caught.value.code == "bad_module"
    assert fake_parent.calls == []
