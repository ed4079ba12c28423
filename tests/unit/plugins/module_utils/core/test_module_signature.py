# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.twostep.hotswap.plugins.module_utils.core import modinfo, module_signature
from ansible_collections.twostep.hotswap.plugins.module_utils.core.errors import TwostepError
from ansible_collections.twostep.hotswap.plugins.module_utils.core.module_signature import Certificate, Signature, is_by
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils import signature_sample as sample
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import MARK, module_bytes

PLAIN = module_bytes()
SITE = module_signature.certificate(sample.SITE)
OTHER = module_signature.certificate(sample.pem(sample.OTHER))


def test_the_signer_of_a_signature_is_read() -> None:
    found = module_signature.find(PLAIN + sample.trailer(sample.BY_SITE))
    assert found == Signature(len(PLAIN), 2, "sha256", "site module signing", sample.SITE_SERIAL, SITE.issuer)
    assert is_by(found, SITE)
    assert not is_by(found, OTHER)
    assert modinfo.from_elf(PLAIN + sample.trailer(sample.BY_SITE)).signature == found


def test_a_serial_number_that_begins_with_a_zero_byte() -> None:
    assert is_by(module_signature.find(PLAIN + sample.trailer(sample.BY_OTHER)), OTHER)


def test_a_signer_named_by_its_key() -> None:
    found = module_signature.find(PLAIN + sample.trailer(sample.BY_KEY_IDENTIFIER))
    assert found == Signature(len(PLAIN), 2, "sha512", "", sample.SITE_KEY_IDENTIFIER, "")
    assert is_by(found, SITE)
    assert not is_by(found, OTHER)


def test_a_certificate_is_read_as_pem_and_as_der() -> None:
    assert module_signature.certificate(sample.pem(sample.SITE)) == SITE
    assert (SITE.subject, SITE.serial, SITE.key_identifier) == ("site module signing", sample.SITE_SERIAL, sample.SITE_KEY_IDENTIFIER)


@pytest.mark.parametrize(
    "end",
    [
        b"",
        MARK,
        b"~Module signature appended~",
        sample.trailer(sample.BY_SITE)[:-1],
        sample.trailer(sample.BY_SITE) + b"\n",
        sample.trailer(b""),
        sample.trailer(sample.BY_SITE, length=1 << 30),
        sample.trailer(sample.BY_SITE, length=len(sample.BY_SITE) - 1),
        sample.trailer(b"no CMS"),
        sample.trailer(sample.SITE),
    ],
)
def test_what_is_no_signature_is_none(end: bytes) -> None:
    assert module_signature.find(PLAIN + end) is None
    assert not is_by(module_signature.find(PLAIN + end), SITE)


def test_a_trailer_alone_is_no_module() -> None:
    assert module_signature.find(sample.trailer(sample.BY_SITE)) is None


def test_another_kind_of_signature_is_nobodys() -> None:
    found = module_signature.find(PLAIN + sample.trailer(sample.BY_SITE, id_type=1))
    assert found == Signature(len(PLAIN), 1)
    assert not is_by(found, SITE)


def test_all_signatures_come_off() -> None:
    twice = PLAIN + sample.trailer(sample.BY_OTHER) + sample.trailer(sample.BY_SITE)
    assert module_signature.without(twice) == PLAIN
    assert is_by(module_signature.find(twice), SITE)


def test_what_modinfo_prints_is_compared_by_name_and_serial() -> None:
    text = (
        "vermagic: x\0sig_id: PKCS#7\0signer: site module signing\0sig_key: 6B:BF:80:81:C6:D1:64:3D:F7:1B:42:BA:B1:AE:B0:36:3E:29:94:2F\0"
    )
    told = modinfo.from_modinfo_output(text).signature
    assert is_by(told, SITE)
    assert not is_by(told, OTHER)
    assert modinfo.from_modinfo_output("vermagic: x\0").signature is None


@pytest.mark.parametrize(
    "data", [b"", b"text", sample.SITE[:-1], sample.BY_SITE[:40], b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(TwostepError) as caught:
        module_signature.certificate(data)
    assert str(caught.value) == ("sign.certificate is no X.509 certificate. Next: Give the certificate of the signing key, as PEM or DER.")


@given(st.binary(max_size=200), st.integers(0, len(sample.BY_SITE) - 1), st.integers(0, 255))
def test_damage_is_never_an_error_and_never_somebody_else(noise: bytes, at: int, value: int) -> None:
    damaged = bytearray(sample.BY_SITE)
    damaged[at] = value
    for message in (bytes(damaged), noise):
        found = module_signature.find(PLAIN + sample.trailer(message))
        assert found is None or found.payload == len(PLAIN)
        assert not is_by(found, OTHER)


@given(st.binary(max_size=300))
def test_a_certificate_of_noise_is_refused(noise: bytes) -> None:
    try:
        assert isinstance(module_signature.certificate(noise), Certificate)
    except TwostepError as error:
        assert error.code == "bad_certificate"
