# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.host import kernel_module
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result


def put(root: Path, state: str = "live") -> None:
    (root / "sys/module/twostep").mkdir(parents=True)
    (root / "sys/module/twostep/initstate").write_text(state + "\n")


@pytest.mark.parametrize(("state", "expected"), [("live", True), ("coming", False), ("going", False)])
def test_only_a_live_module_is_loaded(tmp_path: Path, state: str, expected: bool) -> None:
    assert not kernel_module.is_loaded(Paths(str(tmp_path)), "twostep")
    put(tmp_path, state)
    assert kernel_module.is_loaded(Paths(str(tmp_path)), "twostep") is expected


# Texts of modprobe and rmmod from kmod 30.
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("modprobe: FATAL: Module twostep not found in directory /lib/modules/6.1.0\n", "no_module"),
        ("modprobe: ERROR: could not insert 'twostep': Key was rejected by service\n", "key_rejected"),
        ("modprobe: ERROR: could not insert 'twostep': Required key not available\n", "key_rejected"),
        ("modprobe: ERROR: could not insert 'twostep': Exec format error\n", "wrong_kernel"),
        ("modprobe: ERROR: could not insert 'twostep': Unknown symbol in module, or unknown parameter (see dmesg)\n", "wrong_parent"),
        ("modprobe: ERROR: could not insert 'twostep': Operation not permitted\n", "not_root"),
        ("something new\n", "module_failed"),
        ("", "module_failed"),
    ],
)
def test_refusals_to_load(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(TwostepError) as caught:
        kernel_module.load(Paths(str(tmp_path)), lambda _argv, **_options: Result(1, "", text), "twostep")
    assert caught.value.code == code
    assert caught.value.next_step.endswith(".")


def test_exit_code_zero_proves_nothing(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    with pytest.raises(TwostepError):
        kernel_module.load(paths, lambda _argv, **_options: Result(0, "", ""), "twostep")
    put(tmp_path)
    with pytest.raises(TwostepError):
        kernel_module.unload(paths, lambda _argv, **_options: Result(0, "", ""), "twostep")


def test_a_module_in_use_stays(tmp_path: Path) -> None:
    put(tmp_path)
    with pytest.raises(TwostepError) as caught:
        kernel_module.unload(
            Paths(str(tmp_path)), lambda _argv, **_options: Result(1, "", "rmmod: ERROR: Module twostep is in use by: x\n"), "twostep"
        )
    assert caught.value.code == "module_in_use"


def test_nothing_is_run_without_need(tmp_path: Path) -> None:
    def run(argv: list[str], **_options: object) -> Result:
        raise AssertionError(f"no command was expected: {argv}")

    kernel_module.unload(Paths(str(tmp_path)), run, "twostep")
    put(tmp_path)
    kernel_module.load(Paths(str(tmp_path)), run, "twostep")
