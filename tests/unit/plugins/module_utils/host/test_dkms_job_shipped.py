# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way from a host that builds to hosts that install what it has built, against a DKMS that works on folder trees."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary, dkms_conf, module_signature
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing
from ansible_collections.twostep.hotswap.plugins.module_utils.host.built_binary import Offer
from ansible_collections.twostep.hotswap.plugins.module_utils.host.dkms_job import Outcome
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import signature_sample as sample
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_host import K2, PARENT, Host, K, child, taken

CHILD = child("1.1.0")
NAME = "twostep_remap_1_1_0"
SIGNING = Signing("/etc/c.pem", key="/etc/k.key")
SITE = module_signature.certificate(sample.SITE)
PLACED = ["write_source", "add", "place", "install"]
BUILT = ["write_source", "add", "build", "install"]


def may_sign(host: Host, key: bool = True) -> None:
    """Put certificate, key and sign-file on a host."""
    host.dkms.signature = sample.trailer(sample.BY_SITE)
    (host.root / "etc/c.pem").write_bytes(sample.SITE)
    if key:
        (host.root / "etc/k.key").touch(mode=0o600)
        for kernel in (K, K2):
            folder = host.root / "lib/modules" / kernel / "build/scripts"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "sign-file").touch(mode=0o755)


