# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and signatures made once with openssl by two throw-away keys that nobody has any more."""

from __future__ import annotations

import base64
import struct

from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import MARK

# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj "/O=Example/CN=site module signing"
SITE = base64.b64decode(
    "MIIBtTCCAVugAwIBAgIUa7+AgcbRZD33G0K6sa6wNj4plC8wCgYIKoZIzj0EAwIwMDEQMA4GA1UECgwHRXhhbXBsZTEcMBoGA1UEAwwTc2l0ZSBtb2R1bGUg"
    "c2lnbmluZzAeFw0yNjExMjYxODI5NDRaFw0zNjExMjMxODI5NDRaMDAxEDAOBgNVBAoMB0V4YW1wbGUxHDAaBgNVBAMME3NpdGUgbW9kdWxlIHNpZ25pbmcw"
    "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARLdhlrZpVyA6QJF+FWMT3o8nMoJMjDBHIw+I/Wt2xtkvt55J8L3eSlJcuaJaPlhkrdPpowTCANhSmODqKiKmHM"
    "o1MwUTAdBgNVHQ4EFgQUYexD/Ufzbrtub5FDOr+OzHqPKL8wHwYDVR0jBBgwFoAUYexD/Ufzbrtub5FDOr+OzHqPKL8wDwYDVR0TAQH/BAUwAwEB/zAKBggq"
    "hkjOPQQDAgNIADBFAiBG4LWZ/DT93xbFYCTMRGOt29KHLYFRw1lRr7Smz1lhqAIhAJRXklLHXhGj7QgIVny0gVGYbup+erBZAdH1RAtGXErG"
)
OTHER = base64.b64decode(
    "MIIBtzCCAV2gAwIBAgIUAJv0mYlqX/zGvD8hX+LHeDtyE+AwCgYIKoZIzj0EAwIwMTEQMA4GA1UECgwHRXhhbXBsZTEdMBsGA1UEAwwUb3RoZXIgbW9kdWxl"
    "IHNpZ25pbmcwHhcNMjYxMTI2MTgyOTQ0WhcNMzYxMTIzMTgyOTQ0WjAxMRAwDgYDVQQKDAdFeGFtcGxlMR0wGwYDVQQDDBRvdGhlciBtb2R1bGUgc2lnbmlu"
    "ZzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPq+/QmgSR7eOrdfCspBY3dO6u5hKx5jFw+55/wMZbYcgwP2VO7GnL8V8Ss4hNUy0YEouEtXNClaX+F2PRgS"
    "wySjUzBRMB0GA1UdDgQWBBTWMTOAI6TJjiyN8MosQvQP6OLp0DAfBgNVHSMEGDAWgBTWMTOAI6TJjiyN8MosQvQP6OLp0DAPBgNVHRMBAf8EBTADAQH/MAoG"
    "CCqGSM49BAMCA0gAMEUCIDR2Uyjx6zYhF22s0kvwMdsCXqd7OLNx6Kxp1pd60BcmAiEAuoL5cx9qwZCLKYK/L+s2rI3WKnm+3XpAzVaY69O1vyA="
)
# openssl cms -sign -binary -noattr -nocerts -md sha256, as the kernel's sign-file does; the last one with -keyid.
BY_SITE = base64.b64decode(
    "MIHmBgkqhkiG9w0BBwKggdgwgdUCAQExDTALBglghkgBZQMEAgEwCwYJKoZIhvcNAQcBMYGzMIGwAgEBMEgwMDEQMA4GA1UECgwHRXhhbXBsZTEcMBoGA1UE"
    "AwwTc2l0ZSBtb2R1bGUgc2lnbmluZwIUa7+AgcbRZD33G0K6sa6wNj4plC8wCwYJYIZIAWUDBAIBMAoGCCqGSM49BAMCBEgwRgIhAIcfe4MUAartulJNMSK3"
    "37hL3Zvibxs+8pS4cXlEUAzhAiEAmEjSre36xlujxI1x+Pywo4wCD3+C9zNUnFRla9tAoOY="
)
BY_OTHER = base64.b64decode(
    "MIHlBgkqhkiG9w0BBwKggdcwgdQCAQExDTALBglghkgBZQMEAgEwCwYJKoZIhvcNAQcBMYGyMIGvAgEBMEkwMTEQMA4GA1UECgwHRXhhbXBsZTEdMBsGA1UE"
    "AwwUb3RoZXIgbW9kdWxlIHNpZ25pbmcCFACb9JmJal/8xrw/IV/ix3g7chPgMAsGCWCGSAFlAwQCATAKBggqhkjOPQQDAgRGMEQCIDc0X0iy10cyUryfQZ1R"
    "WCDYqVzYvUqGAjTINpzPKe09AiBwAWrhgtuHsbkh0jYiDVKT/vQ9MJaqIXceI0YvpO5QKQ=="
)
BY_KEY_IDENTIFIER = base64.b64decode(
    "MIGvBgkqhkiG9w0BBwKggaEwgZ4CAQMxDTALBglghkgBZQMEAgMwCwYJKoZIhvcNAQcBMX0wewIBA4AUYexD/Ufzbrtub5FDOr+OzHqPKL8wCwYJYIZIAWUD"
    "BAIDMAoGCCqGSM49BAMEBEcwRQIgJbi7zIvriDdLplNX/QP9gE9ucaAOYFcczMBtQRMdhgMCIQCKp3n6TOJlUVBPzsZFKz8GyxO8ex3One4wWLCtDMo1tQ=="
)
SITE_SERIAL = "6bbf8081c6d1643df71b42bab1aeb0363e29942f"
SITE_KEY_IDENTIFIER = "61ec43fd47f36ebb6e6f91433abf8ecc7a8f28bf"


def pem(certificate: bytes) -> bytes:
    """Return a certificate as PEM."""
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(certificate) + b"-----END CERTIFICATE-----\n"


def trailer(message: bytes, id_type: int = 2, length: int | None = None) -> bytes:
    """Return what sign-file appends to a module for a signature."""
    return message + struct.pack(">BBBBB3xI", 0, 0, id_type, 0, 0, len(message) if length is None else length) + MARK
