# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core import built_binary
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing
from ansible_collections.twostep.hotswap.plugins.module_utils.host.built_binary import Offer
from ansible_collections.twostep.hotswap.plugins.modules import dkms
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_host import PARENT, Host
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.dkms_host import K as RUNNING

K = "6.1.0-56-cloud-amd64"
PARAMS = {
    "package": "twostep-remap",
    "version": "1.1.0",
    "modules": [{"name": "twostep_remap_1_1_0", "location": "remap"}],
    "make": ["RELEASE=1.1.0"],
    "depends": ["twostep"],
    "symvers": None,
    "symvers_from": "twostep",
    "kernels": None,
    "state": "present",
    "archive": "/tmp/a.tar.gz",
    "archive_sha256": "ab",
    "archive_suffix": None,
    "folders": [],
    "build_exclusive": None,
    "sign": None,
    "offers": [],
    "export_folder": None,
}
MANIFEST = {
    "format": 1,
    "package": "twostep-remap",
    "version": "1.1.0",
    "kernel": K,
    "arch": "x86_64",
    "source_digest": "ab" * 32,
    "symvers_digest": "",
    "built_on": "builder1",
    "build_seconds": 12.5,
    "files": {"module/twostep_remap_1_1_0.ko": "cd" * 32},
}
OFFER = {"path": "/tmp/b.tar", "sha256": "ef" * 32, "manifest": MANIFEST}


def test_the_running_kernel_is_the_default_and_a_kernel_counts_once() -> None:
    assert dkms.request_from(PARAMS, K).kernels == (K,)
    assert dkms.request_from({**PARAMS, "kernels": ["6.2.0", K, "6.2.0"]}, K).kernels == ("6.2.0", K)


def test_the_request_carries_the_package() -> None:
    request = dkms.request_from({**PARAMS, "symvers": "publish"}, K)
    assert request.modules == ("twostep_remap_1_1_0",)
    assert request.package.publish_symvers
    assert (request.archive, request.archive_sha256) == ("/tmp/a.tar.gz", "ab")