@pytest.fixture
def builder(tmp_path: Path) -> Host:
    return Host(tmp_path / "builder", "builder1")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with DKMS and nothing else that a build needs."""
    made = Host(tmp_path / "host")
    made.programs = {"dkms"}
    for kernel in (K, K2):
        shutil.rmtree(str(made.root / "lib/modules" / kernel / "build"))
    return made


def offers(outcome: Outcome) -> tuple[Offer, ...]:
    """Return what a controller makes of an outcome."""
    found = [(entry["path"], entry["sha256"]) for entry in outcome.exported]
    return tuple(Offer(built_binary.unpack(Path(path).read_bytes())[0], path, sha256) for path, sha256 in found)


def exported(builder: Host, package: dkms_conf.Package, state: str = "present", **options) -> tuple[Offer, ...]:
    folder = builder.root.parent / f"{package.name}-{len(os.listdir(str(builder.root.parent)))}"
    folder.mkdir()
    return offers(builder.apply(package, state, export_folder=str(folder), **options))


@pytest.fixture
def parent(builder: Host) -> tuple[Offer, ...]:
    return exported(builder, PARENT)


@pytest.fixture
def ready(host: Host, parent: tuple[Offer, ...]) -> Host:
    """A host that has got the parent."""
    host.apply(PARENT, offers=parent)
    host.dkms.calls.clear()
    return host


@pytest.fixture
def able(tmp_path: Path) -> Host:
    """A host that has built the parent and can build the child by itself."""
    made = Host(tmp_path / "able")
    made.apply(PARENT, kernels=(K, K2))
    made.dkms.calls.clear()
    return made


def test_a_host_without_compiler_and_headers_gets_parent_and_child(builder: Host, host: Host, parent: tuple[Offer, ...]) -> None:
    first = host.job(PARENT, offers=parent)
    assert taken(first.apply()) == PLACED
    second = host.job(CHILD, offers=exported(builder, CHILD, "built"))
    outcome = second.apply()
    assert (taken(outcome), outcome.seconds, outcome.steps[2].reason) == (PLACED, (1.0,) * 4, "built on builder1")
    assert host.dkms.actions == ["add", "install"] * 2
    assert [job.received[K].reason for job in (first, second)] == ["", ""]
    assert second.received[K].manifest.build_seconds == 1.0
    for name in ("twostep", NAME):
        assert (host.dkms.place(K) / f"{name}.ko").exists()
    assert (host.dkms.place(K) / f"{NAME}.ko").read_bytes() == (
        builder.dkms.tree(CHILD.name, "1.1.0") / K / f"x86_64/module/{NAME}.ko"
    ).read_bytes()
    assert second.report(outcome.after, [K])[0]["status"] == "installed"


def test_the_second_run_has_nothing_to_do(builder: Host, ready: Host, parent: tuple[Offer, ...]) -> None:
    offered = exported(builder, CHILD, "built")
    ready.apply(CHILD, offers=offered)
    ready.dkms.calls.clear()
    assert taken(ready.apply(CHILD, offers=offered)) == taken(ready.apply(PARENT, offers=parent)) == []
    assert taken(ready.apply(CHILD)) == []
    assert ready.dkms.actions == []


def test_check_mode_needs_the_manifest_alone_and_says_the_same_steps(builder: Host, ready: Host) -> None:
    (offered,) = exported(builder, CHILD, "built")
    before = ready.snapshot()
    job = ready.job(CHILD, offers=(Offer(offered.manifest, sha256=offered.sha256),))
    assert taken(job.check()) == PLACED
    assert (ready.snapshot(), ready.dkms.actions, job.received[K].reason) == (before, [], "")


def test_a_host_that_was_given_nothing_is_told_what_its_build_needs(ready: Host) -> None:
    with pytest.raises(TwostepError) as caught:
        ready.apply(CHILD)
    assert caught.value.code == "no_headers"


def test_several_kernels_of_which_one_was_built(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    outcome = able.apply(CHILD, kernels=(K, K2), offers=exported(builder, CHILD, "built"))
    assert [(step.action, step.kernel) for step in outcome.steps[2:]] == [("place", K), ("install", K), ("build", K2), ("install", K2)]


def built_here(able: Host, offered: tuple[Offer, ...]) -> str:
    """Let a host build by itself and return why."""
    job = able.job(CHILD, offers=offered)
    assert taken(job.apply()) == BUILT
    assert able.dkms.actions == ["add", "build", "install"]
    return job.received[K].reason


def test_a_binary_of_another_source_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    (builder.source / "remap/more.c").write_text("int x;\n")
    assert built_here(able, exported(builder, CHILD, "built")) == "it was built from another source or with other options"


def test_a_binary_of_other_options_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    offered = exported(builder, replace(CHILD, make=("DEBUG=1",)), "built")
    assert built_here(able, offered) == "it was built from another source or with other options"


def test_a_binary_that_was_linked_with_another_parent_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    (builder.dkms.link("twostep", K) / "Module.symvers").write_text("0x1\ttwostep_x\ttwostep\tEXPORT_SYMBOL_GPL\t\n")
    assert built_here(able, exported(builder, CHILD, "built")) == "it was linked with other symbol versions than this host has"


def test_a_binary_for_another_machine_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    offered = exported(builder, CHILD, "built")
    able.machine = "aarch64"
    assert built_here(able, offered) == f"it was built for kernel {K} on x86_64"


def test_a_binary_that_was_damaged_on_its_way_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    offered = exported(builder, CHILD, "built")
    Path(offered[0].path).write_bytes(b"damaged")
    assert built_here(able, offered) == "it is not the file that the controller has sent"


def test_a_binary_for_another_kernel_is_not_taken(builder: Host, able: Host) -> None:
    builder.apply(PARENT, kernels=(K, K2))
    job = able.job(CHILD, offers=exported(builder, CHILD, "built", kernels=(K2,)))
    assert taken(job.apply()) == BUILT
    assert {kernel: found.reason for kernel, found in job.received.items()} == {K2: "nobody has asked for this kernel"}


def test_what_is_built_already_is_not_touched(builder: Host, able: Host) -> None:
    builder.apply(PARENT)
    able.apply(CHILD)
    before = able.snapshot()
    job = able.job(CHILD, offers=exported(builder, CHILD, "built"))
    assert taken(job.apply()) == []
    assert (able.snapshot(), job.received[K].reason) == (before, "")


def test_an_interrupted_build_is_discarded_before_a_binary_takes_its_place(ready: Host, parent: tuple[Offer, ...]) -> None:
    tree = ready.dkms.tree("twostep", "1.0.0") / K / "x86_64"
    ready.dkms.uninstall("twostep", "1.0.0", K)
    shutil.rmtree(str(tree / "module"))
    (tree / "left").write_text("over")
    assert taken(ready.apply(PARENT, offers=parent)) == ["discard_build", "place", "install"]
    assert not (tree / "left").exists()
    assert taken(ready.apply(PARENT, offers=parent)) == []


def test_a_binary_is_removed_as_any_build(ready: Host) -> None:
    ready.programs.clear()
    with pytest.raises(TwostepError) as caught:
        ready.apply(PARENT, "absent")
    assert caught.value.code == "no_dkms"
    ready.programs = {"dkms"}
    assert taken(ready.apply(PARENT, "absent")) == ["remove", "remove_source"]
    assert not ready.dkms.tree("twostep").exists()


def test_a_run_that_ended_after_the_placing_is_finished_by_the_next(host: Host, parent: tuple[Offer, ...]) -> None:
    assert taken(host.apply(PARENT, "built", offers=parent)) == ["write_source", "add", "place"]
    assert taken(host.apply(PARENT)) == ["install"]


def test_a_signed_binary_is_not_signed_again_and_the_host_needs_no_key(builder: Host, host: Host) -> None:
    may_sign(builder)
    may_sign(host, key=False)
    (offered,) = exported(builder, PARENT, signing=SIGNING)
    in_check_mode = (Offer(offered.manifest, sha256=offered.sha256),)
    assert taken(host.job(PARENT, signing=SIGNING, offers=in_check_mode).check()) == PLACED
    assert taken(host.apply(PARENT, signing=SIGNING, offers=(offered,))) == PLACED
    assert host.dkms.actions == ["add", "install"]
    assert module_signature.is_by(module_signature.find((host.dkms.place(K) / "twostep.ko").read_bytes()), SITE)
    assert taken(host.apply(PARENT, signing=SIGNING, offers=(offered,))) == []


def test_a_binary_that_somebody_else_signed_is_signed_before_it_is_installed(parent: tuple[Offer, ...], host: Host) -> None:
    may_sign(host)
    assert taken(host.apply(PARENT, signing=SIGNING, offers=parent)) == ["write_source", "add", "place", "sign", "install"]
    assert host.dkms.actions == ["add", "sign-file", "install"]
    assert module_signature.is_by(module_signature.find((host.dkms.place(K) / "twostep.ko").read_bytes()), SITE)
    assert taken(host.apply(PARENT, signing=SIGNING, offers=parent)) == []


def test_a_binary_to_be_signed_is_told_before_anything_is_done_where_the_key_is_missing(host: Host, parent: tuple[Offer, ...]) -> None:
    may_sign(host, key=False)
    before = host.snapshot()
    with pytest.raises(TwostepError) as caught:
        host.apply(PARENT, signing=SIGNING, offers=parent)
    assert (caught.value.code, host.snapshot()) == ("no_key", before)


def test_an_unsigned_binary_is_found_out_where_the_kernel_cares(builder: Host, host: Host) -> None:
    builder.dkms.signs = False
    (host.root / "sys/kernel/security").mkdir(parents=True)
    (host.root / "sys/kernel/security/lockdown").write_text("none [integrity] confidentiality\n")
    with pytest.raises(TwostepError) as caught:
        host.apply(PARENT, offers=exported(builder, PARENT))
    assert caught.value.code == "unsigned"


def test_each_kernel_is_exported_with_the_time_of_its_build(builder: Host) -> None:
    builder.apply(PARENT, kernels=(K,))
    found = exported(builder, PARENT, kernels=(K, K2))
    assert [(offer.manifest.kernel, offer.manifest.build_seconds, offer.manifest.built_on) for offer in found] == [
        (K, 0.0, "builder1"),
        (K2, 1.0, "builder1"),
    ]


def test_what_was_there_before_is_exported_too(builder: Host, host: Host) -> None:
    builder.apply(PARENT)
    outcome = builder.apply(PARENT, export_folder=str(builder.source))
    assert (taken(outcome), taken(host.apply(PARENT, offers=offers(outcome)))) == ([], PLACED)


def test_what_a_host_has_got_it_can_hand_on(ready: Host, tmp_path: Path) -> None:
    handed_on = exported(ready, PARENT)
    third = Host(tmp_path / "third")
    assert taken(third.apply(PARENT, offers=handed_on)) == PLACED


def test_a_kernel_that_the_package_is_not_meant_for_is_not_exported(builder: Host) -> None:
    wanted = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}], exclusive={"kernel": "-56-"})
    assert [offer.manifest.kernel for offer in exported(builder, wanted, kernels=(K, K2))] == [K]


def test_what_is_not_built_is_not_exported(builder: Host, tmp_path: Path) -> None:
    with pytest.raises(TwostepError) as caught:
        builder.apply(PARENT, "added", export_folder=str(tmp_path))
    assert caught.value.code == "not_built"
    assert not list(tmp_path.glob("*.tar"))


def test_a_check_exports_nothing(builder: Host, tmp_path: Path) -> None:
    builder.apply(PARENT)
    assert builder.job(PARENT, export_folder=str(tmp_path)).check().exported == ()
    assert not list(tmp_path.glob("*.tar"))
