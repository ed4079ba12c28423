# SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.twostep.hotswap.plugins.module_utils.core import modinfo
from ansible_collections.twostep.hotswap.tests.unit.plugins.module_utils.elf_sample import module_bytes

# captured: modinfo -0 of kmod 30, a module that DKMS 3.0.10 built and signed
SIGNED = (
    "filename:       /lib/modules/6.1.0-56-cloud-amd64/updates/dkms/twostep.ko\0version:        1.0.0\0description:    t\0"
    "license:        GPL\0srcversion:     17E87170F399F8220C7976C\0depends:        \0retpoline:      Y\0name:           twostep\0"
    "vermagic:       6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions \0sig_id:         PKCS#7\0"
    "signer:         DKMS module signing key\0sig_key:        20:7D\0sig_hashalgo:   sha256\0signature:      2F:67:\0"
)


def test_facts_of_a_file() -> None:
    facts = modinfo.from_elf(module_bytes(signed=True))
    assert (facts.name, facts.version, facts.srcversion) == ("twostep_remap_1_1_0", "1.1.0", "F4A2EACDDAA9D4EBBB688CF")
    assert facts.kernel == "6.1.0-56-cloud-amd64"
    assert facts.signed


def test_missing_facts_read_as_empty() -> None:
    facts = modinfo.from_elf(module_bytes((("license", "GPL"),)))
    assert (facts.version, facts.vermagic, facts.kernel, facts.first("none"), facts.signed) == ("", "", "", "", False)


def test_output_of_the_program() -> None:
    facts = modinfo.from_modinfo_output(SIGNED)
    assert (facts.name, facts.version, facts.kernel, facts.signed) == ("twostep", "1.0.0", "6.1.0-56-cloud-amd64", True)
    assert not {"filename", "signer", "sig_id", "signature"} & set(facts.fields)
    assert not modinfo.from_modinfo_output(SIGNED.split("sig_id", maxsplit=1)[0]).signed
    assert modinfo.from_modinfo_output("").fields == {}
