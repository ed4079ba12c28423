# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signature_policy import Policy
from ansible_collections.twostep.hotswap.plugins.module_utils.host import signature_policy
from ansible_collections.twostep.hotswap.plugins.module_utils.host.paths import Paths
from ansible_collections.twostep.hotswap.plugins.module_utils.host.runner import Result

EFIVAR = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def put(root: Path, path: str, content: bytes) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content)


def no_run(argv: list[str], **_options: object) -> Result:
    raise AssertionError(argv)


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert signature_policy.read(Paths(str(tmp_path)), no_run, lambda _name: None) == Policy("none", "absent", False, (), "absent")


def test_everything_is_read(tmp_path: Path) -> None:
    put(tmp_path, "sys/kernel/security/lockdown", b"none [integrity] confidentiality\n")
    put(tmp_path, EFIVAR, b"\x06\0\0\0\x01")
    put(tmp_path, "sys/module/module/parameters/sig_enforce", b"Y\n")
    put(tmp_path, "proc/keys", b"0aa3c6cb I------ 1 perm 1f010000 0 0 asymmetri Acme: 6ccece7e4c: X509.rsa []\n")
    put(tmp_path, "var/lib/dkms/mok.key", b"secret")
    (tmp_path / "var/lib/dkms/mok.key").chmod(0o644)
    found = signature_policy.read(Paths(str(tmp_path)), no_run, lambda name: f"/usr/bin/{name}")
    assert found == Policy("integrity", "on", True, ("Acme",), "exposed")


def test_mokutil_is_asked_only_where_the_variable_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sys/firmware/efi").mkdir(parents=True)

    def told(argv: list[str], **_options: object) -> Result:
        assert argv == ["mokutil", "--sb-state"]
        return Result(0, "SecureBoot enabled\n", "")

    def hangs(_argv: list[str], **_options: object) -> Result:
        raise TwostepError("command_timeout", "It hangs.", "Wait.")

    paths = Paths(str(tmp_path))
    assert signature_policy.read(paths, told, lambda name: f"/usr/bin/{name}").secure_boot == "on"
    assert signature_policy.read(paths, hangs, lambda name: f"/usr/bin/{name}").secure_boot == "unknown"
    assert signature_policy.read(paths, no_run, lambda _name: None).secure_boot == "unknown"