def test_absent_needs_neither_source_nor_modules() -> None:
    request = dkms.request_from({**PARAMS, "state": "absent", "modules": [], "archive": None, "archive_sha256": None}, K)
    assert (request.modules, request.archive_sha256) == ((), "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"package": "a/b"}, "bad_package"),
        ({"version": "1.1"}, "bad_version"),
        ({"kernels": ["../x"]}, "bad_kernel"),
        ({"make": ["A=$(id)"]}, "bad_make"),
        ({"modules": []}, "no_modules"),
        ({"build_exclusive": {"kernel": "$(id)"}}, "bad_pattern"),
        ({"build_exclusive": {"config": ["id"]}}, "bad_config"),
        ({"sign": {"certificate": "/c"}}, "bad_sign"),
        ({"modules": [], "state": "built"}, "no_modules"),
        ({"archive_sha256": None}, "no_src"),
        ({"archive_sha256": None, "state": "added"}, "no_src"),
        ({"offers": [{**OFFER, "manifest": {}}]}, "bad_binary"),
        ({"offers": [{**OFFER, "manifest": {**MANIFEST, "files": {"../x.ko": "cd" * 32}}}]}, "bad_binary"),
        ({"offers": [{**OFFER, "manifest": {**MANIFEST, "kernel": "../x"}}]}, "bad_kernel"),
    ],
)
def test_refusals(change: dict, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        dkms.request_from({**PARAMS, **change}, K)
    assert caught.value.code == code


def test_offers_and_the_folder_for_exports_reach_the_request() -> None:
    request = dkms.request_from({**PARAMS, "offers": [OFFER, {**OFFER, "path": None}], "export_folder": "/tmp/x"}, K)
    assert [(offer.path, offer.sha256, offer.manifest.as_json()) for offer in request.offers] == [
        ("/tmp/b.tar", "ef" * 32, MANIFEST),
        ("", "ef" * 32, MANIFEST),
    ]
    assert request.export_folder == "/tmp/x"
    absent = dkms.request_from({**PARAMS, "offers": [OFFER], "export_folder": "/tmp/x", "state": "absent"}, K)
    assert (absent.offers, absent.export_folder) == ((), "")


def result(host: Host, check_mode: bool = False, **options) -> dict:
    job, request = host.job(PARENT, **options), host.request(PARENT, **options)
    return dkms.result_of(job, request, job.check() if check_mode else job.apply(), check_mode)


def offers(told: dict) -> tuple[Offer, ...]:
    found = [(entry["path"], entry["sha256"]) for entry in told["exported"]]
    return tuple(Offer(built_binary.unpack(Path(path).read_bytes())[0], path, sha256) for path, sha256 in found)


def test_the_result_tells_of_a_build_and_of_what_it_exports(tmp_path: Path) -> None:
    told = result(Host(tmp_path, "builder1"), export_folder=str(tmp_path))
    assert [(step["action"], step["kernel"], step["seconds"]) for step in told["steps"]] == [
        ("write_source", "", 1.0),
        ("add", "", 1.0),
        ("build", RUNNING, 1.0),
        ("install", RUNNING, 1.0),
    ]
    (entry,) = told["exported"]
    assert (entry["kernel"], entry["arch"], Path(entry["path"]).name) == (RUNNING, "x86_64", f"twostep_1.0.0_{RUNNING}_x86_64.tar")
    assert (told["changed"], told["binaries"], json.loads(json.dumps(told))) == (True, [], told)


def test_the_result_tells_of_a_binary_that_was_taken_and_of_one_that_was_not(tmp_path: Path) -> None:
    offered = offers(result(Host(tmp_path / "builder", "builder1"), export_folder=str(tmp_path)))
    told = result(Host(tmp_path / "n1"), offers=offered)
    assert [step["action"] for step in told["steps"]] == ["write_source", "add", "place", "install"]
    taken = {"kernel": RUNNING, "taken": True, "reason": "", "built_on": "builder1", "build_seconds": 1.0}
    assert (told["binaries"], told["exported"]) == ([taken], [])
    other = Host(tmp_path / "n2")
    other.machine = "aarch64"
    told = result(other, offers=offered)
    assert [step["action"] for step in told["steps"]] == ["write_source", "add", "build", "install"]
    assert told["binaries"] == [{**taken, "taken": False, "reason": f"it was built for kernel {RUNNING} on x86_64"}]


def test_in_check_mode_no_step_has_taken_any_time(tmp_path: Path) -> None:
    told = result(Host(tmp_path), check_mode=True, export_folder=str(tmp_path))
    assert [step["seconds"] for step in told["steps"]] == [None] * 4
    assert (told["exported"], told["diff"]["after"]) == ([], {RUNNING: "installed"})


@pytest.mark.parametrize("name", ["binaries", "exported", "steps"])
def test_the_documentation_has_the_fields_of_the_result(tmp_path: Path, name: str) -> None:
    told = result(Host(tmp_path / "builder", "builder1"), export_folder=str(tmp_path))
    told["binaries"] = result(Host(tmp_path / "n1"), offers=offers(told))["binaries"]
    assert set(yaml.safe_load(dkms.RETURN)[name]["contains"]) == set(told[name][0])


def agree(documented: dict, spec: dict) -> None:
    assert set(documented) == set(spec)
    for name, option in spec.items():
        assert (documented[name].get("default"), documented[name].get("choices")) == (option.get("default"), option.get("choices"))
        assert documented[name].get("required", False) == option.get("required", False)


def test_a_vendors_archive_and_its_signing_reach_the_request() -> None:
    sign = {"certificate": "/c.pem", "key": "/k.key", "command": None, "hash": "sha256"}
    request = dkms.request_from({**PARAMS, "archive_suffix": ".tar.xz", "folders": ["remap"], "sign": sign}, K)
    assert (request.archive_suffix, request.folders) == (".tar.xz", ("remap",))
    assert request.signing == Signing("/c.pem", key="/k.key")
    assert dkms.request_from({**PARAMS, "sign": sign, "state": "added"}, K).signing is None
    assert dkms.request_from({**PARAMS, "sign": sign, "state": "absent"}, K).signing is None


def test_the_documentation_has_the_options_of_the_spec() -> None:
    documented = yaml.safe_load(dkms.DOCUMENTATION)["options"]
    spec = dkms.argument_spec()
    assert set(documented) == set(spec)
    agree(documented, spec)
    for name, option in spec.items():
        if "options" in option:
            agree(documented[name]["suboptions"], option["options"])
