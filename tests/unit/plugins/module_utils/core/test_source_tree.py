# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os.path
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import source_tree
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.tar_sample import END, header, member, tar


def paths(*names: str, **options: bool) -> list[str]:
    return sorted(source_tree.files_of(tar(*map(member, names)), 20, 1000, **options))


def test_a_single_common_top_folder_is_left_out() -> None:
    assert paths("x-1.0/Kbuild", "x-1.0/d/x.c", strip_top=True) == ["Kbuild", "d/x.c"]
    assert paths("x-1.0/Kbuild", "README", strip_top=True) == ["README", "x-1.0/Kbuild"]
    assert paths("x/Kbuild", "y/Kbuild", strip_top=True) == ["x/Kbuild", "y/Kbuild"]
    assert paths("Kbuild", strip_top=True) == ["Kbuild"]
    assert paths("x-1.0/Kbuild") == ["x-1.0/Kbuild"]


def test_a_dot_before_every_name_is_left_out() -> None:
    made = tar(member("./", tarfile.DIRTYPE), member("./d/", tarfile.DIRTYPE), member("./d/x.c"), member("./.gitignore"))
    assert sorted(source_tree.files_of(made, 20, 1000, strip_top=True)) == [".gitignore", "d/x.c"]


def test_only_the_execute_bit_of_the_owner_counts() -> None:
    made = source_tree.files_of(tar(member("a.sh", mode=0o755), member("b.sh", mode=0o655), member("c.sh", mode=0o777)), 20, 1000)
    assert [made[name].executable for name in sorted(made)] == [True, False, True]


def test_only_the_wanted_folders_and_the_files_beside_them() -> None:
    files = source_tree.files_of(tar(*map(member, ("Makefile", "a/x.c", "ab/y.c"))), 20, 1000)
    assert sorted(source_tree.chosen(files, ["a"])) == ["Makefile", "a/x.c"]
    assert sorted(source_tree.chosen(files, [])) == ["Makefile", "a/x.c", "ab/y.c"]
    with pytest.raises(TwostepError) as caught:
        source_tree.chosen(files, ["../a"])
    assert str(caught.value) == "The source archive has no folder '../a'. Next: Correct folders."


@pytest.mark.parametrize(
    ("names", "code", "message"),
    [
        (["../x.c"], "archive_name", "'../x.c' leads out of its folder"),
        (["a/../../x.c"], "archive_name", "'a/../../x.c' leads out of its folder"),
        (["./../x.c"], "archive_name", "'./../x.c' leads out of its folder"),
        (["a/.."], "archive_name", "'a/..' leads out of its folder"),
        (["/etc/x.c"], "archive_name", "'/etc/x.c' is an absolute path"),
        (["//etc/x.c"], "archive_name", "'//etc/x.c' is an absolute path"),
        ([".//etc/x.c"], "archive_name", "'.//etc/x.c' is an absolute path"),
        (["-x.c"], "archive_name", "'-x.c' has a name that is not allowed"),
        (["a/./x.c"], "archive_name", "'a/./x.c' has a name that is not allowed"),
        (["a//x.c"], "archive_name", "'a//x.c' has a name that is not allowed"),
        (["a b.c"], "archive_name", "'a b.c' has a name that is not allowed"),
        (["a\nb.c"], "archive_name", "'a\\nb.c' has a name that is not allowed"),
        (["a\\b.c"], "archive_name", "'a\\\\b.c' has a name that is not allowed"),
        (["$(id).c"], "archive_name", "'$(id).c' has a name that is not allowed"),
        (["\u0430.c"], "archive_name", "'\\\\xd0\\\\xb0.c' has a name that is not ASCII"),
        (["a\u2215b.c"], "archive_name", "'a\\\\xe2\\\\x88\\\\x95b.c' has a name that is not ASCII"),
        (["n" * 101], "archive_name", f"'{'n' * 101}' has a name that is not allowed"),
        (["/".join("abcdefghijklmnopq")], "archive_name", "'a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q' is too long or too deep"),
        (["x.c", "x.c"], "archive_doubled", "'x.c' is there twice"),
        (["x.c", "./x.c"], "archive_doubled", "'./x.c' is there twice"),
        (["a", "a/x.c"], "archive_doubled", "'a/x.c' lies below a file"),
        (["a/x.c", "a"], "archive_doubled", "'a' is there twice"),
        ([f"f{number}.c" for number in range(21)], "archive_limits", "it holds more than 20 files and folders"),
    ],
)
def test_names_that_are_refused(names: list[str], code: str, message: str) -> None:
    made = tar(*map(member, names), form=tarfile.GNU_FORMAT)
    with pytest.raises(TwostepError) as caught:
        source_tree.files_of(made, 20, 1000)
    assert (caught.value.code, caught.value.message) == (code, f"The source archive is refused: {message}.")


@pytest.mark.parametrize(
    ("made", "code", "message"),
    [
        (END, "archive_empty", "it holds no file"),
        (header(b"d/", b"5") + END, "archive_empty", "it holds no file"),
        (header(b"x") + header(b"x/", b"5") + END, "archive_doubled", "'x/' is there twice"),
        (header(b"") + END, "archive_name", "has a name that is not allowed"),
        (tar(member("x.c", data=b"x" * 600), member("y.c", data=b"y" * 600)), "archive_limits", "it holds more than 1000 bytes"),
    ],
)
def test_archives_that_are_refused(made: bytes, code: str, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        source_tree.files_of(made, 20, 1000)
    assert (caught.value.code, caught.value.message) == (code, f"The source archive is refused: {message}.")


PARTS = st.sampled_from(["..", ".", "", "a", "b.c", ".git", "-x", "c\u0430", "d e", "n" * 120, "\\", "*"])


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=4), st.booleans())
def test_no_path_ever_leaves_the_folder(names: list[str], strip_top: bool) -> None:
    made = tar(*map(member, names), form=tarfile.GNU_FORMAT)
    try:
        found = source_tree.files_of(made, 20, 1000, strip_top=strip_top)
    except TwostepError as error:
        assert error.code.startswith("archive_")
        return
    for path in found:
        assert os.path.normpath(os.path.join("/usr/src/target", path)) == f"/usr/src/target/{path}"
        assert path.isascii()


@given(st.binary(min_size=1, max_size=99).filter(lambda name: b"\0" not in name))
def test_any_bytes_as_a_name(name: bytes) -> None:
    try:
        found = source_tree.files_of(header(name) + END, 20, 1000)
    except TwostepError as error:
        assert error.code.startswith("archive_")
        return
    assert all(os.path.normpath("/t/" + path) == "/t/" + path for path in found)
