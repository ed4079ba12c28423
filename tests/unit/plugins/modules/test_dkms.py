# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing
from ansible_collections.twostep.hotswap.plugins.modules import dkms

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
}


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
    ],
)
def test_refusals(change: dict, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        dkms.request_from({**PARAMS, **change}, K)
    assert caught.value.code == code


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
