# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms, module_signature
from ansible_collections.twostep.hotswap.plugins.module_utils.core.dkms_facts import FileFacts, Found, KernelFacts
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import signature_sample as sample

K = "6.1.0-56-cloud-amd64"
NAME = "twostep_remap_1_1_0"
FILE = FileFacts(NAME, f"/lib/modules/{K}/updates/dkms/{NAME}.ko", "aa", "1.1.0", f"{K} SMP ", "F4", True)
DAMAGED = replace(FILE, sha256="", version="", problem="The file is not a kernel module.")
NOTHING = Found("twostep-remap", "1.1.0")
IN_PLACE = KernelFacts(K, "installed", built=(FILE,), installed=(FILE,))


def found(kernel: KernelFacts) -> Found:
    return replace(NOTHING, source="wanted", registered=True, kernels=(kernel,))


def actions(what: Found, level: str = "present", kernels: tuple[str, ...] = (K,)) -> list[str]:
    return [step.action for step in dkms.plan_present(what, level, list(kernels), (NAME,))]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("added", ["write_source", "add"]),
        ("built", ["write_source", "add", "build"]),
        ("present", ["write_source", "add", "build", "install"]),
    ],
)
def test_from_nothing(level: str, expected: list[str]) -> None:
    assert actions(NOTHING, level) == expected


def test_several_kernels_are_built_one_after_the_other() -> None:
    steps = dkms.plan_present(NOTHING, "present", [K, "6.2.0"], (NAME,))
    assert [(step.action, step.kernel) for step in steps[2:]] == [("build", K), ("install", K), ("build", "6.2.0"), ("install", "6.2.0")]


@pytest.mark.parametrize("level", dkms.LEVELS)
def test_what_is_in_place_needs_nothing(level: str) -> None:
    assert actions(found(IN_PLACE), level) == []


def test_a_file_in_place_counts_though_another_version_is_the_active_one() -> None:
    assert actions(found(replace(IN_PLACE, status="built"))) == []


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (KernelFacts(K, "added"), ["build", "install"]),
        (KernelFacts(K, "added", half_built=True), ["discard_build", "build", "install"]),
        (KernelFacts(K, "built", built=(FILE,)), ["install"]),
        (KernelFacts(K, "installed", built=(FILE,)), ["uninstall", "install"]),
        (KernelFacts(K, "installed", built=(FILE,), installed=(DAMAGED,)), ["uninstall", "install"]),
        (KernelFacts(K, "built", built=(FILE,), installed=(DAMAGED,)), ["install"]),
        (KernelFacts(K, "installed", built=(DAMAGED,), installed=(DAMAGED,)), ["discard_build", "build", "install"]),
        (KernelFacts(K, "installed", built=(DAMAGED,), installed=(FILE,)), ["discard_build", "build", "remove_file", "install"]),
        # Left behind by dkms remove of a version that was not the active one.
        (KernelFacts(K, "added", installed=(FILE,)), ["build", "remove_file", "install"]),
        (KernelFacts(K, "built", built=(FILE,), installed=(replace(FILE, version="1.0.9", sha256="bb"),)), ["install"]),
    ],
)
def test_repairs(kernel: KernelFacts, expected: list[str]) -> None:
    assert actions(found(kernel)) == expected


def test_every_step_has_a_reason() -> None:
    assert all(step.reason for step in dkms.plan_present(NOTHING, "present", [K], (NAME,)))


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (replace(found(IN_PLACE), source="other"), "source_differs"),
        (replace(found(IN_PLACE), source="absent"), "broken_tree"),
        (replace(found(KernelFacts(K, "added", built=(FILE,))), source="absent"), "broken_tree"),
        (found(replace(IN_PLACE, installed=(replace(FILE, sha256="bb"),))), "installed_differs"),
        (found(KernelFacts(K, "built", built=(FILE,), installed=(replace(FILE, sha256="bb", version=""),))), "installed_differs"),
        (found(KernelFacts(K, "added", installed=(replace(FILE, version="1.2.0"),))), "newer_installed"),
        (found(KernelFacts(K, "built", built=(FILE,), installed=(replace(FILE, version="1.10.0"),))), "newer_installed"),
        (found(KernelFacts(K, "frobbed")), "unknown_status"),
    ],
)
def test_refusals(what: Found, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        dkms.plan_present(what, "present", [K], (NAME,))
    assert caught.value.code == code
    assert caught.value.next_step.endswith(".")


def test_another_source_is_written_anew_while_nothing_is_built() -> None:
    assert actions(replace(found(KernelFacts(K, "added")), source="other")) == ["write_source", "build", "install"]


def test_a_lost_source_is_written_anew_while_nothing_is_built() -> None:
    assert actions(replace(found(KernelFacts(K, "added")), source="absent")) == ["write_source", "build", "install"]


SITE = module_signature.certificate(sample.SITE)
SIGNED = replace(FILE, signature=module_signature.find(b"ELF" + sample.trailer(sample.BY_SITE)))
BY_OTHER = replace(FILE, signature=module_signature.find(b"ELF" + sample.trailer(sample.BY_OTHER)))


def offered(*shipped: FileFacts, **facts: object) -> Found:
    return found(KernelFacts(K, shipped=shipped, shipped_from="builder1", **facts))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["place", "install"]),
        ({"status": "added", "half_built": True}, ["discard_build", "place", "install"]),
        ({"status": "installed", "built": (DAMAGED,), "installed": (FILE,)}, ["discard_build", "place", "remove_file", "install"]),
        ({"status": "added", "installed": (FILE,)}, ["place", "remove_file", "install"]),
        ({"status": "built", "built": (FILE,)}, ["install"]),
        ({"status": "installed", "built": (FILE,), "installed": (FILE,)}, []),
    ],
)
def test_what_was_built_elsewhere_is_placed_where_a_build_would_be_needed(facts: dict, expected: list[str]) -> None:
    assert actions(offered(FILE, **facts)) == expected


