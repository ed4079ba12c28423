# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a request, against a DKMS that works on a folder tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_host import K2, PARENT, Host, K, child, taken


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def ready(host: Host) -> Host:
    host.apply(PARENT, kernels=(K, K2))
    host.dkms.calls.clear()
    return host


def code_of(host: Host, *arguments, **options) -> str:
    before = host.snapshot()
    with pytest.raises(TwostepError) as caught:
        host.apply(*arguments, **options)
    if caught.value.code not in ("build_failed", "not_installed", "not_built", "wrong_version", "no_symvers", "dkms_failed", "disk_full"):
        assert host.snapshot() == before, "a refusal changes nothing"
    return caught.value.code


def test_from_nothing_to_present_and_then_nothing_to_do(host: Host) -> None:
    outcome = host.apply(PARENT)
    assert taken(outcome) == ["write_source", "add", "build", "install"]
    assert host.dkms.actions == ["add", "build", "install"]
    assert outcome.seconds == (1.0, 1.0, 1.0, 1.0)
    assert host.job(PARENT).report(outcome.after, [K]) == [
        {
            "kernel": K,
            "status": "installed",
            "modules": [
                {
                    "name": "twostep",
                    "path": str(host.dkms.place(K) / "twostep.ko"),
                    "sha256": outcome.after.kernels[0].installed[0].sha256,
                    "version": "1.0.0",
                    "vermagic": f"{K} SMP ",
                    "srcversion": "AB",
                    "signed": True,
                    "signer": "",
                    "signature_key": "",
                    "signature_hash": "",
                }
            ],
        }
    ]
    host.dkms.calls.clear()
    again = host.apply(PARENT)
    assert (taken(again), again.seconds, host.dkms.actions) == ([], (), [])


def test_check_changes_nothing_and_says_the_same_steps(host: Host) -> None:
    before = host.snapshot()
    outcome = host.job(PARENT).check()
    assert (taken(outcome), outcome.seconds) == (["write_source", "add", "build", "install"], ())
    assert (host.snapshot(), host.dkms.actions) == (before, [])


@pytest.mark.parametrize(("state", "expected"), [("added", ["add"]), ("built", ["add", "build"])])
def test_lower_states(host: Host, state: str, expected: list[str]) -> None:
    host.apply(PARENT, state=state)
    assert host.dkms.actions == expected
    assert taken(host.job(PARENT, state=state).check()) == []


def test_several_kernels(ready: Host) -> None:
    outcome = ready.apply(child("1.0.0"), kernels=(K, K2))
    assert [(step.action, step.kernel) for step in outcome.steps[2:]] == [("build", K), ("install", K), ("build", K2), ("install", K2)]
    assert [entry["status"] for entry in ready.job(child("1.0.0")).report(outcome.after, [K, K2])] == ["installed", "installed"]


def test_versions_lie_side_by_side(ready: Host) -> None:
    ready.apply(child("1.0.0"))
    ready.apply(child("1.1.0"))
    ready.dkms.calls.clear()
    assert ready.dkms.status("twostep-remap", "", "").stdout.splitlines()[0].endswith(": built")
    assert taken(ready.apply(child("1.0.0"))) == []
    assert ready.dkms.actions == []


def test_absent_takes_along_what_dkms_leaves_behind(ready: Host) -> None:
    ready.apply(child("1.0.0"))
    ready.apply(child("1.1.0"))
    assert taken(ready.apply(child("1.0.0"), state="absent")) == ["remove", "remove_file", "remove_source"]
    assert [path.name for path in sorted(ready.dkms.place(K).iterdir())] == ["twostep.ko", "twostep_remap_1_1_0.ko"]
    assert ready.dkms.actions[-1] == "depmod"
    assert taken(ready.apply(child("1.0.0"), state="absent")) == []
    assert taken(ready.job(child("1.1.0")).check()) == []


def test_absent_reports_on_the_kernels_that_had_it(ready: Host) -> None:
    job = ready.job(PARENT, state="absent", kernels=("6.9.0",))
    outcome = job.apply()
    assert job.kernels_of(outcome) == [K, K2]
    assert [entry["status"] for entry in job.report(outcome.before, [K, K2])] == ["installed", "installed"]
    assert [entry["status"] for entry in job.report(outcome.after, [K, K2])] == ["absent", "absent"]


def test_absent_without_dkms_and_without_anything(host: Host) -> None:
    host.programs.clear()
    assert taken(host.apply(PARENT, state="absent")) == []


def test_absent_is_refused_while_loaded(ready: Host) -> None:
    (ready.root / "sys/module/twostep").mkdir(parents=True)
    assert code_of(ready, PARENT, state="absent") == "module_loaded"


