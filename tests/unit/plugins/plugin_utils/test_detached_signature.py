# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.plugin_utils import detached_signature

DATA = b"an archive"
SHA256 = hashes.SHA256()
ED, ED2 = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
RSA, EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


SIGNED = [
    (ED, ED.sign(DATA)),
    (RSA, RSA.sign(DATA, padding.PKCS1v15(), SHA256)),
    (EC, EC.sign(DATA, ec.ECDSA(SHA256))),
]


@pytest.mark.parametrize(("key", "signature"), SIGNED, ids=["ed25519", "rsa", "ec"])
def test_what_the_key_signed_passes_and_nothing_else(key: Any, signature: bytes) -> None:
    detached_signature.verify(DATA, signature, public(key))
    for data, made in (
        (DATA + b"x", signature),
        (DATA, signature[:-1] + bytes([signature[-1] ^ 1])),
        (DATA, b""),
        (DATA, signature + b"\n"),
    ):
        with pytest.raises(TwostepError) as caught:
            detached_signature.verify(data, made, public(key))
        assert caught.value.code == "source_signature"
        assert caught.value.message == "The signature does not belong to the source archive and public_key."


def test_a_signature_by_another_key() -> None:
    with pytest.raises(TwostepError) as caught:
        detached_signature.verify(DATA, ED2.sign(DATA), public(ED))
    assert caught.value.code == "source_signature"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (b"", "it is no PEM public key"),
        (b"ssh-ed25519 AAAA", "it is no PEM public key"),
        (public(rsa.generate_private_key(65537, 1024)), "an RSA key of 1024 bits is too short"),  # noqa: S505  # refused, as it should be
        (public(dsa.generate_private_key(1024)), "its kind is not accepted"),  # noqa: S505  # refused, too
        (public(ec.generate_private_key(ec.SECP224R1())), "an EC key of 224 bits is too short"),
    ],
)
def test_a_key_that_is_refused(key: bytes, why: str) -> None:
    with pytest.raises(TwostepError) as caught:
        detached_signature.verify(DATA, b"x", key)
    assert (caught.value.code, caught.value.message) == ("bad_public_key", f"public_key is refused: {why}.")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detached_signature, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(TwostepError) as caught:
        detached_signature.verify(DATA, b"x", public(ED))
    assert caught.value.code == "no_cryptography"
    assert caught.value.next_step == "Install it, or give src_sha256 instead."
