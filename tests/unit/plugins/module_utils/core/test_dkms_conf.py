# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import dkms_conf
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

REMAP = [{"name": "twostep_remap_1_1_0", "location": "remap"}]


def child(**changes: object) -> dkms_conf.Package:
    values: dict = {
        "modules": REMAP,
        "make": ["RELEASE=1.1.0"],
        "depends": ["twostep"],
        "symvers_from": "twostep",
        **changes,
    }
    return dkms_conf.package("twostep-remap", "1.1.0", **values)


def sourced(conf: str, folder: Path) -> dict[str, str]:
    """Return what bash makes of a dkms.conf, with the variables that DKMS defines before."""
    (folder / "dkms.conf").write_text(conf)
    names = "PACKAGE_NAME PACKAGE_VERSION BUILT_MODULE_NAME BUILT_MODULE_LOCATION DEST_MODULE_LOCATION MAKE CLEAN AUTOINSTALL"
    names += " NO_WEAK_MODULES BUILD_DEPENDS POST_BUILD"
    script = (
        "kernel_source_dir=/k dkms_tree=/d kernelver=6.1.0 arch=x86_64; set -eu; . ./dkms.conf;"
        f' for name in {names}; do printf "%s=%s\\0" "$name" "${{!name-unset}}"; done'
    )
    done = subprocess.run(["bash", "-c", script], cwd=str(folder), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return dict(item.split("=", 1) for item in done.stdout.split("\0") if item)


def test_the_conf_of_a_child(tmp_path: Path) -> None:
    assert sourced(dkms_conf.render(child()), tmp_path) == {
        "PACKAGE_NAME": "twostep-remap",
        "PACKAGE_VERSION": "1.1.0",
        "BUILT_MODULE_NAME": "twostep_remap_1_1_0",
        "BUILT_MODULE_LOCATION": "remap/",
        "DEST_MODULE_LOCATION": "/updates/dkms",
        "MAKE": "make -C /k M=/d/twostep-remap/1.1.0/build/remap RELEASE=1.1.0"
        " KBUILD_EXTRA_SYMBOLS=/d/twostep/kernel-6.1.0-x86_64/Module.symvers modules",
        "CLEAN": "true",
        "AUTOINSTALL": "yes",
        "NO_WEAK_MODULES": "yes",
        "BUILD_DEPENDS": "twostep",
        "POST_BUILD": "unset",
    }


def test_the_conf_of_the_parent(tmp_path: Path) -> None:
    parent = dkms_conf.package("twostep", "1.0.0", modules=[{"name": "twostep", "location": "parent"}], publish_symvers=True)
    found = sourced(dkms_conf.render(parent), tmp_path)
    assert found["MAKE"] == "make -C /k M=/d/twostep/1.0.0/build/parent modules"
    assert found["BUILD_DEPENDS"] == "unset"
    assert found["POST_BUILD"] == "twostep-publish-symvers.sh /d/twostep/1.0.0/6.1.0/x86_64 parent/Module.symvers"


def test_each_location_is_built_once_and_in_order() -> None:
    modules = [{"name": "b", "location": "two"}, {"name": "a", "location": "one"}, {"name": "c", "location": "two"}]
    text = dkms_conf.render(child(modules=modules))
    assert re.findall(r"/build/(\w+)", text) == ["two", "one"]
    assert 'BUILT_MODULE_NAME[2]="c"' in text
    assert 'BUILT_MODULE_LOCATION[2]="two/"' in text


def test_the_publish_script_replaces_the_file(tmp_path: Path) -> None:
    script = tmp_path / dkms_conf.PUBLISH_SCRIPT
    script.write_text(dkms_conf.publish_script())
    (tmp_path / "Module.symvers").write_text("new\n")
    target = tmp_path / "target"
    target.mkdir()
    (target / "Module.symvers").write_text("old\n")
    subprocess.run(["sh", str(script), str(target), "Module.symvers"], cwd=str(tmp_path), check=True)
    assert (target / "Module.symvers").read_text() == "new\n"
    failed = subprocess.run(["sh", str(script), str(target), "missing"], cwd=str(tmp_path), capture_output=True, check=False)
    assert failed.returncode != 0
    assert (target / "Module.symvers").read_text() == "new\n"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"make": ["RELEASE=1.1.0; id"]}, "bad_make"),
        ({"make": ["RELEASE=$(id)"]}, "bad_make"),
        ({"make": ["RELEASE=`id`"]}, "bad_make"),
        ({"make": ['RELEASE="x']}, "bad_make"),
        ({"make": ["RELEASE=a b"]}, "bad_make"),
        ({"make": ["RELEASE=1.1.0\n"]}, "bad_make"),
        ({"make": ["RELEASE=1.1.0\nreboot"]}, "bad_make"),
        ({"make": ["--eval=x"]}, "bad_make"),
        ({"make": ["install"]}, "bad_make"),
        ({"make": ["M=/etc"]}, "bad_make"),
        ({"make": ["SHELL=/tmp/x"]}, "bad_make"),
        ({"make": [None]}, "bad_make"),
        ({"modules": [{"name": "a", "location": "../x"}]}, "bad_location"),
        ({"modules": [{"name": "a", "location": "/x"}]}, "bad_location"),
        ({"modules": [{"name": "a", "location": "x/"}]}, "bad_location"),
        ({"modules": [{"name": "a"}]}, "bad_location"),
        ({"modules": [{"name": "a;b", "location": "x"}]}, "bad_module"),
        ({"depends": ["two step"]}, "bad_package"),
        ({"symvers_from": "$x"}, "bad_package"),
    ],
)
def test_nothing_reaches_the_shell(changes: dict, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        child(**changes)
    assert caught.value.code == code


def test_an_unquoted_version_is_refused() -> None:
    with pytest.raises(TwostepError) as caught:
        dkms_conf.package("twostep", "1.1")
    assert caught.value.code == "bad_version"
    assert "quoted" in caught.value.next_step
