# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import signature_policy
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signature_policy import Policy

KEYS = """\
0aa3c6cb I------     1 perm 1f010000     0     0 asymmetri Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa
1b0d1c2e I------     1 perm 1f030000     0     0 asymmetri Example: site module signing: 61ec43fd47: X509.ecdsa []
2c0d1c2e I------     2 perm 1f0b0000     0     0 keyring   .builtin_trusted_keys: 2
33333333 I--Q---     1 perm 3f030000     0     0 user      secret: 8
garbage
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "none"),
        ("[none] integrity confidentiality\n", "none"),
        ("none [integrity] confidentiality\n", "integrity"),
        ("none integrity [confidentiality]\n", "confidentiality"),
        ("", "unknown"),
        ("none integrity\n", "unknown"),
    ],
)
def test_lockdown(text: str | None, expected: str) -> None:
    assert signature_policy.lockdown(text) == expected


@pytest.mark.parametrize(
    ("has_efi", "variable", "told", "expected"),
    [
        (False, None, "", "absent"),
        (True, b"\x06\0\0\0\x01", "", "on"),
        (True, b"\x06\0\0\0\0", "SecureBoot enabled\n", "off"),
        (True, b"\x06\0\0\0\x02", "", "unknown"),
        (True, b"\x01", "", "unknown"),
        (True, None, "SecureBoot enabled\n", "on"),
        (True, None, "SecureBoot disabled\nPlatform is in Setup Mode\n", "off"),
        (True, None, "EFI variables are not supported on this system\n", "unknown"),
        (True, None, "", "unknown"),
    ],
)
def test_secure_boot(has_efi: bool, variable: bytes | None, told: str, expected: str) -> None:
    assert signature_policy.secure_boot(has_efi, variable, told) == expected


def test_the_names_of_the_kernels_keys() -> None:
    assert signature_policy.keys(KEYS) == ("Debian Secure Boot CA", "Example: site module signing")
    assert len(signature_policy.keys("".join(f"{n:08x} I- 1 perm 1f010000 0 0 asymmetri key {n}: ab: X509.rsa\n" for n in range(99)))) == 32


@pytest.mark.parametrize(
    ("mode", "word"), [(None, "absent"), (0o600, "private"), (0o400, "private"), (0o640, "exposed"), (0o644, "exposed")]
)
def test_the_key_of_dkms(mode: int | None, word: str) -> None:
    assert signature_policy.dkms_key(mode) == word


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (Policy(), ""),
        (Policy(lockdown="none", secure_boot="on"), ""),
        (Policy(lockdown="integrity"), "the kernel is locked down (integrity)"),
        (Policy(sig_enforce=True), "module.sig_enforce is set"),
    ],
)
def test_what_refuses_unsigned_modules(policy: Policy, why: str) -> None:
    assert policy.refuses_unsigned == why
