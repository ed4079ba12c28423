# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signed a module file: the trailer that the kernel looks for, and the signer that the signature in it names.

Reads, and checks no signature: whether the kernel accepts one is its own decision, by keys that it alone knows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

from . import der
from .elf import SIGNATURE_MARK
from .errors import TwostepError

# struct module_signature: algorithm, hash, id_type, signer_len, key_id_len, three bytes of padding, sig_len (big endian).
_TRAILER = struct.Struct(">BBBBB3xI")
PKCS7 = 2
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_KEY_IDENTIFIER = b"\x55\x1d\x0e"
_HASHES = {
    b"\x2b\x0e\x03\x02\x1a": "sha1",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x01": "sha256",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x02": "sha384",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x03": "sha512",
    b"\x60\x86\x48\x01\x65\x03\x04\x02\x04": "sha224",
}


@dataclass(frozen=True)
class Signature:
    """A signature that is appended to a module.

    `payload` is the number of bytes before it. `key` is the serial number of the signer's certificate, or its key identifier, in
    hexadecimal; `issuer` the SHA-256 of the issuer's name. What the signature does not name is empty.
    """

    payload: int
    id_type: int = PKCS7
    hash: str = ""
    signer: str = ""
    key: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Certificate:
    """The public side of a signing key: what a signature names it by."""

    subject: str
    serial: str
    issuer: str
    issuer_name: str
    key_identifier: str = ""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _serial(content: bytes) -> str:
    # modinfo prints it without the zero byte that keeps it positive.
    return (content[1:] if len(content) > 1 and content[0] == 0 else content).hex()


def _signer(message: bytes) -> tuple[str, str, str, str]:
    """Return hash, signer, key and issuer of a CMS SignedData, or raise `der.DerError`."""
    outer = der.children(der.elements(message)[0], der.SEQUENCE)
    signed = der.children(der.elements(outer[1].content)[0], der.SEQUENCE)
    infos = der.children(signed[-1], der.SET)
    _version, who, algorithm = der.children(infos[0], der.SEQUENCE)[:3]
    hash_name = _HASHES.get(der.children(algorithm, der.SEQUENCE)[0].content, "")
    if who.tag == 0x80:
        return hash_name, "", who.content.hex(), ""
    issuer, serial = der.children(who, der.SEQUENCE)[:2]
    return hash_name, der.common_name(issuer), _serial(serial.content), _digest(issuer.whole)


def find(data: bytes) -> Signature | None:
    """Return the signature at the end of an uncompressed module; None where there is none, or where its trailer is damaged."""
    if not data.endswith(SIGNATURE_MARK):
        return None
    end = len(data) - len(SIGNATURE_MARK) - _TRAILER.size
    if end < 0:
        return None
    _algorithm, _hash, id_type, signer_length, key_length, length = _TRAILER.unpack_from(data, end)
    payload = end - length - signer_length - key_length
    if length == 0 or payload <= 0:
        return None
    if id_type != PKCS7 or signer_length or key_length:
        return Signature(payload, id_type)
    try:
        return Signature(payload, id_type, *_signer(data[payload:end]))
    except (der.DerError, IndexError, ValueError):
        return None


def without(data: bytes) -> bytes:
    """Return a module without the signatures at its end; DKMS may have put one of its own there."""
    signature = find(data)
    while signature is not None:
        data = data[: signature.payload]
        signature = find(data)
    return data


def _key_identifier(extensions: der.Element) -> str:
    for extension in der.children(der.elements(extensions.content)[0], der.SEQUENCE):
        parts = der.children(extension, der.SEQUENCE)
        if parts[0].content == _KEY_IDENTIFIER:
            return der.elements(parts[-1].content)[0].content.hex()
    return ""


def certificate(data: bytes) -> Certificate:
    """Return the certificate in `data`, PEM or DER, or raise `bad_certificate`."""
    try:
        pem = _PEM.search(data)
        whole = der.elements(base64.b64decode(b"".join(pem[1].split()), validate=True) if pem else data)[0]
        fields = der.children(der.children(whole, der.SEQUENCE)[0], der.SEQUENCE)
        at = 1 if fields[0].tag == 0xA0 else 0
        serial, _algorithm, issuer, _validity, subject = fields[at : at + 5]
        extensions = [field for field in fields if field.tag == 0xA3]
        return Certificate(
            subject=der.common_name(subject),
            serial=_serial(serial.content),
            issuer=_digest(issuer.whole),
            issuer_name=der.common_name(issuer),
            key_identifier=_key_identifier(extensions[0]) if extensions else "",
        )
    except (der.DerError, binascii.Error, IndexError, ValueError):
        raise TwostepError(
            "bad_certificate", "sign.certificate is no X.509 certificate.", "Give the certificate of the signing key, as PEM or DER."
        ) from None


def is_by(signature: Signature | None, wanted: Certificate) -> bool:
    """Return whether `signature` names `wanted` as its signer.

    Of a file that only the program modinfo could read, the issuer is known by its common name alone.
    """
    if signature is None or signature.id_type != PKCS7 or not signature.key:
        return False
    if not signature.issuer and not signature.signer:
        return signature.key == wanted.key_identifier
    same_issuer = signature.issuer == wanted.issuer if signature.issuer else signature.signer == wanted.issuer_name
    return same_issuer and signature.key == wanted.serial
