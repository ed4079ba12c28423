# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a detached signature on the controller, with the library that ansible-core itself depends on.

One scheme: a PEM public key and a binary signature, as openssl makes both. Ed25519 signs the file, RSA and EC its SHA-256.
"""

from __future__ import annotations

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    HAS_CRYPTOGRAPHY = True
except ImportError:  # only where Ansible was installed without its requirements
    HAS_CRYPTOGRAPHY = False

from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError

MAX_BYTES = 16 * 1024
_LEAST_RSA_BITS = 2048
_LEAST_EC_BITS = 256


def _bad_key(why: str) -> TwostepError:
    return TwostepError("bad_public_key", f"public_key is refused: {why}.", "Give an Ed25519, RSA (2048 bits) or EC public key, PEM.")


def _bad_signature() -> TwostepError:
    return TwostepError(
        "source_signature",
        "The signature does not belong to the source archive and public_key.",
        "Fetch archive and signature again, and compare the key with what the vendor published.",
    )


def verify(data: bytes, signature: bytes, public_key: bytes) -> None:
    """Raise unless `signature` over `data` was made with the private half of `public_key`.

    :raises TwostepError: `source_signature`, `bad_public_key`, `no_cryptography`.
    """
    if not HAS_CRYPTOGRAPHY:
        raise TwostepError(
            "no_cryptography",
            "The Python package cryptography is not installed on the controller.",
            "Install it, or give src_sha256 instead.",
        )
    try:
        key = load_pem_public_key(public_key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _bad_key("it is no PEM public key") from None
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif isinstance(key, rsa.RSAPublicKey):
            if key.key_size < _LEAST_RSA_BITS:
                raise _bad_key(f"an RSA key of {key.key_size} bits is too short")
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            if key.curve.key_size < _LEAST_EC_BITS:
                raise _bad_key(f"an EC key of {key.curve.key_size} bits is too short")
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            raise _bad_key("its kind is not accepted")
    except InvalidSignature:
        raise _bad_signature() from None
