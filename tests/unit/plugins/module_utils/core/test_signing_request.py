# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.twostep.hotswap.plugins.module_utils.core import signing_request
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.signing_request import Signing

KEY = "-----BEGIN PRIVATE " + "KEY-----MIGH"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, None),
        ({}, None),
        ({"certificate": "/etc/c.pem", "key": "/etc/k"}, Signing("/etc/c.pem", key="/etc/k")),
        (
            {"certificate": "/etc/c.pem", "key": "/etc/k", "command": None, "hash": "sha512"},
            Signing("/etc/c.pem", key="/etc/k", hash="sha512"),
        ),
        (
            {"certificate": "/etc/c.pem", "command": ["/bin/sign", "--slot", "1"]},
            Signing("/etc/c.pem", command=("/bin/sign", "--slot", "1")),
        ),
    ],
)
def test_a_request(values: dict | None, expected: Signing | None) -> None:
    assert signing_request.signing(values) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"certificate": "/c"}, "sign wants either a key or a command."),
        ({"certificate": "/c", "key": "/k", "command": ["/bin/sign"]}, "sign wants either a key or a command."),
        ({"certificate": "/c", "key": "/k", "hash": "sha1"}, "sign.hash is not one that is accepted."),
        ({"certificate": "c.pem", "key": "/k"}, "sign.certificate is not an absolute path."),
        ({"certificate": None, "key": "/k"}, "sign.certificate is not an absolute path."),
        ({"certificate": "/c", "key": "keys/k"}, "sign.key is not an absolute path."),
        ({"certificate": "/c", "key": "/etc/../k"}, "sign.key is not an absolute path."),
        ({"certificate": "/c", "key": "pkcs11:token=x?pin-value=1234"}, "sign.key is not an absolute path."),
        ({"certificate": "/c", "key": KEY}, "sign.key is not an absolute path."),
        ({"certificate": "/c", "key": "/k\nx"}, "sign.key is not an absolute path."),
        ({"certificate": "/c", "command": ["sign"]}, "sign.command[0] is not an absolute path."),
        ({"certificate": "/c", "command": ["/bin/sign", 5]}, "sign.command is not a list of words."),
        ({"certificate": "/c", "command": ["/bin/sign", "a\0b"]}, "sign.command is not a list of words."),
        ({"certificate": "/c", "command": ["/bin/sign"] * 33}, "sign.command is not a list of words."),
    ],
)
def test_refusals_show_no_value(values: dict, message: str) -> None:
    with pytest.raises(TwostepError) as caught:
        signing_request.signing(values)
    assert (caught.value.code, caught.value.message) == ("bad_sign", message)
    assert "1234" not in str(caught.value)
    assert "MIGH" not in str(caught.value)