def test_a_placed_binary_names_its_builder() -> None:
    assert dkms.plan_present(offered(FILE), "built", [K], (NAME,)) == [dkms.Step("place", "built on builder1", K)]


def test_only_the_kernel_that_was_built_for_gets_the_binary() -> None:
    steps = dkms.plan_present(offered(FILE), "built", [K, "6.2.0"], (NAME,))
    assert [(step.action, step.kernel) for step in steps] == [("place", K), ("build", "6.2.0")]


def test_a_kernel_that_the_package_is_not_meant_for_gets_no_binary() -> None:
    assert actions(offered(FILE, excluded="BUILD_EXCLUSIVE_ARCH is arm")) == []


@pytest.mark.parametrize(
    ("shipped", "expected"),
    [
        (SIGNED, ["place", "install"]),
        (BY_OTHER, ["place", "sign", "install"]),
        (FILE, ["place", "sign", "install"]),
        # In check mode nobody has looked into it.
        (FileFacts(NAME, f"module/{NAME}.ko"), ["place", "install"]),
    ],
)
def test_a_binary_is_signed_unless_it_is_signed_as_wanted(shipped: FileFacts, expected: list[str]) -> None:
    assert [step.action for step in dkms.plan_present(offered(shipped), "present", [K], (NAME,), SITE)] == expected


def test_a_signed_binary_does_not_excuse_what_is_built_here() -> None:
    kernel = offered(SIGNED, status="built", built=(BY_OTHER,))
    assert [step.action for step in dkms.plan_present(kernel, "built", [K], (NAME,), SITE)] == ["sign"]


def test_what_is_built_here_is_signed_whatever_was_offered() -> None:
    steps = dkms.plan_present(found(KernelFacts(K)), "present", [K], (NAME,), SITE)
    assert [(step.action, step.reason) for step in steps][:2] == [("build", "not built for this kernel"), ("sign", "newly built")]


def absent(what: Found, loaded: tuple[str, ...] = ()) -> list[str]:
    return [step.action for step in dkms.plan_absent(what, list(loaded))]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (NOTHING, []),
        (found(IN_PLACE), ["remove", "remove_source"]),
        (found(replace(IN_PLACE, status="built")), ["remove", "remove_file", "remove_source"]),
        (found(replace(IN_PLACE, installed=(DAMAGED,))), ["remove", "remove_file", "remove_source"]),
        (found(KernelFacts(K, "added", half_built=True)), ["remove", "remove_tree", "remove_source"]),
        (replace(found(IN_PLACE), source="absent"), ["remove_tree", "remove_file"]),
        (replace(NOTHING, source="other"), ["remove_source"]),
        (replace(NOTHING, kernels=(KernelFacts(K, half_built=True),)), ["remove_tree"]),
        (replace(NOTHING, kernels=(KernelFacts(K, installed=(FILE,)),)), ["remove_file"]),
    ],
)
def test_absent(what: Found, expected: list[str]) -> None:
    assert absent(what) == expected


def test_absent_leaves_the_file_of_another_version() -> None:
    other = replace(FILE, version="1.2.0", sha256="bb")
    assert absent(found(KernelFacts(K, "built", built=(FILE,), installed=(other,)))) == ["remove", "remove_source"]


def test_absent_is_refused_while_the_module_is_loaded() -> None:
    with pytest.raises(TwostepError) as caught:
        absent(found(IN_PLACE), (NAME, "ext4"))
    assert (caught.value.code, caught.value.data) == ("module_loaded", {"modules": [NAME]})
    assert absent(found(IN_PLACE), ("ext4",)) == ["remove", "remove_source"]
