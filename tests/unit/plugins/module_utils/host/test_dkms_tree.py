# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.host import dkms_tree
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

K = "6.1.0-56-cloud-amd64"


def look(root: Path, status: str, modules: list[str]):
    return dkms_tree.look(
        Paths(str(root)), lambda _argv, **_options: Result(0, status, ""), "twostep", "1.0.0", modules=modules, kernels=[K], digest="d"
    )


@pytest.mark.parametrize("destination", ["updates/dkms", "extra", "updates"])
def test_installed_files_are_found_where_each_distribution_puts_them(tmp_path: Path, destination: str) -> None:
    place = tmp_path / "lib/modules" / K / destination
    place.mkdir(parents=True)
    (place / "twostep.ko").write_bytes(module_bytes())
    (place / "other.ko").write_bytes(module_bytes())
    kernel = look(tmp_path, "", ["twostep"]).kernels[0]
    assert [file.path for file in kernel.installed] == [str(place / "twostep.ko")]
    assert kernel.installed[0].version == "1.1.0"


def test_a_file_that_is_no_module_is_a_fact_and_no_error(tmp_path: Path) -> None:
    place = tmp_path / "lib/modules" / K / "updates/dkms"
    place.mkdir(parents=True)
    (place / "twostep.ko").write_bytes(b"")
    (place / "twostep.ko.xz").symlink_to("nowhere")
    problems = [file.problem for file in look(tmp_path, "", ["twostep"]).kernels[0].installed]
    assert len(problems) == 2
    assert all(problems)


def test_built_modules_of_kernels_that_nobody_asked_for_are_seen(tmp_path: Path) -> None:
    built = tmp_path / "var/lib/dkms/twostep/1.0.0/6.9.0/x86_64/module"
    built.mkdir(parents=True)
    (built / "twostep.ko").write_bytes(module_bytes())
    (built / "Module.symvers").write_text("")
    found = look(tmp_path, "twostep/1.0.0, 6.9.0, x86_64: built\n", [])
    assert [(kernel.kernel, kernel.status, kernel.half_built, len(kernel.built)) for kernel in found.kernels] == [
        (K, "added", False, 0),
        ("6.9.0", "built", False, 1),
    ]


def test_a_build_folder_that_dkms_does_not_count_is_half_built(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dkms/twostep/1.0.0" / K / "x86_64/log").mkdir(parents=True)
    (tmp_path / "var/lib/dkms/twostep/1.0.0/build").mkdir()
    kernels = look(tmp_path, "twostep/1.0.0: added\n", []).kernels
    assert [(kernel.kernel, kernel.half_built) for kernel in kernels] == [(K, True)]


def test_registered_means_that_the_link_is_there_even_if_it_leads_nowhere(tmp_path: Path) -> None:
    tree = tmp_path / "var/lib/dkms/twostep/1.0.0"
    tree.mkdir(parents=True)
    assert not look(tmp_path, "", []).registered
    (tree / "source").symlink_to(tmp_path / "usr/src/twostep-1.0.0")
    found = look(tmp_path, "twostep/1.0.0: broken\n", [])
    assert (found.registered, found.source, found.kernels[0].status) == (True, "absent", "added")


def test_symvers_belong_to_the_installed_version_of_just_this_kernel(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    assert dkms_tree.symvers(paths, "twostep", K) == ""
    tree = tmp_path / "var/lib/dkms/twostep"
    (tree / "1.0.0" / K / "x86_64").mkdir(parents=True)
    (tree / f"kernel-{K}-x86_64").symlink_to(f"1.0.0/{K}/x86_64")
    assert dkms_tree.symvers(paths, "twostep", K) == ""
    (tree / "1.0.0" / K / "x86_64/Module.symvers").write_text("")
    assert dkms_tree.symvers(paths, "twostep", K) == str(tree / f"kernel-{K}-x86_64/Module.symvers")
    assert dkms_tree.symvers(paths, "twostep", "6.1.0-56") == ""
    assert dkms_tree.active_link(paths, "twostep", K) == str(tree / f"kernel-{K}-x86_64")
    assert dkms_tree.active_link(paths, "twostep", "6.1.0-56-cloud") == ""