def test_a_built_version_never_changes_its_source(ready: Host) -> None:
    (ready.source / "parent/main.c").write_text("int changed;\n")
    assert code_of(ready, PARENT) == "source_differs"
    ready.apply(PARENT, state="absent")
    assert taken(ready.apply(PARENT)) == ["write_source", "add", "build", "install"]


def test_a_failed_build_may_be_repaired_with_another_source(host: Host) -> None:
    host.dkms.refuse["build"] = Result(10, "", "Consult /var/lib/dkms/twostep/1.0.0/build/make.log for more information.\n")
    log = host.dkms.tree("twostep", "1.0.0") / "build/make.log"
    log.parent.mkdir(parents=True)
    log.write_text("a.c:1:1: error: no such thing\n")
    with pytest.raises(TwostepError) as caught:
        host.apply(PARENT)
    assert caught.value.code == "build_failed"
    host.dkms.refuse.clear()
    (host.source / "parent/main.c").write_text("int repaired;\n")
    assert taken(host.apply(PARENT)) == ["write_source", "build", "install"]


@pytest.mark.parametrize(("action", "code"), [("build", "not_built"), ("install", "not_installed"), ("add", "not_added")])
def test_exit_code_zero_proves_nothing(host: Host, action: str, code: str) -> None:
    host.dkms.lie.add(action)
    if action == "build":
        host.dkms.lie.add("install")
    if action == "add":
        host.dkms.lie |= {"build", "install"}
    with pytest.raises(TwostepError) as caught:
        host.apply(PARENT)
    assert caught.value.code == code


def test_a_module_of_another_version_is_seen(host: Host) -> None:
    host.dkms.version = "9.9.9"
    assert code_of(host, PARENT) == "wrong_version"


def test_a_build_that_publishes_nothing_is_seen(host: Host) -> None:
    build = host.dkms.build

    def without_symvers(package: str, version: str, kernel: str) -> Result:
        result = build(package, version, kernel)
        (host.dkms.tree(package, version) / kernel / "x86_64/Module.symvers").unlink()
        return result

    host.dkms.build = without_symvers
    assert code_of(host, PARENT) == "no_symvers"


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_damaged_installed_file_is_installed_again(ready: Host, content: bytes) -> None:
    place = ready.dkms.place(K) / "twostep.ko"
    place.write_bytes(content)
    assert taken(ready.apply(PARENT)) == ["uninstall", "install"]
    assert taken(ready.apply(PARENT)) == []


def test_an_interrupted_build_is_discarded(ready: Host) -> None:
    tree = ready.dkms.tree("twostep", "1.0.0") / K / "x86_64"
    ready.dkms.uninstall("twostep", "1.0.0", K)
    shutil.rmtree(str(tree / "module"))
    assert taken(ready.apply(PARENT)) == ["discard_build", "build", "install"]
    assert taken(ready.apply(PARENT)) == []


def test_a_lost_source_is_refused_and_can_be_removed(ready: Host) -> None:
    shutil.rmtree(str(ready.root / "usr/src/twostep-1.0.0"))
    assert code_of(ready, PARENT) == "broken_tree"
    # DKMS 3.0 exits 0 here and does nothing; 3.2 refuses. So it is not asked.
    ready.dkms.lie.add("remove")
    assert taken(ready.apply(PARENT, state="absent"))[0] == "remove_tree"
    assert not ready.dkms.tree("twostep").exists()
    assert taken(ready.apply(PARENT)) == ["write_source", "add", "build", "install"]


def test_what_is_missing_is_named_before_anything_is_done(host: Host) -> None:
    host.euid = 1000
    assert code_of(host, PARENT) == "not_root"
    host.euid = 0
    host.programs = {"make", "gcc"}
    assert code_of(host, PARENT) == "no_dkms"
    host.programs = {"dkms", "make"}
    assert code_of(host, PARENT) == "no_compiler"
    host.programs = {"dkms", "make", "gcc"}
    assert code_of(host, child("1.0.0")) == "no_dependency"
    assert code_of(host, PARENT, kernels=("6.9.0",)) == "no_kernel"
    (host.root / "lib/modules/6.9.0").mkdir()
    assert code_of(host, PARENT, kernels=("6.9.0",)) == "no_headers"
    host.apply(PARENT)
    host.dkms.link("twostep", K).joinpath("Module.symvers").unlink()
    assert code_of(host, child("1.0.0")) == "no_symvers"


def test_an_ordinary_user_may_ask_when_there_is_nothing_to_do(ready: Host) -> None:
    ready.euid = 1000
    assert taken(ready.apply(PARENT)) == []


def test_a_damaged_archive_changes_nothing(host: Host) -> None:
    job = host.job(PARENT)
    (host.source.parent / "source.tar.gz").write_bytes(b"damaged")
    with pytest.raises(TwostepError) as caught:
        job.apply()
    assert caught.value.code == "bad_archive"
    assert not (host.root / "usr/src").exists()
    assert host.dkms.actions == []
